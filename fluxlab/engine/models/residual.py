"""Residual blocks: one that adds x itself, and one that projects it first."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.conv import Conv
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.flatten import Flatten
from fluxlab.engine.layers.pool import AveragePool
from fluxlab.engine.layers.residual import Residual
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """Two images of 3 x 5; a block of two convolutions, one with stride, average pooling."""
    draw = np.random.default_rng(12)
    x, target = draw.normal(size=(2, 1, 3, 5)), np.eye(2)
    keeping = [Conv(1, 3, 1, "same", "relu"), Conv(1, 3, 1, "same")]
    layers: list[Layer] = [
        Residual(keeping), Residual([Conv(2, 3, 2, "same")], "tanh"), AveragePool((2, 3)),
        Flatten(), Dense(2),
    ]  # fmt: skip
    design = Design(layers, "cross_entropy_logits", GradientDescent(0.5), seed=1)
    return learning(design, x, target, {}, "residual network")
