"""Decoder only: each step sees what came before it, and tells which token comes next."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.catalogue.losses import one_hot
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.encoder import Encoder
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """One text of four tokens, each to be told from those before it; one head."""
    text = np.array([[1.0, 3, 2, 3, 4]])
    layers: list[Layer] = [Encoder(5, 4, heads=1, hidden=3, causal=True), Dense(5)]
    design = Design(layers, "cross_entropy_logits", GradientDescent(0.5), seed=6)
    target = one_hot(text[:, 1:], 5).reshape(1, 4, 5)
    return learning(design, text[:, :-1], target, {}, "the next token by a decoder")
