"""The convolution: every filter is laid on every window of the image."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import Activation, Initializer, layer
from fluxlab.engine.catalogue.activations import activation
from fluxlab.engine.catalogue.images import AXES, as_image, border, windows
from fluxlab.engine.catalogue.initializers import initial
from fluxlab.engine.catalogue.ops import einsum, pad
from fluxlab.engine.catalogue.windows import Pair, pair
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array


@layer
class Conv:
    """x (samples, channels, rows, columns) to h (samples, filters, rows, columns).

    Cell (s, f, i, j) of `x conv w` is the sum of the products of filter f with the patch of x at
    (i, j): a cross-correlation, which is what deep learning calls a convolution (S2, chapter 12).
    All places share w (filters, channels, *kernel) and b (1, filters, 1, 1).

    kernel, stride : rows and columns, or one number for both.
    padding : "valid", "same", or how many zeros on each side; see `output_size`.
    """

    filters: int
    kernel: int | Pair = 3
    stride: int | Pair = 1
    padding: str | int = "valid"
    activation: Activation = "linear"
    initializer: Initializer = "he_uniform"

    @property
    def window(self) -> tuple[Pair, Pair]:
        """(kernel, stride), as `receptive_field` reads it."""
        return pair("Conv", "kernel", self.kernel), pair("Conv", "stride", self.stride)

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        kernel, stride = self.window
        channels, filters = as_image("Conv", x).shape[1], self.filters
        w = building.parameter(
            "w", lambda: self._first(channels, filters, kernel, building.draw),
            ("filter", "channel", "window row", "window column"),
        )  # fmt: skip
        b = building.parameter(
            "b", lambda: np.zeros((1, filters, 1, 1)), (None, "channel", None, None)
        )
        if x.scope != w.scope:
            x.trace.alias(f"{w.scope}/x", x)
        seen = windows("Conv", bordered("Conv", x, kernel, stride, self.padding), kernel, stride)
        xw = einsum("scijuv,fcuv->sfij", seen.named("patches"), w).named("x conv w", axes=AXES)
        a: Matrix = (xw + b).named("a")
        h: Matrix = activation(self.activation)(a)
        return h.named("h")

    def _first(self, channels: int, filters: int, kernel: Pair, draw: np.random.Generator) -> Array:
        inputs = channels * kernel[0] * kernel[1]
        table = initial(self.initializer, inputs, filters, draw)
        return table.T.reshape(filters, channels, *kernel)


def bordered(layer: str, x: Matrix, kernel: Pair, stride: Pair, padding: str | int) -> Matrix:
    """x with its border of zeros, if `padding` asks for one."""
    sides = [
        border(layer, padding, n, k, s) for n, k, s in zip(x.shape[2:], kernel, stride, strict=True)
    ]
    if not any(map(any, sides)):
        return x
    wide: Matrix = pad(x, [(0, 0), (0, 0), *sides]).named("x with border", axes=x.axes)
    return wide
