"""Where the matrices of a trace stand on the board.

First `arrange`: bands by scope, columns of values with the gradient of each right below; nothing
here knows layers by name. Then `place`: pixels for a board of a given width.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

LANES = ("values", "gradients", "updates")
SHOWN_NAMES = {"relu": "ReLU", "elu": "ELU", "tanh": "tanh"}


@dataclass
class Slot:
    """One matrix on the board, under the name that it has there (`x` for the `h` above)."""

    matrix: Any
    local: str


@dataclass
class Column:
    """What stands above one another: a value, its gradients, its update."""

    key: str
    lanes: dict[str, list[Slot]] = field(default_factory=lambda: {lane: [] for lane in LANES})

    def slots(self) -> Iterator[Slot]:
        for lane in LANES:
            yield from self.lanes[lane]


@dataclass
class Band:
    """The matrices of one scope."""

    scope: str
    title: str = ""
    detail: str = ""
    columns: list[Column] = field(default_factory=list)

    def column_of(self, matrix: Any) -> Column | None:
        """The column whose value is `matrix`."""
        for column in self.columns:
            if any(slot.matrix is matrix for slot in column.lanes["values"]):
                return column
        return None


def arrange(trace: Any) -> list[Band]:
    """The bands of a trace, in forward order; every matrix stands in at least one of them."""
    plan = _Plan(trace)
    matrices = list(trace.matrices.values())
    for step in trace.steps:
        if step.phase == "forward":
            for matrix in (*step.inputs, step.output):
                plan.add_value(plan.home(step.output), matrix)
    late = [m for m in matrices if plan.phase(m) == "forward" or m.kind == "parameter"]
    for matrix in late:
        plan.add_value(plan.home(matrix), matrix)
    for matrix in matrices:
        if matrix.kind == "slope":
            plan.add_slope(matrix)
    # Of a matrix that is used twice: first its gradient, then the shares that are its terms.
    for matrix in sorted(matrices, key=is_share):
        if matrix.of is not None and matrix.kind != "slope":
            plan.add_below(matrix, "updates" if matrix.kind == "update" else "gradients")
    for matrix in matrices:
        plan.add_helper(matrix)
    bands = [band for band in plan.bands.values() if band.columns]
    for band in bands:
        describe(band, trace, alone=len(bands) == 1)
        taken: dict[str, int] = {}
        for column in band.columns:
            count = taken[column.key] = taken.get(column.key, 0) + 1
            column.key += f" ({count})" if count > 1 else ""
    return bands


class _Plan:
    def __init__(self, trace: Any) -> None:
        self.trace = trace
        self.placed: set[int] = set()
        forward = [_top(step.scope) for step in trace.steps if step.phase == "forward"]
        others = [_top(matrix.scope) for matrix in trace.matrices.values()]
        scopes = [scope for scope in dict.fromkeys([*forward, *others]) if scope]
        weighted = {_top(m.scope) for m in trace.matrices.values() if m.kind == "parameter"}
        # The top level's own matrices (C, the target) close the board, with the cost's scope.
        self.last = scopes[-1] if scopes and scopes[-1] not in weighted else ""
        self.bands = {scope: Band(scope) for scope in [*scopes, *([] if self.last else [""])]}
        self.aliases: dict[tuple[str, int], str] = {}
        for name, matrix in trace.aliases.items():
            scope, _, local = name.rpartition("/")
            band = _top(scope) or self.last
            if band in self.bands and band != self.home(matrix):
                self.aliases.setdefault((band, id(matrix)), local)

    def home(self, matrix: Any) -> str:
        """The scope of the band that a matrix belongs to."""
        scope = _top(matrix.scope)
        if not scope and matrix.step is None:
            # A shared input stands where it is used first.
            for step in matrix.uses:
                if step.phase == "forward":
                    scope = _top(step.scope)
                    break
        return scope or self.last

    def phase(self, matrix: Any) -> str:
        """The phase that makes a matrix, or that uses it first."""
        if matrix.step is not None:
            return str(matrix.step.phase)
        if matrix.kind in ("gradient", "update", "slope") or matrix.of is not None:
            return "backward"
        if matrix.kind == "constant" and matrix.uses:
            return str(matrix.uses[0].phase)
        return "forward"

    def local(self, band: str, matrix: Any) -> str | None:
        """The matrix' name inside a band, or None if it is not one of the band's."""
        if self.home(matrix) == band:
            inner = matrix.scope.partition("/")[2]
            return f"{inner}/{matrix.local}" if inner else str(matrix.local)
        return self.aliases.get((band, id(matrix)))

    def add_value(self, scope: str, matrix: Any) -> None:
        band, local = self.bands[scope], self.local(scope, matrix)
        if local is not None and band.column_of(matrix) is None:
            band.columns.append(self._column(local, "values", matrix))

    def _column(self, local: str, lane: str, matrix: Any) -> Column:
        column = Column(local)
        column.lanes[lane].append(Slot(matrix, local))
        self.placed.add(id(matrix))
        return column

    def add_slope(self, matrix: Any) -> None:
        """A slope stands right after what it is the slope at."""
        band = self.bands[self.home(matrix)]
        column = self._column(self.local(band.scope, matrix) or matrix.local, "values", matrix)
        before = band.column_of(matrix.of) if matrix.of is not None else None
        place = len(band.columns) if before is None else band.columns.index(before) + 1
        band.columns.insert(place, column)

    def add_below(self, matrix: Any, lane: str) -> None:
        """A gradient stands below every place of its matrix."""
        for band in self.bands.values():
            column = band.column_of(matrix.of) if matrix.of is not None else None
            if column is not None:
                local = self.local(band.scope, matrix) or matrix.local
                column.lanes[lane].append(Slot(matrix, local))
                self.placed.add(id(matrix))

    def add_helper(self, matrix: Any) -> None:
        """What only helps to compute a gradient or an update stands below it."""
        if id(matrix) in self.placed:
            return
        lane = "updates" if self.phase(matrix) == "update" else "gradients"
        band = self.bands[self.home(matrix)]
        goal = self._goal(matrix)
        for column in band.columns if goal is not None else ():
            for own in column.lanes.values():
                if any(slot.matrix is goal for slot in own):
                    own.append(Slot(matrix, matrix.local))
                    self.placed.add(id(matrix))
                    return
        band.columns.append(self._column(matrix.local, lane, matrix))

    def _goal(self, matrix: Any) -> Any:
        """The next gradient, slope or update that a matrix is used for."""
        seen: set[int] = set()
        queue = [matrix]
        while queue:
            for step in queue.pop(0).uses:
                if step.output.kind in ("gradient", "slope", "update"):
                    return step.output
                if step.number not in seen:
                    seen.add(step.number)
                    queue.append(step.output)
        return None


def is_share(matrix: Any) -> bool:
    """Whether a gradient is only one use's share of the gradient of its matrix."""
    return matrix.of is not None and any(step.output.of is matrix.of for step in matrix.uses)


