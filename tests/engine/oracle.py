"""PyTorch, where it is installed: an independent library to compare with."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest


def torch() -> Any:
    """The module; without it the test is skipped, except in CI, where it must be there."""
    try:
        import torch as found
    except ImportError:
        if os.environ.get("CI"):
            pytest.fail("PyTorch is not installed, and CI may not skip what it checks.")
        pytest.skip("PyTorch is not installed (pip install torch): nothing to compare with.")
    return found


class Lazily:
    """A library that is imported when a test first asks it, so that tests begin at once."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._name), name)
