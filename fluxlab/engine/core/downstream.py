"""What follows from one matrix, as a program of its own."""

from __future__ import annotations

from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.core.op import Call
from fluxlab.engine.core.trace import Trace


def downstream(trace: Trace, source: Matrix, target: Matrix) -> tuple[Array, Array, list[Call]]:
    """A private program from `source` to `target`: (source's numbers, target's numbers, calls).

    It has storage of its own for all that depends on `source`, so running it changes nothing
    in the trace. The gradient check nudges the first array and reads the second. What a `hold`
    step gives stays as it is.
    """
    home: dict[Matrix, Array] = {source: source.buffer.copy()}
    calls: list[Call] = []
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
            calls += step.op.bind(out, arrays, step.params)
    return home[source], home.get(target, target.buffer), calls
