"""Two recurrent layers on one sequence, one from each end; their states side by side."""

from __future__ import annotations

from dataclasses import replace

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.ops import concatenate, same
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.recurrent import Recurrent


@layer
class Bidirectional:
    """x (samples, steps, features) to h (samples, steps, 2 neurons): past and future context.

    Two layers like `layer`, with weights of their own: `forward` reads from the first step on,
    `backward` from the last one back. h of a time step is [h forward, h backward] (Schuster and
    Paliwal, 1997). If the layer gives only its last h, it is [h of the last step, h of step 1].
    """

    layer: Recurrent

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        if not isinstance(self.layer, Recurrent):
            raise BadInput(
                "Bidirectional: layer must be a recurrent layer such as LSTM(8), got "
                f"{self.layer!r}."
            )
        with scope("forward"):
            forward = building.through(self.layer, same(x).named("x", axes=x.axes))
        with scope("backward"):
            other = replace(self.layer, reverse=not self.layer.reverse)
            backward = building.through(other, same(x).named("x", axes=x.axes))
        h: Matrix = concatenate([forward, backward], axis=-1)
        return h.named("h", axes=forward.axes)
