"""Dropout: while learning, some cells are set to 0 and the others scaled up (inverted dropout)."""

from __future__ import annotations

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import Share, layer
from fluxlab.engine.catalogue.ops import greater, multiply
from fluxlab.engine.core.matrix import Matrix


@layer
class Dropout:
    """Drop each cell with probability `p`; the kept ones are divided by 1 - p.

    So a cell's expected value is the same while learning and while predicting, when nothing is
    dropped or scaled (Srivastava and others, 2014).
    """

    p: Share = 0.5

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        if not building.training or self.p == 0:
            return x
        kept = greater(building.random(x).named("draw"), self.p).named("kept")
        full = kept.number("1 / share kept", 1 / (1 - self.p))
        mask = multiply(kept, full).named("mask", wants_gradient=False)
        h: Matrix = multiply(x, mask)
        return h.named("h")
