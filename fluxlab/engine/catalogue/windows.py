"""Windows of images: cut out, put back, and the winner of each.

Convolutions read windows that overlap. They are copied, once, into storage in which the cells of
a window and the windows are two axes of one table, so that a convolution is one matrix product.
Pooling reads windows that do not overlap; these are a view, and cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.kinds.moves import Gather, Selection
from fluxlab.engine.core.kinds.reduction import FEW, places
from fluxlab.engine.core.memory import is_view, like, order_of
from fluxlab.engine.core.numbers import Array, Indices, Shape, shape_of
from fluxlab.engine.core.op import Call, Op, Params, bound, grid

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Matrix, Step

Pair = tuple[int, int]


def _windows(x: Any, window: Pair, stride: Pair, writeable: bool = False) -> Any:
    seen = np.lib.stride_tricks.sliding_window_view(x, window, axis=(-2, -1), writeable=writeable)
    return seen[..., :: stride[0], :: stride[1], :, :]


def _overlap(window: Pair, stride: Pair) -> bool:
    return stride[0] < window[0] or stride[1] < window[1]


def _places(cell: tuple[int, ...], n: Shape, window: Pair, stride: Pair) -> Indices:
    """Where the windows show a cell (..., row, column): rows (..., i, j, u, v)."""
    *lead, row, column = cell
    found = [
        [(i, at - i * s) for i in range(count) if 0 <= at - i * s < length]
        for at, count, length, s in zip((row, column), n, window, stride, strict=True)
    ]
    rows = [[*lead, i, j, u, v] for i, u in found[0] for j, v in found[1]]
    return np.array(rows, dtype=np.intp).reshape(len(rows), len(cell) + 2)


def _origin(index: tuple[int, ...], stride: Pair) -> Indices:
    """The cell that the windows show at (..., i, j, u, v), as one row (..., row, column)."""
    *lead, i, j, u, v = index
    return np.array([[*lead, i * stride[0] + u, j * stride[1] + v]], dtype=np.intp)


class Patches(Gather):
    """Every window of the last two axes: (..., H, W) to (..., rows, columns, *window)."""

    def output(self, arrays: Sequence[Array], params: Params) -> Array:
        (x,) = arrays
        if not _overlap(**params):
            seen: Array = _windows(x, **params)
            return seen
        shape = self.shape([x.shape], params)
        order = self._order(x.ndim)
        return np.empty([shape[axis] for axis in order]).transpose(np.argsort(order))

    def _order(self, axes: int) -> list[int]:
        """Axes as they lie in memory: channel, place in the window, window, sample."""
        lead = list(range(1, axes - 2))
        i, j, u, v = range(axes - 2, axes + 2)
        return [*lead, u, v, i, j, *([0] if axes > 2 else [])]

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        (x,) = arrays
        if is_view(out, x):
            return []
        calls: list[Call] = []
        # Long runs are copied fast: the samples, which every copy takes whole, come last.
        turned = x.transpose([*range(1, x.ndim), 0]) if x.ndim > 2 else x
        if not turned.flags.c_contiguous:
            own = np.empty(turned.shape)
            calls.append(partial(np.copyto, own, turned))
            turned = own
        x = turned.transpose([x.ndim - 1, *range(x.ndim - 1)]) if x.ndim > 2 else turned
        order = self._order(x.ndim)
        seen = _windows(x, **params).transpose(order)
        return [*calls, partial(np.copyto, out.transpose(order), seen)]

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        return [(0, _origin(index, step.params["stride"]))]

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        return _places(index, step.output.shape[-4:-2], **step.params)

    def vjp(self, operand: int, step: Step, dC_dout: Matrix) -> Matrix:
        shape = step.inputs[0].shape
        return unpatch(dC_dout, shape=shape, **step.params)  # type: ignore[no-any-return]

    def axes(self, step: Step) -> tuple[str | None, ...]:
        return (*step.inputs[0].axes, "window row", "window column")


class Unpatch(Op):
    """The reverse of patches: each cell goes back to where it came from, and adds up there."""

    kind = "gather"

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        return tuple(params["shape"])

    def _own(self, params: Params) -> dict[str, Any]:
        return {"window": params["window"], "stride": params["stride"]}

    def output(self, arrays: Sequence[Array], params: Params) -> Array:
        (moved,), shape = arrays, params["shape"]
        lead, n = moved.ndim - 4, moved.ndim
        if params["window"] == params["stride"] and not _overlap(**self._own(params)):
            # Windows side by side: the same storage, seen as rows and columns again.
            order = [*range(lead), n - 4, n - 2, n - 3, n - 1]
            covered = moved.shape[-4] * moved.shape[-2], moved.shape[-3] * moved.shape[-1]
            if covered == tuple(shape[-2:]):
                whole = moved.transpose(order).reshape(shape)
                if np.may_share_memory(whole, moved):
                    return whole
        return like(moved[..., 0, 0], shape)

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        (moved,), own = arrays, self._own(params)
        if is_view(out, moved):
            return []
        clear: list[Call] = [partial(out.fill, 0.0)]
        if not _overlap(**own):
            seen = _windows(out, **own, writeable=True)
            whole = seen.size == out.size
            return [*([] if whole else clear), partial(np.copyto, seen, moved)]
        (rows, columns), (down, right) = moved.shape[-4:-2], own["stride"]
        for u, v in np.ndindex(*own["window"]):
            part = out[..., u : u + down * rows : down, v : v + right * columns : right]
            clear.append(bound(np.add, part, moved[..., u, v], part))
        return clear

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        return [(0, _places(index, step.inputs[0].shape[-4:-2], **self._own(step.params)))]

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        return float(np.sum(values[0]))

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        return _origin(index, step.params["stride"])

    def joined(self, step: Step) -> str:
        return "sum"


class FirstLargest(Selection):
    """1 at the first cell of each group along `axes` that equals the group's largest.

    The largest may have lost the axes, or have kept them with length 1.
    """

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        x, largest = arrays
        if largest.ndim < x.ndim:
            largest = np.expand_dims(largest, params["axes"])
        if np.prod([x.shape[axis] for axis in params["axes"]]) > FEW:
            return super().bind(out, arrays, params)
        # All cells at one place of their group lie together, so that comparing them is one run.
        axes = params["axes"]
        order = [*axes, *(axis for axis in order_of(out) if axis not in axes)]
        flags = np.empty([out.shape[axis] for axis in order], np.bool_).transpose(np.argsort(order))
        taken, *others = places(flags, axes)
        seen = np.empty_like(taken)
        calls = [bound(np.equal, x, largest, flags), bound(np.copyto, seen, taken)]
        for mark in others:
            calls += [bound(np.greater, mark, seen, mark), bound(np.logical_or, mark, seen, seen)]
        # After the last place nobody asks any more what was seen.
        return [*calls[: 2 * len(others) + 1], partial(out.__setitem__, ..., flags)]

    def output(self, arrays: Sequence[Array], params: Params) -> Array:
        return like(arrays[0])

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        axes, shape = step.params["axes"], step.inputs[0].shape
        group = grid([range(n) if a in axes else [index[a]] for a, n in enumerate(shape)])
        kept = len(step.inputs[1].shape) == len(shape)
        edge = [0 if a in axes else i for a, i in enumerate(index) if kept or a not in axes]
        return [(0, group), (1, np.array([edge], dtype=np.intp).reshape(1, -1))]

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        group, edge = values
        axes, shape = step.params["axes"], step.inputs[0].shape
        own = [index[a] for a in axes]
        number = int(np.ravel_multi_index(own, [shape[a] for a in axes])) if own else 0
        equal = group == edge
        return float(equal[number] and not equal[:number].any())

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        axes, shape = step.params["axes"], step.output.shape
        whole = list(index)
        if len(index) < len(shape):
            for axis in axes:  # from the front, as they are sorted
                whole.insert(axis, 0)
        return grid([range(n) if a in axes else [whole[a]] for a, n in enumerate(shape)])


def _choose_first(x: Array, largest: Array, axes: tuple[int, ...]) -> Array:
    last = tuple(range(x.ndim - len(axes), x.ndim))
    largest = largest if largest.ndim == x.ndim else np.expand_dims(largest, axes)
    equal = np.moveaxis(x == largest, axes, last)
    rows = equal.reshape(*equal.shape[: last[0]], -1)
    first = (rows & (np.cumsum(rows, axis=-1) == 1)).reshape(equal.shape)
    made: Array = np.moveaxis(first, last, axes) * 1.0
    return made


_patches: Patches = Patches(
    "patches", _windows, latex=r"\operatorname{patches} <0>",
    numpy="patches(<0>, <window>, <stride>)", words="every <window> window of <0>",
)  # fmt: skip
unpatch = Unpatch(
    "unpatch", latex=r"\operatorname{back} <0>",
    numpy="unpatch(<0>, <shape>, <window>, <stride>)",
    words="the cells of <0>, each added up where its window had it from",
)  # fmt: skip
first_largest_of: FirstLargest = FirstLargest(
    "first_largest", _choose_first, True, unit=True,
    latex=r"[<0> = <1>]", numpy="first_largest(<0>, <1>, <axes>)",
    words="1 at the first cell of its group in <0> that equals <1>, else 0",
)  # fmt: skip


def pair(function: str, argument: str, value: Any, least: int = 1) -> Pair:
    """One whole number for rows and columns alike, or a pair of them."""
    both = value if isinstance(value, tuple | list) else (value, value)
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in both)
    if len(both) != 2 or not whole or min(both) < least:
        raise BadInput(
            f"{function}: {argument} must be a whole number, {least} or more, or a pair of them "
            f"(rows, columns), got {value!r}."
        )
    return int(both[0]), int(both[1])


def must_fit(function: str, window: Pair, shape: Shape, into: str) -> None:
    """Refuse a window that is larger than the last two axes of `shape`."""
    if len(shape) < 2 or window[0] > shape[-2] or window[1] > shape[-1]:
        raise BadInput(f"{function}: a window of {size(window)} does not fit into {into}")


def patches(x: Any, window: int | Pair, stride: int | Pair = 1) -> Any:
    """Every window of the last two axes: (..., H, W) gives (..., rows, columns, *window)."""
    shape = shape_of("patches", "x", x)
    window, stride = pair("patches", "window", window), pair("patches", "stride", stride)
    advice = "; take a smaller window, or add a border with fl.pad."
    must_fit("patches", window, shape, f"a matrix that is {size(shape)}{advice}")
    return _patches(x, window=window, stride=stride)
