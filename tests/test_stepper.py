"""The cursor and the step bar: on and back again, bit for bit; play and stop."""

from __future__ import annotations

import importlib
import itertools
import threading
import time
from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.widgets.lab.cursor import UNITS, Cursor
from fluxlab.widgets.lab.stepper import Stepper


def network() -> Any:
    draw = np.random.default_rng(3)
    return fl.form_network([3, 2], draw.normal(size=(5, 4)), draw.normal(size=(5, 2)), seed=1)


def everything(trace: Any) -> dict[str, bytes]:
    """Every number that is computed, exactly."""
    return {name: m.buffer.tobytes() for name, m in trace.matrices.items() if m.ready}


def state(trace: Any) -> tuple[int, int]:
    cursor = Cursor(trace)
    return cursor.iteration, cursor.position


def noisy() -> Any:
    """A trace with a random draw that differs from iteration to iteration."""
    draw = np.random.default_rng(0)

    def model(x: Any, w: Any, seed: Any) -> Any:
        h = fl.tanh(x @ w)
        mask = fl.greater(fl.uniform(seed, shape=(5, 2)), 0.5)
        return fl.mean((h * mask - 0.3) ** 2)

    trace = fl.trace(model, x=draw.normal(size=(5, 3)), w=draw.normal(size=(3, 2)), seed=7)
    trace.backward()
    trace.descend("w", learning_rate=0.5)
    trace.move(0)
    return trace


def test_to_leads_to_the_same_place_from_anywhere() -> None:
    net = network()
    stepper, trace = Stepper(net), net.trace
    stepper.to("layer 1/a")
    assert state(trace) == (0, 2)
    found = everything(trace)
    for _ in range(2):  # twice; after the whole pass; in a later iteration
        stepper.to("layer 1/a", iteration=0)
        assert everything(trace) == found
        stepper.backward.click()
        stepper.to("layer 1/a")
        assert everything(trace) == found
        stepper.iteration.click()
        stepper.iteration.click()
    assert state(trace)[0] > 0
    stepper.to("C")
    assert state(trace)[0] > 0


def test_to_says_what_it_cannot_reach() -> None:
    stepper = Stepper(network())
    before = state(stepper.trace)
    with pytest.raises(fl.BadInput, match="layer 1/w is given, not computed"):
        stepper.to("layer 1/w")
    with pytest.raises(fl.UnknownName, match="Did you mean 'layer 1/a'"):
        stepper.to("layer1/a")
    for wrong in (-1, 1):
        with pytest.raises(fl.BadInput, match=f"iteration got {wrong}; it expects 0 to 0"):
            stepper.to("layer 1/a", iteration=wrong)
    assert state(stepper.trace) == before


def test_operations_go_to_the_next_iteration_and_come_back_exactly() -> None:
    net = network()
    stepper, trace = Stepper(net), net.trace
    count = len(trace.steps)
    seen = [everything(trace)]
    for _ in range(2 * count + 3):
        stepper.operation.click()
        seen.append(everything(trace))
    assert state(trace) == (2, 3)
    for k, p in [(2, 2), (2, 1), (1, count), (1, count - 1)]:
        stepper.back_operation.click()
        seen.pop()
        assert state(trace) == (k, p)
        assert everything(trace) == seen[-1]
    while state(trace) != (0, 0):
        stepper.back_operation.click()
        seen.pop()
        assert everything(trace) == seen[-1]
    stepper.back_operation.click()  # there is nothing before the start
    assert state(trace) == (0, 0)


