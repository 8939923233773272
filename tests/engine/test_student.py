"""What students do to a trace that would do nothing, and how they call `fl.trace`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fluxlab as fl

X = np.array([[1.0, 2.0], [0.5, -1.0], [2.0, 0.0]])
W = np.array([[0.3], [-0.2]])


def made() -> Any:
    t = fl.trace(lambda x, w: fl.tanh(x @ w), x=X, w=W)
    t.backward()
    return t


def set_attribute(name: str, value: Any) -> Callable[[Any], None]:
    return lambda t: setattr(t, name, value)


def set_item(t: Any) -> None:
    t["w"] = W


def set_value(t: Any) -> None:
    t["w"].value = W


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (set_attribute("w", W), r"no \.w .*t\.set\('w', numbers\)"),
        (set_attribute("learning_rate", 0.5), r"no \.learning_rate .*t\.set"),
        (set_attribute("cost", 3.0), r"no \.cost "),
        (set_attribute("inputs", []), r"no \.inputs "),
        (set_item, r"Write t\.set\('w', numbers\)"),
        (set_value, r'does nothing\. t\.set\("w", numbers\)'),
    ],
)
def test_what_would_change_nothing_is_refused(change: Any, told: str) -> None:
    t = made()
    before = t["w"].value
    with pytest.raises((AttributeError, fl.BadInput), match=told):
        change(t)
    np.testing.assert_array_equal(t["w"].value, before)
    t.set("w", W * 2)
    np.testing.assert_array_equal(t["w"].value, W * 2)


def test_an_argument_may_have_any_name() -> None:
    t = fl.trace(lambda function, self: function @ self, function=X, self=W)
    np.testing.assert_allclose(t["y"].value, X @ W)
    with pytest.raises(fl.BadInput, match="C is the cost's own name"):
        fl.trace(lambda C: C * 2, C=1.0)


class Model:
    w = W

    def forward(self, x: Any) -> Any:
        return fl.tanh(x @ self.w)


def test_a_function_is_not_taken_for_a_number_from_outside() -> None:
    t = fl.trace(lambda x, w: fl.sum(fl.relu(x @ w)), x=X, w=W)
    for name in ("relu", "sum", "fl"):
        with pytest.raises(fl.UnknownName, match=f"Unknown matrix '{name}'"):
            t[name]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: fl.trace(lambda x, w: x @ w, X, W), r"2 of the matrices .* x=x, w=w\)"),
        (lambda: fl.trace(lambda x, w: x @ w, X, w=W), r"1 of the matrices"),
        (lambda: fl.trace(np.tanh, x=X), "takes arguments without a name"),
        (lambda: fl.trace(lambda *xs: xs[0], x=X), "takes arguments without a name"),
        (lambda: fl.trace(lambda x, w: x @ w, x=X), "missing a required argument: 'w'"),
        (lambda: fl.trace(Model().forward, x=X)["dC_dw"], "w is not an argument of forward"),
        (lambda: fl.trace(lambda x: x @ W, x=X)["W"], r"fl.trace\(f, x=x, W=W\)"),
    ],
)
def test_how_a_trace_is_made_is_told(call: Any, told: str) -> None:
    with pytest.raises((fl.BadInput, fl.UnknownName), match=told) as caught:
        call()
    assert len(str(caught.value)) < 400
