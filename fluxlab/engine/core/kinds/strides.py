"""Views: which cell of a matrix each place of a view shows, from the strides alone.

A transposed, cut, repeated or reshaped matrix is a view. Where cell (i, j, ...) of the view lies is
start + i s + j t + ..., with one stride for each axis; no table of cells is needed to know it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fluxlab.engine.core.numbers import Indices, Shape


@dataclass(frozen=True)
class View:
    """A view of a matrix whose cells are numbered row by row."""

    start: int
    shape: Shape
    strides: tuple[int, ...]

    @classmethod
    def of(cls, take: Callable[[Any], Any], shape: Shape) -> View | None:
        """What `take` shows of a matrix of that shape; None if it copies."""
        cells = np.empty(shape, np.int8)  # one byte each, never read: only where they lie counts
        seen = take(cells)
        if not np.may_share_memory(seen, cells):
            return None
        start = seen.__array_interface__["data"][0] - cells.__array_interface__["data"][0]
        return cls(int(start), seen.shape, seen.strides)

    def origin(self, index: tuple[int, ...]) -> int:
        """The number of the cell that is shown at `index`."""
        return self.start + sum(i * s for i, s in zip(index, self.strides, strict=True))

    def places(self, number: int) -> Indices:
        """Every index at which a cell is shown, in order, as rows."""
        # Found axis by axis, the longest stride first: what an axis does not reach, those behind it
        # must, and they reach from the sum of their negative to that of their positive strides.
        reach = [(n - 1) * s for n, s in zip(self.shape, self.strides, strict=True)]
        order = sorted(range(len(reach)), key=lambda axis: -abs(self.strides[axis]))
        found = np.zeros((1, len(reach)), dtype=np.intp)
        left = np.array([number - self.start])
        for count, axis in enumerate(order):
            behind = [reach[a] for a in order[count + 1 :]]
            low, high = sum(r for r in behind if r < 0), sum(r for r in behind if r > 0)
            rest = left[:, None] - self.strides[axis] * np.arange(self.shape[axis])
            row, i = np.nonzero((low <= rest) & (rest <= high))
            found, left = found[row], rest[row, i]
            found[:, axis] = i
        return found[np.lexsort(found.T[::-1])] if len(reach) else found
