"""The plan: keep only what is wanted, bind every call once, replay without allocating."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fluxlab.engine.op import Array, Call
from fluxlab.engine.trace import Matrix, Step, Trace


class Plan:
    """A pruned, bound list of calls that computes `wanted` in place, again and again.

    Parameters
    ----------
    wanted : the matrices that must be right afterwards; steps that none of them needs are left out.
    carry : {old: new}: after each replay `old` has the value of `new`, ready for the next one.

    It runs on the trace's own buffers: readers see the result at once. It holds for the
    trace's fixed shapes; other values (a batch, a mask) are set on the inputs.
    """

    def __init__(
        self, trace: Trace, wanted: Iterable[Matrix], carry: dict[Matrix, Matrix] | None = None
    ) -> None:
        carry = carry or {}
        self.trace = trace
        self.steps = prune(trace, [*wanted, *carry.values()])
        self._home: dict[Matrix, Array] = {}
        late: list[Call] = []
        for old, new in carry.items():
            if self._may_overwrite(old, new):
                self._home[new] = old.buffer
            else:
                late.append(_copy(old.buffer, new.buffer))
        self.calls: list[Call] = []
        for step in self.steps:
            if step.output in self._home or any(m in self._home for m in step.inputs):
                arrays = [self._where(m) for m in step.inputs]
                self.calls += step.op.bind(self._where(step.output), arrays, step.params)
            else:
                self.calls += step.calls
        self.calls += late

    def _where(self, matrix: Matrix) -> Array:
        return self._home.get(matrix, matrix.buffer)

    def _may_overwrite(self, old: Matrix, new: Matrix) -> bool:
        """Whether `new` may be written straight into `old`: nobody reads `old` afterwards."""
        assert new.step is not None
        later = [s for s in self.steps if s.number > new.step.number]
        views = {
            m for s in self.steps for m in [s.output] if np.shares_memory(m.buffer, old.buffer)
        }
        read = any(m is old or m in views for s in later for m in s.inputs)
        return new.step.op.kind == "elementwise" and not read

    def run(self, count: int = 1) -> int:
        """Replay `count` times; returns how many were completed.

        A KeyboardInterrupt leaves the iteration that it struck half done; `History.advance`
        puts that right, so call it rather than this.
        """
        calls = self.calls
        self.done = 0
        with np.errstate(all="ignore"):
            for self.done in range(1, count + 1):
                for call in calls:
                    call()
        return self.done


def prune(trace: Trace, wanted: Iterable[Matrix]) -> list[Step]:
    """The steps that `wanted` depends on, without those that only constants feed."""
    needed: set[Matrix] = set(wanted)
    kept = []
    varies = _varying(trace)
    for step in reversed(trace.steps):
        if step.output in needed and step.output in varies:
            kept.append(step)
            needed.update(step.inputs)
    return kept[::-1]


def _varying(trace: Trace) -> set[Matrix]:
    """The matrices that depend on an input; the others are computed once and for all."""
    varies = set(trace.inputs)
    for step in trace.steps:
        if any(m in varies for m in step.inputs):
            varies.add(step.output)
    return varies


def _copy(target: Array, source: Array) -> Call:
    def copy() -> None:
        np.copyto(target, source)

    return copy


def downstream(trace: Trace, source: Matrix, target: Matrix) -> tuple[Array, Array, list[Call]]:
    """A private program from `source` to `target`: (source's numbers, target's numbers, calls).

    It has storage of its own for all that depends on `source`, so running it changes nothing
    in the trace. The gradient check nudges the first array and reads the second.
    """
    home: dict[Matrix, Array] = {source: source.buffer.copy()}
    calls: list[Call] = []
    needed = {target}
    for step in reversed(trace.steps):
        if step.output in needed:
            needed.update(step.inputs)
    start = -1 if source.step is None else source.step.number
    for step in trace.steps:
        if step.number > start and step.output in needed and any(m in home for m in step.inputs):
            arrays = [home.get(m, m.buffer) for m in step.inputs]
            out = step.op.output(arrays, step.params)
            home[step.output] = out
            calls += step.op.bind(out, arrays, step.params)
    return home[source], home.get(target, target.buffer), calls
