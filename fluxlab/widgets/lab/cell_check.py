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
    analytic, numeric, kink = _both(trace, name, index, epsilon)
    good = agree(analytic, numeric)
    if good:
        words = _digits(analytic, numeric, epsilon)
    elif kink:
        words = (
            "The curve has a corner exactly here (as ReLU has at 0): its slope is one number to "
            "the left and another to the right. Neither number is wrong."
        )
    elif any(agree(*_both(trace, name, index, other)[:2]) for other in (1e-4, 1e-5, 1e-6)):
        words = (
            "Truncation: the step is so wide that the curve bends within it. A smaller ε is better."
            if epsilon > 1e-5
            else "Round-off: C has 16 digits, and so small a step changes only the last ones. "
            "A larger ε is better."
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


def _both(
    trace: Any, name: str, index: tuple[int, ...], epsilon: float
) -> tuple[float, float, bool]:
    found = trace.check(name, epsilon, index=index)
    return float(found.analytic), float(found.numeric), bool(found.kinks)
