"""The perceptron's rule, Hebb's rule, STDP and capacity, against plain NumPy and known counts."""

from __future__ import annotations

from itertools import product
from math import comb
from typing import Any

import numpy as np
import pytest

import fluxlab as fl

# -- the perceptron -----------------------------------------------------------------------------


def learned_by_hand(x: Any, t: Any, rate: float, updates: int, w: Any = None, b: float = 0) -> Any:
    w = np.zeros(x.shape[1]) if w is None else np.array(w, float)
    for k in range(updates):
        i = k % len(x)
        error = t[i, 0] - float(w @ x[i] + b > 0)
        w, b = w + rate * error * x[i], b + rate * error
    return w, b


@pytest.mark.parametrize("name", ["and", "or", "nand", "xor"])
def test_every_update_is_the_rules(name: str) -> None:
    x, t = fl.data.gate(name)
    trace = fl.perceptron(x, t, learning_rate=0.5, w=[[0.3], [-0.7]], b=0.2)
    for updates in range(25):
        w, b = learned_by_hand(x, t, 0.5, updates, [0.3, -0.7], 0.2)
        np.testing.assert_allclose(trace["w"].value[:, 0], w, atol=1e-14)
        np.testing.assert_allclose(trace["b"].value[0, 0], b, atol=1e-14)
        wrong = ((x @ w + b > 0) != t[:, 0]).sum()
        assert trace.cost.value == wrong
        trace.history.advance(1)
    trace.history.travel(7)
    np.testing.assert_allclose(
        trace["w"].value[:, 0], learned_by_hand(x, t, 0.5, 7, [0.3, -0.7], 0.2)[0], atol=1e-14
    )
    assert trace["sample k"].value == 7 % 4
    np.testing.assert_array_equal(trace["x of sample k"].value, x[[3]])


def test_its_gradient_is_zero_so_it_needs_a_rule() -> None:
    trace = fl.perceptron(*fl.data.gate("or"), w=[[0.3], [-0.7]], b=0.1)
    assert trace.cost.value > 0
    np.testing.assert_array_equal(trace["dC_dw"].value, 0)
    np.testing.assert_array_equal(trace["dy_da"].value, 0)
    trace.history.advance(2)
    assert (trace["w"].value != [[0.3], [-0.7]]).any()


@pytest.mark.parametrize("name", ["and", "or", "nand"])
@pytest.mark.parametrize("rate", [1.0, 0.1])
def test_gates_that_a_line_separates_are_learned(name: str, rate: float) -> None:
    x, t = fl.data.gate(name)
    trace = fl.perceptron(x, t, learning_rate=rate)
    outcome = fl.settle(trace)
    assert outcome.cycle is None
    assert outcome.epochs is not None
    w, b = trace["w"].value[:, 0], trace["b"].value[0, 0]
    np.testing.assert_array_equal(x @ w + b > 0, t[:, 0] == 1)
    np.testing.assert_array_equal(trace["y"].value, t)
    # One epoch earlier there were mistakes left.
    w, b = learned_by_hand(x, t, rate, 4 * (outcome.epochs - 1))
    assert ((x @ w + b > 0) != t[:, 0]).any()
    assert str(outcome).endswith(f"after {outcome.epochs} epochs.")


def test_not_is_learned_from_one_input() -> None:
    trace = fl.perceptron([[0.0], [1.0]], [[1.0], [0.0]])
    outcome = fl.settle(trace)
    assert outcome.epochs is not None
    assert outcome.epochs <= 3
    assert trace["w"].value[0, 0] < 0 < trace["b"].value[0, 0]


def test_xor_is_never_learned_and_the_weights_go_round() -> None:
    x, t = fl.data.gate("xor")
    trace = fl.perceptron(x, t)
    outcome = fl.settle(trace)
    assert outcome.epochs is None
    assert outcome.cycle is not None
    first, length = outcome.cycle
    np.testing.assert_array_equal(
        learned_by_hand(x, t, 1.0, 4 * first)[0],
        learned_by_hand(x, t, 1.0, 4 * (first + length))[0],
    )
    assert "never ends" in str(outcome)
    assert trace.history.iteration == 4 * (first + length)
    assert trace.cost.value > 0


