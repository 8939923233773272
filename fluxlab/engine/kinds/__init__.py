"""The five kinds of operation: what cells are made of, and how a gradient goes back."""

from fluxlab.engine.kinds.contraction import Contraction
from fluxlab.engine.kinds.elementwise import MINUS_ONE, ONE, Elementwise
from fluxlab.engine.kinds.moves import Gather, Scatter, Selection
from fluxlab.engine.kinds.reduction import Reduction

__all__ = [
    "MINUS_ONE", "ONE", "Contraction", "Elementwise", "Gather", "Reduction", "Scatter",
    "Selection",
]  # fmt: skip
