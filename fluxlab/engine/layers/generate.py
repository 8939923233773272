"""From one vector to a sequence: each output is the next step's input."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import Activation, layer
from fluxlab.engine.catalogue.activations import activation
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.recurrent import Recurrent, joined, weights


@layer
class Generate:
    """x (samples, neurons) to y (samples, steps, outputs).

    x is the state h before the first step; y_0 is 0. In each step the layer's cell makes h from
    the output before, and y = f(h v + b_y), with v (neurons, outputs) and b_y (1, outputs). After
    a dense layer it is one-to-many; after a recurrent layer that gives its last h it is the
    decoder of an encoder and decoder, and the sequences may have different lengths (Cho and
    others, 2014; Sutskever, Vinyals and Le, 2014). It learns from its own outputs, as it predicts;
    `EncoderDecoder` is told the true answer while it learns.

    layer : a recurrent layer such as GRU(8); the encoder's state must have its size.
    """

    layer: Recurrent
    steps: int
    outputs: int
    activation: Activation = "linear"

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        if not isinstance(self.layer, Recurrent):
            raise BadInput(
                f"Generate: layer must be a recurrent layer such as GRU(8), got {self.layer!r}."
            )
        cell, n, outputs = self.layer, self.layer.neurons, self.outputs
        if cell.window is not None or cell.masked or cell.reverse:
            raise BadInput(
                f"Generate: {cell!r} reads its own outputs, from the first step on; window, masked "
                "and reverse mean nothing here, so leave them out."
            )
        if len(x.shape) != 2 or x.shape[1] != n:
            raise BadInput(
                f"Generate: x must be (samples, {n}), the first state of {cell!r}; got "
                f"{size(x.shape)}. A recurrent layer before it needs sequence=False."
            )
        parameters = cell.parameters(outputs, "output", building)
        v = building.parameter(
            "v", lambda: weights(cell.initializer, n, outputs, 1, building), ("neuron", "output")
        )
        b = building.parameter("b_y", lambda: np.zeros((1, outputs)), (None, "output"))
        x.trace.alias(f"{v.scope}/x", x)
        states = (x, *cell.start(x, cell.states[1:]))
        y = x.trace.constant(np.zeros((x.shape[0], outputs))).named("y_0")
        y.axes = (x.axes[0], "output")
        found = []
        for t in range(self.steps):
            with scope(f"step {t + 1}"):
                states = cell.step(y, states, parameters)
                a = (states[0] @ v + b).named("a of y")
                y = activation(self.activation)(a).named("y")
                found.append(y)
        return joined(found)
