"""Errors that say what was wrong, what was expected, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BadInput(ValueError):
    """An argument that cannot be used: wrong shape, wrong value, NaN, text, nothing at all."""


class UnknownName(LookupError, ValueError):
    """A name that is not known here; the message gives the nearest known ones."""


class NotComputed(RuntimeError):
    """A matrix that is asked for before the step that computes it has run."""


class NoGradient(RuntimeError):
    """A gradient through an operation that has none."""


class Diverged(ArithmeticError):
    """Learning that ran away: the cost is no longer a finite number."""


def unknown(kind: str, got: object, known: Iterable[str]) -> UnknownName:
    """`Unknown activation 'rely'. Did you mean 'relu'? Known: ...`."""
    names = list(known)
    lower = {name.lower(): name for name in reversed(names)}  # dC_dW is nearest to dC_dw
    near = difflib.get_close_matches(str(got).lower(), lower, n=1, cutoff=0.5)
    hint = f" Did you mean {lower[near[0]]!r}?" if near else ""
    shown = ", ".join(names[:40]) + (f", ... ({len(names)} in all)" if len(names) > 40 else "")
    return UnknownName(f"Unknown {kind} {got!r}.{hint} Known: {shown}.")


def size(shape: tuple[int, ...]) -> str:
    """A shape in words: `16×8`, or `one number`."""
    return "×".join(map(str, shape)) if shape else "one number"


def counted(count: int, noun: str) -> str:
    """`1 sample`, `16 samples`, `2 queries`, `2 patches`, `2 hypotheses`."""
    if count == 1:
        return f"{count} {noun}"
    endings = (("ey", "eys"), ("y", "ies"), ("sis", "ses"), ("s", "ses"), ("tch", "tches"))
    for end, several in endings:
        if noun.endswith(end):
            return f"{count} {noun.removesuffix(end)}{several}"
    return f"{count} {noun}s"
