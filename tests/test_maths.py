"""Formulas and names for the page."""

from __future__ import annotations

import xml.dom.minidom

import pytest

import fluxlab as fl
from fluxlab.widgets.shared import maths


@pytest.mark.parametrize(
    ("local", "shown"),
    [
        ("dC_dw", "∂C/∂w"),
        ("dh_da", "∂h/∂a"),
        ("dC_dw[use 2]", "∂C/∂w use 2"),
        ("w[new]", "w new"),
        ("x @ w", "x·w"),
        ("learning rate", "learning rate"),
        ("dC_dsquared error", "∂C/∂squared error"),
        ("dlog(x)_dx", "∂log(x)/∂x"),
        ("dC_dlog(x) times dlog(x)_dx", "∂C/∂log(x) times ∂log(x)/∂x"),
    ],
)
def test_pretty(local: str, shown: str) -> None:
    assert maths.pretty(local) == shown


def test_the_gradient_of_what_nobody_named_stands_in_brackets() -> None:
    trace = fl.trace(lambda x, w, k: fl.tanh(x @ w * k), x=[[1.0, 2.0]], w=[[0.5], [1.0]], k=2.0)
    trace.backward()
    shown = {name: maths.pretty(matrix.local) for name, matrix in trace.matrices.items()}
    assert shown["dC_d(x @ w)"] == "∂C/∂(x·w)"
    assert shown["dC_dk"] == "∂C/∂k"
    assert shown["shares of dC_dk"] == "shares of ∂C/∂k"
    assert maths.pretty("dC_d(x @ w)[use 2]") == "∂C/∂(x·w) use 2"


def test_operands_can_be_found() -> None:
    latex = maths.operand(0, "x") + r"^{\top}\," + maths.operand(1, r"\frac{a}{b}")
    found = maths.mathml(latex)
    xml.dom.minidom.parseString(found)
    assert found.count("data-operand=") == 2
    assert found.index('data-operand="0"') < found.index('data-operand="1"')
    assert "class=" not in found


def test_a_long_formula_can_break() -> None:
    found = maths.formula(r"a_{1} = \frac{1 + b}{2} + c + d")
    assert found.count("<math") == 4  # a; = the fraction, whole; + c; + d


def test_prose_escapes_everything_but_its_marks() -> None:
    found = maths.prose("<b> **no** `x < y` $w_{1}$")
    assert "&lt;b&gt;" in found
    assert "<strong>no</strong>" in found
    assert "<code>x &lt; y</code>" in found
    assert "<math" in found
    assert maths.plain("**no** `x` $w$") == "no x w"
