"""A tutorial's NumPy runs as it is: the same numbers, explained, and with PyTorch's gradient."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import oracle
import pytest
from test_torch_examples import compare
from traces import follows

import fluxlab as fl
from fluxlab.engine.catalogue import numpys
from fluxlab.engine.core import operators

DRAW = np.random.default_rng(4)
X, W, V, C = DRAW.normal(size=(3, 4)), DRAW.normal(size=(4, 2)), DRAW.normal(size=4), [2, 0, 3]
Q = DRAW.random((3, 4)) + 0.5  # above 0
FUNCTIONS: dict[str, Any] = {
    "dot": lambda x, w, v: np.dot(x, w) * np.dot(x, v)[:, None] + np.dot(v, v) + np.dot(3.0, v)[0],
    "inner": lambda x, w, v: np.inner(x, v)[:, None] + np.inner(x, w.T),
    "sums": lambda x, w, v: np.sum(x, axis=0) + np.mean(x, axis=1, keepdims=True) * np.sum(v),
    "max and min": lambda x, w, v: np.max(x, axis=1) * np.min(x, axis=1) + np.amax(v) * np.amin(w),
    "prod and var": lambda x, w, v: np.prod(w, axis=1) + np.var(x, axis=0) * np.std(x, 0, ddof=1),
    "average": lambda x, w, v: np.average(x, axis=1) @ x + np.average(x, 0, np.abs(x)),
    "cumsum": lambda x, w, v: np.cumsum(x) * np.cumsum(x, axis=1).reshape(-1) + np.cumsum(v)[2],
    "argmax": lambda x, w, v: (
        x * np.argmax(x) + np.argmin(x, axis=0) + np.argmax(x, axis=1)[:, None]
    ),
    "sort": lambda x, w, v: np.sort(x, axis=0) * np.argsort(x, axis=0) + np.sort(x, axis=None)[2],
    "where": lambda x, w, v: np.where(x > v, x, np.where(x == x[0], -x, 0.5)) * np.where(v, v, 1),
    "clip": lambda x, w, v: (
        np.clip(x, -0.5, 0.5) * np.clip(v, None, 0.3) + np.clip(w, 0, None).sum()
    ),
    "concatenate": lambda x, w, v: np.concatenate([x, w.T, v[None]]) ** 2,
    "concatenate flat": lambda x, w, v: np.concatenate([x, w], axis=None) ** 2,
    "stack": lambda x, w, v: np.stack([v, x[0], x[1]], axis=1) ** 2,
    "vstack and hstack": lambda x, w, v: np.vstack([x, v]) @ np.hstack([w, w**2, v[:, None]]),
    "hstack of rows": lambda x, w, v: np.hstack([v, x[0], v.sum()]) ** 2,
    "outer": lambda x, w, v: np.outer(x, v).sum() * np.outer(v, v),
    "einsum": lambda x, w, v: np.einsum("ij,jk,j", x, w, v, optimize=True),
    "diagonals": lambda x, w, v: (
        np.einsum("kii->ki", x.reshape(3, 2, 2)) + np.einsum("iji->ij", x.reshape(2, 3, 2)).T
    ),
    "einsum with dots": lambda x, w, v: (
        np.einsum("...j,...j", x, v) @ np.einsum("...j,jk->...k", x[None, :, None], w)[0, :, 0]
    ),
    "reshape": lambda x, w, v: np.reshape(x, (4, 3)) @ x + np.ravel(w)[:4],
    "axes": lambda x, w, v: np.transpose(x) * np.swapaxes(x, 0, 1) + np.moveaxis(x, 0, -1),
    "expand_dims": lambda x, w, v: np.expand_dims(x, (0, 2)) * np.squeeze(v[None, :, None])[None],
    "squeeze": lambda x, w, v: np.squeeze(x[:1], axis=0) * np.broadcast_to(v, (2, 4)),
    "pad and flip": lambda x, w, v: np.pad(x, 1)[:, 1:-1] * np.flip(v) + np.flip(x, 1)[0],
    "pad by pairs": lambda x, w, v: np.pad(x, ((1, 0), (0, 2))) ** 2,
    "round": lambda x, w, v: np.round(x, 1) * x + np.around(v) * v,
    "take": lambda x, w, v: np.take(x, [0, 2], axis=0) * np.take(v, [3, 3, 0, 1]) + np.take(x, 5),
    "norm": lambda x, w, v: np.linalg.norm(x) * np.linalg.norm(x, axis=1, keepdims=True) * x,
    "norm of a vector": lambda x, w, v: np.linalg.norm(v, 2) * v,
    "trace": lambda x, w, v: np.trace(x @ x.T) * v,
    "take_along_axis": lambda x, w, v: np.take_along_axis(x, np.argsort(-x, axis=1), axis=1) * v,
    "ones_like": lambda x, w, v: x * np.full_like(x, 3) + np.zeros_like(v) + np.ones_like(x),
}
UFUNCS: dict[str, Any] = {
    "logarithms": lambda q: np.log(q) + np.log2(q) * np.log10(q) - np.log1p(q),
    "powers": lambda q: np.power(q, 2) + np.power(q, q) * np.exp2(q) - np.float_power(q, 0.5),
    "exponentials": lambda q: np.exp(q) * np.expm1(np.sqrt(q)) + np.square(q) - np.reciprocal(q),
    "waves": lambda q: np.sin(q) * np.cos(q) + np.tan(q) - np.arctan(q) * np.tanh(q),
    "steps": lambda q: q * (np.floor(q * 3) + np.ceil(q) - np.rint(q)) + np.mod(q, 0.3),
    "signs": lambda q: np.sign(q - 1) * q + np.fabs(q - 1) - np.absolute(-q) + np.positive(q),
    "compared": lambda q: q * (np.greater_equal(q, 1) + 2 * np.less(q, 0.8) + np.equal(q, q.max())),
    "compared too": lambda q: q * (np.less_equal(q, 1) - 3 * np.not_equal(q, 1) + np.greater(q, 1)),
    "joined": lambda q: q * np.logical_and(q > 0.7, q < 1.2) + np.logical_or(q < 0.7, q > 1.2) * 2,
    "turned": lambda q: q * np.logical_not(q > 1) + (np.asarray([True, False] * 2) & (q > 1)) * 1.0,
    "largest": lambda q: (
        np.maximum(q, 1) * np.minimum(q, q.mean()) + np.subtract(2, np.negative(q))
    ),
}
METHODS: dict[str, Any] = {
    "sum": lambda x, v: x.sum(axis=0) * x.mean() + x.sum() - x.mean(axis=1, keepdims=True),
    "max": lambda x, v: x.max() * x.min(axis=0) + x.max(axis=1, keepdims=True),
    "prod": lambda x, v: x.prod(axis=1).sum() * v + x.var() - x.std(axis=0),
    "cumsum": lambda x, v: x.cumsum(axis=1) * x.argmax() + x.argmin(axis=0) * v + x.argsort(axis=1),
    "reshape": lambda x, v: x.reshape(2, 6) * x.reshape((2, -1)) + x.reshape(-1)[0],
    "flatten": lambda x, v: x.flatten() * x.ravel() + x.T.ravel(),
    "transpose": lambda x, v: x.T * x.transpose() + x.transpose(1, 0) - x.transpose((1, 0)),
    "squeeze": lambda x, v: x[:, None].squeeze() + x[None].squeeze(axis=0) * v.dot(v),
    "clip": lambda x, v: x.clip(-1, 1) * v.clip(max=0.5) + x.clip(min=0).round(1) * x,
    "size": lambda x, v: x * x.size + x.ndim * v.ndim - len(x) + x.shape[1],
    "swapaxes": lambda x, v: x.swapaxes(0, 1) @ x + v.take([1, 1, 0, 2]),
    "rows": lambda x, v: sum(row * row for row in x) + abs(v),
}
OPERATORS: dict[str, Any] = {
    "x ** y": lambda q: q**q + q ** np.array([0, 1, 2, -0.5]) + np.array([1, 2, 3, 4]) ** q,
    "2 ** x": lambda q: 2**q * 0.5**q + q ** np.int64(2) + q ** np.float64(-1) + q ** np.array(3),
    "x % 2": lambda q: q % 0.4 + 2 % q * (5.5 % q),
    ">=": lambda q: (q >= 1) * q + (q <= 1) * 2 + (q <= 1) * (q >= 0.7),
    "==": lambda q: q * (q == q.max()) + (q == 1) * q - (q == q) + (q.max(axis=0) == q) * q,
    "!=": lambda q: q * (q != q.max()) + (q != 1) * q - (q != q) + (np.array([1.0] * 4) != q) * q,
    "&": lambda q: ((q > 0.7) & (q < 1.2)) * q + (np.array([True, False] * 2) & (q > 1)),
    "|": lambda q: ((q < 0.7) | (q > 1.2)) * q + ((q > 1) | np.array([True, False] * 2)) * 3,
    "~": lambda q: ~(q > 1) * q + ~(~(q > 1) & (q > 0.7)) * q * 2,
    "in place": lambda q: grow(q * 1),
}
PLACES: dict[str, Any] = {
    "number": lambda x, c, i: x[1] + x[-1, 2] * x[np.int64(0), 1],
    "slice": lambda x, c, i: x[1:] * x[:2, ::-1] + x[::2][:, 1:2],
    "dots": lambda x, c, i: x[..., 0] + x[0, ..., 1] * x[1, 2, ...] + x[...][:, 3],
    "none": lambda x, c, i: x[:, None] * x[None, :2, :] + x[0, None, :, None].sum(),
    "none alone": lambda x, c, i: x[None] * x[..., None, 0],
    "list": lambda x, c, i: x[[0, 2, 0]] * x[:, [3, 1, 1, 0]],
    "pairs": lambda x, c, i: x[[0, 1, 1], [3, 3, -1]] * x[[0, 1, 2], 1],
    "grid": lambda x, c, i: x[[[0], [2]], [1, 3]] ** 2,
    "apart": lambda x, c, i: x[None][[0, 0], :, [1, 2]] ** 2 + x[:, None, [0, 1]][..., [1]].sum(),
    "array": lambda x, c, i: x[np.array([[0, 1], [2, 2]])] ** 2,
    "mask of rows": lambda x, c, i: x[np.array([True, False, True])] ** 2,
    "mask of cells": lambda x, c, i: x[np.asarray(X) > 0] ** 2,
    "mask and slice": lambda x, c, i: x[1:, [True, False, True, True]] ** 2,
    "classes": lambda x, c, i: -np.log(np.exp(x)[range(3), c] / np.exp(x).sum(axis=1)).mean(),
    "classes of arange": lambda x, c, i: x[np.arange(len(x)), c] ** 2 * x[np.arange(3), c],
    "rows of an input": lambda x, c, i: x[i] ** 2 + x[i, None, 0] * x[:, i[0]].sum(),
    "one of an input": lambda x, c, i: x[i[1]] * x[i[0], c[0]],
    "columns of an input": lambda x, c, i: x[:, c] * x[..., c, None][:, :, 0],
}


def grow(h: Any) -> Any:
    h += 1
    h -= h * 0.25
    h *= h
    h /= 3
    h **= 2
    h %= 0.9
    return h


def as_it_is(function: Any, whole: tuple[str, ...] = (), **given: Any) -> None:
    """Traced equals plain; every cell recomputes; PyTorch and the check say the same gradients."""
    plain = {n: np.asarray(v, int if n in whole else float) for n, v in given.items()}
    expected = np.asarray(function(**plain), dtype=float)
    trace = fl.trace(function, **given)
    assert trace.result is not None
    assert trace.result.shape == expected.shape
    np.testing.assert_allclose(trace.result.value, expected, rtol=1e-12, atol=1e-14)
    trace.backward()
    follows(trace)
    compare(oracle.torch(), trace)
    for name in given:
        if f"dC_d{name}" in trace:
            assert trace.check(f"dC_d{name}").ok, name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numpys_functions(name: str) -> None:
    as_it_is(FUNCTIONS[name], x=X, w=W, v=V)


@pytest.mark.parametrize("name", UFUNCS)
def test_numpys_ufuncs(name: str) -> None:
    as_it_is(UFUNCS[name], q=Q)


@pytest.mark.parametrize("name", METHODS)
def test_methods(name: str) -> None:
    as_it_is(METHODS[name], x=X, v=V)


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name: str) -> None:
    as_it_is(OPERATORS[name], q=Q)


@pytest.mark.parametrize("name", PLACES)
def test_places(name: str) -> None:
    as_it_is(PLACES[name], ("c", "i"), x=X, c=C, i=[2, -1])


@pytest.mark.parametrize("table", ["FUNCTIONS", "UFUNCS", "METHODS"])
def test_every_line_of_the_tables_is_tried(table: str) -> None:
    """By its name in the cases above; what Python's operators call is tried by `OPERATORS`."""
    cases = {"FUNCTIONS": FUNCTIONS, "UFUNCS": UFUNCS, "METHODS": METHODS}[table]
    text = "".join(inspect.getsource(case) for case in cases.values())
    by_sign = {"add", "multiply", "divide", "matmul", "invert", "bitwise_and", "bitwise_or"}
    before, after = (".", "(") if table == "METHODS" else ("np.", "")
    names = {e if isinstance(e, str) else e.__name__ for e in getattr(numpys, table)} - by_sign
    aside = {"remainder": "mod", "norm": "linalg.norm"}
    assert [n for n in names if f"{before}{aside.get(n, n)}{after}" not in text] == []


