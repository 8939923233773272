"""First weights: from (inputs, outputs) and a seeded generator to an (inputs, outputs) matrix."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.op import Array


def xavier_uniform(inputs: int, outputs: int, generator: np.random.Generator) -> Array:
    """Uniform in ±sqrt(6 / (inputs + outputs)) (Glorot and Bengio, 2010)."""
    bound = np.sqrt(6.0 / (inputs + outputs))
    drawn: Array = generator.uniform(-bound, bound, size=(inputs, outputs))
    return drawn
