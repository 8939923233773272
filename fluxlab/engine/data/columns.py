"""Columns of texts and numbers: what a table's cells mean, and what a network can learn from."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fluxlab.engine.core.errors import BadInput, counted
from fluxlab.engine.core.numbers import Array, Indices
from fluxlab.engine.core.pairs import grid_of, is_frame
from fluxlab.engine.data.csvfile import MISSING, number_in, read_csv

YES = ({"no", "yes"}, {"false", "true"}, {"n", "y"}, {"f", "t"})
DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(:\d{2})?"
    r"|.*\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,4}\b.*",
    re.IGNORECASE,
)
IDENTIFIER = re.compile(r"(.*[^a-zA-Z])?(id|index|row|nr|no|unnamed: 0)|.*[a-z]I[Dd]", re.I)
KINDS, SHARE = 50, 0.8  # different texts of a column, at most; and as a share of its cells


@dataclass
class Column:
    """A column: `texts` as they stand there ("" where empty), and its numbers (None: no number).

    places : "line 3" of a file, or "row 1" of a data frame.
    """

    name: str
    texts: list[str]
    numbers: list[float | None]
    places: list[str]

    def missing(self) -> list[bool]:
        """Which cells say nothing. As names of classes all but the empty ones say something."""
        return [text in MISSING for text in self.texts]

    def is_text(self) -> bool:
        """Whether some cell is neither a number nor missing."""
        cells = zip(self.numbers, self.missing(), strict=True)
        return any(number is None and not gone for number, gone in cells)


def columns_of(source: Any, asked: list[str]) -> tuple[dict[str, Column], list[str]]:
    """The columns of a CSV file or data frame, by name, and what there is to say of them.

    asked : names that must be among them: "column 2" in a file with other names says that its
        first line is data.
    """
    if isinstance(source, str | Path):
        return _of_csv(Path(source), asked)
    if not is_frame(source):
        raise BadInput(
            f"table: source must be the path of a CSV file or a DataFrame, got "
            f"{type(source).__name__}. For matrices take split(X, Y)."
        )
    names = [str(name) for name in source.columns]
    _check_names("the DataFrame", names)
    own = hasattr(source, "__getitem__")  # else all columns may have been made of one kind
    grid = [source[name] for name in source.columns] if own else grid_of(source).T
    if not len(grid) or not len(grid[0]):
        raise BadInput("table: the DataFrame has no rows.")
    found = {}
    for name, values in zip(names, grid, strict=True):
        cells = [_cell(value) for value in values]
        places = [f"row {i}" for i in range(len(cells))]
        found[name] = Column(name, [text for text, _ in cells], [n for _, n in cells], places)
    return found, []


def _cell(value: Any) -> tuple[str, float | None]:
    """A cell of a data frame as a text and as a number."""
    if isinstance(value, str):
        return value.strip(), number_in(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = None
    if number is None:
        # pandas' own missing values (NaT, NA) print so.
        return ("" if value is None or str(value) in MISSING else str(value)), None
    if np.isnan(number):
        return "", None
    exact = isinstance(value, bool | np.bool_ | int | np.integer)
    text = str(value) if exact else f"{number:.15g}"
    return text, number if np.isfinite(number) else None


def _of_csv(path: Path, asked: list[str]) -> tuple[dict[str, Column], list[str]]:
    sheet = read_csv("table", path)
    rows, places, notes = sheet.rows, sheet.places, []
    for row, place in zip(rows, places, strict=True):
        if len(row) != len(rows[0]):
            raise BadInput(
                f"table: {path.name}, {place} has {counted(len(row), 'cell')}, but the first line "
                f"has {counted(len(rows[0]), 'cell')}. Cells are separated by "
                f"{sheet.separator!r}; a cell that contains it needs quotation marks."
            )
    numbered = [f"column {i + 1}" for i in range(len(rows[0]))]
    wanted = not set(asked) <= {*rows[0]} and set(asked) <= {*numbered}
    if wanted or _is_data(rows, sheet.number):
        names = numbered
        if not set(asked) <= {*names}:
            missing = next(name for name in asked if name not in names)
            raise BadInput(
                f"table: {path.name} has no line of names, and so no column {missing!r}. Its "
                f"columns are called {names[0]!r} to {names[-1]!r}; or write a line of names."
            )
        notes.append(f"no line of names: they are {names[0]} to {names[-1]}")
    else:
        names, rows, places = rows[0], rows[1:], places[1:]
        if not rows:
            raise BadInput(f"table: {path.name} needs a line of names and at least one of data.")
        _check_names(path.name, names)
    table = [list(cells) for cells in zip(*rows, strict=True)]
    return {
        name: Column(name, texts, [sheet.number(text) for text in texts], places)
        for name, texts in zip(names, table, strict=True)
    }, notes


def _is_data(rows: list[list[str]], number: Callable[[str], float | None]) -> bool:
    """Whether the first line is no line of names: it is like the others."""
    first, rest = rows[0], rows[1:]
    names_numbers = any(
        number(head) is None and any(number(row[i]) is not None for row in rest)
        for i, head in enumerate(first)
        if head not in MISSING
    )
    if names_numbers or not rest:
        return False
    plain = len(set(first)) == len(first) and "" not in first
    return any(number(cell) is not None for cell in first) or not plain


def _check_names(where: str, names: list[str]) -> None:
    if "" in names[1:] or len(set(names)) < len(names):
        raise BadInput(
            f"table: the columns of {where} need names, each a different one; got {names}."
        )


# -- what a network learns from ---------------------------------------------------------------


def features_of(
    columns: list[Column], rows: Indices, missing: str | None
) -> tuple[Array, list[str]]:
    """Columns as numbers (rows, features), NaN where a cell is missing, and the features' names.

    Texts become columns of 0 and 1, one for each text; two texts, or yes and no, become one.
    """
    parts, names = [], []
    for column in columns:
        numbers, own = _encoded(column, rows)
        parts.append(numbers)
        names += own
        gone = np.isnan(numbers).any(axis=1)
        if missing is None and gone.any():
            at = rows[int(gone.argmax())]
            got = f"{column.texts[at]!r}: missing" if column.texts[at] else "empty"
            raise BadInput(
                f"table: {column.places[at]}, column {column.name!r} is {got}. Say "
                'missing="drop" to leave such rows out, or missing="mean" to put the mean of the '
                "training part there; or choose other columns with features=[...]."
            )
    return np.concatenate(parts, axis=1), names


def _encoded(column: Column, rows: Indices) -> tuple[Array, list[str]]:
    gone = np.array(column.missing())[rows]
    if not column.is_text():
        numbers = [column.numbers[i] for i in rows]
        return np.array([[np.nan if n is None else n] for n in numbers]), [column.name]
    texts = [column.texts[i] for i in rows]
    known = sorted({t for t, lost in zip(texts, gone, strict=True) if not lost}, key=order_of)
    _refuse_unusable(column, known, rows)
    if len(known) <= 2:
        second = known[-1]
        found = np.array([[float(text == second)] for text in texts])
        binary = {text.lower() for text in known} in YES
        names = [column.name if binary else f"{column.name} = {second}"]
    else:
        found = np.array([[float(text == kind) for kind in known] for text in texts])
        names = [f"{column.name} = {kind}" for kind in known]
    found[gone] = np.nan
    return found, names


def order_of(text: str) -> tuple[bool, float, str]:
    """Numbers in their order, then texts in theirs."""
    number = number_in(text)
    return number is None, number or 0.0, text


def _refuse_unusable(column: Column, known: list[str], rows: Indices) -> None:
    """Refuse a column of texts that a network cannot learn from as they are."""
    odd = next(i for i in rows if column.numbers[i] is None and column.texts[i] in known)
    where = f"table: {column.places[odd]}, column {column.name!r} is {column.texts[odd]!r}"
    others = "Leave the column out with features=[...]"
    if 2 * sum(DATE.fullmatch(text) is not None for text in known) > len(known):
        raise BadInput(
            f"{where}, a date or a time. {others}, or make numbers of it, such as the days since "
            "the first."
        )
    numbers = [i for i in rows if column.numbers[i] is not None]
    if 2 * len(numbers) >= len(rows):
        raise BadInput(
            f"{where}, not a finite number, where most of the others are. Mend or drop that row; "
            f"or leave the column out with features=[...]."
        )
    there = sum(column.texts[i] in known for i in rows)
    if len(known) > 2 and (len(known) > SHARE * there or len(known) > KINDS):
        raise BadInput(
            f"{where}, not a finite number, and {len(known)} of {there} cells are different "
            f"texts, as in names and identifiers. {others}."
        )


def is_identifier(column: Column) -> bool:
    """Whether it only numbers the rows, by its name and its numbers."""
    numbers = column.numbers
    if not IDENTIFIER.fullmatch(column.name) and column.name:
        return False
    whole = all(n is not None and n == int(n) for n in numbers)
    return whole and len(set(numbers)) == len(numbers) > 2
