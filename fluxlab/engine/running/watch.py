"""Whether a cost was infinite on the way, although learning does not compute the cost."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix, Step
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.core.op import Call
from fluxlab.engine.core.trace import Trace
from fluxlab.engine.running.plan import Plan, prune

TAME = 1e30  # in size: far above what a network works with
STAY_TAME = ("sum", "mean", "maximum", "multiply")  # where all that goes in is given
TRIED = 1e40  # leaves room for sums of tame numbers; its square is far from infinite


class Watch:
    """Learning's plan, with one tiny call more per iteration that tells what the cost was.

    The gradients do not need the cost, so the plan leaves its last steps out. What these steps
    read, such as y, is watched instead: if they make finite numbers of any tame ones (they are
    tried on random ones), and y stayed tame, then the cost was finite. Otherwise they are
    computed after all, and the cost itself is watched. So an alarm may be false, but an overflow
    is not missed; and where a step has a pole (ln 0, 1/0), its gradient is infinite as well and
    spoils the weights, which are looked at too.
    """

    def __init__(self, trace: Trace) -> None:
        learned = prune(trace, trace.carry.values())
        made = {step.output for step in learned}
        rest = [s for s in prune(trace, [trace.cost]) if s.output not in made]
        read = {m for s in rest for m in s.inputs} - {s.output for s in rest}
        moving = [m for m in read if m in made or m in trace.carry]
        self._sources = _sources(trace, moving)
        self._trial, self._outcome = _bind(rest, moving, trace.cost)
        self._limit = TAME
        watched = [m for m in self._sources if m in made]
        if not rest or self._sources & trace.carry.keys() or not self.holds():
            self._limit, watched = np.inf, [trace.cost]
        self.plan = Plan(trace, watched, trace.carry)
        self._seen = [np.zeros(m.shape) for m in watched]
        for seen, matrix in zip(self._seen, watched, strict=True):
            # The root of the sum of squares so far: it only grows, and keeps a NaN.
            self.plan.calls.append(partial(np.hypot, seen, matrix.buffer, seen))

    def begin(self) -> None:
        for seen in self._seen:
            seen.fill(0.0)

    def quiet(self) -> bool:
        """Whether every cost since `begin` was finite for sure."""
        return all(bool((seen < self._limit).all()) for seen in self._seen)

    def holds(self) -> bool:
        """Whether watching is still enough; an edit of an input or a constant may change that."""
        if self._limit == np.inf:
            return True
        given = [m for m in self._sources if m.step is None]
        if not all((np.abs(m.buffer) < TAME).all() for m in given):
            return False
        try:
            with np.errstate(all="ignore"):
                for call in self._trial:
                    call()
        except BadInput:  # the steps want whole numbers, or positive ones
            return False
        return bool(np.isfinite(self._outcome).all())


def _sources(trace: Trace, matrices: Iterable[Matrix]) -> set[Matrix]:
    """The matrices that keep these tame: rows of a batch are tame if the data is."""
    known: dict[Matrix, set[Matrix]] = {}
    last = max((m.step.number for m in matrices if m.step is not None), default=-1)
    # Step by step: a recurrent network reaches a matrix of its first step in 2^32 ways.
    for step in trace.steps[: last + 1]:
        passes = step.op.kind == "gather" or step.op.name in STAY_TAME
        if not passes or step.output.unit:
            known[step.output] = _own(step.output)
            continue
        cells = [m for k, m in enumerate(step.inputs) if step.op.differentiable(k)]
        found = set().union(*[known.get(m, _own(m)) for m in cells])
        given = all(m.step is None and m not in trace.carry for m in found)
        moves = step.op.kind == "gather"
        known[step.output] = found if moves or given else _own(step.output)
    return set().union(*[known.get(m, _own(m)) for m in matrices])


def _own(matrix: Matrix) -> set[Matrix]:
    return set() if matrix.unit else {matrix}


def _bind(steps: list[Step], moving: list[Matrix], target: Matrix) -> tuple[list[Call], Array]:
    """A private program of `steps` on random numbers in place of `moving`; and its result."""
    draw = np.random.default_rng(0)
    home: dict[Matrix, Array] = {m: draw.uniform(-TRIED, TRIED, m.shape) for m in moving}
    calls: list[Call] = []
    for step in steps:
        arrays = [home.get(m, m.buffer) for m in step.inputs]
        home[step.output] = step.op.output(arrays, step.params)
        calls += step.op.bind(home[step.output], arrays, step.params)
    return calls, home.get(target, target.buffer)