def test_a_switched_off_function_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {np.cumsum: lambda x, axis=None: numpys.cumsum(x, axis) * 1.000001}
    monkeypatch.setattr(operators, "_FUNCTIONS", operators._FUNCTIONS | wrong)
    with pytest.raises(AssertionError, match="Not equal"):
        as_it_is(FUNCTIONS["cumsum"], x=X, w=W, v=V)


def value_of(function: Any, **given: Any) -> Any:
    trace = fl.trace(function, **given)
    assert trace.result is not None
    return trace.result.value


def test_pythons_round_rounds() -> None:
    x = [0.25, -1.26, 2.5]
    np.testing.assert_array_equal(value_of(lambda x: round(x, 1), x=x), [0.2, -1.3, 2.5])
    np.testing.assert_array_equal(value_of(lambda x: round(x) * 1, x=x), [0, -1, 2])
    assert "dC_dx" not in backwards(lambda x: round(x, 1), x=x)


def backwards(function: Any, **given: Any) -> Any:
    trace = fl.trace(function, **given)
    trace.backward()
    return trace


# -- == ------------------------------------------------------------------------------------------


def test_accuracy_in_a_trace() -> None:
    def accuracy(logits: Any, labels: Any) -> Any:
        return np.mean(np.argmax(logits, axis=1) == labels)

    assert float(value_of(accuracy, logits=X, labels=X.argmax(axis=1))) == 1
    assert float(value_of(accuracy, logits=X, labels=(X.argmax(axis=1) + C) % 4)) == (
        pytest.approx(1 / 3)
    )


