"""A network with stochastic binary neurons in the middle, and a sigmoid with a temperature."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.stochastic import StochasticBinary
from fluxlab.engine.layers.temperature import Temperature
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """3-4-2, five samples: each hidden neuron fires or not; the output has temperature 0.5."""
    draw = np.random.default_rng(6)
    x, target = draw.normal(size=(5, 3)), (draw.random((5, 2)) > 0.5) * 1.0
    layers: list[Layer] = [Dense(4), StochasticBinary(), Dense(2), Temperature(0.5)]
    design = Design(layers, "mse", GradientDescent(0.5), seed=1)
    return learning(design, x, target, {}, "3-4-2 network of stochastic neurons")
