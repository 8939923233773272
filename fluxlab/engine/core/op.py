"""Operations: what a step can do.

An `Op` is a named entry with declared parameters. It answers five questions, and readers
ask nothing else: how to fill the output (`bind`), which cells an output cell is made of
(`cells`), how their numbers become it (`rule`), where a cell goes (`uses`), and the
gradient, written in ops again (`vjp`). The kinds in `kinds/` answer most of them once.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fluxlab.engine.core.errors import BadInput, NoGradient
from fluxlab.engine.core.numbers import Array, Indices, Shape, as_numbers

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Matrix, Step

Call = Callable[[], object]
Params = dict[str, Any]

OPS: dict[str, Op] = {}
TRIED = 100  # cells of a new op's first result that are computed twice


class Traced:
    """What an operation records instead of computing it: its `trace` makes a step of it."""

    __slots__ = ()
    trace: Any


class Op:
    """One named operation on matrices.

    Parameters
    ----------
    name : unique name in the catalogue.
    latex, numpy, words : templates; `<0>`, `<1>` stand for inputs, `<exponent>` for a parameter.
    unit : True if every value lies in 0..1.
    noun : what a result is called whose formula would be too long; default: the op's name.
    """

    kind: ClassVar[str] = ""
    own: bool

    def __init__(
        self, name: str, *, latex: str = "", numpy: str = "", words: str = "", unit: bool = False,
        noun: str = "",
    ) -> None:  # fmt: skip
        if name in OPS and not OPS[name].own:
            raise BadInput(f"FluxLab has an op named {name!r} already; choose another name.")
        # A student's op takes the place of its older self, such as when a cell is run again. Its
        # rule and its calls are compared on the numbers of its first use.
        self.own = self.untried = _made_outside()
        self.name, self.unit, self.noun = name, unit, noun or name.replace("_", " ")
        self._latex, self._numpy, self._words = latex, numpy, words
        OPS[name] = self

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """Apply to matrices of a trace (recorded as a step) or to plain numbers (computed)."""
        trace = None
        for m in inputs:
            if isinstance(m, Traced):
                if trace is not None and m.trace is not trace:
                    raise BadInput(
                        f"{self.name}: its matrices belong to different traces; use those of one "
                        "trace."
                    )
                trace = m.trace
        if trace is not None:
            made = trace.record(self, inputs, params)
            if self.untried and made.ready:
                self._compare(made.step)
                self.untried = False
            return made
        return self._computed(inputs, params)

    def _computed(self, inputs: Sequence[Any], params: Params) -> Array | float:
        arrays = [as_numbers(self.name, f"argument {i + 1}", m) for i, m in enumerate(inputs)]
        self.shape([a.shape for a in arrays], params)
        out = self.output(arrays, params)
        with np.errstate(all="ignore"):
            for call in self.bind(out, arrays, params):
                call()
        return float(out) if out.ndim == 0 else out

    def _compare(self, step: Step) -> None:
        """Refuse an op whose calls and whose rule are not the same operation."""
        every = list(np.ndindex(*step.output.shape))
        for index in every[:: -(-len(every) // TRIED)]:
            cells = self.cells(index, step)
            values = [_read(step.inputs[operand].buffer, where) for operand, where in cells]
            with np.errstate(all="ignore"):
                ruled, called = self.rule(values, index, step), float(step.output.buffer[index])
            if not np.isclose(ruled, called, rtol=1e-9, atol=1e-12, equal_nan=True):
                given = ", ".join(f"{v:g}" for numbers in values for v in numbers[:3])
                raise BadInput(
                    f"{self.name}: its calls and its rule are not the same operation. Of {given} "
                    f"the calls make {called:g}, the rule {ruled:g}. `calls` fills whole matrices; "
                    "`rule` computes one cell of them once more, for its explanation."
                )

    # -- computing ------------------------------------------------------------------------

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        """The output's shape; raises BadInput if the inputs do not fit."""
        raise NotImplementedError

    def output(self, arrays: Sequence[Array], params: Params) -> Array:
        """Storage for the output; a view of an input where nothing needs computing.

        Raises BadInput if the inputs do not fit, as `shape` does: a step is checked here.
        """
        return np.empty(self.shape([a.shape for a in arrays], params))

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        """Calls that fill `out` from `arrays`; they allocate nothing when they run."""
        raise NotImplementedError

    # -- explaining -----------------------------------------------------------------------

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        """The cells that output cell `index` is made of.

        Pairs (input number, indices of shape (terms, input's dimensions)). All pairs that
        belong together have the same number of terms: term t is made of row t of each.
        """
        raise NotImplementedError

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        """The output cell, from the numbers of `cells` (one array of terms per pair)."""
        raise NotImplementedError

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        """The output cells, shape (count, output's dimensions), that input cell `index` enters."""
        raise NotImplementedError

    def joined(self, step: Step) -> str:
        """How terms combine: sum, mean, max, rule, moved or compared."""
        return "rule"

    def in_unit(self, step: Step) -> bool:
        """Whether every value of the output lies in 0..1, whatever the numbers are."""
        return self.unit

    # -- differentiating ------------------------------------------------------------------

    def differentiable(self, operand: int) -> bool:
        """Whether a gradient flows to this input."""
        return True

    def vjp(self, operand: int, step: Step, dC_dout: Matrix) -> Matrix:
        """This use's share of the gradient of input `operand`, recorded as steps."""
        raise NoGradient(f"The operation {self.name!r} has no gradient.")

    def branch(self, arrays: Sequence[Array], params: Params) -> Array | None:
        """Which smooth piece of the function each cell is on; None if it is smooth everywhere.

        Where it differs between two inputs, a corner or a jump lies between them.
        """
        return None

    def slope_places(
        self, cell: tuple[int, ...], operand: int, step: Step
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Which output cell, by which cell of the input, a cell of the local derivative is of.

        Where the step repeats a matrix, its slopes are those of the first repetition.
        """
        seen = (0,) * (len(step.output.shape) - len(cell)) + cell
        shape = step.inputs[operand].shape
        own = seen[len(seen) - len(shape) :]
        return seen, tuple(0 if n == 1 else i for i, n in zip(own, shape, strict=True))

    # -- naming ---------------------------------------------------------------------------

    def latex_template(self, step: Step) -> str:
        return self._latex

    def numpy_template(self, step: Step) -> str:
        return self._numpy

    def words_template(self, step: Step) -> str:
        return self._words

    def cell_template(self, index: tuple[int, ...], step: Step) -> str:
        """LaTeX of one output cell; the inputs stand for their cells."""
        return self.latex_template(step).replace(r"\odot", r"\cdot")

    def note(self, values: list[Array], step: Step) -> str:
        """What is special about an output cell of these numbers, such as a limit that acts."""
        return ""

    def axes(self, step: Step) -> tuple[str | None, ...]:
        """Names of the output's axes, as far as the inputs' axes tell."""
        return (None,) * len(step.output.shape)


def _made_outside() -> bool:
    """Whether an op that is being made is a student's own."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_name == "__init__":
        frame = frame.f_back
    home = "" if frame is None else str(frame.f_globals.get("__name__", ""))
    return home.partition(".")[0] != "fluxlab"


def _read(array: Array, where: Indices) -> Array:
    found: Array = array[tuple(where.T)] if array.ndim else np.full(len(where), array)
    return found


def grid(ranges: Sequence[Sequence[int] | range]) -> Indices:
    """Every combination of the ranges, as rows: shape (combinations, len(ranges))."""
    if not ranges:
        return np.zeros((1, 0), dtype=np.intp)
    axes = np.meshgrid(*[np.asarray(r, dtype=np.intp) for r in ranges], indexing="ij")
    return np.stack([a.ravel() for a in axes], axis=1)


def bound(*call: Any) -> Call:
    """`bound(np.add, a, b, out)`: one bound call; two ufuncs want `out=` by keyword."""
    function, *arguments = call
    if function in (np.maximum, np.minimum):
        return partial(function, *arguments[:-1], out=arguments[-1])
    return partial(function, *arguments)


_PLACE = re.compile(r"<(\w+)>")


def fill(template: str, operands: Sequence[str], params: Params | None = None) -> str:
    """Put operands (`<0>`, `<1>`) and parameters (`<exponent>`) into a template."""

    def value(match: re.Match[str]) -> str:
        key = match[1]
        if key.isdigit():
            return operands[int(key)] if int(key) < len(operands) else match[0]
        return str((params or {}).get(key, match[0]))

    return _PLACE.sub(value, template)
