"""A student's own table, a CSV file or DataFrame, with columns chosen by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fluxlab.engine.core.errors import BadInput, counted, unknown
from fluxlab.engine.core.numbers import Array, Indices
from fluxlab.engine.data.columns import (
    Column,
    columns_of,
    features_of,
    is_identifier,
    order_of,
)
from fluxlab.engine.data.datasets import class_targets
from fluxlab.engine.data.splits import Split, split_named


def table(
    source: Any,
    target: str | Sequence[str],
    features: Sequence[str] | None = None,
    *,
    classes: bool | None = None,
    missing: str | None = None,
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
    source : the path of a CSV file, or a DataFrame. Cells may be separated by commas, tabs,
        semicolons or blanks; among semicolons 1,5 is a number, elsewhere 1,200 is. 10% is 0.1. A
        file without a line of names has the columns "column 1", "column 2", ...; where its first
        line looks like names, a target that is called so says that there are none.
    target : the column to predict, or several columns of numbers.
    features : the columns to predict it from; default: all others. A column of texts becomes
        columns of 0 and 1, such as "port = S"; of two texts one column, such as "sex = male".
    classes : whether target names classes. Default: texts do, numbers do not. A class is called
        as it is written: 007 and 7 are two.
    missing : what to do with cells that are empty, ? or NA. None: refuse them. "drop": leave
        their rows out. "mean": put the column's mean in the training part there. Rows without a
        target are left out. What was done is counted in `notes`.
    validation, test, scaling, seed : as in `split`. Y is not scaled.

    Raises
    ------
    BadInput : a cell that is empty or is no number where one is needed, with its place; dates and
        identifiers.
    UnknownName : a column that is not there.
    """
    targets = _listed("target", target)
    chosen = [] if features is None else _listed("features", features)
    columns, notes = columns_of(source, [*targets, *chosen])
    if features is None:
        chosen = [name for name in columns if name not in targets]
    for name in (*targets, *chosen):
        if name not in columns:
            raise unknown("column", name, columns)
    both = [name for name in chosen if name in targets]
    if both or not chosen or not targets:
        raise BadInput(
            f"table: features {chosen} and target {targets}: give at least one column for each, "
            "and none for both. A feature that is the target would give the answer away."
        )
    if missing not in (None, "drop", "mean"):
        raise BadInput(f'table: missing must be "drop", "mean" or None, got {missing!r}.')
    if classes is not None and not isinstance(classes, bool):
        raise BadInput(f"table: classes must be True, False or None, got {classes!r}.")
    if features is None:
        _refuse_identifiers([columns[name] for name in chosen])
    if classes is None:
        classes = len(targets) == 1 and columns[targets[0]].is_text()
    if classes and len(targets) > 1:
        raise BadInput(f"table: classes are named by one column, but target is {targets}.")
    used = [columns[name] for name in chosen]
    rows = _complete([columns[name] for name in targets], used, classes, missing, notes)
    X, named = features_of(used, rows, missing)
    lost = int(np.isnan(X).any(axis=1).sum())
    if lost:
        notes.append(
            f"{counted(lost, 'row')} with missing cells: the mean of the training part stands there"
        )
    kinds = None
    if classes:
        kinds, numbers = _classes(columns[targets[0]], rows)
        Y = class_targets(numbers, len(kinds))
        targets = targets if len(kinds) == 2 else [f"{targets[0]} {kind}" for kind in kinds]
    else:
        Y = np.concatenate([_numbers(columns[name], rows) for name in targets], axis=1)
    return split_named(
        "table", X, Y, named, targets, kinds, validation, test, scaling, seed, tuple(notes)
    )


def _complete(
    targets: list[Column], features: list[Column], classes: bool, missing: str | None,
    notes: list[str],
) -> Indices:  # fmt: skip
    """The rows that can be used; notes say how many were left out."""
    count = len(targets[0].texts)
    gone = [[t == "" for t in c.texts] if classes else c.missing() for c in targets]
    without = np.any(gone, axis=0)
    if missing is None and without.any():
        at = int(without.argmax())
        column = next(c for c, lost in zip(targets, gone, strict=True) if lost[at])
        raise BadInput(
            f"table: {column.places[at]}, column {column.name!r} is empty; mend or drop that row, "
            'or say missing="drop".'
        )
    if without.any():
        notes.append(f"{counted(int(without.sum()), 'row')} without a target left out")
    if missing == "drop":
        holes = np.any([column.missing() for column in features], axis=0) & ~without
        if holes.any():
            notes.append(f"{counted(int(holes.sum()), 'row')} with missing cells left out")
        without |= holes
    rows = np.flatnonzero(~without)
    if not len(rows):
        empty = [column.name for column in features if all(column.missing())]
        raise BadInput(
            f"table: each of the {counted(count, 'row')} lacks a cell, so none is left"
            f"{f' (column {empty[0]!r} is empty in all of them)' if empty else ''}. Choose "
            'other columns with features=[...], or say missing="mean".'
        )
    return rows


def _numbers(column: Column, rows: Indices) -> Array:
    for at in rows:
        if column.numbers[at] is None:
            raise BadInput(
                f"table: {column.places[at]}, column {column.name!r} is {column.texts[at]!r}, not "
                "a finite number. Choose another target, or mend or drop that row."
            )
    return np.array([[column.numbers[at]] for at in rows], dtype=np.float64)


def _classes(column: Column, rows: Indices) -> tuple[list[str], Indices]:
    texts = [column.texts[at] for at in rows]
    labels = sorted(set(texts), key=order_of)
    if len(labels) < 2:
        raise BadInput(
            f"table: column {column.name!r} has one class only; there is nothing to tell apart."
        )
    number = {label: i for i, label in enumerate(labels)}
    return labels, np.array([number[text] for text in texts], dtype=np.intp)


def _refuse_identifiers(columns: list[Column]) -> None:
    """Refuse columns that nobody chose and that only number the rows."""
    found = [column.name for column in columns if is_identifier(column)]
    if found and len(found) < len(columns):
        rest = [column.name for column in columns if column.name not in found]
        raise BadInput(
            f"table: column {found[0]!r} numbers the rows, and a network would learn that by "
            f"heart. Choose the others: features={rest}."
        )


def _listed(argument: str, names: Any) -> list[str]:
    if not isinstance(names, str | int | list | tuple):
        raise BadInput(
            f"table: {argument} must be the name of a column or a list of names, got {names!r}."
        )
    chosen = [str(name) for name in ([names] if isinstance(names, str | int) else names)]
    if len(set(chosen)) < len(chosen):
        raise BadInput(f"table: {argument} names a column twice: {chosen}.")
    return chosen
