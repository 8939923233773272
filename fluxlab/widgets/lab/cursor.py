"""A cursor over the steps of a trace: one operation, layer, pass or iteration, on and back.

One layer is all steps of one pass in one outermost scope; where that has scopes inside, such as a
Transformer's encoders and decoders or the time steps of an LSTM, each of these is gone to.

A state is (iteration k, position p): the weights are those after k updates, and the first p
steps of this iteration are computed. Iteration k + 1 begins where iteration k ends.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

UNITS = ("operation", "layer", "forward", "backward", "update", "iteration")
PHASES = ("forward", "backward", "update")
HOW = {
    "backward": "This trace has no backward pass. Record one with t.backward().",
    "update": "This trace has no update. Record one with t.descend(...), after t.backward().",
}

State = tuple[int, int]


class Cursor:
    """Where one can go from the present state of `trace`, and how to get there."""

    def __init__(self, trace: Any) -> None:
        self.trace = trace

    @property
    def iteration(self) -> int:
        history = self.trace.history
        return history.iteration if history is not None else 0

    @property
    def first(self) -> int:
        """The first iteration that is recorded; above 0 where history has started again."""
        history = self.trace.history
        return int(history.records[0].iteration) if history is not None else 0

    @property
    def position(self) -> int:
        return int(self.trace.position)

    @property
    def total(self) -> int:
        return len(self.trace.steps)

    def spans(self, unit: str) -> list[tuple[int, int]]:
        """(start, end) positions of each `unit` in one iteration, in order."""
        steps, total = self.trace.steps, len(self.trace.steps)
        if unit == "operation":
            return [(p, p + 1) for p in range(total)]
        if unit == "iteration":
            return [(0, total)] if total else []
        keys = [step.phase if unit in PHASES else layer_of(step) for step in steps]
        edges = [p for p in range(1, total) if keys[p] != keys[p - 1]]
        found = list(zip([0, *edges], [*edges, total], strict=True)) if total else []
        if unit == "layer":
            return [part for span in found for part in parts(steps, *span)]
        return [span for span in found if keys[span[0]] == unit]

    def why_not(self, unit: str) -> str:
        """Why this trace has no such unit, and how to get one; "" if it has."""
        return HOW.get(unit, "") if not self._has(unit) else ""

    def _has(self, unit: str) -> bool:
        return unit not in HOW or any(step.phase == unit for step in self.trace.steps)

    def on(self, unit: str) -> State | None:
        """The state after the next end of a `unit`; None if there is none."""
        k, p = self.iteration, self.position
        if unit == "operation":  # spares long traces the list of all positions
            ends = [p + 1] if p < self.total else [1]
        else:
            ends = [end for _, end in self.spans(unit)]
        ahead = [end for end in ends if end > p]
        if ahead:
            return k, ahead[0]
        if ends and self.trace.history is not None:
            return k + 1, ends[0]
        return None

    def back(self, unit: str) -> State | None:
        """The state before the latest start of a `unit`; None if there is none."""
        k, p = self.iteration, self.position
        if unit == "operation":
            starts = [p - 1] if p > 0 else []
        else:
            starts = [start for start, _ in self.spans(unit)]
        behind = [start for start in starts if start < p]
        if behind:
            target = (k, behind[-1])
        elif k > self.first and (starts or unit == "operation"):
            target = (k - 1, starts[-1]) if p > 0 else (k, 0)
        else:
            return None
        k, p = target
        return (k - 1, self.total) if p == 0 and k > self.first else target

    def go(self, state: State) -> None:
        """Go there; parameters come back exactly, and so does an edit made at iteration k."""
        k, p = state
        history = self.trace.history
        if history is not None and k != history.iteration:
            if k <= history.iterations[-1]:
                history.travel(k)
            else:
                history.advance(k - history.iteration)
        self.trace.move(p)


def parts(steps: list[Any], start: int, end: int) -> list[tuple[int, int]]:
    """The parts of one layer, such as time steps or encoders: the scopes right inside it.

    The backward pass writes into several at a time; a part ends with the last of its steps. A
    layer without inner scopes is one part.
    """
    last = {tuple(steps[p].scope.split("/", 2)[:2]): p + 1 for p in range(start, end)}
    return list(pairwise([start, *sorted(last.values())]))


def layer_of(step: Any) -> tuple[str, str]:
    """What a step belongs to: its outermost scope and its phase."""
    return step.scope.partition("/")[0], step.phase
