"""Layers, one file each: a class under `@layer` that takes x and returns h.

Imports: core, catalogue, building, text.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from typing import Any


def kinds() -> list[Any]:
    """The layers of every file here: a new one is found without an entry in a list."""
    names = [f"{__name__}.{found.name}" for found in pkgutil.iter_modules(__path__)]
    return [
        kind
        for module in map(importlib.import_module, names)
        for kind in vars(module).values()
        if dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
    ]
