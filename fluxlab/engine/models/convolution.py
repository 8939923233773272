"""A convolution, a max pooling and a dense layer."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.conv import Conv
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.flatten import Flatten
from fluxlab.engine.layers.pool import MaxPool
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """Two images of 5 x 7 with two channels; 3 filters of 2 x 3, 2 x 2 pooling, 2 outputs."""
    draw = np.random.default_rng(11)
    x, target = draw.normal(size=(2, 2, 5, 7)), np.eye(2)
    layers: list[Layer] = [
        Conv(3, (2, 3), (1, 2), activation="tanh"), MaxPool(2, (2, 1)), Flatten(),
        Dense(2, "sigmoid"),
    ]  # fmt: skip
    design = Design(layers, "mse", GradientDescent(0.5))
    return learning(design, x, target, {}, "convolutional network")
