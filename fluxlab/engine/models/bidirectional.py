"""Two recurrent networks read a sequence, one from each end."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.bidirectional import Bidirectional
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.rnn import RNN
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """2 sequences of 4 steps with 3 features; 4 neurons each way; 1 output for each step."""
    draw = np.random.default_rng(0)
    x, target = draw.normal(size=(2, 4, 3)), draw.normal(size=(2, 4, 1))
    layers: list[Layer] = [Bidirectional(RNN(4)), Dense(1)]
    return learning(Design(layers, "mse", GradientDescent(0.1)), x, target, {}, "bidirectional RNN")
