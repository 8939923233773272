"""The gradient check of one cell, with words on what the difference says."""

from __future__ import annotations

import math
from typing import Any

from fluxlab.engine.core.errors import BadInput
from fluxlab.widgets.lab.reach import exact
from fluxlab.widgets.shared.maths import pretty


def checkable(matrix: Any) -> bool:
    """Central differences exist for it: a gradient or slope, but not one use's share."""
    known = matrix.kind in ("gradient", "slope") and matrix.of is not None
    return known and "[use " not in matrix.local


def check(trace: Any, name: str, index: tuple[int, ...], epsilon: float) -> dict[str, Any]:
    """Analytic against numeric for one cell, with words on what the difference says."""
    if not 1e-13 < epsilon <= 1:
        raise BadInput(f"The check got epsilon {epsilon:g}; it expects 1e-12 to 1e-1.")
    matrix = trace[name]
    found = trace.check(name, epsilon, index=index)
    analytic, numeric = float(found.analytic), float(found.numeric)
    close = found.close.get(())
    good = agree(analytic, numeric)
    if close is not None and close.kink:
        good, words = found.ok, _corner(analytic, close, found.ok)
    elif close is not None and close.over and found.ok:
        good = True
        words = (
            f"A nudge of {epsilon:g} carries {pretty(close.over)} over its corner, where the slope "
            f"is another. With {close.step:g}, which does not reach it, they agree."
        )
    elif good:
        words = _digits(analytic, numeric, epsilon)
    elif any(agree(*_both(trace, name, index, other)) for other in (1e-4, 1e-5, 1e-6)):
        words = (
            "Truncation: the step is so wide that the curve bends within it. A smaller ε is better."
            if epsilon > 1e-5
            else "Round-off: C has 16 digits, and so small a step changes only the last ones. "
            "A larger ε is better."
        )
    elif found.ok:
        words = (
            f"They agree as far as this check can see. {close.cause[:1].upper()}{close.cause[1:]} "
            f"to about {close.limit:.0e} here."
        )
    else:
        words = "They differ for every ε: this gradient is wrong."
    return {
        "type": "check",
        "matrix": name,
        "index": list(index),
        "epsilon": epsilon,
        "analytic": exact(analytic),
        "numeric": exact(numeric),
        "difference": exact(analytic - numeric),
        "good": good,
        "words": words,
        "of": pretty(matrix.of.local) + (f"[{', '.join(map(str, index))}]" if index else ""),
    }


def agree(analytic: float, numeric: float) -> bool:
    """Whether the two are equal but for what a good epsilon leaves: 1e-6 of their size."""
    return abs(analytic - numeric) <= 1e-6 * max(abs(analytic), abs(numeric)) + 1e-10


def _digits(analytic: float, numeric: float, epsilon: float) -> str:
    size = max(abs(analytic), abs(numeric))
    if analytic == numeric or size == 0:
        return "They agree."
    digits = int(-math.log10(abs(analytic - numeric) / size))
    left = "truncation" if epsilon > 1e-5 else "round-off"
    return f"They agree to {max(digits, 1)} digits; what is left is {left}."


def _corner(analytic: float, close: Any, right: bool) -> str:
    """What to make of a gradient at a corner."""
    left, slope = (f"{number:.4g}" for number in close.beside)
    text = (
        f"The curve has a corner exactly here (as ReLU has at 0): its slope is {left} to the left "
        f"and {slope} to the right."
    )
    if right:
        return f"{text} Any number between them will do; backpropagation takes {analytic:.4g}."
    if close.meet > 1:
        return (
            f"{text} {close.meet} corners meet, and backpropagation takes a slope at each by "
            f"convention. Together they give {analytic:.4g}, which is no slope of the whole."
        )
    return f"{text} {analytic:.4g} does not lie between them: this gradient is wrong."


def _both(trace: Any, name: str, index: tuple[int, ...], epsilon: float) -> tuple[float, float]:
    found = trace.check(name, epsilon, index=index)
    return float(found.analytic), float(found.numeric)
