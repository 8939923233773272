"""Data that belong together: rows paired by position, and names that say whether that is meant."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from typing import Any

import numpy as np

from fluxlab.engine.core.errors import ROOM, BadInput
from fluxlab.engine.core.numbers import Array


def is_frame(value: Any) -> bool:
    """Whether it is a data frame, of pandas, polars or another library."""
    return hasattr(value, "columns") and hasattr(value, "__array__")


def grid_of(frame: Any) -> Any:
    """The cells of a data frame, whose columns may be of different kinds: (rows, columns)."""
    try:
        return np.asarray(frame)
    except TypeError:  # polars has no kind of number for dates beside numbers
        own = [list(frame[name]) for name in frame.columns]
        return np.array(own, dtype=object).T


def labels_of(value: Any) -> dict[int, list[Any]]:
    """The labels of the rows (0) and columns (1) of a data frame or series; of others none."""
    found = {}
    if hasattr(value, "__array__") and not isinstance(value, np.ndarray):
        rows, columns = getattr(value, "index", None), getattr(value, "columns", None)
        if rows is not None and not callable(rows):
            found[0] = list(rows)
        if columns is not None:
            found[1] = list(columns)
    return found


def check_rows(
    function: str, one: str, given: Any, two: str, other: Any, tell: bool = True
) -> None:
    """Refuse rows with the same labels in another order; tell of other labels, if `tell`.

    one, two : what the arguments are called.
    """
    rows, others = labels_of(given).get(0), labels_of(other).get(0)
    if rows is None or others is None or rows == others or len(rows) != len(others):
        return
    if Counter(rows) == Counter(others):
        how = f"give {two}.loc[{one}.index]"
        if len(set(rows)) < len(rows):
            how = "some labels stand there twice, so sort both alike before"
        raise BadInput(
            f"{function}: {one} and {two} have the same rows in different orders: {_few(rows)}, "
            f"but {_few(others)}. Rows are paired by position: {how}."
        )
    if tell:
        say(
            f"{function}: {one} and {two} name their rows differently, {_few(rows)} and "
            f"{_few(others)}. Rows are paired by position."
        )


def check_columns(function: str, given: Any, expected: list[str]) -> None:
    """Refuse a data frame with the expected columns in another order; tell of other names."""
    columns = [str(name) for name in labels_of(given).get(1, expected)]
    if columns == expected or len(columns) != len(expected):
        return
    words = (
        f"{function}: the columns of inputs are {_few(columns)}, and the network was formed on "
        f"{_few(expected)}. Columns are taken by position"
    )
    if Counter(columns) == Counter(expected):
        raise BadInput(f"{words}: give inputs[{expected}].")
    say(f"{words}.")


def turned(one: str, x: Array, two: str, target: Array) -> str:
    """A hint if the numbers of samples would be equal with x or the target turned, else ""."""
    if x.ndim != 2 or target.ndim != 2:
        return ""
    (rows, columns), (others, outputs) = x.shape, target.shape
    if columns == outputs > 1:
        return (
            f" Do your {columns} samples lie in columns? Then give {one}.T and {two}.T: here each "
            "row is a sample."
        )
    if rows == outputs > 1:
        return f" Do the {rows} targets lie in a row? Then give {two}.T: here each row is a sample."
    if columns == others > 1:
        return (
            f" Do your {columns} samples lie in columns? Then give {one}.T: here each row is a "
            "sample."
        )
    return ""


def say(text: str) -> None:
    """Warn, with the line of the student's own that led here."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(ROOM):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, stacklevel=level)


def _few(names: list[Any]) -> str:
    return ", ".join(str(name)[:20] for name in names[:3]) + (", ..." if names[3:] else "")
