"""Slopes by nudging a number, and a closer look where a nudge alone could mislead.

Central differences mislead in three ways. A corner: the two sides have slopes of their own. A
curve: the slope changes within the nudge. And round-off: the cost has 16 digits, and a small nudge
moves only the last. `look_closely` tells which it is, and how far the number can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

from fluxlab.engine.core.downstream import Downstream
from fluxlab.engine.core.numbers import Array

Cell = tuple[int, ...]
SMALLEST = 1e-3  # of epsilon: no nudge to get around a corner is smaller
COARSE = 2048  # steps of the floating-point grid at x: no nudge is smaller


@dataclass(frozen=True)
class Found:
    """What a closer look at one cell found.

    kink : there is a corner at this very number; numeric then is the mean of both slopes.
    error, room : how far the gradient is off, and how far it may be.
    limit, cause : what limits the comparison, if something does, and to how much.
    beside, meet : at a kink, the slopes to the left and to the right, and how many corners of the
        trace lie here; each has a slope by convention, and several need not make one of the whole.
    over, step : the cell that the nudge carries over its corner, and the smaller nudge taken.
    plain : the first look was as good.
    """

    numeric: float
    kink: bool
    error: float
    room: float
    limit: float = 0.0
    cause: str = ""
    beside: tuple[float, float] = (np.nan, np.nan)
    meet: int = 0
    over: str = ""
    step: float = 0.0
    plain: bool = False


def room(scale: Array | float, step: float) -> Any:
    """How far a gradient may be from central differences if nothing is odd about the function."""
    return 1e-5 * scale + 10 * step**2 * (1 + scale)


def slopes(
    program: Downstream, moved: list[Cell], seen: list[Cell], epsilon: float
) -> tuple[Array, Array]:
    """For each cell the slope by central differences, and how far its two sides are apart."""
    program.run()
    with np.errstate(all="ignore"):
        middle = np.array([program.target[cell] for cell in seen])
        numeric, jump = np.empty(len(moved)), np.empty(len(moved))
        for k, (cell, place) in enumerate(zip(moved, seen, strict=True)):
            left, right, below, above = _sides(program, cell, place, epsilon)
            numeric[k] = (right - left) / (above + below)
            jump[k] = np.abs((right - middle[k]) / above - (middle[k] - left) / below)
    return numeric, jump


def _sides(
    program: Downstream, cell: Cell, place: Cell, epsilon: float
) -> tuple[float, float, float, float]:
    """The result with the cell nudged down and up, and how far it really went."""
    x = float(program.source[cell])
    step = max(epsilon, COARSE * float(np.spacing(abs(x))))
    left, right = _at(program, cell, place, x - step), _at(program, cell, place, x + step)
    program.source[cell] = x
    return left, right, x - (x - step), (x + step) - x


def _at(program: Downstream, cell: Cell, place: Cell, value: float) -> float:
    program.source[cell] = value
    program.run()
    return float(program.target[place])


def look_closely(
    program: Downstream, cell: Cell, place: Cell, epsilon: float, analytic: float
) -> Found:
    """Why the slope by a nudge of epsilon may not be the gradient, and what to hold it against."""
    x = float(program.source[cell])
    over, step = _corners(program, cell, x, epsilon), epsilon
    first = over[0] if over else ""
    with np.errstate(all="ignore"):
        while over and step > SMALLEST * epsilon:
            step /= 10
            over = _corners(program, cell, x, step)
        middle = _at(program, cell, place, x)
        if not np.isfinite(middle):
            return Found(np.nan, False, np.inf, 0.0)
        if over or _is_kink(program, cell, place, step, middle):
            nudge = epsilon if over else step
            return _at_a_kink(program, cell, place, nudge, middle, analytic, len(over))
        left, right, below, above = _sides(program, cell, place, step)
        numeric = (right - left) / (above + below)
        noise = _noise(program, cell, place, x, step) / step
        less = _central(program, cell, place, step / 4)
        bend = 2 * abs(numeric - less)  # of this the nudge's width is 15/16
        scale = max(abs(analytic), abs(numeric))
        usual = room(scale, step)
        limit = 6 * noise + bend
        error = abs(analytic - numeric)
        error = float(error) if np.isfinite(error) else np.inf
        if error <= usual:
            return Found(numeric, False, error, usual, over=first, step=step, plain=not first)
        round_off = 6 * noise > bend / 2
        cause = "round-off limits this check" if round_off else "the curve bends within the nudge,"
        seen = error <= usual + limit
        return Found(
            numeric, False, error, usual + limit, float(limit) if seen else 0.0, cause,
            over=first, step=step,
        )  # fmt: skip


def _corners(program: Downstream, cell: Cell, x: float, step: float) -> list[str]:
    """Which cells change their branch between x - step and x + step."""
    found = []
    for value in (x - step, x, x + step):
        program.source[cell] = value
        program.run()
        found.append([None if b is None else b.copy() for b in program.branches()])
    program.source[cell] = x
    names = []
    for (step_there, _), low, here, high in zip(program.steps, *found, strict=True):
        if low is None or here is None or high is None:
            continue
        changed = (low != here) | (here != high)
        matrix = step_there.inputs[0]
        if matrix.shape != changed.shape:
            matrix = step_there.output
        for at in np.argwhere(changed).tolist():
            names.append(f"{matrix.name}[{', '.join(map(str, at))}]" if at else matrix.name)
    return names


def _central(program: Downstream, cell: Cell, place: Cell, step: float) -> float:
    left, right, below, above = _sides(program, cell, place, step)
    return (right - left) / (above + below)


def _is_kink(program: Downstream, cell: Cell, place: Cell, step: float, middle: float) -> bool:
    """Whether the slope jumps at x: a corner's jump stays as the nudge shrinks, a curve's fades."""

    def jump(nudge: float) -> float:
        left, right, below, above = _sides(program, cell, place, nudge)
        return abs((right - middle) / above - (middle - left) / below)

    wide, narrow = jump(step), jump(step / 16)
    noise = 16 * 64 * np.finfo(float).eps * abs(middle) / step
    noise += 64 * _noise(program, cell, place, float(program.source[cell]), step) / step
    return bool(narrow > 0.5 * wide and narrow > 4 * noise)


def _at_a_kink(
    program: Downstream, cell: Cell, place: Cell, step: float, middle: float, analytic: float,
    meet: int,
) -> Found:  # fmt: skip
    """At a corner a gradient is right if it is finite and lies between the slopes beside it."""
    left, right, below, above = _sides(program, cell, place, step)
    fall, rise = (middle - left) / below, (right - middle) / above
    low, high = min(fall, rise), max(fall, rise)
    outside = max(low - analytic, analytic - high, 0.0) if np.isfinite(analytic) else np.inf
    scale = max(abs(low), abs(high))
    noise = 64 * np.finfo(float).eps * abs(middle)
    allowed = 1e-5 * scale + noise / step + 10 * step * (1 + scale)
    numeric = (right - left) / (above + below)
    return Found(numeric, True, float(outside), float(allowed), beside=(fall, rise), meet=meet)


def _noise(program: Downstream, cell: Cell, place: Cell, x: float, step: float) -> float:
    """The round-off of one result near x, from differences of high order (Hamming, 1962).

    In the table of differences of 9 results the curve has faded from the fourth column on; what
    is left is noise, larger by a factor that is known. Two widths, as rounding can be regular; on
    one side of x, as there may be a corner at x.
    """
    found = []
    for width in (0.24 * step, 0.1763 * step):
        results = np.array([_at(program, cell, place, x + k * width) for k in range(9)])
        orders = range(4, 8)
        squares = [np.mean(np.diff(results, n) ** 2) / comb(2 * n, n) for n in orders]
        found.append(float(np.sqrt(np.median(squares))))
    program.source[cell] = x
    return max(found)