@pytest.mark.parametrize("unit", UNITS)
def test_each_unit_back_undoes_it(unit: str) -> None:
    net = network()
    stepper, trace = Stepper(net), net.trace
    start = {"backward": "forward", "update": "backward"}.get(unit)
    if start:
        trace.move(trace.end_of(start))
    before = state(trace)
    places = []
    for _ in range(4):
        getattr(stepper, unit).click()
        places.append((state(trace), everything(trace)))
    assert places[-1][0] > places[0][0]
    for place, numbers in reversed(places[:-1]):
        getattr(stepper, f"back_{unit}").click()
        # The pass before: from its start, the same button leads to its end again.
        if unit not in ("forward", "backward", "update"):
            assert state(trace) == place
            assert everything(trace) == numbers
        else:
            getattr(stepper, unit).click()
            getattr(stepper, f"back_{unit}").click()
            getattr(stepper, f"back_{unit}").click()
            getattr(stepper, unit).click()
            assert state(trace) == place
            assert everything(trace) == numbers
    getattr(stepper, f"back_{unit}").click()
    assert state(trace) == before


def test_passes_end_where_the_trace_says() -> None:
    net = network()
    stepper, trace = Stepper(net), net.trace
    for unit in ("forward", "backward", "update"):
        getattr(stepper, unit).click()
        assert state(trace) == (0, trace.end_of(unit))
    stepper.forward.click()  # of the next iteration: the update is adopted
    assert state(trace) == (1, trace.end_of("forward"))
    stepper.back_forward.click()
    assert state(trace) == (0, len(trace.steps))
    trace.move(0)
    stepper.layer.click()
    assert {step.scope for step in trace.steps[: trace.position]} == {"layer 1"}
    stepper.iteration.click()
    assert state(trace) == (0, len(trace.steps))
    stepper.iteration.click()
    assert state(trace) == (1, len(trace.steps))


def runs(trace: Any) -> list[int]:
    """Where the steps of one outermost scope in one phase end."""
    keys = [(step.scope.partition("/")[0], step.phase) for step in trace.steps]
    return [len(list(run)) for _, run in itertools.groupby(keys)]


@pytest.mark.parametrize("batch", [None, 2])
def test_a_dense_network_goes_by_whole_layers(batch: int | None) -> None:
    x = np.random.default_rng(0).normal(size=(5, 3))
    layers = [fl.Dense(4, "tanh"), fl.BatchNorm(), fl.Dropout(0.5), fl.Dense(2)]
    trace = fl.Network(layers, x, x[:, :2], batch=batch).trace
    assert [end - start for start, end in Cursor(trace).spans("layer")] == runs(trace)


@pytest.mark.parametrize("name", ["transformer", "lstm", "bert", "inception", "dense", "denoising"])
def test_one_layer_is_never_more_than_one_and_stops_at_its_parts(name: str) -> None:
    module = importlib.import_module(f"fluxlab.engine.models.{name}")
    trace = module.EXAMPLE()
    cursor = Cursor(trace)
    spans = cursor.spans("layer")
    ends = [end for _, end in spans]
    assert [start for start, _ in spans] == [0, *ends[:-1]]
    assert set(itertools.accumulate(runs(trace))) <= set(ends), "every stop of before is one still"
    # Forwards it goes through one inner scope at most, and to each once.
    passed = [
        {step.scope.split("/")[1] for step in trace.steps[start:end] if "/" in step.scope}
        for start, end in spans
        if end <= trace.end_of("forward")
    ]
    assert all(len(inner) <= 1 for inner in passed)
    # Backwards every stop but the last of a layer completes a part for good.
    for start, end in spans:
        later = {(s.phase, *s.scope.split("/")[:2]) for s in trace.steps[end : end_of(trace, end)]}
        assert any((s.phase, *s.scope.split("/")[:2]) not in later for s in trace.steps[start:end])


def end_of(trace: Any, position: int) -> int:
    """Where the layer that `position - 1` lies in ends."""
    return next(end for end in itertools.accumulate(runs(trace)) if end >= position)


