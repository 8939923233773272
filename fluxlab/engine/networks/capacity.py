"""What one threshold neuron can learn, by counting the labellings that a flat cut separates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.numbers import Array, as_numbers, whole
from fluxlab.engine.data.bits import bits
from fluxlab.engine.data.preprocessor import samples_of

MOST = 14  # points; 2**14 labellings
Signs = npt.NDArray[np.int8]


def cover(points: int, dimensions: int) -> int:
    """How many of the 2**points labellings a neuron with bias can learn, in general position.

    2 * sum over k = 0..dimensions of binomial(points - 1, k) (Cover, 1965; his theorem counts
    cuts through the origin, and the bias is one more dimension). All of them up to
    dimensions + 1 points; exactly half at 2 * (dimensions + 1), the capacity.
    """
    whole("cover", "points", points, 1)
    whole("cover", "dimensions", dimensions, 1)
    return 2 * sum(comb(points - 1, k) for k in range(dimensions + 1))


def separable(points: Any, labels: Any) -> bool:
    """Whether a line (plane, ...) has all points labelled 1 on one side and the rest on the other.

    points : (points, dimensions); labels : one 0 or 1 for each. Exact, no rounding.
    """
    x = _points("separable", points)
    given = as_numbers("separable", "labels", labels).reshape(-1)
    if given.shape != (len(x),) or not np.isin(given, (0.0, 1.0)).all():
        raise BadInput(
            f"separable: labels must hold one 0 or 1 for each of the {len(x)} points, got "
            f"{labels!r}."
        )
    return bool(_separable(given[None, :], circuits(x))[0])


def separable_labellings(points: Any) -> Array:
    """All labellings that can be separated, one per row, (count, points), in counting order."""
    x = _points("separable_labellings", points)
    labellings = bits(len(x))
    found: Array = labellings[_separable(labellings, circuits(x))]
    return found


def count_separable(points: Any) -> int:
    """How many of the 2**n labellings of these n points can be separated; at most 14 points."""
    return len(separable_labellings(_points("count_separable", points)))


@dataclass(frozen=True)
class Capacity:
    """One row of the table: n points in d dimensions.

    counted : separable labellings of n random points, one by one; cover : the same by Cover's
    formula; all : 2**n.
    """

    points: int
    dimensions: int
    counted: int
    cover: int
    all: int

    @property
    def share(self) -> float:
        return self.counted / self.all


def capacity(dimensions: int, most: int = 8, seed: int = 0) -> list[Capacity]:
    """The table for 1 to `most` random points in so many dimensions; see `Capacity`."""
    whole("capacity", "dimensions", dimensions, 1)
    whole("capacity", "most", most, 1)
    whole("capacity", "seed", seed, 0)
    if most > MOST:
        raise BadInput(f"capacity: most must be {MOST} or less, got {most}.")
    x = np.random.default_rng(seed).normal(size=(most, dimensions))
    return [
        Capacity(n, dimensions, count_separable(x[:n]), cover(n, dimensions), 2**n)
        for n in range(1, most + 1)
    ]


# -- the exact method ---------------------------------------------------------------------------


def _separable(labellings: Array, minimal: Signs) -> npt.NDArray[np.bool_]:
    """For each labelling whether no circuit stands against it."""
    signs, members = minimal.T.astype(np.float64), np.abs(minimal).sum(axis=1)
    found = np.ones(len(labellings), dtype=np.bool_)
    for start in range(0, len(labellings), 1024):  # all at once would fill the memory
        part = slice(start, start + 1024)
        agreement = np.abs((2 * labellings[part] - 1) @ signs)
        found[part] = ~(agreement == members).any(axis=1)
    return found


def circuits(x: Array) -> Signs:
    """The signs of every minimal affine dependency of the points, (circuits, points).

    Two classes can be separated unless their hulls meet. If they meet, they do so in few points
    already (Kirchberger, 1903): a smallest such set is a circuit, whose only dependency
    sum_i s_i x_i = 0, sum_i s_i = 0 is positive on one class and negative on the other (Radon,
    1921). So it is enough to look at circuits, at most dimensions + 2 points each; in fractions,
    so that nothing is rounded.
    """
    rows = [[Fraction(float(v)) for v in point] + [Fraction(1)] for point in x]
    found = [_signs(len(x), subset, alpha) for subset, alpha in _minimal(rows)]
    return np.array(found, dtype=np.int8).reshape(-1, len(x))


def _minimal(rows: list[list[Fraction]]) -> Iterator[tuple[tuple[int, ...], list[Fraction]]]:
    for count in range(2, len(rows[0]) + 2):
        for subset in combinations(range(len(rows)), count):
            alpha = _dependency([rows[i] for i in subset])
            if alpha is not None:
                yield subset, alpha


def _signs(points: int, subset: tuple[int, ...], alpha: list[Fraction]) -> list[int]:
    signs = [0] * points
    for i, value in zip(subset, alpha, strict=True):
        signs[i] = 1 if value > 0 else -1
    return signs


def _dependency(vectors: list[list[Fraction]]) -> list[Fraction] | None:
    """The only way in which the vectors sum to 0, if there is one and it needs all of them."""
    count = len(vectors)
    table = [[vector[k] for vector in vectors] for k in range(len(vectors[0]))]
    pivots: list[int] = []
    for column in range(count):
        row = next((r for r in range(len(pivots), len(table)) if table[r][column]), None)
        if row is None:
            continue
        place = len(pivots)
        table[place], table[row] = table[row], table[place]
        table[place] = [v / table[place][column] for v in table[place]]
        for r in range(len(table)):
            if r != place and table[r][column]:
                table[r] = [
                    a - table[r][column] * b for a, b in zip(table[r], table[place], strict=True)
                ]
        pivots.append(column)
    free = [column for column in range(count) if column not in pivots]
    if len(free) != 1:
        return None
    alpha = [Fraction(0)] * count
    alpha[free[0]] = Fraction(1)
    for place, column in enumerate(pivots):
        alpha[column] = -table[place][free[0]]
    return alpha if all(alpha) else None


def _points(function: str, points: Any) -> Array:
    x = samples_of(function, "points", points)
    if len(x) > MOST:
        raise BadInput(
            f"{function}: points is {size(x.shape)}; with more than {MOST} points there are too "
            "many subsets to go through."
        )
    return x
