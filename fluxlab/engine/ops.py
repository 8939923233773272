"""The catalogue of operations. `fl.exp(a)` records a step in a trace, or computes plain numbers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from fluxlab.engine.batches import batch_is_real, batch_rows, rows
from fluxlab.engine.errors import BadInput, size
from fluxlab.engine.kinds import MINUS_ONE, ONE, Contraction, Elementwise, Reduction
from fluxlab.engine.kinds.moves import Gather, Scatter, Selection
from fluxlab.engine.numbers import is_whole, shape_of, whole
from fluxlab.engine.op import Array
from fluxlab.engine.operators import matmul
from fluxlab.engine.windows import first_largest_of

# -- elementwise --------------------------------------------------------------------------

add: Elementwise = Elementwise(
    "add", lambda u, v: u + v, np.add, (ONE, ONE),
    latex="<0> + <1>", numpy="<0> + <1>", words="<0> plus <1>", noun="sum",
)  # fmt: skip
subtract: Elementwise = Elementwise(
    "subtract", lambda u, v: u - v, np.subtract, (ONE, MINUS_ONE),
    latex="<0> - <1>", numpy="<0> - <1>", words="<0> minus <1>", noun="difference",
)  # fmt: skip
multiply: Elementwise = Elementwise(
    "multiply", lambda u, v: u * v, np.multiply,
    (lambda out, u, v: v, lambda out, u, v: u),
    latex=r"<0> \odot <1>", numpy="<0> * <1>", words="<0> times <1>, cell by cell",
    noun="product",
)  # fmt: skip
divide: Elementwise = Elementwise(
    "divide", lambda u, v: np.divide(u, v), np.divide,
    (lambda out, u, v: divide(1.0, v), lambda out, u, v: negate(divide(out, v))),
    latex=r"\frac{<0>}{<1>}", numpy="<0> / <1>", words="<0> divided by <1>",
    noun="quotient",
)  # fmt: skip
negate: Elementwise = Elementwise(
    "negate", lambda u: -u, np.negative, (MINUS_ONE,),
    latex="-<0>", numpy="-<0>", words="<0> with its sign turned",
    noun="negative",
)  # fmt: skip
power: Elementwise = Elementwise(
    "power", lambda u, exponent: np.power(u, float(exponent)),
    lambda out, u, exponent: (
        [(np.square, u, out)] if exponent == 2 else [(np.power, u, np.array(float(exponent)), out)]
    ),
    (
        lambda out, u, exponent: multiply(
            float(exponent), u if exponent in (0, 2) else power(u, exponent=exponent - 1)
        ),
    ),
    latex="{<0>}^{<exponent>}", numpy="<0> ** <exponent>", words="<0> to the power of <exponent>",
)  # fmt: skip
exp: Elementwise = Elementwise(
    "exp", np.exp, np.exp, (lambda out, u: out,),
    latex="e^{<0>}", numpy="np.exp(<0>)", words="e to the power of <0>",
)  # fmt: skip
log: Elementwise = Elementwise(
    "log", np.log, np.log, (lambda out, u: divide(1.0, u),),
    latex=r"\ln <0>", numpy="np.log(<0>)", words="the natural logarithm of <0>",
)  # fmt: skip
sqrt: Elementwise = Elementwise(
    "sqrt", np.sqrt, np.sqrt, (lambda out, u: divide(0.5, out),),
    latex=r"\sqrt{<0>}", numpy="np.sqrt(<0>)", words="the square root of <0>",
)  # fmt: skip
absolute: Elementwise = Elementwise(
    "absolute", np.abs, np.absolute, (lambda out, u: sign(u),),
    latex="|<0>|", numpy="np.abs(<0>)", words="<0> without its sign",
)  # fmt: skip
sign: Elementwise = Elementwise(
    "sign", np.sign, np.sign, (None,),
    latex=r"\operatorname{sign} <0>", numpy="np.sign(<0>)", words="the sign of <0>: -1, 0 or 1",
)  # fmt: skip
maximum: Elementwise = Elementwise(
    "maximum", np.maximum, np.maximum,
    (lambda out, u, v: greater(u, v), lambda out, u, v: subtract(1.0, greater(u, v))),
    latex=r"\max(<0>, <1>)", numpy="np.maximum(<0>, <1>)", words="the larger of <0> and <1>",
)  # fmt: skip
squared_error: Elementwise = Elementwise(
    "squared_error", lambda y, t: (y - t) ** 2,
    lambda out, y, t: [(np.subtract, y, t, out), (np.square, out, out)],
    (lambda out, y, t: error_slope(y, t), lambda out, y, t: error_slope(t, y)),
    latex="(<0> - <1>)^2", numpy="(<0> - <1>) ** 2", words="how far <0> is from <1>, squared",
)  # fmt: skip
error_slope: Elementwise = Elementwise(
    "error_slope", lambda y, t: 2 * (y - t),
    lambda out, y, t: [(np.subtract, y, t, out), (np.add, out, out, out)], (None, None),
    latex=r"2\,(<0> - <1>)", numpy="2 * (<0> - <1>)", words="twice the difference of <0> and <1>",
)  # fmt: skip
step_down: Elementwise = Elementwise(
    "step_down", lambda w, rate, gradient: w - rate * gradient,
    lambda out, w, rate, gradient: (
        lambda change: [(np.multiply, gradient, rate, change), (np.subtract, w, change, out)]
    )(np.empty_like(gradient)),
    (None, None, None),
    latex=r"<0> - <1> \cdot <2>", numpy="<0> - <1> * <2>",
    words="<0>, moved against its gradient: minus <1> times <2>",
)  # fmt: skip
add_all: Elementwise = Elementwise(
    "add_all", lambda *cells: sum(cells),
    lambda out, *arrays: [
        (np.add, arrays[0], arrays[1], out), *((np.add, out, more, out) for more in arrays[2:])
    ],
    (ONE,), latex="", numpy="", words="the shares of all uses, added up", noun="sum",
)  # fmt: skip
hold: Elementwise = Elementwise(
    "hold", lambda u: u, np.positive, (None,),
    latex=r"\overline{<0>}", numpy="np.positive(<0>)",
    words="<0>, held: the backward pass and the gradient check take it for a fixed number",
)  # fmt: skip
# One template for any number of inputs.
add_all.latex_template = lambda step: " + ".join(f"<{i}>" for i in range(len(step.inputs)))  # type: ignore[method-assign]
add_all.numpy_template = add_all.latex_template  # type: ignore[method-assign]

# -- contraction --------------------------------------------------------------------------

contract = Contraction("contract", noun="product")


def einsum(signature: str, left: Any, right: Any) -> Any:
    """Products summed over the letters that the output lacks, as in `np.einsum` of two inputs."""
    if not isinstance(signature, str):
        raise BadInput(f"einsum: signature must be a text such as 'ij,jk->ik', got {signature!r}.")
    return contract(left, right, signature=signature.replace(" ", ""))


def outer(left: Any, right: Any) -> Any:
    """Every cell of one vector times every cell of another: (n,) and (m,) give (n, m)."""
    return contract(left, right, signature="i,j->ij")


# -- reduction ----------------------------------------------------------------------------


def _axes(name: str, x: Any, axis: Any) -> tuple[int, ...]:
    """The axes asked for (None: all), counted from the front; BadInput if there are none such."""
    shape = shape_of(name, "x", x)
    n = len(shape)
    chosen = list(range(n) if axis is None else axis if isinstance(axis, list | tuple) else [axis])
    there = all(is_whole(a) and -n <= a < n for a in chosen)
    found = sorted({int(a) % n for a in chosen}) if there else []
    if len(found) < len(chosen):
        raise BadInput(
            f"{name}: axis {axis!r} does not exist, or twice, in a matrix that is "
            f"{size(shape)}; its axes are 0 to {n - 1}."
        )
    return tuple(found)


def _axis(name: str, x: Any, axis: Any) -> int:
    if not is_whole(axis):
        raise BadInput(f"{name}: axis must be one whole number, got {axis!r}.")
    return _axes(name, x, axis)[0]


def _sizes(name: str, shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, list | tuple) or not all(is_whole(n) and n > 0 for n in shape):
        raise BadInput(
            f"{name}: shape must be a list of whole numbers, 1 or more, such as (3, 4); got "
            f"{shape!r}."
        )
    return tuple(int(n) for n in shape)


def _spread(matrix: Any, step: Any) -> Any:
    """Repeat a reduced gradient over the cells that were reduced."""
    shape, axes = step.inputs[0].shape, step.params["axes"]
    if not step.params["keepdims"] and axes and len(axes) < len(shape):
        return _expand(matrix, shape=shape, axes=axes)
    return _expand(matrix, shape=shape)


def _count(step: Any) -> float:
    return float(prod(step.inputs[0].shape[a] for a in step.params["axes"]))


_sum = Reduction(
    "sum", np.add, False, lambda step, dC: _spread(dC, step),
    latex=r"\sum <0>", numpy="np.sum(<0>)",
)  # fmt: skip
_mean = Reduction(
    "mean", np.add, True,
    lambda step, dC: _spread(divide(dC, _count(step)).named(f"{dC.local} per cell"), step),
    latex=r"\operatorname{mean} <0>", numpy="np.mean(<0>)",
)  # fmt: skip


def _max_vjp(step: Any, dC: Any) -> Any:
    mask = first_largest_of(step.inputs[0], step.output, axes=step.params["axes"])
    mask.named("is largest")
    return multiply(_spread(dC, step).named(f"{dC.local} repeated"), mask)


_max = Reduction("max", np.maximum, False, _max_vjp, latex=r"\max <0>", numpy="np.max(<0>)")


def sum(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The sum of the cells along `axis` (default: of all cells)."""
    return _sum(x, axes=_axes("sum", x, axis), keepdims=keepdims)


