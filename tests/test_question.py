"""Predict before reveal; and break it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.engine.core.errors import BadInput
from fluxlab.widgets.questions.find_the_bug import FindTheBug
from fluxlab.widgets.questions.question import Question, sign

SIGNS = ["positive", "negative", "zero"]


@pytest.fixture
def net() -> fl.Network:
    X, Y = fl.data.parity(4)
    net = fl.form_network([8, 4, 1], X, Y, hidden_activation="leaky_relu", seed=0)
    fl.forward_pass(net)
    fl.back_propagation(net)
    return net


def test_the_engine_knows_the_answer(net: fl.Network) -> None:
    cell = net.trace["layer 2/dC_dw"]
    question = Question(
        "08/sign", "Which sign?", choices=SIGNS, answer=lambda: cell.value[2, 1],
        feedback={"zero": "Is any term zero?"},
    )  # fmt: skip
    right = sign(cell.value[2, 1])
    assert question.answer(right).right
    assert question.answer("zero").text == "Is any term zero?"
    assert [question.answer(choice).right for choice in question.possible()].count(True) == 1
    net.trace.set("layer 3/w", -net.trace["layer 3/w"].value)  # the answer follows the numbers
    assert question.right() == sign(cell.value[2, 1])
    assert repr(question) == "Question: Which sign? (positive / negative / zero)"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("0.0050", "Right."),
        ("0,00503", "Right."),
        (0.08, "Divide by the 16 samples."),
        (-0.005, "The size is right, the sign is not."),
        ("−0.02", "The sign is wrong."),
        (0.01, "Too large: 2 times the right number."),
        (0.0005, "Too small: the right number is 10 times this."),
        (0.9, "Too large."),
        (0.004, "Too small."),
    ],
)
def test_numbers(given: object, text: str) -> None:
    question = Question("08/n", "?", answer=0.005, feedback={16: "Divide by the 16 samples."})
    reply = question.answer(given)
    assert reply.text == text
    assert reply.right == (text == "Right.")


def test_below_zero_large_means_far_from_it() -> None:
    question = Question("08/n", "?", answer=-27.0)
    assert question.answer(-3).text == "Too close to 0."
    assert question.answer(-30).text == "Too far from 0."


def test_number_zero_and_tolerance() -> None:
    assert Question("08/n", "?", answer=0.0).answer(0).right
    assert not Question("08/n", "?", answer=0.0).answer(0.1).right
    assert Question("08/n", "?", answer=3.0, tolerance=0.5).answer(3.4).right


@pytest.mark.parametrize("given", ["three", "nan", "inf", "", None])
def test_not_a_number(given: object) -> None:
    with pytest.raises(BadInput, match="number"):
        Question("08/n", "?", answer=0.005).answer(given)


def test_cells(net: fl.Network) -> None:
    matrix = net.trace["layer 2/w"]
    question = Question("08/c", "?", cells=matrix, answer=lambda: (3, 2))
    assert len(question.possible()) == 32
    assert question.answer((3, 2)).right
    assert not question.answer([2, 3]).right
    with pytest.raises(BadInput, match="not a cell"):
        question.answer((4, 8))


def test_feedback_and_reveal_functions() -> None:
    question = Question(
        "08/f", "?", choices=["a", "b"], answer="a",
        feedback=lambda given, right: f"{given} is not {right}" if given != right else None,
        reveal=lambda: "revealed",
    )  # fmt: skip
    assert repr(question.answer("b")) == "✗ b is not a"
    assert repr(question.answer("a")) == "✓ Right."
    assert question.revealed() == "revealed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "no lesson", "choices": SIGNS},
        {"key": "08/x", "choices": ["one"]},
        {"key": "08/x", "choices": ["one", "one"]},
        {"key": "08/x", "choices": SIGNS, "cells": (2, 3)},
        {"key": "08/x", "choices": SIGNS, "feedback": {"positiv": "?"}},
    ],
)
def test_an_authors_slip_is_said(wrong: dict) -> None:
    with pytest.raises(BadInput):
        Question(prompt="?", answer="one", **wrong)


def test_an_answer_that_is_no_choice_is_said() -> None:
    with pytest.raises(BadInput, match="not among"):
        Question("08/x", "?", choices=["up", "down"], answer=3.0).answer("up")


def test_all_questions_are_known() -> None:
    first = Question("99/a", "?", answer=1)
    again = Question("99/a", "?", answer=1)
    found = [question for question in Question.all() if question.key == "99/a"]
    assert found == [again]
    assert first is not again


def parts(t: fl.Trace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return t["layer 2/x"].value, t["layer 2/dC_da"].value, t["layer 2/dC_dh"].value


def test_the_bug_is_found_by_the_engine(net: fl.Network) -> None:
    bug = FindTheBug(
        "08/bug", net, "layer 2/dC_dw",
        {
            "x.T @ dC_da": lambda t: parts(t)[0].T @ parts(t)[1],
            "x.T @ dC_dh": lambda t: parts(t)[0].T @ parts(t)[2],
        },
    )  # fmt: skip
    assert bug.right() == "x.T @ dC_dh"
    assert bug.answer("x.T @ dC_dh").right
    assert "maps" not in bug.figures()  # the coloured one is the answer
    sent: list[Any] = []
    bug.send = lambda content, buffers=None: sent.append(content)
    bug.send_pictures()
    maps = sent[-1]["maps"]
    assert np.abs(maps[0]["cells"]).max() < 1e-9
    assert np.shape(maps[1]["cells"]) == (8, 4)


def test_shapes_that_do_not_fit_are_evidence_too(net: fl.Network) -> None:
    bug = FindTheBug(
        "08/bug", net, "layer 2/dC_dw",
        {
            "right": lambda t: parts(t)[0].T @ parts(t)[1],
            "not turned": lambda t: parts(t)[0] @ parts(t)[1],
        },
    )  # fmt: skip
    assert bug.right() == "not turned"
    turned = FindTheBug(
        "08/bug", net, "layer 2/dC_dw", {"turned": lambda t: parts(t)[1].T @ parts(t)[0]},
        choices=["a transpose is missing", "the slope is forgotten"],
        answer="a transpose is missing",
    )  # fmt: skip
    assert "4×8" in turned.figures()["maps"][0]["words"]
    with pytest.raises(BadInput, match="exactly one"):
        FindTheBug("08/bug", net, "layer 2/dC_dw", {"a": np.ones((8, 4)), "b": 3.0}).right()


@pytest.mark.parametrize("right", [0.1 + 0.2 - 0.3, -5.5e-17, 1e-16, 0.0, -0.0])
def test_what_round_off_leaves_over_is_zero(right: float) -> None:
    """The engine's zero need not be exactly 0."""
    number = fl.Question("08/cancels", "How much?", answer=right)
    for given in (0, 0.0, "0", "-0"):
        assert number.answer(given).right
    assert not number.answer(0.1).right
    assert number.answer(-1).text == "Not this. What cancels here?"
    signs = fl.Question(
        "08/sign", "Which sign?", choices=["positive", "negative", "zero"], answer=right
    )
    assert signs.answer("zero").right
    assert number.show() == "The answer: 0."


def test_a_gradient_that_cancels_is_zero() -> None:
    """A softmax sums to 1 whatever its logits are."""
    t = fl.trace(lambda z: fl.sum(fl.softmax(z)), z=[[0.3, -1.2, 2.7]])
    t.backward()
    for i in range(3):
        cell = float(t["dC_dz"].value[0, i])
        assert fl.Question(f"08/softmax {i}", "?", answer=lambda c=cell: c).answer(0).right
    tiny = fl.Question("08/tiny", "?", answer=1e-9)
    assert not tiny.answer(0).right
    assert tiny.answer(1e-9).right
