"""Messages from a page that is not ours: nothing escapes, nothing is changed, all is said."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fluxlab as fl
from fluxlab.widgets.questions.progress import progress
from fluxlab.widgets.shared.base import Widget
from fluxlab.widgets.shared.session import session_of

MANY = 1000
JUNK: list[Any] = [
    None, True, False, 0, 1, -1, 3, 2**60, -(2**60), 10**400, 0.5, 1e308, float("nan"),
    float("inf"), "", "x", "w", "layer 1/w", "<img src=x onerror=alert(1)>", "é" * 999,
    "$\\text{<b>}$",
    [], [0], [0, 0], [-1, 0], [0, 10**9], ["0", 0], [[0]], [0.5, 0], {}, {"a": 1}, {"self": 2},
]  # fmt: skip
PYTHONS = ("Type", "Value", "Key", "Index", "Attribute")
NAMES = [
    "self",
    "type",
    "page",
    "matrix",
    "index",
    "knob",
    "value",
    "seq",
    "cls",
    "",
    "kwargs",
    "é",
]


def network() -> fl.Network:
    net = fl.Network([fl.Dense(3, "tanh"), fl.Dense(1)], *fl.data.parity(2), seed=1)
    net.fit(3)
    return net


WIDGETS: dict[str, Callable[[fl.Network], Widget]] = {
    "board": fl.Board, "stepper": fl.Stepper, "explain": fl.Explain,
    "knobs": lambda net: fl.Knobs(net, "layer 1/w", "learning rate", "sample", "activation"),
    "network": fl.NetworkPicture, "curve": fl.Curve,
    "question": lambda net: fl.Question("08/fuzz", "How much?", answer=0.5),
    "choice": lambda net: fl.Question("08/choice", "Which?", answer="a", choices=["a", "b"]),
    "cells": lambda net: fl.Question("08/cells", "Where?", answer=(0, 1), cells=(2, 2)),
    "progress": lambda net: progress(),
}  # fmt: skip


@pytest.fixture
def made(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[fl.Network, Any, list[Any]]:
    monkeypatch.setenv("FLUXLAB_HOME", str(tmp_path))
    net = network()
    widget: Any = WIDGETS[request.param](net)
    sent: list[Any] = []
    widget.send = lambda content, buffers=(): sent.append(content)
    widget._receive(widget, {"type": "ready", "page": "1"}, [])
    return net, widget, sent


every_widget = pytest.mark.parametrize("made", WIDGETS, indirect=True)


def handlers(widget: Any) -> dict[str, inspect.Signature]:
    """The messages that a widget takes, by their type."""
    own = [vars(cls) for cls in type(widget).__mro__ if issubclass(cls, Widget)]
    names = {name for those in own for name in those if name.startswith("on_")}
    return {name[3:]: inspect.signature(getattr(widget, name)) for name in sorted(names)}


def state(net: fl.Network, widget: Any) -> Any:
    session = session_of(net)
    kept = {
        name: value
        for name, value in vars(widget).items()
        if name in ("_chosen", "_limit", "_epsilon", "_sample", "_scale", "show", "speed", "unit")
    }
    return (
        {name: m.buffer.tobytes() for name, m in net.trace.matrices.items()}, net.trace.position,
        net.history.iteration, net.activations, net.rows, session.selection, list(session.trail),
        repr(kept),
    )  # fmt: skip


@every_widget
def test_what_is_not_understood_changes_nothing_and_is_said(made: Any) -> None:
    net, widget, _ = made
    draw, before, count = random.Random(0), state(net, widget), 0
    known = handlers(widget)
    for _ in range(MANY):
        kind = draw.choice([*known])
        message = {draw.choice(NAMES): draw.choice(JUNK) for _ in range(draw.randrange(5))}
        message |= {"type": kind, draw.choice(["self", "cls", "é"]): draw.choice(JUNK)}
        widget._receive(widget, message, [])
        assert widget.error, message
        assert "Reload the page" in widget.error
        assert state(net, widget) == before, message
        count += 1
    assert count == MANY


@every_widget
def test_arguments_of_another_kind_are_refused(made: Any) -> None:
    net, widget, _ = made
    before = state(net, widget)
    wrong = {
        "int": [None, "1", 1.5, True, [], {}, 10**400], "bool": [None, 0, "yes"],
        "float": [None, "1", [], float("nan"), True], "str": [None, 1, [], {}],
        "list[int]": [None, 1, [-1], [0.5], ["0"]],
        "float | None": ["1", [], float("inf")],
    }  # fmt: skip
    fitting = {
        "int": 0, "float": 0.5, "str": "x", "bool": True, "list[int]": [0, 0], "float | None": None,
        "Any": 0,
    }  # fmt: skip
    for kind, signature in handlers(widget).items():
        for name, argument in signature.parameters.items():
            for value in wrong.get(str(argument.annotation), []):
                message = {n: fitting[str(a.annotation)] for n, a in signature.parameters.items()}
                widget._receive(widget, {**message, "type": kind, name: value}, [])
                assert "Reload the page" in widget.error, (kind, name, value)
                assert state(net, widget) == before, (kind, name, value)


@every_widget
def test_random_messages_of_the_right_kind_are_done_or_told_in_words(made: Any) -> None:
    """They may do what they say. What fails is told by FluxLab, not in Python's words."""
    net, widget, sent = made
    draw = random.Random(1)
    texts = [value for value in JUNK if isinstance(value, str)]
    values: dict[str, Callable[[], Any]] = {
        "int": lambda: draw.choice([0, 1, 2, -1, -7, 50, 2**52, -(2**52)]),
        "float": lambda: draw.choice([0.0, -1.0, 1e308, 1e-320, 700.0]),
        "float | None": lambda: draw.choice([None, 0.0, -1.0, 1e308, 1e-5]),
        "str": lambda: draw.choice(
            [*texts, *net.trace.matrices, "forward", "log", "operation", "session", "trace"]
        ),
        "bool": lambda: draw.random() < 0.5,
        "list[int]": lambda: [draw.choice([0, 1, 9**9]) for _ in range(draw.randrange(4))],
        "Any": lambda: draw.choice(JUNK),
    }
    known = handlers(widget)
    for _ in range(MANY):
        kind = draw.choice([*known])
        message = {n: values[str(a.annotation)]() for n, a in known[kind].parameters.items()}
        sent.clear()
        widget._receive(widget, {**message, "type": kind}, [])
        session_of(net).stop()
        refused = [content["words"] for content in sent if content.get("type") == "refused"]
        for told in [widget.error, *refused]:
            bare = any(f"{error}Error" in told for error in PYTHONS)
            assert not bare, (kind, message, told)
            assert len(told) < 700, told


@every_widget
def test_messages_without_a_handler_are_left_alone(made: Any) -> None:
    net, widget, sent = made
    before = state(net, widget)
    sent.clear()
    others = ["msg", "displayed", "trait_change", "widget_constructed", "", None, 3, "__init__", {}]
    for kind in others:
        widget._receive(widget, {"type": kind, "callback": "x", "remove": True, "name": "y"}, [])
    for content in ([], None, "ready", 3):
        widget._receive(widget, content, [])
    assert (widget.error, sent, state(net, widget)) == ("", [], before)
