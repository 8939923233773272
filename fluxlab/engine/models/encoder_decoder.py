"""Many to many, of unequal length: an encoder reads, a decoder writes, such as a translation."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.generate import Generate
from fluxlab.engine.layers.gru import GRU
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """2 sequences of 3 steps with 4 features; from the last state 2 steps with 2 classes."""
    draw = np.random.default_rng(0)
    x, target = draw.normal(size=(2, 3, 4)), np.eye(2)[draw.integers(0, 2, (2, 2))]
    encoder, decoder = GRU(3, sequence=False), Generate(GRU(3, reset_after=True), 2, 2, "softmax")
    layers: list[Layer] = [encoder, decoder]
    return learning(
        Design(layers, "cross_entropy", GradientDescent(0.1)), x, target, {}, "encoder and decoder"
    )
