"""How large a matrix is drawn on the board, in pixels: its cells, what stands around them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fluxlab.widgets.board.bands import Slot
from fluxlab.widgets.shared.look import BOARD
from fluxlab.widgets.shared.maths import pretty

FOLD = 20  # the button that opens what a column stands for
TITLE = 18  # a matrix' name above it
CONTROLS: int = BOARD["controls"]  # index steppers, zoom buttons
TILES = 4  # slices side by side at most
TILE: int = BOARD["tile"]  # above each: which it is
BETWEEN = 10
FOOT = 29  # below a window: its rows and columns
STACK = 9  # between what stands above one another
LEVELS = (3, 6, 12, 24, 44)  # cell sizes of a window
SHORT = 8  # rows or columns of a window that are few
ALONE = 36  # a cell that is all of its matrix is at least so wide: "−1.56" fits
WINDOW_ROWS, WINDOW_WIDTH = 240, 330  # pixels that a window takes at most


@dataclass(frozen=True)
class Tier:
    """How large cells may be: (width, height) where numbers are shown, and a box for the rest."""

    number: tuple[int, int] | None
    box: tuple[int, int]


# The first that fits the board's width is taken.
TIERS = (
    Tier((64, 26), (230, 180)),
    Tier((56, 25), (230, 180)),
    Tier((48, 24), (230, 180)),
    Tier((44, 23), (230, 180)),
    Tier((40, 22), (200, 140)),
    Tier((36, 22), (190, 112)),
    Tier((33, 21), (180, 104)),
    Tier((28, 20), (170, 100)),
    Tier(None, (150, 100)),
    Tier(None, (96, 96)),
)
ROOMY = 3  # the last whose numbers have room; to this the last two layers shrink to stand in a row
LAST = 7  # the last that shows numbers


def flat(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of what is drawn: the last two axes; a vector is one row."""
    return (1, 1) if not shape else (1, shape[0]) if len(shape) == 1 else shape[-2:]


def is_window(shape: tuple[int, ...]) -> bool:
    """Whether a matrix is too big to be drawn whole."""
    rows, columns = flat(shape)
    return max(rows, columns) > 64 or rows * columns > 4096


def tiles(shape: tuple[int, ...]) -> int:
    """How many slices along the third last axis stand side by side, such as channels or heads."""
    fits = len(shape) > 3 and 1 < shape[-3] <= TILES and 6 * shape[-3] * shape[-1] <= 230
    return shape[-3] if fits and not is_window(shape) else 1


def stepped(shape: tuple[int, ...]) -> list[int]:
    """The axes of which one place is seen at a time."""
    count = len(shape) - (3 if tiles(shape) > 1 else 2)
    return [axis for axis in range(max(0, count)) if shape[axis] > 1]


def has_tools(shape: tuple[int, ...]) -> bool:
    """Whether buttons stand above a matrix: to zoom, or to see other slices."""
    return is_window(shape) or bool(stepped(shape))


def is_literal(matrix: Any) -> bool:
    """Whether a matrix is a number in the student's code, such as the 3 of `3 * w`."""
    return matrix.kind == "constant" and not matrix.shape and matrix.of is None


def first_level(shape: tuple[int, ...]) -> int:
    """The cell size that a window starts with: all of it if that fits."""
    rows, columns = flat(shape)
    fits = [c for c in LEVELS[:3] if rows * c <= WINDOW_ROWS and columns * c <= WINDOW_WIDTH]
    return max([12 if min(rows, columns) <= SHORT else 6, *fits])


def cell_size(matrix: Any, tier: Tier) -> tuple[int, int]:
    """Width and height of a matrix' cells."""
    rows, columns = flat(matrix.shape)
    if is_window(matrix.shape):
        return (first_level(matrix.shape),) * 2
    if is_literal(matrix):
        return (10, 10)
    if rows * columns == 1 and not matrix.shape:
        return (54, 22)
    beside = tiles(matrix.shape)
    if tier.number is not None and rows * columns * beside == 1:
        return (max(ALONE, tier.number[0]), tier.number[1])
    if tier.number is not None and rows <= 10 and columns * beside <= (12 if beside > 1 else 8):
        return tier.number
    side = min(tier.box[0] // (columns * beside), tier.box[1] // rows)
    return (max(3, min(16, side)),) * 2


def box(matrix: Any, tier: Tier) -> tuple[float, float]:
    """Width and height of a matrix' cells altogether."""
    rows, columns = flat(matrix.shape)
    w, h = cell_size(matrix, tier)
    if is_window(matrix.shape):
        # A short side keeps room for larger cells, so that zooming in does not hide it.
        w, h = (max(side, 24 if count <= SHORT else 0) for side, count in ((w, columns), (h, rows)))
        return min(columns * w, WINDOW_WIDTH), min(rows * h, WINDOW_ROWS)
    beside = tiles(matrix.shape)
    return beside * (columns * w + BETWEEN) - BETWEEN, rows * h


def around(slot: Slot) -> tuple[int, int]:
    """Room above the cells (title, controls) and below them."""
    shape = slot.matrix.shape
    window = is_window(shape)
    controls = CONTROLS * has_tools(shape) + TILE * (tiles(shape) > 1)
    opens = FOLD if slot.fold and slot.matrix.kind == "gradient" else 0
    return TITLE + controls, (FOOT if window else 0) + opens


def title_width(slot: Slot, tier: Tier) -> float:
    """About as wide as a title is drawn: its name and its shape."""
    matrix = slot.matrix
    name = min(len(pretty(slot.local)) * 7.2, 110)
    if is_literal(matrix):
        return name
    size = 4.9 * len("×".join(map(str, matrix.shape))) + 5 if matrix.shape else 0
    steppers = 68 * len(stepped(matrix.shape))
    zoom = 150 if is_window(matrix.shape) else 0
    opens = 6.9 * len(slot.words) + 20 if slot.fold else 0
    return max(name + size, steppers + 56 * bool(zoom), zoom, opens)


def lane_height(slots: Iterable[Slot], tier: Tier) -> float:
    heights = [sum(around(s)) + box(s.matrix, tier)[1] for s in slots]
    return sum(heights) + STACK * max(0, len(heights) - 1)
