"""The dense layer: `a = x @ w + b`, `h = f(a)`."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import Activation, Initializer, layer
from fluxlab.engine.catalogue.activations import activation
from fluxlab.engine.catalogue.initializers import initial
from fluxlab.engine.core.matrix import Matrix


@layer
class Dense:
    """x (samples, inputs) to h (samples, neurons); w (inputs, neurons), b (1, neurons)."""

    neurons: int
    activation: Activation = "linear"
    initializer: Initializer = "xavier_uniform"

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        inputs, n = x.shape[-1], int(self.neurons)
        w = building.parameter(
            "w", lambda: initial(self.initializer, inputs, n, building.draw), (x.axes[-1], "neuron")
        )
        b = building.parameter("b", lambda: np.zeros((1, n)), (None, "neuron"))
        return dense(x, w, b, self.activation)


def dense(x: Matrix, w: Matrix, b: Matrix, function: str) -> Matrix:
    """One layer in the current scope; see `Dense`."""
    if x.scope != w.scope:
        x.trace.alias(f"{w.scope}/x", x)
    a: Matrix = (x @ w + b).named("a")
    h: Matrix = activation(function)(a)
    return h.named("h")
