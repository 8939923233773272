"""Learning that is interrupted, and learning that runs away."""

from __future__ import annotations

import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.engine.running.plan import Plan


def parity(**more: Any) -> fl.Network:
    x, y = fl.data.parity(3)
    layers = [fl.Dense(5, "leaky_relu"), fl.Dense(1, "sigmoid")]
    return fl.Network(layers, x, y, optimizer=fl.GradientDescent(0.25), seed=3, **more)


def values(net: fl.Network) -> dict[str, np.ndarray]:
    return {n: m.value for n, m in net.trace.matrices.items()}


def is_a_whole_iteration(net: fl.Network) -> int:
    """The state equals that of a fresh run of exactly `history.iteration` iterations."""
    count, found = net.history.iteration, values(net)
    fresh = parity()
    fresh.history.advance(count)
    for name, value in values(fresh).items():
        np.testing.assert_array_equal(found[name], value, err_msg=f"{name} after {count}")
    # And the way back is whole, too.
    net.history.travel(count // 2)
    half = parity()
    half.history.advance(count // 2)
    for name, value in values(half).items():
        np.testing.assert_array_equal(net.trace[name].value, value, err_msg=name)
    net.history.travel(count)
    return count


class Interrupt:
    """Stands for one call of the plan; strikes at the n-th time that it is called."""

    def __init__(self, call: Any, strike: int) -> None:
        self.call, self.left = call, strike

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        self.call()


@pytest.mark.parametrize("strike", [1, 2, 17, 203])
def test_an_interrupt_in_any_call_leaves_a_whole_iteration(strike: int) -> None:
    count = len(parity().history._plan.calls)
    for place in range(strike % 3, count, 3 if strike < 100 else 7):
        net = parity()
        calls = net.history._plan.calls
        calls[place] = Interrupt(calls[place], strike)
        with pytest.raises(KeyboardInterrupt):
            net.history.advance(5000)
        assert net.trace.position == len(net.trace.steps)
        assert is_a_whole_iteration(net) <= strike


@pytest.mark.parametrize("place", ["_finite", "_record", "_cost"])
def test_an_interrupt_between_the_iterations(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may strike anywhere: also while the history looks at the numbers or writes them down."""
    for strike in (1, 2, 3, 8):
        net = parity()
        net.history.advance(3)
        real, left = getattr(net.history, place), [strike]

        def struck(*given: Any, real: Any = real, left: list[int] = left, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return real(*given, **named)

        monkeypatch.setattr(net.history, place, struck)
        with pytest.raises(KeyboardInterrupt):
            net.history.advance(2000)
        monkeypatch.undo()
        net.trace.run()
        is_a_whole_iteration(net)


def test_an_interrupt_at_a_random_moment() -> None:
    """The real thing: a signal, at moments that nobody chose. `learn` keeps what it learned."""
    import signal

    draw, struck = np.random.default_rng(0), 0
    for _ in range(12):
        net = parity()
        previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, float(draw.uniform(0.005, 0.06)))
        try:
            history = fl.learn(net, iterations=100_000)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
        assert history is net.history
        if not history.stopped:  # Python loses an interrupt that strikes a garbage collection
            continue
        struck += 1
        assert "Stopped by hand" in history.stopped
        assert str(history.iteration) in history.stopped
        net.trace.run()  # it may have struck while the last state was being computed
        is_a_whole_iteration(net)
    assert struck >= 8


def test_an_interrupted_journey_ends_at_a_whole_iteration() -> None:
    net = parity()
    net.history.advance(3000)
    calls = net.history._plan.calls
    calls[4] = Interrupt(calls[4], 2)
    target = next(k for k in range(2990, 0, -1) if k - 2 > max(
        i for i in net.history.iterations if i <= k))  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        net.history.travel(target)
    net.trace.run()
    is_a_whole_iteration(net)


def test_learn_prints_that_it_was_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    net = parity()
    calls = net.history._plan.calls
    calls[0] = Interrupt(calls[0], 50)
    fl.learn(net, iterations=100)
    assert "Stopped by hand at iteration" in capsys.readouterr().out
    fl.learn(net, iterations=10)


def test_progress_reports_and_may_stop() -> None:
    net, seen = parity(), []

    def progress(iteration: int, cost: float) -> None:
        seen.append((iteration, cost))
        if len(seen) == 3:
            raise KeyboardInterrupt

    fl.learn(net, iterations=10**9, progress=progress)
    assert len(seen) == 3
    assert [i for i, _ in seen] == sorted({i for i, _ in seen})
    assert seen[-1][0] == net.history.iteration
    assert seen[-1][1] == float(net.trace["C"].value)
    is_a_whole_iteration(net)


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    net = parity()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm's, about a missing notebook
        fl.learn(net, iterations=300, progress=True)
    assert net.history.iteration == 300
    assert "300/300" in capsys.readouterr().err


def test_one_progress_bar_for_all_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    net = parity(batch=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm's, about a missing notebook
        net.fit(20, validation=fl.data.parity(3), progress=True)
    shown = capsys.readouterr().err
    assert shown.count("60/60") >= 1
    assert "/3 " not in shown
    seen: list[int] = []
    net.fit(4, validation=fl.data.parity(3), progress=lambda k, cost: seen.append(k))
    assert seen[-1] == net.history.iteration == 72


def test_another_thread_may_read_while_it_learns() -> None:
    net, costs = parity(), []

    def read() -> None:
        for _ in range(20):
            costs.append(float(net.trace["C"].value) if net.trace["C"].ready else None)
            time.sleep(0.005)

    reader = threading.Thread(target=read)
    reader.start()
    fl.learn(net, iterations=3000, progress=lambda iteration, cost: None)
    reader.join(10)
    assert not reader.is_alive()
    assert len(costs) == 20


# -- epochs with a validation set -------------------------------------------------------------


def test_after_an_interruption_all_epochs_are_learned() -> None:
    net = parity()
    calls = net.history._plan.calls
    calls[0] = Interrupt(calls[0], 3)
    net.fit(10)
    assert "Stopped by hand" in net.history.stopped
    start = net.history.iteration
    net.fit(4, validation=fl.data.parity(3))
    assert net.history.stopped == ""
    assert net.history.iteration == start + 4
    assert [k for k, _ in net.validation] == [start + 1, start + 2, start + 3, start + 4]


def test_an_interruption_in_the_first_epoch_keeps_what_was_learned() -> None:
    net = parity(batch=2)
    calls = net.history._plan.calls
    calls[0] = Interrupt(calls[0], 3)
    net.fit(10, validation=fl.data.parity(3), patience=5)
    assert net.history.iteration in (1, 2)
    assert net.validation == []


def test_an_interruption_while_validating_keeps_what_was_learned(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    net, held = parity(), fl.data.parity(3)
    net.fit(3, validation=held)

    def struck(*given: Any) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(net, "_cost_of", struck)
    net.fit(3, validation=held)
    monkeypatch.undo()
    assert net.history.iteration == 4
    assert "Stopped by hand at iteration 4" in capsys.readouterr().out
    is_a_whole_iteration(net)


def test_patience_begins_anew_with_each_better_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    net, costs = parity(), iter([5.0, 6.0, 4.0, 6.0, 3.0, 3.0, 8.0, 1.0])
    monkeypatch.setattr(net, "_cost_of", lambda *held: next(costs))
    net.fit(20, validation=fl.data.parity(3), patience=2)
    assert [cost for _, cost in net.validation] == [5.0, 6.0, 4.0, 6.0, 3.0, 3.0, 8.0]
    assert net.history.iteration == 5, "the first of the two best"


def test_an_interrupted_fit_goes_back_to_the_best_epoch() -> None:
    net, held = parity(), fl.data.parity(3)

    def progress(iteration: int, cost: float) -> None:
        if iteration == 6:
            raise KeyboardInterrupt

    # Learned away from the truth, so that the first epoch is the best.
    net.fit(20, validation=(held[0], 1 - held[1]), patience=20, progress=progress)
    best = min(net.validation, key=lambda pair: pair[1])
    assert len(net.validation) == 5
    assert net.history.iteration == best[0]


# -- divergence -------------------------------------------------------------------------------

RUNAWAYS = [
    ("linear", "linear", 1e6, 1.0),
    ("relu", "linear", 1e6, 1.0),
    ("leaky_relu", "linear", 30.0, 1.0),
    ("elu", "linear", 1e9, 1.0),
    ("swish", "linear", 1e4, 1.0),
    ("linear", "linear", 1.5, 5.0),
    ("tanh", "linear", 1e3, 1.0),
    ("linear", "relu", 1e12, 3.0),
]


@pytest.mark.parametrize(("hidden", "output", "rate", "scale"), RUNAWAYS)
def test_a_runaway_stops_with_finite_weights(
    hidden: str, output: str, rate: float, scale: float
) -> None:
    x, y = fl.data.parity(3)
    net = fl.form_network(
        [4, 1], x * scale, y + 1, hidden_activation=hidden, output_activation=output, seed=1
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            fl.learn(net, learning_rate=rate, iterations=20_000)
        except fl.Diverged as problem:
            message = str(problem)
        else:  # a dead network stands still: that is no runaway, but must be finite
            assert np.isfinite(net.history.costs).all()
            assert hidden == "relu" or output == "relu" or hidden == "tanh"
            return
    history = net.history
    at = history.iteration
    assert f"stopped at iteration {at + 1}:" in message
    assert f"iteration {at}, the last with a finite cost" in message
    assert f"{rate:g} is too large" in message
    assert f"try {rate / 10:g}" in message
    assert history.stopped == message
    for matrix in net.trace.carry:
        assert np.isfinite(matrix.value).all()
    assert np.isfinite(float(net.trace["C"].value))
    assert np.isfinite(history.costs).all()
    assert history.iterations[-1] == at
    # It is the last finite state: one more iteration by hand has no finite cost.
    new = [(old, matrix.value) for old, matrix in net.trace.carry.items()]
    for old, value in new:
        old.buffer[...] = value
    net.trace.run()
    assert not np.isfinite(float(net.trace["C"].value))


def test_after_a_runaway_a_smaller_rate_learns_on() -> None:
    x, y = fl.data.parity(3)
    net = fl.form_network([4, 1], x, y, hidden_activation="linear", output_activation="linear")
    with pytest.raises(fl.Diverged):
        fl.learn(net, learning_rate=1e6, iterations=1000)
    net.history.travel(0)
    start = net.history.costs[0]
    fl.learn(net, learning_rate=0.01, iterations=500)
    assert net.history.stopped == ""
    assert net.history.costs[-1] < start
    assert net.history.iteration == 500


def test_a_cost_that_is_infinite_for_one_iteration_only() -> None:
    """It overflows and comes back to finite numbers: that iteration must not pass unnoticed."""

    def run(w: Any) -> Any:
        return 1e160 * fl.relu(w) + fl.relu(-w) ** 2

    trace = fl.trace(run, w=1.0)
    trace.descend("w", learning_rate=0.5)
    assert trace.history is not None
    with pytest.raises(fl.Diverged, match="iteration 1:"):
        trace.history.advance(2)
    assert trace.history.iteration == 0


def there_and_back(w: Any) -> Any:
    """w goes -3, 0.5, -5e159 (infinite cost), 0 and stays: what learning computes is finite."""
    h = fl.relu(-w)
    return 1e160 * fl.relu(w) + h**2 + h


def there_and_back_by_the_weight(w: Any) -> Any:
    return 1e160 * fl.relu(w) + fl.relu(-w) ** 2 + fl.absolute(w) / 2 - w / 2


@pytest.mark.parametrize("run", [there_and_back, there_and_back_by_the_weight])
@pytest.mark.parametrize("gap", [1, 2, 3, 4, 7, 16, 1000])
def test_a_cost_that_is_infinite_in_the_middle_of_a_chunk(run: Any, gap: int) -> None:
    trace = fl.trace(run, w=-3.0)
    trace.descend("w", learning_rate=0.5)
    history = trace.history
    assert history is not None
    history._gap = gap  # as after a long run: so many iterations go by between two records
    with pytest.raises(fl.Diverged, match=r"stopped at iteration 2:.*those of iteration 1,"):
        history.advance(1000)
    assert history.iteration == 1
    assert float(trace["w"].value) == 0.5
    assert np.isfinite(history.costs).all()


def test_large_costs_that_stay_finite_stop_nothing() -> None:
    trace = fl.trace(lambda w: (w - 1e70) ** 2, w=0.0)
    trace.descend("w", learning_rate=0.25)
    trace.history._gap = 8
    trace.history.advance(300)
    assert float(trace["w"].value) == pytest.approx(1e70)
    assert trace.history.iteration == 300


WATCHED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["y"]),
    ({"batch": 3}, ["y"]),
    ({"cost": "cross_entropy_logits", "batch": 3}, ["y"]),
    ({"regularizers": [fl.L2()]}, ["C"]),
]


@pytest.mark.parametrize(("more", "names"), WATCHED)
def test_what_is_watched_costs_one_call(more: dict[str, Any], names: list[str]) -> None:
    """y's cells where they tell all; the cost itself where a penalty reads the weights."""
    x, t = np.random.default_rng(0).normal(size=(8, 3)), np.eye(2)[[0, 1] * 4]
    net = fl.Network([fl.Dense(4, "tanh"), fl.Dense(2)], x, t, **more)
    watched = [net.trace[name] for name in names]
    plain = Plan(net.trace, watched, net.trace.carry)
    calls = net.history._plan.calls
    assert len(calls) == len(plain.calls) + 1
    assert calls[-1].args[1] is watched[0].buffer


def test_an_edited_constant_changes_what_must_be_watched() -> None:
    trace = fl.trace(lambda w: 1.0 * fl.elu(w * 1.5), w=-3.0)
    trace.descend("w", learning_rate=0.5)
    calls = trace.history._plan.calls
    assert calls[-1].args[1] is trace["h"].buffer
    trace.set("w", -2.0)
    assert trace.history._plan.calls is calls
    trace.set("1", 1e290)  # now a tame number may make an infinite cost
    assert trace.history._plan.calls[-1].args[1] is trace["C"].buffer


def test_an_infinite_cost_at_the_start_is_said_as_it_is() -> None:
    trace = fl.trace(lambda w: (w * 1e200) ** 2, w=1.0)
    trace.descend("w", learning_rate=0.1)
    assert trace.history is not None
    with pytest.raises(fl.Diverged, match=r"not a finite number at iteration 0.*Change"):
        trace.history.advance(10)
    assert float(trace["w"].value) == 1.0
