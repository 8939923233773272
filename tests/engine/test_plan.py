"""The plan: a replay equals a full run, in place equals out of place, and nothing is allocated."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from traces import EXAMPLES
from zoo import ZOO, fresh

import fluxlab as fl
from fluxlab.engine.running.plan import Plan, prune

NAMES = [*EXAMPLES, *ZOO]


def same(found: Any, expected: Any, name: str = "") -> None:
    """Equal, apart from the order in which sums add up."""
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14, err_msg=name)


def new_trace(name: str) -> Any:
    return EXAMPLES[name]() if name in EXAMPLES else fresh(name)


def by_hand(trace: Any, count: int) -> None:
    """`count` iterations with nothing shared: run all steps, then copy each new parameter."""
    for _ in range(count):
        trace.run()
        new = [(old, matrix.value) for old, matrix in trace.carry.items()]
        for old, value in new:
            old.buffer[...] = value
    trace.run()


@pytest.mark.parametrize("name", NAMES)
def test_in_place_iterations_equal_iterations_by_hand(name: str) -> None:
    fast, slow = new_trace(name), new_trace(name)
    Plan(fast, [], fast.carry).run(3)
    fast.run()
    by_hand(slow, 3)
    for n, matrix in slow.matrices.items():
        same(fast[n].value, matrix.value, n)


@pytest.mark.parametrize("name", NAMES)
def test_a_pruned_replay_equals_a_full_run(name: str) -> None:
    for wanted in [f"dC_d{ZOO[name].learned[0]}" if name in ZOO else "layer 1/dC_dw", "C"]:
        fast, full = new_trace(name), new_trace(name)
        if wanted not in fast:
            wanted = "dC_dw" if "dC_dw" in fast else first_gradient(fast)
        changed = next(m.name for m in fast.inputs if m.name != "learning rate")
        for trace in (fast, full):
            trace[changed].buffer[...] *= 1.0 if chooses(trace[changed]) else 1.25
        plan = Plan(fast, [fast[wanted]])
        for step in plan.steps:  # what the plan must compute is spoilt beforehand
            if step.output.buffer.flags.writeable and step.output.buffer.base is None:
                step.output.buffer[...] = np.nan
        plan.run()
        full.run()
        same(fast[wanted].value, full[wanted].value, wanted)


def first_gradient(trace: Any) -> str:
    return next(f"{m.scope}/dC_d{m.local}" for m in trace.carry if m.kind == "parameter")


def chooses(matrix: Any) -> bool:
    """Whether it holds whole numbers that choose rows, or a random key, which allow no change."""
    if not matrix.wants_gradient:
        return True
    places = [(s, [m is matrix for m in s.inputs].index(True)) for s in matrix.uses]
    return any(not step.op.differentiable(place) for step, place in places)


def test_only_what_is_wanted_is_kept() -> None:
    x, y = fl.data.parity(4)
    trace = fl.form_network([8, 4, 1], x, y).trace
    kept = prune(trace, [trace["layer 3/dC_dw"]])
    names = {step.output.name for step in kept}
    assert "layer 3/a" in names
    assert "layer 3/dC_da" in names
    assert "C" not in names, "the gradient does not need the cost"
    assert not [n for n in names if n.startswith("layer 1/dC") or "[new]" in n]
    assert [s.number for s in kept] == sorted(s.number for s in kept)


def test_a_wanted_update_is_right_although_it_is_carried() -> None:
    fast, full = EXAMPLES["models.dense"](), EXAMPLES["models.dense"]()
    for wanted in ("layer 1/w[new]", "layer 2/dC_dw", "C"):
        plan = Plan(fast, [fast[wanted]], fast.carry)
        fast[wanted].buffer[...] = np.nan
        plan.run()
        full.run()
        expected = full[wanted].value
        by_hand(full, 1)
        np.testing.assert_array_equal(fast[wanted].buffer, expected, err_msg=wanted)


def carried(write: Any, old: str, new: str, **matrices: Any) -> tuple[Any, Any]:
    """Two equal traces of a function whose local `new` becomes `old` in the next iteration."""
    pair = []
    for _ in range(2):
        trace = fl.trace(write, **matrices)
        trace.carry[trace[old]] = trace[new]
        pair.append(trace)
    return pair[0], pair[1]


@pytest.mark.parametrize(
    "case", ["plain", "read later", "view", "broadcast", "contraction", "self", "activation"]
)
def test_a_matrix_read_after_its_update_is_not_overwritten(case: str) -> None:
    w, x = np.array([[0.5, -0.25, 2.0], [0.125, 1.5, -1.0]]), np.array([[0.5, 0.25, -0.75]])

    def plain(w: Any, x: Any) -> Any:
        new = w - 0.25
        return fl.sum(new * x)

    def read_later(w: Any, x: Any) -> Any:
        new = w * 0.5 + x
        y = new * w  # the old w, after the new one is made
        return fl.sum(y)

    def view(w: Any, x: Any) -> Any:
        turned = w.T
        new = w - 0.5 * x
        y = turned @ new  # a view of the old w
        return fl.sum(y)

    def broadcast(w: Any, x: Any) -> Any:
        new = w - x  # x is repeated
        return fl.sum(new)

    def contraction(w: Any, x: Any) -> Any:
        square = w @ w.T
        new = square @ w
        return fl.sum(new * x)

    def self(w: Any, x: Any) -> Any:
        new = w[:, ::-1] - w * x  # reads w in another order than it is written
        return fl.sum(new)

    def activation(w: Any, x: Any) -> Any:
        new = fl.elu(w)  # reads w again after it has begun to write
        return fl.sum(new * x)

    cases = {
        "plain": plain, "read later": read_later, "view": view, "broadcast": broadcast,
        "contraction": contraction, "self": self, "activation": activation,
    }  # fmt: skip
    fast, slow = carried(cases[case], "w", "new", w=w, x=x)
    Plan(fast, [fast.cost], fast.carry).run(4)
    costs = float(fast.cost.buffer)
    fast.run()
    by_hand(slow, 3)
    assert costs == float(slow.cost.value)
    by_hand(slow, 1)
    for n, matrix in slow.matrices.items():
        np.testing.assert_array_equal(fast[n].value, matrix.value, err_msg=n)


def test_two_matrices_change_places() -> None:
    def run(u: Any, v: Any) -> Any:
        a = u * 1
        b = v * 1
        return fl.sum(a + b)

    trace = fl.trace(run, u=[1.0, 2.0], v=[3.0, 4.0])
    trace.carry.update({trace["u"]: trace["b"], trace["v"]: trace["a"]})
    Plan(trace, [], trace.carry).run(3)
    np.testing.assert_array_equal(trace["u"].value, [3.0, 4.0])
    np.testing.assert_array_equal(trace["v"].value, [1.0, 2.0])


def numpy_parity(iterations: int, rate: float, *, twice: bool = False) -> list[np.ndarray]:
    """4-8-4-1 on 4-bit parity in NumPy, written by hand; returns [w1, b1, w2, b2, w3, b3]."""
    rows = np.array([[(n >> k) & 1 for k in (3, 2, 1, 0)] for n in range(16)], dtype=float)
    target = rows.sum(axis=1, keepdims=True) % 2
    draw, sizes = np.random.default_rng(0), [4, 8, 4, 1]
    w, b = [], []
    for m, n in pairwise(sizes):
        w.append(draw.uniform(-np.sqrt(6 / (m + n)), np.sqrt(6 / (m + n)), size=(m, n)))
        b.append(np.zeros((1, n)))
    for _ in range(iterations):
        h, a = [rows], []
        for k in range(3):
            a.append(h[-1] @ w[k] + b[k])
            h.append(np.where(a[k] > 0, a[k], 0.01 * a[k]) if k < 2 else 1 / (1 + np.exp(-a[k])))
        delta = 2 * (h[3] - target) / 16 * h[3] * (1 - h[3])
        for k in (2, 1, 0):
            dw, db = h[k].T @ delta, delta.sum(axis=0, keepdims=True)
            if k:
                delta = delta @ w[k].T * np.where(a[k - 1] > 0, 1.0, 0.01)
            share = rate / 16 if twice else rate
            w[k], b[k] = w[k] - share * dw, b[k] - share * db
    return [m for pair in zip(w, b, strict=True) for m in pair]


def test_a_thousand_iterations_equal_numpy_by_hand() -> None:
    x, y = fl.data.parity(4)
    net = fl.form_network([8, 4, 1], x, y, seed=0)
    history = fl.learn(net, learning_rate=0.01, iterations=1000)
    assert history.iteration == 1000
    wanted = numpy_parity(1000, 0.01)
    found = [m for la in net.layers for m in (la.weights_matrix, la.bias_matrix)]
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("hidden", ["leaky_relu", "relu", "tanh", "sigmoid", "elu", "linear"])
def test_no_allocation_per_iteration(hidden: str) -> None:
    x, y = fl.data.parity(4)
    net = fl.form_network([8, 4, 1], x, y, hidden_activation=hidden)
    plan = net.history._plan
    plan.run(10)
    peaks = {}
    for count in (10, 1000):
        tracemalloc.start()
        plan.run(count)
        peaks[count] = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    # Python keeps the loop's counter and little else; no matrix, however small, is made.
    assert peaks[1000][1] < 2000, peaks
    assert peaks[1000][1] - peaks[10][1] < 200, peaks


def test_a_replay_sees_what_was_set() -> None:
    """A plan holds no numbers of its own: data, rate and parameters may change between runs."""
    x, y = fl.data.parity(3)
    pair = [fl.form_network([4, 1], x, y, learning_rate=0.5).trace for _ in range(2)]
    plan = Plan(pair[0], [], pair[0].carry)
    for k, (name, value) in enumerate(
        {
            "layer 1/x": x[::-1].copy(), "target": 1 - y, "learning rate": 0.125,
            "layer 2/w": np.ones((4, 1)), "layer 1/b": np.full((1, 4), 0.25),
        }.items()
    ):  # fmt: skip
        pair[0][name].buffer[...] = value
        plan.run(k + 1)
        pair[1][name].buffer[...] = value
        by_hand(pair[1], k + 1)
        for n in ("layer 1/w", "layer 1/b", "layer 2/w", "layer 2/b"):
            np.testing.assert_array_equal(pair[0][n].value, pair[1][n].value, err_msg=f"{name} {n}")


def test_run_counts() -> None:
    trace = EXAMPLES["models.neuron"]()
    plan = Plan(trace, [], trace.carry)
    before = trace["w"].value
    assert plan.run(0) == 0
    np.testing.assert_array_equal(trace["w"].value, before)
    assert plan.run(7) == 7


def test_one_sample_teaches_the_biases_too() -> None:
    """With one sample dC_db is dC_da itself, passed on unchanged: no storage of its own."""
    network = fl.form_network([3, 1], [[1.0, 2.0]], [[0.5]], "sigmoid", "sigmoid", 1.0)
    trace = network.trace
    for _ in range(3):
        trace.run()
        stepped = {old.name: new.value for old, new in trace.carry.items()}
        network.history.advance(1)
        for name, value in stepped.items():
            np.testing.assert_allclose(trace[name].value, value, rtol=1e-12, err_msg=name)
