"""Large rows of cells, swept block by block, so that what is computed stays in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from fluxlab.engine.core.numbers import Array
from fluxlab.engine.core.op import Call
from fluxlab.engine.running.passes.graph import Node
from fluxlab.engine.running.passes.places import Place

BLOCK = 1 << 15  # cells


def sweep(nodes: Sequence[Node], kept: set[Place]) -> list[Call]:
    """The calls of `nodes`, all on equally long rows; one block after the other if they are long.

    `kept` are the places that are read afterwards. What else comes and goes within the sweep has
    storage for one block only.
    """
    count = nodes[0].out.size
    if count <= BLOCK or not _in_step(nodes):
        return [call for node in nodes for call in node.calls()]
    blocks = -(-count // BLOCK)
    length = -(-count // blocks)
    passing = _passing(nodes, kept)
    arrays = {p: p.array for node in nodes for p in (*node.ins, node.out) if p not in passing}
    scratch = {place: np.empty(length) for place in passing}

    def part(start: int) -> dict[Place, Array]:
        stop = min(start + length, count)
        here = {p: a if a.ndim == 0 else a[start:stop] for p, a in arrays.items()}
        return here | {p: a[: stop - start] for p, a in scratch.items()}

    def bind(here: dict[Place, Array]) -> list[Call]:
        return [
            call
            for node in nodes
            for call in node.op.bind(here[node.out], [here[p] for p in node.ins], node.params)
        ]

    first = part(0)
    pattern = bind(first)
    calls, alike = list(pattern), all(_moves(call, first) for call in pattern)
    for start in range(length, count, length):
        here = part(start)
        if alike and start + length <= count:
            moved = {id(first[p]): here[p] for p in here}
            calls += [_moved(call, moved) for call in pattern if not _on_numbers(call)]
        else:
            calls += bind(here)
    return calls


def _passing(nodes: Sequence[Node], kept: set[Place]) -> set[Place]:
    """The places that only these nodes read and write, each as a whole."""
    here, used = set(nodes), {p for node in nodes for p in (*node.ins, node.out)}
    parts = {p.root for p in used if p.parent is not None}
    return {
        node.out
        for node in nodes
        if node.out.parent is None and node.out not in kept | parts and node.after <= here
    }


def _in_step(nodes: Sequence[Node]) -> bool:
    """Whether a block of what is written is read as that block only, not at another offset."""
    written = {node.out.root: node.out.array for node in nodes}
    read = [place for node in nodes for place in (*node.ins, node.out) if place.root in written]
    return all(
        place.array.__array_interface__ == written[place.root].__array_interface__ for place in read
    )


def _moves(call: Call, first: dict[Place, Array]) -> bool:
    """Whether the call can be made for another block by exchanging its arrays.

    So it can if each is one of `first` itself, or something that it keeps aside.
    """
    if not isinstance(call, partial) or not isinstance(call.func, np.ufunc):
        return False
    own = {id(a) for a in first.values()}
    others = [a for a in _arrays(call) if id(a) not in own]
    return not any(np.may_share_memory(a, f) for a in others for f in first.values())


def _moved(call: Call, to: dict[int, Array]) -> Call:
    """The same call on another block; what it keeps aside stays where it is."""
    assert isinstance(call, partial)
    args = [to.get(id(a), a) for a in call.args]
    return partial(call.func, *args, **{k: to.get(id(a), a) for k, a in call.keywords.items()})


def _on_numbers(call: Call) -> bool:
    """Whether the call computes a single number: once is enough."""
    return all(a.ndim == 0 for a in _arrays(call))


def _arrays(call: Call) -> list[Array]:
    assert isinstance(call, partial)
    return [a for a in (*call.args, *call.keywords.values()) if isinstance(a, np.ndarray)]
