"""Where cells lie in memory: an operation is fastest where all its matrices lie alike."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from fluxlab.engine.core.numbers import Array, Shape
from fluxlab.engine.core.op import Call

LARGE = 4096  # cells; below, one call more costs more than it saves
RUN = 2048  # cells: runs of as many NumPy takes as they are (see `Running`), others it copies


def order_of(array: Array) -> list[int]:
    """The axes as they lie in memory, the slowest first."""
    if array.flags.c_contiguous:
        return list(range(array.ndim))
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))


def like(array: Array, shape: Shape | None = None) -> Array:
    """Storage whose axes lie in memory in the same order as those of `array`."""
    shape = array.shape if shape is None else shape
    if array.flags.c_contiguous:
        return np.empty(shape)
    order = order_of(array)
    return np.empty([shape[axis] for axis in order]).transpose(np.argsort(order))


def is_view(array: Array, of: Array) -> bool:
    """Whether a matrix that shows the first cell of another first is a view of it.

    Bounds would not tell: a plan lays matrices side by side, so that others lie in between.
    """
    first, second = (a.__array_interface__["data"][0] for a in (array, of))
    return bool(first == second)


def is_flat(array: Array) -> bool:
    """Whether the cells, read row by row, are evenly spaced in memory, so that a view is flat."""
    flat = array.reshape(-1)
    return array.size > 0 and bool(np.may_share_memory(flat, array))


def zeros(array: Array) -> Array:
    """Zeros that lie in memory as `array`; until they are written to they take up none."""
    order = order_of(array)
    return np.zeros([array.shape[axis] for axis in order]).transpose(np.argsort(order))


def split(out: Array, arrays: Sequence[Array]) -> tuple[Array, Sequence[Array]]:
    """Cut the last axis but one where an operand is repeated along it: `RUN` cells are enough.

    Of a bias of 8 cells for 10,000 rows, `aligned` then copies some hundred rows, not all.
    """
    if out.ndim < 2 or any(a.ndim not in (0, out.ndim) for a in arrays):
        return out, arrays
    n, m = out.shape[-2:]
    repeated = [a for a in arrays if a.ndim and a.shape[-2:] == (1, m) and m > 1]
    if not repeated or n * m <= RUN or out.strides[-1] != out.itemsize:
        return out, arrays
    part = next(k for k in range(-(-RUN // m), n + 1) if n % k == 0)

    def cut(array: Array) -> Array:
        if not array.ndim:
            return array
        *lead, rows, columns = array.shape
        return array.reshape(*lead, *((1, 1) if rows == 1 else (n // part, part)), columns)

    return cut(out), [cut(a) for a in arrays]


def aligned(array: Array, out: Array) -> tuple[Array, list[Call]]:
    """An operand as `out` lies in memory: itself, or a copy and the call that makes it.

    A copy has only the distinct cells of a repeated operand, unless the loops would then be
    short: a bias for each of 8 channels, which lie innermost, is repeated for the samples next
    to them, too.
    """
    if array.ndim != out.ndim:
        return array, []
    alone = array[tuple(slice(None) if step else slice(0, 1) for step in array.strides)]
    order = order_of(out)
    own = [axis for axis in order_of(alone) if alone.shape[axis] > 1]
    astray = own != [axis for axis in order if alone.shape[axis] > 1]
    full, run = list(alone.shape), 1
    inner = [axis for axis in reversed(order) if out.shape[axis] > 1]
    for axis in inner if alone.size > 1 and alone.shape[inner[0]] > 1 else []:
        if alone.shape[axis] == 1:
            if run >= RUN:
                break
            full[axis] = out.shape[axis]
        run *= out.shape[axis]
    if not astray and full == list(alone.shape):
        return array, []
    copied = like(out, tuple(full))
    return np.broadcast_to(copied, out.shape), [partial(copied.__setitem__, ..., alone)]


class Running:
    """`with Running():` around the calls of steps.

    Overflow is not hidden: an infinity or a NaN stays in its matrix, and readers explain it. And
    NumPy takes runs of over 2,048 cells as they are; by itself it copies those of up to 8,192
    into its own buffer first if the next run does not follow in memory (1.5 times as slow).
    """

    def __enter__(self) -> None:
        self._errors = np.errstate(all="ignore")
        self._errors.__enter__()
        self._before = np.setbufsize(RUN)

    def __exit__(self, kind: Any, problem: Any, where: Any) -> None:
        np.setbufsize(self._before)
        self._errors.__exit__(kind, problem, where)


@contextmanager
def nothing_to_collect() -> Iterator[None]:
    """While many objects are made that all stay: looking for garbage takes half of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
