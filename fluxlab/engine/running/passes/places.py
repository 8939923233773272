"""Where the matrices of a plan live: in arrays of their own, or as parts of larger ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fluxlab.engine.core.numbers import Array, Shape

View = Callable[[Array], Array]


class Place:
    """The storage of one matrix of a plan.

    Attributes
    ----------
    shape : the matrix's shape.
    parent, view : it is `view(parent.array)`, a part of another place; or it has its own array.
    free : nobody but the plan looks there, so it may be moved into a larger place.
    loose : it may lie there with gaps between its rows; else its cells stay side by side.
    turned : its last two axes are exchanged in memory: it is stored column by column.
    """

    def __init__(
        self, shape: Shape, array: Array | None = None, *, free: bool = False, loose: bool = False,
        parent: Place | None = None, view: View | None = None,
    ) -> None:  # fmt: skip
        self.shape, self._array, self.free, self.loose = shape, array, free, loose
        self.parent, self.view, self.turned = parent, view, False

    @property
    def array(self) -> Array:
        if self.parent is not None and self.view is not None:
            return self.view(self.parent.array)
        if self._array is None:
            if self.turned:
                *lead, n, m = self.shape
                self._array = np.zeros((*lead, m, n)).swapaxes(-1, -2)
            else:
                self._array = np.zeros(self.shape)
        return self._array

    @property
    def root(self) -> Place:
        place = self
        while place.parent is not None:
            place = place.parent
        return place

    @property
    def size(self) -> int:
        return prod(self.shape)

    def move(self, parent: Place, view: View) -> None:
        """Become a part of `parent`, stored as that stores it."""
        self.parent, self.view, self._array, self.free = parent, view, None, False


def side_by_side(places: Sequence[Place]) -> Array | None:
    """Places at equal distances within one array, seen along a new first axis; None if not so."""
    if len({place.root for place in places}) > 1:
        return None
    arrays = [place.array for place in places]
    first, starts = arrays[0], [_start(a) for a in arrays]
    steps = {b - a for a, b in pairwise(starts)}
    if len(steps) != 1 or any((a.shape, a.strides) != (first.shape, first.strides) for a in arrays):
        return None
    (step,) = steps
    return as_strided(first, (len(arrays), *first.shape), (step, *first.strides)) if step else None


def end_to_end(places: Sequence[Place]) -> Array | None:
    """Places of any shapes that follow one another within one array, as one row of cells."""
    if len({place.root for place in places}) > 1:
        return None
    arrays = [place.array for place in places]
    at = _start(arrays[0])
    for array in arrays:
        if not array.flags.c_contiguous or _start(array) != at:
            return None
        at += array.nbytes
    return as_strided(arrays[0], (sum(a.size for a in arrays),), (arrays[0].itemsize,))


def _start(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def stacked(places: Sequence[Place]) -> Place | None:
    """One place that shows `places` along a new first axis, without copying; None: impossible."""
    seen = side_by_side(places)
    if seen is not None:
        return _spanning(places, seen.shape, side_by_side)
    if not stackable(places):
        return None
    whole = Place(
        (len(places), *places[0].shape), free=True, loose=all(place.loose for place in places)
    )
    whole.turned = places[0].turned
    for number, place in enumerate(places):
        place.move(whole, _part(number))
    return whole


def stackable(places: Sequence[Place]) -> bool:
    """Whether `stacked` can do it."""
    alike = len({(place.shape, place.turned) for place in places}) == 1
    return (alike and _movable(places)) or side_by_side(places) is not None


def flat(places: Sequence[Place]) -> Place | None:
    """One row of cells that holds `places` end to end, without copying; None: impossible."""
    seen = end_to_end(places)
    if seen is not None:
        return _spanning(places, seen.shape, end_to_end)
    if not _movable(places):
        return None
    whole, start = Place((sum(place.size for place in places),), free=True), 0
    for place in places:
        place.move(whole, _stretch(slice(start, start + place.size), place.shape))
        start += place.size
    return whole


def _movable(places: Sequence[Place]) -> bool:
    return all(place.free for place in places) and len(set(places)) == len(places)


def _spanning(
    places: Sequence[Place], shape: Shape, look: Callable[[Sequence[Place]], Array | None]
) -> Place:
    root, seen = places[0].root, look(places)
    assert seen is not None
    whole = root.array
    if whole.shape == shape and whole.strides == seen.strides and _start(whole) == _start(seen):
        return root

    def view(_: Array) -> Array:
        found = look(places)
        assert found is not None
        return found

    return Place(shape, parent=root, view=view)


def _part(number: int) -> View:
    return lambda whole: whole[number, ...]  # a view, also of a single cell


def _stretch(part: slice, shape: Shape) -> View:
    return lambda whole: whole[part].reshape(shape)
