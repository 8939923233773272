"""The trace: an ordered list of steps, one matrix operation each. Backpropagation reads it up."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import numpy as np

from fluxlab.engine.core import formulas, scopes
from fluxlab.engine.core.errors import BadInput, NotComputed, counted, size, unknown
from fluxlab.engine.core.matrix import Matrix, Step
from fluxlab.engine.core.memory import Running
from fluxlab.engine.core.names import Names
from fluxlab.engine.core.numbers import Array, as_numbers, has_cell
from fluxlab.engine.core.op import OPS, Op, Params

PHASES = ("forward", "backward", "update")


SHOWN = 20  # steps that a trace lists where it is printed


class Trace:
    """An ordered list of steps with their matrices; see `fluxlab.trace`.

    Attributes
    ----------
    steps : all steps, in the order in which they run.
    position : `steps[:position]` are computed; later matrices look empty.
    result, cost : what the function returned, y; and the matrix C, one number.
    lock : guards every number of this trace; readers on other threads take it.
    axis_labels : names for the places along an axis, `{"sample": ["0000", "0001", ...]}`.
    layer_of : which layer a scope is, with its input and its output: `layer_of["layer 1"]`.
    masks : the inputs that were given as True and False.
    version : grows whenever a number changes.
    watchers : called now and then while a network learns, such as by widgets that show it live.
    """

    matrix_kind = Matrix  # what its matrices are

    def __init__(self, title: str) -> None:
        self.title = title
        self.steps: list[Step] = []
        self.lock = threading.RLock()
        self.axis_labels: dict[str, list[str]] = {}
        self.carry: dict[Matrix, Matrix] = {}
        self.slopes: dict[Matrix, tuple[Step, int]] = {}
        self.layer_of: dict[str, tuple[object, Matrix, Matrix]] = {}
        self.masks: set[Matrix] = set()
        self.position = self.version = 0
        self.watchers: list[Callable[[], object]] = []
        self.names = Names()
        self.result: Matrix | None = None
        self._with_axes = 0  # steps whose axes have been named
        self._phase = "forward"
        self._scope: str | None = None
        self._at_once = True
        self._follow: CodeType | None = None
        self._cost: Matrix | None = None

    def __repr__(self) -> str:
        given = [f"{m.name} {size(m.shape)}" for m in self.inputs]
        given[8:] = ["..."] if given[8:] else []
        count = counted(len(self.steps), "step")
        lines = [f"trace of {self.title}: {count}, of {', '.join(given) or 'nothing given'}"]
        for step in self.steps[:SHOWN]:
            scope = f"{step.scope}: " if step.scope else ""
            lines.append(f"  {step.number + 1}. {scope}{step.numpy()}"[:100])
        if len(self.steps) > SHOWN:
            lines.append(f"  ... and {len(self.steps) - SHOWN} more, all in t.steps")
        return "\n".join(lines)

    # -- looking things up ------------------------------------------------------------------

    @property
    def matrices(self) -> dict[str, Matrix]:
        """Every matrix by its full name, in the order of making."""
        return {m.name: m for m in self.names.all}

    @property
    def inputs(self) -> list[Matrix]:
        """The matrices that no step makes, without the constants."""
        return [m for m in self.given if m.kind != "constant"]

    @property
    def given(self) -> list[Matrix]:
        """The matrices that no step makes: inputs and constants."""
        return [m for m in self.names.all if m.step is None]

    @property
    def cost(self) -> Matrix:
        if self._cost is None:
            raise NotComputed("This trace has no cost yet: its function has not returned.")
        return self._cost

    def __getitem__(self, name: str) -> Matrix:
        """A matrix by its full name, an alias, or a short name if only one matrix has it."""
        if not isinstance(name, str) or name not in self.names.by_name:
            self.name_by_formula()
        return self.names.find(name)

    def __contains__(self, name: object) -> bool:
        self.name_by_formula()
        return name in self.names

    def alias(self, name: str, matrix: Matrix) -> None:
        """Let `name` stand for `matrix` as well, unless it already stands for something."""
        self.names.alias(name, matrix)

    def called(self, matrix: Matrix, scope: str) -> str:
        """What a matrix is called within a scope: layer 1's `h` is layer 2's `x`."""
        return self.names.called(matrix, scope)

    def rename(self, matrix: Matrix, local: str, scope: str | None = None) -> None:
        """Give a matrix another name; a name that is taken gets a number."""
        self.names.rename(matrix, local, scope)

    @property
    def aliases(self) -> dict[str, Matrix]:
        return dict(self.names.aliases)

    def end_of(self, phase: str) -> int:
        """The position after the last step of "forward", "backward" or "update"."""
        if not isinstance(phase, str) or phase not in PHASES:
            raise unknown("phase", phase, PHASES)
        allowed = PHASES[: PHASES.index(phase) + 1]
        return sum(step.phase in allowed for step in self.steps)

    # -- making -------------------------------------------------------------------------------

    def input(
        self, local: str, value: Any, kind: str = "input", axes: tuple[str | None, ...] = ()
    ) -> Matrix:
        """A matrix that no step makes. Its numbers are copied."""
        numbers = as_numbers("trace", local, value)
        matrix = self._add(local, numbers, kind, axes or (None,) * numbers.ndim)
        if np.asarray(value).dtype == np.bool_:
            self.masks.add(matrix)
        return matrix

    def constant(self, value: Any) -> Matrix:
        """A literal such as the 3 of `3 * w`."""
        numbers = as_numbers("trace", "a constant", value)
        local = f"{numbers:g}" if numbers.ndim == 0 else "constant"
        return self._add(local, numbers, "constant", (None,) * numbers.ndim)

    def _add(self, local: str, numbers: Array, kind: str, axes: tuple[str | None, ...]) -> Matrix:
        matrix = self.matrix_kind(self, "", self._here(), kind, numbers, _axes=axes)
        self.names.add(matrix)
        self.names.give(matrix, local)
        return matrix

    def _here(self) -> str:
        return scopes.here() if self._scope is None else self._scope

    def record(self, op: Op, inputs: Sequence[Any], params: Params) -> Matrix:
        """Append a step and compute it; within `recording` all are computed in the end."""
        with self.lock:
            if self._follow is not None:
                self._name_locals()
            sources = tuple([m if isinstance(m, Matrix) else self.constant(m) for m in inputs])
            arrays = [m.buffer for m in sources]
            buffer = op.output(arrays, params)
            calls = op.bind(buffer, arrays, params)
            matrix = self.matrix_kind(self, "", self._here(), "value", buffer, temporary=True)
            step = Step(len(self.steps), op, sources, params, matrix, self._phase, calls)
            matrix.step = step
            self.steps.append(step)
            self.names.add(matrix)
            for source in sources:
                source.uses.append(step)
            if getattr(op, "activation", False):
                # FLUX's letters: a goes into an activation, h comes out.
                if sources[0].temporary:
                    self.rename(sources[0], "a")
                self.names.give(matrix, "h")
            else:
                self.names.unnamed.append(matrix)
            if self._at_once:
                self.compute(step.number, step.number + 1)
                self.position = len(self.steps)
            return matrix

    def name_by_formula(self) -> None:
        """Call every matrix that nobody has named by its formula, in the order of making."""
        with self.lock:
            self.names.by_formula()

    def name_axes(self) -> None:
        """Work out what the axes of every step's output count, in the order of making."""
        with self.lock:
            for step in self.steps[self._with_axes :]:
                if step.output._axes is None:
                    step.output._axes = step.op.axes(step)
            self._with_axes = len(self.steps)

    def _name_locals(self) -> None:
        """Name results after the variables of the traced function that hold them."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and frame.f_code is not self._follow:
            frame = frame.f_back
        for name, found in (frame.f_locals if frame is not None else {}).items():
            if isinstance(found, Matrix) and found.temporary and found.trace is self:
                self.rename(found, name)

    # -- running ------------------------------------------------------------------------------

    def compute(self, start: int, stop: int) -> None:
        """Run `steps[start:stop]`, and leave the position as it is."""
        with Running() if stop > start + 1 else np.errstate(all="ignore"):
            for step in self.steps[start:stop]:
                for call in step.calls:
                    call()
        self.version += 1

    def move(self, position: int) -> None:
        """Run forwards to `position`, or go back: what lies behind it is empty again."""
        if not isinstance(position, int | np.integer) or not 0 <= position <= len(self.steps):
            raise BadInput(
                f"move: position {position} does not exist; this trace has 0 to {len(self.steps)}."
            )
        with self.lock:
            if position > self.position:
                self.compute(self.position, position)
            self.position = position
            self.version += 1

    def run(self, position: int | None = None) -> None:
        """Compute everything anew, from the first step to `position` (default: to the end)."""
        with self.lock:
            self.position = 0
            self.move(len(self.steps) if position is None else position)

    def set(self, name: str, value: Any, index: tuple[int, ...] | None = None) -> None:
        """Change an input, whole or one cell, and recompute what was computed.

        A value that cannot be used raises BadInput and changes nothing.
        """
        matrix = self[name]
        if matrix.step is not None or matrix is self.names.by_name.get("dC_dC"):
            raise BadInput(
                f"set: {matrix.name} is computed, so it cannot be set. Set what it is computed "
                f"from: {', '.join(m.name for m in self.inputs)}."
            )
        numbers = as_numbers("set", matrix.name, value)
        expected = matrix.shape if index is None else ()
        if numbers.shape != expected and not (index is None and numbers.ndim == 0 and not expected):
            raise BadInput(
                f"set: {matrix.name} is {size(expected)}, got {size(numbers.shape)}. The shape of "
                "a traced matrix is fixed; trace again for another shape."
            )
        if index is not None and not has_cell(matrix.shape, index):
            raise BadInput(f"set: {matrix.name} is {size(matrix.shape)}; it has no cell {index!r}.")
        if matrix.above is not None and not np.all(numbers > matrix.above):
            raise BadInput(f"set: {matrix.name} must be above {matrix.above:g}, got {value!r}.")
        with self.lock:
            before, position = matrix.buffer.copy(), self.position
            matrix.buffer[... if index is None else tuple(index)] = numbers
            try:
                if matrix.kind == "constant":
                    self.compute(0, len(self.steps))  # plans leave out what only constants feed
                self.run(position)
                self.edited()
            except BadInput:  # a number that a step cannot use, such as a row that a table lacks
                matrix.buffer[...] = before
                self.run(position)
                raise
            self.version += 1

    def edited(self) -> None:
        """An input was changed by hand, and what was computed is computed anew."""

    # -- for what records steps -----------------------------------------------------------------

    @contextmanager
    def recording(self, phase: str, scope: str | None = None) -> Iterator[None]:
        """Steps recorded inside belong to `phase` and, if given, to `scope`.

        They are computed in the end, in one go.
        """
        before = self._phase, self._scope, self._at_once
        self._phase, self._scope, self._at_once = phase, scope, False
        try:
            yield
        finally:
            self._phase, self._scope, self._at_once = before
        if self._at_once:
            self.move(len(self.steps))

    def note_layer(self, layer: object, x: Matrix, h: Matrix) -> None:
        """The current scope is a layer; boards write that into its header."""
        self.layer_of[self._here()] = layer, x, h

    @contextmanager
    def following(self, function: Any) -> Iterator[None]:
        """What `function` records inside is called by the names of its variables."""
        self._follow = getattr(function, "__code__", None)
        try:
            yield
        finally:
            self._follow = None

    def enter(self, scope: str) -> None:
        """What is recorded next, within `recording`, belongs to this scope."""
        self._scope = scope

    def call_slope(self, matrix: Matrix, step: Step, operand: int) -> None:
        """Name a local derivative `dh_da`, after the step and the input it is the slope of."""
        output, source = step.output, step.inputs[operand]
        above, below = formulas.within(output), formulas.within(source, output.scope)
        self.rename(matrix, f"d{above}_d{below}", output.scope)
        matrix.kind, matrix.of = "slope", source
        self.slopes[matrix] = step, operand

    def become(self, other: Trace) -> None:
        """Take over another trace's steps and matrices; who holds this trace sees the new ones.

        For changes that need recording anew, such as another activation.
        """
        with self.lock:
            other.name_by_formula()  # two locks guard its names until each matrix knows its trace
            other.name_axes()
            kept = ("lock", "axis_labels", "version", "watchers", "session")
            own = {name: vars(self)[name] for name in kept if name in vars(self)}
            # In one go: nobody may find the other trace's lock here, even for a moment.
            vars(self).update({**vars(other), **own})
            for matrix in self.names.all:
                matrix.trace = self
            self.version += 1

    def finish(self, result: object, name: str = "y") -> None:
        """Declare the function's result; its cost is itself if one number, else its sum."""
        if not isinstance(result, Matrix) or result.trace is not self:
            raise BadInput(f"trace: {self.title} returned {not_one_matrix(result)}")
        single = result.buffer.size == 1
        if result.temporary:
            self.rename(result, "C" if single else name)
        cost = result
        if not single:
            with self.recording("forward", ""):
                axes = tuple(range(len(result.shape)))
                cost = OPS["sum"](result, axes=axes, keepdims=False)
                self.rename(cost, "C")
        elif result.step is None:
            raise BadInput(f"trace: {self.title} returned its argument {result.name} unchanged.")
        self.conclude(result, cost)
        self.alias("C", cost)
        if all(matrix._local != name for matrix in self.names.all):
            self.alias(name, result)  # one number is called C, and it is what was returned as well

    def conclude(self, result: Matrix | None, cost: Matrix) -> None:
        """What the function returned, and its cost."""
        self.result, self._cost = result, cost


def not_one_matrix(result: object) -> str:
    """What a traced function returned instead of one matrix, and what to do about it."""
    if result is None:
        return "nothing (None); it must end with return, such as `return fl.sigmoid(x @ w + b)`."
    what = type(result).__name__
    if isinstance(result, tuple | list | dict):
        return (
            f"a {what}; it must return the one matrix whose cost is wanted. The others are "
            "in the trace as well: t['name']."
        )
    if isinstance(result, Matrix):
        return "a matrix of another trace; it must compute with its own arguments."
    return (
        f"{what}; it must return one matrix that is computed from its arguments, such as "
        "fl.sigmoid(x @ w + b). What .value or float(...) gives is outside of the trace."
    )
