"""What every test needs: no touching of a student's files, one BLAS thread, the same luck."""

from __future__ import annotations

import os
import tempfile

from hypothesis import settings

# Before NumPy or fluxlab is imported. A student's answers live in FLUXLAB_HOME: a test run,
# and every kernel and server that it starts, has one of its own.
_home = tempfile.TemporaryDirectory(prefix="fluxlab-test-")
os.environ["FLUXLAB_HOME"] = _home.name
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "agg"

settings.register_profile("fluxlab", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("fluxlab")
