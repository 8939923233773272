"""A network for digits in the manner of LeNet: convolution and pooling twice, then dense layers."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import Adam
from fluxlab.engine.layers.conv import Conv
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.dropout import Dropout
from fluxlab.engine.layers.flatten import Flatten, Image
from fluxlab.engine.layers.pool import MaxPool
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.tracing import Trace


def lenet(
    rows: int = 8, columns: int = 8, classes: int = 10, filters: int = 16, neurons: int = 64,
    dropout: float = 0.3,
) -> list[Layer]:  # fmt: skip
    """The layers, for flat grey images of rows x columns; the output are logits (samples, classes).

    LeCun and others (1998) convolve and pool twice; ReLU, max pooling and dropout came later. The
    second convolution has twice as many filters. For scikit-learn's digits: 13,706 parameters.
    """
    return [
        Image(1, rows, columns),
        Conv(filters, 3, 1, "same", "relu"), MaxPool(2),
        Conv(2 * filters, 3, 1, "same", "relu"), MaxPool(2),
        Flatten(), Dropout(dropout), Dense(neurons, "relu"), Dense(classes),
    ]  # fmt: skip


def EXAMPLE() -> Trace:
    """Three images of 4 x 5 in batches of 2, one filter, then two, 3 neurons, 2 classes; Adam."""
    draw = np.random.default_rng(15)
    x, target = draw.random((3, 20)), np.eye(2)[[0, 1, 0]]
    design = Design(lenet(4, 5, 2, 1, 3, 0.25), "cross_entropy_logits", Adam(0.05), batch=2, seed=2)
    return learning(design, x, target, {}, "digit network")
