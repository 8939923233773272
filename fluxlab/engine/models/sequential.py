"""Any list of layers with a cost: here with everything that a dense network can have."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import Adam
from fluxlab.engine.building.regularizers import L2
from fluxlab.engine.layers.batch_norm import BatchNorm
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.dropout import Dropout
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """3-4-2 with batch norm, dropout, an L2 penalty and Adam; 7 samples in batches of 3."""
    draw = np.random.default_rng(4)
    x, target = draw.normal(size=(7, 3)), np.eye(2)[draw.integers(0, 2, 7)]
    layers: list[Layer] = [Dense(4, "tanh"), BatchNorm(), Dropout(0.25), Dense(2, "softmax")]
    design = Design(layers, "cross_entropy", Adam(0.05), regularizers=[L2(0.01)], batch=3, seed=2)
    return learning(design, x, target, {}, "3-4-2 network with everything")
