"""Anomalies: what an autoencoder cannot rebuild is unlike what it has learned from."""

from __future__ import annotations

from typing import Any

import numpy as np

from fluxlab.engine.catalogue.ops import greater, mean, reshape, rows, squared_error, top
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array, is_number
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.models.autoencoder import autoencoder
from fluxlab.engine.networks.design import predicted
from fluxlab.engine.networks.network import Network, a_network
from fluxlab.engine.tracing import Trace


def anomaly(network: Network, inputs: Any, share: float = 0.05) -> Trace:
    """Which of the inputs an autoencoder finds strange, as a trace.

    `score` (samples, 1) is each row's reconstruction error, the mean of (y - x) squared over its
    features. `threshold` is chosen from the rows that the network learned from: so that the given
    share of them, rounded down, lies above. `anomalous` is 1 where a score is above it. C is the
    mean score, so that after `backward()` dC_dx tells which features are unexpected.
    """
    a_network("anomaly", network)
    if not is_number(share) or not 0 <= share < 1:
        raise BadInput(f"anomaly: share must lie in 0 to 1 (1 excluded), got {share!r}.")
    known = anomaly_scores(network, network._data[0])
    trace = Trace("anomaly score")
    y = _rebuilt(network, trace, inputs)
    with scope("anomaly"):
        score = _score(trace["x"], y)
        scores = trace.input("known scores", known, axes=("known sample",))
        scores.wants_gradient = False
        highest = top(scores, int(share * len(known)) + 1).named("the highest")
        threshold = rows(scores, highest[-1:].named("the last of them")).named("threshold")
        greater(score, threshold).named("anomalous")
        trace.finish(mean(score))
    return trace


def anomaly_scores(network: Network, inputs: Any) -> Array:
    """The reconstruction error of each row, (samples,)."""
    trace = Trace("anomaly score")
    y = _rebuilt(a_network("anomaly_scores", network), trace, inputs)
    return _score(trace["x"], y).value[:, 0]


def _rebuilt(network: Network, trace: Trace, inputs: Any) -> Matrix:
    x = network._fitting("predict", inputs)
    if x.shape[1:] != network._data[1].shape[1:]:
        raise BadInput(f"anomaly: {network!r} does not rebuild its input; take an autoencoder.")
    return predicted(network.design, trace, x, network.values())


def _score(x: Matrix, y: Matrix) -> Matrix:
    errors = squared_error(y, x).named("squared error", axes=x.axes)
    if len(x.shape) > 2:
        errors = reshape(errors, (len(x), -1)).named("squared errors of each")
    score: Matrix = mean(errors, axis=1, keepdims=True)
    return score.named("score", axes=("sample", None))


def EXAMPLE() -> Trace:
    """Learned from eight rows near a line; of three new ones the second is far from it."""
    draw = np.random.default_rng(13)
    line = np.array([1.0, -0.5, 0.75])
    x = np.outer(np.linspace(-1, 1, 8), line) + 0.05 * draw.normal(size=(8, 3))
    network = autoencoder(x, [2, 1], hidden_activation="tanh", seed=2)
    network.fit(150)
    new = np.array([0.5 * line, [0.5, 0.9, -0.6], -0.75 * line])
    trace = anomaly(network, new + 0.02 * draw.normal(size=(3, 3)), share=0.2)
    trace.backward()
    return trace
