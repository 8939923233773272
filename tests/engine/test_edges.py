"""Kinks, ties, zeros, overflow: the values and the gradients of PyTorch where it gives one."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pytest
from traces import follows

import fluxlab as fl

INF = np.inf


def t() -> Any:
    return oracle.torch()


CASES: dict[str, tuple[Any, Any, list[Any]]] = {
    "a product with a zero": (
        lambda a: fl.prod(a, axis=1), lambda a: a.prod(1),
        [[[2.0, 0, 3], [0, 0, 5], [1, 2, 3], [0, 0, 0]]],
    ),
    "a product of all, one zero": (
        lambda a: fl.prod(a), lambda a: a.prod(), [[[2.0, 0, 3], [4, 5, 6]]],
    ),
    "a product of one": (lambda a: fl.prod(a, 1), lambda a: a.prod(1), [[[3.0], [0.0]]]),
    "a product along two": (
        lambda a: fl.prod(a, (0, 2)), lambda a: a.prod(2).prod(0),
        [[[[1.0, 0], [2, 3]], [[4, 5], [6, 0]]]],
    ),
    "equal smallest": (
        lambda a: fl.min(a, axis=1), lambda a: a.min(1).values, [[[2.0, 1, 1], [0, 0, 0]]],
    ),
    "equal cells in order": (
        lambda a: fl.sort(a) * [0, 1, 2],
        lambda a: t().sort(a, stable=True).values * t().arange(3), [[[2.0, 2, 1], [0, 0, 0]]],
    ),
    "clip at its bounds": (
        lambda a: fl.clip(a, 0, 1), lambda a: a.clamp(0, 1), [[0.0, 1, -1, 2, 0.5]],
    ),
    "where beside a pole": (
        lambda a: fl.where(a > 0, fl.log(fl.where(a > 0, a, 1.0)), 0.0),
        lambda a: t().where(a > 0, t().log(t().where(a > 0, a, 1.0)), 0.0), [[0.0, 1, -2]],
    ),
    "where on a pole": (
        lambda a: fl.where(a > 0, fl.log(a), 0.0),
        lambda a: t().where(a > 0, t().log(a), 0.0), [[0.0, 1, -2]],
    ),
    "log1p": (lambda a: fl.log1p(a), lambda a: t().log1p(a), [[-1.0, 0, -2, 1e-20, 1e300]]),
    "expm1": (lambda a: fl.expm1(a), lambda a: t().expm1(a), [[-1.0, 0, 1e-20, 800, -800]]),
    "erf": (
        lambda a: fl.erf(a), lambda a: t().erf(a),
        [[-30.0, 0, 1e-20, 6, 1e300, -5.9, 0.46875]],
    ),
    "a length of 0": (
        lambda a: fl.norm(a, axis=1), lambda a: t().linalg.norm(a, dim=1), [[[0.0, 0], [3, 4]]],
    ),
    "a constant column": (
        lambda a: fl.std(a, axis=0), lambda a: a.std(0, correction=0), [[[1.0, 2], [1, 3], [1, 5]]],
    ),
    "logsumexp without overflow": (
        lambda a: fl.logsumexp(a, axis=1), lambda a: a.logsumexp(1),
        [[[1000.0, 1000], [-1000, -1001], [900, -900]]],
    ),
    "log_softmax without underflow": (
        lambda a: fl.log_softmax(a)[:, 1], lambda a: a.log_softmax(1)[:, 1],
        [[[1000.0, 1000], [-1000, -1001], [900, -900]]],
    ),
    "powers of 0": (
        lambda a, b: a**b, lambda a, b: a**b, [[0.0, 0, 2, -2, 0, 1, 3], [0.0, 2, 0, 2, 1, 5, -1]],
    ),
    "a root of 0": (lambda a, b: a**b, lambda a, b: a**b, [[0.0, 4], [0.5, 0.5]]),
    "a remainder": (
        lambda a, b: a % b, lambda a, b: t().remainder(a, b),
        [[5.0, -5, 4.5, 0.5], [3.0, 3, -2, 2]],
    ),
    "a row taken twice": (
        lambda a: a[[0, 0, 1]] * [1, 2, 3], lambda a: a[[0, 0, 1]] * t().arange(1, 4),
        [[1.0, 2, 3]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_edges_are_pytorchs(name: str) -> None:
    function, in_torch, values = CASES[name]
    given = dict(zip("ab", values, strict=False))
    names = ", ".join(given)
    trace = fl.trace(eval(f"lambda {names}: f({names})", {"f": function}), **given)
    trace.backward()
    tensors = [t().tensor(v, dtype=t().float64, requires_grad=True) for v in given.values()]
    result = in_torch(*tensors)
    result.sum().backward()
    assert trace.result is not None
    np.testing.assert_allclose(trace.result.value, result.detach().numpy(), rtol=1e-12, atol=1e-14)
    for n, tensor in zip(given, tensors, strict=True):
        np.testing.assert_allclose(
            trace[f"dC_d{n}"].value, tensor.grad.numpy(), rtol=1e-10, atol=1e-13
        )
    if np.isfinite([m.value.sum() for m in trace.matrices.values()]).all():
        follows(trace)


def test_what_is_not_a_number_stays_so() -> None:
    """log(-1) is NaN; what is computed from it shows that, and does not hide it."""
    for function in (
        fl.min, fl.prod, fl.std, fl.norm, fl.logsumexp, fl.erf, fl.floor, fl.round,
        lambda a: fl.clip(a, 0, 1), lambda a: fl.minimum(a, 0.5), lambda a: a % 2, lambda a: 2**a,
    ):  # fmt: skip
        trace = fl.trace(lambda x, f=function: f(fl.log(x)), x=[-1.0, -1.0])  # type: ignore[misc]
        assert trace.result is not None
        assert np.isnan(trace.result.value).all()
    compared = fl.trace(lambda x: (fl.log(x) == fl.log(x)) + (fl.log(x) >= 0), x=[-1.0])
    np.testing.assert_array_equal(compared["y"].value, [0.0])


def test_a_product_in_the_middle_of_a_plan() -> None:
    """Zeros come and go while numbers change; the product of the others is right all the time."""
    trace = fl.trace(lambda x: fl.prod(x, axis=1), x=[[2.0, 3.0, 4.0]])
    trace.backward()
    for x, gradient in (
        ([[2, 0, 4]], [[0, 8, 0]]), ([[0, 0, 4]], [[0, 0, 0]]), ([[1, 2, 3]], [[6, 3, 2]]),
    ):  # fmt: skip
        trace.set("x", x)
        np.testing.assert_array_equal(trace["dC_dx"].value, gradient)


def test_places_that_change_choose_other_cells() -> None:
    trace = fl.trace(lambda x, i: x[range(2), i] ** 2, x=[[1.0, 2, 3], [4, 5, 6]], i=[0, 1])
    trace.backward()
    trace.set("i", [2, -3])
    np.testing.assert_array_equal(trace["dC_dx"].value, [[0, 0, 6], [8, 0, 0]])
    follows(trace)
    with pytest.raises(fl.BadInput, match=r"whole numbers from 0 to 2, for 3 there.*got 3"):
        trace.set("i", [0, 3])
    np.testing.assert_array_equal(trace["i"].value, [2, -3])


def test_composites_stand_in_scopes_that_fold() -> None:
    def run(x: Any) -> Any:
        with fl.scope("mine"):
            first = fl.std(x, axis=0)
        return first * fl.std(x, axis=0) + fl.std(x * 2) + fl.norm(x) + fl.log_softmax(x)

    trace = fl.trace(run, x=[[1.0, 2.0], [3.0, 5.0]])
    scopes = list(dict.fromkeys(step.scope for step in trace.steps if step.phase == "forward"))
    assert scopes == ["mine/std", "std", "", "std 2", "norm", "log_softmax"]
    assert trace["first"].scope == "mine/std"
    assert float(trace["std 2"].value) == np.std([2.0, 4.0, 6.0, 10.0])
    assert trace["norm/norm"].step.latex() == r"\text{norm} = \sqrt{\text{sum of squares}}"  # type: ignore[union-attr]


def test_a_negative_base_stands_in_brackets() -> None:
    trace = fl.trace(lambda x: (-2) ** x, x=[1.0, 2.0])
    step = trace.steps[0]
    assert step.numpy() == "y = (-2) ** x"
    assert step.latex() == "y = (-2)^{x}"
    np.testing.assert_array_equal(trace["y"].value, [-2, 4])


def test_explanations_say_what_was_chosen() -> None:
    trace = fl.trace(
        lambda x: fl.prod(x, 1) + fl.min(x, 1) + fl.cumsum(x, 1)[:, -1], x=[[2.0, 3.0, 4.0]]
    )
    trace.backward()
    found = {s.op.name: s.output.explain(*(0,) * len(s.output.shape)) for s in trace.steps}
    assert found["prod"].numbers == r"= 4 \cdot 3 \cdot 2 = 24"
    assert found["min"].numbers == r"= \min(2, 3, 4) = 2"
    assert found["min"].words == "the min of x over the 3 columns; x[0, 0] is the smallest"
    assert [term.value for term in found["others"].terms] == [4, 3]
    last = trace["dC_dx[use 3]"].explain(0, 0)
    assert last.value == 1


def test_a_long_product_shows_what_the_rest_comes_to() -> None:
    trace = fl.trace(lambda x: fl.prod(x), x=[2.0] * 12 + [0.5, 0.25])
    found = trace["C"].explain()
    assert (found.rest_count, found.rest_total) == (2, 0.125)
    assert found.recompute() == found.value == 512
