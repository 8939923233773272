"""Where the bands of a board stand, in pixels, on a page of a given width."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from fluxlab.widgets.board.layout import LANES, Band, Column, Slot
from fluxlab.widgets.shared.maths import pretty

MARGIN = 12  # left of the first column: the numbers of its rows
LABEL = 22  # at the right: "values →"
GAP = 12  # between columns
HEADER = 28
INNER = 24  # the header of a scope inside another
INDENT = 16
FOLD = 20  # the button that opens what a column stands for
TITLE = 18  # a matrix' name above it
CONTROLS = 24  # index steppers, zoom buttons
TILES = 4  # slices side by side at most
TILE = 12  # above each: which it is
BETWEEN = 10
FOOT = 29  # below a window: its rows and columns
STACK = 11  # between what stands above one another
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
    Tier((36, 22), (230, 180)),
    Tier((30, 21), (200, 140)),
    Tier((26, 20), (190, 112)),
    Tier((24, 20), (190, 112)),
    Tier((22, 19), (180, 104)),
    Tier(None, (150, 100)),
    Tier(None, (96, 96)),
)
LAST = 4  # the last that shows numbers


@dataclass
class Place:
    """A slot in pixels. `x`, `y` is the upper left corner of its cells."""

    slot: Slot
    lane: str
    band: int
    x: float
    y: float
    cell: tuple[int, int]
    width: float
    height: float
    room: float  # for its title
    window: bool
    tile: int | None = None  # which slice it shows, of several that stand side by side

    @property
    def view(self) -> tuple[int, int | None]:
        return id(self.slot.matrix), self.tile


@dataclass
class Fold:
    """A button that folds or opens: in a band's header, above a column, or below a sum."""

    name: str
    words: str
    open: bool
    where: str
    x: float
    y: float


@dataclass
class Layout:
    """A board in pixels."""

    width: int
    height: int
    bands: list[tuple[Band, float]]  # with the y of each header
    labels: list[tuple[str, float, float]]  # lane, y, height
    places: list[Place]
    folds: list[Fold] = field(default_factory=list)
    rules: list[tuple[float, float, float]] = field(default_factory=list)  # x, from y, to y

    @property
    def matrices(self) -> list[Any]:
        """Every matrix that has a place, once."""
        return list({id(p.slot.matrix): p.slot.matrix for p in self.places}.values())


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


def _box(matrix: Any, tier: Tier) -> tuple[float, float]:
    """Width and height of a matrix' cells altogether."""
    rows, columns = flat(matrix.shape)
    w, h = cell_size(matrix, tier)
    if is_window(matrix.shape):
        # A short side keeps room for larger cells, so that zooming in does not hide it.
        w, h = (max(side, 24 if count <= SHORT else 0) for side, count in ((w, columns), (h, rows)))
        return min(columns * w, WINDOW_WIDTH), min(rows * h, WINDOW_ROWS)
    beside = tiles(matrix.shape)
    return beside * (columns * w + BETWEEN) - BETWEEN, rows * h


def _around(slot: Slot) -> tuple[int, int]:
    """Room above the cells (title, controls) and below them."""
    shape = slot.matrix.shape
    window = is_window(shape)
    controls = CONTROLS * has_tools(shape) + TILE * (tiles(shape) > 1)
    opens = FOLD if slot.fold and slot.matrix.kind == "gradient" else 0
    return TITLE + controls, (FOOT if window else 0) + opens


def title_width(slot: Slot, tier: Tier) -> float:
    """About as wide as a title is drawn: name, shape, and an exponent where cells hold numbers."""
    matrix = slot.matrix
    name = min(len(pretty(slot.local)) * 7.2, 110)
    if is_literal(matrix):
        return name
    size = 4.9 * len("×".join(map(str, matrix.shape))) + 5 if matrix.shape else 0
    rows, columns = flat(matrix.shape)
    numbers = tier.number is not None and rows <= 10 and columns * tiles(matrix.shape) <= 8
    exponent = 30 if numbers and matrix.shape else 0
    steppers = 68 * len(stepped(matrix.shape))
    zoom = 150 if is_window(matrix.shape) else 0
    opens = 6.9 * len(slot.words) + 20 if slot.fold else 0
    return max(name + size + exponent, steppers + 56 * bool(zoom), zoom, opens)


def _lane_height(slots: Iterable[Slot], tier: Tier) -> float:
    heights = [sum(_around(s)) + _box(s.matrix, tier)[1] for s in slots]
    return sum(heights) + STACK * max(0, len(heights) - 1)


@dataclass
class _Group:
    """Bands whose columns are aligned."""

    bands: list[Band]
    keys: list[str]

    def widths(self, tier: Tier) -> dict[str, float]:
        found = dict.fromkeys(self.keys, 0.0)
        for band in self.bands:
            for column in band.columns:
                for slot in column.slots():
                    wide = max(_box(slot.matrix, tier)[0], title_width(slot, tier))
                    found[column.key] = max(found[column.key], wide)
        return found

    def join(self, band: Band) -> None:
        """Take a band in; columns that it alone has come after those that stand before them."""
        self.bands.append(band)
        place = 0
        for column in band.columns:
            if column.key in self.keys:
                place = self.keys.index(column.key) + 1
            else:
                self.keys.insert(place, column.key)
                place += 1


def group(bands: list[Band]) -> list[_Group]:
    """Bands that share at least half of their columns are aligned."""
    groups: list[_Group] = []
    for band in bands:
        keys = [column.key for column in band.columns]
        for known in groups:
            shared = set(keys) & set(known.keys)
            if 2 * len(shared) >= max(len(set(keys)), len(known.keys)):
                known.join(band)
                break
        else:
            groups.append(_Group([], []))
            groups[-1].join(band)
    return groups


