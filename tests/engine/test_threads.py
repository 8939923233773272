"""Two threads on one network: nothing is torn, nothing raises."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

import fluxlab as fl


def hammer(*works: Callable[[int], object], seconds: float = 1.5) -> list[int]:
    """Each work on a thread of its own, again and again; returns how often each was done."""
    problems: list[BaseException] = []
    end, counts = time.perf_counter() + seconds, [0] * len(works)

    def run(k: int, work: Callable[[int], object]) -> None:
        try:
            while time.perf_counter() < end and not problems:
                work(counts[k])
                counts[k] += 1
        except BaseException as problem:
            problems.append(problem)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads take turns in the middle of everything
    try:
        threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "two threads wait for each other"
    finally:
        sys.setswitchinterval(before)
    for problem in problems:
        raise problem
    return counts


@pytest.fixture
def net() -> fl.Network:
    x, y = fl.data.parity(4)
    made = fl.form_network([8, 4, 1], x, y, seed=0, learning_rate=0.1)
    fl.back_propagation(made)
    return made


def is_whole(net: fl.Network) -> None:
    """Every matrix that is ready follows from those before it."""
    with net.trace.lock:
        found = {n: m.value for n, m in net.trace.matrices.items() if m.ready}
        position = net.trace.position
        net.trace.run(position)
        for name, value in found.items():
            np.testing.assert_array_equal(net.trace[name].value, value, err_msg=name)


def test_set_move_explain_and_learn_at_once(net: fl.Network) -> None:
    trace = net.trace
    last = len(trace.steps)

    def learn(k: int) -> None:
        fl.learn(net, iterations=7)

    def drag(k: int) -> None:
        trace.set("layer 2/w", np.sin(k), (k % 8, k % 4))

    def step(k: int) -> None:
        trace.move(k * 7 % (last + 1))

    def ask(k: int) -> None:
        with trace.lock:
            matrix = trace["layer 1/dC_dw"]
            if matrix.ready:
                found = matrix.explain(k % 4, k % 8)
                total = sum(t.value for t in found.terms) + found.rest_total
                assert found.value == pytest.approx(total, rel=1e-9, abs=1e-12)
        try:
            float(trace["C"].value)
            trace["layer 2/a"].explain(k % 16, k % 4)
            str(trace["layer 1/w"].explain(k % 4, k % 8))
        except fl.NotComputed:
            pass

    def look(k: int) -> None:
        is_whole(net)

    counts = hammer(learn, drag, step, ask, look, seconds=3.0)
    assert min(counts) > 3, counts
    trace.run()
    is_whole(net)


def test_a_value_is_never_torn(net: fl.Network) -> None:
    """A matrix is set to one number everywhere; a reader must never see two."""
    trace = net.trace

    def write(k: int) -> None:
        trace.set("layer 1/w", np.full((4, 8), float(k % 5)))

    def read(k: int) -> None:
        value = trace["layer 1/w"].value
        assert len(set(value.ravel())) == 1

    trace.set("layer 1/w", np.zeros((4, 8)))
    counts = hammer(write, read)
    assert min(counts) > 20, counts


def test_travel_while_another_learns(net: fl.Network) -> None:
    fl.learn(net, iterations=200)
    costs = dict(zip(net.history.iterations, net.history.costs, strict=True))

    def learn(k: int) -> None:
        net.history.advance(3)

    def travel(k: int) -> None:
        with net.trace.lock:
            net.history.travel(k * 13 % 200)
            at = net.history.iteration
            if at in costs:
                assert float(net.trace["C"].value) == costs[at]

    counts = hammer(learn, travel)
    assert min(counts) > 3, counts


def test_activation_and_samples_change_while_another_reads(net: fl.Network) -> None:
    names = ["tanh", "relu", "leaky_relu"]

    def change(k: int) -> None:
        net.set_activation(1 + k % 2, names[k % 3])
        net.set_samples(None if k % 2 else [k % 16])

    def read(k: int) -> None:
        with net.trace.lock:
            is_whole(net)
        fl.predict(net, [[1, 0, 1, 1]])

    counts = hammer(change, read)
    assert min(counts) > 3, counts
