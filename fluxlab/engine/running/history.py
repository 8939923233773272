"""Iterations: learn fast, remember within bounds, travel back exactly."""

from __future__ import annotations

import time
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from fluxlab.engine.core.errors import BadInput, Diverged, UnknownAttribute
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.running.watch import Watch

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Matrix
    from fluxlab.engine.core.trace import Trace
    from fluxlab.engine.running.plan import Plan

RECORDS = 1000  # at most this many records, however long the run
MEMORY = 64_000_000  # bytes for all of them together
SMALL, RARE = 32_768, 16  # bytes: larger states are recorded less often; each 16th at least
CHUNK = 0.05  # seconds between looks at the cost


@dataclass
class Record:
    """One iteration: its cost and, in some records, every input that can change."""

    iteration: int
    state: dict[Matrix, Array] | None
    cost: float
    kept: bool  # an edit happened here: replaying from before would miss it


class History:
    """The iterations of one trace: the cost at each, and the way back.

    A trace in iteration k has the parameters after k updates. Records are thinned as they
    grow in number: every second, then every fourth, ... iteration. What lies between two
    states is replayed from the one before it, with the same numbers to the last bit.

    Attributes
    ----------
    iteration : k, the number of updates so far.
    iterations, costs : the recorded iterations and the cost C at each.
    stopped : why learning stopped early, or "".
    settling : seconds that it last took to compute every matrix after learning.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._iteration = 0
        self.stopped = ""
        self.settling = 0.0
        self.records: list[Record] = []
        # Inputs that only an edit changes: one copy serves all records until then.
        still = [m for m in trace.given if m not in trace.carry]
        self._still = {m: m.buffer.copy() for m in still}
        self._gap = 1
        size = sum(m.buffer.nbytes for m in trace.carry)
        self._limit = min(max(MEMORY // max(size, 1), 8), RECORDS)
        self._stride = 1  # copying a large state takes longer than learning for one iteration
        while self._stride < RARE and self._stride * SMALL < size:
            self._stride *= 2
        cost = trace.cost
        self._record(float(cost.buffer.reshape(())) if cost.ready else None)

    @cached_property
    def _watch(self) -> Watch:
        """Made when learning begins: a trace that is only looked at needs no plan."""
        return Watch(self.trace)

    @property
    def _plan(self) -> Plan:
        return self._watch.plan

    @cached_property
    def _before(self) -> dict[Matrix, Array]:
        """Storage for the carried matrices as they were before a chunk; made once, as it is big."""
        return {m: np.empty_like(m.buffer) for m in self.trace.carry}

    def _copied(self) -> dict[Matrix, Array]:
        for matrix, numbers in self._before.items():
            np.copyto(numbers, matrix.buffer)
        return self._before

    def _remembered(self) -> dict[Matrix, Array] | None:
        """The state of this iteration, if it has been recorded: it need not be copied again."""
        place = bisect_left(self.records, self.iteration, key=lambda r: r.iteration)
        there = place < len(self.records) and self.records[place].iteration == self.iteration
        return self.records[place].state if there else None

    def _here(self) -> dict[Matrix, Array]:
        return self._still | {m: m.buffer.copy() for m in self.trace.carry}

    def __repr__(self) -> str:
        first, last = self.costs[0], self.costs[-1]
        return f"History: {self.iteration} iterations, cost from {first:.6g} to {last:.6g}"

    @property
    def iteration(self) -> int:
        return self._iteration

    @iteration.setter
    def iteration(self, value: object) -> None:
        raise UnknownAttribute(
            f"history.iteration = {value!r} would only miscount; history.travel({value!r}) goes "
            "there."
        )

    def begin_at(self, iteration: int) -> None:
        """Count on from there: so many updates were done before this history began."""
        self._iteration = self.records[0].iteration = iteration

    @property
    def iterations(self) -> list[int]:
        return [record.iteration for record in self.records]

    @property
    def costs(self) -> list[float]:
        return [record.cost for record in self.records]

    # -- recording ------------------------------------------------------------------------------

    def _cost(self) -> float:
        """The cost with the inputs as they are; runs the forward pass."""
        trace = self.trace
        assert trace.cost.step is not None
        trace.compute(0, trace.cost.step.number + 1)
        return float(trace.cost.buffer.reshape(()))

    def _record(self, cost: float | None = None) -> Record:
        """Remember the state of this iteration, unless it is remembered already."""
        place = bisect_left(self.records, self.iteration, key=lambda r: r.iteration)
        if place < len(self.records) and self.records[place].iteration == self.iteration:
            return self.records[place]
        state = self._here() if place == 0 or self.iteration % self._stride == 0 else None
        made = Record(self.iteration, state, self._cost() if cost is None else cost, place == 0)
        self.records.insert(place, made)
        if len(self.records) > self._limit:
            self._thin()
        return made

    def _thin(self) -> None:
        if sum(r.kept for r in self.records) > self._limit // 2:
            # A student who drags a slider while it learns makes records that must stay; when
            # they alone fill the store, the oldest are forgotten.
            self.records = self.records[len(self.records) // 2 :]
            while self.records[0].state is None:
                del self.records[0]
            return
        last = self.records[-1]
        self._gap = self._gap_of(last.iteration)
        self.records = [
            r for r in self.records if r.kept or r is last or r.iteration % self._gap == 0
        ]

    def _gap_of(self, iteration: int) -> int:
        """Iterations between two records: a power of two, so that those up to here fill half."""
        span, gap = iteration - self.records[0].iteration, 1
        while gap * (self._limit // 2) < span:
            gap *= 2
        return gap

    def note_edit(self) -> None:
        """An input was changed by hand: this state is recorded, what came after is forgotten."""
        self.stopped = ""
        if "_watch" in vars(self) and not self._watch.holds():
            del self._watch
        still = self._still
        self._still = {
            m: numbers if np.array_equal(m.buffer, numbers) else m.buffer.copy()
            for m, numbers in still.items()
        }
        records = self.records
        self.records = [r for r in records if r.iteration < self.iteration]
        try:
            # The trace has just been run up to its position; the cost need not be run again.
            cost = self.trace.cost
            made = self._record(float(cost.buffer.reshape(())) if cost.ready else None)
            made.kept, made.state = True, made.state or self._here()
            self._gap = self._gap_of(made.iteration)  # what came after is forgotten
        except BadInput:  # a step cannot use it; Trace.set takes it back
            self._still, self.records = still, records
            raise

    # -- moving ---------------------------------------------------------------------------------

    def advance(self, count: int = 1, seconds: float = float("inf")) -> int:
        """Do `count` iterations, or as many as fit into `seconds`; returns how many were done.

        Raises Diverged, with the last finite parameters restored, if the cost becomes infinite.
        A KeyboardInterrupt is raised again after the state has been put right.
        """
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
            raise BadInput(f"advance: count must be a whole number, 0 or more, got {count!r}.")
        with self.trace.lock:
            self.stopped = ""
            start, end = self.iteration, time.perf_counter() + seconds
            batch = 1
            edits = [r.iteration for r in self.records if r.kept and r.iteration > start]
            if edits and start + count >= edits[0]:  # this run is another than the edited one
                self.records = [r for r in self.records if r.iteration < edits[0]]
            try:
                while self.iteration < start + count and time.perf_counter() < end:
                    to_record = self._gap - self.iteration % self._gap
                    batch = min(batch, to_record, start + count - self.iteration)
                    began = time.perf_counter()
                    self._chunk(batch)
                    each = (time.perf_counter() - began) / batch
                    batch = max(1, int(min(CHUNK, seconds) / max(each, 1e-7)))
                    if self.iteration % self._gap == 0 and not isfinite(self._record().cost):
                        self._stop()
                if not isfinite(self._record().cost):
                    self._stop()
            except KeyboardInterrupt:
                self._record()  # it may have struck while this was written down
                raise
            finally:
                began = time.perf_counter()
                self.trace.run()
                self.settling = time.perf_counter() - began
            return self.iteration - start

    def _chunk(self, count: int) -> None:
        """`count` iterations as one; undone and redone up to the failing one if they diverge."""
        before = self._remembered() or self._copied()
        start, whole = self.iteration, 0
        plan = self._plan
        self._watch.begin()
        try:
            try:
                plan.run(count)
            except KeyboardInterrupt:
                # It struck in the middle of an iteration: only the whole ones are done again.
                whole = max(plan.done - 1, 0)
                raise
            if not self._finite() or not self._watch.quiet():
                self._restore(before)
                for _ in range(count):
                    if not isfinite(self._cost()):
                        self._stop()
                    plan.run(1)
                    self._iteration += 1
                    if not self._finite():
                        self._stop()
            self._iteration = start + count
        except KeyboardInterrupt:
            self._restore(before)
            plan.run(whole)
            if not self._finite() or not self._watch.quiet():
                self._restore(before)
                whole = 0
            self._iteration = start + whole
            raise

    def _finite(self) -> bool:
        # A finite sum has finite parts; only where the sum is not do we look at each cell.
        return all(
            isfinite(m.buffer.sum()) or bool(np.isfinite(m.buffer).all()) for m in self.trace.carry
        )

    def _stop(self) -> None:
        """This iteration's cost is not finite: go back to the last that is, and say so."""
        self.records = [
            r for r in self.records if r.iteration < self.iteration or r is self.records[0]
        ]
        fine = False
        while not fine and self.iteration > self.records[0].iteration:
            self._go(self.iteration - 1)
            fine = self._finite() and isfinite(self._cost())
        self.records = [r for r in self.records if r.iteration <= self.iteration]
        self._record()
        rate = float(self.trace["learning rate"].buffer)
        self.stopped = (
            f"Learning stopped at iteration {self.iteration + 1}: its cost is no longer a finite "
            f"number. The weights are those of iteration {self.iteration}, the last with a finite "
            f"cost. The learning rate {rate:g} is too large here; try {rate / 10:g}."
        )
        if not fine:
            self.stopped = (
                f"The cost is not a finite number at iteration {self.iteration}, where learning "
                "would begin. Change the weights or the data first."
            )
        raise Diverged(self.stopped)

    def _restore(self, state: dict[Matrix, Array]) -> None:
        for matrix, numbers in state.items():
            if self._still.get(matrix) is not numbers:
                matrix.buffer[...] = numbers
            if matrix in self._still:
                self._still[matrix] = numbers

    def _go(self, iteration: int) -> None:
        start = max(
            (r for r in self.records if r.iteration <= iteration and r.state is not None),
            key=lambda r: r.iteration,
        )
        assert start.state is not None
        try:
            self._restore(start.state)
            self.trace.compute(0, len(self.trace.steps))  # plans leave out what only constants feed
            self._plan.run(iteration - start.iteration)
        except KeyboardInterrupt:  # half an iteration is no state
            self._restore(start.state)
            self._iteration = start.iteration
            raise
        self._iteration = iteration

    def travel(self, iteration: int) -> None:
        """Go to an iteration that was reached before; every matrix is as it was then.

        What was recorded after it stays until something is changed or learned from there.
        """
        first, last = self.records[0].iteration, max(self.records[-1].iteration, self.iteration)
        if not isinstance(iteration, int | np.integer) or not first <= iteration <= last:
            raise BadInput(
                f"travel: iteration {iteration!r} is not recorded; iterations {first} to {last} "
                "are."
            )
        with self.trace.lock:
            self._go(int(iteration))
            self.trace.run()
