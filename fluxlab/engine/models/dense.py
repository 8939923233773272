"""A network of dense layers with the mean squared error: FLUX's own kind."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from fluxlab.engine.layers.dense import dense
from fluxlab.engine.losses import mse
from fluxlab.engine.op import Array
from fluxlab.engine.trace import Trace, scope


def build(
    x: Any,
    target: Any,
    parameters: Sequence[tuple[Array, Array]],
    activations: Sequence[str],
    title: str,
) -> Trace:
    """Record the forward pass. x (samples, features), target (samples, outputs).

    `parameters` holds each layer's (w, b), shapes (inputs, neurons) and (1, neurons).
    """
    trace = Trace(title)
    h = trace.input("x", x, axes=("sample", "feature"))
    for number, ((w, b), function) in enumerate(zip(parameters, activations, strict=True), 1):
        with scope(f"layer {number}"):
            weights = trace.input("w", w, "parameter", (h.axes[1], "neuron"))
            bias = trace.input("b", b, "parameter", (None, "neuron"))
            if number == 1:
                trace.rename(h, "x", scope=f"layer {number}")
            h = dense(h, weights, bias, function)
    wanted = trace.input("target", target, axes=("sample", "output"))
    wanted.wants_gradient = False
    trace.alias("x", trace["layer 1/x"])
    trace.alias("y", h)
    trace.alias("cost/y", h)
    with scope("cost"):
        cost = mse(h, wanted)
    trace.rename(cost, "C", scope="")
    trace.finish(cost)
    trace._result = h
    return trace


def EXAMPLE() -> Trace:
    """3-4-2, five samples, tanh and sigmoid, with its backward pass and update."""
    draw = np.random.default_rng(3)
    sizes = [3, 4, 2]
    parameters = [
        (draw.normal(size=(m, n)), draw.normal(size=(1, n)) / 2) for m, n in pairwise(sizes)
    ]
    target = (draw.random((5, 2)) > 0.5) * 1.0
    trace = build(
        draw.normal(size=(5, 3)), target, parameters, ["tanh", "sigmoid"], "3-4-2 network"
    )
    trace.descend(learning_rate=0.5)
    return trace
