"""The embedding: each token number becomes a row of numbers that are learned."""

from __future__ import annotations

from dataclasses import dataclass

from fluxlab.engine.building import Building
from fluxlab.engine.ops import rows
from fluxlab.engine.trace import Matrix


@dataclass(frozen=True)
class Embedding:
    """tokens (samples, steps) to h (samples, steps, features); w (vocabulary, features).

    Token number n is replaced by row n of w, so the gradient of that row adds up the shares of
    all places where the token stands. Number 0 is padding. Rows start as normal numbers of
    variance 1 / features.
    """

    vocabulary: int
    features: int

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        shape = (int(self.vocabulary), int(self.features))
        w = building.parameter(
            "w", lambda: building.draw.normal(0, shape[1] ** -0.5, shape), ("token", "feature")
        )
        building.tokens = x
        h: Matrix = rows(w, x)
        return h.named("h", axes=(x.axes[0], "step", "feature"))
