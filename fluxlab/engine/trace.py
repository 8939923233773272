"""The trace: an ordered list of steps, one matrix operation each. Backpropagation reads it up."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine import formulas
from fluxlab.engine.errors import BadInput, NotComputed, UnknownName, size, unknown
from fluxlab.engine.matrix import Matrix, Step
from fluxlab.engine.memory import Running
from fluxlab.engine.numbers import as_numbers, has_cell
from fluxlab.engine.op import OPS, Array, Op, Params

if TYPE_CHECKING:
    from fluxlab.engine.check import Check
    from fluxlab.engine.history import History

PHASES = ("forward", "backward", "update")
_scope: ContextVar[str] = ContextVar("fluxlab_scope", default="")


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Steps recorded inside belong together: `with fl.scope("layer 1"): ...`."""
    outer = _scope.get()
    token = _scope.set(f"{outer}/{name}" if outer else name)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def no_scope() -> Iterator[None]:
    """For a trace of its own that is made while another is recorded: its names begin anew."""
    token = _scope.set("")
    try:
        yield
    finally:
        _scope.reset(token)


class Trace:
    """An ordered list of steps with their matrices; see `fluxlab.trace`.

    Attributes
    ----------
    steps : all steps, in the order in which they run.
    position : `steps[:position]` are computed; later matrices look empty.
    cost : the matrix C, one number.
    lock : guards every number of this trace; readers on other threads take it.
    axis_labels : names for the places along an axis, `{"sample": ["0000", "0001", ...]}`.
    history : recorded iterations, after `descend`.
    layer_of : which layer a scope is, with its input and its output: `layer_of["layer 1"]`.
    version : grows whenever a number changes.
    watchers : called now and then while a network learns, such as by widgets that show it live.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.steps: list[Step] = []
        self.lock = threading.RLock()
        self.axis_labels: dict[str, list[str]] = {}
        self.history: History | None = None
        self.carry: dict[Matrix, Matrix] = {}
        self.slopes: dict[Matrix, tuple[Step, int]] = {}
        self.layer_of: dict[str, tuple[object, Matrix, Matrix]] = {}
        self.position = self.version = 0
        self.watchers: list[Callable[[], object]] = []
        self._names: dict[str, Matrix] = {}
        self._numbered: dict[str, int] = {}  # w: 4, if w, w_2 and w_3 are taken
        self._unnamed: list[Matrix] = []
        self._with_axes = 0  # steps whose axes have been named
        self._aliases: dict[str, Matrix] = {}
        self._called: dict[tuple[str, Matrix], str] = {}
        self._all: list[Matrix] = []
        self._phase = "forward"
        self._scope: str | None = None
        self._at_once = True
        self._follow: CodeType | None = None
        self._cost: Matrix | None = None
        self._result: Matrix | None = None

    def __repr__(self) -> str:
        return f"trace of {self.title}"

    # -- looking things up ------------------------------------------------------------------

    @property
    def matrices(self) -> dict[str, Matrix]:
        """Every matrix by its full name, in the order of making."""
        return {m.name: m for m in self._all}

    @property
    def inputs(self) -> list[Matrix]:
        """The matrices that no step makes, without the constants."""
        return [m for m in self.given if m.kind != "constant"]

    @property
    def given(self) -> list[Matrix]:
        """The matrices that no step makes: inputs and constants."""
        return [m for m in self._all if m.step is None]

    @property
    def cost(self) -> Matrix:
        if self._cost is None:
            raise NotComputed("This trace has no cost yet: its function has not returned.")
        return self._cost

    def __getitem__(self, name: str) -> Matrix:
        """A matrix by its full name, an alias, or a short name if only one matrix has it."""
        if not isinstance(name, str):
            raise unknown("matrix", name, [*self._names, *self._aliases])
        found = self._names.get(name)
        if found is not None:
            return found
        self.name_by_formula()
        found = self._names.get(name, self._aliases.get(name))
        if found is not None:
            return found
        short = [m for m in self._all if m.local == name]
        if len(short) == 1:
            return short[0]
        if short:
            names = ", ".join(m.name for m in short[:40])
            raise UnknownName(f"{name!r} is the name of {len(short)} matrices; say which: {names}.")
        raise unknown("matrix", name, [*self._names, *self._aliases])

    def __contains__(self, name: object) -> bool:
        self.name_by_formula()
        return name in self._names or name in self._aliases

    def alias(self, name: str, matrix: Matrix) -> None:
        """Let `name` stand for `matrix` as well, unless it already stands for something."""
        if name not in self._names:
            self._aliases.setdefault(name, matrix)
            scope, _, local = name.rpartition("/")
            if scope != matrix.scope:
                self._called.setdefault((scope, matrix), local)

    def called(self, matrix: Matrix, scope: str) -> str:
        """What a matrix is called within a scope: layer 1's `h` is layer 2's `x`."""
        return self._called.get((scope, matrix), matrix.local) if scope else matrix.local

    @property
    def aliases(self) -> dict[str, Matrix]:
        return dict(self._aliases)

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
        return self._add(local, numbers, kind, axes or (None,) * numbers.ndim)

    def constant(self, value: Any) -> Matrix:
        """A literal such as the 3 of `3 * w`."""
        numbers = as_numbers("trace", "a constant", value)
        local = f"{numbers:g}" if numbers.ndim == 0 else "constant"
        return self._add(local, numbers, "constant", (None,) * numbers.ndim)

    def _add(self, local: str, numbers: Array, kind: str, axes: tuple[str | None, ...]) -> Matrix:
        matrix = Matrix(self, "", self._here(), kind, numbers, _axes=axes)
        self._all.append(matrix)
        self._call(matrix, local)
        return matrix

    def _here(self) -> str:
        return _scope.get() if self._scope is None else self._scope

    def _call(self, matrix: Matrix, local: str) -> None:
        """Name a matrix `local`, or `local_2`, `local_3`, ... if its scope has that already."""
        name = f"{matrix.scope}/{local}" if matrix.scope else local
        if name in self._names:
            count = self._numbered.get(name, 2)
            while f"{name}_{count}" in self._names:
                count += 1
            self._numbered[name] = count
            name, local = f"{name}_{count}", f"{local}_{count}"
        matrix._local = local
        self._names[name] = matrix

    def _release(self, name: str) -> None:
        del self._names[name]
        base, _, number = name.rpartition("_")
        if base in self._numbered and number.isdecimal():
            self._numbered[base] = min(self._numbered[base], int(number))

    def rename(self, matrix: Matrix, local: str, scope: str | None = None) -> None:
        """Give a matrix another name; a name that is taken gets a number."""
        target = matrix.scope if scope is None else scope
        matrix.temporary = False
        if (matrix._local, matrix.scope) == (local, target):
            return
        if matrix._local:
            self._release(matrix.name)
        matrix.scope = target
        self._call(matrix, local)

    def record(self, op: Op, inputs: Sequence[Any], params: Params) -> Matrix:
        """Append a step and compute it; within `recording` all are computed in the end."""
        with self.lock:
            if self._follow is not None:
                self._name_locals()
            sources = tuple([m if isinstance(m, Matrix) else self.constant(m) for m in inputs])
            arrays = [m.buffer for m in sources]
            buffer = op.output(arrays, params)
            calls = op.bind(buffer, arrays, params)
            matrix = Matrix(self, "", self._here(), "value", buffer, temporary=True)
            step = Step(len(self.steps), op, sources, params, matrix, self._phase, calls)
            matrix.step = step
            self.steps.append(step)
            self._all.append(matrix)
            for source in sources:
                source.uses.append(step)
            if getattr(op, "activation", False):
                # FLUX's letters: a goes into an activation, h comes out.
                if sources[0].temporary:
                    self.rename(sources[0], "a")
                self._call(matrix, "h")
            else:
                self._unnamed.append(matrix)
            if self._at_once:
                self._run(step.number, step.number + 1)
                self.position = len(self.steps)
            return matrix

    def name_by_formula(self) -> None:
        """Call every matrix that nobody has named by its formula, in the order of making."""
        with self.lock:
            for matrix in self._unnamed:
                if not matrix._local:
                    assert matrix.step is not None
                    self._call(matrix, formulas.expression(matrix.step))
            self._unnamed.clear()

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

    def _run(self, start: int, stop: int) -> None:
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
                self._run(self.position, position)
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
        if matrix.step is not None or matrix is self._names.get("dC_dC"):
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
            records = [] if self.history is None else self.history.records
            matrix.buffer[... if index is None else tuple(index)] = numbers
            try:
                if matrix.kind == "constant":
                    self._run(0, len(self.steps))  # plans leave out what only constants feed
                self.run(position)
                if self.history is not None:
                    self.history.note_edit()
            except BadInput:  # a number that a step cannot use, such as a row that a table lacks
                matrix.buffer[...] = before
                if self.history is not None:
                    self.history.records = records
                self.run(position)
                raise
            self.version += 1

    # -- reading upwards ------------------------------------------------------------------------

    def backward(self) -> None:
        """Record the backward pass and run it. A second call changes nothing."""
        from fluxlab.engine.backward import record_backward

        with self.lock:
            if not any(step.phase == "backward" for step in self.steps):
                self.run(self.end_of("forward"))
                with self.recording("backward", self.cost.scope):
                    record_backward(self)

    def descend(self, *parameters: str, learning_rate: float = 0.1, optimizer: Any = None) -> None:
        """Record the update of each parameter, once: `w[new] = w - learning rate * dC_dw`.

        An optimizer such as `Adam(0.01)` brings its own rule and learning rate.
        """
        from fluxlab.engine.backward import check_learning_rate
        from fluxlab.engine.optimizers import GradientDescent, record_optimizer

        with self.lock:
            if self.history is not None:
                raise BadInput("descend: this trace already has its update steps.")
            if optimizer is None:
                optimizer = GradientDescent(check_learning_rate("descend", learning_rate))
            self.backward()
            record_optimizer(self, optimizer, parameters)

    def check(
        self, name: str, epsilon: float = 1e-5, index: tuple[int, ...] | None = None
    ) -> Check:
        """Compare a gradient (or slope) with central differences; see `Check`."""
        from fluxlab.engine.check import check

        return check(self, name, epsilon, index)

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

        For changes that need recording anew, such as another activation. History starts again.
        """
        with self.lock:
            other.name_by_formula()  # two locks guard its names until each matrix knows its trace
            other.name_axes()
            kept = ("lock", "axis_labels", "version", "watchers", "session")
            own = {name: vars(self)[name] for name in kept if name in vars(self)}
            # In one go: nobody may find the other trace's lock here, even for a moment.
            vars(self).update({**vars(other), **own})
            for matrix in self._all:
                matrix.trace = self
            if self.history is not None:
                self.history.trace = self
            self.version += 1

    def finish(self, result: object, name: str = "y") -> None:
        """Declare the function's result; its cost is itself if one number, else its sum."""
        if not isinstance(result, Matrix) or result.trace is not self:
            raise BadInput(f"trace: {self.title} returned {not_one_matrix(result)}")
        single = result.buffer.size == 1
        if result.temporary:
            self.rename(result, "C" if single else name)
        self._result = cost = result
        if not single:
            with self.recording("forward", ""):
                axes = tuple(range(len(result.shape)))
                cost = OPS["sum"](result, axes=axes, keepdims=False)
                self.rename(cost, "C")
        elif result.step is None:
            raise BadInput(f"trace: {self.title} returned its argument {result.name} unchanged.")
        self._cost = cost
        self.alias("C", cost)
        if all(matrix._local != name for matrix in self._all):
            self.alias(name, result)  # one number is called C, and it is what was returned as well


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


__all__ = ["PHASES", "Matrix", "Step", "Trace", "no_scope", "scope"]
