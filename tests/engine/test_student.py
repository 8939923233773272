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


def filled(place: Any, shape: Any) -> Any:
    def function(x: Any) -> Any:
        out = np.zeros(shape)
        out[place] = fl.sum(x[0])
        return fl.sum(out)

    return function


@pytest.mark.parametrize(("place", "shape"), [(0, 3), ((1, 1), (2, 2)), (slice(0, 1), 1)])
def test_an_array_that_is_filled_cell_by_cell(place: Any, shape: Any) -> None:
    with pytest.raises(fl.BadInput, match=r"fl\.stack\((parts|list)\)") as found:
        fl.trace(filled(place, shape), x=X)
    names = [entry.name for entry in found.traceback]
    assert "function" in names, "the line that did it is shown"


def test_another_value_error_of_the_student_stays() -> None:
    def function(x: Any) -> Any:
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        fl.trace(function, x=X)


@pytest.mark.parametrize(
    "write",
    [
        lambda x: fl.sum([x[0], x[1]]),
        lambda x: fl.mean([[x[0, 0], x[0, 1]], [x[1, 0], x[1, 1]]]),
        lambda x: fl.tanh([x[0, 0]]),
    ],
)
def test_a_list_of_matrices_is_told_of(write: Any) -> None:
    with pytest.raises(fl.BadInput, match=r"list of traced matrices.*fl\.stack\(parts\)"):
        fl.trace(write, x=X)


def test_single_numbers_have_no_axis_but_can_be_stacked() -> None:
    with pytest.raises(fl.BadInput, match=r"no axis 0\. fl\.stack\(\[a, b\]\)"):
        fl.trace(lambda x: fl.concatenate([fl.sum(row) for row in x], axis=0), x=X)
    t = fl.trace(lambda x: fl.sum(fl.stack([fl.sum(row) for row in x])), x=X)
    assert t.cost.value == pytest.approx(np.sum(X))


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda x: x[:0], r"^x\[:0\] of 3×2: nothing would be left\.$"),
        (lambda x: x[:, 7:], r"^x\[:, 7:\] of 3×2: nothing"), (lambda x: x[5], r"^x\[5\] of 3×2: "),
    ],
)  # fmt: skip
def test_a_place_that_is_not_there_is_written_as_it_was(write: Any, told: str) -> None:
    with pytest.raises(fl.BadInput, match=told):
        fl.trace(write, x=X)


@pytest.mark.parametrize(
    ("cost", "target", "told"),
    [
        ("hinge", [[1.0], [0.0]], r"2 \* targets - 1. Got 0"),
        ("binary_cross_entropy", [[2.0], [1.0]], "probabilities, 0 to 1.*Got 2"),
        ("binary_cross_entropy_logits", [[-1.0], [1.0]], "Got -1"),
        ("cross_entropy", [[-1.0], [1.0]], "Got -1"),
    ],
)
def test_targets_that_make_no_sense_with_a_cost(cost: str, target: Any, told: str) -> None:
    for given in (lambda x, y: getattr(fl, cost)(x, y), lambda x, y: getattr(fl, cost)(x, target)):
        with pytest.raises(fl.BadInput, match=told):
            fl.trace(given, x=[[0.5], [0.5]], y=target)


@pytest.mark.parametrize("cost", ["cross_entropy", "cross_entropy_logits"])
def test_class_numbers_are_counted_from_0(cost: str) -> None:
    with pytest.raises(fl.BadInput, match=rf"{cost}: target .*0 to 2.*give target - 1"):
        fl.trace(lambda x, y: getattr(fl, cost)(x, y), x=np.full((3, 3), 0.3), y=[1, 2, 3])
