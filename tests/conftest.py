"""The same luck in every run: hypothesis draws the same examples, and takes its time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("fluxlab", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("fluxlab")
