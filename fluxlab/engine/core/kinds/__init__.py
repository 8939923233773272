"""The five kinds of operation: what cells are made of, and how a gradient goes back."""

from fluxlab.engine.core.kinds.contraction import Contraction
from fluxlab.engine.core.kinds.elementwise import MINUS_ONE, ONE, Elementwise
from fluxlab.engine.core.kinds.moves import Gather, Scatter, Selection
from fluxlab.engine.core.kinds.reduction import Reduction

__all__ = [
    "MINUS_ONE", "ONE", "Contraction", "Elementwise", "Gather", "Reduction", "Scatter",
    "Selection",
]  # fmt: skip