def test_two_matrices_are_compared_by_their_numbers() -> None:
    np.testing.assert_array_equal(
        value_of(lambda a, b: (a == b) + 2 * (a != b), a=[1.0, 2.0, 3.0], b=[1.0, 0.0, 3.0]),
        [1, 2, 1],
    )
    np.testing.assert_array_equal(value_of(lambda a: a == [1, 5], a=[1.0, 2.0]), [1, 0])


def test_sets_and_dictionaries_know_a_matrix_by_what_it_is() -> None:
    trace = fl.trace(lambda a, b: a + b, a=[1.0, 2.0], b=[1.0, 2.0])
    a, b, steps = trace["a"], trace["b"], len(trace.steps)
    assert len({a, b, a}) == 2
    assert {a: "a", b: "b"}[b] == "b"
    assert a in {a}
    assert b not in {a: 1}
    assert a in [a, b]  # the same one: Python asks `is` first
    assert a != "a"
    assert a != None  # noqa: E711
    assert len(trace.steps) == steps, "nothing was recorded on the way"
    with pytest.raises(fl.BadInput, match="one path"):
        assert b in [a]


# -- += ------------------------------------------------------------------------------------------


def two_names(x: Any) -> Any:
    h = x
    h += 1
    return (h * x).sum()


def two_results(x: Any, w: Any) -> Any:
    a = x @ w
    h = a
    h *= 2
    return (h + a).sum()


