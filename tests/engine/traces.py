"""Every trace that the promises are tested on: the zoo, and the EXAMPLE of every model."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from zoo import ZOO, traced

import fluxlab.engine.models

EXAMPLES = {
    f"models.{found.name}": importlib.import_module(f"fluxlab.engine.models.{found.name}").EXAMPLE
    for found in pkgutil.iter_modules(fluxlab.engine.models.__path__)
}
NAMES = [*EXAMPLES, *ZOO]


@cache
def trace_of(name: str) -> Any:
    """Shared: tests must not change it."""
    return EXAMPLES[name]() if name in EXAMPLES else traced(name)


def cells_of(matrix: Any) -> Any:
    import numpy as np

    return np.ndindex(*matrix.shape)
