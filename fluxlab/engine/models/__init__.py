"""Architectures, one file each; `EXAMPLE()` builds a small trace of it, ready for every reader."""
