"""One to many: from one vector, such as the features of an image, a sequence."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.generate import Generate
from fluxlab.engine.layers.rnn import RNN
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """2 vectors of 5 features; sequences of 3 steps with 2 outputs, each the next step's input."""
    draw = np.random.default_rng(0)
    x, target = draw.normal(size=(2, 5)), draw.normal(size=(2, 3, 2))
    layers: list[Layer] = [Dense(4, "tanh"), Generate(RNN(4), 3, 2)]
    return learning(Design(layers, "mse", GradientDescent(0.1)), x, target, {}, "one-to-many RNN")
