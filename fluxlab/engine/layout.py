"""How the small matrices of a plan lie in memory: row by row, or column by column.

The gates of a recurrent cell are columns of one matrix. Stored row by row, the cells of one gate
lie in short pieces, and whatever is done to them costs several times as much as on one stretch
of memory. So a matrix that is cut into columns is stored column by column, and with it all
matrices that meet it cell by cell; one that is cut into steps is stored step by step.
"""

from __future__ import annotations

import numpy as np

from fluxlab.engine.graph import ANYWHERE, Graph, Node
from fluxlab.engine.kinds import Elementwise, letters
from fluxlab.engine.places import Place
from fluxlab.engine.trace import Step

SMALL = 1 << 14  # cells; a larger matrix is not held up by its pieces


def turn(graph: Graph) -> None:
    """Store what is cut into columns column by column, and what meets it cell by cell."""
    near: dict[Place, set[Place]] = {p: set() for p, n in graph.makers.items() if _turnable(n)}
    near = {p: set() for p in near if all(s.op.name in ANYWHERE for s in _reshaping(graph, p))}
    found = [place for place in near if _cut_into_columns(graph, place)]
    for node in graph.nodes:
        if isinstance(node.op, Elementwise) or _joins_columns(node):
            for place in node.ins:
                if node.out in near and place.root in near:
                    near[node.out].add(place.root)
                    near[place.root].add(node.out)
    while found:
        place = found.pop()
        if not place.turned:
            place.turned = True
            found += near[place]


def part(graph: Graph) -> None:
    """Store what is cut into single steps step by step."""
    for place, steps in graph.views.items():
        node = graph.makers.get(place)
        cut = {_single(step) for step in steps}
        if node is None or not place.free or not place.loose or len(cut) > 1 or None in cut:
            continue
        readers = graph.readers.get(place, [])
        if not isinstance(node.op, Elementwise) or len(place.shape) != 3 or len(steps) < 3:
            continue
        whole_readers = [n for n in readers if any(p is place for p in n.ins)]
        if any(not isinstance(n.op, Elementwise) for n in whole_readers):
            continue
        (axis,) = cut
        assert axis is not None
        by_steps(place, axis)


def by_steps(place: Place, axis: int) -> None:
    """Store a matrix of three axes along `axis`, each step column by column."""
    n = place.shape[axis]
    rest = place.shape[:axis] + place.shape[axis + 1 :]
    whole = Place((n, *rest))
    whole.turned = True
    place.move(whole, lambda array: np.moveaxis(array, 0, axis))


def _turnable(node: Node) -> bool:
    out = node.out
    if not out.free or len(out.shape) != 2 or 1 in out.shape or out.size > SMALL or node.update:
        return False
    if node.op.name == "contract":
        (left, right), target = letters(node.params["signature"])
        shared = [c for c in left if c in right]
        return len(left) == len(right) == len(target) == 2 and len(shared) == 1
    return isinstance(node.op, Elementwise) or node.op.name == "concatenate"


def _reshaping(graph: Graph, place: Place) -> list[Step]:
    return [
        s for s in graph.views.get(place, [])
        if [n for n in s.inputs[0].shape if n > 1] != [n for n in s.output.shape if n > 1]
    ]  # fmt: skip


def _cut_into_columns(graph: Graph, place: Place) -> bool:
    slices = [s for s in graph.views.get(place, []) if s.op.name == "slice"]
    narrow = [s for s in slices if s.output.shape[-1] < place.shape[-1]]
    return bool(narrow) or _joins_columns(graph.makers[place])


def _joins_columns(node: Node) -> bool:
    return node.op.name == "concatenate" and node.params["axis"] == len(node.out.shape) - 1


def _single(step: Step) -> int | None:
    """The axis along which a slice takes one place; None: it does something else."""
    if step.op.name != "slice":
        return None
    shape = step.inputs[0].shape
    counts = [
        len(range(*slice(*p).indices(n))) if isinstance(p, tuple) else 1
        for p, n in zip(step.params["where"], shape, strict=False)
    ]
    cut = [axis for axis, (n, m) in enumerate(zip(counts, shape, strict=False)) if n != m]
    return cut[0] if len(cut) == 1 and counts[cut[0]] == 1 else None
