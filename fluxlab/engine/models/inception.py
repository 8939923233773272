"""An Inception module, and the mean of each of its channels."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.flatten import Flatten
from fluxlab.engine.layers.inception import Inception
from fluxlab.engine.layers.pool import AveragePool
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """Two images of 2 x 3 with two channels, four branches of windows 1, 3, 5 and pooling."""
    draw = np.random.default_rng(13)
    x, target = draw.random((2, 2, 2, 3)), np.eye(2)
    layers: list[Layer] = [
        Inception(2, (1, 2), (1, 1), 1, "tanh"), AveragePool((2, 3)), Flatten(), Dense(2)
    ]  # fmt: skip
    design = Design(layers, "cross_entropy_logits", GradientDescent(0.5), seed=2)
    return learning(design, x, target, {}, "Inception network")
