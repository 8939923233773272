"""Any (X, Y) split into training, validation and test part, and scaled by the training part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fluxlab.engine.core.errors import BadInput, counted, size, unknown
from fluxlab.engine.core.numbers import Array, Indices, as_numbers
from fluxlab.engine.core.pairs import check_rows, labels_of, turned
from fluxlab.engine.data.datasets import seeded

SCALINGS = ("standard", "min-max", "none")


class Part(NamedTuple):
    """Some of the samples: X (samples, features), Y (samples, outputs)."""

    X: Array
    Y: Array


@dataclass(frozen=True)
class Scaling:
    """(X - shift) / scale, column by column; shift and scale are (1, features).

    "standard" gives the training part mean 0 and standard deviation 1, "min-max" 0 to 1. A column
    that is constant there is shifted only.
    """

    kind: str
    shift: Array
    scale: Array

    def apply(self, X: Any) -> Array:
        """Scale new samples in the same way: (samples, features)."""
        return (self._fitting("apply", X) - self.shift) / self.scale

    def undo(self, X: Any) -> Array:
        """The measures again."""
        return self._fitting("undo", X) * self.scale + self.shift

    def _fitting(self, here: str, X: Any) -> Array:
        table = as_numbers(here, "X", X)
        if table.ndim != 2 or table.shape[1] != self.shift.shape[1]:
            raise BadInput(
                f"{here}: X must be (samples, {self.shift.shape[1]}), got {size(table.shape)}."
            )
        return table


@dataclass(frozen=True, repr=False)
class Split:
    """Three parts of a data set, and how they came about.

    Attributes
    ----------
    train, validation, test : Part, with .X (scaled) and .Y; a part of size 0 has no rows.
    rows : for "train", "validation" and "test" the row numbers in the data given, from 0.
    scaling : fitted on the training part only; `.scaling.apply(X)` for new samples.
    features, target : names of the columns of X and of Y.
    classes : names of the classes, or None where Y holds numbers. Two classes are one column:
        1 for the second.
    notes : what was left out or filled in, in words.
    """

    train: Part
    validation: Part
    test: Part
    rows: dict[str, Indices]
    scaling: Scaling
    features: list[str]
    target: list[str]
    classes: list[str] | None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        named = self.classes or self.target
        listed = ", ".join(map(_short, named[:20]))
        more = f", ... ({len(named)} in all)" if named[20:] else ""
        kinds = f"{'classes ' if self.classes else ''}{listed}{more}"
        scaled = {
            "standard": "scaled to mean 0 and standard deviation 1 of the training part",
            "min-max": "scaled to 0..1 of the training part",
            "none": "not scaled",
        }[self.scaling.kind]
        sizes = [f"{len(self.rows[part])} {part}" for part in ("train", "validation", "test")]
        return "\n".join([
            f"{counted(sum(map(len, self.rows.values())), 'sample')}: {', '.join(sizes)}",
            f"X: {counted(len(self.features), 'feature')}, {scaled}",
            f"Y: {kinds}",
            *self.notes,
        ])  # fmt: skip


def _short(name: str) -> str:
    """The name of a class where it is shown: 40 characters at most."""
    return name if len(name) <= 40 else f"{name[:39]}…"


def split(
    X: Any,
    Y: Any,
    *,
    validation: float = 0.2,
    test: float = 0.2,
    scaling: str = "standard",
    seed: int = 0,
) -> Split:
    """Split (X, Y) into training, validation and test part, and scale X by the training part.

    Parameters
    ----------
    X : (samples, features).
    Y : (samples, outputs) or (samples,). Where every row is one-hot, or a single 0 or 1, the rows
        are classes, and each part gets its share of each class, rounded.
    validation, test : shares of all samples, rounded to whole ones; 0 for no such part.
    scaling : "standard", "min-max" or "none"; see `Scaling`.
    seed : the same seed gives the same parts.
    """
    check_rows("split", "X", X, "Y", Y)
    x, y = _table("X", X), _table("Y", Y)
    features, target = _names(X, "feature", x), _names(Y, "output", y)
    kinds = None
    if y.shape[1] == 1 and set(np.unique(y)) == {0.0, 1.0}:
        kinds = ["0", "1"]
    elif y.shape[1] > 1 and np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=1) == 1):
        kinds = [str(k) for k in range(y.shape[1])]
    return split_named("split", x, y, features, target, kinds, validation, test, scaling, seed)


def _names(given: Any, usual: str, table: Array) -> list[str]:
    """The names of the columns, or "feature 0", "feature 1", ..."""
    own = labels_of(given).get(1, [f"{usual} {i}" for i in range(table.shape[1])])
    return [str(name) for name in own]


def _table(argument: str, value: Any) -> Array:
    found = as_numbers("split", argument, value)
    if argument == "Y" and found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2:
        raise BadInput(
            f"split: {argument} must be a matrix whose rows are samples, got {size(found.shape)}."
        )
    return found


def split_named(
    here: str, x: Array, y: Array, features: list[str], target: list[str],
    kinds: list[str] | None, validation: float, test: float, scaling: str, seed: int,
    notes: tuple[str, ...] = (),
) -> Split:  # fmt: skip
    """`split` of checked matrices with names for columns and classes (None: Y holds numbers).

    Where x is NaN, the mean of that column in the training part is put.
    """
    if len(x) != len(y):
        raise BadInput(
            f"{here}: X has {len(x)} samples and Y {len(y)}; each needs its target."
            + turned("X", x, "Y", y)
        )
    if not isinstance(scaling, str) or scaling not in SCALINGS:
        raise unknown("scaling", scaling, SCALINGS)
    for name, share in (("validation", validation), ("test", test)):
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
            raise BadInput(
                f"{here}: {name} must be a share of the samples, from 0 to below 1, got {share!r}."
            )
    draw = seeded(here, seed)
    sizes = {"test": round(test * len(x)), "validation": round(validation * len(x))}
    if sum(sizes.values()) >= len(x) or any(
        share > 0 and not sizes[name]
        for name, share in (("test", test), ("validation", validation))
    ):
        raise BadInput(
            f"{here}: {counted(len(x), 'sample')} with validation={validation} and test={test} "
            f"would give {sizes['validation']} and {sizes['test']}; a part that is asked for and "
            "the training part need at least one sample. Change the shares."
        )
    if kinds is None:
        number = np.zeros(len(x), dtype=np.intp)
    else:
        number = (y[:, 0] if y.shape[1] == 1 else y.argmax(axis=1)).astype(np.intp)
    rows: dict[str, Indices] = {}
    left = draw.permutation(len(x))
    for name, count in sizes.items():
        chosen = _share(number[left], count, draw)
        rows[name], left = np.sort(left[chosen]), left[~chosen]
    rows["train"] = np.sort(left)
    lost = sorted(set(number) - set(number[left]))
    if kinds is not None and lost:
        raise BadInput(
            f"{here}: class {_short(kinds[lost[0]])!r} has "
            f"{counted(int(sum(number == lost[0])), 'sample')}, and none is left for training. "
            "Leave it out, or make the other parts smaller."
        )
    x = _filled(here, x, features, rows["train"])
    fitted = _fit(scaling, x[rows["train"]])
    scaled = (x - fitted.shift) / fitted.scale
    train, held, tested = (
        Part(scaled[rows[name]], y[rows[name]]) for name in ("train", "validation", "test")
    )
    return Split(train, held, tested, rows, fitted, features, target, kinds, notes)


def _filled(here: str, x: Array, features: list[str], train: Indices) -> Array:
    gone = np.isnan(x)
    empty = gone[train].all(axis=0)
    if empty.any():
        raise BadInput(
            f"{here}: column {features[int(empty.argmax())]!r} has no number in the training part; "
            "leave it out with features=[...]."
        )
    return np.where(gone, np.nanmean(x[train], axis=0), x) if gone.any() else x


def _share(number: Indices, count: int, draw: np.random.Generator) -> Any:
    """A mask of `count` samples, of each class its share: rounded down, or one more."""
    each = np.bincount(number)
    exact = each * count / len(number)
    whole = np.floor(exact).astype(np.intp)
    # The largest remainders are rounded up; equal ones by lot.
    order = np.lexsort((draw.random(len(each)), whole - exact))
    whole[order[: count - whole.sum()]] += 1
    chosen = np.zeros(len(number), dtype=bool)
    for kind, wanted in enumerate(whole):
        chosen[np.flatnonzero(number == kind)[:wanted]] = True
    return chosen


def _fit(kind: str, x: Array) -> Scaling:
    zero, one = np.zeros((1, x.shape[1])), np.ones((1, x.shape[1]))
    if kind == "none":
        return Scaling(kind, zero, one)
    spread = np.ptp(x, axis=0, keepdims=True)
    if kind == "min-max":
        return Scaling(kind, x.min(axis=0, keepdims=True), np.where(spread > 0, spread, one))
    deviation = x.std(axis=0, keepdims=True)
    return Scaling(kind, x.mean(axis=0, keepdims=True), np.where(spread > 0, deviation, one))
