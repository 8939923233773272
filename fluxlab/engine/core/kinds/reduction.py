"""Sum, mean, product, maximum and minimum along axes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine.core.errors import BadInput, counted, size
from fluxlab.engine.core.kinds.elementwise import Local
from fluxlab.engine.core.memory import LARGE, is_flat, like, order_of
from fluxlab.engine.core.numbers import Array, Indices, Shape
from fluxlab.engine.core.op import Call, Op, Params, bound, grid

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Matrix, Step

FEW, SMALL = 32, 32  # measured: below `SMALL` cells per call NumPy's own reduction is faster
WIDE = 128  # cells of a row from which on a product with ones is as fast as it can be


def places(array: Any, axes: Sequence[int]) -> list[Any]:
    """For each place along `axes` the view of the cells there; these axes stay, of length 1."""
    every = [range(n) if axis in axes else range(1) for axis, n in enumerate(array.shape)]
    return [
        array[
            tuple(slice(i, i + 1) if axis in axes else slice(None) for axis, i in enumerate(where))
        ]
        for where in itertools.product(*every)
    ]


def sum_calls(table: Array, row: Array) -> list[Call]:
    """The sum of a table's rows; short rows are taken several as one, and these summed at last."""
    count, width = table.shape
    part = next((k for k in range(-(-WIDE // width), count) if count % k == 0), count)
    if table.size <= LARGE or width >= WIDE or part == count:
        return [partial(np.ones(count).dot, table, row)]
    wide = np.empty(part * width)
    first = partial(np.ones(count // part).dot, table.reshape(-1, wide.size), wide)
    return [first, partial(np.ones(part).dot, wide.reshape(part, width), row)]


def few_calls(ufunc: np.ufunc, array: Array, axes: Sequence[int], out: Array) -> list[Call]:
    """Reduce few cells each, for many: place by place, which walks through memory in long runs.

    Axis by axis, the slowest first, as the runs are then longest. `out` keeps its axes.
    """
    axis, *rest = axes
    shape = tuple(1 if a == axis else n for a, n in enumerate(array.shape))
    target = like(array, shape) if rest else out
    first, *others = places(array, [axis])
    calls = [bound(np.positive, first, target)] if not others else []
    for number, other in enumerate(others):
        calls.append(bound(ufunc, target if number else first, other, target))
    return calls + (few_calls(ufunc, target, rest, out) if rest else [])


class Reduction(Op):
    """Many cells become one, along `axes` (a tuple; `keepdims` keeps them with length 1)."""

    kind = "reduction"

    def __init__(self, name: str, ufunc: np.ufunc, average: bool, vjp: Local, **texts: Any) -> None:
        super().__init__(name, **texts)
        self._ufunc, self._average, self._vjp = ufunc, average, vjp

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        (shape,), axes = shapes, params["axes"]
        if any(not 0 <= axis < len(shape) for axis in axes):
            raise BadInput(
                f"{self.name}: axes {axes} do not exist in a matrix that is {size(shape)}."
            )
        if params["keepdims"]:
            return tuple(1 if axis in axes else n for axis, n in enumerate(shape))
        return tuple(n for axis, n in enumerate(shape) if axis not in axes)

    def output(self, arrays: Sequence[Array], params: Params) -> Array:
        (array,), axes = arrays, params["axes"]
        shape = self.shape([array.shape], params)
        if array.flags.c_contiguous:
            return np.empty(shape)
        if not params["keepdims"]:
            array = array[tuple(0 if i in axes else slice(None) for i in range(array.ndim))]
        return like(array, shape)

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        (array,), axes = arrays, params["axes"]
        count = prod(array.shape[i] for i in axes)
        whole = out if params["keepdims"] else np.expand_dims(out, axes)
        order, calls = order_of(array), list[Call]()
        table, row = array.transpose(order), whole.transpose(order)
        slowest = sorted(order[: len(axes)]) == sorted(axes)
        if self._ufunc is np.add and slowest and table.flags.c_contiguous and is_flat(row):
            # A product with a row of ones sums the slowest axes six times as fast as np.sum.
            calls = sum_calls(table.reshape(count, -1), row.reshape(-1))
        elif 1 < count <= FEW and out.size > SMALL * count:
            calls = few_calls(self._ufunc, array, [a for a in order if a in axes], whole)
        else:
            reduce: Any = self._ufunc.reduce
            calls = [partial(reduce, array, axes, None, out, params["keepdims"])]
        if self._average:
            calls.append(bound(np.divide, out, np.array(float(count)), out))
        return calls

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        shape, axes = step.inputs[0].shape, step.params["axes"]
        rest = iter(index)
        ranges: list[Sequence[int]] = []
        for axis, n in enumerate(shape):
            if axis in axes:
                ranges.append(range(n))
                if step.params["keepdims"]:
                    next(rest)
            else:
                ranges.append([next(rest)])
        return [(0, grid(ranges))]

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        (cells,) = values
        if self._average:
            return float(np.sum(cells) / len(cells))
        return float(self._ufunc.reduce(cells))

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        axes, keep = step.params["axes"], step.params["keepdims"]
        place = [
            0 if axis in axes else i for axis, i in enumerate(index) if keep or axis not in axes
        ]
        return np.array([place], dtype=np.intp).reshape(1, -1)

    def joined(self, step: Step) -> str:
        return self.name

    def branch(self, arrays: Sequence[Array], params: Params) -> Array | None:
        if self._ufunc not in (np.maximum, np.minimum):
            return None
        chosen: Any = np.argmax if self._ufunc is np.maximum else np.argmin
        (array,), axes = arrays, params["axes"]
        last = np.moveaxis(array, axes, range(-len(axes), 0))
        shape = self.shape([array.shape], params)
        found: Array = chosen(last.reshape(*last.shape[: -len(axes)], -1), -1) * 1.0
        return found.reshape(shape)

    def vjp(self, operand: int, step: Step, dC_dout: Matrix) -> Matrix:
        matrix = self._vjp(step, dC_dout)
        assert not isinstance(matrix, str)
        return matrix  # type: ignore[no-any-return]

    def numpy_template(self, step: Step) -> str:
        axes: Any = step.params["axes"]
        if len(axes) == len(step.inputs[0].shape) and not step.params["keepdims"]:
            return f"np.{self.name}(<0>)"
        axes = axes[0] if len(axes) == 1 else axes
        keep = ", keepdims=True" if step.params["keepdims"] else ""
        return f"np.{self.name}(<0>, axis={axes}{keep})"

    def words_template(self, step: Step) -> str:
        matrix, axes = step.inputs[0], step.params["axes"]
        plain = ["row", "column"] if len(matrix.shape) == 2 else ["cell"] * len(matrix.shape)
        over = " and ".join(
            f"the {counted(matrix.shape[i], matrix.axes[i] or plain[i])}"
            for i in axes
            if matrix.shape[i] > 1 or len(axes) == 1
        )
        return f"the {self.noun} of <0> over {over}" if over else "<0>, as one number"

    def axes(self, step: Step) -> tuple[str | None, ...]:
        axes, keep = step.params["axes"], step.params["keepdims"]
        source = enumerate(step.inputs[0].axes)
        return tuple(None if i in axes else a for i, a in source if keep or i not in axes)
