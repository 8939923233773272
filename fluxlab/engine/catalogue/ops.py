"""Every operation of the catalogue. `fl.exp(a)` records a step in a trace, or computes numbers."""

from __future__ import annotations

from fluxlab.engine.catalogue import numpys
from fluxlab.engine.catalogue.arithmetic import (
    absolute,
    add,
    add_all,
    contract,
    divide,
    error_slope,
    exp,
    hold,
    log,
    maximum,
    minimum,
    multiply,
    negate,
    outer,
    power,
    raised,
    remainder,
    sign,
    sqrt,
    squared_error,
    step_down,
    subtract,
)
from fluxlab.engine.catalogue.batches import batch_is_real, batch_rows, rows
from fluxlab.engine.catalogue.choosing import (
    argmax,
    argsort,
    bell,
    equal,
    greater,
    greater_equal,
    top,
    uniform,
)
from fluxlab.engine.catalogue.composites import (
    average,
    clip,
    folded,
    log_softmax,
    logsumexp,
    norm,
    std,
    var,
)
from fluxlab.engine.catalogue.curves import (
    arctan,
    ceil,
    cos,
    erf,
    expm1,
    floor,
    log1p,
    round,
    sin,
    square,
    tan,
)
from fluxlab.engine.catalogue.einsums import einsum
from fluxlab.engine.catalogue.indexing import item, sort, take_along_axis
from fluxlab.engine.catalogue.masks import (
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    not_equal,
    where,
)
from fluxlab.engine.catalogue.numpys import argmin, dot
from fluxlab.engine.catalogue.reducing import cumsum, first_largest, max, mean, min, prod, sum
from fluxlab.engine.catalogue.shaping import (
    concatenate,
    expand,
    pad,
    reshape,
    same,
    scatter,
    stack,
    transpose,
)  # fmt: skip
from fluxlab.engine.core import operators
from fluxlab.engine.core.operators import matmul

operators.learn(
    numpys.FUNCTIONS, numpys.UFUNCS, numpys.METHODS, item=item, power=numpys.power, round=round
)

__all__ = [
    "absolute", "add", "add_all", "arctan", "argmax", "argmin", "argsort", "average",
    "batch_is_real", "batch_rows", "bell", "ceil", "clip", "concatenate", "contract", "cos",
    "cumsum", "divide", "dot", "einsum", "equal", "erf", "error_slope", "exp", "expand", "expm1",
    "first_largest", "floor", "folded", "greater", "greater_equal", "hold", "less", "less_equal",
    "log", "log1p", "log_softmax", "logical_and", "logical_not", "logical_or", "logsumexp",
    "matmul", "max", "maximum", "mean", "min", "minimum", "multiply", "negate", "norm",
    "not_equal", "outer", "pad", "power", "prod", "raised", "remainder", "reshape", "round",
    "rows", "same", "scatter", "sign", "sin", "sort", "sqrt", "square", "squared_error", "stack",
    "std", "step_down", "subtract", "sum", "take_along_axis", "tan", "top", "transpose",
    "uniform", "var", "where",
]  # fmt: skip
