"""Networks copied and pickled; attributes that would never be read."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fluxlab as fl

X, Y = fl.data.parity(3)
WAYS: list[Callable[[fl.Network], fl.Network]] = [
    lambda net: net.copy(), copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net)),
]  # fmt: skip


def network() -> fl.Network:
    layers = [fl.Dense(4, "tanh"), fl.Dropout(0.2), fl.BatchNorm(), fl.Dense(1, "sigmoid")]
    net = fl.Network(layers, X, Y, batch=3, optimizer=fl.Adam(0.01), seed=4)
    net.fit(5)
    return net


def same(one: fl.Network, other: fl.Network) -> bool:
    mine, theirs = one.values(), other.values()
    return mine.keys() == theirs.keys() and all(np.array_equal(mine[k], theirs[k]) for k in mine)


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_goes_on_alike_and_apart(way: Callable[[fl.Network], fl.Network]) -> None:
    net = network()
    other = way(net)
    assert same(net, other)
    assert other.history.iteration == net.history.iteration == 15
    other.fit(3)
    assert not same(net, other)
    net.fit(3)
    assert same(net, other)
    np.testing.assert_array_equal(net.predict(X), other.predict(X))


def test_a_copy_keeps_what_it_was_asked_to_look_at() -> None:
    net = network()
    net.fit(1, validation=(X, Y))
    net.set_samples([1, 2])
    other = net.copy()
    assert (other.rows, other.validation) == ([1, 2], net.validation)
    other.validation.clear()
    other.set_samples(None)
    assert net.validation
    assert net.rows == [1, 2]


def test_a_network_with_a_layer_of_ones_own_is_copied() -> None:
    net = fl.Network([Doubled(), fl.Dense(1)], X, Y)
    other = pickle.loads(pickle.dumps(net)).copy()
    other.fit(2)
    net.fit(2)
    assert same(net, other)


class Doubled:
    def __call__(self, x: Any, building: Any) -> Any:
        return (2.0 * x).named("h")


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_trace_says_what_to_do_instead(way: Callable[[Any], Any]) -> None:
    t = fl.trace(lambda x: fl.sum(x), x=[1.0])
    with pytest.raises(fl.BadInput, match=r"fl\.trace\(f, \.\.\.\)"):
        way(t)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("learning_rate", 0.5, r'trace\.set\("learning rate", 0\.5\)'),
        ("cost", "mae", r"fl\.Network\(layers, inputs, targets, cost=\.\.\.\)"),
        ("optimizer", "adam", "formed with its optimizer"),
        ("batch", 2, "formed with its batch"), ("seed", 1, "formed with its seed"),
        ("inputs", X, "formed with its inputs"), ("X", X, "no .X that can be set"),
        ("activation", "tanh", r"net\.set_activation\(1, 'tanh'\)"),
        ("w", np.ones(3), "weights_matrix = numbers"),
    ],
)  # fmt: skip
def test_what_nothing_reads_cannot_be_set(name: str, value: object, told: str) -> None:
    net = network()
    with pytest.raises(AttributeError, match=told):
        setattr(net, name, value)


def test_the_iteration_is_travelled_to_not_set() -> None:
    net = network()
    with pytest.raises(AttributeError, match=r"history\.travel\(0\) goes there"):
        net.history.iteration = 0
    assert net.history.iteration == 15


def test_load_on_a_network_is_refused(tmp_path: Any) -> None:
    net = network()
    net.save(tmp_path / "net.npz")
    with pytest.raises(fl.BadInput, match=r"net = fl\.Network\.load\(path\)"):
        net.load(tmp_path / "net.npz")
    assert same(fl.Network.load(tmp_path / "net.npz"), net)