def wrap(widths: dict[str, float], room: float) -> list[list[str]]:
    """Columns in rows that fit `room`."""
    rows: list[list[str]] = [[]]
    used = 0.0
    for key, wide in widths.items():
        if rows[-1] and used + wide > room:
            rows.append([])
            used = 0.0
        rows[-1].append(key)
        used += wide + GAP
    return rows


def _tier(known: _Group, room: float, wraps: bool) -> int:
    """The number of the largest tier that fits. A band alone rather wraps than loses its numbers;
    on a board that changes, as one folds it or turns to other slices, all do (`wraps`)."""
    alone = wraps or len(known.bands) == 1
    for number, tier in enumerate(TIERS):
        if len(wrap(known.widths(tier), room)) == 1 or (alone and number == LAST):
            return number
    return len(TIERS) - 1


def _changes(band: Band) -> bool:
    slots = [slot for column in band.columns for slot in column.slots()]
    return bool(band.depth) or any(slot.fold or len(slot.matrix.shape) > 3 for slot in slots)


def place(bands: list[Band], width: int) -> Layout:
    """Pixels for a board `width` pixels wide: the largest cells with which columns fit."""
    groups = group([band for band in bands if band.columns])
    rooms = [_room(known, width) for known in groups]
    wraps = any(map(_changes, bands))
    fits = [_tier(known, room, wraps) for known, room in zip(groups, rooms, strict=True)]
    number = max(fits, default=0)
    tier = TIERS[number]  # one for all bands, so that equal shapes look equal
    chosen: dict[int, tuple[dict[str, float], list[list[str]]]] = {}
    for known, room in zip(groups, rooms, strict=True):
        widths = known.widths(tier)
        for band in known.bands:
            chosen[id(band)] = widths, wrap(widths, room)
    used = [
        sum(widths[key] for key in keys) + GAP * (len(keys) - 1) + INDENT * band.depth
        for band in bands
        if band.columns
        for widths, rows in [chosen[id(band)]]
        for keys in rows
    ]
    layout = Layout(int(min(width, max(used, default=0) + MARGIN + LABEL)), 0, [], [], [])
    y, headers = 0.0, {}
    spans: list[tuple[Band, float, float]] = []
    for band in bands:
        top = y
        if band.headed:
            headers[band.scope] = len(layout.bands)
            layout.bands.append((band, y))
            if band.foldable:
                layout.folds.append(
                    Fold(band.scope, band.title, not band.folded, "band", INDENT * band.depth, y)
                )
            y += INNER if band.depth else HEADER
        if band.columns:
            widths, rows = chosen[id(band)]
            y = _place_band(layout, band, headers[band.scope], tier, widths, rows, y)
        spans.append((band, top, y))
    layout.height = int(y) + 1
    layout.rules = _rules(spans)
    return layout


def _room(known: _Group, width: int) -> float:
    return width - MARGIN - LABEL - INDENT * max(band.depth for band in known.bands)


def _rules(
    spans: list[tuple[Band, float, float]],
) -> list[tuple[float, float, float]]:
    """A line at the left of each scope inside another, from its header to its end."""
    found = []
    for number, (band, top, end) in enumerate(spans):
        if band.headed and band.depth:
            for other, _, below in spans[number + 1 :]:
                if other.depth < band.depth or (other.headed and other.depth == band.depth):
                    break
                end = below
            found.append((INDENT * band.depth - 10.0, top + 2, end - 10))
    return found


def _place_band(
    layout: Layout, band: Band, number: int, tier: Tier,
    widths: dict[str, float], rows: list[list[str]], y: float,
) -> float:  # fmt: skip
    """Place the columns of one band below `y`; returns where the next band begins."""
    for keys in rows:
        columns = [column for key in keys for column in band.columns if column.key == key]
        left: dict[str, float] = {}
        x = float(MARGIN + INDENT * band.depth)
        for key in keys:
            left[key] = x
            x += widths[key] + GAP
        for lane in LANES:
            height = max((_lane_height(c.lanes[lane], tier) for c in columns), default=0)
            if not height:
                continue
            # Where one column has a button above it, all of the row stand as low.
            if lane == "values" and not band.folded and any(_is_button(c) for c in columns):
                for column in filter(_is_button, columns):
                    slot = column.lanes["values"][0]
                    layout.folds.append(
                        Fold(slot.fold, slot.words, False, "column", left[column.key], y)
                    )
                y += FOLD
            layout.labels.append((lane, y, height))
            for column in columns:
                below = y
                for slot in column.lanes[lane]:
                    over, under = _around(slot)
                    wide, high = _box(slot.matrix, tier)
                    beside = tiles(slot.matrix.shape)
                    each = (wide + BETWEEN) / beside
                    for tile in range(beside):
                        shown = Place(
                            slot, lane, number, left[column.key] + tile * each, below + over,
                            cell_size(slot.matrix, tier), each - BETWEEN, high, widths[column.key],
                            is_window(slot.matrix.shape), tile if beside > 1 else None,
                        )  # fmt: skip
                        layout.places.append(shown)
                    below += over + high + under + STACK
                    if slot.fold and lane == "gradients":
                        spot = below - STACK - FOLD + 3
                        layout.folds.append(
                            Fold(slot.fold, slot.words, False, "sum", left[column.key], spot)
                        )
            y += height + STACK
    return y + 6


def _is_button(column: Column) -> bool:
    return any(slot.fold for slot in column.lanes["values"])
