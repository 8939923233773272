"""History: travel to any iteration is exact to the last bit, and memory stays bounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fluxlab as fl


def small(seed: int = 1, rate: float = 0.5, **more: Any) -> fl.Network:
    x, y = fl.data.gate("xor")
    return fl.form_network([3, 1], x, y, seed=seed, learning_rate=rate, **more)


def values(net: fl.Network) -> dict[str, np.ndarray]:
    """Every matrix of the trace, as it stands."""
    return {n: m.value for n, m in net.trace.matrices.items()}


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert set(one) == set(other)
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def stepwise(iterations: int, edits: dict[int, tuple[Any, ...]] | None = None) -> list[Any]:
    """Every state of a run, made without plan or history: run all steps, carry by hand."""
    net, states = small(), []
    trace, edits = net.trace, edits or {}
    for k in range(iterations + 1):
        trace.run()
        if k in edits:
            name, value, index = edits[k]
            trace[name].buffer[... if index is None else index] = value
            trace.run()
        states.append(values(net))
        new = [(old, matrix.value) for old, matrix in trace.carry.items()]
        for old, value in new:
            old.buffer[...] = value
    return states


@pytest.fixture(scope="module")
def plain_run() -> list[Any]:
    return stepwise(4000)


def test_travel_to_any_iteration_is_exact(plain_run: list[Any]) -> None:
    net = small()
    fl.learn(net, iterations=4000)
    history = net.history
    assert history.iteration == 4000
    assert len(history.iterations) <= 1000, "records are thinned"
    assert history.iterations[0] == 0
    assert history.iterations[-1] == 4000
    same(values(net), plain_run[4000])
    draw = np.random.default_rng(0)
    for k in [0, 4000, 1, 3999, 2048, *map(int, draw.integers(0, 4001, 150))]:
        history.travel(k)
        assert history.iteration == k
        assert net.trace.position == len(net.trace.steps)
        same(values(net), plain_run[k])
    for k, cost in zip(history.iterations, history.costs, strict=True):
        assert cost == float(plain_run[k]["C"]), k


def test_chunks_of_any_size_give_the_same_states(plain_run: list[Any]) -> None:
    net, at = small(), 0
    for count in (1, 1, 2, 7, 100, 1, 889, 500, 3):
        assert net.history.advance(count) == count
        at += count
        assert net.history.iteration == at
        same(values(net), plain_run[at])
    for k in (5, 1503, 11, 1000):
        net.history.travel(k)
        same(values(net), plain_run[k])


def test_learning_on_from_an_earlier_iteration(plain_run: list[Any]) -> None:
    net = small()
    fl.learn(net, iterations=300)
    net.history.travel(120)
    assert net.history.iterations[-1] == 300, "what came after stays"
    net.history.advance(5)
    same(values(net), plain_run[125])
    net.history.travel(290)
    same(values(net), plain_run[290])
    net.history.advance(400)
    assert net.history.iteration == 690
    same(values(net), plain_run[690])
    assert net.history.iterations == sorted(set(net.history.iterations))


EDITS: dict[int, tuple[Any, ...]] = {
    40: ("layer 1/w", 0.75, (1, 2)),
    90: ("learning rate", 0.125, None),
    91: ("layer 2/b", [[0.5]], None),
    200: ("target", 0.0, (3, 0)),
    1500: ("layer 1/x", 0.5, (2, 1)),
}


def edited(net: fl.Network, until: int) -> None:
    for k, (name, value, index) in EDITS.items():
        net.history.advance(k - net.history.iteration)
        net.trace.set(name, value, index)
    net.history.advance(until - net.history.iteration)


def test_travel_across_edits_is_exact() -> None:
    wanted, net = stepwise(3000, EDITS), small()
    edited(net, 3000)
    draw = np.random.default_rng(1)
    edges = [k + d for k in EDITS for d in (-1, 0, 1)]
    for k in [0, 3000, *edges, *edges[::-1], *map(int, draw.integers(0, 3001, 60))]:
        net.history.travel(k)
        same(values(net), wanted[k])
    for k, cost in zip(net.history.iterations, net.history.costs, strict=True):
        assert cost == float(wanted[k]["C"]), k


def test_an_edit_forgets_the_future(plain_run: list[Any]) -> None:
    net = small()
    fl.learn(net, iterations=500)
    net.history.travel(100)
    net.trace.set("layer 1/w", 0.75, (1, 2))
    assert net.history.iterations[-1] == 100
    with pytest.raises(fl.BadInput, match="101"):
        net.history.travel(101)
    wanted = stepwise(180, {100: ("layer 1/w", 0.75, (1, 2))})
    fl.learn(net, iterations=80)
    for k in (180, 99, 100, 101, 150):
        net.history.travel(k)
        same(values(net), wanted[k])
    same(wanted[99], plain_run[99])


def test_learning_past_an_edit_from_before_it_is_the_unedited_run(plain_run: list[Any]) -> None:
    """Back before the edit, and on: the edit is not made again, so its future is forgotten."""
    net = small()
    edited(net, 1600)
    net.history.travel(30)
    net.history.advance(5)
    assert net.history.iterations[-1] == 1600, "the edit at 40 is not reached yet"
    net.history.advance(100)
    same(values(net), plain_run[135])
    assert net.history.iterations[-1] == 135
    for k in (41, 95, 134):
        net.history.travel(k)
        same(values(net), plain_run[k])


def test_learn_with_another_rate_is_an_edit(plain_run: list[Any]) -> None:
    net = small()
    fl.learn(net, iterations=60)
    fl.learn(net, learning_rate=0.03125, iterations=60)
    wanted = stepwise(120, {60: ("learning rate", 0.03125, None)})
    same(values(net), wanted[120])
    net.history.travel(59)
    assert float(net.trace["learning rate"].value) == 0.5
    same(values(net), plain_run[59])
    net.history.travel(61)
    same(values(net), wanted[61])


def test_edits_in_the_middle_of_an_iteration() -> None:
    net, wanted = small(), stepwise(30, {10: ("layer 1/w", -1.0, (0, 1))})
    net.history.advance(10)
    net.trace.move(3)
    net.trace.set("layer 1/w", -1.0, (0, 1))
    assert net.trace.position == 3
    assert not net.trace["C"].ready
    net.history.advance(20)
    same(values(net), wanted[30])
    net.history.travel(10)
    same(values(net), wanted[10])


def test_a_constant_of_the_formula_travels_too() -> None:
    def run(w: Any) -> Any:
        return (3 * w - 1) ** 2

    def costs(edit: bool) -> list[float]:
        w, found, three = 0.75, [], 3.0
        for k in range(31):
            three = 2.0 if edit and k >= 10 else 3.0
            found.append((three * w - 1) ** 2)
            w -= 0.01 * 2 * three * (three * w - 1)
        return found

    trace = fl.trace(run, w=0.75)
    trace.descend("w", learning_rate=0.01)
    history = trace.history
    assert history is not None
    history.advance(10)
    trace.set("3", 2.0)
    history.advance(20)
    np.testing.assert_allclose(history.costs, costs(True), rtol=1e-12)
    for k in (9, 10, 11, 5, 30):
        history.travel(k)
        assert float(trace["C"].value) == pytest.approx(costs(True)[k], rel=1e-12)
        assert float(trace["3"].value) == (3.0 if k < 10 else 2.0)


def test_many_edits_stay_within_bounds_and_exact() -> None:
    net = small()
    for k in range(1300):
        net.history.advance(1)
        net.trace.set("layer 1/b", 0.001 * (k % 7), (0, 1))
    history = net.history
    assert len(history.records) <= 1000
    assert history.iteration == 1300
    first = history.iterations[0]
    reached = {}
    for k in (1300, first, 1250, 1299):
        history.travel(k)
        reached[k] = values(net)
    history.travel(1299)
    same(values(net), reached[1299])
    history.advance(50)
    assert history.iterations[-1] == 1349


def test_memory_is_bounded_however_long_the_run() -> None:
    x, y = fl.data.gate("xor")
    net = fl.form_network([2, 1], x, y, learning_rate=0.1)
    fl.learn(net, iterations=120_000)
    assert net.history.iteration == 120_000
    assert len(net.history.records) <= 1000
    held = {id(a): a.nbytes for r in net.history.records for a in (r.state or {}).values()}
    assert sum(held.values()) < 200_000
    gaps = np.diff(net.history.iterations)
    assert gaps.max() <= 1024, "the curve is recorded evenly"
    assert len(net.history.records) > 200


def test_a_large_network_keeps_fewer_records() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(3, 400)), draw.normal(size=(3, 2))
    net = fl.form_network([500, 2], x, y, learning_rate=1e-4, output_activation="linear")
    size = sum(m.buffer.nbytes for m in net.trace.carry)
    net.history.advance(100)
    held = sum(a.nbytes for r in net.history.records for m, a in (r.state or {}).items()
               if m in net.trace.carry)  # fmt: skip
    assert held <= 64_000_000 + size
    after = values(net)
    net.history.travel(7)
    net.history.travel(100)
    same(values(net), after)


def test_a_large_state_is_recorded_now_and_then_and_every_iteration_comes_back() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(30, 60)), draw.normal(size=(30, 2))
    net = fl.Network([fl.Dense(50, "tanh"), fl.Dense(2)], x, y, batch=7)
    reached = []
    for _ in range(40):
        net.history.advance(1)
        reached.append(values(net))
    states = [r.iteration for r in net.history.records if r.state is not None]
    assert net.history.iterations == [*range(41)], "the curve has every iteration"
    assert 2 <= len(states) < 15
    for k in (40, 1, 17, 16, 39, 33):
        net.history.travel(k)
        same(values(net), reached[k - 1])
    net.history.travel(21)
    net.trace.set("layer 1/b", 0.5, (0, 1))  # an edit's state is kept
    edited = values(net)
    net.history.advance(5)
    net.history.travel(21)
    same(values(net), edited)


def test_travel_refuses_what_was_not_reached() -> None:
    net = small()
    fl.learn(net, iterations=10)
    before = values(net)
    for bad in (11, -1, 2.5, "3", None):
        with pytest.raises(fl.BadInput, match="0 to 10"):
            net.history.travel(bad)  # type: ignore[arg-type]
    same(values(net), before)


def test_seconds_limit_the_run() -> None:
    net = small()
    done = net.history.advance(10**9, seconds=0.1)
    assert 0 < done < 10**9
    assert net.history.iteration == done


def test_random_draws_come_back() -> None:
    def run(x: Any, w: Any, key: Any) -> Any:
        kept = fl.greater(fl.uniform(key, (4, 3)), 0.5)
        y = (x * kept) @ w
        return fl.mean(y**2)

    draw = np.random.default_rng(0)
    trace = fl.trace(run, x=draw.normal(size=(4, 3)), w=draw.normal(size=(3, 2)), key=[7.0, 0.0])
    trace.descend("w", learning_rate=0.1)
    history, masks, states = trace.history, {}, {}
    assert history is not None
    for k in range(8):
        trace.set("key", [7.0, float(k)])
        masks[k], states[k] = trace["kept"].value, trace["w"].value
        history.advance(1)
    assert len({m.tobytes() for m in masks.values()}) == 8, "another key, another mask"
    assert all(set(np.unique(m)) <= {0.0, 1.0} for m in masks.values())
    for k in (3, 0, 7, 5):
        history.travel(k)
        np.testing.assert_array_equal(trace["key"].value, [7.0, k])
        np.testing.assert_array_equal(trace["kept"].value, masks[k])
        np.testing.assert_array_equal(trace["w"].value, states[k])
    position = trace.position
    trace.move(0)
    trace.move(position)
    np.testing.assert_array_equal(trace["kept"].value, masks[5])


@pytest.mark.parametrize("back", [False, True])
def test_records_are_thinned_by_range_however_short_the_ticks(back: bool) -> None:
    """A player records at the end of each tick; the curve has no ramps instead of its steps."""
    net = fl.form_network([2, 1], *fl.data.parity(2), learning_rate=0.1)
    history = net.history
    for _ in range(6000):
        history.advance(3)
    if back:
        history.travel(0)
        net.trace.set("learning rate", 0.2)
        history.advance(3000)
    last = history.iterations[-1]
    holes = np.diff(history.iterations)
    assert len(history.iterations) <= 1000
    assert holes.max() <= 8 * last / 1000
