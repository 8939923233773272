"""Where the bands of a board stand, in pixels, on a page of a given width."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fluxlab.widgets.board.bands import LANES, Band, Column, Slot
from fluxlab.widgets.board.sizes import (
    BETWEEN,
    FOLD,
    LAST,
    ROOMY,
    STACK,
    TIERS,
    Tier,
    around,
    box,
    cell_size,
    is_window,
    lane_height,
    tiles,
    title_width,
)

MARGIN = 12  # left of the first column: the numbers of its rows
LABEL = 22  # at the right: "values →"
GAP = 12  # between columns
BESIDE = 14  # between layers that stand side by side
HEADER = 26
INNER = 24  # the header of a scope inside another
INDENT = 16

Chosen = dict[int, tuple[dict[str, float], list[list[str]]]]  # of a band: widths, rows of columns


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
class Header:
    """A band's header: where it begins, and how much room its words have."""

    band: Band
    x: float
    y: float
    width: float


@dataclass
class Layout:
    """A board in pixels."""

    width: int
    height: int
    bands: list[Header]
    labels: list[tuple[str, float, float, float]]  # lane, right edge, y, height
    places: list[Place]
    folds: list[Fold] = field(default_factory=list)
    rules: list[tuple[float, float, float]] = field(default_factory=list)  # x, from y, to y

    @property
    def matrices(self) -> list[Any]:
        """Every matrix that has a place, once."""
        return list({id(p.slot.matrix): p.slot.matrix for p in self.places}.values())


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
                    wide = max(box(slot.matrix, tier)[0], title_width(slot, tier))
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
        widths = known.widths(tier)
        fits = len(wrap(widths, room)) == 1 and max(widths.values()) <= room
        if fits or (alone and number == LAST):
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
    blocks = _blocks(bands)
    found = [_chosen(groups, rooms, TIERS[n]) for n in range(number, max(number, ROOMY) + 1)]
    beside = [n for n, chosen in enumerate(found) if _end_in_a_row(blocks, chosen, width)]
    which = beside[0] if beside else 0
    # One tier for all bands, so that equal shapes look equal.
    tier, chosen = TIERS[number + which], found[which]
    layout = Layout(0, 0, [], [], [])
    x = top = bottom = 0.0
    former: list[Band] = []
    for block in blocks:
        wide = _width(block, chosen)
        # A layer of one band stands beside another, such as the cost beside the last layer.
        if x and (len(block) > 1 or len(former) > 1 or x + BESIDE + wide > width):
            x, top = 0.0, bottom
        x += BESIDE if x else 0.0
        bottom = max(bottom, _place_block(layout, block, tier, chosen, x, top, wide))
        x, former = x + wide, block
        layout.width = max(layout.width, int(x))
    layout.height = int(bottom) + 1
    return layout


def _chosen(groups: list[_Group], rooms: list[float], tier: Tier) -> Chosen:
    """The columns' widths and rows of each band, by its id."""
    found: Chosen = {}
    for known, room in zip(groups, rooms, strict=True):
        widths = known.widths(tier)
        for band in known.bands:
            found[id(band)] = widths, wrap(widths, room)
    return found


def _end_in_a_row(blocks: list[list[Band]], chosen: Chosen, width: int) -> bool:
    """Whether the cost stands beside the last layer."""
    last = blocks[-2:]
    if len(last) < 2 or any(len(block) > 1 for block in last):
        return False
    return sum(_width(block, chosen) for block in last) + BESIDE <= width


def _blocks(bands: list[Band]) -> list[list[Band]]:
    """Each outermost band with what belongs to it."""
    found: list[list[Band]] = []
    for band in bands:
        if band.depth == 0 and band.headed:
            found.append([])
        found[-1].append(band)
    return found


def _width(block: list[Band], chosen: Chosen) -> float:
    rows = [
        sum(widths[key] for key in keys) + GAP * (len(keys) - 1) + INDENT * band.depth
        for band in block
        if band.columns
        for widths, several in [chosen[id(band)]]
        for keys in several
    ]
    return max(rows, default=0) + MARGIN + LABEL


def _place_block(
    layout: Layout, block: list[Band], tier: Tier, chosen: Chosen, x: float, y: float, wide: float
) -> float:
    """Place an outermost band and what is inside it; returns where it ends."""
    headers: dict[str, int] = {}
    spans: list[tuple[Band, float, float]] = []
    for band in block:
        top, left = y, x + INDENT * band.depth
        if band.headed:
            headers[band.scope] = len(layout.bands)
            layout.bands.append(Header(band, left, y, x + wide - left))
            if band.foldable:
                layout.folds.append(Fold(band.scope, band.title, not band.folded, "band", left, y))
            y += INNER if band.depth else HEADER
        if band.columns:
            number = headers[band.scope]
            y = _place_band(layout, band, number, tier, *chosen[id(band)], x, y, wide)
        spans.append((band, top, y))
    layout.rules += [(x + at, top, end) for at, top, end in _rules(spans)]
    return y


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
    widths: dict[str, float], rows: list[list[str]], start: float, y: float, wide: float,
) -> float:  # fmt: skip
    """Place the columns of one band below `y`; returns where the next band begins."""
    for keys in rows:
        columns = [column for key in keys for column in band.columns if column.key == key]
        left: dict[str, float] = {}
        x = start + MARGIN + INDENT * band.depth
        for key in keys:
            left[key] = x
            x += widths[key] + GAP
        for lane in LANES:
            height = max((lane_height(c.lanes[lane], tier) for c in columns), default=0)
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
            layout.labels.append((lane, start + wide, y, height))
            for column in columns:
                below = y
                for slot in column.lanes[lane]:
                    over, under = around(slot)
                    across, high = box(slot.matrix, tier)
                    beside = tiles(slot.matrix.shape)
                    each = (across + BETWEEN) / beside
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
