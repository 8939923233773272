"""What the benchmarks share: rows of the table, and peers measured side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass
class Row:
    """One line of the table. `met` is None where nothing is demanded."""

    what: str
    measured: str
    demand: str = ""
    met: bool | None = None

    def cells(self) -> list[str]:
        verdict = "" if self.met is None else "yes" if self.met else "**no**"
        return [self.what, self.measured, self.demand, verdict]


@dataclass
class Section:
    """Rows under a heading, with a sentence on how they were measured."""

    title: str
    how: str
    rows: list[Row]

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", self.how, ""]
        lines += ["| what | measured | demand | met |", "| --- | --- | --- | --- |"]
        lines += [f"| {' | '.join(row.cells())} |" for row in self.rows]
        return "\n".join(lines) + "\n"


def side_by_side(runs: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each run, interleaved: whatever else the machine does hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return times


def ratio(times: Sequence[float], base: Sequence[float]) -> float:
    """The median of the ratios of neighbouring measurements."""
    return median(a / b for a, b in zip(times, base, strict=True))


def percentile(times: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
