"""Axes and shapes that a student names: checked, and counted from the front."""

from __future__ import annotations

from typing import Any

from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.numbers import is_whole, shape_of


def axes_of(name: str, x: Any, axis: Any) -> tuple[int, ...]:
    """The axes asked for (None: all), counted from the front; BadInput if there are none such."""
    shape = shape_of(name, "x", x)
    n = len(shape)
    chosen = list(range(n) if axis is None else axis if isinstance(axis, list | tuple) else [axis])
    there = all(is_whole(a) and -n <= a < n for a in chosen)
    found = sorted({int(a) % n for a in chosen}) if there else []
    if len(found) < len(chosen):
        if not n:
            raise BadInput(
                f"{name}: one number has no axis {axis!r}. fl.stack([a, b]) makes a row of numbers."
            )
        raise BadInput(
            f"{name}: axis {axis!r} does not exist, or twice, in a matrix that is "
            f"{size(shape)}; its axes are 0 to {n - 1}."
        )
    return tuple(found)


def axis_of(name: str, x: Any, axis: Any) -> int:
    """The one axis asked for, counted from the front."""
    if not is_whole(axis):
        raise BadInput(f"{name}: axis must be one whole number, got {axis!r}.")
    return axes_of(name, x, axis)[0]


def sizes_of(name: str, shape: Any) -> tuple[int, ...]:
    """A shape that a matrix can have, from outside."""
    if not isinstance(shape, list | tuple) or not all(is_whole(n) and n > 0 for n in shape):
        raise BadInput(
            f"{name}: shape must be a list of whole numbers, 1 or more, such as (3, 4); got "
            f"{shape!r}."
        )
    return tuple(int(n) for n in shape)
