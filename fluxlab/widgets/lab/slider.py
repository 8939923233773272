"""One slider of the knobs: its cell, and the range that it goes over."""

from __future__ import annotations

import math
from dataclasses import dataclass

TINY, HUGE = 5e-324, 5e307  # how far a slider's range goes: its length is a finite number


def ten_below(value: float) -> float:
    """The power of ten that is not above `value`, which is above 0; 0 itself never comes out."""
    return max(10.0 ** math.floor(math.log10(value)), TINY)


def rounded_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50, ... (and 0.5, 0.2, ...) that is not below `value`.

    At most HUGE.
    """
    if not value > 0:
        return 1.0
    if value > HUGE:
        return HUGE
    power = ten_below(value)
    return next(float(f"{m * power:.6g}") for m in (1, 2, 5, 10) if m * power >= value * (1 - 1e-9))


@dataclass
class Knob:
    """One slider: a cell of a matrix, with the range of its slider."""

    matrix: str
    index: tuple[int, ...]
    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        self._first = self.low, self.high

    def fit(self, value: float) -> None:
        """The first range, and no more of a wider one than `value` needs."""
        self.low, self.high = self._first
        if self.low <= value <= self.high:
            return
        if self.log:
            self.low = min(self.low, ten_below(value))
            self.high = max(self.high, rounded_up(value))
        else:
            reach = rounded_up(abs(value))
            self.low = min(self.low, -reach) if value < 0 else self.low
            self.high = max(self.high, reach) if value > 0 else self.high
