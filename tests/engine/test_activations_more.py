"""The sigmoid with a temperature, and the stochastic binary neuron."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import oracle
import pytest

import fluxlab as fl
from fluxlab.engine.models.stochastic import EXAMPLE

A = np.array([[-2.0, -0.3, 0.0], [0.4, 1.5, 40.0]])


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


# -- temperature ------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [0.2, 1.0, 7.0])
def test_the_temperature_divides_what_goes_in(t: float) -> None:
    np.testing.assert_allclose(fl.sigmoid_temperature(A, t), sigmoid(A / t), rtol=1e-14)


def test_without_a_temperature_it_is_the_sigmoid() -> None:
    np.testing.assert_allclose(fl.sigmoid_temperature(A), fl.sigmoid(A), rtol=1e-14)
    named = fl.ACTIVATIONS["sigmoid_temperature"]
    np.testing.assert_array_equal(named(A), fl.sigmoid_temperature(A, 1.0))


def test_cold_it_is_the_threshold_and_hot_it_is_flat() -> None:
    off_zero = A[A != 0]
    np.testing.assert_array_equal(fl.sigmoid_temperature(off_zero, 1e-12), off_zero > 0)
    assert fl.sigmoid_temperature(0.0, 1e-12) == 0.5
    np.testing.assert_allclose(fl.sigmoid_temperature(A, 1e9), 0.5, atol=1e-7)
    assert not np.allclose(fl.sigmoid_temperature(A, 10.0), 0.5, atol=1e-2)


def test_a_traced_temperature_can_be_dragged_and_has_a_gradient() -> None:
    torch = oracle.torch()
    trace = fl.trace(lambda a, t: fl.sum(fl.sigmoid_temperature(a, t) ** 2), a=A, t=0.7)
    trace.backward()
    for value in (0.7, 2.5):
        trace.set("t", value)
        a = torch.tensor(A, requires_grad=True)
        t = torch.tensor(value, dtype=torch.float64, requires_grad=True)
        cost = (torch.sigmoid(a / t) ** 2).sum()
        cost.backward()
        np.testing.assert_allclose(trace.cost.value, cost.item(), rtol=1e-13)
        np.testing.assert_allclose(trace["dC_da"].value, a.grad.numpy(), rtol=1e-12, atol=1e-16)
        np.testing.assert_allclose(trace["dC_dt"].value, t.grad.numpy(), rtol=1e-12)
    assert trace.check("dC_dt").ok
    assert trace["t"].shape == trace["dC_dt"].shape == ()


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_temperature_of_zero_or_less_is_refused_and_changes_nothing(bad: float) -> None:
    trace = fl.trace(lambda a, t: fl.sigmoid_temperature(a, t), a=A, t=0.5)
    before = trace.cost.value
    with pytest.raises(fl.BadInput, match="temperature must be above 0"):
        trace.set("t", bad)
    assert trace["t"].value == 0.5
    assert trace.cost.value == before
    with pytest.raises(fl.BadInput, match="temperature must be above 0"):
        fl.Network([fl.Dense(2), fl.Temperature(bad)], A, A[:, :2])


def test_a_layers_temperature_is_dragged_kept_and_saved(tmp_path: Any) -> None:
    layers = [fl.Dense(2), fl.Temperature(2.0)]
    net = fl.Network(layers, A[:, :2], A[:, 1:] > 0, cost="mse", seed=1)
    net.trace.set("layer 2/temperature", 0.25)
    net.fit(3)
    w, b = net.trace["layer 1/w"].value, net.trace["layer 1/b"].value
    assert net.trace["layer 2/temperature"].value == 0.25
    expected = sigmoid((A[:, :2] @ w + b) / 0.25)
    np.testing.assert_allclose(net.predict(A[:, :2]), expected, rtol=1e-12)
    net.save(tmp_path / "net.npz")
    again = fl.Network.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(again.predict(A[:, :2]), net.predict(A[:, :2]))


# -- the stochastic binary neuron ---------------------------------------------------------------


def network(seed: int = 0, samples: int = 6) -> Any:
    draw = np.random.default_rng(3)
    x, t = draw.normal(size=(samples, 3)), draw.random((samples, 2))
    return fl.Network([fl.Dense(4), fl.StochasticBinary(), fl.Dense(2)], x, t, seed=seed)


def test_it_fires_where_the_draw_lies_below_p() -> None:
    trace = EXAMPLE()
    p, draw, h = (trace[f"layer 2/{n}"].value for n in ("p", "draw", "h"))
    np.testing.assert_allclose(p, sigmoid(trace["layer 1/h"].value), rtol=1e-14)
    np.testing.assert_array_equal(h, draw < p)
    assert {0.0, 1.0} == set(h.ravel())


def test_h_is_exactly_0_or_1_for_every_p() -> None:
    p = np.concatenate([np.random.default_rng(0).random(100_000), 10.0 ** -np.arange(300)])
    for fires in (0.0, 1.0):
        np.testing.assert_array_equal(p + (fires - p), fires)


def test_over_many_iterations_it_fires_as_often_as_p_says() -> None:
    net = network()
    p = net.trace["layer 2/p"]
    count = 2000
    net.trace.run()
    expected = p.value
    draws = [
        fl.uniform(k, (6, 4), seed=net.trace["layer 2/draw"].step.params["seed"])
        for k in range(count)
    ]
    total = np.mean([draw < expected for draw in draws], axis=0)
    np.testing.assert_allclose(total, expected, atol=5 * 0.5 / np.sqrt(count))
    np.testing.assert_array_equal(net.trace["layer 2/draw"].value, draws[0])


def test_each_iteration_samples_anew_and_a_step_back_brings_it_back() -> None:
    net = network()
    seen = []
    for _ in range(4):
        net.trace.run()
        seen.append(net.trace["layer 2/h"].value)
        net.history.advance(1)
    assert any((a != b).any() for a, b in pairwise(seen))
    for k in (2, 0, 3, 1):
        net.history.travel(k)
        np.testing.assert_array_equal(net.trace["layer 2/h"].value, seen[k])
    other = network(seed=1)
    other.trace.run()
    assert (other.trace["layer 2/draw"].value != net.trace["layer 2/draw"].value).any()


def test_predicting_takes_the_expected_value() -> None:
    net = network()
    net.fit(2)
    x = np.array([[0.3, -1.0, 2.0]])
    w1, b1, w2, b2 = (net.trace[f"layer {k}/{n}"].value for k in (1, 3) for n in "wb")
    expected = sigmoid(x @ w1 + b1) @ w2 + b2
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-12)
    np.testing.assert_array_equal(net.predict(x), net.predict(x))


def test_the_gradient_is_the_straight_through_one() -> None:
    torch = oracle.torch()
    trace = EXAMPLE()
    leaf = {
        name: torch.tensor(trace[name].value, requires_grad=True)
        for name in ("layer 1/w", "layer 1/b", "layer 3/w", "layer 3/b")
    }
    x, target = (torch.tensor(trace[n].value) for n in ("layer 1/x", "target"))
    p = torch.sigmoid(x @ leaf["layer 1/w"] + leaf["layer 1/b"])
    fires = (torch.tensor(trace["layer 2/draw"].value) < p).double()
    h = p + (fires - p).detach()
    y = torch.sigmoid((h @ leaf["layer 3/w"] + leaf["layer 3/b"]) / 0.5)
    ((y - target) ** 2).mean().backward()
    for name, matrix in leaf.items():
        found = trace[name.replace("/", "/dC_d")].value
        np.testing.assert_allclose(found, matrix.grad.numpy(), rtol=1e-10, atol=1e-14)
    assert np.abs(leaf["layer 1/w"].grad.numpy()).max() > 1e-3


def test_what_is_held_has_no_gradient_and_the_check_agrees() -> None:
    trace = fl.trace(lambda x: fl.sum(x * fl.hold(x * x)), x=[[2.0, -3.0]])
    trace.backward()
    np.testing.assert_array_equal(trace["dC_dx"].value, [[4.0, 9.0]])  # not 3 x^2
    assert trace.check("dC_dx").ok
    np.testing.assert_array_equal(trace.cost.value, 8.0 - 27.0)
    trace.set("x", [[1.0, 1.0]])  # held for the gradient, not for the forward pass
    assert trace.cost.value == 2.0


# -- class numbers as targets -------------------------------------------------------------------

NUMBERS = [0, 2, 1, 2, 0, 1]


@pytest.mark.parametrize("cost", ["cross_entropy", "cross_entropy_logits"])
@pytest.mark.parametrize("given", [NUMBERS, np.array(NUMBERS)[:, None]])
def test_class_numbers_become_one_hot_rows(cost: str, given: Any) -> None:
    x = np.random.default_rng(0).normal(size=(6, 4))
    last = fl.Dense(3, "softmax" if cost == "cross_entropy" else "linear")
    net = fl.Network([fl.Dense(5, "tanh"), last], x, given, cost=cost, batch=4)
    same = fl.Network([fl.Dense(5, "tanh"), last], x, np.eye(3)[NUMBERS], cost=cost, batch=4)
    np.testing.assert_array_equal(net.trace["all targets"].value, np.eye(3)[NUMBERS])
    net.fit(3, validation=(x, given))
    same.fit(3, validation=(x, np.eye(3)[NUMBERS]))
    np.testing.assert_array_equal(net.predict(x), same.predict(x))
    assert net.validation == same.validation


def test_class_numbers_that_do_not_fit_are_refused() -> None:
    x = np.ones((3, 2))
    with pytest.raises(
        fl.BadInput,
        match=r"^Network: targets must hold .*0 to 2, for 3 columns; got 3",
    ):
        fl.Network([fl.Dense(3, "softmax")], x, [0, 1, 3], cost="cross_entropy")
    with pytest.raises(fl.BadInput, match=r"whole.*got 0.5"):
        fl.Network([fl.Dense(3, "softmax")], x, [0, 0.5, 2], cost="cross_entropy")
    with pytest.raises(fl.BadInput, match=r"must be equal.*cross_entropy.*one_hot\(targets, 3\)"):
        fl.Network([fl.Dense(3)], x, [0, 1, 2], cost="mse")
    with pytest.raises(fl.BadInput, match=r"2 columns; they must be equal\.$"):
        fl.Network([fl.Dense(3, "softmax")], x, np.ones((3, 2)), cost="cross_entropy")
