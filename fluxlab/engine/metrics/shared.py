"""What all metrics need: arguments checked and brought into one shape, traced or plain."""

from __future__ import annotations

from typing import Any

import numpy as np

from fluxlab.engine.catalogue import ops
from fluxlab.engine.catalogue.losses import class_rows
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array, as_numbers
from fluxlab.engine.core.pairs import check_rows


def named(matrix: Any, name: str) -> Any:
    """Call a traced result by what it means; plain numbers pass through."""
    return matrix.named(name) if isinstance(matrix, Matrix) and matrix.temporary else matrix


def numbers(here: str, argument: str, value: Any) -> Any:
    """A traced matrix as it is; anything else as a checked float64 array."""
    return value if isinstance(value, Matrix) else as_numbers(here, argument, value)


def values(matrix: Any) -> Array:
    """The numbers that a checked argument holds now."""
    found: Array = matrix.buffer if isinstance(matrix, Matrix) else matrix
    return found


def plain(here: str, argument: str, value: Any) -> Array:
    """A float64 array; a traced matrix is refused, because the figure leaves the trace."""
    if isinstance(value, Matrix):
        raise BadInput(
            f"{here}: {argument} is the traced matrix {value.name}, and this figure is not made "
            f"of traced steps. Give its numbers, its .value."
        )
    return as_numbers(here, argument, value)


def constant(like: Any, value: float, name: str) -> Any:
    """A number in the trace of `like`, so that what is computed from it is recorded too."""
    return like.number(name, value) if isinstance(like, Matrix) else value


def columns(here: str, y: Any, t: Any) -> tuple[Any, Any]:
    """Two matrices of one shape (samples, outputs); a vector is a column."""
    check_rows(here, "y", y, "t", t)
    pair = [numbers(here, "y", y), numbers(here, "t", t)]
    for place, matrix in enumerate(pair):
        if len(matrix.shape) not in (1, 2):
            raise BadInput(
                f"{here}: {'yt'[place]} must be (samples, outputs) or (samples,), got "
                f"{size(matrix.shape)}."
            )
        if len(matrix.shape) == 1:
            pair[place] = ops.reshape(matrix, (-1, 1))
    y, t = pair
    if y.shape[0] != t.shape[0]:
        raise BadInput(
            f"{here}: y has {y.shape[0]} samples and t has {t.shape[0]}; they must be the same "
            "samples in the same order."
        )
    return y, t


def same(here: str, y: Any, t: Any) -> tuple[Any, Any]:
    """As `columns`, with as many outputs in both."""
    y, t = columns(here, y, t)
    if y.shape != t.shape:
        raise BadInput(f"{here}: y is {size(y.shape)} and t {size(t.shape)}; they must be alike.")
    return y, t


def classes(here: str, y: Any, t: Any) -> tuple[Any, Any]:
    """What was said (samples, classes) and the one-hot truth; or one column, the truth 0 or 1.

    Class numbers as truth become one-hot rows where y has several columns.
    """
    y, t = columns(here, y, t)
    count = y.shape[1]
    if count > 1 and t.shape[1] == 1:
        if isinstance(t, Matrix):
            t = ops.rows(np.eye(count), ops.reshape(t, (-1,)))
        else:
            t = class_rows(here, "t", t, count)
    y, t = same(here, y, t)
    truth = values(t)
    if not np.all((truth == 0) | (truth == 1)) or (count > 1 and np.any(truth.sum(axis=1) != 1)):
        expected = "one-hot rows, or class numbers" if count > 1 else "0 or 1 for each sample"
        raise BadInput(
            f"{here}: t must be {expected}, because y has {count} column(s); the truth comes "
            f"second, after what was said. Its first row is {truth[0].tolist()}."
        )
    return y, t
