"""The curriculum's worked numbers, against plain NumPy and against paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_plan import numpy_parity

import fluxlab as fl

# S1 writes samples as columns; here rows are samples, so its matrices are transposed.
W1 = np.array([[0.5, -0.3], [0.8, 0.2], [-0.1, 0.9]]).T
B1 = np.array([[0.1, 0.2, -0.1]])
W2 = np.array([[-0.2, 0.4, 0.6]]).T
B2 = np.array([[0.3]])


@pytest.fixture
def worked() -> fl.Network:
    net = fl.form_network([3, 1], [[1.0, 2.0]], [[0.5]], hidden_activation="sigmoid")
    for layer, w, b in zip(net.layers, (W1, W2), (B1, B2), strict=True):
        layer.weights_matrix, layer.bias_matrix = w, b
    return net


def test_2_3_1_forward(worked: fl.Network) -> None:
    fl.forward_pass(worked)
    one, two = worked.layers
    # On paper: 0.5 - 0.6 + 0.1; 0.8 + 0.4 + 0.2; -0.1 + 1.8 - 0.1.
    np.testing.assert_allclose(one.weight_input_bias_matrix, [[0.0, 1.4, 1.6]], atol=1e-15)
    np.testing.assert_allclose(one.activated_output_matrix, [[0.5, 0.802184, 0.832018]], atol=5e-7)
    np.testing.assert_allclose(two.weight_input_bias_matrix, [[1.020085]], atol=5e-7)
    np.testing.assert_allclose(two.activated_output_matrix, [[0.734989]], atol=5e-7)


def test_2_3_1_backward(worked: fl.Network) -> None:
    cost = fl.back_propagation(worked)
    one, two = worked.layers
    h = 1 / (1 + np.exp(-(np.array([[1.0, 2.0]]) @ W1 + B1)))
    y = 1 / (1 + np.exp(-(h @ W2 + B2)))
    np.testing.assert_allclose(cost, (0.734989 - 0.5) ** 2, atol=1e-6)
    np.testing.assert_allclose(cost, (y - 0.5).item() ** 2, rtol=1e-13)
    dy = 2 * (y - 0.5)
    da2 = dy * y * (1 - y)
    np.testing.assert_allclose(two.dC_dy_matrix, [[0.469978]], atol=1e-6)
    np.testing.assert_allclose(two.dh_da_matrix, y * (1 - y), rtol=1e-13)
    np.testing.assert_allclose(two.dC_da_matrix, da2, rtol=1e-13)
    np.testing.assert_allclose(two.dC_dw_matrix, h.T @ da2, rtol=1e-13)
    np.testing.assert_allclose(two.dC_db_matrix, da2, rtol=1e-13)
    dh = da2 @ W2.T
    da1 = dh * h * (1 - h)
    np.testing.assert_allclose(one.dC_dy_matrix, dh, rtol=1e-13)
    np.testing.assert_allclose(one.dC_da_matrix, da1, rtol=1e-13)
    np.testing.assert_allclose(one.dC_dw_matrix, np.outer([1.0, 2.0], da1), rtol=1e-13)
    np.testing.assert_allclose(one.dC_db_matrix, da1, rtol=1e-13)


def test_3_w1_plus_4_w2() -> None:
    for w1, w2 in ((2.0, 5.0), (-1.0, 0.0)):
        trace = fl.trace(lambda w1, w2: 3 * w1 + 4 * w2, w1=w1, w2=w2)
        trace.backward()
        assert float(trace.cost.value) == 3 * w1 + 4 * w2
        assert float(trace["dC_dw1"].value) == 3.0
        assert float(trace["dC_dw2"].value) == 4.0


def test_12_w1_w2_and_its_saddle() -> None:
    for w1, w2 in ((2.0, 5.0), (-1.0, 0.5), (0.0, 0.0), (0.0, 3.0)):
        trace = fl.trace(lambda w1, w2: 12 * w1 * w2, w1=w1, w2=w2)
        trace.backward()
        assert float(trace.cost.value) == 12 * w1 * w2
        assert float(trace["dC_dw1"].value) == 12 * w2
        assert float(trace["dC_dw2"].value) == 12 * w1


def test_parity_after_some_thousand_iterations() -> None:
    x, y = fl.data.parity(4)
    net = fl.form_network([8, 4, 1], x, y, seed=0)
    fl.learn(net, learning_rate=0.5, iterations=4000)
    wanted = numpy_parity(4000, 0.5)
    found: list[Any] = [m for la in net.layers for m in (la.weights_matrix, la.bias_matrix)]
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-8)
    assert net.history.costs[-1] < 0.01
    np.testing.assert_array_equal(np.round(fl.predict(net, x)), y)


def test_fluxs_double_averaging_is_a_rate_16_times_smaller() -> None:
    x, y = fl.data.parity(4)
    net = fl.form_network([8, 4, 1], x, y, seed=0)
    fl.learn(net, learning_rate=0.01 / 16, iterations=3000)
    wanted = numpy_parity(3000, 0.01, twice=True)
    for layer, mine in zip(net.layers, wanted[::2], strict=True):
        np.testing.assert_allclose(layer.weights_matrix, mine, rtol=1e-11, atol=1e-13)
    costs = np.array(net.history.costs)
    assert costs[0] == pytest.approx(0.25, abs=0.01)
    assert np.all(np.diff(costs) < 0), "the cost falls, slowly"
    assert costs[-1] > 0.2


def test_parity_and_gates() -> None:
    x, y = fl.data.parity(4)
    assert x.shape == (16, 4)
    assert y.shape == (16, 1)
    assert len({tuple(row) for row in x}) == 16
    for row, target in zip(x, y[:, 0], strict=True):
        assert target == sum(row) % 2
    for name, wanted in {
        "and": lambda a, b: a and b, "or": lambda a, b: a or b, "xor": lambda a, b: a != b,
        "nand": lambda a, b: not (a and b),
    }.items():  # fmt: skip
        gx, gy = fl.data.gate(name)
        assert [bool(v) for v in gy[:, 0]] == [bool(wanted(a, b)) for a, b in gx]


def test_xavier_uniform_weights_and_zero_biases() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(2, 300)), draw.normal(size=(2, 200))
    net = fl.form_network([200], x, y, seed=5)
    w, bound = net.layers[0].weights_matrix, np.sqrt(6 / 500)
    assert np.abs(w).max() <= bound
    assert np.abs(w).max() > 0.999 * bound
    assert abs(w.mean()) < 0.01 * bound
    assert w.std() == pytest.approx(bound / np.sqrt(3), rel=0.01)
    np.testing.assert_array_equal(net.layers[0].bias_matrix, np.zeros((1, 200)))
    again = fl.form_network([200], x, y, seed=5)
    np.testing.assert_array_equal(again.layers[0].weights_matrix, w)
    other = fl.form_network([200], x, y, seed=6)
    assert not np.array_equal(other.layers[0].weights_matrix, w)
