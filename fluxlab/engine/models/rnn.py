"""Many to one: a recurrent network reads a sequence and gives one answer at its end."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.rnn import RNN
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """2 sequences of 4 steps with 3 features, such as words of a sentence; 2 classes."""
    draw = np.random.default_rng(0)
    x, target = draw.normal(size=(2, 4, 3)), np.eye(2)[[1, 0]]
    layers: list[Layer] = [RNN(5, sequence=False), Dense(2, "softmax")]
    return learning(
        Design(layers, "cross_entropy", GradientDescent(0.1)), x, target, {}, "many-to-one RNN"
    )