def _top(scope: str) -> str:
    return scope.partition("/")[0]


def describe(band: Band, trace: Any, alone: bool) -> None:
    """Write the band's header, as far as its steps tell: `4 → 8 · leaky ReLU`."""
    title = band.scope or (trace.title if alone else "Cost")
    band.title = title[:1].upper() + title[1:]
    steps = [s for s in trace.steps if s.phase == "forward" and _top(s.scope) == band.scope]
    products = [
        step.inputs[1].shape
        for step in steps
        if step.op.kind == "contraction" and step.inputs[1].step is None
    ]
    parts = []
    if len(products) == 1 and len(products[0]) == 2:
        parts.append("{} → {}".format(*products[0]))
        parts += [shown_name(s.op.name) for s in steps if getattr(s.op, "activation", False)]
    for column in band.columns:
        for slot in column.lanes["values"]:
            if slot.matrix.scope and _top(slot.matrix.scope) != band.scope:
                parts.append(f"{slot.local} is {slot.matrix.local} of {slot.matrix.scope}")
    band.detail = " · ".join(parts)


def shown_name(name: str) -> str:
    """`leaky_relu` -> `leaky ReLU`."""
    return " ".join(SHOWN_NAMES.get(word, word) for word in name.split("_"))


# -- pixels -------------------------------------------------------------------------------

MARGIN = 12  # left of the first column: the numbers of its rows
LABEL = 22  # at the right: "values →"
GAP = 12  # between columns
HEADER = 28
TITLE = 18  # a matrix' name above it
CONTROLS = 24  # index steppers, zoom buttons
FOOT = 29  # below a window: its rows and columns
STACK = 11  # between what stands above one another
LEVELS = (3, 6, 12, 24, 44)  # cell sizes of a window
SHORT = 8  # rows or columns of a window that are few
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


