"""Numbers from outside: checked, copied, or refused with a reason."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from fluxlab.engine.core.errors import BadInput

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Shape = tuple[int, ...]


class Shown(np.ndarray[Any, np.dtype[np.float64]]):
    """Numbers that show a matrix of a trace: to be read. What is computed from them is plain.

    how : what to write instead of assigning to a cell.
    """

    how: str | None = None

    def __setitem__(self, where: Any, value: Any) -> None:
        self._refuse()
        super().__setitem__(where, value)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        for target in kwargs.get("out", ()):  # also `numbers += 1`
            if isinstance(target, Shown):
                target._refuse()
        if "out" in kwargs:
            kwargs["out"] = _plain(kwargs["out"])
        return getattr(ufunc, method)(*_plain(inputs), **kwargs)

    def _refuse(self) -> None:
        if self.how is not None:
            raise BadInput(
                "These numbers show a matrix, and writing to them would change nothing. "
                f"{self.how} For an array of your own take .copy()."
            )

    def __repr__(self) -> str:
        return repr(np.asarray(self))


def _plain(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(np.asarray(a) if isinstance(a, Shown) else a for a in arrays)


Shown.__name__ = "ndarray"  # what it is in every message


def shown(numbers: Array, how: str) -> Array:
    """The same numbers, read-only, with words on how to change what they show."""
    numbers.flags.writeable = False
    found = numbers.view(Shown)
    found.how = how
    return found


def as_numbers(function: str, argument: str, value: Any) -> Array:
    """A float64 copy of `value`; raises BadInput for text, NaN, infinity or nothing."""
    try:
        given = np.asarray(value)
    except BadInput:  # a traced matrix in a list
        raise BadInput(
            f"{function}: {argument} is a {type(value).__name__} of traced matrices. Make one "
            "matrix of it: fl.stack(parts), or fl.stack([fl.stack(row) for row in rows])."
        ) from None
    except ValueError:  # rows of unequal length
        given = np.array(None)
    try:
        kind = given.dtype.kind
        if kind not in "biufO" or (kind == "O" and any(_no_number(v) for v in given.flat)):
            raise TypeError
        array = np.array(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):  # 10**400 is too large for a float
        raise BadInput(
            f"{function}: {argument} must be numbers, got {type(value).__name__} {_short(value)}. "
            "Give a number, a list of rows of equal length, or a NumPy array."
        ) from None
    if array.size == 0:
        raise BadInput(
            f"{function}: {argument} is empty (shape {array.shape}); give at least one number."
        )
    if not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))
        where = tuple(int(i) for i in bad[0])
        what = "NaN (not a number)" if np.isnan(array[where]) else "infinite"
        raise BadInput(
            f"{function}: {argument} has {len(bad)} cell(s) that are not finite; the first, at "
            f"{where}, is {what}. Replace or drop such cells first."
        )
    return array


def shape_of(function: str, argument: str, value: Any) -> tuple[int, ...]:
    """The shape of a matrix, traced or not, or of numbers that are checked first."""
    if hasattr(value, "shape"):
        return tuple(value.shape)
    return as_numbers(function, argument, value).shape


def is_whole(value: object) -> bool:
    """Whether it is one whole number; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether it is one finite number; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    try:
        return isfinite(value)
    except OverflowError:  # 10**400
        return False


def whole(function: str, argument: str, value: object, least: int) -> None:
    """Refuse what is not a whole number of at least `least`."""
    if not is_whole(value) or value < least:  # type: ignore[operator]
        raise BadInput(
            f"{function}: {argument} must be a whole number, {least} or more, got {value!r}."
        )


def bounded(
    function: str, argument: str, value: object, *, least: float | None = None,
    above: float | None = None, below: float | None = None,
) -> None:  # fmt: skip
    """Refuse what is not one finite number within the bounds given."""
    bounds = [
        f"{text} {bound:g}" if text != "or more" else f"{bound:g} {text}"
        for text, bound in (("or more", least), ("above", above), ("below", below))
        if bound is not None
    ]
    fits = (
        is_number(value)
        and (least is None or value >= least)  # type: ignore[operator]
        and (above is None or value > above)  # type: ignore[operator]
        and (below is None or value < below)  # type: ignore[operator]
    )
    if not fits:
        raise BadInput(
            f"{function}: {argument} must be a number, {' and '.join(bounds)}, got {value!r}."
        )


def _no_number(value: object) -> bool:
    return value is None or isinstance(value, str | bytes | complex)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def has_cell(shape: tuple[int, ...], index: tuple[int, ...]) -> bool:
    """Whether a matrix of that shape has a cell with that index (counted from 0)."""
    if not isinstance(index, tuple | list) or len(index) != len(shape):
        return False
    return all(map(is_whole, index)) and all(0 <= i < n for i, n in zip(index, shape, strict=True))
