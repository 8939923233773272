"""What a student holds: `trace(function, **matrices)`, a `Trace` that can be asked everything.

The core records, the readers read; here stand both together.
Imports: core, running, readers, building.
"""

from __future__ import annotations

import dis
import inspect
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent, record_optimizer
from fluxlab.engine.core import matrix as core_matrix
from fluxlab.engine.core import trace as core
from fluxlab.engine.core.errors import BadInput, UnknownAttribute, UnknownName
from fluxlab.engine.core.pairs import check_rows, labels_of
from fluxlab.engine.readers.backward import check_learning_rate, record_backward
from fluxlab.engine.readers.check import Check, check
from fluxlab.engine.readers.explain import Explanation, explain
from fluxlab.engine.running.history import History


class Matrix(core_matrix.Matrix):
    __slots__ = ()
    __doc__ = core_matrix.Matrix.__doc__

    def explain(self, *index: int) -> Explanation:
        """Why this number? `w.explain(2, 5)`; see `Explanation`."""
        return explain(self, *index)


class Trace(core.Trace):
    """An ordered list of steps with their matrices; see `fluxlab.trace`.

    history : recorded iterations, after `descend`. All else is the core's: `core.trace.Trace`.
    """

    matrix_kind = Matrix

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.history: History | None = None
        self._outside: frozenset[str] = frozenset()  # what the function takes from outside
        self._closed = True

    def __getitem__(self, name: str) -> core_matrix.Matrix:
        try:
            return super().__getitem__(name)
        except UnknownName:
            outside = name.removeprefix("dC_d") if isinstance(name, str) else ""
            if outside not in self._outside:
                raise
            raise UnknownName(
                f"{name!r}: {outside} is not an argument of {self.title}, and what a function "
                "takes from outside is a constant. Make it an argument, as in "
                f"fl.trace(f, x=x, {outside}={outside})."
            ) from None

    def __setitem__(self, name: str, value: object) -> None:
        raise BadInput(f"t[{name!r}] = ... does nothing. Write t.set({name!r}, numbers).")

    def __setattr__(self, name: str, value: object) -> None:
        known = vars(self)
        if "_closed" in known and name not in known:
            how = f"t.set({name!r}, numbers)" if name in self else "t.set('w', numbers)"
            raise UnknownAttribute(
                f"A trace has no .{name} that can be set. The numbers of a matrix are set by {how}."
            )
        super().__setattr__(name, value)

    def __reduce_ex__(self, protocol: object) -> Any:
        raise BadInput(
            "A trace is neither copied nor pickled: trace the function once more, "
            "fl.trace(f, ...). A network has net.copy() and net.save(path)."
        )

    def backward(self) -> None:
        """Record the backward pass and run it. A second call changes nothing."""
        with self.lock:
            if not any(step.phase == "backward" for step in self.steps):
                self.run(self.end_of("forward"))
                with self.recording("backward", self.cost.scope):
                    record_backward(self)

    def descend(self, *parameters: str, learning_rate: float = 0.1, optimizer: Any = None) -> None:
        """Record the update of each parameter, once: `w[new] = w - learning rate * dC_dw`.

        An optimizer such as `Adam(0.01)` brings its own rule and learning rate.
        """
        with self.lock:
            if self.history is not None:
                raise BadInput("descend: this trace already has its update steps.")
            if optimizer is None:
                optimizer = GradientDescent(check_learning_rate("descend", learning_rate))
            self.backward()
            record_optimizer(self, optimizer, parameters)
            self.history = History(self)

    def check(
        self, name: str, epsilon: float = 1e-5, index: tuple[int, ...] | None = None
    ) -> Check:
        """Compare a gradient (or slope) with central differences; see `Check`."""
        return check(self, name, epsilon, index)

    def edited(self) -> None:
        if self.history is not None:
            self.history.note_edit()

    def become(self, other: core.Trace) -> None:
        """As the core's; history starts again."""
        with self.lock:
            super().become(other)
            if self.history is not None:
                self.history.trace = self


