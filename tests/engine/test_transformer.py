"""The Transformer learns to reverse what it reads; what it learned is asked why, saved, printed."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import fluxlab as fl
from fluxlab.engine.models.transformer import greedy, side_by_side

STEPS = 7


@cache
def sequences() -> tuple[Any, Any]:
    """Different sequences of 8 symbols (numbers 2 to 9): to learn from, and 500 unseen ones."""
    drawn = np.random.default_rng(0).integers(2, 10, (2500, STEPS)).astype(float)
    found = np.unique(drawn, axis=0)
    np.random.default_rng(1).shuffle(found)
    return found[:-500], found[-500:]


@cache
def trained(seed: int = 0) -> Any:
    seen, _ = sequences()
    net = fl.Network(
        [fl.Transformer(10, STEPS, features=32, heads=4, hidden=64)],
        side_by_side(seen, seen[:, ::-1]),
        seen[:, ::-1],
        cost="cross_entropy_logits",
        optimizer=fl.Adam(0.003),
        batch=32,
        seed=seed,
    )
    net.advance(200)
    return net


def test_unseen_sequences_are_reversed_exactly() -> None:
    """At least 99 % right in all places, each answer written token by token from the start."""
    net, (_, unseen) = trained(), sequences()
    before = fl.Network(
        net.design.layers, *net._data, cost="cross_entropy_logits", batch=32, seed=0
    )
    share = exact(before, unseen)
    assert share < 0.01, "it has to be learned"
    assert exact(net, unseen) >= 0.99


def exact(net: Any, unseen: Any) -> float:
    answers = greedy(net.predict, unseen, STEPS)
    return float((answers == unseen[:, ::-1]).all(axis=1).mean())
