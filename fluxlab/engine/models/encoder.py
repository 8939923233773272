"""Encoder only: every token is read in the light of all the others, and gets a label."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.catalogue.losses import one_hot
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.encoder import Encoder
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """Two sequences of three tokens, one of them padded; one of two labels for each real token."""
    tokens, labels = np.array([[2.0, 4, 3], [3, 2, 0]]), np.array([[0, 1, 1], [1, 0, 0]])
    layers: list[Layer] = [Encoder(5, 4, heads=2, hidden=3), Dense(2)]
    design = Design(layers, "cross_entropy_logits", GradientDescent(0.5), seed=5)
    target = one_hot(labels, 2).reshape(2, 3, 2) * (tokens > 0)[..., None]
    return learning(design, tokens, target, {}, "labels by an encoder")
