"""From one cell to others: links, the way to the cost, and where a NaN first came from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from fluxlab.engine.readers.explain import largest_terms
from fluxlab.widgets.shared.maths import pretty

Cell = tuple[Any, tuple[int, ...]]  # (Matrix, index)


def link(matrix: Any, index: tuple[int, ...], seen_from: str = "") -> dict[str, Any]:
    """A cell that a page can name and go to; layer 2 calls layer 1's h its x."""
    called = matrix.trace.called(matrix, seen_from)
    return {
        "matrix": matrix.name,
        "index": [int(i) for i in index],
        "symbol": pretty(called or matrix.local),
        "scope": matrix.scope if called == matrix.local else seen_from,
    }


def exact(value: float) -> float | str:
    """A number for JSON, which has no NaN and no infinity."""
    value = float(value)
    return value if math.isfinite(value) else str(value)


def path(matrix: Any, index: tuple[int, ...]) -> dict[str, Any]:
    """The way to the cost: its two ends as links, and how many cells lie between."""
    way = list(towards_cost(matrix, index))
    if not way:
        return {"far": None, "hidden": 0, "near": None}
    return {
        "far": link(*way[-1]),
        "hidden": max(0, len(way) - 2),
        "near": link(*way[0]) if len(way) > 1 else None,
    }


def towards_cost(matrix: Any, index: tuple[int, ...]) -> Iterator[Cell]:
    """The cells from here (without it) to the cost: a value by its first use, a gradient by
    the largest of the gradients that it is made of."""
    cost = matrix.trace.cost
    for _ in range(1000):
        following = _gradient_before(matrix, index) if matrix.kind == "gradient" else None
        if matrix.kind == "gradient" and following is None:
            following = (cost, (0,) * len(cost.shape))
        if following is None:
            following = _value_after(matrix, index)
        if following is None or matrix is cost:
            return
        matrix, index = following
        if matrix.local == "dC_dC":
            matrix, index = cost, (0,) * len(cost.shape)
        yield matrix, index


def _gradient_before(matrix: Any, index: tuple[int, ...]) -> Cell | None:
    if matrix.step is None or not matrix.ready:
        return None
    for term in largest_terms(matrix, index, limit=1):
        for ref in term.factors:
            if ref.matrix.kind == "gradient":
                return ref.matrix, ref.index
    return None


def _value_after(matrix: Any, index: tuple[int, ...]) -> Cell | None:
    for step in matrix.uses:
        if step.phase == "forward":
            for number, source in enumerate(step.inputs):
                if source is matrix:
                    found = step.op.uses(index, number, step)
                    if len(found):
                        return step.output, tuple(int(i) for i in found[0])
    return None


def origin(matrix: Any, index: tuple[int, ...]) -> dict[str, Any] | None:
    """Where a NaN or an infinity first came from: follow the terms back to finite numbers."""
    here, at = matrix, index
    seen = 0
    value = float(here.buffer[at])
    if math.isfinite(value):
        return None
    while here.step is not None and seen < 10_000:
        seen += 1
        bad = next(
            (
                ref
                for term in largest_terms(here, at, limit=1)
                for ref in term.factors
                if not math.isfinite(ref.value)
            ),
            None,
        )
        if bad is None:
            break
        here, at = bad.matrix, bad.index
    first = float(here.buffer[at])
    what = "is not a number" if math.isnan(first) else "is infinite"
    if here is matrix and at == index:
        words = "All numbers that it is made of are finite; it starts here: " + (
            "the rule has no result for them."
            if math.isnan(first)
            else "a division by 0, the logarithm of 0, or a result that is too large for a "
            "float64 (more than about 1.8e308)."
        )
    else:
        words = f"It came along {seen - 1 or 1} step{'s' * (seen > 2)} from a cell that {what}:"
    return {**link(here, at), "words": words, "value": exact(first), "here": here is matrix}
