"""Passes over the graph of a plan: the same numbers from fewer calls.

A small matrix costs a call, not arithmetic. So matrices are laid side by side in larger ones,
and what is done to each of them is done once to all. A pass knows operations, never layers: it
finds nodes that do the same and wait for nothing of each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from fluxlab.engine.core.kinds import Elementwise
from fluxlab.engine.core.kinds.contraction import letters
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.core.op import OPS
from fluxlab.engine.running.passes.graph import Graph, Node, link, together
from fluxlab.engine.running.passes.layout import as_steps, part, turn
from fluxlab.engine.running.passes.places import Place, View, flat, stackable, stacked

SMALL = 1 << 14  # cells; a larger matrix is worth a call of its own
MANY = 1 << 16  # cells of matrices laid together, so that they stay in the processor's cache


# -- the passes -----------------------------------------------------------------------------


def trust_batches(graph: Graph) -> None:
    """Row numbers of a batch of as many rows as the table has need no check."""
    for node in graph.nodes:
        if node.op.name == "rows":
            made_by = [n for n in node.before if n.out is node.ins[1]]
            sure = [n for n in made_by if n.op.name == "batch_rows"]
            if sure and sure[0].params["count"] == node.ins[0].shape[0]:
                node.params = {**node.params, "sure": True}


def join_parts(graph: Graph) -> None:
    """Matrices that are only joined to a larger one are written into it at once."""
    for node in graph.ordered():
        if node.op.name != "concatenate":
            continue
        axis, start, moved, kept = node.params["axis"], 0, [], []
        for place in node.ins:
            stop = start + place.shape[axis]
            view = _slot((slice(None),) * axis + (slice(start, stop),))
            slot = Place(place.shape, parent=node.out, view=view)
            # A part may be a view, (4, 1, 3) of a matrix that is (4, 3).
            root, count = place.root, node.ins.count(place)
            whole = root.size == place.size and _straight(place, root)
            if root.free and root.loose and whole and count == 1:
                moved.append((root, _reshaped(root.shape, view)))
            else:
                kept.append((place, slot))
            start = stop
        if len(moved) > len(node.ins) // 2:
            for root, view in moved:
                root.move(node.out, view)
            for place, slot in kept:
                graph.insert(OPS["hold"], place, slot, node)
            graph.remove(node)


def join_steps(graph: Graph) -> None:
    """Steps that are joined to a sequence lie one after the other in memory."""
    for node in [n for n in graph.ordered() if n.op.name == "concatenate" and len(n.ins) > 2]:
        parts, out = node.ins, node.out
        shape = (out.shape[0], len(parts), parts[0].shape[-1])
        seen = [step.output.shape for step in graph.views.get(out, [])]
        if node.params["axis"] != 1 or shape not in seen or not stackable(parts):
            continue
        whole = stacked(parts)
        assert whole is not None
        moves = as_steps(graph, out, shape) if out.free else None
        if moves is not None:
            for place, view in moves:
                place.move(whole, view)
            graph.remove(node)
        else:
            node.op, node.params = OPS["hold"], {}
            node.ins = [Place(shape, parent=whole, view=lambda array: np.moveaxis(array, 0, 1))]
            node.out = Place(shape, parent=out, view=_reshaped(shape))


def update_at_once(graph: Graph) -> None:
    """What an optimizer does to every parameter alike, it does once to all: one row of cells."""
    for group in _alike([n for n in graph.nodes if n.update and _cell_by_cell(n)], _update_key):
        for members in together(group, graph.end):
            for nodes in _of_one_kind(_sorted(members)):
                if not graph.fits(nodes):
                    continue
                ins = [p[0] if _one(p) else flat(p) for p in _operands(nodes)]
                out = flat([node.out for node in nodes]) if None not in ins else None
                if out is not None:
                    made = graph.replace(nodes, nodes[0].op, nodes[0].params, _found(ins), out)
                    made.flat = True


def add_up_shares(graph: Graph) -> None:
    """The sum of products `x1.T @ y1 + x2.T @ y2 + ...` is one product of stacked matrices."""
    for total in [n for n in graph.ordered() if n.op.name == "add_all"]:
        made_by = {node.out: node for node in total.before}
        shares = [made_by[p] for p in total.ins if p in made_by and p.free]
        uses = Counter(total.ins)
        shares = [n for n in shares if n.after == {total} and uses[n.out] == 1]
        for nodes in _alike([n for n in shares if _sums_rows(n)], Node.key):
            lists = _operands(nodes)
            if len(nodes) < 3 or any(_one(p) or p[0].size > SMALL for p in lists):
                continue
            outs = {node.out for node in nodes}
            rest = [p for p in total.ins if p not in outs]
            out = Place(total.out.shape, free=True) if rest else total.out
            joined = nodes if rest else [*nodes, total]
            made = graph.replace(joined, nodes[0].op, nodes[0].params, [], out)
            made.ins = [_rows(_in_one(graph, made, places)) for places in lists]
            total.ins = [*rest, out]


def multiply_at_once(graph: Graph) -> None:
    """Matrices that are all multiplied by the same one, as one product of the stacked matrices."""
    candidates = [n for n in graph.nodes if _keeps_rows(n) and n.ins[0].size <= SMALL]
    for group in _alike(candidates, lambda n: (n.key(), id(n.ins[1]))):
        for members in together(group, graph.end):
            nodes = _sorted(members)
            left, right = _operands(nodes)
            outs = [node.out for node in nodes]
            if len(nodes) < 3 or _one(left) or not all(p.free for p in outs):
                continue
            if not graph.fits(nodes):
                continue
            for place in outs:
                place.turned = False  # a taller matrix has the rows of all
            out = stacked(outs)
            if out is not None:
                made = graph.replace(nodes, nodes[0].op, nodes[0].params, [], _rows(out))
                made.ins = [_rows(_in_one(graph, made, left)), right[0]]


def compute_at_once(graph: Graph) -> None:
    """The same function of several small matrices, cell by cell, as one call."""
    small = [
        n for n in graph.nodes
        if isinstance(n.op, Elementwise) and not n.flat and n.out.size <= SMALL
    ]  # fmt: skip
    # Large groups first: a matrix that has been laid beside one other cannot join them.
    for least in (5, 2):
        for group in _alike([n for n in small if n in graph.nodes], Node.key):
            for members in together(group, graph.end):
                for nodes in _portions(_sorted(members)):
                    if len(nodes) >= least and not _stack_alike(graph, nodes):
                        for same in _of_one_kind(nodes):
                            if least <= len(same) < len(nodes):
                                _stack_alike(graph, same)


def _stack_alike(graph: Graph, nodes: Sequence[Node]) -> bool:
    ins: list[Place | None] = []
    depth = len(nodes[0].out.shape)
    repeated = any(_one(places) and places[0].size > 1 for places in _operands(nodes))
    # Repeating an operand costs two calls.
    if len(nodes) < (4 if repeated else 2) or not graph.fits(nodes):
        return False
    for places in _operands(nodes):
        if not _one(places) and len(places[0].shape) != depth:
            return False
        ins.append(places[0] if _one(places) else stacked(places))
        if ins[-1] is None:
            return False
    out = stacked([node.out for node in nodes])
    if out is None:
        return False
    graph.replace(nodes, nodes[0].op, nodes[0].params, _found(ins), out)
    return True


PASSES: tuple[Callable[[Graph], None], ...] = (
    trust_batches, turn, part, join_steps, join_parts,
    add_up_shares, multiply_at_once, compute_at_once,
)  # fmt: skip


# -- which nodes ------------------------------------------------------------------------------


def _alike(nodes: Iterable[Node], key: Callable[[Node], Any]) -> list[list[Node]]:
    """The nodes by what they do, those of two or more."""
    groups: dict[Any, list[Node]] = {}
    for node in _sorted(nodes):
        groups.setdefault(key(node), []).append(node)
    return [group for group in groups.values() if len(group) > 1]


def _sorted(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: node.at)


def _portions(nodes: Sequence[Node]) -> list[Sequence[Node]]:
    """As many at a time as the cache holds."""
    count = max(MANY // max(nodes[0].out.size, 1), 1)
    return [nodes[start : start + count] for start in range(0, len(nodes), count)]


def _of_one_kind(nodes: Sequence[Node]) -> list[list[Node]]:
    """Parted by where their matrices live: free to be moved, or in which larger one."""

    def kind(node: Node) -> Any:
        roots = [(p.root, p.size) for p in (*node.ins, node.out)]
        return [None if root.free and root.size == size else id(root) for root, size in roots]

    return _alike(nodes, lambda node: tuple(kind(node)))


def _cell_by_cell(node: Node) -> bool:
    """Whether all its matrices have one shape, apart from single numbers."""
    shapes = {p.shape for p in node.ins if p.shape != ()}
    return isinstance(node.op, Elementwise) and shapes == {node.out.shape}


def _update_key(node: Node) -> Any:
    numbers = tuple(id(p) if p.shape == () else None for p in node.ins)
    return node.op.name, tuple(sorted(node.params.items())), numbers


def _sums_rows(node: Node) -> bool:
    """Whether a taller matrix of the same columns would give a result of the same shape."""
    if node.op.name == "sum":
        return 0 in node.params["axes"]
    if node.op.name != "contract":
        return False
    (left, right), target = letters(node.params["signature"])
    return left[:1] == right[:1] != "" and left[0] not in target


def _keeps_rows(node: Node) -> bool:
    """Whether each row of the product is that row of the left matrix times the right one."""
    if node.op.name != "contract":
        return False
    (left, right), target = letters(node.params["signature"])
    return left[:1] == target[:1] != "" and left[0] not in right


# -- which places -----------------------------------------------------------------------------


def _operands(nodes: Sequence[Node]) -> list[list[Place]]:
    return [list(places) for places in zip(*(node.ins for node in nodes), strict=True)]


def _one(places: Sequence[Place]) -> bool:
    return all(place is places[0] for place in places)


def _found(places: Sequence[Place | None]) -> list[Place]:
    return [place for place in places if place is not None]


def _in_one(graph: Graph, node: Node, places: Sequence[Place]) -> Place:
    """`places` stacked, side by side in memory; what cannot be moved is copied before `node`."""
    found = stacked(places)
    if found is not None and found.array.flags.c_contiguous:
        return found
    whole = Place((len(places), *places[0].shape), free=True)
    if found is not None:
        made = graph.copies.get(tuple(places))
        if made is not None and made.at < node.at:  # several products want the same
            link(made, node)
            return made.out
        graph.copies[tuple(places)] = graph.insert(OPS["hold"], found, whole, node)
        return whole
    start = 0
    while start < len(places):
        stop = start + 1
        first = places[start]
        if first.free and not first.turned and places.count(first) == 1:
            first.move(whole, _slot((start,)))
        else:
            while stop < len(places) and stackable(places[start : stop + 1]):
                stop += 1
            span = stacked(places[start:stop]) if stop > start + 1 else places[start]
            part = (slice(start, stop),) if stop > start + 1 else (start,)
            assert span is not None
            slot = Place(span.shape, parent=whole, view=_slot(part))
            graph.insert(OPS["hold"], span, slot, node)
        start = stop
    return whole


def _rows(whole: Place) -> Place:
    """Stacked matrices as one tall matrix."""
    shape = (whole.shape[0] * whole.shape[1], *whole.shape[2:])
    return Place(shape, parent=whole, view=lambda array: array.reshape(shape))


def _slot(where: tuple[Any, ...]) -> Callable[[Array], Array]:
    return lambda whole: whole[(*where, ...)]


def _reshaped(shape: Sequence[int], view: View = lambda whole: whole) -> View:
    """`view`, with axes of length 1 more or less, or with rows cut into equal parts."""
    return lambda whole: view(whole).reshape(shape)


def _straight(place: Place, root: Place) -> bool:
    """Whether `place` is `root`, apart from axes of length 1."""
    if place is root:
        return True
    array, own = place.array, root.array
    sides = [
        [(n, s) for n, s in zip(a.shape, a.strides, strict=True) if n != 1] for a in (array, own)
    ]
    return array.size == own.size and sides[0] == sides[1]
