"""Sequences of unequal length: token 0 is padding, and no gradient comes from it."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.lstm import LSTM
from fluxlab.engine.layers.onehot import OneHot
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """2 sequences of 3 tokens and of 1, filled up with 0; one of 2 classes for each real token."""
    draw = np.random.default_rng(0)
    tokens = np.array([[2.0, 1, 3], [3, 0, 0]])
    target = np.eye(2)[draw.integers(0, 2, tokens.shape)] * (tokens > 0)[..., None]
    layers: list[Layer] = [OneHot(3), LSTM(2, masked=True), Dense(2)]
    return learning(
        Design(layers, "cross_entropy_logits", GradientDescent(0.1)),
        tokens,
        target,
        {},
        "masked LSTM",
    )
