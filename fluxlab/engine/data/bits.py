"""Rows of bits: gates and parity."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.core.errors import BadInput, unknown
from fluxlab.engine.core.numbers import Array

GATES = {"and": (0, 0, 0, 1), "or": (0, 1, 1, 1), "xor": (0, 1, 1, 0), "nand": (1, 1, 1, 0)}


def bits(count: int) -> Array:
    """Every row of `count` bits in counting order: shape (2**count, count)."""
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 16:
        raise BadInput(f"bits: count must be a whole number from 1 to 16, got {count!r}.")
    numbers = np.arange(2**count)[:, None]
    return ((numbers >> np.arange(count)[::-1]) & 1).astype(np.float64)


def parity(count: int = 4) -> tuple[Array, Array]:
    """All rows of `count` bits, and 1 where the number of ones is odd: (2**n, n) and (2**n, 1)."""
    x = bits(count)
    return x, x.sum(axis=1, keepdims=True) % 2


def gate(name: str) -> tuple[Array, Array]:
    """The four rows of a two-input gate: "and", "or", "xor" or "nand"."""
    if not isinstance(name, str) or name not in GATES:
        raise unknown("gate", name, GATES)
    return bits(2), np.array(GATES[name], dtype=np.float64)[:, None]
