"""The steps of a plan as nodes that know what must run before and after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from fluxlab.engine.core.kinds import Elementwise
from fluxlab.engine.core.kinds.contraction import letters
from fluxlab.engine.core.matrix import Matrix, Step
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.core.op import Call, Op, Params
from fluxlab.engine.running.passes.places import Place

# Views that stay views wherever their source lies; a reshape may need its cells side by side.
ANYWHERE = ("slice", "transpose", "expand", "same")


class Node:
    """One operation of a plan, on places.

    Attributes
    ----------
    at : where it stands in the order; all of `before` stand lower, all of `after` higher.
    update : it belongs to the update of the parameters.
    flat : it updates many matrices at once, as one row of cells.
    """

    def __init__(
        self, op: Op, params: Params, ins: Sequence[Place], out: Place, at: float, update: bool
    ) -> None:
        self.op, self.params, self.ins, self.out = op, params, list(ins), out
        self.at, self.update, self.flat = at, update, False
        self.before: set[Node] = set()
        self.after: set[Node] = set()

    def __repr__(self) -> str:
        return f"<{self.op.name} {' '.join(str(place.shape) for place in self.ins)}>"

    def key(self) -> Any:
        """Nodes that do the same with matrices of the same shapes have the same key."""
        params = tuple(sorted(self.params.items())) if self.params else ()
        return self.op.name, params, tuple([place.shape for place in self.ins])

    def calls(self) -> list[Call]:
        out, arrays, params = self.out.array, [place.array for place in self.ins], self.params
        if isinstance(self.op, Elementwise):
            out, arrays = tidy(out, arrays)
        elif self.op.name == "contract" and out.ndim == 2 and not out.flags.c_contiguous:
            # Stored column by column: the product of the transposed matrices.
            (left, right), target = letters(params["signature"])
            out, arrays = out.T, arrays[::-1]
            params = {"signature": f"{right},{left}->{target[::-1]}"}
        return self.op.bind(out, arrays, params)


class Graph:
    """The nodes of a plan and the places of their matrices.

    Attributes
    ----------
    places : where each matrix lives.
    makers : the node that writes a place; readers : those that read it or a view of it.
    views : the steps that only look at a place; rigid : those, at any remove, that need its cells
        as they lie.
    copies : nodes that copy places into one, by the places.
    end : a place in the order above that of all nodes.
    """

    def __init__(self, steps: Sequence[Step], wanted: Iterable[Matrix]) -> None:
        self.nodes: set[Node] = set()
        self.places: dict[Matrix, Place] = {}
        self.readers: dict[Place, list[Node]] = {}
        self.makers: dict[Place, Node] = {}
        self.views: dict[Place, list[Step]] = {}
        self.rigid: dict[Place, set[Step]] = {}
        self.copies: dict[tuple[Place, ...], Node] = {}
        self.end = float(steps[-1].number + 1) if steps else 1.0
        fixed = {_source(m) for m in wanted}
        for step in steps:
            for matrix in step.inputs:
                if matrix not in self.places:
                    self.places[matrix] = Place(matrix.shape, matrix.buffer)
            if _is_view(step):
                self._add_view(step)
                continue
            # What an op stores in an order of its own stays there.
            free = step.output not in fixed and step.output.buffer.flags.c_contiguous
            loose = free and isinstance(step.op, Elementwise)
            out = Place(step.output.shape, None if free else step.output.buffer, free=free)
            out.loose = loose
            self.places[step.output] = out
            self._add(step, out)

    def _add_view(self, step: Step) -> None:
        source = self.places[step.inputs[0]]
        if not plain(step):
            source.root.loose = False
            self.rigid.setdefault(source.root, set()).add(step)

        def view(array: Array) -> Array:
            found = step.op.output([array], step.params)
            assert np.may_share_memory(found, array), "a view has become a copy"
            return found

        self.places[step.output] = Place(step.output.shape, parent=source, view=view)
        self.views.setdefault(source, []).append(step)

    def _add(self, step: Step, out: Place) -> None:
        ins = [self.places[matrix] for matrix in step.inputs]
        node = Node(step.op, step.params, ins, out, float(step.number), step.phase == "update")
        for root in [place.root for place in ins]:
            self.readers.setdefault(root, []).append(node)
            maker = self.makers.get(root)
            if maker is not None:
                link(maker, node)
        self.makers[out] = node
        self.nodes.add(node)

    def overwrite(self, old: Matrix, new: Matrix) -> None:
        """Let `new` be written where `old` is, after everything else that reads `old`."""
        place, stale = self.places[old], self.places[new]
        writer = self.makers[stale]
        for reader in self.readers.get(place, []):
            if reader is not writer:
                link(reader, writer)
        stale.move(place, lambda array: array)

    def ordered(self) -> list[Node]:
        return sorted(self.nodes, key=lambda node: node.at)

    def fits(self, members: Sequence[Node]) -> bool:
        """Whether these can still run together, after what has been replaced since."""
        low, high = interval(members, self.end)
        return low < high

    def replace(
        self, members: Sequence[Node], op: Op, params: Params, ins: Sequence[Place], out: Place
    ) -> Node:
        """One node instead of several that can run together; see `together`."""
        low, high = interval(members, self.end)
        assert low < high, "these do not run together"
        made = Node(op, params, ins, out, (low + high) / 2, members[0].update)
        gone = set(members)
        for node in members:
            for other in node.before - gone:
                other.after.discard(node)
                link(other, made)
            for other in node.after - gone:
                other.before.discard(node)
                link(made, other)
        self.nodes -= gone
        self.nodes.add(made)
        return made

    def remove(self, node: Node) -> None:
        """Take a node away; what stood before it now stands before what came after."""
        for other in node.before:
            other.after.discard(node)
        for other in node.after:
            other.before.discard(node)
            for first in node.before:
                link(first, other)
        self.nodes.discard(node)

    def insert(self, op: Op, source: Place, target: Place, node: Node) -> Node:
        """A node that moves cells, before `node` and at once after all that it waits for."""
        low, _ = interval([node], self.end)
        made = Node(op, {}, [source], target, low + (node.at - low) / 1024, node.update)
        for other in node.before:
            if other.op is not op or other.out.root is not target.root:
                link(other, made)
        link(made, node)
        self.nodes.add(made)
        return made


def link(first: Node, then: Node) -> None:
    first.after.add(then)
    then.before.add(first)


def interval(members: Sequence[Node], end: float) -> tuple[float, float]:
    """Between which places in the order all members could run at once."""
    # Lists are made faster than generators; a plan of 15,000 steps asks 20,000 times.
    before = [other.at for node in members for other in node.before]
    after = [other.at for node in members for other in node.after]
    return max(before) if before else -1.0, min(after) if after else end


def together(nodes: Iterable[Node], end: float) -> Iterator[list[Node]]:
    """Groups of at least two nodes that can run at the same place in the order."""
    group: list[Node] = []
    low, high = -1.0, end
    ranges = [(*interval([node], end), node) for node in nodes]
    for start, stop, node in sorted(ranges, key=lambda r: (r[0], r[2].at)):
        fits = max(low, start) < min(high, stop) and node.before.isdisjoint(group)
        if group and not fits:
            if len(group) > 1:
                yield group
            group, low, high = [], -1.0, end
        group.append(node)
        low, high = max(low, start), min(high, stop)
    if len(group) > 1:
        yield group


def tidy(out: Array, arrays: Sequence[Array]) -> tuple[Array, list[Array]]:
    """The same cells in the order of `out`'s memory and with as few axes as possible.

    What is done cell by cell does not depend on the order; one row of cells is done fastest.
    """
    if out.ndim > 1 and 1 not in out.shape:  # nearly all lie row by row, or all column by column
        for rows in ([out, *arrays], [out.T, *[a.T for a in arrays]]):
            if all(a.flags.c_contiguous and a.shape in ((), rows[0].shape) for a in rows):
                return rows[0].reshape(-1), [a.reshape(-1) if a.ndim else a for a in rows[1:]]
    order = sorted(range(out.ndim), key=lambda axis: -abs(out.strides[axis]))
    wide = [a if a.ndim == 0 else a.reshape((1,) * (out.ndim - a.ndim) + a.shape) for a in arrays]
    wide = [out, *wide]
    wide = [a.transpose(order) if a.ndim else a for a in wide]
    axis = 0
    while axis < wide[0].ndim - 1:
        if all(a.ndim == 0 or _mergeable(a, axis) for a in wide):
            wide = [a.reshape(_merged(a.shape, axis)) if a.ndim else a for a in wide]
        else:
            axis += 1
    return wide[0], wide[1:]


def _mergeable(array: Array, axis: int) -> bool:
    n, m = array.shape[axis : axis + 2]
    whole = bool(array.strides[axis] == m * array.strides[axis + 1] != 0)
    return n == m == 1 or (n > 1 and m > 1 and whole)


def _merged(shape: Sequence[int], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])


def plain(step: Step) -> bool:
    """Whether this view is one wherever its source lies."""
    return step.op.name in ANYWHERE or _cells(step.inputs[0].shape) == _cells(step.output.shape)


def _is_view(step: Step) -> bool:
    return not step.calls


def _source(matrix: Matrix) -> Matrix:
    while matrix.step is not None and _is_view(matrix.step):
        matrix = matrix.step.inputs[0]
    return matrix


def _cells(shape: Sequence[int]) -> list[int]:
    return [n for n in shape if n != 1]
