"""Rows taken from a table by their numbers: mini-batches, an embedding."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.kinds.moves import Gather, Selection
from fluxlab.engine.core.numbers import Array, Indices
from fluxlab.engine.core.op import Call, Params


def _take_rows(table: Array, numbers: Array) -> Array:
    places = np.asarray(numbers).astype(np.intp)
    _check_rows(table, np.asarray(numbers), places)
    return table[places]


def _check_rows(table: Array, numbers: Array, places: Indices) -> None:
    # Seen without a sign, a number below 0 is a very large one.
    if (places != numbers).any() or places.view(np.uintp).max() >= len(table):
        raise BadInput(
            f"rows: numbers must be whole numbers from 0 to {len(table) - 1}, one for each row of "
            f"the table; got {np.min(numbers):g} to {np.max(numbers):g}."
        )


class Rows(Gather):
    """`table[numbers]`, without allocation."""

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        table, numbers = arrays
        places = np.empty(numbers.shape, dtype=np.intp)
        # The row numbers of a batch are right as they are made; a plan knows that.
        check = [] if params.get("sure") else [partial(_check_rows, table, numbers, places)]
        return [
            partial(np.copyto, places, numbers, "unsafe"),
            *check,
            partial(table.take, places, 0, out, "clip"),
        ]


_rows: Gather = Rows(
    "rows", _take_rows,
    latex=r"{<0>}_{<1>}", numpy="<0>[<1>.astype(int)]", words="the rows of <0> that <1> names",
)  # fmt: skip


@lru_cache(maxsize=8)
def _order(count: int, seed: int, epoch: int) -> Indices:
    """All rows in the order of an epoch; every iteration of the epoch asks for it."""
    order = np.arange(count)
    key = np.random.SeedSequence([seed, epoch])
    np.random.Generator(np.random.Philox(key)).shuffle(order)
    order.flags.writeable = False
    return order


def _batch(iteration: Array, count: int, size: int, seed: int, shuffle: bool) -> Indices:
    epoch, number = divmod(int(iteration), -(-count // size))
    start = number * size
    if shuffle:
        chosen = _order(count, seed, epoch)[start : start + size]
    else:
        chosen = np.arange(start, min(start + size, count))
    if len(chosen) == size:
        return chosen
    # A short last batch is filled up with rows that do not count; see `batch_is_real`.
    return np.concatenate([chosen, np.zeros(size - len(chosen), dtype=chosen.dtype)])


def _is_real(iteration: Array, count: int, size: int) -> Array:
    number = int(iteration) % -(-count // size)
    return (np.arange(number * size, (number + 1) * size) < count).astype(np.float64)[:, None]


_batch_rows: Selection = Selection(
    "batch_rows", _batch, False, everything=True, latex=r"\text{batch}(<0>)",
    numpy="batch_rows(<0>, count=<count>, size=<size>, seed=<seed>)",
    words="the rows of this iteration's batch: every epoch goes once through all <count> samples",
)  # fmt: skip
_batch_is_real: Selection = Selection(
    "batch_is_real", _is_real, False, everything=True, unit=True, latex=r"\text{real}(<0>)",
    numpy="batch_is_real(<0>, count=<count>, size=<size>)",
    words="1 for a row of the batch, 0 for a row that only fills up a short last batch",
)  # fmt: skip


def rows(table: Any, numbers: Any) -> Any:
    """The rows of `table` that `numbers` names: an embedding. No gradient flows to numbers."""
    return _rows(table, numbers)


def batch_rows(iteration: Any, count: int, size: int, seed: int, shuffle: bool = True) -> Any:
    """The row numbers of one mini-batch, (size,), as a function of the iteration."""
    return _batch_rows(iteration, count=count, size=size, seed=seed, shuffle=shuffle)


def batch_is_real(iteration: Any, count: int, size: int) -> Any:
    """(size, 1): 1 for the rows of the batch, 0 for rows that fill up a short last one."""
    return _batch_is_real(iteration, count=count, size=size)
