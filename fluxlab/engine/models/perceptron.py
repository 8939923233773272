"""The perceptron and its learning rule: one sample at a time, and only mistakes change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fluxlab.engine.building.building import iteration_of, keep
from fluxlab.engine.catalogue import ops
from fluxlab.engine.catalogue.activations import threshold
from fluxlab.engine.catalogue.ops import absolute, add, batch_rows, multiply, rows, subtract, sum
from fluxlab.engine.core.errors import BadInput, counted, size
from fluxlab.engine.core.numbers import is_number
from fluxlab.engine.core.pairs import check_rows
from fluxlab.engine.data.bits import gate
from fluxlab.engine.data.preprocessor import samples_of
from fluxlab.engine.readers.backward import check_learning_rate
from fluxlab.engine.running.history import History
from fluxlab.engine.tracing import Trace


def perceptron(
    inputs: Any, targets: Any, *, learning_rate: float = 1.0, w: Any = None, b: float = 0.0,
    fires_at_0: bool = False,
) -> Trace:  # fmt: skip
    """Rosenblatt's perceptron (1958) as a trace; one iteration learns from one sample.

    Parameters
    ----------
    inputs : (samples, features). targets : (samples, 1), each 0 or 1.
    w, b : where it starts, (features, 1) and one number; default zeros.
    fires_at_0 : y is 1 where a >= 0, as some books have it.

    Forward, for all samples: `a = x @ w + b`, `y` is 1 where a > 0, `error = target - y`, and C
    counts the wrong answers. Backward: all gradients are 0, because the threshold is flat; that
    is why the perceptron needs a rule of its own. Update, from sample k (in order, again and
    again): `w[new] = w + learning rate * error_k * x_k`, and b likewise.
    """
    check_rows("perceptron", "inputs", inputs, "targets", targets)
    x = samples_of("perceptron", "inputs", inputs)
    target = samples_of("perceptron", "targets", targets)
    if target.shape != (len(x), 1) or not np.isin(target, (0.0, 1.0)).all():
        raise BadInput(
            f"perceptron: targets must hold one 0 or 1 for each of the {len(x)} samples, "
            f"({len(x)}, 1); got {size(target.shape)}."
        )
    start = np.zeros((x.shape[1], 1)) if w is None else samples_of("perceptron", "w", w)
    if start.shape != (x.shape[1], 1):
        raise BadInput(f"perceptron: w must be {size((x.shape[1], 1))}, got {size(start.shape)}.")
    if not is_number(b):
        raise BadInput(f"perceptron: b must be one number, got {b!r}.")
    if not isinstance(fires_at_0, bool):
        raise BadInput(f"perceptron: fires_at_0 must be True or False, got {fires_at_0!r}.")
    rate = check_learning_rate("perceptron", learning_rate)
    trace = Trace(f"{x.shape[1]}-1 perceptron")
    X = trace.input("x", x, axes=("sample", "feature"))
    T = trace.input("target", target, axes=("sample", "neuron"))
    T.wants_gradient = False
    W = trace.input("w", start, "parameter", axes=("feature", "neuron"))
    B = trace.input("b", [[float(b)]], "parameter", axes=(None, "neuron"))
    a = add(X @ W, B).named("a")
    if fires_at_0:
        below = threshold(ops.negate(a).named("minus a")).named("is below 0")
        y = subtract(below.number("1", 1.0), below).named("y")
    else:
        y = threshold(a).named("y")
    error = subtract(T, y).named("error")
    trace.finish(sum(absolute(error).named("wrong")))
    trace.backward()
    iteration = iteration_of(trace)
    with trace.recording("update", ""):
        eta = trace.input("learning rate", rate)
        turn = batch_rows(iteration, len(x), 1, 0, shuffle=False).named("sample k")
        x_k = rows(X, turn).named("x of sample k", axes=("sample", "feature"))
        error_k = rows(error, turn).named("error of sample k", axes=("sample", "neuron"))
        step = multiply(eta, error_k).named("change of b")
        column = x_k.T.named("x of sample k as a column")
        keep(W, add(W, (column @ step).named("change of w", axes=W.axes)))
        keep(B, add(B, step))
        keep(iteration, add(iteration, 1.0))
    trace.history = History(trace)
    return trace


@dataclass(frozen=True)
class Outcome:
    """How learning by the perceptron's rule ends.

    epochs : passes through the data until every answer is right; None if that never comes.
    cycle : (first, length) in epochs: after `first` epochs the weights are the same as `length`
        epochs later, so they go round for ever; None if they do not.
    tried : epochs that were run.
    """

    epochs: int | None
    cycle: tuple[int, int] | None
    tried: int

    def __str__(self) -> str:
        if self.epochs is not None:
            return f"Every answer is right after {counted(self.epochs, 'epoch')}."
        if self.cycle is not None:
            first, length = self.cycle
            return (
                f"It never ends: the weights after epoch {first + length} are those after epoch "
                f"{first}, so they go round for ever, {counted(length, 'epoch')} each time."
            )
        return f"Undecided after {self.tried} epochs: wrong answers are left, no cycle was seen."


def settle(trace: Trace, most: int = 10_000) -> Outcome:
    """Learn by the rule until all answers are right, or the weights repeat, or `most` epochs.

    The weights alone decide what an epoch does to them, so if they return, they cycle for ever.
    With whole inputs and a learning rate of 1 all weights are whole and the answer is exact. Where
    a line separates the classes it is found (Novikoff, 1962); else the weights stay bounded (the
    perceptron cycling theorem). The trace is left where it ended.
    """
    if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 1:
        raise BadInput(f"settle: most must be a whole number of epochs, 1 or more, got {most!r}.")
    history = trace.history if isinstance(trace, Trace) else None
    if history is None or "error of sample k" not in trace:
        raise BadInput("settle: it takes a perceptron, as made by fl.perceptron(inputs, targets).")
    samples = trace["x"].shape[0]
    history.advance(-history.iteration % samples)  # to the start of an epoch
    seen: dict[bytes, int] = {}
    trace.run()
    for epoch in range(most + 1):
        if float(trace.cost.value) == 0:
            return Outcome(epoch, None, epoch)
        # Adding 0 makes -0 and 0 the same bytes.
        weights = (trace["w"].value + 0.0).tobytes() + (trace["b"].value + 0.0).tobytes()
        if weights in seen:
            return Outcome(None, (seen[weights], epoch - seen[weights]), epoch)
        seen[weights] = epoch
        if epoch < most:
            history.advance(samples)
    return Outcome(None, None, most)


def EXAMPLE() -> Trace:
    """A perceptron on the way to AND, after its first epoch."""
    made = perceptron(*gate("and"), learning_rate=0.5, w=[[0.3], [-0.7]], b=0.15)
    assert made.history is not None
    made.history.advance(4)
    return made
