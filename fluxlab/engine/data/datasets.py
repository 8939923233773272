"""Small data sets, loaded from scikit-learn or made: (X, Y), float64, rows are samples.

Two classes are one column of 0 and 1, more classes are one-hot rows, numbers are a column.
What is made is made from a seed: the same seed gives the same data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fluxlab.engine.catalogue.losses import one_hot
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.numbers import Array, as_numbers, is_number, is_whole

Data = tuple[Array, Array]


def class_targets(numbers: Any, classes: int) -> Array:
    """Class numbers (samples,) as targets: (samples, 1) for two classes, else one-hot rows."""
    rows = one_hot(numbers, classes)
    return rows[:, 1:] if classes == 2 else rows


# -- scikit-learn's ---------------------------------------------------------------------------


def iris() -> Data:
    """Fisher's irises: (150, 4) sepal and petal sizes in cm, (150, 3) one-hot species.

    setosa, versicolor, virginica; 50 of each, in this order (Fisher, 1936).
    """
    from sklearn.datasets import load_iris

    X, numbers = load_iris(return_X_y=True)
    return as_numbers("iris", "X", X), class_targets(numbers, 3)


def digits() -> Data:
    """Handwritten digits: (1797, 64) pixels of 8×8 images, row by row, (1797, 10) one-hot.

    Ink is 0..1: scikit-learn's 0..16, divided by 16 (Alpaydin and Kaynak, 1998).
    """
    from sklearn.datasets import load_digits

    X, numbers = load_digits(return_X_y=True)
    return as_numbers("digits", "X", X) / 16.0, class_targets(numbers, 10)


def breast_cancer() -> Data:
    """Tumours: (569, 30) measures of cell nuclei, (569, 1): 1 benign (357), 0 malignant (212).

    The columns differ in size by 10,000 times: scale them (Wolberg, Street and Mangasarian, 1995).
    """
    from sklearn.datasets import load_breast_cancer

    X, numbers = load_breast_cancer(return_X_y=True)
    return as_numbers("breast_cancer", "X", X), class_targets(numbers, 2)


def diabetes() -> Data:
    """Patients: (442, 10) age, sex, body mass index, blood values; (442, 1) progress in a year.

    The measures are as taken. (scikit-learn scales them by all samples, those of the test part
    included; `split` scales by the training part.) (Efron et al., 2004)
    """
    from sklearn.datasets import load_diabetes

    X, numbers = load_diabetes(return_X_y=True, scaled=False)
    return as_numbers("diabetes", "X", X), as_numbers("diabetes", "Y", numbers)[:, None]


# -- made -------------------------------------------------------------------------------------


def spirals(samples: int = 200, turns: float = 1.5, noise: float = 0.02, seed: int = 0) -> Data:
    """Two spirals that wind around each other: (samples, 2) in about -1..1, (samples, 1) 0 or 1.

    The first half, class 0, goes outwards along angle 2 pi turns r; class 1 is the same half a
    turn further. noise is the standard deviation added (after Lang and Witbrock, 1988).
    """
    draw = _generator("spirals", samples, 4, noise, seed)
    if not is_number(turns) or turns <= 0:
        raise BadInput(f"spirals: turns must be a number above 0, got {turns!r}.")
    first = (samples + 1) // 2
    numbers = np.repeat([0, 1], [first, samples - first])
    place = np.concatenate([np.arange(first), np.arange(samples - first)])
    radius = (place + 1) / first
    angle = 2 * np.pi * turns * radius + np.pi * numbers
    X = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return X + noise * draw.normal(size=X.shape), class_targets(numbers, 2)


def moons(samples: int = 200, noise: float = 0.1, seed: int = 0) -> Data:
    """Two half moons that reach into each other: (samples, 2), (samples, 1) 0 or 1."""
    from sklearn.datasets import make_moons

    _generator("moons", samples, 4, noise, seed)
    X, numbers = make_moons(samples, noise=noise, random_state=seed)
    return as_numbers("moons", "X", X), class_targets(numbers, 2)


def circles(samples: int = 200, noise: float = 0.05, seed: int = 0) -> Data:
    """Class 0 on a circle of radius 1, class 1 on one of 1/2: (samples, 2), (samples, 1)."""
    from sklearn.datasets import make_circles

    _generator("circles", samples, 4, noise, seed)
    X, numbers = make_circles(samples, noise=noise, factor=0.5, random_state=seed)
    return as_numbers("circles", "X", X), class_targets(numbers, 2)


def blobs(samples: int = 150, classes: int = 3, spread: float = 1.0, seed: int = 0) -> Data:
    """One cloud per class, its centre drawn in -10..10: (samples, 2), and targets.

    spread is the standard deviation of each cloud. Targets are (samples, classes), or (samples, 1)
    for two classes.
    """
    from sklearn.datasets import make_blobs

    if not is_whole(classes) or classes < 2:
        raise BadInput(f"blobs: classes must be a whole number, 2 or more, got {classes!r}.")
    _generator("blobs", samples, classes, spread, seed, "spread")
    X, numbers = make_blobs(samples, centers=classes, cluster_std=spread, random_state=seed)
    return as_numbers("blobs", "X", X), class_targets(numbers, classes)


def polynomial(
    coefficients: Sequence[float] = (0.0, -1.0, 0.0, 2.0),
    samples: int = 50,
    noise: float = 0.1,
    seed: int = 0,
) -> Data:
    """y = c0 + c1 x + c2 x² + ... plus noise: (samples, 1), (samples, 1).

    x is drawn evenly from -1..1, and sorted for the eye; noise is the standard deviation of what
    is added to y.
    """
    draw = _generator("polynomial", samples, 1, noise, seed)
    c = as_numbers("polynomial", "coefficients", coefficients)
    if c.ndim != 1:
        raise BadInput(
            f"polynomial: coefficients must be numbers (c0, c1, ...) in one list, got "
            f"{coefficients!r}."
        )
    X = np.sort(draw.uniform(-1, 1, size=(samples, 1)), axis=0)
    Y = X ** np.arange(len(c)) @ c[:, None]
    return X, Y + noise * draw.normal(size=Y.shape)


def _generator(
    here: str, samples: int, least: int, noise: float, seed: int, noise_name: str = "noise"
) -> np.random.Generator:
    """The seed's generator, after a look at the arguments that all made sets have."""
    if not is_whole(samples) or samples < least:
        raise BadInput(f"{here}: samples must be a whole number, {least} or more, got {samples!r}.")
    if not is_number(noise) or noise < 0:
        raise BadInput(f"{here}: {noise_name} must be a number, 0 or more, got {noise!r}.")
    return seeded(here, seed)


def seeded(here: str, seed: int) -> np.random.Generator:
    if not is_whole(seed) or not 0 <= seed < 2**32:
        raise BadInput(f"{here}: seed must be a whole number from 0 to 2**32 - 1, got {seed!r}.")
    return np.random.default_rng(seed)
