"""The plain recurrent layer: what it says depends on x now and on what it said before."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import Activation, layer
from fluxlab.engine.catalogue.activations import activation
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.layers.recurrent import Matrices, Recurrent, weights


@layer
class RNN(Recurrent):
    """h = f(x w + b + h_before u); w (features, neurons), u (neurons, neurons), b (1, neurons).

    Elman (1990). The study book calls w U, u W, and h s; it has no b.
    """

    activation: Activation = "tanh"

    def parameters(self, inputs: int, axis: str | None, building: Building) -> Matrices:
        n, rule = self.neurons, self.initializer
        return (
            building.parameter(
                "w", lambda: weights(rule, inputs, n, 1, building), (axis, "neuron")
            ),
            building.parameter("u", lambda: weights(rule, n, n, 1, building), ("neuron", "neuron")),
            building.parameter("b", lambda: np.zeros((1, n)), (None, "neuron")),
        )

    def step(self, x: Matrix, states: Matrices, parameters: Matrices) -> Matrices:
        (h,), (w, u, b) = states, parameters
        a = ((x @ w + b).summand("a from x") + h @ u).named("a")
        return (activation(self.activation)(a).named("h"),)
