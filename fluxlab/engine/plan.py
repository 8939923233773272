"""The plan: keep only what is wanted, bind every call once, replay without allocating."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fluxlab.engine.memory import Running
from fluxlab.engine.op import Array, Call
from fluxlab.engine.trace import Matrix, Step, Trace


class Plan:
    """A pruned, bound list of calls that computes `wanted` in place, again and again.

    Parameters
    ----------
    wanted : the matrices that must be right afterwards; steps that none of them needs are left out.
    carry : {old: new}: after each replay `old` has the value of `new`, ready for the next one.

    It runs on the trace's own buffers, except for parameters that all take a plain descent
    step: these and their gradients lie side by side in two arrays of the plan, so that one
    subtraction updates them all. The trace gets them back at the end of a run. A plan holds for
    the trace's fixed shapes; other values (a batch, a mask) are set on the inputs.
    """

    def __init__(
        self, trace: Trace, wanted: Iterable[Matrix], carry: dict[Matrix, Matrix] | None = None
    ) -> None:
        carry, wanted = carry or {}, set(wanted)
        self.trace = trace
        self.steps = prune(trace, [*wanted, *carry.values()])
        self._home: dict[Matrix, Array] = {}
        self._lent: list[tuple[Array, Array]] = []  # (the trace's, the plan's own)
        joint = self._joint_descent(carry, wanted)
        late: list[Call] = self._join(joint)
        for old, new in carry.items():
            if new.step in joint:
                continue
            if new not in wanted and self._may_overwrite(old, new):
                self._home[new] = old.buffer
            else:
                late.append(_copy(old.buffer, new.buffer))
        self.calls: list[Call] = []
        for step in self.steps:
            if step not in joint:
                self.calls += self._bind(step)
        self.calls += late

    def _bind(self, step: Step) -> list[Call]:
        """The step's calls, where some of its matrices may live elsewhere than in the trace."""
        if step.output not in self._home and not any(m in self._home for m in step.inputs):
            return step.calls
        arrays = [self._where(m) for m in step.inputs]
        if any(np.shares_memory(step.output.buffer, m.buffer) for m in step.inputs):
            self._home[step.output] = step.op.output(arrays, step.params)  # a view again
        return step.op.bind(self._where(step.output), arrays, step.params)

    def _where(self, matrix: Matrix) -> Array:
        return self._home.get(matrix, matrix.buffer)

    def _may_overwrite(self, old: Matrix, new: Matrix) -> bool:
        """Whether `new` may be written straight into `old`: nobody reads `old` afterwards.

        Within its own step neither: a descent step reads w once, and last; others, such as elu,
        read their input again after they have begun to write.
        """
        assert new.step is not None
        first, *others = new.step.inputs
        if new.step.op.name != "step_down" or first is not old:
            return False
        if any(np.shares_memory(m.buffer, old.buffer) for m in others):
            return False
        later = [s for s in self.steps if s.number > new.step.number]
        views = {
            m for s in self.steps for m in [s.output] if np.shares_memory(m.buffer, old.buffer)
        }
        read = any(m is old or m in views for s in later for m in s.inputs)
        return not read

    def _joint_descent(self, carry: dict[Matrix, Matrix], wanted: set[Matrix]) -> list[Step]:
        """The update steps `w - rate * dC_dw` that can be done as one: at most one group."""
        found: list[Step] = []
        for old, new in carry.items():
            step = new.step
            assert step is not None
            if step.op.name != "step_down" or step.inputs[0] is not old:
                continue
            _, rate, gradient = step.inputs
            alone = not {new, gradient} & wanted and not any(s in new.uses for s in self.steps)
            # Passed on unchanged (a bias under one sample), it is another matrix' storage.
            own = (
                gradient.step is not None
                and gradient.step in self.steps
                and gradient.buffer.base is None
                and not any(
                    np.shares_memory(gradient.buffer, m.buffer) for m in gradient.step.inputs
                )
            )
            alike = not found or rate is found[0].inputs[1]
            shared = any(gradient is s.inputs[2] for s in found)
            if alone and own and alike and not shared and rate not in carry:
                found.append(step)
        return found

    def _join(self, joint: list[Step]) -> list[Call]:
        """Lay parameters and gradients side by side; the calls that update all of them."""
        if not joint:
            return []
        parameters, gradients = (np.empty(sum(s.output.buffer.size for s in joint)) for _ in "pg")
        start = 0
        for step in joint:
            old, rate, gradient = step.inputs
            part = slice(start, start + old.buffer.size)
            self._home[old] = parameters[part].reshape(old.shape)
            self._home[gradient] = gradients[part].reshape(old.shape)
            self._lent.append((old.buffer, self._home[old]))
            start = part.stop
        return joint[0].op.bind(parameters, [parameters, rate.buffer, gradients], {})

    def run(self, count: int = 1) -> int:
        """Replay `count` times; returns how many were completed.

        A KeyboardInterrupt leaves the iteration that it struck half done; `History.advance`
        puts that right, so call it rather than this.
        """
        calls = self.calls
        self.done = 0
        for theirs, own in self._lent:
            own[...] = theirs
        with Running():
            for self.done in range(1, count + 1):
                for call in calls:
                    call()
        for theirs, own in self._lent:
            theirs[...] = own
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