@pytest.mark.parametrize("start", [0, 1, 2])
def test_all_sixteen_labellings_of_four_corners_end_as_they_must(start: int) -> None:
    w = np.random.default_rng(start).integers(-3, 4, (2, 1)).astype(float)
    x, ended = fl.data.bits(2), []
    for labels in product([0.0, 1.0], repeat=4):
        outcome = fl.settle(fl.perceptron(x, np.array(labels)[:, None], w=w, b=1.0))
        assert (outcome.epochs is None) == (outcome.cycle is not None)
        assert (outcome.epochs is not None) == fl.separable(x, labels)
        ended.append(outcome.epochs is not None)
    assert sum(ended) == 14


def test_settle_can_stop_undecided_and_goes_on_from_the_middle_of_an_epoch() -> None:
    trace = fl.perceptron(*fl.data.gate("and"))
    short = fl.settle(trace, most=1)
    assert (short.epochs, short.cycle, short.tried) == (None, None, 1)
    assert "Undecided" in str(short)
    trace.history.advance(3)
    assert fl.settle(trace).epochs is not None
    assert trace.history.iteration % 4 == 0
    assert fl.settle(trace).epochs == 0


def test_what_is_no_perceptron_is_refused() -> None:
    x, t = fl.data.gate("and")
    with pytest.raises(fl.BadInput, match="perceptron: targets must hold one 0 or 1"):
        fl.perceptron(x, 2 * t)
    with pytest.raises(fl.BadInput, match="w must be 2×1"):
        fl.perceptron(x, t, w=[[1.0, 2.0]])
    with pytest.raises(fl.BadInput, match="settle: it takes a perceptron"):
        fl.settle(fl.hebb(x, [[1.0], [1.0]]))
    with pytest.raises(fl.BadInput, match="settle: most"):
        fl.settle(fl.perceptron(x, t), most=0)


# -- Hebb -----------------------------------------------------------------------------------------


def test_hebbs_rule_strengthens_what_fires_together() -> None:
    draw = np.random.default_rng(1)
    x, w = draw.normal(size=(5, 3)), draw.normal(size=(3, 2))
    trace = fl.hebb(x, w, learning_rate=0.2)
    expected = w.copy()
    for _ in range(4):
        together = np.zeros((3, 2))
        for row in x:
            together += np.outer(row, row @ expected) / 5
        np.testing.assert_allclose(trace["together"].value, together, rtol=1e-12)
        np.testing.assert_allclose(trace["dC_dw"].value, -together, rtol=1e-12)
        expected = expected + 0.2 * together
        trace.history.advance(1)
        np.testing.assert_allclose(trace["w"].value, expected, rtol=1e-12)
    trace.history.travel(0)
    np.testing.assert_array_equal(trace["w"].value, w)


