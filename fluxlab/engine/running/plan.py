"""The plan: keep only what is wanted, bind every call once, replay without allocating."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial
from itertools import groupby

import numpy as np

from fluxlab.engine.core.matrix import Matrix, Step
from fluxlab.engine.core.memory import Running, nothing_to_collect
from fluxlab.engine.core.op import Call
from fluxlab.engine.core.trace import Trace
from fluxlab.engine.running.passes.fusion import PASSES, update_at_once
from fluxlab.engine.running.passes.graph import Graph
from fluxlab.engine.running.passes.places import Place
from fluxlab.engine.running.passes.sweep import sweep


class Plan:
    """A pruned, bound list of calls that computes `wanted` in place, again and again.

    Parameters
    ----------
    wanted : the matrices that must be right afterwards; steps that none of them needs are left out.
    carry : {old: new}: after each replay `old` has the value of `new`, ready for the next one.

    The numbers are those of the trace, apart from the order in which a sum adds up; see `fusion`.
    Inputs, and what is wanted, live in the trace's own buffers; all else lives where it is
    computed fastest. Parameters may be laid side by side: the trace gets them back at the end of
    a run. A plan holds for the trace's fixed shapes; other values (a batch, a mask) are set on
    the inputs.
    """

    @nothing_to_collect()
    def __init__(
        self, trace: Trace, wanted: Iterable[Matrix], carry: dict[Matrix, Matrix] | None = None
    ) -> None:
        carry, wanted = carry or {}, set(wanted)
        self.trace = trace
        self.steps = prune(trace, [*wanted, *carry.values()])
        graph = Graph(self.steps, wanted)
        late, asked = [], Counter([*wanted, *carry.values()])
        for old, new in carry.items():
            if asked[new] == 1 and may_overwrite(graph, old, new):
                graph.overwrite(old, new)
            else:
                late.append((old, new))
        olds = [graph.places[old] for old in carry if old in graph.places]
        for place in olds:
            place.free = True  # only while the updates are laid side by side
        update_at_once(graph)
        for place in olds:
            place.free = False
        for improve in PASSES:
            improve(graph)
        self._lent = [
            (old.buffer, graph.places[old].array)  # the trace's, the plan's own
            for old in carry
            if old in graph.places and graph.places[old].parent is not None
        ]
        kept = {p.root for p in olds} | {graph.places[new].root for _, new in late}
        self.calls = bind(graph, kept)
        for old, new in late:
            target = graph.places[old].array if old in graph.places else old.buffer
            self.calls.append(partial(np.copyto, target, graph.places[new].array))

    def run(self, count: int = 1) -> int:
        """Replay `count` times; returns how many were completed.

        A KeyboardInterrupt leaves the iteration that it struck half done; `History.advance`
        puts that right, so call it rather than this.
        """
        calls = self.calls
        self.done = 0
        for theirs, own in self._lent:
            own[...] = theirs
        with Running():
            for self.done in range(1, count + 1):
                for call in calls:
                    call()
        for theirs, own in self._lent:
            theirs[...] = own
        return self.done


def prune(trace: Trace, wanted: Iterable[Matrix]) -> list[Step]:
    """The steps that `wanted` depends on, without those that only constants feed."""
    needed: set[Matrix] = set(wanted)
    kept = []
    varies = _varying(trace)
    for step in reversed(trace.steps):
        if step.output in needed and step.output in varies:
            kept.append(step)
            needed.update(step.inputs)
    return kept[::-1]


def _varying(trace: Trace) -> set[Matrix]:
    """The matrices that depend on an input; the others are computed once and for all."""
    varies = set(trace.inputs)
    for step in trace.steps:
        if not varies.isdisjoint(step.inputs):
            varies.add(step.output)
    return varies


def may_overwrite(graph: Graph, old: Matrix, new: Matrix) -> bool:
    """Whether `new` may be written straight into `old`: nobody reads `old` afterwards.

    Within its own step neither: a descent step reads w once, and last; others, such as elu,
    read their input again after they have begun to write.
    """
    step = new.step
    assert step is not None
    if all(m is not old for m in step.inputs) or not writes_after_reading(step, old):
        return False
    return all(node.at <= step.number for node in graph.readers[graph.places[old]])


def writes_after_reading(step: Step, old: Matrix) -> bool:
    """Whether the step's output may be stored where its input `old` is.

    That is so where it works cell by cell, and no call reads `old` after one has begun to write.
    """
    out = step.output.buffer
    others = [m for m in step.inputs if m is not old]
    if out.shape != old.shape or any(np.shares_memory(m.buffer, old.buffer) for m in others):
        return False
    writing = False
    for call in step.calls:
        if not isinstance(call, partial) or not isinstance(call.func, np.ufunc):
            return False
        *sources, target = *call.args, *call.keywords.values()
        if writing and any(a is old.buffer for a in sources):
            return False
        writing = writing or target is out
    return True


def bind(graph: Graph, kept: set[Place]) -> list[Call]:
    """The calls of all nodes in their order; `kept` are places that are read afterwards."""
    ordered = graph.ordered()
    rows = [node for node in ordered if node.flat]
    if any(not other.flat for node in rows for other in node.after):
        rows = []
    late = set(rows)
    calls = [call for node in ordered if node not in late for call in node.calls()]
    for _, run in groupby(rows, key=lambda node: node.out.size):
        calls += sweep(list(run), kept)
    return calls
