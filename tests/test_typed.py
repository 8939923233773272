"""Numbers as students type them, in questions and knobs alike; prices in a prompt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.widgets.shared.maths import plain, prose
from fluxlab.widgets.shared.numbers import typed, typed_anew


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.25", 0.25), (".5", 0.5), ("2.", 2.0), ("2,0", 2.0), ("−3e-4", -3e-4), (" 1E3 ", 1000.0),
        ("1/2", 0.5), ("-3 / 4", -0.75), ("1,5/2", 0.75), ("+7", 7.0), ("0,125", 0.125),
    ],
)  # fmt: skip
def test_what_is_a_number(text: str, value: float) -> None:
    assert typed(text) == typed_anew(text) == value
    assert fl.Question("08/typed", "?", answer=value).answer(text).right


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Nothing is typed"), ("1,234", "two ways.*1234.*1.234"), ("1,000.5", "1000.5"),
        ("1,234,567", "1234567"), ("1_000", "is not a number"), ("1/0", "divides by 0"),
        ("nan", "not a finite number"), ("Infinity", "not a finite number"), ("1e999", "too large"),
        ("one", "is not a number"), ("1/2/3", "is not a number"), ("0x10", "is not a number"),
        ("9" * 5000, "too long for"), ("z" * 5000, "too long for"), ("9" * 350, "too large"),
    ],
)  # fmt: skip
def test_what_is_none(text: str, told: str) -> None:
    with pytest.raises(fl.BadInput, match=told) as found:
        typed(text)
    assert len(str(found.value)) < 200
    with pytest.raises(fl.BadInput, match=r"The old number stays\.$"):
        typed_anew(text)


@pytest.mark.parametrize("answer", [None, "big", [1.0, 2.0], np.ones((2, 2)), float("nan")])
def test_a_question_without_one_number_is_refused_when_made(answer: Any) -> None:
    with pytest.raises(fl.BadInput, match="answer"):
        fl.Question("08/answer", "How much?", answer=answer)


def test_a_matrix_of_one_cell_is_a_number() -> None:
    assert fl.Question("08/one", "How much?", answer=np.array([[2.0]])).answer(2).right
    assert fl.Question("08/two", "How much?", answer=lambda: np.array([[2.0]])).answer("2,0").right


def test_prices_keep_their_dollars() -> None:
    assert plain("It costs 5$ and 6$, or $5 and $6.") == "It costs 5$ and 6$, or $5 and $6."
    assert "<math" not in prose("It costs 5$ and 6$")
    assert plain("$w_1$ and $x$") == "w_1 and x"
