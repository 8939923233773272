"""Cell by cell: `exp(a)`, `x + b`, `a * b`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.memory import LARGE, aligned, like, split
from fluxlab.engine.core.numbers import Array, Indices, Shape
from fluxlab.engine.core.op import OPS, Call, Op, Params, bound, grid

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Matrix, Step

Local = Callable[..., Any]  # (output, *inputs, **params) -> slope as a Matrix, or ONE, or MINUS_ONE
ONE, MINUS_ONE = "1", "-1"


class Elementwise(Op):
    """Cell by cell; smaller inputs are repeated (broadcast) as NumPy does.

    Parameters
    ----------
    rule : the same operation on single numbers, `rule(*numbers, **params)`.
    calls : `calls(out, *arrays, **params)` gives (function, *arguments) tuples that fill out;
        a NumPy ufunc may stand for itself.
    corners : where the slope jumps: values of the input, or of the first minus the second.
    note : `note(*numbers)` says what is special about a cell, such as a limit that acts; or "".
    slopes : one entry per input: the local derivative d(output)/d(input), as a function
        `(output, *inputs, **params)` of matrices, or ONE or MINUS_ONE; None: no gradient.
    """

    kind = "elementwise"

    def __init__(
        self,
        name: str,
        rule: Callable[..., float],
        calls: np.ufunc | Callable[..., list[tuple[Any, ...]]],
        slopes: Sequence[Local | str | None],
        corners: Sequence[float] = (),
        note: Callable[..., str] = lambda *numbers, **params: "",
        **texts: Any,
    ) -> None:
        super().__init__(name, **texts)
        self.corners, self._note = tuple(corners), note
        self._rule, self._calls, self.slopes = rule, calls, tuple(slopes)

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        different = {*shapes} - {()}
        if len(different) < 2:
            return different.pop() if different else ()
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            raise BadInput(
                f"{self.name}: shapes {' and '.join(map(size, shapes))} do not fit. Two matrices "
                "fit cell by cell if each axis has the same length in both, or length 1 in one."
            ) from None

    def output(self, arrays: Sequence[Array], params: Params) -> Array:
        shape = self.shape([a.shape for a in arrays], params)
        # Cell by cell is fastest where all matrices lie in memory alike.
        for array in arrays:
            if not array.flags.c_contiguous and array.shape == shape and 0 not in array.strides:
                return like(array)
        return np.empty(shape)

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        if isinstance(self._calls, np.ufunc):
            return ufunc_calls(self._calls, out, [one_number(a) for a in arrays])
        return [bound(*call) for call in self._calls(out, *arrays, **params)]

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        found = []
        for operand, matrix in enumerate(step.inputs):
            own = index[len(index) - len(matrix.shape) :]
            place = [0 if n == 1 else i for i, n in zip(own, matrix.shape, strict=True)]
            found.append((operand, np.array([place], dtype=np.intp).reshape(1, -1)))
        return found

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        return float(self._rule(*(v[0] for v in values), **step.params))

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        shape, out = step.inputs[operand].shape, step.output.shape
        lead = len(out) - len(shape)
        ranges: list[Sequence[int]] = [range(n) for n in out[:lead]]
        for i, n, m in zip(index, shape, out[lead:], strict=True):
            ranges.append(range(m) if n == 1 and m > 1 else [i])
        return grid(ranges)

    def note(self, values: list[Array], step: Step) -> str:
        return self._note(*(float(v[0]) for v in values), **step.params)

    def branch(self, arrays: Sequence[Array], params: Params) -> Array | None:
        if not self.corners:
            return None
        place = arrays[0] if len(arrays) == 1 else arrays[0] - arrays[1]
        return sum((np.sign(place - corner) for corner in self.corners), np.zeros(()))

    def differentiable(self, operand: int) -> bool:
        return self.slopes[min(operand, len(self.slopes) - 1)] is not None

    def vjp(self, operand: int, step: Step, dC_dout: Matrix) -> Matrix:
        slope = self.slopes[min(operand, len(self.slopes) - 1)]
        source = step.inputs[operand]
        if slope == ONE:
            share = dC_dout
        elif slope == MINUS_ONE:
            share = OPS["negate"](dC_dout)
        else:
            assert callable(slope)
            trace = step.output.trace
            made = len(trace.steps)
            local = slope(step.output, *step.inputs, **step.params)
            recorded = len(trace.steps) > made
            if recorded and dC_dout.kind == "constant" and local.shape == source.shape:
                share = local  # dC_dC is 1: the cost's own slope is the gradient
            else:
                if recorded:
                    trace.call_slope(local, step, operand)
                share = OPS["multiply"](dC_dout, local)
        return unbroadcast(share, source.shape)

    def axes(self, step: Step) -> tuple[str | None, ...]:
        found: list[str | None] = [None] * len(step.output.shape)
        for matrix in step.inputs:
            for back in range(1, len(matrix.shape) + 1):
                if matrix.shape[-back] == step.output.shape[-back]:
                    found[-back] = found[-back] or matrix.axes[-back]
        return tuple(found)


def one_number(array: Array) -> Array:
    """A matrix that shows one number everywhere as a 0-d view of it, which ufuncs read fastest."""
    if not array.ndim or (array.shape[-1] > 1 and array.strides[-1]):
        return array
    sides = zip(array.shape, array.strides, strict=True)
    if any(n > 1 and step for n, step in sides):
        return array
    return array[(slice(1),) * array.ndim].reshape(())


def ufunc_calls(ufunc: np.ufunc, out: Array, arrays: Sequence[Array]) -> list[Call]:
    """One call; two where copying the repeated operand first is faster, as in `x @ w + b`."""
    repeated = [a for a in arrays if a.ndim and a.shape != out.shape]
    if len(repeated) == 1 and 1 < out.size <= 4096:
        whole = [a for a in arrays if a.shape == out.shape]
        if len(whole) == 1:
            spread = [out if a is repeated[0] else a for a in arrays]
            return [partial(out.__setitem__, ..., repeated[0]), bound(ufunc, *spread, out)]
    if out.size <= LARGE:
        return [bound(ufunc, *arrays, out)]
    out, arrays = split(out, arrays)
    pairs = [aligned(a, out) for a in arrays]
    copies = [call for _, calls in pairs for call in calls]
    return [*copies, bound(ufunc, *(a for a, _ in pairs), out)]


def unbroadcast(share: Matrix, shape: Shape) -> Matrix:
    """Sum a gradient over the axes along which its matrix was repeated."""
    lead = len(share.shape) - len(shape)
    if lead:  # first: leading axes are summed fastest
        share = OPS["sum"](share, axes=tuple(range(lead)), keepdims=False)
    repeated = tuple(i for i, n in enumerate(shape) if n == 1 and share.shape[i] != 1)
    if repeated:
        share = OPS["sum"](share, axes=repeated, keepdims=True)
    return share
