"""The position-wise feedforward network: the same two dense layers at every step."""

from __future__ import annotations

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import Activation, layer
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.attention import check_sequences, projection
from fluxlab.engine.layers.dense import Dense


@layer
class FeedForward:
    """x (samples, steps, features) to h of the same shape, through `hidden` neurons in between.

    h = f(x @ w + b) @ w + b, with scopes "hidden" and "output". (Vaswani and others, 2017, 3.3.)
    """

    hidden: int
    activation: Activation = "relu"

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        check_sequences("FeedForward", x)
        with scope("hidden"):
            h = building.through(Dense(self.hidden, self.activation), x)
        return projection("output", h, x.shape[-1], building)
