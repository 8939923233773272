"""The sigmoid with a temperature: cold is nearly a threshold, hot is nearly flat."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.activations import sigmoid_temperature
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix


@layer
class Temperature:
    """h = 1 / (1 + exp(-a / temperature)), cell by cell.

    The temperature is a matrix of the trace, one number, that learning leaves alone: drag it, or
    `trace.set("layer 2/temperature", 0.1)`.
    """

    temperature: float = 1.0

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        if not np.isfinite(self.temperature) or self.temperature <= 0:
            raise BadInput(
                f"Temperature: temperature must be above 0, got {self.temperature!r}. For the "
                "limit at 0 use Dense(..., 'threshold')."
            )
        t = building.state("temperature", lambda: np.array(float(self.temperature)), ())
        x.trace.alias(f"{t.scope}/a", x)
        h: Matrix = sigmoid_temperature(x, t)
        return h.named("h")
