"""For every test, and for every lesson that nbval runs: one BLAS thread, no student's files."""

from __future__ import annotations

import os
import tempfile

import pytest

# Before NumPy or fluxlab is imported. A student's answers live in FLUXLAB_HOME: a test run,
# and every kernel and server that it starts, has one of its own.
_home = tempfile.TemporaryDirectory(prefix="fluxlab-test-")
os.environ["FLUXLAB_HOME"] = _home.name
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lessons are kept without execution counts; nbval compares only cells that have one."""
    for item in items:
        cell = getattr(item, "cell", None)
        if cell is not None and cell.get("execution_count") is None:
            cell["execution_count"] = 0
