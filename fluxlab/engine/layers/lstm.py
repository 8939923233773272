"""Long short-term memory: gates decide what the cell state c forgets, takes in and shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fluxlab.engine.activations import sigmoid, tanh
from fluxlab.engine.building import Building
from fluxlab.engine.layers.recurrent import Recurrent, States, weights
from fluxlab.engine.ops import multiply
from fluxlab.engine.trace import Matrix


@dataclass(frozen=True)
class LSTM(Recurrent):
    """f, i, o = sigmoid(a), g = tanh(a); c = f c_before + i g; h = o tanh(c).

    a = x w + b + h_before u holds all four gates side by side, in the order f i o g: w
    (features, 4 neurons), u (neurons, 4 neurons), b (1, 4 neurons). Hochreiter and Schmidhuber
    (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).

    forget_bias : what b starts with for the forget gate; 1 lets it remember from the start.
    """

    forget_bias: float = 1.0
    states: ClassVar[tuple[str, ...]] = ("h", "c")

    def parameters(self, x: Matrix, building: Building) -> States:
        inputs, n, rule = x.shape[-1], self.neurons, self.initializer
        return (
            building.parameter(
                "w", lambda: weights(rule, inputs, n, 4, building), (x.axes[-1], "gate")
            ),
            building.parameter("u", lambda: weights(rule, n, n, 4, building), ("neuron", "gate")),
            building.parameter("b", lambda: bias(n, self.forget_bias), (None, "gate")),
        )

    def step(self, x: Matrix, states: States, parameters: States) -> States:
        (h, c), (w, u, b) = states, parameters
        a = (x @ w + b + h @ u).named("a")
        n = self.neurons
        gates = sigmoid(a[:, : 3 * n].named("a of f i o")).named("gates")
        g = tanh(a[:, 3 * n :].named("a of g")).named("g", axes=h.axes)
        f, i, o = (
            gates[:, k * n : (k + 1) * n].named(name, axes=h.axes) for k, name in enumerate("fio")
        )
        c = (multiply(f, c) + multiply(i, g)).named("c")
        return multiply(o, tanh(c).named("tanh c")).named("h"), c


def bias(neurons: int, forget: float) -> np.ndarray:
    """(1, 4 neurons): `forget` for the forget gate, which comes first, else 0."""
    return np.concatenate([np.full((1, neurons), forget), np.zeros((1, 3 * neurons))], axis=1)
