"""Every operation of the catalogue. `fl.exp(a)` records a step in a trace, or computes numbers."""

from __future__ import annotations

from fluxlab.engine.catalogue.arithmetic import (
    absolute,
    add,
    add_all,
    contract,
    divide,
    einsum,
    error_slope,
    exp,
    hold,
    log,
    maximum,
    multiply,
    negate,
    outer,
    power,
    sign,
    sqrt,
    squared_error,
    step_down,
    subtract,
)
from fluxlab.engine.catalogue.batches import batch_is_real, batch_rows, rows
from fluxlab.engine.catalogue.choosing import argmax, bell, greater, top, uniform
from fluxlab.engine.catalogue.reducing import first_largest, max, mean, sum
from fluxlab.engine.catalogue.shaping import (
    concatenate,
    expand,
    pad,
    reshape,
    same,
    scatter,
    transpose,
)  # fmt: skip
from fluxlab.engine.core.operators import matmul

__all__ = [
    "absolute", "add", "add_all", "argmax", "batch_is_real", "batch_rows", "bell",
    "concatenate", "contract", "divide", "einsum", "error_slope", "exp", "expand",
    "first_largest", "greater", "hold", "log", "matmul", "max", "maximum", "mean", "multiply",
    "negate", "outer", "pad", "power", "reshape", "rows", "same", "scatter", "sign", "sqrt",
    "squared_error", "step_down", "subtract", "sum", "top", "transpose", "uniform",
]  # fmt: skip
