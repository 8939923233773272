"""How far off: the figures of regression (S2 16). Traceable."""

from __future__ import annotations

from typing import Any

import numpy as np

from fluxlab.engine.catalogue import losses, ops
from fluxlab.engine.catalogue.losses import one_minus
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.metrics.shared import named, same, values


def mse(y: Any, t: Any) -> Any:
    """The mean over all cells of (y - t) squared; y and t (samples, outputs) or (samples,)."""
    return named(losses.mse(*same("mse", y, t)), "mse")


def rmse(y: Any, t: Any) -> Any:
    """The square root of the mean squared error over all cells: in the unit of t."""
    return named(ops.sqrt(named(losses.mse(*same("rmse", y, t)), "mse")), "rmse")


def mae(y: Any, t: Any) -> Any:
    """The mean over all cells of |y - t|: in the unit of t."""
    return named(losses.mae(*same("mae", y, t)), "mae")


def r_squared(y: Any, t: Any) -> Any:
    """1 - (squared error of y) / (squared error of always saying the mean of t).

    1 is perfect, 0 is no better than the mean of these very targets, and on unseen data it can be
    negative without end. (S2 says 0 to 1.) With several outputs, the mean over the outputs.

    Raises
    ------
    BadInput : an output whose targets are all equal. They leave nothing to explain: 0 / 0.
    """
    y, t = same("r_squared", y, t)
    flat = np.flatnonzero(np.ptp(values(t), axis=0) == 0)
    if len(flat):
        raise BadInput(
            f"r_squared: column {flat[0]} of t is {values(t)[0, flat[0]]:g} in every sample, so "
            "there is no spread to explain. Give more samples, or take rmse."
        )
    left = named(ops.sum(ops.squared_error(y, t), axis=0), "unexplained")
    mean = named(ops.mean(t, axis=0, keepdims=True), "mean target")
    spread = named(ops.sum(ops.squared_error(t, mean), axis=0), "spread")
    each = one_minus(ops.divide(left, spread))
    return named(ops.mean(each), "R squared")