def test_two_that_fire_together_wire_together_and_a_third_does_not() -> None:
    x = [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    trace = fl.hebb(x, [[0.1], [0.0], [0.0]], learning_rate=0.3)
    trace.history.advance(10)
    w = trace["w"].value[:, 0]
    assert w[1] > 0.1
    assert w[2] == 0
    before = np.linalg.norm(w)
    trace.history.advance(50)
    assert np.linalg.norm(trace["w"].value) > 1000 * before  # nothing holds it back


def test_hebb_refuses_weights_of_the_wrong_size() -> None:
    with pytest.raises(fl.BadInput, match="one row for each of the 3 features"):
        fl.hebb(np.ones((2, 3)), np.ones((2, 3)))


# -- STDP -----------------------------------------------------------------------------------------


def test_pre_before_post_is_negative_and_strengthens() -> None:
    pre, post = 10.0, 15.0  # pre comes first
    assert fl.stdp_window(pre - post) > 0
    assert fl.stdp_window(post - pre) < 0
    assert fl.stdp_window(0.0) == 0
    trace = fl.stdp([pre], [post])
    trace.history.advance(1)
    assert trace["w"].value > 0.5
    trace.set("pre", [20.0])
    trace.history.advance(1)
    assert trace["change of w"].value < 0


def test_the_window_is_two_exponentials() -> None:
    delay = np.array([-40.0, -10.0, -1e-6, 1e-6, 5.0, 30.0])
    found = fl.stdp_window(delay, strengthen=0.3, weaken=0.2, tau=15.0)
    expected = [
        0.3 * np.exp(-40 / 15), 0.3 * np.exp(-10 / 15), 0.3, -0.2, -0.2 * np.exp(-5 / 15),
        -0.2 * np.exp(-30 / 15),
    ]  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert (np.diff(found[:3]) > 0).all()  # the closer, the stronger
    assert (np.diff(found[3:]) > 0).all()


def test_every_pair_of_spikes_counts_and_each_run_adds() -> None:
    pre, post = [3.0, 25.0, 26.0], [10.0, 24.0]
    trace = fl.stdp(pre, post, w=0.4, learning_rate=0.5, strengthen=0.2, weaken=0.1, tau=10.0)
    total = 0.0
    for a in pre:
        for b in post:
            total += 0.2 * np.exp((a - b) / 10) if a < b else -0.1 * np.exp(-(a - b) / 10)
    np.testing.assert_allclose(trace["delay"].value, np.subtract.outer(pre, post))
    np.testing.assert_allclose(trace["sum of changes"].value, total, rtol=1e-12)
    np.testing.assert_allclose(trace.cost.value, 0.4 + 0.5 * total, rtol=1e-12)
    trace.history.advance(6)
    np.testing.assert_allclose(trace["w"].value, 0.4 + 6 * 0.5 * total, rtol=1e-12)
    trace.history.travel(2)
    np.testing.assert_allclose(trace["w"].value, 0.4 + 2 * 0.5 * total, rtol=1e-12)


def test_a_later_spike_before_the_synapse_strengthens_more_until_it_is_too_late() -> None:
    trace = fl.stdp([5.0, 20.0], [12.0])
    assert (trace["dC_dpre"].value > 0).all()
    assert trace.check("dC_dpre").ok


@pytest.mark.parametrize("bad", [{"tau": 0.0}, {"strengthen": -1.0}, {"weaken": float("nan")}])
def test_impossible_windows_are_refused(bad: Any) -> None:
    with pytest.raises(fl.BadInput, match=f"stdp_window: {next(iter(bad))}"):
        fl.stdp_window(1.0, **bad)


# -- capacity -------------------------------------------------------------------------------------


def test_two_of_the_sixteen_labellings_of_four_corners_cannot_be_separated() -> None:
    corners = fl.data.bits(2)
    refused = [labels for labels in product([0, 1], repeat=4) if not fl.separable(corners, labels)]
    assert refused == [(0, 1, 1, 0), (1, 0, 0, 1)]  # XOR and its opposite
    assert fl.count_separable(corners) == 14


def test_the_threshold_functions_of_three_bits_are_104() -> None:
    assert fl.count_separable(fl.data.bits(3)) == 104  # OEIS A000609


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_counting_gives_covers_number(dimensions: int) -> None:
    for row in fl.capacity(dimensions, 9, seed=dimensions):
        expected = 2 * sum(comb(row.points - 1, k) for k in range(dimensions + 1))
        assert row.counted == row.cover == expected == fl.cover(row.points, dimensions)
        assert row.all == 2**row.points
        assert (row.share == 1) == (row.points <= dimensions + 1)
    assert fl.cover(2 * (dimensions + 1), dimensions) == 2 ** (2 * (dimensions + 1) - 1)


def test_separable_agrees_with_linear_programming() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    draw, answers = np.random.default_rng(0), []
    for _ in range(80):
        n, d = int(draw.integers(2, 9)), int(draw.integers(1, 4))
        x = draw.integers(0, 3, (n, d)).astype(float)  # many on one line, some the same
        labels = draw.integers(0, 2, n)
        side = 2.0 * labels - 1
        table = -side[:, None] * np.hstack([x, np.ones((n, 1))])
        found = optimize.linprog(np.zeros(d + 1), table, -np.ones(n), bounds=(None, None))
        assert fl.separable(x, labels) == (found.status == 0), (x, labels)
        answers.append(found.status == 0)
    assert 15 < sum(answers) < 65


def test_degenerate_points() -> None:
    assert fl.separable([[1.0, 2.0], [1.0, 2.0]], [1, 1])
    assert not fl.separable([[1.0, 2.0], [1.0, 2.0]], [1, 0])
    on_a_line = [[0.0, 0.0], [0.1, 0.1], [0.3, 0.3]]  # 0.1 is a fraction of its own: still exact
    assert fl.count_separable(on_a_line) == 6
    assert fl.count_separable([[5.0]]) == 2


def test_capacity_refuses_what_it_cannot_count() -> None:
    with pytest.raises(fl.BadInput, match="more than 14 points"):
        fl.count_separable(np.ones((15, 2)))
    with pytest.raises(fl.BadInput, match="most must be 14 or less"):
        fl.capacity(2, 15)
    with pytest.raises(fl.BadInput, match="one 0 or 1 for each of the 4 points"):
        fl.separable(fl.data.bits(2), [0, 1, 2, 0])
    with pytest.raises(fl.BadInput, match="cover: dimensions"):
        fl.cover(4, 0)
