"""Which matrices of a board have one colour scale, and how large their numbers have been.

A scale stays while a knob moves or a network learns, so that a gradient that fades is seen to fade.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

SCALES = ("shared", "layer", "matrix")


def fixed_in(trace: Any) -> set[int]:
    """The ids of what never changes: constants, dC/dC, and what is computed of nothing else."""
    found = {id(m) for m in trace.matrices.values() if m.kind == "constant"}
    for step in trace.steps:
        if step.inputs and all(id(matrix) in found for matrix in step.inputs):
            found.add(id(step.output))
    return found


def role(matrix: Any, lane: str, trace: Any, fixed: set[int]) -> str:
    """What a matrix shares its colours with; "" if it has none, as what never changes."""
    if matrix is trace.cost:
        return "cost"
    if id(matrix) in fixed:
        return ""
    if matrix.kind == "slope":
        return "slopes"
    if lane == "gradients":
        return "gradients"
    return "updates" if lane == "updates" and matrix.kind != "update" else "values"


def largest(array: Any) -> float:
    """The largest absolute value that is finite; 0 if there is none."""
    size = max(float(array.max()), -float(array.min())) if array.size else 0.0
    if not np.isfinite(size):
        finite = array[np.isfinite(array)]
        size = float(np.abs(finite).max()) if finite.size else 0.0
    return size


class Largest:
    """The largest size in each matrix since the start, or since `clear`."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}
        self._seen: dict[str, tuple[int, Any]] = {}  # of which numbers it is known already

    def clear(self) -> None:
        """Begin again with the numbers that there are now."""
        self._known.clear()
        self._seen.clear()

    def take(self, matrices: Iterable[Any], version: int) -> list[float]:
        """That of each matrix, after a look at those that are computed. Under the trace's lock."""
        found = []
        for matrix in matrices:
            size, name = self._known.get(matrix.name, 0.0), matrix.name
            if matrix.ready and self._seen.get(name) != (version, matrix.buffer.shape):
                self._seen[name] = version, matrix.buffer.shape
                size = self._known[name] = max(size, largest(matrix.buffer))
            found.append(size)
        return found


def of_places(places: Iterable[Any], known: Largest, trace: Any, scale: str) -> dict[int, float]:
    """The value of full colour for each place, by its id; infinite for what has no colour."""
    places, fixed = list(places), fixed_in(trace)
    home: dict[int, int] = {}
    for place in places:
        home.setdefault(id(place.slot.matrix), place.band)
    matrices = list({id(place.slot.matrix): place.slot.matrix for place in places}.values())
    sizes = dict(zip(map(id, matrices), known.take(matrices, trace.version), strict=True))
    shared: dict[Any, float] = {}
    keys: dict[int, Any] = {}
    for place in places:
        matrix, own = place.slot.matrix, role(place.slot.matrix, place.lane, trace, fixed)
        by = {"matrix": id(matrix), "layer": home[id(matrix)], "shared": 0}[scale]
        keys[id(place)] = (by, own)
        if own and not matrix.unit:
            shared[by, own] = max(shared.get((by, own), 0.0), sizes[id(matrix)])
    return {place: shared.get(key, 1.0) if key[1] else float("inf") for place, key in keys.items()}
