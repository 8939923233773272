"""`fl.Network` on sequences and images: any number of axes, samples first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracle import torch

import fluxlab as fl

DRAW = np.random.default_rng(5)
SEQUENCES = DRAW.normal(size=(7, 4, 3))  # samples, steps, features
CLASSES = DRAW.integers(0, 5, (7, 4))


def network(targets: Any, **more: Any) -> fl.Network:
    settings = {"cost": "cross_entropy_logits", "seed": 3} | more
    return fl.Network([fl.Dense(6, "tanh"), fl.Dense(5)], SEQUENCES, targets, **settings)


def expected_cost(net: fl.Network, rows: Any, classes: Any) -> tuple[float, dict[str, Any]]:
    """The cost and its gradients by PyTorch, over the places that have a class."""
    t = torch()
    found = {n: t.tensor(v, requires_grad=True) for n, v in net.values().items() if "/" in n}
    h = t.tanh(t.tensor(SEQUENCES[rows]) @ found["layer 1/w"] + found["layer 1/b"])
    a = h @ found["layer 2/w"] + found["layer 2/b"]
    cost = t.nn.functional.cross_entropy(
        a.reshape(-1, 5), t.tensor(classes.reshape(-1)), ignore_index=-1
    )
    cost.backward()
    return cost.item(), {n: v.grad.numpy() for n, v in found.items() if v.grad is not None}


@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("blank", [False, True])
def test_a_sequences_cost_is_the_mean_over_the_steps_that_have_a_class(
    batch: int | None, blank: bool
) -> None:
    classes = CLASSES.copy()
    if blank:
        classes[[0, 2, 5], [1, 3, 0]] = -1
    net = network(classes, batch=batch)
    for _ in range(3):  # of a batch of 3 from 7 samples the last has one row
        net.trace.run()
        rows = np.arange(7)
        if batch:
            rows = net.trace["batch"].value.astype(int)
            if "real" in net.trace:
                rows = rows[net.trace["real"].value[:, 0] > 0]
        cost, gradients = expected_cost(net, rows, classes[rows])
        assert float(net.trace.cost.value) == pytest.approx(cost, rel=1e-12)
        for name, gradient in gradients.items():
            scope, local = name.split("/")
            found = net.trace[f"{scope}/dC_d{local}"].value
            np.testing.assert_allclose(found, gradient, rtol=1e-10, atol=1e-14)
        net.advance(1)


def test_class_numbers_and_one_hot_targets_are_the_same() -> None:
    one_hot = np.eye(5)[CLASSES]
    left, right = network(CLASSES), network(one_hot)
    left.advance(4)
    right.advance(4)
    np.testing.assert_array_equal(left.history.costs, right.history.costs)


def test_sequences_are_learned_predicted_saved_and_read_back(tmp_path: Path) -> None:
    net = network(CLASSES, batch=3, optimizer=fl.Adam(0.05))
    net.fit(epochs=200)
    found = net.predict(SEQUENCES)
    assert found.shape == (7, 4, 5)
    np.testing.assert_allclose(found.sum(axis=-1), 1.0)
    assert np.mean(found.argmax(axis=-1) == CLASSES) > 0.9
    net.save(tmp_path / "net.npz")
    back = fl.Network.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(back.predict(SEQUENCES), found)
    assert back.evaluate(SEQUENCES, CLASSES) == net.evaluate(SEQUENCES, CLASSES)


def test_a_batch_in_which_no_place_has_a_class_has_the_cost_0() -> None:
    classes = CLASSES.copy()
    classes[:3] = -1
    net = network(classes, batch=1)
    net.trace.run()
    costs = []
    for _ in range(7):
        net.advance(1)
        costs.append(float(net.trace.cost.value))
    assert np.all(np.isfinite(costs))
    assert 0.0 in costs


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (CLASSES[:, :3], ["4×5", "3", "class numbers"]),
        (CLASSES + 3, ["class numbers", "0 to 4"]),
        (CLASSES[:5], ["7 rows", "5"]),
        (np.where(CLASSES == 1, np.nan, CLASSES), ["targets", "NaN"]),
    ],
)
def test_targets_that_do_not_fit(targets: Any, words: list[str]) -> None:
    with pytest.raises(fl.BadInput) as caught:
        network(targets)
    for word in words:
        assert word in str(caught.value)


def test_samples_of_another_shape_are_refused() -> None:
    net = network(CLASSES)
    with pytest.raises(fl.BadInput, match="4×3"):
        net.predict(SEQUENCES[:, :3])
    assert net.predict(SEQUENCES.tolist()).shape == (7, 4, 5)


def test_a_network_inside_a_scope_is_the_same_network() -> None:
    """Its names begin anew there; else its weights would not be found, and be drawn again."""
    x = np.random.default_rng(2).normal(size=(4, 3))
    net = fl.Network([fl.Dense(2, "tanh")], x, x[:, :2], seed=5)
    with fl.scope("step 1"):
        np.testing.assert_array_equal(net.predict(x), net.trace["y"].buffer)
        inside = fl.Network([fl.Dense(2, "tanh")], x, x[:, :2], seed=5)
    np.testing.assert_array_equal(inside.predict(x), net.predict(x))
    assert [*inside.trace.matrices] == [*net.trace.matrices]
