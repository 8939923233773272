"""Reductions: many cells become one."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from fluxlab.engine.catalogue.arithmetic import divide, multiply
from fluxlab.engine.catalogue.axes import axes_of
from fluxlab.engine.catalogue.shaping import repeated
from fluxlab.engine.catalogue.windows import first_largest_of
from fluxlab.engine.core.kinds import Reduction


def _spread(matrix: Any, step: Any) -> Any:
    """Repeat a reduced gradient over the cells that were reduced."""
    shape, axes = step.inputs[0].shape, step.params["axes"]
    if not step.params["keepdims"] and axes and len(axes) < len(shape):
        return repeated(matrix, shape=shape, axes=axes)
    return repeated(matrix, shape=shape)


def _count(step: Any) -> float:
    return float(prod(step.inputs[0].shape[a] for a in step.params["axes"]))


_sum = Reduction(
    "sum", np.add, False, lambda step, dC: _spread(dC, step),
    latex=r"\sum <0>", numpy="np.sum(<0>)",
)  # fmt: skip
_mean = Reduction(
    "mean", np.add, True,
    lambda step, dC: _spread(divide(dC, _count(step)).named(f"{dC.local} per cell"), step),
    latex=r"\operatorname{mean} <0>", numpy="np.mean(<0>)",
)  # fmt: skip


def _max_vjp(step: Any, dC: Any) -> Any:
    mask = first_largest_of(step.inputs[0], step.output, axes=step.params["axes"])
    mask.named("is largest")
    return multiply(_spread(dC, step).named(f"{dC.local} repeated"), mask)


_max = Reduction("max", np.maximum, False, _max_vjp, latex=r"\max <0>", numpy="np.max(<0>)")


def sum(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The sum of the cells along `axis` (default: of all cells)."""
    return _sum(x, axes=axes_of("sum", x, axis), keepdims=keepdims)


def mean(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The mean of the cells along `axis` (default: of all cells)."""
    return _mean(x, axes=axes_of("mean", x, axis), keepdims=keepdims)


def max(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The largest cell along `axis` (default: of all). Its gradient goes to the first largest."""
    return _max(x, axes=axes_of("max", x, axis), keepdims=keepdims)


def first_largest(x: Any, axis: int) -> Any:
    """1 at the first largest cell along `axis`, else 0."""
    axes = axes_of("first_largest", x, axis)
    return first_largest_of(x, _max(x, axes=axes, keepdims=True), axes=axes)