def helped(x: Any) -> Any:
    def less(x: Any) -> Any:
        x -= 1
        return x

    return (less(x) * x).sum()


def kept(x: Any) -> Any:
    h, states = x * 1, []
    for _ in range(3):
        h += x
        states.append(h)
    return fl.stack(states)


def a_row(x: Any) -> Any:
    row = x[0]
    row /= 2
    return x * 2


def turned(x: Any) -> Any:
    y = x.T
    y **= 2
    return x.sum() + y.sum()


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (two_names, r"\+=.*x and h.*h = h \+"), (two_results, r"\*=.*a and h.*h = h \*"),
        (helped, "-=.*x and x in helped"), (kept, r"\+=.*states"), (a_row, "/=.*x and row"),
        (turned, r"\*\*=.*x and y"),
    ],
)  # fmt: skip
def test_in_place_on_a_matrix_with_a_second_name(function: Any, says: str) -> None:
    with pytest.raises(fl.BadInput, match=says):
        fl.trace(function, x=[[1.0, 2.0]], **({"w": W[:2]} if function is two_results else {}))


def test_in_place_beside_a_matrix_that_only_lies_next_to_it() -> None:
    def halves(x: Any) -> tuple[Any, Any]:
        a = x * 1
        return a[:, :1], a[:, 1:]

    def run(x: Any) -> Any:
        left, right = halves(x)
        left += 1
        right *= 2
        return left * right

    given = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(value_of(run, x=given), [[8], [32]])


def test_in_place_on_a_matrix_that_has_one_name() -> None:
    def summed(x: Any) -> Any:
        x += 1
        total = 0
        for row in x:
            total += row * 2
        return total

    given = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(value_of(summed, x=given), summed(given.copy()))
    with pytest.raises(
        fl.BadInput, match=r"cannot make a matrix that is one number into one .* 2×2"
    ):
        fl.trace(lambda x: x.sum().__iadd__(x), x=given)
