"""Hebb's rule: neurons that fire together, wire together."""

from __future__ import annotations

from typing import Any

import numpy as np

from fluxlab.engine.building.building import keep
from fluxlab.engine.catalogue.ops import add, divide, multiply, sum
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.data.preprocessor import samples_of
from fluxlab.engine.readers.backward import check_learning_rate
from fluxlab.engine.running.history import History
from fluxlab.engine.tracing import Trace


def hebb(inputs: Any, w: Any, *, learning_rate: float = 0.1) -> Trace:
    """Hebb's rule (1949) as a trace: `w[new] = w + learning rate * (x.T @ y) / samples`.

    Parameters
    ----------
    inputs : (samples, features), the activity of the neurons before the synapses.
    w : (features, neurons), the strengths to start from.

    `together` is how strongly each pair fired at the same time, on average over the samples.
    There is no target and no error: nothing holds the weights back, and they grow without end.
    With C = -(sum of y^2) / (2 samples) the rule is gradient descent, dC_dw = -together.
    """
    x, start = samples_of("hebb", "inputs", inputs), samples_of("hebb", "w", w)
    if x.shape[1] != len(start):
        raise BadInput(
            f"hebb: w must have one row for each of the {x.shape[1]} features, got "
            f"{size(start.shape)}."
        )
    rate = check_learning_rate("hebb", learning_rate)
    samples = float(len(x))
    trace = Trace(f"{start.shape[0]}-{start.shape[1]} Hebb network")
    X = trace.input("x", x, axes=("sample", "feature"))
    W = trace.input("w", start, "parameter", axes=("feature", "neuron"))
    y = (X @ W).named("y")
    total = sum((y**2).named("y squared")).named("sum of squares")
    trace.finish(divide(total, -2 * samples))
    trace.backward()
    with trace.recording("update", ""):
        eta = trace.input("learning rate", rate)
        fired = (X.T.named("x turned") @ y).named("fired together")
        together = divide(fired, X.number("samples", samples)).named("together")
        keep(W, add(W, multiply(eta, together).named("change of w", axes=W.axes)))
    trace.history = History(trace)
    return trace


def EXAMPLE() -> Trace:
    """Four moments of three neurons; the first two fire together, the third against them."""
    x = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 0.5]])
    return hebb(x, [[0.3, 0.1], [0.2, -0.2], [0.1, 0.4]], learning_rate=0.1)
