"""Predict before reveal: a question whose right answer the engine computes when it is asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.numbers import as_numbers, is_whole
from fluxlab.widgets.questions import progress
from fluxlab.widgets.shared.base import Widget
from fluxlab.widgets.shared.maths import plain, pretty, prose
from fluxlab.widgets.shared.numbers import cell_text, typed

NOTHING = 1e-12  # smaller is round-off
SIGNS = ("negative", "zero", "positive")
Feedback = Mapping[Any, str] | Callable[[Any, Any], str | None]


def without_round_off(number: float) -> float:
    """The number; 0 where it is what 0.1 + 0.2 - 0.3, or a gradient that cancels, leaves over."""
    return 0.0 if abs(number) < NOTHING else number


@dataclass(frozen=True)
class Reply:
    """What a question says to one answer."""

    right: bool
    text: str

    def __str__(self) -> str:
        return f"{'✓' if self.right else '✗'} {plain(self.text)}"

    __repr__ = __str__


class Question(Widget):
    """A question to answer before the number is shown.

    Parameters
    ----------
    key : "08/first sign": the lesson, a slash, and a name that is unique in the lesson.
    prompt : the question; `$formula$`, `` `code` `` and `**strong**` are understood.
    answer : the right answer, or better a function that computes it from the trace when it is
        asked. One of `choices`; with the choices "positive", "negative", "zero" a number will do.
    choices : what to choose from. Without choices (and cells) a number is asked for.
    cells : a matrix or a shape: the answer is one of its cells, (row, column).
    tolerance : how far a number may be off; 1 % of the right answer if not given.
    feedback : what to say to an answer: a dict choice -> text. For numbers the keys are "right",
        "wrong sign", "too large", "too small" (farther from 0, closer to 0), and factors:
        `{16: "You forgot to divide by the 16 samples."}` answers 16 times the right number.
        Or a function (given, right) -> text.
    reveal : text that appears after the right answer or "show me"; or a function that is called
        then, and may return such a text.
    """

    name = "question"
    _known: dict[str, Question] = {}

    def __init__(
        self,
        key: str,
        prompt: str,
        *,
        answer: Any,
        choices: Sequence[str] | None = None,
        cells: Any = None,
        tolerance: float | None = None,
        feedback: Feedback | None = None,
        reveal: str | Callable[[], str | None] = "",
    ) -> None:
        if "/" not in key:
            raise BadInput(f"Question: key {key!r} needs its lesson, such as '08/{key}'.")
        if choices is not None and (len(choices) < 2 or len(set(choices)) < len(choices)):
            raise BadInput(
                f"Question {key!r}: choices {choices!r} must be two or more, all different."
            )
        if choices is not None and cells is not None:
            raise BadInput(f"Question {key!r}: give choices or cells, not both.")
        if isinstance(feedback, Mapping) and choices is not None:
            strange = [choice for choice in feedback if choice not in choices]
            if strange:
                raise BadInput(
                    f"Question {key!r}: feedback for {strange}, which is not among the choices "
                    f"{list(choices)}."
                )
        one = not callable(answer) and choices is None and cells is None
        if one and (np.size(answer) != 1 or as_numbers("Question", "answer", answer) is None):
            raise BadInput(
                f"Question {key!r}: answer must be one number, got {size(np.shape(answer))}."
            )
        self.key, self.prompt = key, prompt
        self.choices = None if choices is None else tuple(choices)
        shape = getattr(cells, "shape", cells)
        self.cells: tuple[int, ...] | None = None if shape is None else tuple(shape)
        self._matrix = cells if hasattr(cells, "buffer") else None  # its cells show their numbers
        self._answer, self._tolerance = answer, tolerance
        self._feedback: Feedback = feedback or {}
        self._reveal = reveal
        super().__init__()
        Question._known[key] = self

    @classmethod
    def all(cls) -> list[Question]:
        """The questions that were made in this kernel, in order."""
        return list(Question._known.values())

    # -- answering ------------------------------------------------------------------------

    def right(self) -> Any:
        """The right answer, computed now."""
        found = self._answer() if callable(self._answer) else self._answer
        if self.cells is not None:
            return tuple(int(i) for i in found)
        if self.choices is None:
            return without_round_off(float(np.reshape(found, ())))
        if found not in self.choices and set(self.choices) <= set(SIGNS) | {"not a number"}:
            found = sign(without_round_off(float(found)))
        if found not in self.choices:
            raise BadInput(
                f"Question {self.key!r}: the right answer is {found!r}, which is not among the "
                f"choices {list(self.choices)}."
            )
        return found

    def answer(self, given: Any) -> Reply:
        """What the question says to `given`. Nothing is kept: only the page keeps answers."""
        return self._judge(self._read(given))

    def possible(self) -> list[Any]:
        """Every choice; for a number some that are right and wrong in each way."""
        if self.choices is not None:
            return list(self.choices)
        if self.cells is not None:
            return [tuple(map(int, index)) for index in np.ndindex(*self.cells)]
        right = self.right()
        return [right, -right, right * 2 + 1, right / 2 - 1, right + 1]

    def _read(self, given: Any) -> Any:
        if self.choices is not None:
            if given not in self.choices:
                raise BadInput(f"{given!r} is not among the choices {list(self.choices)}.")
            return given
        if self.cells is not None:
            whole = isinstance(given, list | tuple) and all(map(is_whole, given))
            index = tuple(int(i) for i in given) if whole else ()
            if len(index) != len(self.cells) or any(
                not 0 <= i < n for i, n in zip(index, self.cells, strict=True)
            ):
                raise BadInput(f"{given!r} is not a cell of a matrix of shape {self.cells}.")
            return index
        return typed(str(given))

    def _judge(self, given: Any) -> Reply:
        right = self.right()
        if self.choices is None and self.cells is None:
            case, text = self._compare(given, right)
            correct = case == "right"
        else:
            correct, case = given == right, given
            text = "Right." if correct else "Not this one. Look again."
        if callable(self._feedback):
            text = self._feedback(given, right) or text
        elif case in self._feedback:
            text = self._feedback[case]
        elif correct and "right" in self._feedback:
            text = self._feedback["right"]
        return Reply(correct, text)

    def _compare(self, given: float, right: float) -> tuple[Any, str]:
        """How a number differs from the right one: a key of `feedback`, and a text."""
        tolerance = self._tolerance if self._tolerance is not None else 0.01 * abs(right) or 1e-9
        if abs(given - right) <= tolerance:
            return "right", "Right."
        factors = () if callable(self._feedback) else self._feedback
        for factor in (f for f in factors if isinstance(f, (int, float))):
            if abs(given - factor * right) <= abs(factor) * tolerance:
                return factor, f"Off by a factor of {factor:g}."
        if abs(given + right) <= tolerance:
            return "wrong sign", "The size is right, the sign is not."
        if right and given and given / right < 0:
            return "wrong sign", "The sign is wrong."
        for times in (2, 10, 100):
            if abs(given - times * right) <= times * tolerance:
                return "too large", f"Too large: {times} times the right number."
            if abs(given - right / times) <= tolerance / times:
                return "too small", f"Too small: the right number is {times} times this."
        if right == 0:
            return "too large" if given > 0 else "too small", "Not this. What cancels here?"
        larger = abs(given) > abs(right)
        if right < 0:  # -3 is larger than -27, and closer to 0
            return ("too large", "Too far from 0.") if larger else ("too small", "Too close to 0.")
        return ("too large", "Too large.") if larger else ("too small", "Too small.")

    def show(self) -> str:
        """The right answer and what there is to say about it (what "show me" shows)."""
        right = self.right()
        if self.cells is not None:
            said = f"cell [{', '.join(map(str, right))}]"
        else:
            said = right if self.choices is not None else f"{right:.6g}".replace("-", "−")
        return f"The answer: {said}."

    def revealed(self) -> str:
        """The text after the right answer or "show me"; calls `reveal` if it is a function."""
        return (self._reveal() or "") if callable(self._reveal) else self._reveal

    # -- the page -------------------------------------------------------------------------

    def on_ready(self) -> None:
        self.shown = True
        self.send(
            {
                "type": "question",
                "prompt": prose(self.prompt),
                "choices": None if self.choices is None else [[c, prose(c)] for c in self.choices],
                "cells": self.cells,
                "named": "" if self._matrix is None else pretty(self._matrix.local),
                "numbers": [] if self._matrix is None else self._numbers(),
                **self.figures(),
            }
        )
        answers, message = progress.load(progress.lesson_of(self.key))
        entry = answers.get(self.key)
        if entry is not None:
            self.send_pictures()
        if entry is not None:
            self._show_saved(entry)
        if message:
            self.error = message

    def _numbers(self) -> list[str]:
        """What stands in the cells to choose from, as the board writes it."""
        matrix = self._matrix
        if matrix is None or not matrix.ready:
            return []
        return [cell_text(float(v), 1.0, lambda text: len(text) <= 6) for v in matrix.buffer.flat]

    def figures(self) -> dict[str, Any]:
        """What a page shows above the answers, beside the prompt."""
        return {}

    def send_pictures(self) -> None:
        """What a page shows only after the first answer, since it would give the answer away."""

    def _show_saved(self, entry: dict[str, Any]) -> None:
        given = entry["given"]
        if given is not None:
            try:
                self._read(given)
            except (ValueError, TypeError):
                return  # the lesson has changed since; ask anew
        right, text = bool(entry.get("right")), str(entry.get("text", ""))
        try:
            self._tell(given, right, text, bool(entry.get("shown")))
        except Exception:  # its cells are not computed yet, and nobody has asked for more
            self._tell(given, False, text, False)

    def _tell(self, given: Any, right: bool, text: str, shown: bool) -> None:
        self.send(
            {
                "type": "reply",
                "given": given,
                "right": right,
                "text": prose(text),
                "shown": prose(self.show()) if shown else "",
                "reveal": prose(self.revealed()) if right or shown else "",
            }
        )

    def on_answer(self, given: Any) -> None:
        """Judge an answer. The first and the best are kept; others can be tried without loss."""
        read = self._read(given)
        reply = self._judge(read)
        entry = self._entry()
        self._tell(read, reply.right, reply.text, bool(entry.get("shown", False)))
        self.send_pictures()
        helped = bool(entry.get("shown") or entry.get("tested"))
        entry.setdefault("first", {"given": read, "right": reply.right and not helped})
        if reply.right or not entry["right"]:
            entry |= {"given": read, "right": reply.right, "text": reply.text}
        self._keep(entry)

    def on_show(self) -> None:
        entry = self._entry()
        self._tell(entry["given"], entry["right"], entry["text"], True)
        self.send_pictures()
        self._keep({**entry, "shown": True})

    def _entry(self) -> dict[str, Any]:
        """What is kept of this question; a new entry if nothing is."""
        kept, _ = progress.load(progress.lesson_of(self.key))
        return dict(kept.get(self.key, {"given": None, "right": False, "text": "", "shown": False}))

    def _keep(self, entry: dict[str, Any]) -> None:
        message = progress.save(self.key, entry)
        if message:
            raise progress.NotKept(message)

    def text(self) -> str:
        if self.choices is not None:
            ask = " / ".join(plain(choice) for choice in self.choices)
        elif self.cells is not None:
            ask = f"one cell of {'×'.join(map(str, self.cells))}"
        else:
            ask = "a number"
        return f"Question: {plain(self.prompt)} ({ask})"


def sign(value: float) -> str:
    """ "positive", "negative", "zero" or "not a number"."""
    if math.isnan(value):
        return "not a number"
    return SIGNS[int(np.sign(value)) + 1]
