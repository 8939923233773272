"""The dense layer: `a = x @ w + b`, `h = f(a)`."""

from __future__ import annotations

from fluxlab.engine.activations import activation
from fluxlab.engine.trace import Matrix


def dense(x: Matrix, w: Matrix, b: Matrix, function: str) -> Matrix:
    """One layer in the current scope.

    x (samples, inputs), w (inputs, neurons), b (1, neurons); returns h (samples, neurons).
    """
    if x.scope != w.scope:
        x.trace.alias(f"{w.scope}/x", x)
    a: Matrix = (x @ w + b).named("a")
    h: Matrix = activation(function)(a)
    return h.named("h")
