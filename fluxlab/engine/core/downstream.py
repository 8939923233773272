"""What follows from one matrix, as a program of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fluxlab.engine.core.matrix import Matrix, Step
from fluxlab.engine.core.memory import Running
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.core.op import Call
from fluxlab.engine.core.trace import Trace


@dataclass(frozen=True)
class Downstream:
    """A private program: change `source`, `run`, read `target`. Nothing in the trace changes.

    steps : each step with the arrays that it reads here.
    """

    source: Array
    target: Array
    steps: list[tuple[Step, list[Array]]]
    calls: list[Call]

    def run(self) -> None:
        with Running():
            for call in self.calls:
                call()

    def branches(self) -> list[Array | None]:
        """For each step, which smooth piece of it each cell is on; see `Op.branch`."""
        with np.errstate(all="ignore"):
            return [step.op.branch(arrays, step.params) for step, arrays in self.steps]


def downstream(trace: Trace, source: Matrix, target: Matrix) -> Downstream:
    """All that leads from `source` to `target`, with storage of its own.

    The gradient check nudges the source and reads the target. What a `hold` step gives stays as
    it is.
    """
    home: dict[Matrix, Array] = {source: source.buffer.copy()}
    steps, calls = [], list[Call]()
    needed = {target}
    for step in reversed(trace.steps):
        if step.output in needed:
            needed.update(step.inputs)
    start = -1 if source.step is None else source.step.number
    for step in trace.steps:
        if step.op.name == "hold":
            continue  # a held matrix counts as a fixed number, here as in the backward pass
        if step.number > start and step.output in needed and any(m in home for m in step.inputs):
            arrays = [home.get(m, m.buffer) for m in step.inputs]
            out = step.op.output(arrays, step.params)
            home[step.output] = out
            steps.append((step, arrays))
            calls += step.op.bind(out, arrays, step.params)
    return Downstream(home[source], home.get(target, target.buffer), steps, calls)


def alone(step: Step, operand: int) -> Downstream:
    """One step, as a program from one of its inputs to its output."""
    arrays = [m.buffer.copy() for m in step.inputs]
    out = np.empty(step.output.shape)
    calls = step.op.bind(out, arrays, step.params)
    return Downstream(arrays[operand], out, [(step, arrays)], calls)
