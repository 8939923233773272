"""Highway layers between two dense ones: gates decide what is transformed and what carried on."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.highway import Highway
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """3-4, two highway layers, 2; five samples."""
    draw = np.random.default_rng(14)
    x, target = draw.normal(size=(5, 3)), (draw.random((5, 2)) > 0.5) * 1.0
    layers: list[Layer] = [Dense(4, "tanh"), Highway(), Highway("relu"), Dense(2, "sigmoid")]
    design = Design(layers, "mse", GradientDescent(0.5), seed=3)
    return learning(design, x, target, {}, "highway network")
