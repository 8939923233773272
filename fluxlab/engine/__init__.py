"""The engine: one trace of named steps, and its readers. NumPy only."""

# Loading the catalogue fills the table of operations that traces look up by name.
from fluxlab.engine.catalogue import activations, ops

__all__ = ["activations", "ops"]
