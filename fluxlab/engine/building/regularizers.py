"""What keeps a network from learning the noise: penalties in the cost, and clipped gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from fluxlab.engine.catalogue.ops import absolute, add, multiply, sqrt, sum
from fluxlab.engine.core.kinds import Elementwise
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import bounded


@dataclass(frozen=True)
class L1:
    """strength * sum of |w| over all weights (not biases)."""

    strength: float = 1e-4

    def __post_init__(self) -> None:
        bounded(type(self).__name__, "strength", self.strength, least=0)

    def __call__(self, w: Matrix) -> Matrix:
        return _penalty(self, w, absolute(w), "absolute")


@dataclass(frozen=True)
class L2:
    """strength * sum of w^2 over all weights (not biases); its gradient is 2 strength w."""

    strength: float = 1e-4

    def __post_init__(self) -> None:
        bounded(type(self).__name__, "strength", self.strength, least=0)

    def __call__(self, w: Matrix) -> Matrix:
        return _penalty(self, w, w**2, "squared")


def _penalty(regularizer: L1 | L2, w: Matrix, cells: Matrix, how: str) -> Matrix:
    name = f"{how} {w.local} of {w.scope}"
    total = sum(cells.named(name)).named(f"sum of {name}")
    return multiply(w.number("strength", regularizer.strength), total)  # type: ignore[no-any-return]


clip: Elementwise = Elementwise(
    "clip", lambda g, limit: min(max(g, -limit), limit),
    lambda out, g, limit: [
        (np.minimum, g, np.array(float(limit)), out),
        (np.maximum, out, np.array(-float(limit)), out),
    ],
    (None,), latex=r"\operatorname{clip}(<0>, \pm<limit>)", numpy="np.clip(<0>, -<limit>, <limit>)",
    words="<0>, held within ±<limit>",
)  # fmt: skip
shrink: Elementwise = Elementwise(
    "shrink", lambda norm, limit: min(1.0, limit / norm) if norm > 0 else 1.0,
    lambda out, norm, limit: [
        (np.maximum, norm, np.array(float(limit)), out),
        (np.divide, np.array(float(limit)), out, out),
    ],
    (None,), latex=r"\min(1, <limit> / <0>)", numpy="min(1, <limit> / <0>)",
    words="1, or less where <0> is larger than <limit>",
)  # fmt: skip


@dataclass(frozen=True)
class ClipValue:
    """Hold every cell of every gradient within ±limit."""

    limit: float = 1.0

    def __post_init__(self) -> None:
        bounded(type(self).__name__, "limit", self.limit, above=0)

    def __call__(self, gradients: Sequence[Matrix]) -> list[Matrix]:
        return [_clipped(clip(g, limit=self.limit), g) for g in gradients]


@dataclass(frozen=True)
class ClipNorm:
    """Shrink all gradients together, so that their common length is at most `limit`."""

    limit: float = 1.0

    def __post_init__(self) -> None:
        bounded(type(self).__name__, "limit", self.limit, above=0)

    def __call__(self, gradients: Sequence[Matrix]) -> list[Matrix]:
        total = reduce(_and_squares, gradients[1:], _squares(gradients[0]))
        norm = sqrt(total).named("length of all gradients")
        factor = shrink(norm, limit=self.limit).named("shrink factor")
        return [_clipped(multiply(factor, g), g) for g in gradients]


def _squares(g: Matrix) -> Matrix:
    """The sum of a gradient's squared cells."""
    name = f"squared {g.local} of {g.scope}" if g.scope else f"squared {g.local}"
    return sum((g**2).named(name)).named(f"sum of {name}")  # type: ignore[no-any-return]


def _and_squares(total: Matrix, g: Matrix) -> Matrix:
    more = _squares(g)
    return add(total, more).named(f"all up to {more.local.removeprefix('sum of ')}")  # type: ignore[no-any-return]


def _clipped(new: Matrix, old: Matrix) -> Matrix:
    new.trace.rename(new, f"{old.local} clipped", old.scope)
    new.axes = old.axes
    return new
