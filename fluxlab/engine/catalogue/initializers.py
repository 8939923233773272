"""First weights: from (inputs, outputs) and a seeded generator to an (inputs, outputs) matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fluxlab.engine.core.errors import unknown
from fluxlab.engine.core.numbers import Array

Draw = np.random.Generator


def zeros(inputs: int, outputs: int, draw: Draw) -> Array:
    """All 0: every neuron of a layer stays the same as its neighbours."""
    return np.zeros((inputs, outputs))


def constant(inputs: int, outputs: int, draw: Draw) -> Array:
    """All 0.5: no better than zeros at telling neurons apart."""
    return np.full((inputs, outputs), 0.5)


def small_normal(inputs: int, outputs: int, draw: Draw) -> Array:
    """Normal with standard deviation 0.01."""
    return draw.normal(0.0, 0.01, size=(inputs, outputs))


def xavier_uniform(inputs: int, outputs: int, draw: Draw) -> Array:
    """Uniform in ±sqrt(6 / (inputs + outputs)) (Glorot and Bengio, 2010)."""
    bound = np.sqrt(6.0 / (inputs + outputs))
    return draw.uniform(-bound, bound, size=(inputs, outputs))


def xavier_normal(inputs: int, outputs: int, draw: Draw) -> Array:
    """Normal with variance 2 / (inputs + outputs) (Glorot and Bengio, 2010)."""
    return draw.normal(0.0, np.sqrt(2.0 / (inputs + outputs)), size=(inputs, outputs))


def he_uniform(inputs: int, outputs: int, draw: Draw) -> Array:
    """Uniform in ±sqrt(6 / inputs), for ReLU and its kin (He and others, 2015)."""
    bound = np.sqrt(6.0 / inputs)
    return draw.uniform(-bound, bound, size=(inputs, outputs))


def he_normal(inputs: int, outputs: int, draw: Draw) -> Array:
    """Normal with variance 2 / inputs, for ReLU and its kin (He and others, 2015)."""
    return draw.normal(0.0, np.sqrt(2.0 / inputs), size=(inputs, outputs))


INITIALIZERS: dict[str, Callable[[int, int, Draw], Array]] = {
    f.__name__: f
    for f in (
        zeros, constant, small_normal, xavier_uniform, xavier_normal, he_uniform, he_normal,
    )
}  # fmt: skip


def initial(name: str, inputs: int, outputs: int, draw: Draw) -> Array:
    """First weights by the initializer of that name; UnknownName with the nearest otherwise."""
    if not isinstance(name, str) or name not in INITIALIZERS:
        raise unknown("initializer", name, INITIALIZERS)
    return INITIALIZERS[name](inputs, outputs, draw)
