"""How a contraction is computed: as one product of tables wherever its axes allow it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from fluxlab.engine.core.memory import order_of
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.core.op import Call

Groups = Sequence[Sequence[str]]


def product_calls(left: str, right: str, target: str, a: Array, b: Array, out: Array) -> list[Call]:
    """Calls that fill `out` with the contraction of a (axes `left`) and b (axes `right`).

    The letters fall into four groups: batch (in all three), rows (in left only), columns (in
    right only) and summed (not in the target). Each group becomes one axis where that needs no
    copy, so `x @ w` of sequences is a single product of two tables. What no product can read as
    it lies in memory is copied into storage made here; a call allocates nothing.
    """
    shared = [c for c in left if c in right]
    batch = [c for c in target if c in shared]
    summed = [c for c in shared if c not in target]
    rows, columns = [c for c in left if c not in shared], [c for c in right if c not in shared]
    if (
        len(summed) == 1
        and not batch
        and max(a.ndim, b.ndim) <= 2
        and all(m.flags.forc or _readable(m, 0) for m in (a, b, out))
    ):  # as in x @ w: there is nothing to look for
        A = a if left == "".join(rows + summed) else a.T
        B = b if right == "".join(summed + columns) else b.T
        return [_dot(A, B, out if target == "".join(rows + columns) else out.T)]
    if not summed:
        spread = [_spread(m, names, target) for m, names in ((a, left), (b, right))]
        return [partial(np.multiply, *spread, out)]
    if batch and not rows and not columns:
        return [partial(np.einsum, f"{left},{right}->{target}", a, b, out=out)]
    found = None
    first, second, third = (
        _by_memory(names, m) for names, m in ((left, a), (right, b), (target, out))
    )
    for r, c, s in product(
        _orders(rows, first, third), _orders(columns, second, third), _orders(summed, first, second)
    ):
        tables = [
            _Table(a, left, batch, [r, s]),
            _Table(b, right, batch, [s, c]),
            _Table(out, target, batch, [r, c]),
        ]
        copied = sum(t.source.size for t in tables if t.view is None)
        if found is None or copied < found[0]:
            found = copied, tables
    assert found is not None
    *given, filled = found[1]
    calls: list[Call] = []
    A, B = (table.read(calls) for table in given)
    made = filled.array()
    calls.append(_matmul(A, B, made) if batch else _dot(A, B, made))
    if filled.view is None:
        calls.append(partial(np.copyto, filled.source, made.reshape(filled.source.shape)))
    return calls


def product_storage(left: str, right: str, target: str, a: Array, b: Array) -> Array:
    """Storage for a contraction's output that one product of tables fills as it is.

    As the output's letters say, if the factors lie so. Else, as after `patches`, the rows and the
    columns each in their factor's order. If neither side then comes first in the output, a side
    that is one axis lies innermost, such as the filters of a convolution (pooling finds long runs
    of filters and samples then); if there is none, the longer side.
    """
    size = dict(zip(left + right, a.shape + b.shape, strict=True))
    plain = a.flags.c_contiguous and b.flags.c_contiguous
    if plain or len(target) <= 2 or any(c in left and c in right for c in target):
        return np.empty([size[c] for c in target])
    rows, columns = (
        [c for c in _by_memory(names, m) if c in target] for names, m in ((left, a), (right, b))
    )
    orders = [rows + columns, columns + rows]
    if len(rows) == 1 or (
        len(columns) > 1 and prod(size[c] for c in rows) > prod(size[c] for c in columns)
    ):
        orders.reverse()
    long = [c for c in target if size[c] > 1]
    own = [order for order in orders if [c for c in order if size[c] > 1] == long]
    order = own[0] if own else orders[0]
    return np.empty([size[c] for c in order]).transpose([order.index(c) for c in target])


def _by_memory(names: str, array: Array) -> str:
    """Letters as their axes lie in memory, the slowest first."""
    return "".join(names[axis] for axis in order_of(array))


class _Table:
    """A matrix with its axes in the order of batch and groups, each group as one axis.

    An empty group has no axis. `view` is None if no product can read it as it lies in memory.
    """

    def __init__(self, array: Array, names: str, batch: Sequence[str], groups: Groups) -> None:
        order = [*batch, *(c for group in groups for c in group)]
        self.source = array.transpose([names.index(c) for c in order])
        lengths = dict(zip(names, array.shape, strict=True))
        self.shape = (
            *(lengths[c] for c in batch),
            *(int(np.prod([lengths[c] for c in group])) for group in groups if group),
        )
        merged = self.source.reshape(self.shape)
        ours = np.may_share_memory(merged, array) and _readable(merged, len(batch))
        self.view = merged if ours else None

    def array(self) -> Array:
        return np.empty(self.shape) if self.view is None else self.view

    def read(self, calls: list[Call]) -> Array:
        """The table; its numbers are copied first where they must be."""
        made = self.array()
        if self.view is None:
            calls.append(partial(np.copyto, made.reshape(self.source.shape), self.source))
        return made


def _readable(table: Array, batch: int) -> bool:
    """Whether BLAS takes the tables behind the batch axes: one axis of each is contiguous."""
    item, sides = table.itemsize, list(zip(table.shape, table.strides, strict=True))[batch:]
    if any(n > 1 and step < item for n, step in sides):
        return False  # repeated, or backwards
    if len(sides) < 2:
        return True
    (m, down), (n, across) = sides
    by_rows = (across == item or n == 1) and (down >= n * item or m == 1)
    by_columns = (down == item or m == 1) and (across >= m * item or n == 1)
    return bool(by_rows or by_columns)


def _orders(group: Sequence[str], *wholes: str) -> list[list[str]]:
    """The orders in which a group's letters stand in the two matrices that have them."""
    found = [sorted(group, key=whole.index) for whole in wholes]
    return found[:1] if found[0] == found[1] else found


def _spread(array: Array, names: str, target: str) -> Array:
    """Axes in the order of the target, with axes of length 1 for letters that are lacking."""
    own = array.transpose([names.index(c) for c in target if c in names])
    # The dots keep a single number a view: without them its value would be fixed here.
    return own[(..., *(slice(None) if c in names else None for c in target))]


def _dot(A: Array, B: Array, out: Array) -> Call:
    if out.flags.c_contiguous:
        return partial(A.dot, B, out)
    if out.T.flags.c_contiguous:
        return partial(B.T.dot, A.T, out.T)
    return _matmul(A, B, out)


def _matmul(A: Array, B: Array, out: Array) -> Call:
    """With batch axes in front; an input that has no rows or no columns of its own gets one."""
    batch: Any = max(A.ndim, B.ndim) - 2
    if A.ndim == batch + 1:
        A, out = A[..., None, :], out[..., None, :]
    if B.ndim == batch + 1:
        B, out = B[..., None], out[..., None]
    return partial(np.matmul, A, B, out)
