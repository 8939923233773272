"""A network that sees every image a little shifted, turned, scaled, sheared or mirrored."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.augment import Augment
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """Three images of 4 x 4 pixels, moved, then 16-2."""
    draw = np.random.default_rng(8)
    x, target = draw.random((3, 16)), np.eye(2)[[0, 1, 0]]
    layers: list[Layer] = [Augment(1.0, 20.0, 0.2, 0.2, flip=True), Dense(2, "sigmoid")]
    design = Design(layers, "mse", GradientDescent(0.5), seed=2)
    return learning(design, x, target, {}, "16-2 network on moved images")
