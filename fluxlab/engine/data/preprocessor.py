"""FLUX's `matrix_data_preprocessor`: arrays, lists, DataFrames and CSV files as one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fluxlab.engine.core.errors import BadInput, unknown
from fluxlab.engine.core.numbers import Array, as_numbers, is_whole
from fluxlab.engine.core.pairs import grid_of, is_frame
from fluxlab.engine.data.csvfile import MISSING, read_csv


def matrix_data_preprocessor(
    data: Any,
    rows: int | None = None,
    columns: int | Sequence[str] | None = None,
    first_column: int = 0,
    first_row: int = 0,
) -> Array:
    """Data as a matrix of shape (samples, features).

    Parameters
    ----------
    data : array, list of rows, one flat list of numbers (a single column), DataFrame, or the
        path of a CSV file (a first line of names is recognised; see `csvfile`).
    rows, columns : how many to take; default: all that are left. `columns` may also be a list
        of column names of a DataFrame or CSV file.
    first_column, first_row : where to start, counted from 0 (FLUX's start positions).

    Raises
    ------
    BadInput : text, NaN or infinity in a cell, rows of unequal length, nothing left to take.
    """
    here = "matrix_data_preprocessor"
    names: list[str] | None = None
    if isinstance(columns, str):
        columns = [columns]
    if isinstance(columns, list | tuple):
        columns = [str(column) for column in columns]
    if isinstance(data, str | Path):
        data, names = _numbers_of(Path(data), columns)
    elif is_frame(data):
        names = [str(name) for name in data.columns]
        data = grid_of(data)
    elif hasattr(data, "__array__"):
        data = np.asarray(data)
    _refuse_texts(data, names, columns)
    try:
        ragged = len({len(row) for row in data}) > 1
    except TypeError:
        ragged = False
    if ragged:
        lengths = sorted({len(row) for row in data})
        raise BadInput(
            f"{here}: the rows have unequal lengths {lengths}; every sample needs the same "
            "features."
        )
    if isinstance(columns, Sequence):
        data = _choose(data, names, columns)
        columns = None
    table = as_numbers(here, "data", data)
    if table.ndim == 0:
        table = table.reshape(1, 1)
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2:
        raise BadInput(
            f"{here}: data has {table.ndim} axes {table.shape}; it expects (samples, features)."
        )
    for name, value, least in (
        ("rows", rows, 1), ("columns", columns, 1),
        ("first_row", first_row, 0), ("first_column", first_column, 0),
    ):  # fmt: skip
        optional = value is None and least == 1  # rows and columns: all that are left
        if not optional and (not is_whole(value) or value < least):  # type: ignore[operator]
            raise BadInput(
                f"{here}: {name} must be a whole number of at least {least}, got {value!r}."
            )
    last_row = table.shape[0] if rows is None else first_row + rows
    last_column = table.shape[1] if columns is None else first_column + columns
    if (
        last_row > table.shape[0]
        or last_column > table.shape[1]
        or first_row >= last_row
        or first_column >= last_column
    ):
        raise BadInput(
            f"{here}: rows {first_row} to {last_row} and columns {first_column} to {last_column} "
            f"do not lie in the data, which is {table.shape[0]}×{table.shape[1]}."
        )
    return table[first_row:last_row, first_column:last_column].copy()


def _refuse_texts(data: Any, names: list[str] | None, columns: Any) -> None:
    """Refuse texts, and say what to do with them: with classes, or with a table's columns."""
    here = "matrix_data_preprocessor: data holds"
    if not isinstance(data, list | tuple | np.ndarray):
        return
    kind = data.dtype.kind if isinstance(data, np.ndarray) else "O"
    if kind in "biuf":
        return
    if kind in "mM":
        raise BadInput(
            f"{here} dates, where numbers are needed. Make numbers of them, such as the days since "
            "the first."
        )
    for i, row in enumerate(np.atleast_1d(data) if isinstance(data, np.ndarray) else data):
        flat = not isinstance(row, list | tuple) and not getattr(row, "ndim", 0)
        cells = [row] if flat else row
        for j, cell in enumerate(cells):
            if not isinstance(cell, str):
                continue
            name = names[j] if names else f"{j}"
            if isinstance(columns, list) and name not in columns:
                continue
            if len(cells) == 1 and names is None:
                raise BadInput(
                    f"{here} texts, such as {str(cell)!r}, where numbers are needed. Give each "
                    "class a number: names = sorted(set(texts)); numbers = [names.index(t) for t "
                    "in texts]."
                )
            raise BadInput(
                f"{here} the text {str(cell)!r} in row {i}, column {name}, where numbers are "
                "needed. fl.data.table reads a CSV file or DataFrame with texts, and makes columns "
                "of 0 and 1 of them."
            )


def samples_of(function: str, argument: str, data: Any) -> Array:
    """`matrix_data_preprocessor` for another function's argument, which its errors name."""
    try:
        return matrix_data_preprocessor(data)
    except BadInput as problem:
        text = str(problem).replace("matrix_data_preprocessor:", f"{function}: {argument}:", 1)
        raise BadInput(text) from None


def _numbers_of(path: Path, columns: Any) -> tuple[list[list[float]], list[str] | None]:
    """The numbers of a CSV file, and its columns' names; with `columns` named, only those."""
    here = "matrix_data_preprocessor"
    sheet = read_csv(here, path)
    rows, names = list(zip(sheet.places, sheet.rows, strict=True)), None
    # A first line with 5 and ? is data, of which one cell is missing.
    if any(sheet.number(cell) is None and cell not in MISSING for cell in sheet.rows[0]):
        names, rows = sheet.rows[0], rows[1:]
    if not rows:
        raise BadInput(f"{here}: {path.name} has a line of names, {names}, and no numbers.")
    wanted = columns if isinstance(columns, Sequence) else None
    found = []
    for where, row in rows:
        numbers = [sheet.number(cell) for cell in row]
        for place, number in enumerate(numbers):
            named = names is not None and place < len(names)
            column = names[place] if names is not None and named else f"column {place + 1}"
            if wanted is not None and named and column not in wanted:
                numbers[place] = 0.0  # never looked at
            elif number is None:
                raise BadInput(
                    f"{here}: {path.name}, {where}, {column}: {row[place]!r} is not a number. "
                    "Choose other columns with columns=[...], or mend the file."
                )
        found.append([float(number or 0.0) for number in numbers])
    return found, names


def _choose(data: Any, names: list[str] | None, columns: Sequence[str]) -> Any:
    if names is None:
        raise BadInput(
            "matrix_data_preprocessor: columns were named, but the data has no column names."
        )
    for column in columns:
        if column not in names:
            raise unknown("column", column, names)
        if names.count(column) > 1:
            raise BadInput(
                f"matrix_data_preprocessor: several columns are named {column!r}; give each a name "
                "of its own."
            )
    places = [names.index(column) for column in columns]
    return [[row[place] for place in places] for row in data]
