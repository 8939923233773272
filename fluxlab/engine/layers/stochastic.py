"""The stochastic binary neuron: it fires, 1 or 0, with the probability that its sigmoid gives."""

from __future__ import annotations

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.activations import sigmoid
from fluxlab.engine.catalogue.ops import add, greater, hold, subtract
from fluxlab.engine.core.matrix import Matrix


@layer
class StochasticBinary:
    """While learning, a cell h is 1 with probability p = sigmoid(a), else 0; predicting, h = p.

    The sample is written as h = p + luck, with luck = fires - p held fixed. So the slope of h is
    that of p: the straight-through estimator (Bengio, Leonard and Courville, 2013). The true
    slope of a single sample is 0 nearly everywhere, and nothing below could learn from it. The
    estimate is biased where the cost bends; the gradient check, too, holds luck fixed.
    """

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        p: Matrix = sigmoid(x)
        x.trace.alias(f"{p.scope}/a", x)
        if not building.training:
            return p.named("h")
        p.named("p")
        fires = greater(p, building.random(x).named("draw")).named("fires")
        luck = hold(subtract(fires, p).named("fires minus p")).named("luck", wants_gradient=False)
        h: Matrix = add(p, luck)
        return h.named("h")
