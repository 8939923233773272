"""Explanations to the last digit: odd numbers, limits that act, names and formulas as they read."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from traces import EXAMPLES, NAMES, cells_of, trace_of

import fluxlab as fl
from fluxlab.engine.core import formulas
from fluxlab.engine.core.matrix import Matrix, Step
from fluxlab.engine.readers.explain import recompute

ODD = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-320, 2.0, -3.0, 0.5])


# -- odd numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_of_odd_numbers_is_recomputed(name: str) -> None:
    """0 times infinity, or NaN: the explanation makes of them what the operation makes of them."""
    draw = np.random.default_rng(0)
    seen: set[Any] = set()
    for step in trace_of(name).steps:
        movable = [k for k in range(len(step.inputs)) if step.op.differentiable(k)]
        if not movable or step.op.name in seen or step.op.name == "scatter":
            continue
        seen.add(step.op.name)
        kept = [m.buffer for m in step.inputs]
        out_before = step.output.buffer
        try:
            for k in movable:
                odd = np.abs(ODD[2:]) if "temperature" in step.op.name and k == 1 else ODD
                step.inputs[k].buffer = draw.choice(odd, size=kept[k].shape)
            arrays = [m.buffer for m in step.inputs]
            out = np.empty(step.output.shape)
            with np.errstate(all="ignore"):
                for call in step.op.bind(out, arrays, step.params):
                    call()
            step.output.buffer = out
            for index in cells_of(step.output):
                found, made = recompute(step.output, index), float(out[index])
                assert found == pytest.approx(made, rel=1e-9, abs=1e-300, nan_ok=True), (
                    f"{step}{index}: {made}, but {found}"
                )
        finally:
            step.output.buffer = out_before
            for matrix, buffer in zip(step.inputs, kept, strict=True):
                matrix.buffer = buffer


def test_shares_that_are_not_finite_are_added_up() -> None:
    t = fl.trace(lambda x: fl.sum(x * fl.log(x)), x=[0.0, 1.0])
    t.backward()
    assert np.isnan(t["dC_dx"].value[0])
    assert np.isnan(t["dC_dx"].explain(0).recompute())
    assert t["dC_dx"].explain(1).recompute() == 1.0


# -- limits that act ------------------------------------------------------------------------


def sure_of_the_wrong_class() -> fl.Trace:
    t = fl.trace(
        lambda a, target: fl.cross_entropy(fl.softmax(a), target),
        a=[[900.0, 0.0, 5.0]], target=[[0.0, 1.0, 0.0]],
    )  # fmt: skip
    t.backward()
    return t


def test_a_limit_that_acts_stands_in_the_formula_and_in_the_words() -> None:
    t = sure_of_the_wrong_class()
    surprise = t["surprise at each class"]
    acts, idle = surprise.explain(0, 1), surprise.explain(0, 0)
    assert acts.value == pytest.approx(690.7755)
    assert r"\max(" in acts.formula
    assert r"\ln \max(0, 10^{-300})" in acts.numbers
    assert "0 is below 1e-300" in acts.words
    assert "logits" in acts.words
    assert r"\max" not in idle.formula
    assert "1e-300" not in idle.words
    assert surprise.step is not None
    assert r"\max(" in surprise.step.latex()
    (slope,) = [m for m in t.matrices.values() if m.kind == "slope" and "surprise" in m.name]
    assert slope.explain(0, 1).value == pytest.approx(-1e300)
    assert r"\frac{1}{\max(0, 10^{-300})}" in slope.explain(0, 1).numbers
    assert "1e-300" in slope.explain(0, 1).words


def test_a_limit_that_does_not_act_is_not_in_the_way() -> None:
    t = fl.trace(lambda y, t: fl.binary_cross_entropy(y, t), y=[[0.5, 0.9]], t=[[1.0, 0.0]])
    surprise = t["surprise at yes"]
    assert surprise.step is not None
    assert "max" not in surprise.step.latex()
    assert surprise.step.numpy() == "surprise_at_yes = -t * np.log(np.maximum(y, 1e-300))"
    t.set("y", 0.0, (0, 0))
    t.run()
    assert "max" in surprise.step.latex()
    # A target of 0 pays nothing, whatever the probability is.
    t.set("t", 0.0, (0, 0))
    t.run()
    assert "1e-300" not in surprise.explain(0, 0).words


# -- names and formulas ---------------------------------------------------------------------


def steps_of_examples() -> list[Step]:
    return [step for name in EXAMPLES for step in trace_of(name).steps]


def test_numbers_are_called_by_their_role() -> None:
    x = np.arange(6.0).reshape(3, 2)
    net = fl.Network([fl.Dense(4), fl.LayerNorm(), fl.Dense(1)], x, x[:, :1], optimizer="momentum")
    t = net.trace
    numbers = {formulas.role(m) for m in t.matrices.values() if m.kind == "constant"}
    assert {"samples", "exponent", "epsilon", "beta", "neurons"} <= numbers
    spread = t["layer 2/dC_dvariance per cell"].step
    assert spread is not None
    assert spread.latex().endswith(r"{\text{neurons}}")
    assert spread.words().endswith("divided by neurons")
    assert spread.numpy().endswith(" / 4")
    t = fl.trace(lambda x: fl.sum(x**3), x=[1.0, 2.0])
    t.backward()
    (slope,) = [m for m in t.matrices.values() if m.kind == "slope"]
    assert slope.step is not None
    assert slope.step.words().startswith("how steeply it changes with x: exponent times")
    assert r"3 \cdot" in slope.explain(1).numbers
    assert slope.explain(1).value == 12.0


def test_the_second_number_of_a_scope_is_called_like_the_first() -> None:
    t = fl.trace(lambda x: fl.sum(x**3) + fl.sum(x**2) + 1 / (fl.sum(x) + 1), x=[1.0, 2.0])
    t.backward()
    assert {"exponent", "exponent_2", "1", "1_2"} <= t.matrices.keys()
    said = " ".join(step.latex() + step.words() for step in t.steps)
    assert "exponent_2" not in said.replace("\\", "")
    assert "1_2" not in said.replace("\\", "")


def test_formulas_of_every_model_read_as_formulas() -> None:
    for step in steps_of_examples():
        right = formulas.latex_right(step)
        assert r"\partial C / \partial" not in right, right
        assert not re.search(r"\d[eE][-+]?\d", right), right
        assert not re.search(r"\\text\{-?[\d.]+(\\_\d+)?\}", right), right
        # reshape(all that), not "reshape all that".
        assert not re.search(r"\\operatorname\{\w+\} (\\frac|\\text\{[^}]* )", right), right
        assert not re.search(r"\\text\{[^}]* [^}]*\} \\, ", right), right
        assert right.count("{") == right.count("}"), right


def test_the_gradient_of_cut_steps_is_made_of_parts() -> None:
    """What was "reshape dC/dx side by side"."""
    found = [
        step
        for step in steps_of_examples()
        if step.op.name == "reshape" and step.inputs[0].local.startswith("parts of dC_d")
    ]
    assert found
    for step in found:
        assert r"\operatorname{reshape}(\text{parts of }\frac{\partial C}" in step.latex()


def test_words_around_a_gradient_are_not_in_its_fraction() -> None:
    def latex(matrix: Matrix) -> str:
        return formulas.latex_name(matrix)

    x = np.arange(6.0).reshape(3, 2)
    net = fl.Network([fl.Dense(2)], x, x[:, :2], optimizer="adam", regularizers=[fl.L2(0.1)])
    gradient = r"\frac{\partial C}{\partial w}"
    assert latex(net.trace["layer 1/dC_dw squared"]) == gradient + r"\text{ squared}"
    of_name = latex(net.trace["cost/dC_dsquared error"])
    assert of_name == r"\frac{\partial C}{\partial \text{squared error}}"
    t = fl.trace(lambda x, b: fl.sum(x * b), x=np.ones((3, 2)), b=np.ones((1, 2)))
    t.backward()
    assert latex(t["shares of dC_db"]) == r"\text{shares of }\frac{\partial C}{\partial b}"
    t = fl.trace(lambda x: fl.sum(fl.max(x, axis=1).named("largest error")), x=np.eye(2))
    t.backward()
    (repeated,) = [m for m in t.matrices.values() if m.local.endswith(" repeated")]
    assert latex(repeated) == r"\frac{\partial C}{\partial \text{largest error}}\text{ repeated}"


def test_an_error_stays_short_whatever_was_given() -> None:
    assert str(fl.BadInput("short")) == "short"
    for text in ("word " * 2000, f"got {'x' * 5000!r}; give less", f'"{"y " * 900}" is none'):
        for kind in (fl.BadInput, fl.UnknownName, fl.NotComputed, fl.NoGradient, fl.Diverged):
            assert len(str(kind(text))) <= 910
    said = str(fl.BadInput(f"got {'x' * 5000!r}; give less"))
    assert said.startswith("got 'xxxx")
    assert said.endswith("...'; give less")


@pytest.mark.parametrize(
    "given",
    [
        lambda big: fl.text.CharacterTokenizer(big), lambda big: fl.Dense(3, big),
        lambda big: fl.Network(big, [[1.0]], [[1.0]]), lambda big: fl.data.table(big, "x"),
        lambda big: fl.trace(lambda x: x, x=big), lambda big: fl.Network.load(big),
        lambda big: fl.Network([fl.Dense(1)], [[1.0]], [[1.0]], cost=big),
        lambda big: fl.text.generate(big, "a", 3), lambda big: fl.Question(big, "?", answer=1),
        lambda big: fl.text.BytePairTokenizer(big), lambda big: fl.form_network(big, [[1]], [[1]]),
    ],
)  # fmt: skip
def test_a_huge_text_is_not_printed_back(given: Any) -> None:
    for big in ("to be or not to be " * 500, "x" * 9000, ["word"] * 3000):
        with pytest.raises(ValueError) as found:  # noqa: PT011
            given(big)
        assert len(str(found.value)) < 950
