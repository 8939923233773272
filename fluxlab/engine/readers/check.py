"""The gradient check: nudge a cell, see how far the cost moves, compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluxlab.engine.core.downstream import downstream
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.formulas import gradient_name
from fluxlab.engine.core.memory import Running
from fluxlab.engine.core.numbers import Array, has_cell, is_number
from fluxlab.engine.core.op import Call

if TYPE_CHECKING:
    from fluxlab.engine.core.trace import Trace


@dataclass(frozen=True)
class Check:
    """A gradient beside its central differences.

    Attributes
    ----------
    analytic, numeric, difference : arrays of the matrix's shape (numbers if one cell was asked);
        difference is analytic minus numeric.
    kinks : True where the function has a corner right here (ReLU at exactly 0), so that the
        slopes to the left and to the right differ and neither number is wrong.
    epsilon : the nudge.
    """

    name: str
    analytic: Array
    numeric: Array
    kinks: Array
    epsilon: float
    floor: float

    @property
    def difference(self) -> Array:
        return self.analytic - self.numeric

    @property
    def index(self) -> tuple[int, ...]:
        """Where the difference is largest, kinks left out."""
        smooth = np.where(self.kinks, -1.0, np.nan_to_num(np.abs(self.difference), nan=np.inf))
        return tuple(int(i) for i in np.unravel_index(int(np.argmax(smooth)), smooth.shape))

    @property
    def worst(self) -> float:
        """The largest difference, kinks left out."""
        if np.all(self.kinks):
            return 0.0
        return float(np.nan_to_num(np.abs(self.difference[self.index]), nan=np.inf))

    @property
    def ok(self) -> bool:
        """Whether every smooth cell agrees as closely as this epsilon allows.

        Central differences err by about epsilon squared (truncation) plus the cost's round-off
        divided by epsilon.
        """
        smooth = ~self.kinks.astype(bool)
        scale = np.maximum(np.abs(self.analytic), np.abs(self.numeric))
        room = 1e-5 * scale + self.floor + 10 * self.epsilon**2 * (1 + scale)
        return bool(np.all(np.abs(self.difference)[smooth] <= np.asarray(room)[smooth]))

    def __repr__(self) -> str:
        many = self.analytic.size
        # Below that it is round-off, which is another on every machine.
        largest = "below 1e-9" if self.worst < 1e-9 else f"{self.worst:.1e}"
        text = (
            f"{self.name}: {many} cell{'s' if many > 1 else ''} checked with epsilon "
            f"{self.epsilon:g}; largest difference {largest}: "
            f"{'they agree' if self.ok else 'THEY DIFFER'}"
        )
        corners = int(np.sum(self.kinks))
        return text + (f"; {corners} at a kink, where the slope jumps" if corners else "")


def check(
    trace: Trace, name: str, epsilon: float = 1e-5, index: tuple[int, ...] | None = None
) -> Check:
    """Compare `trace[name]`, a gradient `dC_d...` or a slope `dh_da`, with central differences.

    With `index`, only that cell. The trace itself is not touched. Two runs per cell.
    """
    if not is_number(epsilon) or epsilon <= 0:
        raise BadInput(f"check: epsilon must be a number above 0, such as 1e-5, got {epsilon!r}.")
    matrix = trace[name]
    with trace.lock:
        if matrix.of is None or matrix.kind not in ("gradient", "slope"):
            known = ", ".join(m.name for m in trace.matrices.values() if m.kind == "gradient")
            raise BadInput(
                f"check: {matrix.name} is neither a gradient (dC_d...) nor a slope (dh_da). "
                f"Gradients here: {known}."
            )
        analytic = matrix.value
        if index is not None and not has_cell(matrix.shape, index):
            raise BadInput(f"check: {matrix.name} is {size(matrix.shape)}; it has no cell {index}.")
        cells = [index] if index is not None else list(np.ndindex(*matrix.shape))
        own = "[use " in matrix.local
        if own:
            raise BadInput(
                f"check: {matrix.name} is one use's share; central differences see all uses at "
                f"once. Check {gradient_name(matrix.of)}, their sum."
            )
        if matrix.kind == "gradient":
            nudged, result, calls = downstream(trace, matrix.of, trace.cost)
            moved, seen = cells, [(0,) * result.ndim] * len(cells)
        else:  # a slope is the slope of one step in one of its inputs, whatever else that enters
            step, operand = trace.slopes[matrix]
            arrays = [m.buffer.copy() for m in step.inputs]
            nudged, result = arrays[operand], np.empty(step.output.shape)
            calls = step.op.bind(result, arrays, step.params)
            places = [step.op.slope_places(cell, operand, step) for cell in cells]
            seen, moved = [out for out, _ in places], [own for _, own in places]
        middle = _read(calls, result, seen)
        left, right = np.empty(len(cells)), np.empty(len(cells))
        for k, (cell, place) in enumerate(zip(moved, seen, strict=True)):
            kept = float(nudged[cell])
            nudged[cell] = kept + epsilon
            right[k] = _read(calls, result, [place])[0]
            nudged[cell] = kept - epsilon
            left[k] = _read(calls, result, [place])[0]
            nudged[cell] = kept
        with np.errstate(all="ignore"):
            numeric = (right - left) / (2 * epsilon)
            rise, fall = (right - middle) / epsilon, (middle - left) / epsilon
            shaky = 64 * np.finfo(float).eps * np.max(np.abs(middle), initial=1e-300) / epsilon
            kinks = np.abs(rise - fall) > 0.02 * (np.abs(rise) + np.abs(fall)) + 10 * shaky
            kinks &= epsilon <= 1e-3
        shape = () if index is not None else matrix.shape
        return Check(
            matrix.name,
            analytic[index] if index is not None else analytic,
            numeric.reshape(shape),
            kinks.reshape(shape),
            epsilon,
            float(shaky),
        )


def _read(calls: list[Call], result: Array, cells: list[tuple[int, ...]]) -> Array:
    with Running():
        for call in calls:
            call()
    return np.array([result[cell] for cell in cells])