def trace(function: Callable[..., Any], /, *unnamed: Any, **matrices: Any) -> Trace:
    """Run `function` on traced matrices and record every step.

    `function` is ordinary Python with `@`, `+`, `*`, `fl.tanh`, ...; each keyword argument
    becomes an input matrix of that name. A function that returns more than one number has
    the sum of its cells as its cost C.

    >>> t = trace(lambda x, w: fl.tanh(x @ w), x=[[1.0, 2.0]], w=[[0.5], [-0.25]])
    >>> t.backward()
    >>> t["dC_dw"].explain(1, 0)
    """
    if not callable(function):
        raise BadInput(f"trace: function must be a function, got {type(function).__name__}.")
    title = getattr(function, "__name__", "function").replace("<lambda>", "your function")
    _check_arguments(function, title, len(unnamed), matrices)
    for (one, given), (two, other) in itertools.combinations(matrices.items(), 2):
        check_rows("trace", one, given, two, other, tell=False)
    made = Trace(title)
    made._outside = _numbers_outside(function) - {*matrices}
    inputs = {name: _input(made, name, value) for name, value in matrices.items()}
    with made.following(function), _words_for_filling():
        result = function(**inputs)
    made.finish(result)
    assert made.result is not None
    if name := _returned(function):
        made.alias(name, made.result)
    return made


def _input(made: Trace, name: str, value: Any) -> core_matrix.Matrix:
    """An input; a data frame's names of rows and columns come along."""
    named = labels_of(value)
    axes: list[str | None] = [None] * len(np.shape(value)) if named else []
    for axis, own in named.items():
        labels = [str(label) for label in own]
        usual = ("sample", "feature")[axis]
        taken = made.axis_labels.setdefault(usual, labels) != labels
        axes[axis] = f"{usual} of {name}" if taken else usual
        made.axis_labels.setdefault(str(axes[axis]), labels)
    return made.input(name, value, axes=tuple(axes))


@contextmanager
def _words_for_filling() -> Iterator[None]:
    """Say what to write instead of `out[i] = ...`: NumPy replaces what a matrix says of it."""
    try:
        yield
    except ValueError as problem:
        if not str(problem).startswith("setting an array element with a sequence"):
            raise
        told = BadInput(
            "out[i] = ... cannot put a traced matrix into an array of plain numbers. Collect the "
            "parts in a list, parts.append(...), and make a matrix of them: fl.stack(parts)."
        )
        raise told.with_traceback(problem.__traceback__) from None


def _check_arguments(
    function: Callable[..., Any], title: str, unnamed: int, matrices: dict[str, Any]
) -> None:
    """Refuse matrices that do not fit the function's arguments."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions in C have none
        signature = inspect.Signature()
    arguments = signature.parameters.values()
    names = [a.name for a in arguments if a.kind in (a.POSITIONAL_OR_KEYWORD, a.KEYWORD_ONLY)]
    needed = ", ".join(f"{n}={n}" for n in names[:6]) or "x=x"
    if unnamed:
        raise BadInput(
            f"trace: {unnamed} of the matrices came without a name. Give each by the name of its "
            f"argument, as in fl.trace({title}, {needed})."
        )
    if any(a.kind in (a.VAR_POSITIONAL, a.POSITIONAL_ONLY) for a in arguments):
        raise BadInput(
            f"trace: {title} takes arguments without a name (*args, or NumPy's own). Its matrices "
            "need names: write a function such as `def f(x, w): ...` around it."
        )
    try:
        signature.bind(**matrices)
    except TypeError as problem:
        raise BadInput(
            f"trace: {title}({', '.join(map(str, arguments))}) does not fit the matrices given "
            f"({', '.join(matrices) or 'none'}): {problem}. Give each argument by its name."
        ) from None
    if "C" in matrices:
        raise BadInput("trace: C is the cost's own name; call that argument something else.")


def _numbers_outside(function: Callable[..., Any]) -> frozenset[str]:
    """The names of numbers that the function takes from outside: globals, or its object's."""
    code = getattr(function, "__code__", None)
    if code is None:
        return frozenset()
    seen = inspect.getclosurevars(function)
    own = getattr(getattr(function, "__self__", None), "__dict__", {})
    kind = vars(type(getattr(function, "__self__", None)))
    there = {**kind, **own, **seen.globals, **seen.nonlocals}
    names = {*code.co_names, *code.co_freevars}
    numbers = (int, float, list, tuple, np.ndarray)
    return frozenset(n for n in names if isinstance(there.get(n), numbers))


def _returned(function: Callable[..., Any]) -> str:
    """The variable that the function returns, if all its returns are of that one."""
    code = getattr(function, "__code__", None)
    lines = [] if code is None else [*dis.get_instructions(code)]
    names = {
        before.argval if before.opname.startswith("LOAD_FAST") else None
        for before, line in itertools.pairwise(lines)
        if line.opname.startswith("RETURN_")
    }
    name = names.pop() if len(names) == 1 else None
    return name if isinstance(name, str) else ""
