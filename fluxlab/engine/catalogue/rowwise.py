"""Operations in which every cell of a row needs the whole row: softmax, and costs on top of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine.catalogue.axes import axis_of
from fluxlab.engine.catalogue.shaping import transpose
from fluxlab.engine.core.errors import BadInput, counted, size
from fluxlab.engine.core.numbers import Array, Indices, Shape, shape_of
from fluxlab.engine.core.op import OPS, Call, Op, Params, bound, grid

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Matrix, Step

Slope = Callable[..., Any]


class Rowwise(Op):
    """A function of whole rows (the last axis); the inputs have equal shapes.

    Parameters
    ----------
    rule : `rule(*rows)` gives the output row, or with `single` one number per row.
    calls : `calls(out, *arrays)` gives (function, *arguments) tuples that fill out.
    slopes : per input a function `(output, *inputs)` of matrices, or None. For a row output the
        slope is a Jacobian (..., outputs, inputs); for a single one a row like the input.
    short : `short(output, dC_doutput)`, the gradient in one step, for more than two axes.
    """

    kind = "rowwise"

    def __init__(
        self, name: str, rule: Callable[..., Any], calls: Callable[..., list[tuple[Any, ...]]],
        slopes: Sequence[Slope | None], *, single: bool = False, short: Slope | None = None,
        **texts: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, **texts)
        self._rule, self._calls, self.slopes, self.single = rule, calls, tuple(slopes), single
        self.short = short

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        if len(set(shapes)) > 1 or not shapes[0]:
            raise BadInput(
                f"{self.name}: the matrices must have the same shape, with rows; got "
                f"{' and '.join(map(size, shapes))}."
            )
        return (*shapes[0][:-1], 1) if self.single else shapes[0]

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        return [bound(*call) for call in self._calls(out, *arrays, **params)]

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        row = grid([*([i] for i in index[:-1]), range(step.inputs[0].shape[-1])])
        return [(operand, row) for operand in range(len(step.inputs))]

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        found = self._rule(*values)
        return float(found if self.single else found[index[-1]])

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        return grid([*([i] for i in index[:-1]), range(step.output.shape[-1])])

    def joined(self, step: Step) -> str:
        return "compared"

    def differentiable(self, operand: int) -> bool:
        return self.slopes[operand] is not None

    def vjp(self, operand: int, step: Step, dC_dout: Matrix) -> Matrix:
        slope = self.slopes[operand]
        assert slope is not None
        source = step.inputs[operand]
        if self.short is not None and len(source.shape) > 2:
            # A Jacobian of every row of an attention would be larger than all else together.
            return self.short(step.output, dC_dout)  # type: ignore[no-any-return]
        local = slope(step.output, *step.inputs)
        step.output.trace.call_slope(local, step, operand)
        if self.single:
            return OPS["multiply"](dC_dout, local)  # type: ignore[no-any-return]
        lead = "abcdefgh"[: len(source.shape) - 1]
        signature = f"{lead}i,{lead}ij->{lead}j"
        return OPS["contract"](dC_dout, local, signature=signature)  # type: ignore[no-any-return]

    def slope_places(
        self, cell: tuple[int, ...], operand: int, step: Step
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        if self.single:
            return (*cell[:-1], 0), cell
        *lead, i, j = cell
        return (*lead, i), (*lead, j)

    def axes(self, step: Step) -> tuple[str | None, ...]:
        names = step.inputs[0].axes
        return (*names[:-1], None) if self.single else names


class Jacobian(Op):
    """d(softmax)/da of each row: cell (i, j) is h_i ([i = j] - h_j). (..., n) to (..., n, n)."""

    kind = "elementwise"

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        return (*shapes[0], shapes[0][-1])

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        (h,) = arrays
        diagonal = np.einsum("...ii->...i", out)
        return [
            bound(np.multiply, h[..., :, None], h[..., None, :], out),
            bound(np.negative, out, out),
            bound(np.add, diagonal, h, diagonal),
        ]

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        *lead, i, j = index
        return [(0, np.array([[*lead, i]])), (0, np.array([[*lead, j]]))]

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        h_i, h_j = float(values[0][0]), float(values[1][0])
        return h_i * ((index[-1] == index[-2]) - h_j)

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        *lead, place = index
        n = step.output.shape[-1]
        pairs = {(place, k) for k in range(n)} | {(k, place) for k in range(n)}
        return np.array([[*lead, i, j] for i, j in sorted(pairs)])

    def differentiable(self, operand: int) -> bool:
        return False

    def axes(self, step: Step) -> tuple[str | None, ...]:
        names = step.inputs[0].axes
        return (*names, names[-1])


class Masked(Rowwise):
    """A function of rows of which only some places count: those where the second input is not 0.

    The second input has rows as long as the first's; its other axes may have length 1, or be
    lacking, and are then repeated, as NumPy does.
    """

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        a, allowed = shapes
        fits = 0 < len(allowed) <= len(a) and allowed[-1] == a[-1]
        sides = zip(allowed[:-1], a[len(a) - len(allowed) :], strict=False)
        if not fits or any(n not in (1, m) for n, m in sides):
            raise BadInput(
                f"{self.name}: the mask is {size(allowed)} and the matrix {size(a)}. They must "
                "have equally long rows, and each other axis of the mask must have the matrix's "
                "length or length 1."
            )
        return a

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        found = []
        for operand, matrix in enumerate(step.inputs):
            shape = matrix.shape
            own = zip(index[len(index) - len(shape) :][:-1], shape[:-1], strict=True)
            row = grid([*([0 if n == 1 else i] for i, n in own), range(shape[-1])])
            found.append((operand, row))
        return found

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        out, shape = step.output.shape, step.inputs[operand].shape
        lead = len(out) - len(shape)
        sides = zip(index[:-1], shape[:-1], out[lead:-1], strict=True)
        own: list[Sequence[int]] = [range(m) if n == 1 else [i] for i, n, m in sides]
        return grid([*(range(n) for n in out[:lead]), *own, range(out[-1])])

    def cell_template(self, index: tuple[int, ...], step: Step) -> str:
        allowed = np.broadcast_to(step.inputs[1].buffer, step.output.shape)
        return self.latex_template(step) if allowed[index] else r"0 \quad (<1> = 0)"


def _softmax(a: Array) -> Array:
    with np.errstate(all="ignore"):
        e = np.exp(a - np.max(a))
        found: Array = e / np.sum(e)
        return found


def _row_sums(table: Array, out: Array) -> tuple[Any, ...]:
    """The call that sums each row: a product with ones takes a fifth of the time of np.sum."""
    if table.flags.c_contiguous:
        n = table.shape[-1]
        return (table.reshape(-1, n).dot, np.ones(n), out.reshape(-1))
    total: Any = np.add.reduce
    return (total, table, -1, None, out, True)


def _softmax_calls(out: Array, a: Array) -> list[tuple[Any, ...]]:
    edge = np.empty((*a.shape[:-1], 1))
    largest: Any = np.maximum.reduce
    return [
        # Repeated first and then subtracted: that is faster than to let NumPy repeat.
        (largest, a, -1, None, edge, True), (np.copyto, out, edge), (np.subtract, a, out, out),
        (np.exp, out, out),
        _row_sums(out, edge), (np.divide, out, edge, out),
    ]  # fmt: skip


def _back_calls(out: Array, h: Array, dC_dh: Array) -> list[tuple[Any, ...]]:
    edge = np.empty((*h.shape[:-1], 1))
    return [
        (np.multiply, h, dC_dh, out), _row_sums(out, edge),
        (np.copyto, out, edge), (np.subtract, dC_dh, out, out), (np.multiply, out, h, out),
    ]  # fmt: skip


LOWEST, TINY = np.array(np.finfo(np.float64).min), np.array(np.finfo(np.float64).tiny)


def _masked_softmax(a: Array, allowed: Array) -> Array:
    with np.errstate(all="ignore"):
        shown = np.where(allowed != 0, a, -np.inf)
        e = np.exp(shown - np.maximum(np.max(shown), LOWEST))
        found: Array = e / np.maximum(np.sum(e), TINY)
        return found


def _masked_softmax_calls(out: Array, a: Array, allowed: Array) -> list[tuple[Any, ...]]:
    edge, counts = np.empty((*a.shape[:-1], 1)), np.empty(allowed.shape, dtype=bool)
    largest: Any = np.maximum.reduce
    zero = np.array(0.0)
    return [
        (np.not_equal, allowed, zero, counts), (out.fill, -np.inf),
        (partial(np.copyto, out, a, where=counts),),
        # A row of which nothing counts has weights of 0, not of 0 / 0.
        (largest, out, -1, None, edge, True), (np.maximum, edge, LOWEST, edge),
        (np.subtract, out, edge, out), (np.exp, out, out),
        _row_sums(out, edge), (np.maximum, edge, TINY, edge),
        (np.divide, out, edge, out),
    ]  # fmt: skip


softmax_back = Rowwise(
    "softmax_back", lambda h, dC: h * (dC - np.sum(dC * h)), _back_calls, (None, None),
    latex=r"<0> \odot \left(<1> - \sum_j {<1>}_j\,{<0>}_j\right)",
    numpy="<0> * (<1> - np.sum(<1> * <0>, axis=-1, keepdims=True))",
    words="<0> times what <1> has above the mean of its row, a mean in which <0> are the weights",
)  # fmt: skip
softmax_jacobian = Jacobian(
    "softmax_jacobian", latex=r"\operatorname{diag}(<0>) - <0>\,{<0>}^{\top}",
    numpy="np.diag(<0>) - np.outer(<0>, <0>)",
    words="how each output of the row changes with each input of the row: h_i ([i = j] - h_j)",
)  # fmt: skip


class Softmax(Rowwise):
    """Along the last axis; along another by exchanging the two, before and after."""

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        if not 1 <= len(inputs) + len(params) <= 2 or not inputs or params.keys() - {"axis"}:
            got = ", ".join([counted(len(inputs), "argument"), *sorted(params)])
            raise BadInput(
                f"fl.softmax takes one matrix and its axis, as in fl.softmax(a, axis=1); got {got}."
            )
        n = len(shape_of("softmax", "a", inputs[0]))
        axis = params.get("axis", inputs[1] if len(inputs) > 1 else -1)
        along = axis_of("softmax", inputs[0], axis) if n else 0
        if along == n - 1 or not n:
            return super().__call__(inputs[0])
        order = list(range(n))
        order[along], order[-1] = n - 1, along
        return transpose(super().__call__(transpose(inputs[0], order)), order)


softmax = Softmax(
    "softmax", _softmax, _softmax_calls, (lambda h, a: softmax_jacobian(h),), unit=True,
    short=softmax_back,
    latex=r"\operatorname{softmax} <0>", numpy="softmax(<0>)",
    words="e to the power of <0>, divided by the sum of its row: positive numbers that sum to 1",
)  # fmt: skip
masked_softmax = Masked(
    "masked_softmax", _masked_softmax, _masked_softmax_calls,
    (lambda h, a, allowed: softmax_jacobian(h), None), unit=True, short=softmax_back,
    latex=r"\operatorname{softmax}(<0> \text{ where } <1>)", numpy="masked_softmax(<0>, <1>)",
    words="the softmax of those places of <0> where <1> is not 0; at the others the weight is "
    "exactly 0, and no gradient comes through",
)  # fmt: skip


_LOWEST = np.array(np.finfo(float).min)  # a logit infinitely below, where the target is 0, costs 0


def _cross_entropy(a: Array, t: Array) -> float:
    shifted = np.maximum(a - np.max(a), _LOWEST)
    return float(np.sum(t) * np.log(np.sum(np.exp(shifted))) - np.sum(t * shifted))


def _cross_entropy_calls(out: Array, a: Array, t: Array) -> list[tuple[Any, ...]]:
    edge, shifted, work = np.empty_like(out), np.empty_like(a), np.empty_like(a)
    largest: Any = np.maximum.reduce
    return [
        (largest, a, -1, None, edge, True), (np.subtract, a, edge, shifted),
        (np.exp, shifted, work), _row_sums(work, out), (np.log, out, out),
        _row_sums(t, edge), (np.multiply, out, edge, out),
        (np.maximum, shifted, _LOWEST, shifted),
        (np.multiply, shifted, t, work), _row_sums(work, edge), (np.subtract, out, edge, out),
    ]  # fmt: skip


def _short_form_calls(out: Array, a: Array, t: Array) -> list[tuple[Any, ...]]:
    edge = np.empty((*a.shape[:-1], 1))
    return [
        *_softmax_calls(out, a), _row_sums(t, edge),
        (np.multiply, out, edge, out), (np.subtract, out, t, out),
    ]  # fmt: skip


softmax_minus_target = Rowwise(
    "softmax_minus_target", lambda a, t: _softmax(a) * np.sum(t) - t, _short_form_calls,
    (None, None), latex=r"\operatorname{softmax} <0> - <1>", numpy="softmax(<0>) - <1>",
    words="the short form: the softmax of <0>, minus <1>",
)  # fmt: skip
softmax_cross_entropy = Rowwise(
    "softmax_cross_entropy", _cross_entropy, _cross_entropy_calls,
    (lambda out, a, t: softmax_minus_target(a, t), None), single=True,
    latex=r"-\sum_j {<1>}_j \ln \operatorname{softmax}(<0>)_j",
    numpy="-np.sum(<1> * np.log(softmax(<0>)), axis=-1, keepdims=True)",
    words="how surprising <1> is if the softmax of <0> is believed; computed without overflow",
)  # fmt: skip

__all__ = [
    "Rowwise", "masked_softmax", "softmax", "softmax_back", "softmax_cross_entropy",
    "softmax_jacobian",
]  # fmt: skip
