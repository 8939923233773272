"""A network of dense layers with the mean squared error: FLUX's own kind."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.networks.design import Design, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """3-4-2, five samples, tanh and sigmoid, with its backward pass and update."""
    draw = np.random.default_rng(3)
    x, target = draw.normal(size=(5, 3)), (draw.random((5, 2)) > 0.5) * 1.0
    design = Design([Dense(4, "tanh"), Dense(2, "sigmoid")], "mse", GradientDescent(0.5))
    return learning(design, x, target, {}, "3-4-2 network")
