"""Truncated backpropagation through time: no gradient flows back past a window's border."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.rnn import RNN
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """2 sequences of 5 steps with 3 features; windows of 2 steps; 1 output for each step."""
    draw = np.random.default_rng(0)
    x, target = draw.normal(size=(2, 5, 3)), draw.normal(size=(2, 5, 1))
    layers: list[Layer] = [RNN(4, window=2), Dense(1)]
    return learning(Design(layers, "mse", GradientDescent(0.1)), x, target, {}, "truncated RNN")