def mean(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The mean of the cells along `axis` (default: of all cells)."""
    return _mean(x, axes=_axes("mean", x, axis), keepdims=keepdims)


def max(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The largest cell along `axis` (default: of all). Its gradient goes to the first largest."""
    return _max(x, axes=_axes("max", x, axis), keepdims=keepdims)


def first_largest(x: Any, axis: int) -> Any:
    """1 at the first largest cell along `axis`, else 0."""
    axes = _axes("first_largest", x, axis)
    return first_largest_of(x, _max(x, axes=axes, keepdims=True), axes=axes)


# -- gather and scatter -------------------------------------------------------------------

_transpose: Gather = Gather(
    "transpose", lambda x, axes: x.transpose(axes), view=True,
    vjp=lambda operand, step, dC: transpose(dC, np.argsort(step.params["axes"]).tolist()),
    latex=r"{<0>}^{\top}", numpy="<0>.transpose(<axes>)", words="<0>, rows and columns exchanged",
    noun="transposed",
)  # fmt: skip
_reshape: Gather = Gather(
    "reshape", lambda x, shape: x.reshape(shape), view=True,
    vjp=lambda operand, step, dC: _reshape(dC, shape=step.inputs[0].shape),
    calls=lambda out, arrays, shape: [(np.copyto, out.reshape(arrays[0].shape), arrays[0])],
    latex=r"\operatorname{reshape} <0>", numpy="<0>.reshape(<shape>)",
    words="the cells of <0> in another shape", noun="reshaped",
)  # fmt: skip
_expand: Gather = Gather(
    "expand", lambda x, shape, axes=(): np.broadcast_to(np.expand_dims(x, axes), shape), view=True,
    vjp=lambda operand, step, dC: _unexpand(dC, step),
    latex="<0>", words="<0>, repeated for every cell", noun="repeated",
)  # fmt: skip
same: Gather = Gather(
    "same", lambda x: x[...], view=True, vjp=lambda operand, step, dC: dC,
    latex="<0>", numpy="<0>", words="<0>, passed on unchanged",
)  # fmt: skip
_slice: Gather = Gather(
    "slice", lambda x, where: x[tuple(slice(*p) if isinstance(p, tuple) else p for p in where)],
    view=True, latex=r"{<0>}_{\text{part}}", words="a part of <0>", noun="part",
)  # fmt: skip
_concatenate: Gather = Gather(
    "concatenate", lambda parts, axis: np.concatenate(parts, axis=axis), sources=None,
    vjp=lambda operand, step, dC: _part(operand, step, dC),
    calls=lambda out, arrays, axis: _side_by_side(out, arrays, axis),
    latex=r"[<0> \;\cdots]",
    words="<0> and the others, side by side", noun="side by side",
)  # fmt: skip
_pad: Gather = Gather(
    "pad", lambda x, before, after: np.pad(x, tuple(zip(before, after, strict=True))),
    vjp=lambda operand, step, dC: _slice(dC, where=_inside(step.inputs[0].shape, **step.params)),
    calls=lambda out, arrays, before, after: [
        (out.fill, 0.0),
        (np.copyto, _within(out, arrays[0].shape, before, after), *arrays),
    ],
    latex=r"\operatorname{pad} <0>", words="<0> with a border of zeros",
)  # fmt: skip
# One template for any number of inputs or axes.
_expand.numpy_template = lambda step: (  # type: ignore[method-assign]
    "np.broadcast_to(np.expand_dims(<0>, <axes>), <shape>)" if "axes" in step.params
    else "np.broadcast_to(<0>, <shape>)"
)  # fmt: skip
_concatenate.numpy_template = lambda step: (  # type: ignore[method-assign]
    f"np.concatenate([{', '.join(f'<{i}>' for i in range(len(step.inputs)))}], axis=<axis>)"
)
_pad.numpy_template = lambda step: (  # type: ignore[method-assign]
    f"np.pad(<0>, {tuple(zip(step.params['before'], step.params['after'], strict=True))})"
)


scatter = Scatter(
    "scatter", latex=r"\operatorname{back} <0>", numpy="np.add.at(<0>)",
    words="the cells of <0>, each added up where it came from",
)  # fmt: skip


def _inside(shape: Any, before: Any, after: Any) -> tuple[tuple[int, int, None], ...]:
    """Where a matrix lies within its border."""
    return tuple((b, b + n, None) for b, n in zip(before, shape, strict=True))


def _within(out: Array, shape: Any, before: Any, after: Any) -> Array:
    return out[tuple(slice(start, stop) for start, stop, _ in _inside(shape, before, after))]


def _side_by_side(out: Array, arrays: Sequence[Array], axis: int) -> list[tuple[Any, ...]]:
    edges = np.cumsum([0, *(a.shape[axis] for a in arrays)])
    whole = np.moveaxis(out, axis, 0)
    parts = [whole[i:j] for i, j in itertools.pairwise(edges)]
    given = [np.moveaxis(array, axis, 0) for array in arrays]
    return [(np.copyto, *both) for both in zip(parts, given, strict=True)]


def _unexpand(dC: Any, step: Any) -> Any:
    from fluxlab.engine.kinds.elementwise import unbroadcast

    return unbroadcast(dC, step.inputs[0].shape)


def _part(operand: int, step: Any, dC: Any) -> Any:
    axis = step.params["axis"]
    sizes = [m.shape[axis] for m in step.inputs]
    start = int(np.sum(sizes[:operand]))
    where: list[Any] = [(None, None, None)] * len(step.output.shape)
    where[axis] = (start, start + sizes[operand], None)
    return _slice(dC, where=tuple(where))


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order (default: reversed)."""
    n = len(shape_of("transpose", "x", x))
    order = tuple(reversed(range(n))) if axes is None else axes
    if len(_axes("transpose", x, order)) < n:
        raise BadInput(f"transpose: axes must name each of 0 to {n - 1} once, got {axes!r}.")
    return _transpose(x, axes=tuple(order))


def reshape(x: Any, shape: Sequence[int]) -> Any:
    """The same cells, row by row, in another shape; one -1 is worked out."""
    given = shape_of("reshape", "x", x)
    try:
        full = np.empty(given).reshape(tuple(shape)).shape
    except (TypeError, ValueError):
        raise BadInput(f"reshape: {size(given)} cells do not fill the shape {shape!r}.") from None
    return _reshape(x, shape=full)


def expand(x: Any, shape: Sequence[int]) -> Any:
    """The matrix repeated to fill `shape`, as broadcasting does."""
    return _expand(x, shape=_sizes("expand", shape))


def concatenate(parts: Sequence[Any], axis: int = 0) -> Any:
    """Matrices side by side along `axis`."""
    if not isinstance(parts, Sequence | np.ndarray) or not len(parts):
        raise BadInput(
            f"concatenate: parts must be a list of matrices, at least one, got {parts!r}."
        )
    along = _axis("concatenate", parts[0], axis)
    return _concatenate(*parts, axis=along)


def pad(x: Any, widths: Sequence[tuple[int, int]]) -> Any:
    """A border of zeros: one (before, after) pair per axis."""
    axes = shape_of("pad", "x", x)
    pairs = list(widths) if isinstance(widths, list | tuple) else []
    if len(pairs) != len(axes) or not all(map(_is_border, pairs)):
        raise BadInput(
            f"pad: widths must be one (before, after) pair for each of the {len(axes)} axes, whole "
            f"numbers of 0 or more, got {widths!r}."
        )
    return _pad(x, before=tuple(b for b, _ in pairs), after=tuple(a for _, a in pairs))


def _is_border(pair: Any) -> bool:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return False
    return all(is_whole(n) and n >= 0 for n in pair)


# -- selection ----------------------------------------------------------------------------


def _uniform(key: Array, shape: tuple[int, ...], seed: int) -> Array:
    if np.any(key < 0) or np.any(key != np.floor(key)):
        raise BadInput(f"uniform: key must hold whole numbers, 0 or more, got {key!r}.")
    words = [seed, *(int(k) for k in np.ravel(key))]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words))).random(shape)


greater: Selection = Selection(
    "greater", lambda u, v: np.greater(u, v).astype(np.float64), False, unit=True,
    latex="[<0> > <1>]", numpy="(<0> > <1>) * 1.0", words="1 where <0> is greater than <1>, else 0",
)  # fmt: skip
_argmax: Selection = Selection(
    "argmax", lambda x, axis: np.argmax(x, axis=axis), True,
    latex=r"\operatorname{argmax} <0>", numpy="np.argmax(<0>, axis=<axis>)",
    words="the place of the largest cell of <0>",
)  # fmt: skip
_top: Selection = Selection(
    "top", lambda x, k, axis: np.take(np.argsort(-x, axis, "stable"), range(k), axis), True,
    latex=r"\operatorname{top}_{<k>} <0>", numpy="np.argsort(-<0>, axis=<axis>)[:<k>]",
    words="the places of the <k> largest cells of <0>, the largest first",
)  # fmt: skip
_random: Selection = Selection(
    "uniform", _uniform, False, everything=True, unit=True,
    latex=r"U(<0>)", numpy="uniform(<0>, <shape>)",
    words="random numbers between 0 and 1; the numbers in <0> decide which, so they come back",
    noun="random draw",
)  # fmt: skip


def argmax(x: Any, axis: int = -1) -> Any:
    """The place of the largest cell along `axis`; the first of equals."""
    return _argmax(x, axis=_axis("argmax", x, axis))


def top(x: Any, k: int, axis: int = -1) -> Any:
    """The places of the `k` largest cells along `axis`, the largest first."""
    whole("top", "k", k, 1)
    return _top(x, k=k, axis=_axis("top", x, axis))


def _bell(u: Array) -> Array:
    """Uniform numbers to normal ones, in pairs (Box and Muller, 1958)."""
    flat = u.ravel()
    half = (flat.size + 1) // 2
    first, second = flat[:half], flat[flat.size - half :]
    radius, turn = np.sqrt(-2 * np.log(1 - first)), 2 * np.pi * second
    made = np.concatenate([radius * np.cos(turn), (radius * np.sin(turn))[: flat.size - half]])
    return made.reshape(u.shape)


bell: Selection = Selection(
    "bell", _bell, False, everything=True, latex=r"N(<0>)", numpy="normal(<0>)",
    words="<0>, spread out as a bell curve of mean 0 and standard deviation 1", noun="normal draw",
)  # fmt: skip


def uniform(key: Any, shape: Sequence[int], seed: int = 0) -> Any:
    """Random numbers in [0, 1), a function of `seed` and `key`, such as the iteration.

    The same key gives the same numbers, so a step back brings them back.
    """
    whole("uniform", "seed", seed, 0)
    return _random(key, shape=_sizes("uniform", shape), seed=seed)


__all__ = [
    "absolute", "add", "argmax", "batch_is_real", "batch_rows", "bell", "concatenate", "contract",
    "divide", "einsum", "exp", "expand",
    "first_largest", "greater", "hold", "log", "matmul", "max", "maximum", "mean", "multiply",
    "negate", "outer", "pad", "power", "reshape", "rows", "same", "sign", "sqrt",
    "squared_error", "subtract", "sum", "top", "transpose", "uniform",
]  # fmt: skip
