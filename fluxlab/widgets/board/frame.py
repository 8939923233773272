"""What a board sends after a change: one buffer of float64, all that is seen, not rounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fluxlab.widgets.board.sizes import LEVELS, first_level, flat, is_window


@dataclass
class Window:
    """The part of a matrix that is seen: a slice of its last two axes, and there a range."""

    lead: tuple[int, ...]  # the place along each axis before the last two
    row: int
    column: int
    rows: int  # how many are seen
    columns: int
    level: int  # cell size in pixels; 0: the whole matrix is drawn

    def message(self) -> list[Any]:
        return [list(self.lead), self.row, self.column, self.rows, self.columns, self.level]


class Frame:
    """One preallocated buffer for what is seen of `matrices`, in order.

    Parameters
    ----------
    matrices : what the board shows, each once, or once for each slice that it shows.
    boxes : width and height in pixels of each one's cells.
    former : a frame whose windows are kept for matrices of the same name and shape.
    tiles : which slice along the third last axis each shows; None: the one that is stepped to.
    """

    def __init__(
        self,
        matrices: list[Any],
        boxes: list[tuple[float, float]],
        former: Frame | None = None,
        tiles: list[int | None] | None = None,
    ) -> None:
        self.matrices = matrices
        self._tiles = tiles or [None] * len(matrices)
        self.keys = [
            matrix.name if tile is None else f"{matrix.name} {tile}"
            for matrix, tile in zip(matrices, self._tiles, strict=True)
        ]
        self._boxes = boxes
        self.windows: dict[str, Window] = {}
        for number, matrix in enumerate(matrices):
            kept = former.windows.get(self.keys[number]) if former is not None else None
            if kept is not None and len(kept.lead) == max(0, len(matrix.shape) - 2):
                self._move(number, kept.lead, kept.row, kept.column, kept.level)
            else:
                level = first_level(matrix.shape) if is_window(matrix.shape) else 0
                self._move(number, (0,) * max(0, len(matrix.shape) - 2), 0, 0, level)
        self._pairs: list[tuple[Any, Any]] | None = None
        self._buffers: list[Any] = []
        self.buffer = np.empty(0)

    def move(self, matrix: Any, lead: tuple[int, ...], row: int, column: int, level: int) -> Window:
        """Show another part of a matrix; places outside it are moved to its edge."""
        for number, other in enumerate(self.matrices):
            if other is matrix:
                window = self._move(number, lead, row, column, level)
        return window

    def _move(
        self, number: int, lead: tuple[int, ...], row: int, column: int, level: int
    ) -> Window:
        matrix, tile = self.matrices[number], self._tiles[number]
        rows, columns = flat(matrix.shape)
        if not is_window(matrix.shape):
            level, seen, wide, row, column = 0, rows, columns, 0, 0
        else:
            level = min(LEVELS, key=lambda size: abs(size - level))
            width, height = self._boxes[number]
            seen = min(rows, max(1, int(height // level)))
            wide = min(columns, max(1, int(width // level)))
        if tile is not None:
            lead = (*lead[:-1], tile)
        lead = tuple(
            max(0, min(int(i), n - 1)) for i, n in zip(lead, matrix.shape[:-2], strict=True)
        )
        row, column = max(0, min(row, rows - seen)), max(0, min(column, columns - wide))
        window = Window(lead, row, column, seen, wide, level)
        self.windows[self.keys[number]] = window
        self._pairs = None
        return window

    def move_together(
        self, matrix: Any, lead: tuple[int, ...], row: int, column: int, level: int
    ) -> None:
        """Move a matrix, and with it its gradient and slope, which show the same cells."""
        root = matrix.of if matrix.of is not None and matrix.of.shape == matrix.shape else matrix
        for number, other in enumerate(self.matrices):
            if other is matrix or (
                other.shape == matrix.shape and (other is root or other.of is root)
            ):
                self._move(number, lead, row, column, level)

    def reveal(self, matrix: Any, index: tuple[int, ...]) -> bool:
        """Move the window so that a cell is seen; whether the matrix is not drawn whole."""
        row, column = ((0, 0, *index))[-2:]
        lead = tuple(index[:-2])
        windows = [
            self.windows[key]
            for key, other in zip(self.keys, self.matrices, strict=True)
            if other is matrix
        ]
        if not windows or not (windows[0].level or windows[0].lead):
            return False
        inside = [
            lead == window.lead
            and window.row <= row < window.row + window.rows
            and window.column <= column < window.column + window.columns
            for window in windows
        ]
        if not any(inside):
            up, left = row - windows[0].rows // 2, column - windows[0].columns // 2
            self.move_together(matrix, lead, up, left, windows[0].level)
        return True

    def _bind(self) -> None:
        """Views of what is seen, and where each goes in the buffer."""
        self._buffers = [matrix.buffer for matrix in self.matrices]
        seen = []
        for key, matrix in zip(self.keys, self.matrices, strict=True):
            window = self.windows[key]
            part = matrix.buffer.reshape((1,) * max(0, 2 - matrix.buffer.ndim) + matrix.shape)
            part = part[window.lead]
            seen.append(
                part[
                    window.row : window.row + window.rows,
                    window.column : window.column + window.columns,
                ]
            )
        self.buffer = np.zeros(sum(part.size for part in seen) + 1)
        self._pairs, start = [], 0
        for part in seen:
            self._pairs.append((self.buffer[start : start + part.size].reshape(part.shape), part))
            start += part.size

    def pack(self, picked: float = 0.0) -> bytes:
        """Everything that is seen, as bytes; the last is the selected cell, wherever it is.

        Call it under the trace's lock.
        """
        if self._pairs is None or any(
            m.buffer is not b for m, b in zip(self.matrices, self._buffers, strict=True)
        ):
            self._bind()
        for target, part in self._pairs or ():
            target[...] = part
        self.buffer[-1] = picked
        return self.buffer.tobytes()

    def moved(self) -> dict[str, list[Any]]:
        """The windows of what is not drawn whole, by key."""
        return {
            key: window.message()
            for key, window in self.windows.items()
            if window.level or window.lead
        }
