"""Many to many, step by step: one answer for each step, such as a word's part of speech."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.rnn import RNN
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """2 sequences of 4 steps with 5 features; one of 3 classes for each step."""
    draw = np.random.default_rng(0)
    x, target = draw.normal(size=(2, 4, 5)), np.eye(3)[draw.integers(0, 3, (2, 4))]
    layers: list[Layer] = [RNN(6), Dense(3, "softmax")]
    return learning(
        Design(layers, "cross_entropy", GradientDescent(0.1)), x, target, {}, "many-to-many RNN"
    )
