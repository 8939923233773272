"""Batch and layer normalisation: mean 0 and variance 1, then a learned scale and shift."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.building.optimizers import blend
from fluxlab.engine.catalogue.ops import mean, multiply, sqrt, subtract
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix


@layer
class BatchNorm:
    """Normalise each column over the samples of the batch (Ioffe and Szegedy, 2015).

    x (samples, features); of (samples, steps, features) each feature over the steps, too, and of
    images (samples, channels, rows, columns) each channel over its rows and columns. Padding
    counts like other steps, so for sequences of unequal length take LayerNorm.

    While learning it uses the batch's own mean and (biased) variance, and keeps running means of
    both: running = momentum * running + (1 - momentum) * batch. While predicting it uses those.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        if not 0 <= self.momentum < 1:
            raise BadInput(
                f"BatchNorm: momentum must lie in 0 to 1 (1 excluded), got {self.momentum!r}."
            )
        _check_epsilon("BatchNorm", self.epsilon)
        own = 1 if len(x.shape) == 4 else len(x.shape) - 1
        over = tuple(axis for axis in range(len(x.shape)) if axis != own)
        shape = tuple(n if axis == own else 1 for axis, n in enumerate(x.shape))
        axes = tuple(name if axis == own else None for axis, name in enumerate(x.axes))
        gamma = building.parameter("gamma", lambda: np.ones(shape), axes)
        beta = building.parameter("beta", lambda: np.zeros(shape), axes)
        seen_mean = building.state("running mean", lambda: np.zeros(shape), axes)
        seen_var = building.state("running variance", lambda: np.ones(shape), axes)
        if not building.training:
            centred = subtract(x, seen_mean).named("centred")
            return _scale(centred, seen_var, gamma, beta, self.epsilon)
        middle = building.mean(x, over).named("mean")
        centred = subtract(x, middle).named("centred")
        variance = building.mean((centred**2).named("squares"), over).named("variance")
        building.carry(seen_mean, lambda: blend(seen_mean, middle, beta=self.momentum))
        building.carry(seen_var, lambda: blend(seen_var, variance, beta=self.momentum))
        return _scale(centred, variance, gamma, beta, self.epsilon)


@layer
class LayerNorm:
    """Normalise each row over its features (Ba, Kiros and Hinton, 2016)."""

    epsilon: float = 1e-5

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        _check_epsilon("LayerNorm", self.epsilon)
        n, axes = x.shape[-1], (None, x.axes[-1])
        gamma = building.parameter("gamma", lambda: np.ones((1, n)), axes)
        beta = building.parameter("beta", lambda: np.zeros((1, n)), axes)
        middle = mean(x, axis=-1, keepdims=True).named("mean")
        centred = subtract(x, middle).named("centred")
        variance = mean((centred**2).named("squares"), axis=-1, keepdims=True).named("variance")
        return _scale(centred, variance, gamma, beta, self.epsilon)


def _check_epsilon(layer: str, epsilon: float) -> None:
    if epsilon <= 0:
        raise BadInput(f"{layer}: epsilon must be above 0, got {epsilon!r}; 1e-5 is usual.")


def _scale(
    centred: Matrix, variance: Matrix, gamma: Matrix, beta: Matrix, epsilon: float
) -> Matrix:
    spread = sqrt((variance + epsilon).named("variance plus epsilon")).named("spread")
    normal = (centred / spread).named("normal")
    h: Matrix = multiply(gamma, normal).summand("scaled") + beta
    return h.named("h")
