"""The highway layer: a gate decides how much of x is transformed and how much is carried on."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import Activation, Initializer, layer
from fluxlab.engine.catalogue.initializers import initial
from fluxlab.engine.catalogue.losses import one_minus
from fluxlab.engine.catalogue.ops import add, multiply
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.dense import dense


@layer
class Highway:
    """h = T * H + (1 - T) * x, cell by cell (Srivastava, Greff and Schmidhuber, 2015).

    The scope "transform" computes H = f(x @ w + b), the scope "gate" T = sigmoid(x @ w + b). Both
    are as wide as x. The gate's bias starts at `carry`, below 0, so that a new layer carries x on.
    """

    activation: Activation = "tanh"
    carry: float = -1.0
    initializer: Initializer = "xavier_uniform"

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        transform = self._dense("transform", x, building, 0.0, self.activation)
        gate = self._dense("gate", x, building, float(self.carry), "sigmoid")
        rest = one_minus(gate).named("carried share")
        x.trace.alias(f"{rest.scope}/x", x)
        taken = multiply(gate, transform).named("transformed")
        h: Matrix = add(taken, multiply(rest, x).named("carried"))
        return h.named("h", axes=x.axes)

    def _dense(
        self, name: str, x: Matrix, building: Building, bias: float, function: str
    ) -> Matrix:
        n, axes = x.shape[-1], (x.axes[-1], "neuron")
        with scope(name):
            w = building.parameter(
                "w", lambda: initial(self.initializer, n, n, building.draw), axes
            )
            b = building.parameter("b", lambda: np.full((1, n), bias), (None, "neuron"))
            return dense(x, w, b, function)
