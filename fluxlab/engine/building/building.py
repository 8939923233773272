"""What a layer needs while a network is recorded: its parameters, randomness, and the mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod

import numpy as np

from fluxlab.engine.catalogue.ops import mean, multiply, reshape, sum, uniform
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array, Shape
from fluxlab.engine.core.trace import Trace


@dataclass
class Building:
    """One recording of a network.

    Attributes
    ----------
    training : False while predicting: no dropout, no noise, batch norm uses its running figures.
    values : parameters and states by full name; what is missing starts at its initial value.
    draw : the generator of initial values.
    seed : for random numbers inside the trace.
    real : (samples, 1), 1 for the rows of the batch and 0 for the rows that fill it up; None if
        all rows are real.
    tokens : (samples, steps), the token numbers that a layer such as Embedding has turned into
        features; 0 is padding, which later layers may leave out.
    steps : (samples, steps), 1 for real steps and 0 for padding, from a layer that is masked; the
        cost leaves padding out.
    later : recorders of steps that belong to the update, such as running means.
    """

    trace: Trace
    training: bool
    values: dict[str, Array]
    draw: np.random.Generator
    seed: int
    real: Matrix | None = None
    tokens: Matrix | None = None
    steps: Matrix | None = None
    later: list[Callable[[], None]] = field(default_factory=list)
    _draws: int = 0
    _counts: dict[tuple[int, int], tuple[Matrix, Matrix]] = field(default_factory=dict)

    def through(self, layer: Callable[..., Matrix], x: Matrix, *more: Matrix | None) -> Matrix:
        """What a layer makes of x, noted as what the current scope is."""
        h = layer(x, self, *more)
        self.trace.note_layer(layer, x, h)
        return h

    def read(self, tokens: Matrix) -> None:
        """Take x for token numbers: its columns are steps, not features."""
        self.tokens = tokens
        source = tokens.step.inputs[0] if tokens.step is not None else tokens
        for matrix in (tokens, *([source] if source.kind == "data" else [])):
            if matrix.axes[1:] == ("feature",):
                matrix.axes = (matrix.axes[0], "step")

    def parameter(
        self, local: str, initial: Callable[[], Array], axes: tuple[str | None, ...]
    ) -> Matrix:
        """A matrix to learn, in the current scope."""
        return self._input(local, initial, "parameter", axes)

    def state(
        self, local: str, initial: Callable[[], Array], axes: tuple[str | None, ...]
    ) -> Matrix:
        """A matrix that is remembered from iteration to iteration but not learned."""
        return self._input(local, initial, "state", axes)

    def _input(
        self, local: str, initial: Callable[[], Array], kind: str, axes: tuple[str | None, ...]
    ) -> Matrix:
        first = initial()
        made = self.trace.input(local, first, kind, axes)
        if made.name in self.values:
            given = self.values[made.name]
            if given.shape != made.shape:
                raise BadInput(
                    f"{made.name} is of another shape: {size(given.shape)}, not {size(made.shape)}."
                )
            made.buffer[...] = given
        made.wants_gradient = kind == "parameter"
        return made

    @property
    def iteration(self) -> Matrix:
        """The number of updates so far, as a matrix of the trace; made when first needed."""
        return iteration_of(self.trace, self.values)

    def random(self, like: Matrix | Shape) -> Matrix:
        """Uniform random numbers in [0, 1), new in each iteration, the same when it comes back."""
        self._draws += 1
        shape = like.shape if isinstance(like, Matrix) else like
        return uniform(self.iteration, shape, seed=self.seed * 1009 + self._draws)  # type: ignore[no-any-return]

    def mean(self, x: Matrix, axes: tuple[int, ...] = (0,)) -> Matrix:
        """The mean over the samples, axis 0, and perhaps others, which stay with length 1.

        Of the samples only the real ones count.
        """
        if self.real is None:
            return mean(x, axis=axes, keepdims=True)  # type: ignore[no-any-return]
        real, count = self._real(len(x.shape), prod(x.shape[axis] for axis in axes[1:]))
        of_real = multiply(real, x).named(f"{x.local} of real rows")
        total = sum(of_real, axis=axes, keepdims=True).named(f"total {x.local}")
        return total / count  # type: ignore[no-any-return]

    def _real(self, rank: int, cells: int) -> tuple[Matrix, Matrix]:
        """`real` with so many axes, and how many cells are real if each row has so many."""
        if (rank, cells) not in self._counts:
            assert self.real is not None
            real = self.real
            count = sum(real).named("real row count", wants_gradient=False)
            if rank > 2:
                real = reshape(real, (-1, *[1] * (rank - 1)))
                real.named("real samples", wants_gradient=False)
            if cells > 1:
                count = multiply(count, float(cells))
                count.named("real cell count", wants_gradient=False)
            self._counts[rank, cells] = real, count
        return self._counts[rank, cells]

    def carry(self, old: Matrix, record: Callable[[], Matrix]) -> None:
        """In the next iteration `old` is what `record()` gives; recorded with the updates."""

        def later() -> None:
            with self.trace.recording("update", old.scope):
                new = record()
            keep(old, new)

        self.later.append(later)


def keep(old: Matrix, new: Matrix) -> Matrix:
    """`new` is what `old` will be in the next iteration."""
    trace = new.trace
    trace.rename(new, f"{old.local}[new]", old.scope)
    new.kind, new.of = "update", old
    trace.carry[old] = new
    return new


def computed(what: str, found: object) -> Matrix:
    """What a student's own layer, schedule, regularizer or clip returned, if it is a matrix."""
    if not isinstance(found, Matrix):
        raise BadInput(
            f"Network: {what} returned {type(found).__name__}; it must return a matrix that is "
            "computed from what it was given."
        )
    return found


def iteration_of(trace: Trace, values: dict[str, Array] | None = None) -> Matrix:
    """The trace's `iteration` matrix, one number, carried; made when first asked for."""
    if "iteration" in trace:
        return trace["iteration"]
    with trace.recording("forward", ""):
        made = trace.input("iteration", 0.0, "state")
    made.wants_gradient = False
    if values and "iteration" in values:
        made.buffer[...] = values["iteration"]
    return made
