"""One neuron: three inputs, a weighted sum, a sigmoid, and how far it is from its target."""

from __future__ import annotations

from fluxlab.engine.catalogue.activations import sigmoid
from fluxlab.engine.catalogue.losses import mse
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.tracing import Trace, trace


def neuron(x: Matrix, w: Matrix, b: Matrix, target: Matrix) -> Matrix:
    """x (samples, 3), w (3, 1), b (1, 1), target (samples, 1); returns the cost."""
    a = x @ w + b
    h = sigmoid(a)
    C: Matrix = mse(h, target)
    return C


def EXAMPLE() -> Trace:
    """Two samples, with the backward pass and the update."""
    made = trace(
        neuron, x=[[1.0, 2.0, -1.0], [0.5, -0.5, 3.0]], w=[[0.4], [-0.3], [0.2]], b=[[0.1]],
        target=[[1.0], [0.0]],
    )  # fmt: skip
    made.descend("w", "b", learning_rate=1.0)
    return made
