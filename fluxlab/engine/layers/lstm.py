"""Long short-term memory: gates decide what the cell state c forgets, takes in and shows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.activations import sigmoid, tanh
from fluxlab.engine.catalogue.ops import multiply
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.layers.recurrent import Matrices, Recurrent, weights


@layer
class LSTM(Recurrent):
    """f, i, o = sigmoid(a), g = tanh(a); c = f c_before + i g; h = o tanh(c).

    a = x w + b + h_before u holds all four gates side by side, in the order f i o g: w
    (features, 4 neurons), u (neurons, 4 neurons), b (1, 4 neurons). Hochreiter and Schmidhuber
    (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).

    forget_bias : what b starts with for the forget gate; with 1 it remembers from the start.
    """

    forget_bias: float = 1.0
    states: ClassVar[tuple[str, ...]] = ("h", "c")

    def parameters(self, inputs: int, axis: str | None, building: Building) -> Matrices:
        n, rule = self.neurons, self.initializer
        return (
            building.parameter("w", lambda: weights(rule, inputs, n, 4, building), (axis, "gate")),
            building.parameter("u", lambda: weights(rule, n, n, 4, building), ("neuron", "gate")),
            building.parameter("b", lambda: bias(n, 4, self.forget_bias), (None, "gate")),
        )

    def step(self, x: Matrix, states: Matrices, parameters: Matrices) -> Matrices:
        (h, c), (w, u, b) = states, parameters
        a = ((x @ w + b).summand("a from x") + h @ u).named("a")
        n = self.neurons
        # One sigmoid for the three gates, side by side, is fewer calls than three.
        gates = sigmoid(a[:, : 3 * n].named("a of f i o")).named("gates")
        g = tanh(a[:, 3 * n :].named("a of g")).named("g", axes=h.axes)
        f, i, o = (part.named(name) for part, name in zip(split(gates, h), "fio", strict=True))
        c = (multiply(f, c).summand("kept") + multiply(i, g).summand("taken in")).named("c")
        return multiply(o, tanh(c).named("tanh c")).named("h"), c


def split(gates: Matrix, h: Matrix) -> Matrices:
    """Gates side by side, each of the size of h."""
    n = h.shape[1]
    parts = tuple(gates[:, k : k + n] for k in range(0, gates.shape[1], n))
    for part in parts:
        part.axes = h.axes
    return parts


def bias(neurons: int, gates: int, first: float) -> np.ndarray:
    """(1, gates * neurons): `first` for the gate that comes first, else 0."""
    start = np.zeros((1, gates * neurons))
    start[:, :neurons] = first
    return start
