"""Operators, NumPy's functions and constants on traced matrices."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.engine.core import operators
from fluxlab.engine.core.meaning import MEANING
from fluxlab.engine.core.op import OPS


def test_numpys_own_functions_on_a_matrix() -> None:
    w = np.array([[0.5, -1.0, 2.0]])
    for function in (np.tanh, np.exp, np.absolute, np.negative):
        found = fl.trace(lambda w, f=function: f(w) * 1.0, w=w)
        np.testing.assert_allclose(found.steps[0].output.value, function(w))
        found.backward()
        assert found.check("dC_dw").ok
    for function in (np.add, np.subtract, np.multiply, np.divide, np.maximum):
        found = fl.trace(lambda w, f=function: f(np.full((2, 1), 0.75), w), w=w)
        np.testing.assert_allclose(found.steps[0].output.value, function(np.full((2, 1), 0.75), w))
    left = fl.trace(lambda w: np.ones((2, 1)) @ w, w=w)
    assert left.steps[0].output.shape == (2, 3)


def test_operators_with_constants_on_either_side() -> None:
    w = np.array([0.5, -1.5])
    for function in (
        lambda w: 2 + w, lambda w: w + 2, lambda w: 2 - w, lambda w: w - 2, lambda w: 2 * w,
        lambda w: w * 2, lambda w: 2 / w, lambda w: w / 2, lambda w: -w, lambda w: w**3,
        lambda w: w**-2, lambda w: w**0, lambda w: (w > 0) * w, lambda w: (w < 0) * w,
        lambda w: abs(w), lambda w: +w * 2, lambda w: w * np.ones_like(w), lambda w: w / np.size(w),
        lambda w: w - np.zeros_like(w, shape=(3, 2)), lambda w: w * np.ndim(w) / np.shape(w)[0],
    ):  # fmt: skip
        trace = fl.trace(function, w=w)
        result = trace.cost.step.inputs[0]  # type: ignore[union-attr]
        np.testing.assert_allclose(result.value, function(w))
        trace.backward()
        if "dC_dw" in trace:
            assert trace.check("dC_dw").ok


def test_constants_are_no_inputs_but_can_be_set() -> None:
    trace = fl.trace(lambda w1, w2: 3 * w1 + 4 * w2, w1=2.0, w2=5.0)
    assert [m.name for m in trace.inputs] == ["w1", "w2"]
    assert trace["3"].kind == "constant"
    trace.backward()
    assert "dC_d3" not in trace
    trace.set("3", 10.0)
    assert float(trace.cost.value) == 40.0
    assert float(trace["dC_dw1"].value) == 10.0


def test_one_number_that_is_returned_is_y_and_the_cost() -> None:
    trace = fl.trace(lambda x, w: fl.sigmoid(x @ w), x=[[1.0, 2.0]], w=[[0.5], [0.25]])
    assert trace["y"] is trace["C"] is trace.cost
    trace.backward()
    assert trace["dC_dy"] is trace["dC_dC"]
    several = fl.trace(lambda x: fl.tanh(x), x=[1.0, 2.0])
    assert several["y"] is not several["C"]
    named = fl.trace(lambda y: y * y, y=3.0)  # the student's own y keeps its name
    assert float(named["y"].value) == 3.0

    def inside(x: Any) -> Any:
        with fl.scope("layer 1"):
            y = fl.tanh(x)
        return fl.sum(y)

    within = fl.trace(inside, x=[1.0, 2.0])
    assert within["y"] is within["layer 1/y"]


def test_the_hints_know_what_fl_has() -> None:
    tables = [fl._LESSONS, *fl._GROUPS.values()]
    catalogue = {
        name
        for table in tables
        for home, names in table.items()
        for name in names.split()
        if home.startswith("engine.catalogue")
    }
    functions = {name for name in catalogue if callable(getattr(fl, name))}
    kept = {name for name in functions if not inspect.isclass(getattr(fl, name))}
    odd = {name for name in fl.ACTIVATIONS if not getattr(OPS.get(name), "activation", False)}
    assert {*operators.SAME} == kept - {"move_images", "output_size", "receptive_field"} | odd


HINTS = {
    "clamp": "fl.clip(x, low, high)", "cat": "fl.concatenate", "power": "x ** y", "ReLU": "fl.relu",
    "matmul": "x @ y", "Linear": "fl.Dense", "Value": "fl.trace(", "SGD": "GradientDescent",
    "grad": "t['dC_dw']", "Sequential": "fl.Network([", "zeros": "np.zeros", "detach": "fl.hold",
    "MSELoss": "fl.mse", "accuracy": "fl.metrics.accuracy", "tahn": "fl.tan or fl.tanh",
    "norn": "fl.norm?", "stdd": "fl.std?", "lstm": "fl.LSTM?", "cumsom": "fl.cumsum?",
}  # fmt: skip


@pytest.mark.parametrize("name", HINTS)
def test_hints_come_from_meaning_then_from_spelling(name: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(fl, name)
    assert f"fl has no {name!r}" in str(caught.value)
    assert HINTS[name] in str(caught.value)


def test_a_name_like_no_other_gets_no_hint() -> None:
    for name in ("qwerty", "nonsense", "zz"):
        with pytest.raises(AttributeError) as caught:
            getattr(fl, name)
        assert "Did you mean" not in str(caught.value)
        assert "Write" not in str(caught.value)


def test_every_hint_names_what_there_is() -> None:
    for text in MEANING.values():
        for path in re.findall(r"\bfl\.([A-Za-z_.0-9]+)", text):
            found: Any = fl
            for part in path.rstrip(".").split("."):
                found = getattr(found, part)
            assert found is not None
    assert not set(MEANING) & set(dir(fl)), "what there is needs no hint"


def test_names_that_once_led_astray() -> None:
    x = np.array([[1.0, 5.0], [2.0, 4.0]])
    assert fl.min(x) == 1
    assert fl.std(x) == np.std(x)
    assert fl.norm(x) == np.linalg.norm(x)
    np.testing.assert_array_equal(fl.cumsum(x, 0), [[1, 5], [3, 9]])
    np.testing.assert_array_equal(fl.stack([x, x]), np.stack([x, x]))
    trace = fl.trace(lambda x, y: fl.stack([x, y]), x=x, y=x + 1)
    np.testing.assert_array_equal(trace["C"].step.inputs[0].value, np.stack([x, x + 1]))  # type: ignore[union-attr]
    assert fl.models.stack is not fl.stack


@pytest.mark.parametrize("name", ["sigmoid", "norm", "mse", "softmax", "leaky_relu", "rows"])
def test_a_method_that_is_a_function_here(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"Write fl\.{name}\(\.\.\.\)"):
        fl.trace(lambda x: getattr(x, name)(), x=[1.0])
