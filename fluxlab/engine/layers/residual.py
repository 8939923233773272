"""The residual block: what its layers make of x is added to x itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import Activation, layer
from fluxlab.engine.catalogue.activations import activation
from fluxlab.engine.catalogue.ops import add
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.conv import Conv
from fluxlab.engine.layers.dense import Dense

Layer = Callable[[Matrix, Building], Matrix]


@layer
class Residual:
    """h = f(layers(x) + x) (He and others, 2016).

    Where `layers` change the shape, x goes through a projection first: a 1 x 1 convolution with
    the stride that is needed, or for rows a dense layer, both linear.
    """

    layers: Sequence[Layer]
    activation: Activation = "relu"

    @property
    def inside(self) -> Sequence[Layer]:
        """What `receptive_field` reads in its place: past it, x sees no further than through it."""
        return self.layers

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        h = x
        for number, inner in enumerate(self.layers, 1):
            with scope(f"inner {number}"):
                h = building.through(inner, h)
        shortcut = x
        if h.shape != x.shape and len(h.shape) == len(x.shape):
            with scope("projection"):
                shortcut = building.through(_projection(x, h), x)
        if h.shape != shortcut.shape:
            raise BadInput(
                f"Residual: its layers turn {size(x.shape)} into {size(h.shape)}, and no "
                f"projection of x does so. Take layers that keep the rows and columns "
                "(padding='same')."
            )
        a: Matrix = add(h, shortcut).named("a")
        x.trace.alias(f"{a.scope}/x", x)
        out: Matrix = activation(self.activation)(a)
        return out.named("h")


def _projection(x: Matrix, h: Matrix) -> Layer:
    """The layer that brings x into the shape of h, where there is one."""
    if len(x.shape) != 4:
        return Dense(h.shape[-1])
    down, right = (-(-n // m) for n, m in zip(x.shape[2:], h.shape[2:], strict=True))
    return Conv(h.shape[1], 1, (down, right))
