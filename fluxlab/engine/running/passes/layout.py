"""How the small matrices of a plan lie in memory: row by row, or column by column.

The gates of a recurrent cell are columns of one matrix. Stored row by row, the cells of one gate
lie in short pieces, and whatever is done to them costs several times as much as on one stretch
of memory. So a matrix that is cut into columns is stored column by column, and with it all
matrices that meet it cell by cell; one that is cut into steps is stored step by step.
"""

from __future__ import annotations

import numpy as np

from fluxlab.engine.core.kinds import Elementwise
from fluxlab.engine.core.kinds.contraction import letters
from fluxlab.engine.core.matrix import Step
from fluxlab.engine.core.numbers import Array, Shape
from fluxlab.engine.running.passes.graph import Graph, Node, plain
from fluxlab.engine.running.passes.places import Place, View

SMALL = 1 << 14  # cells; a larger matrix is not held up by its pieces


def turn(graph: Graph) -> None:
    """Store what is cut into columns column by column, and what meets it cell by cell."""
    near: dict[Place, set[Place]] = {p: set() for p, n in graph.makers.items() if _turnable(n)}
    near = {p: set() for p in near if p not in graph.rigid}
    found = [place for place in near if _cut_into_columns(graph, place)]
    for node in graph.nodes:
        out = node.out
        if out in near and (isinstance(node.op, Elementwise) or _joins_columns(node)):
            for root in [place.root for place in node.ins]:
                if root in near:
                    near[out].add(root)
                    near[root].add(out)
    while found:
        place = found.pop()
        if not place.turned:
            place.turned = True
            found += near[place]


def part(graph: Graph) -> None:
    """Store (samples, steps, columns) that is cut into steps step by step."""
    for place, node in graph.makers.items():
        if place.free and isinstance(node.op, Elementwise) and len(place.shape) == 3:
            samples, steps, columns = place.shape
            moves = as_steps(graph, place, place.shape)
            if moves is not None and len(moves) > 1:
                whole = Place((steps, samples, columns))
                whole.turned = True
                for moved, view in moves:
                    moved.move(whole, view)


def as_steps(graph: Graph, root: Place, shape: Shape) -> list[tuple[Place, View]] | None:
    """How to find a matrix and its views if it is stored step by step, (steps, samples, columns).

    shape : (samples, steps, columns); the matrix has it, or all steps side by side in its rows.
    None : something needs the cells of a row side by side.
    """
    samples, steps, columns = shape
    wide, left = (samples, steps * columns), [root]
    moves: list[tuple[Place, View]] = []
    unseen = set(graph.rigid.get(root, ()))
    while left:
        place = left.pop()
        readers = [n for n in graph.readers.get(root, []) if any(p is place for p in n.ins)]
        views = graph.views.get(place, [])
        if place.shape == shape:
            if not all(isinstance(n.op, Elementwise) for n in readers):
                return None
            moves.append((place, _steps_second))
            views = [step for step in views if not plain(step)]
        elif place.shape == wide:
            if readers:
                return None
            for step in [s for s in views if s.op.name == "slice"]:
                number = _number(step, columns)
                if number is None:
                    return None
                moves.append((graph.places[step.output], _step(number)))
            views = [step for step in views if step.op.name != "slice"]
        else:
            return None
        left += [graph.places[step.output] for step in views]
        unseen -= set(views)
    return None if unseen else moves


def _steps_second(whole: Array) -> Array:
    return np.moveaxis(whole, 0, 1)


def _step(number: int) -> View:
    return lambda whole: whole[number]


def _number(step: Step, columns: int) -> int | None:
    """Which of several equally wide blocks of columns a slice takes; None: another part."""
    where = step.params["where"]
    if len(where) != 2 or where[0] != (None, None, None) or not isinstance(where[1], tuple):
        return None
    taken = range(*slice(*where[1]).indices(step.inputs[0].shape[1]))
    whole = taken.step == 1 and len(taken) == columns and taken.start % columns == 0
    return taken.start // columns if whole else None


def _turnable(node: Node) -> bool:
    out = node.out
    if not out.free or len(out.shape) != 2 or 1 in out.shape or out.size > SMALL or node.update:
        return False
    if node.op.name == "contract":
        (left, right), target = letters(node.params["signature"])
        shared = [c for c in left if c in right]
        return len(left) == len(right) == len(target) == 2 and len(shared) == 1
    return isinstance(node.op, Elementwise) or node.op.name == "concatenate"


def _cut_into_columns(graph: Graph, place: Place) -> bool:
    slices = [s for s in graph.views.get(place, []) if s.op.name == "slice"]
    narrow = [s for s in slices if s.output.shape[-1] < place.shape[-1]]
    return bool(narrow) or _joins_columns(graph.makers[place])


def _joins_columns(node: Node) -> bool:
    return node.op.name == "concatenate" and node.params["axis"] == len(node.out.shape) - 1