def test_one_layer_of_a_transformer_is_an_encoder_or_a_decoder_and_comes_back_exactly() -> None:
    from fluxlab.engine.models.transformer import EXAMPLE

    trace = EXAMPLE()
    trace.move(0)
    stepper, seen, places = Stepper(trace), [everything(trace)], []
    for _ in Cursor(trace).spans("layer"):
        stepper.layer.click()
        step = trace.steps[trace.position - 1]
        places.append(step.scope.split("/")[1:2])
        seen.append(everything(trace))
    assert [p[0] for p in places[:8]] == [
        "embedding", "source mask", "answer mask", "encoder", "encoder 1", "decoder", "decoder 1",
        "logits",
    ]  # fmt: skip
    assert trace.position == len(trace.steps)
    while seen:
        assert everything(trace) == seen.pop()
        stepper.back_layer.click()
    assert trace.position == 0


def test_back_restores_parameters_through_knob_edits() -> None:
    net = network()
    stepper, trace = Stepper(net), net.trace
    for _ in range(3):
        stepper.iteration.click()
    assert state(trace) == (2, len(trace.steps))
    untouched = everything(trace)
    stepper.iteration.click()
    trace.set("layer 1/w", 2.5, (1, 2))
    edited = everything(trace)
    stepper.iteration.click()
    after = everything(trace)
    stepper.back_iteration.click()
    assert everything(trace) == edited
    assert trace["layer 1/w"].value[1, 2] == 2.5
    stepper.back_iteration.click()
    assert everything(trace) == untouched
    stepper.iteration.click()  # the edit is part of the timeline
    assert everything(trace) == edited
    stepper.iteration.click()
    assert everything(trace) == after


def test_back_restores_random_draws() -> None:
    trace = noisy()
    stepper = Stepper(trace)
    seen = []
    for k in range(4):
        stepper.iteration.click()
        if k == 1:
            trace.set("seed", 99)
        seen.append(everything(trace))
    for numbers in reversed(seen[:-1]):
        stepper.back_iteration.click()
        assert everything(trace) == numbers
    stepper.iteration.click()
    assert everything(trace) == seen[1]


def test_travel_reaches_iterations_between_records() -> None:
    net = network()
    stepper = Stepper(net)
    fl.learn(net, iterations=2505)
    last = everything(net.trace)
    stepper.iteration.click()
    stepper.iteration.click()
    stepper.back_iteration.click()
    stepper.back_iteration.click()
    assert state(net.trace)[0] == 2505
    assert everything(net.trace) == last


def test_the_way_back_ends_where_history_has_started_again() -> None:
    net = network()
    stepper = Stepper(net)
    fl.learn(net, iterations=5)
    net.set_activation(1, "tanh")  # what was recorded before belongs to another network
    assert net.history.iterations == [5]
    for unit in UNITS:
        net.trace.move(3)
        for _ in range(4):  # to the first step, and no further
            getattr(stepper, f"back_{unit}").click()
        assert state(net.trace) == ((5, 3) if unit in ("backward", "update") else (5, 0))
        assert not stepper.state()["buttons"][unit]["back"]
    stepper.iteration.click()
    stepper.iteration.click()
    assert state(net.trace) == (6, len(net.trace.steps))


def test_missing_passes_say_why_and_how() -> None:
    trace = fl.trace(lambda x, w: fl.tanh(x @ w), x=[[1.0, 2.0]], w=[[0.5], [-0.25]])
    stepper = Stepper(trace)
    assert not stepper.state()["buttons"]["backward"]["on"]
    assert "t.backward()" in stepper.state()["buttons"]["backward"]["why"]
    with pytest.raises(fl.BadInput, match=r"t\.descend"):
        stepper.update.click()
    trace.backward()
    assert stepper.state()["buttons"]["backward"]["back"]
    stepper.operation.click()  # at the end, without an update: nothing more to do
    assert trace.position == len(trace.steps)


