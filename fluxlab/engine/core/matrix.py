"""A named matrix of a trace, and the step that computes one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fluxlab.engine.core import formulas
from fluxlab.engine.core.errors import NotComputed, UnknownAttribute, size
from fluxlab.engine.core.numbers import Array, Shape, shown
from fluxlab.engine.core.op import Call, Op, Params
from fluxlab.engine.core.operators import Operators

if TYPE_CHECKING:
    from fluxlab.engine.core.trace import Trace


@dataclass(eq=False, slots=True, repr=False)
class Matrix(Operators):
    """One named matrix of a trace. Write `x @ w + b` with it, or `fl.tanh(x)`.

    Attributes
    ----------
    local, scope : `dC_dw` and `layer 1`; together the name `layer 1/dC_dw`. The formula that a
        matrix without a name is called by is written down when somebody asks for its name.
    kind : input, parameter, constant, value, slope, gradient or update.
    step : the step that computes it; None for inputs, parameters and constants.
    of : a gradient's own matrix; an update's parameter; a slope's input; else None.
    axes : what each axis counts, such as ("sample", "neuron"), where known.
    temporary : nobody has named it, so it is called by its formula; or it is a `summand`.
    wants_gradient : False for data such as targets, whose gradient nobody needs.
    above : an input's numbers must be greater than this; None: any finite number will do.
    uses : the steps that read it.
    """

    trace: Trace
    _local: str
    scope: str
    kind: str
    buffer: Array
    step: Step | None = None
    of: Matrix | None = None
    _axes: tuple[str | None, ...] | None = None
    temporary: bool = False
    wants_gradient: bool = True
    above: float | None = None
    uses: list[Step] = field(default_factory=list)

    @property
    def local(self) -> str:
        if not self._local:
            self.trace.name_by_formula()
        return self._local

    @property
    def axes(self) -> tuple[str | None, ...]:
        if self._axes is None:
            self.trace.name_axes()
        assert self._axes is not None
        return self._axes

    @axes.setter
    def axes(self, names: tuple[str | None, ...]) -> None:
        self._axes = names

    @property
    def name(self) -> str:
        return f"{self.scope}/{self.local}" if self.scope else self.local

    @property
    def shape(self) -> Shape:  # type: ignore[override]
        return self.buffer.shape

    @property
    def unit(self) -> bool:
        """Whether every value is known to lie in 0..1."""
        return self.step is not None and self.step.op.in_unit(self.step)

    @property
    def ready(self) -> bool:
        return self.step is None or self.step.number < self.trace.position

    @property
    def value(self) -> Array:
        """The numbers, to be read; raises NotComputed before the step that makes them has run."""
        with self.trace.lock:
            if not self.ready:
                assert self.step is not None
                raise NotComputed(
                    f"{self.name} is not computed yet: step {self.step.number + 1} computes it, "
                    f"and {self.trace.position} of {len(self.trace.steps)} steps have run. Run the "
                    f"{self.step.phase} pass first."
                )
            return shown(self.buffer.copy(), self._how_to_set())

    @value.setter
    def value(self, numbers: object) -> None:
        raise UnknownAttribute(f"m.value = ... does nothing. {self._how_to_set()}")

    def _how_to_set(self) -> str:
        if self.step is None:
            name = f'"{self.name}"'
            return f"t.set({name}, numbers) sets it, t.set({name}, 5, (0, 1)) one cell."
        given = ", ".join(m.name for m in self.trace.inputs[:8])
        return f"{self.name} is computed; set what it is computed from: {given}."

    @property
    def labels(self) -> dict[int, list[str]]:
        """Names of rows (axis 0), columns (axis 1), ..., where they are known."""
        known = self.trace.axis_labels
        return {
            i: known[axis]
            for i, axis in enumerate(self.axes)
            if axis in known and len(known[axis]) == self.shape[i]
        }

    @property
    def latex(self) -> str:
        return formulas.latex_name(self)

    def named(self, local: str, **attributes: Any) -> Matrix:
        """Give this matrix a name (within its scope); returns it."""
        self.trace.rename(self, local)
        for key, value in attributes.items():
            setattr(self, key, value)
        return self

    def number(self, role: str, value: float) -> Matrix:
        """A number that meets this matrix in a formula, called by its role: `samples`."""
        made: Matrix = self.trace.constant(value)
        return made.named(role)

    def summand(self, local: str) -> Matrix:
        """Name a part of a sum. The gradient passes it unchanged, and is not written once more."""
        return self.named(local, temporary=True)

    def __repr__(self) -> str:
        return f"<{self.name}, {size(self.shape)}{'' if self.ready else ', not computed yet'}>"


@dataclass(eq=False, slots=True, repr=False)
class Step:
    """One operation of the trace: `output = op(*inputs, **params)`.

    `memo` is what the op has worked out about the step for explanations, to keep it.
    """

    number: int
    op: Op
    inputs: tuple[Matrix, ...]
    params: Params
    output: Matrix
    phase: str
    calls: list[Call]
    memo: Any = None

    @property
    def scope(self) -> str:
        return self.output.scope

    def latex(self) -> str:
        """The formula in symbols, as LaTeX."""
        return formulas.latex_line(self)

    def numpy(self) -> str:
        """The same step as a line of NumPy."""
        return formulas.numpy_line(self)

    def words(self) -> str:
        """The same step in plain words."""
        return formulas.words_line(self)

    def __repr__(self) -> str:
        return f"<step {self.number + 1}: {self.numpy()}>"
