"""Scopes: steps that belong together, such as those of a layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_scope: ContextVar[str] = ContextVar("fluxlab_scope", default="")


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Steps recorded inside belong together: `with fl.scope("layer 1"): ...`."""
    outer = _scope.get()
    token = _scope.set(f"{outer}/{name}" if outer else name)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def no_scope() -> Iterator[None]:
    """For a trace of its own that is made while another is recorded: its names begin anew."""
    token = _scope.set("")
    try:
        yield
    finally:
        _scope.reset(token)


def here() -> str:
    """The scope in which a step recorded now would be."""
    return _scope.get()
