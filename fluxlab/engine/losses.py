"""Costs. Each returns one number, C, as steps of the trace."""

from __future__ import annotations

from typing import Any

from fluxlab.engine import ops
from fluxlab.engine.trace import Matrix


def mse(y: Any, target: Any) -> Any:
    """The mean over all cells of (y - target) squared; y and target are (samples, outputs).

    Its gradient dC_dy = 2 (y - target) / N divides by the number of cells N once; nothing
    further down divides again.
    """
    if not isinstance(y, Matrix) and not isinstance(target, Matrix):
        return ops.mean(ops.squared_error(y, target))
    errors = ops.squared_error(y, target)
    if errors.temporary:
        errors.named("squared error")
    return ops.mean(errors)
