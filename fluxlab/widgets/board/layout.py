"""Which matrices of a trace stand together on the board: bands by scope, columns by name.

A scope inside another is a band inside its band; folded, it is one column of it: its output.
Nothing here knows layers by name. Where the bands stand in pixels, `pixels.py` says.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from fluxlab.engine.core.formulas import gradient_name
from fluxlab.widgets.shared.maths import pretty

LANES = ("values", "gradients", "updates")
SHOWN_NAMES = {"relu": "ReLU", "elu": "ELU", "gelu": "GELU"}
_NUMBERED = re.compile(r"(-?\d[\d.e+-]*)_\d+")
BIG = 60  # matrices; a trace of more starts with its inner scopes folded
SHARES = 3  # shares of a gradient that stand below it, in a small trace; more are folded behind it


@dataclass
class Slot:
    """One matrix on the board, under the name that it has there (`x` for the `h` above)."""

    matrix: Any
    local: str
    goal: Any = None  # the gradient, slope or update that it helps to compute
    fold: str = ""  # what it stands for: a folded scope, or a gradient's folded shares
    words: str = ""  # on the button that opens it


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
    """Matrices of one scope, or the shares of one gradient."""

    scope: str
    title: str = ""
    detail: str = ""
    columns: list[Column] = field(default_factory=list)
    depth: int = 0
    headed: bool = True  # what follows an inner scope goes on without a header
    foldable: bool = False
    folded: bool = False


@dataclass
class _Node:
    """One scope: its own columns and the scopes inside it, in forward order."""

    scope: str
    entries: list[Column | _Node] = field(default_factory=list)
    values: dict[int, Column] = field(default_factory=dict)  # by the matrix' id
    slots: dict[int, list[Slot]] = field(default_factory=dict)  # the lane that a matrix is in


class Arrangement:
    """The matrices of a trace in columns and scopes; `bands` shows them folded or open.

    Attributes
    ----------
    foldable : the names of what can be folded, in forward order: scopes, and gradients of many
        shares.
    big : whether inner scopes and shares start folded.
    """

    def __init__(self, trace: Any) -> None:
        self.trace = trace
        self._at: dict[int, str] = {}  # the scope where a matrix stands, the first if several
        self._goals: dict[int, Any] = {}  # of what only helps: the gradient that it is for
        self._nodes: dict[str, _Node] = {}
        self._where: dict[int, list[_Node]] = {}  # the nodes where a value has a column
        self._tops = self._top_scopes()
        for scope in self._tops:
            self._node(scope)
        self._aliases: dict[tuple[str, int], str] = {}
        for name, matrix in trace.aliases.items():
            scope, _, local = name.rpartition("/")
            if (scope or self.last) != self.home(matrix):
                self._aliases.setdefault((scope or self.last, id(matrix)), local)
        self._fill(list(trace.matrices.values()))
        self._members: dict[str, list[Any]] = {}  # of each scope, with the scopes inside it
        for matrix in trace.matrices.values():
            for scope in _path(self._at[id(matrix)]):
                self._members.setdefault(scope, []).append(matrix)
        inner = any("/" in scope for scope in self._nodes)
        self.big = inner and len(trace.matrices) > BIG
        self._shares: dict[str, list[Any]] = {}  # of a gradient, in forward order
        self._sum_of: dict[int, str] = {}  # of each such share, the name of its gradient
        self._find_shares()
        tops = [scope for scope in self._tops if self._nodes[scope].entries]
        scopes = [s for s in self._in_order(tops) if len(tops) > 1 or "/" in s]
        found = [scope for scope in scopes if len(self._members.get(scope, ())) > 1]
        self.foldable = dict.fromkeys([*found, *self._shares])  # as an ordered set

    def _top_scopes(self) -> list[str]:
        trace = self.trace
        forward = [_top(step.scope) for step in trace.steps if step.phase == "forward"]
        others = [_top(matrix.scope) for matrix in trace.matrices.values()]
        scopes = [scope for scope in dict.fromkeys([*forward, *others]) if scope]
        weighted = {_top(m.scope) for m in trace.matrices.values() if m.kind == "parameter"}
        # The top level's own matrices (C, the target) close the board, with the cost's scope.
        self.last = scopes[-1] if scopes and scopes[-1] not in weighted else ""
        return [*scopes, *([] if self.last else [""])]

    def _node(self, scope: str) -> _Node:
        """The node of a scope; one inside another is entered there, where it comes first."""
        if scope not in self._nodes:
            self._nodes[scope] = made = _Node(scope)
            above = scope.rpartition("/")[0]
            if above:
                self._node(above).entries.append(made)
        return self._nodes[scope]

    def _in_order(self, scopes: list[str]) -> Iterator[str]:
        for scope in scopes:
            yield scope
            inner = [e.scope for e in self._nodes[scope].entries if isinstance(e, _Node)]
            yield from self._in_order(inner)

    # -- filling ----------------------------------------------------------------------------

    def _fill(self, matrices: list[Any]) -> None:
        for step in self.trace.steps:
            if step.phase == "forward":
                here = self.home(step.output)
                for matrix in (*step.inputs, step.output):
                    for scope in _path(here):
                        self._add_value(scope, matrix)
        for matrix in matrices:
            if self.phase(matrix) == "forward" or matrix.kind == "parameter":
                self._add_value(self.home(matrix), matrix)
        for matrix in matrices:
            if matrix.kind == "slope":
                self._add_slope(matrix)
        # Of a matrix that is used twice: first its gradient, then the shares that are its terms.
        for matrix in sorted(matrices, key=is_share):
            if matrix.of is not None and matrix.kind != "slope":
                self._add_below(matrix, "updates" if matrix.kind == "update" else "gradients")
        for matrix in matrices:
            self._add_helper(matrix)

    def home(self, matrix: Any) -> str:
        """The scope that a matrix belongs to."""
        scope = str(matrix.scope)
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

    def _local(self, scope: str, matrix: Any) -> str | None:
        """The matrix' name inside a scope, or None if it is not one of the scope's."""
        home = self.home(matrix)
        if home == scope:
            return _shown_local(matrix)
        # What a scope gives out to the one around it is seen in the scope, folded or open.
        inside = home.startswith(f"{scope}/")
        return None if inside else self._aliases.get((scope, id(matrix)))

    def _put(self, node: _Node, lane: list[Slot], slot: Slot) -> None:
        lane.append(slot)
        node.slots.setdefault(id(slot.matrix), lane)
        if id(slot.matrix) not in self._at or node.scope == self.home(slot.matrix):
            self._at[id(slot.matrix)] = node.scope

    def _open(
        self, node: _Node, lane: str, matrix: Any, local: str, place: int | None = None
    ) -> None:
        """A new column of a node, at its end or at a place."""
        column = Column(local)
        node.entries.insert(len(node.entries) if place is None else place, column)
        self._put(node, column.lanes[lane], Slot(matrix, local))
        if lane == "values":
            node.values[id(matrix)] = column
            self._where.setdefault(id(matrix), []).append(node)

    def _add_value(self, scope: str, matrix: Any) -> None:
        local = self._local(scope, matrix)
        if local is None or (scope in self._nodes and id(matrix) in self._nodes[scope].values):
            return
        node, before = self._node(scope), None
        if matrix.step is None:  # the weights of all time steps stand before the first
            inner = [n for n, entry in enumerate(node.entries) if isinstance(entry, _Node)]
            before = min(inner, default=None)
        self._open(node, "values", matrix, local, before)

    def _add_slope(self, matrix: Any) -> None:
        """A slope stands right after what it is the slope at."""
        node = self._node(self.home(matrix))
        before = None if matrix.of is None else node.values.get(id(matrix.of))
        place = None if before is None else _position(node.entries, before) + 1
        if before is None and matrix in self.trace.slopes:
            output = node.values.get(id(self.trace.slopes[matrix][0].output))
            place = None if output is None else _position(node.entries, output)
        self._open(node, "values", matrix, self._local(node.scope, matrix) or matrix.local, place)

    def _add_below(self, matrix: Any, lane: str) -> None:
        """A gradient stands below every place of its matrix."""
        for node in self._where.get(id(matrix.of), ()):
            column = node.values[id(matrix.of)]
            local = self._local(node.scope, matrix) or matrix.local
            self._put(node, column.lanes[lane], Slot(matrix, local))

    def _add_helper(self, matrix: Any) -> None:
        """What only helps to compute a gradient or an update stands below it."""
        if id(matrix) in self._at:
            return
        lane = "updates" if self.phase(matrix) == "update" else "gradients"
        goal = self._goals[id(matrix)] = _goal(matrix)
        # The top level's own helpers have no scope of their own to stand in.
        elsewhere = goal is not None and not matrix.scope and id(goal) in self._at
        node = self._node(self._at[id(goal)] if elsewhere else self.home(matrix))
        beside = None if goal is None else node.slots.get(id(goal))
        if beside is None:
            self._open(node, lane, matrix, _shown_local(matrix))
        else:
            self._put(node, beside, Slot(matrix, _shown_local(matrix), goal))

    def _find_shares(self) -> None:
        """Gradients of matrices that are used many times."""
        for node in self._nodes.values():
            for column in node.values.values():
                lane = column.lanes["gradients"]
                shares = [slot.matrix for slot in lane if is_share(slot.matrix)]
                if len(shares) > (1 if self.big else SHARES):
                    total = next(slot.matrix for slot in lane if slot.matrix.of is shares[0].of)
                    # The backward pass meets the last use first.
                    self._shares.setdefault(total.name, shares[::-1])
                    self._sum_of |= {id(share): total.name for share in shares}

    # -- folding ----------------------------------------------------------------------------

    def folded_at_first(self) -> set[str]:
        """What a board starts with folded: shares, and in a big trace every inner scope."""
        return {
            name for name in self.foldable if name in self._shares or (self.big and "/" in name)
        }

    def holders(self, matrix: Any) -> list[str]:
        """What has to be open for a matrix to be seen, the outermost first."""
        scopes = [name for name in _path(self._at[id(matrix)]) if name in self.foldable]
        total = self._sum_of.get(id(matrix)) or self._sum_of.get(id(self._goals.get(id(matrix))))
        return [*scopes, *([total] if total else [])]

    def around(self, name: str) -> list[str]:
        """What has to be open for all of a scope, or all shares of a gradient, to be seen."""
        if name in self._shares:
            return [*self.holders(self.trace[name]), name]
        return [scope for scope in _path(name) if scope in self.foldable]

    def seen(self, folded: Collection[str]) -> set[str]:
        """The names of the matrices that are shown when `folded` is folded."""
        bands = self.bands(folded)
        return {s.matrix.name for band in bands for c in band.columns for s in c.slots()}

    def hidden(self, places: list[Any]) -> dict[str, tuple[int, int]]:
        """By name: the step and the place (its number) that stands for a folded matrix."""
        seen = {id(place.slot.matrix) for place in places}
        stands = {place.slot.fold: n for n, place in enumerate(places) if place.slot.fold}
        found = {}
        for matrix in self.trace.matrices.values() if stands else ():
            if id(matrix) not in seen:
                at = next((stands[name] for name in self.holders(matrix) if name in stands), None)
                if at is not None:
                    step = -1 if matrix.step is None else int(matrix.step.number)
                    found[matrix.name] = step, at
        return found

    def output(self, scope: str) -> Any:
        """What a folded scope shows: the last of its matrices that is used outside it."""
        inside = self._members[scope]
        own = {id(matrix) for matrix in inside}
        made = [m for m in inside if m.step is not None and m.step.phase == "forward"]
        used = [m for m in made if any(s.phase == "forward" and id(s.output) not in own
                                       for s in m.uses)]  # fmt: skip
        ends = [m for m in made if m is self.trace.cost]
        values = [m for m in inside if m.of is None]
        return (ends or used or made or values or inside)[-1]

    def bands(self, folded: Collection[str] = ()) -> list[Band]:
        """The bands in forward order. Unless something is folded, every matrix is in one."""
        made: list[Band] = []
        tops = [self._nodes[scope] for scope in self._tops if self._nodes[scope].entries]
        for node in tops:
            self._show(node, 0, folded, made)
        made = [band for band in made if band.headed or band.columns]
        for band in made:
            band.foldable = band.headed and band.scope in self.foldable
            if band.headed and band.scope not in self._shares:
                describe(band, self.trace, alone=len(tops) == 1)
            taken: dict[str, int] = {}
            for column in band.columns:
                count = taken[column.key] = taken.get(column.key, 0) + 1
                column.key += f" ({count})" if count > 1 else ""
        return made

    def _show(self, node: _Node, depth: int, folded: Collection[str], made: list[Band]) -> None:
        band = Band(node.scope, depth=depth)
        made.append(band)
        if depth == 0 and node.scope in folded and node.scope in self.foldable:
            band.folded = True
            band.columns.append(self._stand_in(node))
            return
        later: list[Band] = []
        for entry in node.entries:
            if isinstance(entry, Column):
                band.columns.append(self._without_shares(entry, band, folded, later))
            elif entry.scope in folded and entry.scope in self.foldable:
                band.columns.append(self._stand_in(entry))
            else:
                made += later
                later.clear()
                self._show(entry, depth + 1, folded, made)
                band = Band(node.scope, depth=depth, headed=False)
                made.append(band)
        made += later

    def _stand_in(self, node: _Node) -> Column:
        """The one column that a folded scope is."""
        output, name = self.output(node.scope), node.scope.rpartition("/")[2]
        column = Column(name)
        column.lanes["values"].append(Slot(output, output.local, fold=node.scope, words=name))
        local = gradient_name(output)
        gradient = f"{output.name.removesuffix(output.local)}{local}"
        if gradient in self.trace:
            column.lanes["gradients"].append(Slot(self.trace[gradient], local))
        return column

    def _without_shares(
        self, column: Column, around: Band, folded: Collection[str], later: list[Band]
    ) -> Column:
        """A column whose gradient has many shares keeps their sum; opened, they are a band."""
        lane = column.lanes["gradients"]
        total = next((slot for slot in lane if slot.matrix.name in self._shares), None)
        shown = Column(column.key, {name: list(slots) for name, slots in column.lanes.items()})
        if total is None:
            return shown
        name = total.matrix.name
        shares = self._shares[name]
        known = {id(share) for share in shares}
        apart = [s for s in lane if id(s.matrix) in known or id(s.goal) in known]
        rest = [s for s in lane if id(s.matrix) not in known and id(s.goal) not in known]
        shown.lanes["gradients"] = rest
        if name in folded:
            place = next(n for n, slot in enumerate(rest) if slot is total)
            rest[place] = Slot(total.matrix, total.local, fold=name, words=f"{len(shares)} uses")
        elif around.scope == self._at[id(total.matrix)]:
            whole = pretty(total.local)
            band = Band(name, f"{whole} by use", depth=around.depth + 1)
            band.detail = f"{len(shares)} shares, added up to {whole}"
            for share in shares:
                local = str(share.local)
                band.columns.append(one := Column(local.partition("[")[2].rstrip("]") or local))
                own = [s for s in apart if s.matrix is share or s.goal is share]
                one.lanes["gradients"] += own
            later.append(band)
        return shown


def arrange(trace: Any, folded: Collection[str] | None = None) -> list[Band]:
    """The bands of a trace, in forward order; without `folded` as a board starts."""
    found = Arrangement(trace)
    return found.bands(found.folded_at_first() if folded is None else folded)


def _position(entries: list[Column | _Node], column: Column) -> int:
    return next(n for n, entry in enumerate(entries) if entry is column)


def _goal(matrix: Any) -> Any:
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
    ahead = [step.output for step in matrix.uses if step.output.kind == "gradient"]
    return matrix.of is not None and any(gradient.of is matrix.of for gradient in ahead)


def _top(scope: str) -> str:
    return scope.partition("/")[0]


def _path(scope: str) -> list[str]:
    """`a/b/c` -> `a`, `a/b`, `a/b/c`."""
    parts = scope.split("/")
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]


def describe(band: Band, trace: Any, alone: bool) -> None:
    """Write the band's header, as far as its steps tell: `4 → 8 · leaky ReLU`."""
    title = band.scope.rpartition("/")[2] or (trace.title if alone else "Cost")
    band.title = title if band.depth else title[:1].upper() + title[1:]
    steps = [
        s for s in trace.steps
        if s.phase == "forward" and (f"{s.scope}/".startswith(f"{band.scope}/"))
    ]  # fmt: skip
    products = [
        step.inputs[1].shape
        for step in steps
        if step.op.kind == "contraction" and step.inputs[1].step is None
    ]
    parts = []
    if band.scope in trace.layer_of:
        parts += _layer_words(*trace.layer_of[band.scope])
    elif len(products) == 1 and len(products[0]) == 2:
        parts.append("{} → {}".format(*products[0]))
        parts += [shown_name(s.op.name) for s in steps if getattr(s.op, "activation", False)]
    for column in () if band.folded else band.columns:
        for slot in column.lanes["values"]:
            if slot.matrix.scope and slot.matrix.scope != band.scope and not slot.fold:
                parts.append(f"{slot.local} is {slot.matrix.local} of {slot.matrix.scope}")
    band.detail = " · ".join(parts)


def _shown_local(matrix: Any) -> str:
    """The matrix' name; the second 2 of a formula is no 2_2."""
    literal = _NUMBERED.fullmatch(matrix.local) if matrix.kind == "constant" else None
    return str(literal[1] if literal else matrix.local)


def _layer_words(layer: Any, x: Any, h: Any) -> list[str]:
    """`4 → 3`, the layer's name in code (only Dense goes without saying), its activation."""
    kind = getattr(layer, "__name__", type(layer).__name__)
    sizes = f"{_size_of_one(x)} → {_size_of_one(h)}"
    activation = getattr(layer, "activation", "")
    return [
        sizes,
        *([kind] if kind != "Dense" else []),
        *([shown_name(activation)] if activation else []),
    ]


def _size_of_one(matrix: Any) -> str:
    """The size of one sample, or of one step of a sequence; a step of token numbers is a token."""
    sides = [
        str(n) for n, axis in zip(matrix.shape[1:], matrix.axes[1:], strict=True) if axis != "step"
    ]
    return "×".join(sides) or "token"


def shown_name(name: str) -> str:
    """`leaky_relu` -> `leaky ReLU`."""
    return " ".join(SHOWN_NAMES.get(word, word) for word in name.split("_"))
