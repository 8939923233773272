"""`trace(function, **matrices)`: run ordinary Python and record every step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fluxlab.engine.errors import BadInput
from fluxlab.engine.numbers import as_numbers
from fluxlab.engine.op import Op, Params
from fluxlab.engine.trace import Matrix, Trace


def record(op: Op, inputs: Sequence[Any], params: Params) -> Any:
    """Record a step in the inputs' trace; plain numbers are computed at once."""
    trace: Trace | None = None
    for m in inputs:
        if isinstance(m, Matrix):
            if trace is not None and m.trace is not trace:
                raise BadInput(
                    f"{op.name}: its matrices belong to different traces; use those of one trace."
                )
            trace = m.trace
    if trace is not None:
        return trace.record(op, inputs, params)
    arrays = [as_numbers(op.name, f"argument {i + 1}", m) for i, m in enumerate(inputs)]
    op.shape([a.shape for a in arrays], params)
    out = op.output(arrays, params)
    with np.errstate(all="ignore"):
        for call in op.bind(out, arrays, params):
            call()
    return float(out) if out.ndim == 0 else out


def trace(function: Callable[..., Any], **matrices: Any) -> Trace:
    """Run `function` on traced matrices and record every step.

    `function` is ordinary Python with `@`, `+`, `*`, `fl.tanh`, ...; each keyword argument
    becomes an input matrix of that name. A function that returns more than one number has
    the sum of its cells as its cost C.

    >>> t = trace(lambda x, w: fl.tanh(x @ w), x=[[1.0, 2.0]], w=[[0.5], [-0.25]])
    >>> t.backward()
    >>> t["dC_dw"].explain(1, 0)
    """
    if not callable(function):
        raise BadInput(f"trace: function must be a function, got {type(function).__name__}.")
    title = getattr(function, "__name__", "function").replace("<lambda>", "your function")
    try:
        inspect.signature(function).bind(**matrices)
    except TypeError as problem:
        raise BadInput(
            f"trace: {title}{inspect.signature(function)} does not fit the matrices given "
            f"({', '.join(matrices) or 'none'}): {problem}. Give each argument by its name."
        ) from None
    if "C" in matrices:
        raise BadInput("trace: C is the cost's own name; call that argument something else.")
    made = Trace(title)
    inputs = {name: made.input(name, value) for name, value in matrices.items()}
    with made.following(function):
        result = function(**inputs)
    made.finish(result)
    return made
