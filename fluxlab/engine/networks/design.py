"""Any list of layers with a cost: forward, backward and update of one (mini-)batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any

import numpy as np

from fluxlab.engine.building.building import Building, computed
from fluxlab.engine.building.optimizers import Adam, record_optimizer
from fluxlab.engine.catalogue import ops
from fluxlab.engine.catalogue.activations import activation
from fluxlab.engine.catalogue.losses import CLASS_COSTS
from fluxlab.engine.catalogue.losses import cost as cost_named
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.core.scopes import no_scope, scope
from fluxlab.engine.running.history import History
from fluxlab.engine.tracing import Trace

Layer = Callable[[Matrix, Building], Matrix]
AXES: dict[int, tuple[str | None, ...]] = {
    2: ("sample", "feature"),
    3: ("sample", "step", "feature"),
    4: ("sample", "channel", "row", "column"),
}


@dataclass(frozen=True)
class Design:
    """Everything about a network but its numbers.

    own_target : the target is the input itself, held: an autoencoder.
    frozen : parameters that do not learn: layers, matrices, or letters, which mean all of a kind.
    """

    layers: Sequence[Layer]
    cost: str = "mse"
    optimizer: Any = field(default_factory=Adam)
    schedule: Any = None
    regularizers: Sequence[Any] = ()
    clip: Any = None
    batch: int | None = None
    shuffle: bool = True
    seed: int = 0
    own_target: bool = False
    frozen: Sequence[str] = ()


@no_scope()
def learning(design: Design, x: Any, target: Any, values: dict[str, Array], title: str) -> Trace:
    """One iteration: batch, forward, backward, update. x (samples, features), or more axes."""
    trace = Trace(title)
    building = Building(trace, True, values, np.random.default_rng(design.seed), design.seed)
    with trace.recording("forward", ""):
        h, wanted = _data(design, building, x, target)
    with trace.recording("forward"):
        h = _layers(design, building, h)
        if all(m.kind != "parameter" for m in trace.inputs):
            raise BadInput(
                "Network: none of its layers has weights, so there is nothing to learn. Add one "
                "that has, such as Dense(1)."
            )
        _name_output(trace, h)
        with scope("cost"):
            cost = _cost(design, building, h, wanted, target)
            for regularizer in design.regularizers:
                for w in [m for m in trace.inputs if m.kind == "parameter" and m.local == "w"]:
                    name = f"{type(regularizer).__name__} of {w.scope}"
                    penalty = computed("a regularizer", regularizer(w)).named(name)
                    cost = cost.summand("cost so far") + penalty
    trace.rename(cost, "C", scope="")
    trace.finish(cost)
    trace.result = h
    trace.backward()
    record_optimizer(
        trace, design.optimizer, _learned(design, trace), schedule=design.schedule,
        clip=design.clip, later=building.later, values=values,
    )  # fmt: skip
    trace.history = History(trace)
    return trace


def _learned(design: Design, trace: Trace) -> list[str]:
    """The names of the parameters that learn."""
    every = [m for m in trace.inputs if m.kind == "parameter"]
    for name in design.frozen:
        if not any(_is_meant(name, m) for m in every):
            raise BadInput(
                f"Network: frozen names {name!r}, and there is no such parameter. Give a layer "
                f"such as 'layer 1', a matrix such as {every[0].name!r}, or a letter for all such "
                f"as {every[-1].local!r}."
            )
    left = [m.name for m in every if not any(_is_meant(name, m) for name in design.frozen)]
    if not left:
        raise BadInput("Network: every parameter is frozen, so there is nothing to learn.")
    return left


def _is_meant(name: str, matrix: Matrix) -> bool:
    return name in (matrix.name, matrix.local) or matrix.name.startswith(f"{name}/")


@no_scope()
def evaluated(design: Design, x: Any, target: Any, values: dict[str, Array]) -> float:
    """The cost on other data, without penalties, as it is when predicting."""
    trace = Trace("evaluation")
    building = Building(trace, False, values, np.random.default_rng(0), design.seed)
    with trace.recording("forward"):
        h = _layers(design, building, trace.input("x", x, axes=axes_of(x)))
        wanted = trace.input("target", target)
        trace.finish(_cost(design, building, h, wanted, target))
    return float(trace.cost.value)


@no_scope()
def predicting(design: Design, x: Any, values: dict[str, Array], linked: bool = True) -> Trace:
    """The forward pass alone, as it is when predicting.

    With a cost on logits `y` holds probabilities, unless `linked` is False.
    """
    trace = Trace("prediction")
    trace.finish(predicted(design, trace, x, values, linked))
    return trace


def predicted(
    design: Design, trace: Trace, x: Any, values: dict[str, Array], linked: bool = True
) -> Matrix:
    """y, with the steps that lead to it recorded in `trace`; see `predicting`."""
    building = Building(trace, False, values, np.random.default_rng(0), design.seed)
    with trace.recording("forward"):
        h = _layers(design, building, trace.input("x", x, axes=axes_of(x)))
        link = getattr(cost_named(design.cost), "link", None)
        if link is not None and linked:
            h = activation(link)(h)
        if h.step is None:
            h = ops.same(h)
    trace.alias("y", h)
    return h


def _data(design: Design, building: Building, x: Any, target: Any) -> tuple[Matrix, Matrix]:
    """x and target of this iteration: all rows, or the rows of a mini-batch."""
    trace, count, size = building.trace, len(x), design.batch
    if size is None or size >= count:
        h = trace.input("x", x, axes=axes_of(x))
        if design.own_target:
            return h, ops.hold(h).named("target", wants_gradient=False)
        wanted = trace.input("target", target, axes=axes_of(target, last="output"))
        wanted.wants_gradient = False
        return h, wanted
    whole = trace.input("all x", x, "data", axes_of(x, "row"))
    whole.wants_gradient = False
    iteration = building.iteration
    chosen = ops.batch_rows(iteration, count, size, design.seed, design.shuffle).named("batch")
    if count % size:
        building.real = ops.batch_is_real(iteration, count, size).named("real")
        building.real.wants_gradient = False
    h = ops.rows(whole, chosen).named("x", axes=axes_of(x))
    if design.own_target:
        return h, ops.hold(h).named("target", wants_gradient=False)
    answers = trace.input("all targets", target, "data", axes_of(target, "row", "output"))
    answers.wants_gradient = False
    wanted = ops.rows(answers, chosen).named("target", axes=axes_of(target, last="output"))
    wanted.wants_gradient = False
    return h, wanted


def axes_of(data: Any, first: str = "sample", last: str | None = None) -> tuple[str | None, ...]:
    """What the axes of (samples, ...) count."""
    names = AXES.get(np.ndim(data), ("sample", *[None] * (np.ndim(data) - 1)))
    return (first, *names[1:-1], last or names[-1])


def _layers(design: Design, building: Building, h: Matrix) -> Matrix:
    trace = building.trace
    for number, layer in enumerate(design.layers, 1):
        with scope(f"layer {number}"):
            if number == 1:
                trace.rename(h, "x", scope="layer 1")
                trace.alias("x", h)
            h = computed(f"layer {number}", building.through(layer, h))
    return h


def _name_output(trace: Trace, h: Matrix) -> None:
    trace.alias("y", h)
    trace.alias("cost/y", h)


def _cost(design: Design, building: Building, h: Matrix, wanted: Matrix, target: Any) -> Matrix:
    """The cost of the output h, over all that counts."""
    counted = _counted(building, wanted, target, design.cost)
    average = ops.mean if counted is None else partial(_counted_mean, counted)
    cost: Matrix = cost_named(design.cost)(h, wanted, average)
    return cost


def _counted(building: Building, wanted: Matrix, target: Any, cost: str) -> Matrix | None:
    """1 where a cost counts, 0 in what only fills a batch or a sequence, or has no target.

    (samples, 1, ...), or (samples, ..., 1) if some steps do not count; None if all count.
    """
    real, steps = building.real, building.steps
    if real is not None and len(wanted.shape) > 2:
        real = ops.reshape(real, (-1, *[1] * (len(wanted.shape) - 1)))
        real.named("real rows", wants_gradient=False)
    factors = [] if real is None else [real]
    if steps is not None and len(wanted.shape) == 3 and steps.shape == wanted.shape[:2]:
        there = ops.reshape(steps, (*steps.shape, 1))
        factors.append(there.named("real steps", wants_gradient=False))
    if cost in CLASS_COSTS and not np.all(np.any(target, axis=-1)):
        largest = ops.max(wanted, axis=-1, keepdims=True).named("largest target")
        factors.append((largest > 0).named("has a target", wants_gradient=False))
    if not factors:
        return None
    counted = reduce(lambda some, more: ops.multiply(some, more).named("counted"), factors)
    counted.wants_gradient = False
    return counted


def _counted_mean(counted: Matrix, each: Matrix) -> Matrix:
    """The mean over the cells that count; 0 if none does."""
    cells = np.prod(each.shape) / np.prod(counted.shape)
    what = each.local
    summed = ops.sum(ops.multiply(counted, each).named(f"counted {what}")).named(f"total {what}")
    rows = ops.maximum(ops.sum(counted).named("rows counted"), 1.0).named("rows, at least 1")
    width = rows.number("cells of a row", float(cells))
    count = (rows * width).named("cells that count", wants_gradient=False)
    found: Matrix = summed / count
    return found
