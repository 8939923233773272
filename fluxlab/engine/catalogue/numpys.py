"""NumPy's own functions and methods on traced matrices: which op of the catalogue each one is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fluxlab.engine.catalogue import (
    arithmetic,
    choosing,
    composites,
    curves,
    indexing,
    masks,
    reducing,
    shaping,
)  # fmt: skip
from fluxlab.engine.catalogue.axes import axes_of, axis_of
from fluxlab.engine.catalogue.einsums import einsum
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.numbers import is_number, shape_of
from fluxlab.engine.core.operators import matmul


def dot(a: Any, b: Any) -> Any:
    """`np.dot`: a product of matrices, or with a single number cell by cell."""
    left, right = shape_of("dot", "a", a), shape_of("dot", "b", b)
    if not left or not right:
        return arithmetic.multiply(a, b)
    if len(right) > 2:
        raise BadInput(f"np.dot: b is {size(right)}; for more than two axes write a @ b.")
    return matmul(a, b)


def inner(a: Any, b: Any) -> Any:
    """`np.inner`: products summed over the last axis of both."""
    n = len(shape_of("inner", "b", b))
    return dot(a, b) if n < 2 else dot(a, shaping.transpose(b, [*range(n - 2), n - 1, n - 2]))


def argmax(x: Any, axis: int | None = None) -> Any:
    """`np.argmax`: without an axis the place among all cells, row by row."""
    return choosing.argmax(indexing.flat(x), 0) if axis is None else choosing.argmax(x, axis)


def argmin(x: Any, axis: int | None = None) -> Any:
    """`np.argmin`: the place of the largest of -x."""
    return argmax(arithmetic.negate(x), axis)


def cumsum(x: Any, axis: int | None = None) -> Any:
    return reducing.cumsum(indexing.flat(x), 0) if axis is None else reducing.cumsum(x, axis)


def power(x: Any, exponent: Any) -> Any:
    """`x ** exponent`: of a plain number as one op with a parameter, else of two matrices."""
    single = np.ndim(exponent) == 0 if isinstance(exponent, np.ndarray | np.generic) else False
    if single:
        exponent = exponent.item()
    if isinstance(exponent, int | float):
        if not is_number(exponent) and not isinstance(exponent, bool):
            raise BadInput(f"power: the exponent must be finite, got {exponent!r}.")
        return arithmetic.power(x, exponent=exponent + 0)  # True is 1
    return arithmetic.raised(x, exponent)


def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    shape = shape_of("expand_dims", "x", x)
    axes = list(axis) if isinstance(axis, list | tuple) else [axis]
    n = len(shape) + len(axes)
    at = axes_of("expand_dims", np.empty((1,) * n), axes)
    rest = iter(shape)
    return shaping.reshape(x, [1 if i in at else next(rest) for i in range(n)])


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    shape = shape_of("squeeze", "x", x)
    gone = [i for i, n in enumerate(shape) if n == 1]
    if axis is not None:
        asked = axes_of("squeeze", x, axis)
        if not set(asked) <= set(gone):
            raise BadInput(f"squeeze: x is {size(shape)}; only axes of length 1 can go.")
        gone = list(asked)
    return shaping.reshape(x, [n for i, n in enumerate(shape) if i not in gone])


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    order = list(range(len(shape_of("swapaxes", "x", x))))
    i, j = axis_of("swapaxes", x, axis1), axis_of("swapaxes", x, axis2)
    order[i], order[j] = order[j], order[i]
    return shaping.transpose(x, order)


def moveaxis(x: Any, source: int, destination: int) -> Any:
    i, j = axis_of("moveaxis", x, source), axis_of("moveaxis", x, destination)
    order = [axis for axis in range(len(x.shape)) if axis != i]
    return shaping.transpose(x, [*order[:j], i, *order[j:]])


def vstack(parts: Sequence[Any]) -> Any:
    rows = [
        p if len(s := shape_of("vstack", "parts", p)) > 1 else shaping.reshape(p, (1, *(s or (1,))))
        for p in parts
    ]
    return shaping.concatenate(rows, axis=0)


def hstack(parts: Sequence[Any]) -> Any:
    flat = [p if shape_of("hstack", "parts", p) else indexing.flat(p) for p in parts]
    return shaping.concatenate(flat, axis=min(1, len(shape_of("hstack", "parts", flat[0])) - 1))


def concatenate(parts: Sequence[Any], axis: int | None = 0) -> Any:
    if axis is None:
        return shaping.concatenate([indexing.flat(p) for p in parts])
    return shaping.concatenate(parts, axis)


def flip(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    axes = axes_of("flip", x, axis)
    turned = (None, None, -1)
    where = tuple(turned if i in axes else (None,) * 3 for i in range(len(x.shape)))
    return shaping.cut(x, where=where)


def pad(x: Any, pad_width: Any, mode: str = "constant") -> Any:
    if mode != "constant":
        raise BadInput(f"np.pad: a trace has borders of zeros only, got mode {mode!r}.")
    n = len(x.shape)
    try:
        pairs = np.broadcast_to(np.asarray(pad_width), (n, 2)).tolist()
    except ValueError:
        pairs = pad_width
    return shaping.pad(x, pairs)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    one = len(axes_of("norm", x, axis)) == 1
    if ord is not None and not (one and ord == 2) and not (ord == "fro" and not one):
        raise BadInput(f"norm: a trace has the root of the sum of squares only, got ord={ord!r}.")
    return composites.norm(x, axis, keepdims)


def take(x: Any, places: Any, axis: int | None = None) -> Any:
    if axis is None:
        return indexing.item(indexing.flat(x), places)
    where = (slice(None),) * axis_of("take", x, axis)
    return indexing.item(x, (*where, places))


def log2(x: Any) -> Any:
    return arithmetic.divide(arithmetic.log(x), float(np.log(2.0)))


def log10(x: Any) -> Any:
    return arithmetic.divide(arithmetic.log(x), float(np.log(10.0)))


def trace(x: Any) -> Any:
    return einsum("ii->", x)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return reducing.mean(x, axis, keepdims)


def var(x: Any, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    return composites.var(x, axis, ddof, keepdims)


def std(x: Any, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    return composites.std(x, axis, ddof, keepdims)


def clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = min if a_min is None else a_min, max if a_max is None else a_max
    return composites.clip(x, low, high)


def reshape(x: Any, *shape: Any) -> Any:
    """`x.reshape(2, 3)` and `x.reshape((2, 3))` alike."""
    given = shape[0] if len(shape) == 1 else shape
    return shaping.reshape(x, (given,) if isinstance(given, int | np.integer) else given)


def transpose(x: Any, *axes: Any) -> Any:
    """`x.transpose(1, 0)` and `x.transpose((1, 0))` alike."""
    given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int | np.integer) else axes
    return shaping.transpose(x, given or None)


_LINALG: Any = np.linalg
FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: reducing.sum, np.mean: mean, np.max: reducing.max, np.amax: reducing.max,
    np.min: reducing.min, np.amin: reducing.min, np.prod: reducing.prod, np.var: var, np.std: std,
    np.average: composites.average, np.cumsum: cumsum, np.argmax: argmax, np.argmin: argmin,
    np.sort: indexing.sort, np.argsort: choosing.argsort, np.where: masks.where, np.clip: clip,
    np.concatenate: concatenate, np.stack: shaping.stack, np.vstack: vstack, np.hstack: hstack,
    np.dot: dot, np.inner: inner, np.outer: lambda a, b: arithmetic.outer(
        indexing.flat(a), indexing.flat(b)
    ),
    np.einsum: lambda signature, *matrices, optimize=False: einsum(signature, *matrices),
    np.reshape: reshape, np.ravel: indexing.flat, np.transpose: shaping.transpose,
    np.swapaxes: swapaxes, np.moveaxis: moveaxis, np.expand_dims: expand_dims,
    np.squeeze: squeeze, np.broadcast_to: shaping.expand, np.pad: pad, np.flip: flip,
    np.round: curves.round, np.around: curves.round, np.take: take, np.trace: trace,
    np.take_along_axis: indexing.take_along_axis, _LINALG.norm: norm,
}  # fmt: skip
UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: arithmetic.add, np.subtract: arithmetic.subtract, np.multiply: arithmetic.multiply,
    np.divide: arithmetic.divide, np.negative: arithmetic.negate, np.positive: shaping.same,
    np.matmul: matmul, np.power: power, np.float_power: power, np.square: curves.square,
    np.sqrt: arithmetic.sqrt, np.absolute: arithmetic.absolute, np.fabs: arithmetic.absolute,
    np.sign: arithmetic.sign, np.reciprocal: lambda x: arithmetic.divide(1.0, x),
    np.exp: arithmetic.exp, np.exp2: lambda x: arithmetic.raised(2.0, x),
    np.expm1: curves.expm1, np.log: arithmetic.log, np.log1p: curves.log1p, np.log2: log2,
    np.log10: log10, np.sin: curves.sin, np.cos: curves.cos, np.tan: curves.tan,
    np.arctan: curves.arctan, np.floor: curves.floor, np.ceil: curves.ceil,
    np.rint: curves.round, np.remainder: arithmetic.remainder, np.maximum: arithmetic.maximum,
    np.minimum: arithmetic.minimum, np.greater: choosing.greater,
    np.greater_equal: choosing.greater_equal, np.less: masks.less,
    np.less_equal: masks.less_equal, np.equal: choosing.equal, np.not_equal: masks.not_equal,
    np.logical_and: masks.logical_and, np.logical_or: masks.logical_or,
    np.logical_not: masks.logical_not, np.bitwise_and: masks.logical_and,
    np.bitwise_or: masks.logical_or, np.invert: masks.logical_not,
}  # fmt: skip
METHODS: dict[str, Callable[..., Any]] = {
    "sum": reducing.sum, "mean": mean, "max": reducing.max, "min": reducing.min,
    "prod": reducing.prod, "var": var, "std": std, "cumsum": cumsum, "argmax": argmax,
    "argmin": argmin, "argsort": choosing.argsort, "clip": clip, "round": curves.round,
    "reshape": reshape, "ravel": indexing.flat, "flatten": indexing.flat, "transpose": transpose,
    "swapaxes": swapaxes, "squeeze": squeeze, "dot": dot, "take": take,
}  # fmt: skip
