"""The Inception module: windows of several sizes look at the same image side by side."""

from __future__ import annotations

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import Activation, layer
from fluxlab.engine.catalogue.images import AXES, as_image
from fluxlab.engine.catalogue.ops import concatenate
from fluxlab.engine.catalogue.windows import Pair
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.conv import Conv, bordered
from fluxlab.engine.layers.pool import MaxPool


@layer
class Inception:
    """Four branches, joined along the channels (Szegedy and others, 2015, with reduction).

    one : filters of the 1 x 1 convolution.
    three, five : filters of the 1 x 1 convolution that makes channels fewer, and of the 3 x 3 or
        5 x 5 one after it.
    pooled : filters of the 1 x 1 convolution after a 3 x 3 max pooling. The pooling sees a border
        of zeros, which no cell of an image after a ReLU loses against.
    """

    one: int
    three: Pair
    five: Pair
    pooled: int
    activation: Activation = "relu"

    @property
    def window(self) -> tuple[Pair, Pair]:
        """The widest branch's (kernel, stride), as `receptive_field` reads it."""
        return (5, 5), (1, 1)

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        as_image("Inception", x)

        def conv(name: str, x: Matrix, filters: int, kernel: int) -> Matrix:
            with scope(name):
                return building.through(Conv(filters, kernel, 1, "same", self.activation), x)

        one = conv("1x1", x, self.one, 1)
        three = conv("3x3", conv("3x3 reduced", x, self.three[0], 1), self.three[1], 3)
        five = conv("5x5", conv("5x5 reduced", x, self.five[0], 1), self.five[1], 5)
        with scope("pool"):
            wide = bordered("Inception", x, (3, 3), (1, 1), "same")
            largest = building.through(MaxPool(3, 1), wide)
        pooled = conv("pool 1x1", largest, self.pooled, 1)
        h: Matrix = concatenate([one, three, five, pooled], axis=1)
        x.trace.alias(f"{h.scope}/x", x)
        return h.named("h", axes=AXES)
