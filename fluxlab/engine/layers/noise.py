"""Input noise: while learning, a normal random number is added to every cell."""

from __future__ import annotations

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.ops import add, bell, multiply
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix


@layer
class Noise:
    """Add normal noise of standard deviation `spread` to every cell while learning."""

    spread: float = 0.1

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        if self.spread < 0:
            raise BadInput(f"Noise: spread must be 0 or more, got {self.spread!r}.")
        if not building.training or self.spread == 0:
            return x
        draw = building.random(x).named("draw")
        noise = multiply(self.spread, bell(draw).named("normal draw")).named("noise")
        h: Matrix = add(x, noise)
        return h.named("h")
