"""The cost curve: what is sent, what is kept, and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fluxlab as fl
from fluxlab.widgets.lab.curve import Curve, thinned


def network() -> Any:
    draw = np.random.default_rng(5)
    return fl.form_network([3, 2], draw.normal(size=(6, 4)), draw.normal(size=(6, 2)), seed=2)


class Page:
    """What a page is sent."""

    def __init__(self, curve: Curve) -> None:
        self.curve, self.sent = curve, []
        curve.send = lambda content, buffers=(): self.sent.append((content, list(buffers)))
        curve.on_ready()

    def points(self) -> tuple[list[float], list[float]]:
        xs: list[float] = []
        ys: list[float] = []
        for content, buffers in self.sent:
            if content["type"] == "points":
                if content["fresh"]:
                    xs, ys = [], []
                xs += np.frombuffer(buffers[0]).tolist()
                ys += np.frombuffer(buffers[1]).tolist()
        return xs, ys


def test_only_new_points_are_sent_and_all_arrive() -> None:
    net = network()
    page = Page(Curve(net))
    for _ in range(5):
        fl.learn(net, iterations=40)
        page.curve.session.changed("values")
    assert page.points() == (list(map(float, net.history.iterations)), net.history.costs)
    assert sum(content["fresh"] for content, _ in page.sent) == 1
    counts = [len(np.frombuffer(buffers[0])) for _, buffers in page.sent]
    assert [count for count in counts if count] == [1, 40, 40, 40, 40, 40]


def test_the_curve_is_live_while_a_cell_learns() -> None:
    net = network()
    page = Page(Curve(net))
    before = len(page.sent)
    net.set_activation(1, "tanh")  # another trace in the same place: it is still watched
    seen: list[int] = []

    def note(iteration: int, _cost: float) -> None:
        seen.append(len(page.sent))
        if len(seen) == 4:
            raise KeyboardInterrupt  # as the stop button does

    fl.learn(net, iterations=10**9, progress=note)
    assert before < seen[1] < seen[2] < seen[3]
    page.curve.session.changed("values")
    assert page.points()[0][-1] == net.history.iterations[-1] > 0


def test_a_knob_edit_forgets_what_came_after() -> None:
    net = network()
    page = Page(Curve(net))
    fl.learn(net, iterations=30)
    page.curve.session.changed("values")
    page.curve.travel(12)
    net.trace.set("layer 1/w", 0.75, (0, 1))
    page.curve.session.changed("values")
    xs, ys = page.points()
    assert xs[-1] == 12
    assert ys[-1] == net.history.costs[-1]


def test_travel_brings_every_number_back() -> None:
    net = network()
    curve = Curve(net)
    fl.learn(net, iterations=17)
    then = {name: m.value.tobytes() for name, m in net.trace.matrices.items()}
    fl.learn(net, iterations=3000)  # the records are thinned meanwhile
    curve.travel(17)
    assert {name: m.value.tobytes() for name, m in net.trace.matrices.items()} == then
    assert curve.text().startswith("Cost curve of 4-3-2 network: iteration 17, C = ")
    with pytest.raises(fl.BadInput, match="99999"):
        curve.travel(99999)


def test_a_failed_travel_stands_in_the_page_and_the_sender_is_answered() -> None:
    page = Page(Curve(network()))
    page.curve._receive(page.curve, {"type": "travel", "iteration": 7, "seq": 3}, [])
    assert "7" in page.curve.error
    assert page.sent[-1][0] == {"type": "done", "seq": 3}


def test_divergence_is_said() -> None:
    net = network()
    for layer in (1, 2):
        net.set_activation(layer, "linear")
    page = Page(Curve(net))
    with pytest.raises(fl.Diverged):
        fl.learn(net, learning_rate=1000.0, iterations=500)
    page.curve.session.changed("values")
    assert "learning rate" in page.sent[-1][0]["stopped"]
    assert "learning rate" in page.curve.text()


def test_bad_arguments_are_refused() -> None:
    trace = fl.trace(lambda x, w: fl.tanh(x @ w), x=[[1.0, 2.0]], w=[[0.5], [-0.25]])
    with pytest.raises(fl.BadInput, match="descend"):
        Curve(trace)
    with pytest.raises(fl.UnknownName, match="log"):
        Curve(network(), scale="logg")


def test_a_picture_without_a_kernel() -> None:
    net = network()
    fl.learn(net, iterations=20)
    data, _ = Curve(net)._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert data["text/plain"].startswith("Cost curve of")


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(10, 60))
def test_thinning_keeps_ends_and_extremes(costs: list[float], most: int) -> None:
    iterations = np.arange(len(costs), dtype=float)
    xs, ys = thinned(iterations, np.array(costs), most)
    assert len(xs) <= most + 3
    assert (xs[0], xs[-1]) == (0, len(costs) - 1)
    assert (ys.min(), ys.max()) == (min(costs), max(costs))
    assert [costs[int(x)] for x in xs] == ys.tolist()


def test_thinning_keeps_the_first_cost_that_is_not_finite() -> None:
    costs = np.ones(5000)
    costs[1234:1300] = np.inf
    xs, ys = thinned(np.arange(5000.0), costs, 100)
    assert 1234 in xs
    assert np.isinf(ys).any()
