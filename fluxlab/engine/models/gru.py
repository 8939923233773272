"""A gated recurrent unit reads a sequence and gives one answer at its end."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.gru import GRU
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """2 sequences of 3 steps with 2 features; a GRU of 4 neurons, then 1 output."""
    draw = np.random.default_rng(0)
    x, target = draw.normal(size=(2, 3, 2)), draw.normal(size=(2, 1))
    layers: list[Layer] = [GRU(4, sequence=False), Dense(1)]
    return learning(Design(layers, "mse", GradientDescent(0.1)), x, target, {}, "GRU")
