"""Break it: several formulas for one matrix, one of them wrong; the differences tell which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fluxlab.engine.core.errors import BadInput
from fluxlab.widgets.questions.question import Feedback, Question
from fluxlab.widgets.shared.maths import prose

Formula = Callable[[Any], npt.ArrayLike] | npt.ArrayLike


class FindTheBug(Question):
    """Asks which of some formulas is wrong; then shows each minus the numeric gradient.

    The heatmaps come after the first answer, or when the student asks to test the formulas, which
    costs the mark of the first try. Where something else is asked than which formula is wrong,
    they are what it is asked about, and stand there from the start. For a matrix that is no
    gradient they show formula minus the matrix itself.

    Parameters
    ----------
    key : "08/missing slope", as for a Question.
    thing : a Network or a Trace; its backward pass must be computed.
    gradient : the gradient's name, such as "layer 2/dC_dw", or that of another matrix.
    formulas : what a student reads -> the gradient by that formula: an array, or a function of
        the trace, called when the question is asked.
    choices, answer : by default the formulas, and the one that differs from the numeric gradient.
        Give both to ask something else, such as which rule is broken.
    """

    def __init__(
        self,
        key: str,
        thing: Any,
        gradient: str,
        formulas: Mapping[str, Formula],
        *,
        prompt: str = "One of these formulas is wrong. Which one?",
        choices: Sequence[str] | None = None,
        answer: Any = None,
        feedback: Feedback | None = None,
        reveal: str | Callable[[], str | None] = "",
    ) -> None:
        if (choices is None) != (answer is None):
            raise BadInput(f"FindTheBug {key!r}: give choices and answer together, or neither.")
        if choices is None and len(formulas) < 2:
            raise BadInput(
                f"FindTheBug {key!r}: one formula leaves nothing to choose; give more formulas, "
                "or choices and answer."
            )
        self.trace = getattr(thing, "trace", thing)
        self.gradient = self.trace[gradient].name
        self.formulas = dict(formulas)
        self._tells = choices is None  # whether the heatmaps would give the answer away
        super().__init__(
            key,
            prompt,
            answer=self.wrong if answer is None else answer,
            choices=list(formulas) if choices is None else choices,
            feedback=feedback,
            reveal=reveal,
        )

    def differences(self) -> dict[str, npt.NDArray[np.float64] | str]:
        """Formula minus numeric gradient, or in words why there is no difference to draw."""
        numeric = self._numeric()
        found: dict[str, npt.NDArray[np.float64] | str] = {}
        with self.trace.lock:
            for label, formula in self.formulas.items():
                try:
                    value = formula(self.trace) if callable(formula) else formula
                except ValueError:  # NumPy's way to say so
                    found[label] = "cannot be computed: the shapes do not fit"
                    continue
                array = np.asarray(value, float)
                if array.shape == numeric.shape:
                    found[label] = array - numeric
                else:
                    found[label] = (
                        f"has shape {_size(array.shape)}, but it should have shape "
                        f"{_size(numeric.shape)}"
                    )
        return found

    def wrong(self) -> str:
        """The one formula whose result is not the numeric gradient."""
        # Central differences are good to about nine digits; a wrong rule is off by far more.
        limit = 1e-4 * max(float(np.abs(self._numeric()).max(initial=0)), 1e-8)
        wrong = [
            label
            for label, difference in self.differences().items()
            if isinstance(difference, str) or not np.all(np.abs(difference) <= limit)
        ]
        if len(wrong) != 1:
            raise BadInput(
                f"FindTheBug {self.key!r}: {len(wrong)} of its {len(self.formulas)} formulas are "
                f"wrong ({', '.join(wrong) or 'none'}); it needs exactly one, or give choices "
                "and answer."
            )
        return wrong[0]

    def figures(self) -> dict[str, Any]:
        return {"tests": True} if self._tells else self._maps()

    def send_pictures(self) -> None:
        if self._tells:
            self.send({"type": "maps", **self._maps()})

    def on_test(self) -> None:
        """The student tests the formulas before answering."""
        self.send_pictures()
        self._keep({**self._entry(), "tested": True})

    def _maps(self) -> dict[str, Any]:
        scale = float(np.abs(self._numeric()).max(initial=0)) or 1.0
        return {
            "against": "the numeric gradient" if self._checked() else "the true matrix",
            "scale": scale,
            "maps": [_map(prose(f"`{k}`"), d) for k, d in self.differences().items()],
        }

    def _checked(self) -> bool:
        """Whether central differences can say what is true."""
        return self.trace[self.gradient].kind in ("gradient", "slope")

    def _numeric(self) -> npt.NDArray[np.float64]:
        if self._checked():
            return np.asarray(self.trace.check(self.gradient).numeric)
        return np.asarray(self.trace[self.gradient].value)


def _map(label: str, difference: npt.NDArray[np.float64] | str) -> dict[str, Any]:
    if isinstance(difference, str):
        return {"label": label, "words": difference}
    rows = difference.reshape(-1, difference.shape[-1] if difference.ndim else 1)
    # JSON has no NaN and no infinity; the page reads these words.
    cells = [[v if np.isfinite(v) else str(v) for v in row] for row in rows.tolist()]
    return {"label": label, "cells": cells}


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "of one number"
