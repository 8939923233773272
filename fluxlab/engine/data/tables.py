"""A student's own table, a CSV file or DataFrame, with columns chosen by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fluxlab.engine.core.errors import BadInput, counted, unknown
from fluxlab.engine.core.numbers import Array, Indices
from fluxlab.engine.data.csvfile import number_in, read_csv
from fluxlab.engine.data.datasets import class_targets
from fluxlab.engine.data.splits import Split, split_named


def table(
    source: Any,
    target: str | Sequence[str],
    features: Sequence[str] | None = None,
    *,
    classes: bool | None = None,
    validation: float = 0.2,
    test: float = 0.2,
    scaling: str = "standard",
    seed: int = 0,
) -> Split:
    """A CSV file or DataFrame as training, validation and test part.

    >>> cats = fl.data.table("cats.csv", target="breed", features=["weight", "age"])
    >>> cats.train.X, cats.train.Y, cats.classes

    Parameters
    ----------
    source : the path of a CSV file whose first line names its columns, or a DataFrame. Cells may
        be separated by commas, tabs or semicolons; among semicolons 1,5 is a number, too.
    target : the column to predict, or several columns of numbers.
    features : the columns to predict it from; default: all others.
    classes : whether target names classes. Default: texts do, numbers do not.
    validation, test, scaling, seed : as in `split`. Y is not scaled.

    Raises
    ------
    BadInput : a cell that is empty or is no number where one is needed, with its place.
    UnknownName : a column that is not there.
    """
    columns = _columns(source)
    targets = _listed("target", target)
    chosen = (
        [n for n in columns if n not in targets]
        if features is None
        else _listed("features", features)
    )
    for name in (*targets, *chosen):
        if name not in columns:
            raise unknown("column", name, columns)
    both = [name for name in chosen if name in targets]
    if both or not chosen or not targets:
        raise BadInput(
            f"table: features {chosen} and target {targets}: give at least one column for each, "
            "and none for both. A feature that is the target would give the answer away."
        )
    X = np.stack([_numbers(name, columns[name]) for name in chosen], axis=1)
    if classes is not None and not isinstance(classes, bool):
        raise BadInput(f"table: classes must be True, False or None, got {classes!r}.")
    if classes is None:
        classes = len(targets) == 1 and any(isinstance(v, str) for v in columns[targets[0]].cells)
    if not classes:
        Y = np.stack([_numbers(name, columns[name]) for name in targets], axis=1)
        kinds = None
    elif len(targets) > 1:
        raise BadInput(f"table: classes are named by one column, but target is {targets}.")
    else:
        kinds, numbers = _classes(targets[0], columns[targets[0]])
        Y = class_targets(numbers, len(kinds))
        targets = targets if len(kinds) == 2 else [f"{targets[0]} {kind}" for kind in kinds]
    return split_named("table", X, Y, chosen, targets, kinds, validation, test, scaling, seed)


# -- columns of texts and numbers -----------------------------------------------------------


@dataclass
class _Column:
    cells: list[Any]  # float where it is a number, None where empty, else text
    places: list[str]  # "line 3", or "row 1" of a DataFrame


def _columns(source: Any) -> dict[str, _Column]:
    if isinstance(source, str | Path):
        return _csv_columns(Path(source))
    if not (hasattr(source, "columns") and hasattr(source, "to_numpy")):
        raise BadInput(
            f"table: source must be the path of a CSV file or a DataFrame, got "
            f"{type(source).__name__}. For matrices take split(X, Y)."
        )
    names = [str(name) for name in source.columns]
    _check_names("the DataFrame", names)
    grid = source.to_numpy(dtype=object)
    if not len(grid):
        raise BadInput("table: the DataFrame has no rows.")
    places = [f"row {i}" for i in range(len(grid))]
    return {
        name: _Column([_cell(value) for value in grid[:, i]], places)
        for i, name in enumerate(names)
    }


def _csv_columns(path: Path) -> dict[str, _Column]:
    sheet = read_csv("table", path)
    rows, places = sheet.rows, sheet.places
    if len(rows) < 2:
        raise BadInput(f"table: {path.name} needs a line of names and at least one of data.")
    names, rows, places = rows[0], rows[1:], places[1:]
    _check_names(path.name, names)
    for row, place in zip(rows, places, strict=True):
        if len(row) != len(names):
            raise BadInput(
                f"table: {path.name}, {place} has {counted(len(row), 'cell')}, but the first line "
                f"names {counted(len(names), 'column')}. Cells are separated by "
                f"{sheet.separator!r}; a cell that contains it needs quotation marks."
            )

    def cell(text: str) -> Any:
        number = sheet.number(text)
        return _cell(text if number is None else number)

    return {name: _Column([cell(row[i]) for row in rows], places) for i, name in enumerate(names)}


def _check_names(where: str, names: list[str]) -> None:
    if "" in names or len(set(names)) < len(names):
        raise BadInput(
            f"table: the columns of {where} need names, each a different one; got {names}."
        )
    if all(isinstance(_cell(name), float) for name in names) and where != "the DataFrame":
        raise BadInput(
            f"table: the first line of {where} holds numbers; it must name the columns. For a file "
            "without names take matrix_data_preprocessor and split."
        )


def _cell(value: Any) -> Any:
    """A number as float, an empty cell as None, anything else as text."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        number = number_in(value)
    else:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = None
    if number is None:
        # pandas' own missing values (NaT, NA) are no numbers either, and print so.
        return None if str(value) in ("<NA>", "NaT") else str(value)
    return None if np.isnan(number) else number


def _numbers(name: str, column: _Column) -> Array:
    for value, place in zip(column.cells, column.places, strict=True):
        if not isinstance(value, float) or not np.isfinite(value):
            got = "empty" if value is None else f"{value!r}, not a finite number"
            raise BadInput(
                f"table: {place}, column {name!r} is {got}. Choose other columns with "
                "features=[...], or mend or drop that row."
            )
    return np.array(column.cells, dtype=np.float64)


def _classes(name: str, column: _Column) -> tuple[list[str], Indices]:
    for value, place in zip(column.cells, column.places, strict=True):
        if value is None:
            raise BadInput(f"table: {place}, column {name!r} is empty; mend or drop that row.")
    # Numbers in their order, then texts in theirs.
    known = sorted(set(column.cells), key=lambda v: (isinstance(v, str), v))
    number = {value: i for i, value in enumerate(known)}
    if len(known) < 2:
        raise BadInput(
            f"table: column {name!r} has one class only; there is nothing to tell apart."
        )
    labels = [value if isinstance(value, str) else f"{value:.15g}" for value in known]
    return labels, np.array([number[value] for value in column.cells], dtype=np.intp)


def _listed(argument: str, names: Any) -> list[str]:
    if not isinstance(names, str | int | list | tuple):
        raise BadInput(
            f"table: {argument} must be the name of a column or a list of names, got {names!r}."
        )
    chosen = [str(name) for name in ([names] if isinstance(names, str | int) else names)]
    if len(set(chosen)) < len(chosen):
        raise BadInput(f"table: {argument} names a column twice: {chosen}.")
    return chosen
