"""Layer normalisation: mean 0 and variance 1, then a learned scale and shift."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.ops import mean, multiply, sqrt, subtract
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix


@layer
class LayerNorm:
    """Normalise each row over its features (Ba, Kiros and Hinton, 2016)."""

    epsilon: float = 1e-5

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        check_epsilon("LayerNorm", self.epsilon)
        n, axes = x.shape[-1], (None, x.axes[-1])
        gamma = building.parameter("gamma", lambda: np.ones((1, n)), axes)
        beta = building.parameter("beta", lambda: np.zeros((1, n)), axes)
        middle = mean(x, axis=-1, keepdims=True).named("mean")
        centred = subtract(x, middle).named("centred")
        variance = mean((centred**2).named("squares"), axis=-1, keepdims=True).named("variance")
        return scaled(centred, variance, gamma, beta, self.epsilon)


def check_epsilon(layer: str, epsilon: float) -> None:
    """Refuse an epsilon that would not keep the divisor from 0."""
    if epsilon <= 0:
        raise BadInput(f"{layer}: epsilon must be above 0, got {epsilon!r}; 1e-5 is usual.")


def scaled(
    centred: Matrix, variance: Matrix, gamma: Matrix, beta: Matrix, epsilon: float
) -> Matrix:
    """gamma * centred / sqrt(variance + epsilon) + beta."""
    above_0 = variance + variance.number("epsilon", epsilon)
    spread = sqrt(above_0.named("variance plus epsilon")).named("spread")
    normal = (centred / spread).named("normal")
    h: Matrix = multiply(gamma, normal).summand("scaled") + beta
    return h.named("h")
