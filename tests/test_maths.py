"""Formulas and names for the page."""

from __future__ import annotations

import re
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


@pytest.mark.parametrize(
    "latex",
    [
        r"\text{<img src=x onerror=alert(1)>}", r"\text{a{<img src=x onerror=alert(1)>}}",
        r'\class{"><img src=x onerror=alert(1)>}{a}', r"\href{javascript:alert(1)}{a}",
        r'\color{red"><script>alert(1)</script>}{a}', r"\text{<mi onclick=alert(1)>}",
        r'\text{<mi onclick="alert(1)">}', r'\text{a{<mi onclick="alert(1)">}}', "a < b > c",
        r"\text{a & b < c}",
    ],
)  # fmt: skip
def test_markup_in_a_formula_stays_text(latex: str) -> None:
    for found in (maths.mathml(latex), maths.formula(latex), maths.prose(f"${latex}$")):
        tags = re.findall(r"<\s*/?\s*([a-zA-Z]+)([^>]*)>", found)
        assert {name[0] for name, _ in tags} == {"m"}, found
        assert not [more for _, more in tags if re.search(r"\bon\w+=|href|src=", more)], found


def test_a_name_with_signs_is_shown_as_it_is() -> None:
    assert "<mtext>a&lt;b&amp;c</mtext>" in maths.mathml(r"\text{a<b&c}")


def test_a_minus_of_a_number_is_no_difference() -> None:
    """It stands close to its number; between two it keeps its distance."""
    found = maths.mathml(r"= 2 \cdot (-0.3) - h = -0.4")
    assert found.count('<mo form="prefix">&#x02212;</mo>') == 2
    assert found.count("<mo>&#x02212;</mo>") == 1
    assert "<mi>h</mi>" not in found  # many fonts lack the italic h of mathematics
