"""Knobs: ranges, exact numbers, refusals in words, choices, reset."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.widgets.lab.knobs import Knobs
from fluxlab.widgets.lab.slider import rounded_up
from fluxlab.widgets.shared.numbers import typed_anew


def network() -> Any:
    draw = np.random.default_rng(5)
    return fl.form_network([3, 2], draw.normal(size=(6, 4)), draw.normal(size=(6, 2)), seed=2)


def neuron() -> Any:
    return fl.trace(
        lambda x, w, b: fl.sigmoid(x @ w + b), x=[[1.0, 2.0]], w=[[0.5], [-0.25]], b=[[0.1]]
    )


class Page:
    """A page that presses, and what it is sent."""

    def __init__(self, knobs: Knobs) -> None:
        self.knobs, self.sent = knobs, []
        knobs.send = lambda content, buffers=(): self.sent.append((content, list(buffers)))
        self.press(type="ready")

    def press(self, **message: Any) -> list[dict[str, Any]]:
        before = len(self.sent)
        self.knobs._receive(self.knobs, message, [])
        return [content for content, _ in self.sent[before:]]


def test_a_slider_changes_the_cell_and_all_that_follows() -> None:
    trace = neuron()
    page = Page(Knobs(trace, "w"))
    answers = page.press(type="set", knob=1, value=1.75, seq=4)
    assert trace["w"].value.tolist() == [[0.5], [1.75]]
    expected = 1 / (1 + np.exp(-(0.5 + 2 * 1.75 + 0.1)))
    assert trace.cost.value == pytest.approx(expected)
    # The page has its own number: nothing but the answer comes back.
    assert answers == [{"type": "done", "seq": 4, "knob": 1, "accepted": True}]


def test_code_turns_knobs_too() -> None:
    knobs = Knobs(neuron(), "w", "b")
    knobs["w", 1, 0] = 0.75
    assert knobs["w", 1, 0] == 0.75
    knobs["b"] = -2
    assert knobs["b"] == -2
    knobs.set("x", (0, 1), 3.5)  # any input, with or without a slider
    assert knobs.trace["x"].value.tolist() == [[1.0, 3.5]]
    with pytest.raises(fl.BadInput, match="no cell"):
        knobs["w", 0, 1] = 1
    with pytest.raises(fl.BadInput, match="NaN"):
        knobs["w", 0, 0] = float("nan")
    knobs.reset.click()
    assert knobs.trace["w"].value.tolist() == [[0.5], [-0.25]]
    assert knobs["b"] == 0.1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,500", "two ways"),
        ("", "Nothing"),
        ("two", "not a number"),
        ("nan", "finite"),
        ("inf", "finite"),
    ],
)
def test_what_is_no_number_is_refused_and_the_old_one_stays(text: str, words: str) -> None:
    trace = neuron()
    page = Page(Knobs(trace, "w"))
    (answer,) = page.press(type="typed", knob=0, text=text)
    assert answer["type"] == "refused"
    assert answer["knob"] == 0
    assert words in answer["words"]
    assert trace["w"].value[0, 0] == 0.5
    assert page.knobs.error == ""  # it is said beside the control


def test_an_exact_number_arrives_exactly_and_widens_the_range() -> None:
    trace = neuron()
    page = Page(Knobs(trace, "w"))
    page.press(type="typed", knob=0, text="0.1234567890123456")
    assert trace["w"].value[0, 0] == 0.1234567890123456
    assert page.knobs.knobs[0].high == 1
    page.press(type="typed", knob=0, text="\u221237.5")
    assert trace["w"].value[0, 0] == -37.5
    knob = page.knobs.knobs[0]
    assert (knob.low, knob.high) == (-50, 1)
    page.press(type="typed", knob=0, text="0,25")
    assert trace["w"].value[0, 0] == 0.25
    assert typed_anew(" 1e-3 ") == 1e-3


def test_a_range_is_wide_only_as_long_as_it_must_be() -> None:
    trace = neuron()
    page = Page(Knobs(trace, "w"))
    knob = page.knobs.knobs[0]
    first = knob.low, knob.high
    for text in ("1e308", "-1.7e308", "1.7976931348623157e308", "5e-324", "-1e9"):
        page.press(type="typed", knob=0, text=text)
        assert trace["w"].value[0, 0] == float(text)
        assert math.isfinite(knob.high - knob.low)
    page.press(type="set", knob=0, value=-5e8, seq=1)  # dragged: the range stays
    assert knob.low == -1e9
    page.press(type="typed", knob=0, text="0.25")
    assert (knob.low, knob.high) == first
    page.press(type="typed", knob=0, text="70")
    page.press(type="reset")
    assert (knob.low, knob.high) == first
    rate = Knobs(network(), "learning rate")
    for value in (1e-300, 5e-324, 1e300, 1.7e308):
        rate["learning rate"] = value
        assert 0 < rate.knobs[0].low <= value
        assert math.isfinite(rate.knobs[0].high)
    rate["learning rate"] = 0.5
    assert (rate.knobs[0].low, rate.knobs[0].high) == (1e-4, 10)


def test_ranges_are_round_and_symmetric_or_as_given() -> None:
    net = network()
    knobs = Knobs(net, "layer 1/w", "layer 2/b[0, 1]", learning_rate=(0.001, 1))
    assert len(knobs.knobs) == 4 * 3 + 1 + 1
    largest = np.abs(net.trace["layer 1/w"].value).max()
    assert knobs.knobs[0].high == -knobs.knobs[0].low >= largest
    rate = knobs.knobs[-1]
    assert (rate.low, rate.high, rate.log) == (0.001, 1, True)
    assert [rounded_up(v) for v in (0.03, 1, 1.1, 2, 7, 40)] == [0.05, 1, 2, 2, 10, 50]
    knobs["learning rate"] = 25.0
    assert rate.high == 50
    with pytest.raises(fl.BadInput, match="above 0"):
        knobs["learning rate"] = 0


def test_bad_names_are_refused() -> None:
    net = network()
    with pytest.raises(fl.BadInput, match="computed"):
        Knobs(net, "layer 1/a")
    with pytest.raises(fl.UnknownName, match="layer 1/w"):
        Knobs(net, "layer 1/ww")
    with pytest.raises(fl.BadInput, match="24"):
        Knobs(fl.form_network([30], np.ones((2, 3)), np.ones((2, 30))), "layer 1/w")
    with pytest.raises(fl.BadInput, match="no cell"):
        Knobs(net, "layer 1/w[4, 0]")
    with pytest.raises(fl.BadInput, match="network"):
        Knobs(neuron(), "sample")
    with pytest.raises(fl.BadInput, match="lowest, highest"):
        Knobs(net, learning_rate=(1, 0.1))


def test_choices_of_a_network() -> None:
    net = network()
    knobs = Knobs(net)
    first = knobs.text()
    assert "learning rate = 0.01" in first
    knobs.session.select("layer 1/h", (5, 2))
    knobs.choose("layer 1/activation", "tanh")
    assert net.activations[0] == "tanh"
    knobs.choose("sample", 3)
    assert net.trace["layer 1/h"].shape == (1, 3)
    assert knobs.session.selection is None  # that row is not there any more
    assert "sample: 3" in knobs.text()
    with pytest.raises(fl.UnknownName, match="tanh"):
        knobs.choose("layer 1/activation", "tahn")
    with pytest.raises(fl.BadInput, match="no choices"):
        Knobs(neuron(), "w").choose("sample", 1)
    knobs["learning rate"] = 0.5
    knobs.reset.click()
    assert knobs.text() == first


def test_a_choice_from_the_page_that_fails_is_said() -> None:
    page = Page(Knobs(network(), "activation"))
    answers = page.press(type="choose", name="layer 1/activation", value="tahn")
    assert "tanh" in page.knobs.error
    assert answers[-1]["chosen"]["layer 1/activation"] == "leaky_relu"


def test_training_refreshes_the_sliders() -> None:
    net = network()
    page = Page(Knobs(net, "layer 2/b"))
    fl.learn(net, iterations=5)
    page.knobs.session.changed("values")
    content, (numbers,) = page.sent[-1]
    assert content["type"] == "values"
    assert np.frombuffer(numbers).tolist() == net.trace["layer 2/b"].value.ravel().tolist()
