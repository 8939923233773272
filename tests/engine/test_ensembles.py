"""Ensembles: averages and votes against NumPy; restarts and bagging against doing it by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.engine.networks.ensembles import votes

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(30, 2))
T = (X[:, 0] * X[:, 1] > 0).astype(int)


def make(x: Any, t: Any, seed: int) -> Any:
    layers = [fl.Dense(4, "tanh"), fl.Dense(2, "softmax")]
    return fl.Network(layers, x, t, cost="cross_entropy", optimizer=fl.Adam(0.05), seed=seed)


def test_average_is_the_mean() -> None:
    outputs = [DRAW.random((4, 3)) for _ in range(5)]
    np.testing.assert_allclose(fl.average(outputs), np.mean(outputs, axis=0), rtol=1e-14)


def test_the_majority_wins_against_a_loud_minority() -> None:
    quiet, loud = np.array([[0.45, 0.55, 0.0]]), np.array([[1.0, 0.0, 0.0]])
    outputs = [quiet, quiet, loud]
    np.testing.assert_array_equal(votes(outputs), [[1, 2, 0]])
    np.testing.assert_array_equal(fl.vote(outputs), [1])
    assert np.argmax(fl.average(outputs)) == 0
    np.testing.assert_array_equal(fl.vote([quiet, loud]), [0])  # a tie: the lower number


def test_votes_of_many_equal_numpys_count() -> None:
    outputs = [DRAW.random((20, 4)) for _ in range(7)]
    named = np.argmax(outputs, axis=2)  # (7, 20)
    counts = np.array([np.bincount(named[:, k], minlength=4) for k in range(20)])
    np.testing.assert_array_equal(votes(outputs), counts)
    np.testing.assert_array_equal(fl.vote(outputs), counts.argmax(axis=1))


def test_a_single_column_votes_for_0_or_1() -> None:
    outputs = [np.array([[0.9], [0.4], [0.5]]), np.array([[0.6], [0.1], [0.9]])]
    np.testing.assert_array_equal(votes(outputs), [[0, 2], [2, 0], [1, 1]])
    np.testing.assert_array_equal(fl.vote([*outputs, np.array([[0.2], [0.8], [0.8]])]), [1, 0, 1])


def test_averaging_and_voting_can_be_traced_and_explained() -> None:
    trace = fl.trace(
        lambda u, v: fl.sum(fl.average([fl.sigmoid(u), v]) * votes([u, v])),
        u=[[1.0, -2.0]], v=[[0.5, 0.7]],
    )  # fmt: skip
    trace.backward()
    assert trace.check("dC_du").ok
    np.testing.assert_allclose(trace["dC_dv"].value, [[0.5, 0.5]])


def test_restarts_are_the_networks_of_consecutive_seeds() -> None:
    found = fl.restarts(lambda seed: make(X, T, seed), 3, epochs=20, seed=5)
    assert len(found.networks) == 3
    alone = make(X, T, 6)
    alone.fit(20)
    np.testing.assert_array_equal(found.networks[1].predict(X), alone.predict(X))
    outputs = [n.predict(X) for n in found.networks]
    assert (outputs[0] != outputs[2]).any()
    np.testing.assert_allclose(found.predict(X), np.mean(outputs, axis=0), rtol=1e-14)
    counts = np.sum([np.eye(2)[o.argmax(1)] for o in outputs], axis=0)
    np.testing.assert_array_equal(found.vote(X), counts.argmax(1))
    costs = found.costs(X, T)
    assert costs == [n.evaluate(X, T) for n in found.networks]
    assert found.best(X, T) is found.networks[int(np.argmin(costs))]


def test_restarts_find_the_way_out_of_a_bad_start() -> None:
    x, t = fl.data.gate("xor")

    def xor(seed: int) -> Any:
        layers = [fl.Dense(2, "tanh"), fl.Dense(1, "sigmoid")]
        return fl.Network(
            layers, x, t, cost="binary_cross_entropy", optimizer=fl.Adam(0.1), seed=seed
        )

    found = fl.restarts(xor, 8, epochs=300)
    costs = found.costs(x, t)
    assert max(costs) > 0.2  # one got stuck
    assert found.best(x, t).evaluate(x, t) < 0.05


def test_a_bootstrap_is_seeded_and_draws_with_replacement() -> None:
    rows = fl.bootstrap(1000, seed=3)
    np.testing.assert_array_equal(rows, fl.bootstrap(1000, seed=3))
    assert (rows != fl.bootstrap(1000, seed=4)).any()
    assert rows.shape == (1000,)
    assert rows.min() >= 0
    assert rows.max() <= 999
    assert 0.59 < len(set(rows)) / 1000 < 0.67  # 1 - 1/e


def test_bagging_learns_each_from_its_own_rows() -> None:
    found = fl.bagging(make, X, T, 3, epochs=15, seed=2)
    for k, (network, rows) in enumerate(zip(found.networks, found.rows, strict=True)):
        np.testing.assert_array_equal(rows, fl.bootstrap(30, 2 + k))
        np.testing.assert_array_equal(network.trace["layer 1/x"].value, X[rows])
        alone = make(X[rows], T[rows], 2 + k)
        alone.fit(15)
        np.testing.assert_array_equal(network.predict(X), alone.predict(X))
    again = fl.bagging(make, X, T, 3, epochs=15, seed=2)
    np.testing.assert_array_equal(found.predict(X), again.predict(X))


def test_an_ensembles_squared_error_is_at_most_the_mean_of_its_members() -> None:
    """The average's error is the members' mean error minus their spread (Krogh, 1995)."""
    found = fl.bagging(make, X, T, 4, epochs=10)
    target = np.eye(2)[T]
    outputs = found.outputs(X)
    own = np.mean([np.mean((y - target) ** 2) for y in outputs])
    spread = np.mean([np.mean((y - found.predict(X)) ** 2) for y in outputs])
    together = np.mean((found.predict(X) - target) ** 2)
    assert spread > 1e-5
    assert together == pytest.approx(own - spread, rel=1e-10)


def test_what_cannot_be_an_ensemble_is_refused() -> None:
    with pytest.raises(fl.BadInput, match="average: give a list of outputs"):
        fl.average([])
    with pytest.raises(fl.BadInput, match="one shape"):
        fl.vote([np.ones((2, 3)), np.ones((3, 2))])
    with pytest.raises(fl.BadInput, match="make must return a Network"):
        fl.restarts(lambda seed: None, 2, epochs=1)
    with pytest.raises(fl.BadInput, match="restarts: count"):
        fl.restarts(lambda seed: make(X, T, seed), 0, epochs=1)
    with pytest.raises(fl.BadInput, match="bagging: inputs and targets need one row"):
        fl.bagging(make, X, T[:-1], epochs=1)
