"""The gradient check: nudge a cell, see how far the cost moves, compare."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fluxlab.engine.core.downstream import Downstream, alone, downstream
from fluxlab.engine.core.errors import BadInput, counted, size
from fluxlab.engine.core.formulas import gradient_name
from fluxlab.engine.core.numbers import Array, has_cell, is_number
from fluxlab.engine.core.trace import Trace
from fluxlab.engine.readers.nudge import Found, look_closely, room, slopes

Cell = tuple[int, ...]


@dataclass(frozen=True)
class Check:
    """A gradient beside its central differences.

    Attributes
    ----------
    analytic, numeric, difference : arrays of the matrix's shape (numbers if one cell was asked);
        difference is analytic minus numeric.
    kinks : True where the function has a corner right here (ReLU at exactly 0), so that the
        slopes to the left and to the right differ. The gradient is right there if it is finite
        and lies between the two.
    error : how far the gradient is from the numeric one, or at a kink from the nearer slope.
    room : how far it may be, by the accuracy of these differences.
    epsilon : the nudge.
    close : what a closer look found, for the cells that needed one.
    """

    name: str
    analytic: Array
    numeric: Array
    kinks: Array
    error: Array
    room: Array
    epsilon: float
    close: dict[Cell, Found] = field(default_factory=dict)

    @property
    def difference(self) -> Array:
        return self.analytic - self.numeric

    @property
    def index(self) -> Cell:
        """Where the error is largest, kinks left out."""
        smooth = np.where(self.kinks, -1.0, self.error)
        return _place(np.argmax(smooth), smooth)

    @property
    def worst(self) -> float:
        """The largest error, kinks left out."""
        return 0.0 if np.all(self.kinks) else float(self.error[self.index])

    @property
    def ok(self) -> bool:
        """Whether every cell agrees as closely as these differences can tell."""
        return bool(np.all(self.error <= self.room))

    @property
    def limit(self) -> float:
        """How closely the least certain cell could be compared, if that is not close; else 0."""
        worst = max((found.limit for found in self.close.values()), default=0.0)
        finite = self.analytic[np.isfinite(self.analytic)]
        return worst if worst > 1e-4 * np.max(np.abs(finite), initial=0.0) + 1e-8 else 0.0

    def __repr__(self) -> str:
        head = f"{self.name}: {counted(self.analytic.size, 'cell')} checked with epsilon "
        head += f"{self.epsilon:g}; "
        if np.all(self.kinks):  # no slope is left that could be compared with one number
            return head + self.verdict
        # Below that it is round-off, which is another on every machine.
        largest = "below 1e-9" if self.worst < 1e-9 else f"{self.worst:.1e}"
        return f"{head}largest difference {largest}: {self.verdict}"

    @property
    def verdict(self) -> str:
        """What came out, in words."""
        corners = int(np.sum(self.kinks))
        at_kinks = f"{corners} at a kink, where the slope jumps"
        if not self.ok:
            text = f"THEY DIFFER{self._why()}"
        elif corners == self.analytic.size:
            each = "each gradient" if corners > 1 else "the gradient"
            return f"{at_kinks}; {each} lies between the slopes to both sides"
        elif self.limit:
            cause = next(f.cause for f in self.close.values() if f.limit == self.limit)
            text = f"they agree as far as can be seen; {cause} to about {_about(self.limit)} here"
        else:
            text = "they agree"
        parts = [text, at_kinks] if corners else [text]
        crossed = [found for found in self.close.values() if found.over]
        if crossed:
            found = crossed[0]
            where = f" of {counted(len(crossed), 'cell')}" if len(crossed) > 1 else ""
            parts.append(
                f"a nudge of {self.epsilon:g}{where} carries {found.over} over its corner, so "
                f"{found.step:g} was taken"
            )
        return "; ".join(parts)

    def _why(self) -> str:
        """What is wrong with the worst cell, where that is not the difference alone."""
        with np.errstate(invalid="ignore"):
            cell = _place(np.argmax(self.error - self.room), self.error)
        mine = float(self.analytic[cell])
        where = f"at {[*cell]} " if cell else ""
        if not np.isfinite(mine):
            return f"; {where}the gradient is {mine}"
        found = self.close.get(cell)
        if found is not None and found.kink:
            left, right = found.beside
            text = (
                f"; {where}{mine:g} is not between the slopes to both sides, {left:g} and {right:g}"
            )
            several = f" (here {found.meet} corners meet, each with a slope by convention)"
            return text + (several if found.meet > 1 else "")
        if found is not None and not np.isfinite(found.numeric):
            return "; the cost is no finite number here"
        return ""


def _place(number: Any, array: Array) -> Cell:
    return tuple(int(i) for i in np.unravel_index(int(number), array.shape))


def _about(value: float) -> str:
    """`1e-3` for 0.00123."""
    head, _, power = f"{value:.0e}".partition("e")
    return f"{head}e{int(power)}"


def check(trace: Trace, name: str, epsilon: float = 1e-5, index: Cell | None = None) -> Check:
    """Compare `trace[name]`, a gradient `dC_d...` or a slope `dh_da`, with central differences.

    With `index`, only that cell. The trace itself is not touched. Two runs per cell, and some
    more where the two do not agree at once: there may be a corner, a curve, or round-off.
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
        if "[use " in matrix.local:
            raise BadInput(
                f"check: {matrix.name} is one use's share; central differences see all uses at "
                f"once. Check {gradient_name(matrix.of)}, their sum."
            )
        if matrix.kind == "gradient":
            program = downstream(trace, matrix.of, trace.cost)
            moved, seen = cells, [(0,) * program.target.ndim] * len(cells)
        else:  # a slope is the slope of one step in one of its inputs, whatever else that enters
            step, operand = trace.slopes[matrix]
            program = alone(step, operand)
            places = [step.op.slope_places(cell, operand, step) for cell in cells]
            seen, moved = [out for out, _ in places], [own for _, own in places]
        shape = () if index is not None else matrix.shape
        mine = np.array([analytic[cell] for cell in cells])
        return _compared(matrix.name, program, cells, moved, seen, mine, epsilon, shape)


def _compared(
    name: str, program: Downstream, cells: list[Cell], moved: list[Cell], seen: list[Cell],
    analytic: Array, epsilon: float, shape: tuple[int, ...],
) -> Check:  # fmt: skip
    numeric, jump = slopes(program, moved, seen, epsilon)
    with np.errstate(all="ignore"):
        scale = np.maximum(np.abs(analytic), np.abs(numeric))
        error = np.nan_to_num(np.abs(analytic - numeric), nan=np.inf)
        allowed = room(scale, epsilon)
        strange = ~(error <= allowed) | ~(jump <= 0.04 * scale + 1e-8)
    kinks, close = np.zeros(len(cells), bool), {}
    for k in np.flatnonzero(strange):
        found = look_closely(program, moved[k], seen[k], epsilon, float(analytic[k]))
        if found.plain:
            continue
        cell = () if not shape else cells[k]
        close[cell], kinks[k] = found, found.kink
        numeric[k], error[k], allowed[k] = found.numeric, found.error, found.room
    return Check(
        name, analytic.reshape(shape), numeric.reshape(shape), kinks.reshape(shape),
        error.reshape(shape), np.nan_to_num(allowed, nan=0.0).reshape(shape), epsilon, close,
    )  # fmt: skip
