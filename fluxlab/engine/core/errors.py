"""Errors that say what was wrong, what was expected, and what to do."""

from __future__ import annotations

import difflib
import linecache
import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from fluxlab.engine.core.meaning import NAMES

LONGEST = 900
_QUOTED = re.compile(r"(['\"])(?:(?!\1).){100,}\1", re.DOTALL)  # a long text that was given
ROOM = str(Path(__file__).parents[2])  # where FluxLab's own code lies


class Told(Exception):
    """An error whose message says it all: a notebook shows it with the student's own lines.

    A message is at most LONGEST characters long, whatever was given.
    """

    def __str__(self) -> str:
        text = _QUOTED.sub(lambda found: f"{found[0][:60]}...{found[1]}", super().__str__())
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 200]} ... {text[-190:]}"

    def _render_traceback_(self) -> list[str]:
        """What IPython shows; after `%xmode Verbose` everything, FluxLab's own lines included."""
        shell = sys.modules["IPython"].get_ipython()
        if shell.InteractiveTB.mode == "Verbose":
            found: list[str] = shell.InteractiveTB.structured_traceback(
                type(self), self, self.__traceback__
            )
            return found
        name_of = getattr(shell.compile, "format_code_name", lambda path: None)
        lines = []
        for frame, number in traceback.walk_tb(self.__traceback__):
            path, function = frame.f_code.co_filename, frame.f_code.co_name
            if path.startswith((ROOM, "<")) or "IPython" in path:
                continue
            place = " ".join(name_of(path) or ("File", path))
            where = "" if function == "<module>" else f", in {function}"
            source = linecache.getline(path, number).strip()
            lines.append(f"{place}, line {number}{where}\n    {source}")
        return [*lines, f"\n\x1b[31m{type(self).__name__}\x1b[0m: {self}"]


class BadInput(Told, ValueError):
    """An argument that cannot be used: wrong shape, wrong value, NaN, text, nothing at all."""


class UnknownName(Told, LookupError, ValueError):
    """A name that is not known here; the message gives the nearest known ones."""


class UnknownAttribute(Told, AttributeError):
    """An attribute that is not there, or that nothing would read if it were set."""


class NotComputed(Told, RuntimeError):
    """A matrix that is asked for before the step that computes it has run."""


class NoGradient(Told, RuntimeError):
    """A gradient through an operation that has none."""


class Diverged(Told, ArithmeticError):
    """Learning that ran away: the cost is no longer a finite number."""


def unknown(kind: str, got: object, known: Iterable[str]) -> UnknownName:
    """`Unknown activation 'rely'. Did you mean 'relu'? Known: ...`."""
    names = list(known)
    lower = {name.lower(): name for name in reversed(names)}  # dC_dW is nearest to dC_dw
    meant = NAMES.get(kind, {}).get(str(got).lower().replace(" ", "_").replace("-", "_"))
    near = difflib.get_close_matches(str(got).lower(), lower, n=1, cutoff=0.5)
    hint = f" Did you mean {meant or lower[near[0]]!r}?" if meant or near else ""
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
