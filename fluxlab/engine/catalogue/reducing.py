"""Reductions: many cells become one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod as product
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine.catalogue.arithmetic import divide, multiply
from fluxlab.engine.catalogue.axes import axes_of, axis_of
from fluxlab.engine.catalogue.shaping import cut, repeated
from fluxlab.engine.catalogue.windows import first_largest_of
from fluxlab.engine.core.kinds import Reduction
from fluxlab.engine.core.numbers import Array, Indices, Shape
from fluxlab.engine.core.op import Call, Op, Params, bound, grid

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Matrix, Step


def _spread(matrix: Any, step: Any) -> Any:
    """Repeat a reduced gradient over the cells that were reduced."""
    shape, axes = step.inputs[0].shape, step.params["axes"]
    if not step.params["keepdims"] and axes and len(axes) < len(shape):
        return repeated(matrix, shape=shape, axes=axes)
    return repeated(matrix, shape=shape)


def _count(step: Any) -> Any:
    """How many cells became one, called by what they are where that is one thing: `samples`."""
    source, axes = step.inputs[0], step.params["axes"]
    several = [a for a in axes if source.shape[a] > 1]
    name = source.axes[several[0]] if len(several) == 1 else None
    return source.number(f"{name or 'cell'}s", float(product(source.shape[a] for a in axes)))


_sum = Reduction(
    "sum", np.add, False, lambda step, dC: _spread(dC, step),
    latex=r"\sum <0>", numpy="np.sum(<0>)",
)  # fmt: skip
_mean = Reduction(
    "mean", np.add, True,
    lambda step, dC: _spread(divide(dC, _count(step)).named(f"{dC.local} per cell"), step),
    latex=r"\operatorname{mean} <0>", numpy="np.mean(<0>)",
)  # fmt: skip


def _first_vjp(step: Any, dC: Any, name: str) -> Any:
    mask = first_largest_of(step.inputs[0], step.output, axes=step.params["axes"])
    mask.named(name)
    return multiply(_spread(dC, step).named(f"{dC.local} repeated"), mask)


_max = Reduction(
    "max", np.maximum, False, lambda step, dC: _first_vjp(step, dC, "is largest"),
    latex=r"\max <0>", numpy="np.max(<0>)",
)  # fmt: skip
_min = Reduction(
    "min", np.minimum, False, lambda step, dC: _first_vjp(step, dC, "is smallest"),
    latex=r"\min <0>", numpy="np.min(<0>)",
)  # fmt: skip


class Others(Op):
    """For each cell the product of the others of its group along `axes`, right also with zeros."""

    kind = "rowwise"

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        return shapes[0]

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        (x,), axes = arrays, params["axes"]
        order = [*(a for a in range(x.ndim) if a not in axes), *axes]
        seen = x.transpose(order)
        n = product(x.shape[a] for a in axes)
        table = np.empty((product(seen.shape) // n, n))
        before, after = np.ones_like(table), np.ones_like(table)
        gather: Any = np.multiply.accumulate
        calls = [
            partial(np.copyto, table.reshape(seen.shape), seen),
            partial(gather, table[:, :-1], 1, None, before[:, 1:]),
            partial(gather, table[:, :0:-1], 1, None, after[:, -2::-1]),
        ]
        whole = [m.reshape(seen.shape) for m in (before, after)]
        return [*(calls if n > 1 else []), bound(np.multiply, *whole, out.transpose(order))]

    def _group(self, index: tuple[int, ...], step: Step) -> Indices:
        axes = step.params["axes"]
        shape = step.inputs[0].shape
        every = grid([range(n) if a in axes else [index[a]] for a, n in enumerate(shape)])
        others: Indices = every[(every != np.array(index, dtype=np.intp)).any(axis=1)]
        return others

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        return [(0, self._group(index, step))]

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        return float(np.prod(values[0]))

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        return self._group(index, step)

    def joined(self, step: Step) -> str:
        return "prod"

    def differentiable(self, operand: int) -> bool:
        return False

    def axes(self, step: Step) -> tuple[str | None, ...]:
        return step.inputs[0].axes


_others = Others(
    "others", latex=r"\prod_{\text{others}} <0>", numpy="product_of_others(<0>, <axes>)",
    words="the product of the other cells of <0>, with which this cell was multiplied",
    noun="product of the others",
)  # fmt: skip


def _prod_vjp(step: Any, dC: Any) -> Any:
    others = _others(step.inputs[0], axes=step.params["axes"])
    others.named("product of the others")
    return multiply(_spread(dC, step).named(f"{dC.local} repeated"), others)


class SumSoFar(Op):
    """Each cell and all before it along `axis`, added up."""

    kind = "rowwise"

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        return shapes[0]

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        gather: Any = np.add.accumulate
        return [partial(gather, arrays[0], params["axis"], None, out)]

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        axis = step.params["axis"]
        return [(0, grid([range(i + 1) if a == axis else [i] for a, i in enumerate(index)]))]

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        return float(np.sum(values[0]))

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        axis, n = step.params["axis"], step.output.shape
        return grid([range(i, n[a]) if a == axis else [i] for a, i in enumerate(index)])

    def joined(self, step: Step) -> str:
        return "sum"

    def vjp(self, operand: int, step: Step, dC_dout: Matrix) -> Matrix:
        # What a cell enters comes after it: the sums so far, seen from the other end.
        axis = step.params["axis"]
        turn = tuple((None, None, -1 if a == axis else None) for a in range(len(dC_dout.shape)))
        turned = cut(dC_dout, where=turn).named(f"{dC_dout.local} backwards")
        sums = self(turned, axis=axis).named(f"sums of {dC_dout.local} from the end")
        return cut(sums, where=turn)  # type: ignore[no-any-return]

    def cell_template(self, index: tuple[int, ...], step: Step) -> str:
        return r"\sum <0>"

    def axes(self, step: Step) -> tuple[str | None, ...]:
        return step.inputs[0].axes


_cumsum = SumSoFar(
    "cumsum", latex=r"\operatorname{cumsum} <0>", numpy="np.cumsum(<0>, axis=<axis>)",
    words="each cell of <0> and those before it, added up", noun="sums so far",
)  # fmt: skip
_prod = Reduction(
    "prod", np.multiply, False, _prod_vjp, latex=r"\prod <0>", numpy="np.prod(<0>)",
    noun="product",
)  # fmt: skip


def sum(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The sum of the cells along `axis` (default: of all cells)."""
    return _sum(x, axes=axes_of("sum", x, axis), keepdims=keepdims)


def mean(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The mean of the cells along `axis` (default: of all cells)."""
    return _mean(x, axes=axes_of("mean", x, axis), keepdims=keepdims)


def max(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The largest cell along `axis` (default: of all). Its gradient goes to the first largest."""
    return _max(x, axes=axes_of("max", x, axis), keepdims=keepdims)


def min(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The smallest cell along `axis` (default: of all). Its gradient goes to the first smallest."""
    return _min(x, axes=axes_of("min", x, axis), keepdims=keepdims)


def prod(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The product of the cells along `axis` (default: of all cells)."""
    return _prod(x, axes=axes_of("prod", x, axis), keepdims=keepdims)


def cumsum(x: Any, axis: int = -1) -> Any:
    """The sums of the cells so far, along `axis`."""
    return _cumsum(x, axis=axis_of("cumsum", x, axis))


def first_largest(x: Any, axis: int) -> Any:
    """1 at the first largest cell along `axis`, else 0."""
    axes = axes_of("first_largest", x, axis)
    return first_largest_of(x, _max(x, axes=axes, keepdims=True), axes=axes)