def test_an_exception_rises_into_the_cell_and_stands_in_the_page(monkeypatch: Any) -> None:
    net = network()
    stepper = Stepper(net)

    def broken(position: int) -> None:
        raise RuntimeError("the step broke")

    monkeypatch.setitem(vars(net.trace), "move", broken)
    with pytest.raises(RuntimeError, match="the step broke"):
        stepper.operation.click()
    assert stepper.error == ""
    stepper._receive(stepper, {"type": "press", "button": "operation"}, [])
    assert "the step broke" in stepper.error


def test_the_line_shows_the_selected_cell_else_the_largest() -> None:
    net = network()
    stepper, trace = Stepper(net), net.trace
    stepper.forward.click()
    stepper.backward.click()
    found = stepper.state()
    assert found["where"].startswith(f"iteration 0 · step {trace.position} of {len(trace.steps)}")
    assert "<math" in found["formula"]
    assert found["numpy"] == trace.steps[trace.position - 1].numpy()
    matrix = trace.steps[trace.position - 1].output
    assert abs(matrix.value[found["cell"]]) == np.abs(matrix.value).max()
    stepper.session.select(matrix.name, (0, 0))
    assert stepper.state()["cell"] == (0, 0)


def test_text_is_stable() -> None:
    net = network()
    stepper = Stepper(net)
    count = len(net.trace.steps)
    assert repr(stepper) == f"Stepper of 4-3-2 network: iteration 0 · step 0 of {count}"
    stepper.operation.click()
    assert "step 1" in stepper.text()
    assert "x @ w" in stepper.text()


def players() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "fluxlab-player"]


def wait_for(condition: Any, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.005)


def test_play_goes_on_and_stop_stops_soon() -> None:
    net = network()
    stepper = Stepper(net)
    stepper.speed, stepper.unit = 200, "operation"
    stepper.play.click()
    stepper.play.click()  # a second one replaces the first
    wait_for(lambda: state(net.trace) > (0, 5))
    assert len(players()) == 1
    stepper.unit, stepper.speed = "iteration", float("inf")
    wait_for(lambda: state(net.trace)[0] > 200)
    stepper.stop.click()
    wait_for(lambda: not players())
    halted = state(net.trace)
    time.sleep(0.1)
    assert state(net.trace) == halted


def test_a_slow_speed_is_kept() -> None:
    net = network()
    stepper = Stepper(net)
    stepper.speed = 20
    stepper.play.click()
    begun = time.monotonic()
    wait_for(lambda: net.trace.position >= 8, 60)
    assert time.monotonic() - begun > 7 / 20 * 0.9, "8 steps at 20 a second"
    stepper.stop.click()
    with pytest.raises(fl.BadInput, match="speed"):
        stepper.speed = 0
    with pytest.raises(fl.BadInput, match="speed got 'fast'"):
        stepper.speed = "fast"  # type: ignore[assignment]


def test_the_lock_is_held_for_a_short_time_only() -> None:
    net = network()
    stepper = Stepper(net)
    stepper.unit, stepper.speed = "iteration", float("inf")
    stepper.play.click()
    seen = []
    for _ in range(20):  # the player gives it away again and again, and goes on in between
        assert net.trace.lock.acquire(timeout=60)
        seen.append(state(net.trace)[0])
        net.trace.lock.release()
        wait_for(lambda: state(net.trace)[0] > seen[-1], 60)
    assert stepper.session.playing
    stepper.stop.click()
    wait_for(lambda: not players())


def test_learning_that_runs_away_stops_the_player_in_words() -> None:
    net = network()
    for layer in (1, 2):
        net.set_activation(layer, "linear")
    trace = net.trace
    trace.set("learning rate", 100.0)
    stepper = Stepper(net)
    stepper.unit, stepper.speed = "iteration", float("inf")
    stepper.play.click()
    wait_for(lambda: not players())
    assert "learning rate" in stepper.error
    assert np.isfinite(trace["layer 1/w"].value).all()
    trace.history.travel(0)
    trace.set("learning rate", 0.01)
    stepper.iteration.click()
    assert state(trace)[0] == 1
