"""Batch normalisation: each column has mean 0 and variance 1, then a learned scale and shift."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.building.optimizers import blend
from fluxlab.engine.catalogue.ops import greater, maximum, multiply, reshape, subtract, sum
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.layers.norm import check_epsilon, scaled


@layer
class BatchNorm:
    """Normalise each column over the samples of the batch (Ioffe and Szegedy, 2015).

    x (samples, features); of (samples, steps, features) each feature over the steps, too, and of
    images (samples, channels, rows, columns) each channel over its rows and columns. Padded steps
    (token 0, or what a masked layer before takes for padding) do not count, and give 0.

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
        check_epsilon("BatchNorm", self.epsilon)
        own = 1 if len(x.shape) == 4 else len(x.shape) - 1
        over = tuple(axis for axis in range(len(x.shape)) if axis != own)
        shape = tuple(n if axis == own else 1 for axis, n in enumerate(x.shape))
        axes = tuple(name if axis == own else None for axis, name in enumerate(x.axes))
        gamma = building.parameter("gamma", lambda: np.ones(shape), axes)
        beta = building.parameter("beta", lambda: np.zeros(shape), axes)
        seen_mean = building.state("running mean", lambda: np.zeros(shape), axes)
        seen_var = building.state("running variance", lambda: np.ones(shape), axes)
        real = _real_steps(x, building)
        if not building.training:
            centred = subtract(x, seen_mean).named("centred")
            return _kept(real, scaled(centred, seen_var, gamma, beta, self.epsilon))
        counted = None if real is None else _counted(real, building)

        def average(matrix: Matrix) -> Matrix:
            if counted is None:
                return building.mean(matrix, over)
            of_real = multiply(counted[0], matrix).named(f"{matrix.local} of real steps")
            total = sum(of_real, axis=over, keepdims=True).named(f"total {matrix.local}")
            return total / counted[1]  # type: ignore[no-any-return]

        middle = average(x).named("mean")
        centred = subtract(x, middle).named("centred")
        variance = average((centred**2).named("squares")).named("variance")
        building.carry(seen_mean, lambda: blend(seen_mean, middle, beta=self.momentum))
        building.carry(seen_var, lambda: blend(seen_var, variance, beta=self.momentum))
        return _kept(real, scaled(centred, variance, gamma, beta, self.epsilon))


def _real_steps(x: Matrix, building: Building) -> Matrix | None:
    """(samples, steps, 1): 1 where a step is real; None where no step is known to be padding."""
    if len(x.shape) != 3:
        return None
    tokens, real = building.tokens, building.steps
    if real is None and tokens is not None and tokens.shape == x.shape[:2]:
        real = greater(tokens, 0.0).named("real", axes=x.axes[:2])
    if real is None or real.shape != x.shape[:2]:
        return None
    wide = reshape(real, (*real.shape, 1)).named("real step", axes=(*x.axes[:2], None))
    wide.wants_gradient = False
    return wide  # type: ignore[no-any-return]


def _counted(real: Matrix, building: Building) -> tuple[Matrix, Matrix]:
    """The steps of the batch that count, and how many they are."""
    if building.real is not None:
        of_batch = reshape(building.real, (-1, 1, 1)).named("real sample", wants_gradient=False)
        real = multiply(real, of_batch).named("real step of the batch", wants_gradient=False)
    count = maximum(sum(real), 1.0).named("real step count", wants_gradient=False)
    return real, count


def _kept(real: Matrix | None, h: Matrix) -> Matrix:
    if real is None:
        return h
    return multiply(real, h.named("h of every step")).named("h", axes=h.axes)  # type: ignore[no-any-return]
