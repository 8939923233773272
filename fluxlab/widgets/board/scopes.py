"""In which scope and column of the board each matrix of a trace stands.

Nothing here knows layers by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fluxlab.engine.core.formulas import role
from fluxlab.widgets.board.bands import Column, Slot


@dataclass
class Node:
    """One scope: its own columns and the scopes inside it, in forward order."""

    scope: str
    entries: list[Column | Node] = field(default_factory=list)
    values: dict[int, Column] = field(default_factory=dict)  # by the matrix' id
    slots: dict[int, list[Slot]] = field(default_factory=dict)  # the lane that a matrix is in


class Scopes:
    """The columns of a trace's matrices, in the scopes that they belong to.

    Attributes
    ----------
    nodes : each scope by its name, with its columns and the scopes inside it, in forward order.
    tops : the names of the outermost scopes, in forward order.
    at : the scope where a matrix stands, by its id; the first if there are several.
    goals : of what only helps: the gradient, slope or update that it is for, by its id.
    """

    def __init__(self, trace: Any) -> None:
        self.trace = trace
        self.at: dict[int, str] = {}
        self.goals: dict[int, Any] = {}
        self.nodes: dict[str, Node] = {}
        self._where: dict[int, list[Node]] = {}  # the nodes where a value has a column
        self.tops = self._top_scopes()
        for scope in self.tops:
            self._node(scope)
        self._aliases: dict[tuple[str, int], str] = {}
        for name, matrix in trace.aliases.items():
            scope, _, local = name.rpartition("/")
            if (scope or self._last) != self.home(matrix):
                self._aliases.setdefault((scope or self._last, id(matrix)), local)
        self._fill(list(trace.matrices.values()))

    def _top_scopes(self) -> list[str]:
        trace = self.trace
        forward = [_top(step.scope) for step in trace.steps if step.phase == "forward"]
        others = [_top(matrix.scope) for matrix in trace.matrices.values()]
        scopes = [scope for scope in dict.fromkeys([*forward, *others]) if scope]
        weighted = {_top(m.scope) for m in trace.matrices.values() if m.kind == "parameter"}
        # The top level's own matrices (C, the target) close the board, with the cost's scope.
        self._last = scopes[-1] if scopes and scopes[-1] not in weighted else ""
        return [*scopes, *([] if self._last else [""])]

    def _node(self, scope: str) -> Node:
        """The node of a scope; one inside another is entered there, where it comes first."""
        if scope not in self.nodes:
            self.nodes[scope] = made = Node(scope)
            above = scope.rpartition("/")[0]
            if above:
                self._node(above).entries.append(made)
        return self.nodes[scope]

    def in_order(self, scopes: list[str]) -> Iterator[str]:
        """These scopes, each before those inside it."""
        for scope in scopes:
            yield scope
            inner = [e.scope for e in self.nodes[scope].entries if isinstance(e, Node)]
            yield from self.in_order(inner)

    def _fill(self, matrices: list[Any]) -> None:
        for step in self.trace.steps:
            if step.phase == "forward":
                here = self.home(step.output)
                for matrix in (*step.inputs, step.output):
                    for scope in path(here):
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
        return scope or self._last

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
            return role(matrix)
        # What a scope gives out to the one around it is seen in the scope, folded or open.
        inside = home.startswith(f"{scope}/")
        return None if inside else self._aliases.get((scope, id(matrix)))

    def _put(self, node: Node, lane: list[Slot], slot: Slot) -> None:
        lane.append(slot)
        node.slots.setdefault(id(slot.matrix), lane)
        if id(slot.matrix) not in self.at or node.scope == self.home(slot.matrix):
            self.at[id(slot.matrix)] = node.scope

    def _open(
        self, node: Node, lane: str, matrix: Any, local: str, place: int | None = None
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
        if local is None or (scope in self.nodes and id(matrix) in self.nodes[scope].values):
            return
        node, before = self._node(scope), None
        if matrix.step is None:  # the weights of all time steps stand before the first
            inner = [n for n, entry in enumerate(node.entries) if isinstance(entry, Node)]
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
        if id(matrix) in self.at:
            return
        lane = "updates" if self.phase(matrix) == "update" else "gradients"
        goal = self.goals[id(matrix)] = _goal(matrix)
        # The top level's own helpers have no scope of their own to stand in.
        elsewhere = goal is not None and not matrix.scope and id(goal) in self.at
        node = self._node(self.at[id(goal)] if elsewhere else self.home(matrix))
        beside = None if goal is None else node.slots.get(id(goal))
        if beside is None:
            self._open(node, lane, matrix, role(matrix))
        else:
            self._put(node, beside, Slot(matrix, role(matrix), goal))


def _position(entries: list[Column | Node], column: Column) -> int:
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


def path(scope: str) -> list[str]:
    """`a/b/c` -> `a`, `a/b`, `a/b/c`."""
    parts = scope.split("/")
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]
