"""Cells that move, unchanged: other shapes, parts, borders, side by side."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from fluxlab.engine.catalogue.axes import axes_of, axis_of, sizes_of
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.kinds import Gather, Scatter
from fluxlab.engine.core.kinds.elementwise import unbroadcast
from fluxlab.engine.core.numbers import Array, is_whole, shape_of

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
repeated: Gather = Gather(
    "expand", lambda x, shape, axes=(): np.broadcast_to(np.expand_dims(x, axes), shape), view=True,
    vjp=lambda operand, step, dC: _unexpand(dC, step),
    latex="<0>", words="<0>, repeated for every cell", noun="repeated",
)  # fmt: skip
same: Gather = Gather(
    "same", lambda x: x[...], view=True, vjp=lambda operand, step, dC: dC,
    latex="<0>", numpy="<0>", words="<0>, passed on unchanged",
)  # fmt: skip
cut: Gather = Gather(
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
    vjp=lambda operand, step, dC: cut(dC, where=_inside(step.inputs[0].shape, **step.params)),
    calls=lambda out, arrays, before, after: [
        (out.fill, 0.0),
        (np.copyto, _within(out, arrays[0].shape, before, after), *arrays),
    ],
    latex=r"\operatorname{pad} <0>", words="<0> with a border of zeros",
)  # fmt: skip
# One template for any number of inputs or axes.
repeated.numpy_template = lambda step: (  # type: ignore[method-assign]
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
    return unbroadcast(dC, step.inputs[0].shape)


def _part(operand: int, step: Any, dC: Any) -> Any:
    axis = step.params["axis"]
    sizes = [m.shape[axis] for m in step.inputs]
    start = int(np.sum(sizes[:operand]))
    where: list[Any] = [(None, None, None)] * len(step.output.shape)
    where[axis] = (start, start + sizes[operand], None)
    return cut(dC, where=tuple(where))


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order (default: reversed)."""
    n = len(shape_of("transpose", "x", x))
    order = tuple(reversed(range(n))) if axes is None else axes
    if len(axes_of("transpose", x, order)) < n:
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
    return repeated(x, shape=sizes_of("expand", shape))


def concatenate(parts: Sequence[Any], axis: int = 0) -> Any:
    """Matrices side by side along `axis`."""
    if not isinstance(parts, Sequence | np.ndarray) or not len(parts):
        raise BadInput(
            f"concatenate: parts must be a list of matrices, at least one, got {parts!r}."
        )
    along = axis_of("concatenate", parts[0], axis)
    return _concatenate(*parts, axis=along)


def stack(parts: Sequence[Any], axis: int = 0) -> Any:
    """Matrices of one shape along a new axis; numbers become a row."""
    if not isinstance(parts, Sequence | np.ndarray) or not len(parts):
        raise BadInput(f"stack: parts must be a list of matrices, at least one, got {parts!r}.")
    shapes = [shape_of("stack", "parts", part) for part in parts]
    if len(set(shapes)) > 1:
        raise BadInput(
            f"stack: parts are {' and '.join(map(size, dict.fromkeys(shapes)))}; all must have the "
            "same shape. To put them side by side as they are, take fl.concatenate."
        )
    n = len(shapes[0])
    if not is_whole(axis) or not -n - 1 <= axis <= n:
        raise BadInput(f"stack: axis must be a whole number, {-n - 1} to {n}, got {axis!r}.")
    at = axis % (n + 1)
    wide = (*shapes[0][:at], 1, *shapes[0][at:])
    return concatenate([reshape(part, wide) for part in parts], axis=at)


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
