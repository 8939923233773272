"""Which matrices of a trace stand together on the board: bands by scope, columns by name.

A scope inside another is a band inside its band; folded, it is one column of it: its output.
Where the bands stand in pixels, `pixels.py` says.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fluxlab.engine.core.formulas import gradient_name
from fluxlab.widgets.board.bands import Band, Column, Slot, describe
from fluxlab.widgets.board.scales import fixed_in
from fluxlab.widgets.board.scopes import Node, Scopes, is_share, path
from fluxlab.widgets.shared.maths import pretty

BIG = 60  # matrices; a trace of more starts with its inner scopes folded
UPDATES, CONSTANTS = "updates", "constants"  # can be folded away from all columns
SHARES = 3  # shares of a gradient that stand below it, in a small trace; more are folded behind it


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
        self._scopes = Scopes(trace)
        self._nodes, self._tops = self._scopes.nodes, self._scopes.tops
        self._members: dict[str, list[Any]] = {}  # of each scope, with the scopes inside it
        for matrix in trace.matrices.values():
            for scope in path(self._scopes.at[id(matrix)]):
                self._members.setdefault(scope, []).append(matrix)
        inner = any("/" in scope for scope in self._nodes)
        self.big = inner and len(trace.matrices) > BIG
        self._shares: dict[str, list[Any]] = {}  # of a gradient, in forward order
        self._sum_of: dict[int, str] = {}  # of each such share, the name of its gradient
        self._find_shares()
        tops = [scope for scope in self._tops if self._nodes[scope].entries]
        scopes = [s for s in self._scopes.in_order(tops) if len(tops) > 1 or "/" in s]
        found = [scope for scope in scopes if len(self._members.get(scope, ())) > 1]
        self.fixed = fixed_in(trace)
        self._apart = self._find_apart()
        names = [*found, *self._shares, *self._apart]
        self.foldable = dict.fromkeys(names)  # as an ordered set

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

    def _find_apart(self) -> dict[str, set[int]]:
        """What is folded away from all columns: the update pass, and what never changes."""
        of_updates = {
            id(slot.matrix)
            for node in self._nodes.values()
            for entry in node.entries
            if isinstance(entry, Column)
            for slot in entry.lanes["updates"]
        }
        for matrix in self.trace.matrices.values():  # the learning rate, Adam's memories
            given = matrix.step is None and matrix.kind != "parameter" and matrix.uses
            if given and all(step.phase == "update" for step in matrix.uses):
                of_updates.add(id(matrix))
        steps = self.trace.steps
        moving = {id(step.output) for step in steps if id(step.output) not in self.fixed}
        cost = self.trace.cost
        begin = {id(m) for m in self.trace.matrices.values() if cost is not None and m.of is cost}
        never = self.fixed - of_updates - begin if moving else set()  # dC/dC begins the way back
        apart = {UPDATES: of_updates, CONSTANTS: never}
        return {name: ids for name, ids in apart.items() if ids and name not in self._nodes}

    @property
    def apart(self) -> list[str]:
        """Those of `foldable` that are folded away from all columns."""
        return list(self._apart)

    # -- folding ----------------------------------------------------------------------------

    def folded_at_first(self) -> set[str]:
        """What a board starts with folded: shares, and in a big trace every inner scope."""
        return {
            name
            for name in self.foldable
            if name in self._shares or name in self._apart or (self.big and "/" in name)
        }

    def holders(self, matrix: Any) -> list[str]:
        """What has to be open for a matrix to be seen, the outermost first."""
        scopes = [name for name in path(self._scopes.at[id(matrix)]) if name in self.foldable]
        goal = self._scopes.goals.get(id(matrix))
        total = self._sum_of.get(id(matrix)) or self._sum_of.get(id(goal))
        apart = [name for name, ids in self._apart.items() if id(matrix) in ids]
        return [*scopes, *([total] if total else []), *apart]

    def around(self, name: str) -> list[str]:
        """What has to be open for all of a scope, or all shares of a gradient, to be seen."""
        if name in self._apart:
            return [name]
        if name in self._shares:
            return [*self.holders(self.trace[name]), name]
        return [scope for scope in path(name) if scope in self.foldable]

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
        self._take_away(made, folded)
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

    def _take_away(self, bands: list[Band], folded: Collection[str]) -> None:
        """Leave out what is folded away from all columns, and bands that nothing is left of."""
        away = {i for name in self._apart if name in folded for i in self._apart[name]}
        if not away:
            return
        for band in bands:
            for column in band.columns:
                for name, lane in column.lanes.items():
                    column.lanes[name] = [s for s in lane if s.fold or id(s.matrix) not in away]
            band.columns = [column for column in band.columns if any(column.slots())]
        for n in reversed(range(len(bands))):
            last = n + 1 == len(bands) or bands[n + 1].depth <= bands[n].depth
            if not bands[n].columns and last:
                del bands[n]

    def _show(self, node: Node, depth: int, folded: Collection[str], made: list[Band]) -> None:
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

    def _stand_in(self, node: Node) -> Column:
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
        elif around.scope == self._scopes.at[id(total.matrix)]:
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
