"""Pooling: one number for each window of each channel. It has no parameters."""

from __future__ import annotations

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.images import AXES, as_image, windows
from fluxlab.engine.catalogue.ops import max, mean
from fluxlab.engine.catalogue.windows import Pair, pair
from fluxlab.engine.core.matrix import Matrix


@layer
class MaxPool:
    """The largest cell of each window: (samples, channels, rows, columns) keeps its channels.

    The gradient goes to the cell that won, the first of equals.

    size : rows and columns of a window, or one number for both.
    stride : how far apart windows are; None: side by side. What no window reaches is not read.
    """

    size: int | Pair = 2
    stride: int | Pair | None = None

    @property
    def window(self) -> tuple[Pair, Pair]:
        """(size, stride), as `receptive_field` reads it."""
        return _window("MaxPool", self.size, self.stride)

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        h: Matrix = max(_windows("MaxPool", x, self.window), axis=(4, 5))
        return h.named("h", axes=AXES)


@layer
class AveragePool:
    """The mean of each window; see `MaxPool` for its arguments."""

    size: int | Pair = 2
    stride: int | Pair | None = None

    @property
    def window(self) -> tuple[Pair, Pair]:
        """(size, stride), as `receptive_field` reads it."""
        return _window("AveragePool", self.size, self.stride)

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        h: Matrix = mean(_windows("AveragePool", x, self.window), axis=(4, 5))
        return h.named("h", axes=AXES)


def _window(layer: str, size: int | Pair, stride: int | Pair | None) -> tuple[Pair, Pair]:
    both = pair(layer, "size", size)
    return both, both if stride is None else pair(layer, "stride", stride)


def _windows(layer: str, x: Matrix, window: tuple[Pair, Pair]) -> Matrix:
    seen = windows(layer, as_image(layer, x), *window).named("windows")
    x.trace.alias(f"{seen.scope}/x", x)
    return seen
