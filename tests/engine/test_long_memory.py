"""A symbol shown once, then 30 steps of noise: gates remember it, the plain RNN does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fluxlab as fl

SYMBOLS, LAG, NEURONS = 4, 30, 12
# A gate that starts nearly closed remembers for about as many steps as the task is long: the
# start that Tallec and Ollivier (2018) derive, +-ln(steps).
HOLD = float(np.log(LAG))
LAYERS: dict[str, Any] = {
    "lstm": fl.LSTM(NEURONS, sequence=False, forget_bias=HOLD),
    "gru": fl.GRU(NEURONS, sequence=False, update_bias=-HOLD),
    "rnn": fl.RNN(NEURONS, sequence=False),
}


def recall(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """x (count, 31, 5): one of 4 symbols with a mark, then normal noise in the symbols' places."""
    draw = np.random.default_rng(seed)
    symbol = draw.integers(0, SYMBOLS, count)
    x = np.zeros((count, 1 + LAG, SYMBOLS + 1))
    x[:, 0, :SYMBOLS], x[:, 0, SYMBOLS] = np.eye(SYMBOLS)[symbol], 1
    x[:, 1:, :SYMBOLS] = draw.normal(size=(count, LAG, SYMBOLS))
    return x, symbol


def accuracy(layer: Any, seed: int) -> float:
    """On 500 unseen sequences, after 800 batches of 32: the same budget for every layer."""
    (x, y), (unseen, expected) = recall(4000, 1), recall(500, 2)
    net = fl.Network(
        [layer, fl.Dense(SYMBOLS)], x, y, cost="cross_entropy_logits", batch=32, seed=seed,
        optimizer=fl.Adam(0.02), clip=fl.ClipNorm(1.0),
    )  # fmt: skip
    net.advance(800)
    return float(np.mean(net.predict(unseen).argmax(axis=1) == expected))


@pytest.mark.parametrize("seed", [0, 1])
def test_gates_remember_over_30_steps_of_noise(seed: int) -> None:
    assert accuracy(LAYERS["lstm"], seed) >= 0.99
    assert accuracy(LAYERS["gru"], seed) >= 0.99
    assert accuracy(LAYERS["rnn"], seed) <= 0.35, "chance is 0.25"


def test_the_gradient_that_reaches_the_first_step() -> None:
    """Why: in the untrained plain RNN it has vanished, in the gated ones it has not."""
    x, y = recall(32, 3)
    reached = {}
    for name, layer in LAYERS.items():
        net = fl.Network([layer, fl.Dense(SYMBOLS)], x, y, cost="cross_entropy_logits", seed=0)
        net.trace.run()
        first, last = (np.linalg.norm(net.trace[f"layer 1/step {t}/dC_dx"].value) for t in (1, 31))
        reached[name] = first / last
    assert reached["rnn"] < 1e-3 * min(reached["lstm"], reached["gru"]), reached
