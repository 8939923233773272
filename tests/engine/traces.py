"""Every trace that the promises are tested on: the zoo, and the EXAMPLE of every model."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

import numpy as np
import pytest
from zoo import ZOO, traced

import fluxlab as fl
import fluxlab.engine.models
from fluxlab.engine.readers.explain import recompute

EXAMPLES = {
    f"models.{found.name}": importlib.import_module(f"fluxlab.engine.models.{found.name}").EXAMPLE
    for found in pkgutil.iter_modules(fluxlab.engine.models.__path__)
}


def network(**more: Any) -> Any:
    """A network on 5 rows in batches of 2, with its update."""
    x = np.random.default_rng(0).normal(size=(5, 3))
    layers = [fl.Dense(4, "tanh"), fl.Noise(0.1), fl.Dense(2, more.pop("last", "linear"))]
    settings = {"batch": 2, "optimizer": fl.Momentum(0.1)} | more
    classes = np.eye(2)[[0, 1, 1, 0, 1]]
    targets = 2 * classes - 1 if settings.get("cost") == "hinge" else classes
    made = fl.Network(layers, x, targets, **settings).trace
    made.run()
    return made


EXAMPLES |= {
    "step schedule, mae": lambda: network(schedule=fl.StepDecay(2), cost="mae"),
    "exponential schedule, hinge": lambda: network(
        schedule=fl.ExponentialDecay(2), cost="hinge", clip=fl.ClipNorm(0.1)
    ),
    "cosine schedule, logits": lambda: network(
        schedule=fl.CosineDecay(9), cost="cross_entropy_logits", clip=fl.ClipValue(0.01)
    ),
    "rmsprop, two classes": lambda: network(
        optimizer="rmsprop", cost="binary_cross_entropy", last="sigmoid", regularizers=[fl.L1()]
    ),
    "adagrad, two logits": lambda: network(optimizer="adagrad", cost="binary_cross_entropy_logits"),
}
NAMES = [*EXAMPLES, *ZOO]


@cache
def trace_of(name: str) -> Any:
    """Shared: tests must not change it."""
    return EXAMPLES[name]() if name in EXAMPLES else traced(name)


def cells_of(matrix: Any) -> Any:
    return np.ndindex(*matrix.shape)


def follows(trace: Any) -> None:
    """Every cell is what its explanation says."""
    for matrix in trace.matrices.values():
        for index in np.ndindex(*matrix.shape):
            assert recompute(matrix, index) == pytest.approx(float(matrix.buffer[index]), abs=1e-12)