@dataclass
class Layout:
    """A board in pixels."""

    width: int
    height: int
    bands: list[tuple[Band, float]]  # with the y of each header
    labels: list[tuple[str, float, float]]  # lane, y, height
    places: list[Place]

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
        return (48, 22)
    if tier.number is not None and rows <= 10 and columns <= 8:
        return tier.number
    side = min(tier.box[0] // columns, tier.box[1] // rows)
    return (max(3, min(16, side)),) * 2


def _box(matrix: Any, tier: Tier) -> tuple[float, float]:
    """Width and height of a matrix' cells altogether."""
    rows, columns = flat(matrix.shape)
    w, h = cell_size(matrix, tier)
    if is_window(matrix.shape):
        # A short side keeps room for larger cells, so that zooming in does not hide it.
        w, h = (max(side, 24 if count <= SHORT else 0) for side, count in ((w, columns), (h, rows)))
        return min(columns * w, WINDOW_WIDTH), min(rows * h, WINDOW_ROWS)
    return columns * w, rows * h


def _around(matrix: Any) -> tuple[int, int]:
    """Room above the cells (title, controls) and below them."""
    window = is_window(matrix.shape)
    controls = CONTROLS if window or len(matrix.shape) > 2 else 0
    return TITLE + controls, FOOT if window else 0


def title_width(slot: Slot, tier: Tier) -> float:
    """About as wide as a title is drawn: name, shape, and an exponent where cells hold numbers."""
    from fluxlab.widgets.maths import pretty

    matrix = slot.matrix
    name = min(len(pretty(slot.local)) * 6.9, 96)
    if is_literal(matrix):
        return name
    size = 4.9 * len("×".join(map(str, matrix.shape))) + 5 if matrix.shape else 0
    rows, columns = flat(matrix.shape)
    numbers = tier.number is not None and rows <= 10 and columns <= 8
    exponent = 30 if numbers and matrix.shape else 0
    steppers = 68 * max(0, len(matrix.shape) - 2)
    zoom = 150 if is_window(matrix.shape) else 0
    return max(name + size + exponent, steppers + 56 * bool(zoom), zoom)


def _lane_height(slots: Iterable[Slot], tier: Tier) -> float:
    heights = [sum(_around(s.matrix)) + _box(s.matrix, tier)[1] for s in slots]
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


def _tier(known: _Group, room: float) -> int:
    """The number of the largest tier that fits; one band alone rather wraps than loses numbers."""
    for number, tier in enumerate(TIERS):
        if len(wrap(known.widths(tier), room)) == 1 or (len(known.bands) == 1 and number == LAST):
            return number
    return len(TIERS) - 1


def place(bands: list[Band], width: int) -> Layout:
    """Pixels for a board `width` pixels wide: the largest cells with which columns fit."""
    room = width - MARGIN - LABEL
    groups = group(bands)
    number = max((_tier(known, room) for known in groups), default=0)
    tier = TIERS[number]  # one for all bands, so that equal shapes look equal
    chosen: dict[int, tuple[dict[str, float], list[list[str]]]] = {}
    for known in groups:
        widths = known.widths(tier)
        for band in known.bands:
            chosen[id(band)] = widths, wrap(widths, room)
    used = [
        sum(widths[key] for key in keys) + GAP * (len(keys) - 1)
        for widths, rows in chosen.values()
        for keys in rows
    ]
    layout = Layout(int(min(width, max(used, default=0) + MARGIN + LABEL)), 0, [], [], [])
    y = 0.0
    for count, band in enumerate(bands):
        widths, rows = chosen[id(band)]
        layout.bands.append((band, y))
        y = _place_band(layout, band, count, tier, widths, rows, y + HEADER)
    layout.height = int(y) + 1
    return layout


def _place_band(
    layout: Layout, band: Band, number: int, tier: Tier,
    widths: dict[str, float], rows: list[list[str]], y: float,
) -> float:  # fmt: skip
    """Place the columns of one band below `y`; returns where the next band begins."""
    for keys in rows:
        columns = [column for key in keys for column in band.columns if column.key == key]
        left: dict[str, float] = {}
        x = float(MARGIN)
        for key in keys:
            left[key] = x
            x += widths[key] + GAP
        for lane in LANES:
            height = max((_lane_height(c.lanes[lane], tier) for c in columns), default=0)
            if not height:
                continue
            layout.labels.append((lane, y, height))
            for column in columns:
                below = y
                for slot in column.lanes[lane]:
                    over, under = _around(slot.matrix)
                    wide, high = _box(slot.matrix, tier)
                    layout.places.append(
                        Place(slot, lane, number, left[column.key], below + over,
                              cell_size(slot.matrix, tier), wide, high, widths[column.key],
                              is_window(slot.matrix.shape))
                    )  # fmt: skip
                    below += over + high + under + STACK
            y += height + STACK
    return y + 6
