"""What each form of recurrent network is for, on small tasks with sequences never seen before."""

from __future__ import annotations

from typing import Any

import numpy as np

import fluxlab as fl


def learned(layers: list[Any], x: np.ndarray, y: np.ndarray, iterations: int) -> fl.Network:
    net = fl.Network(
        layers, x, y, cost="cross_entropy_logits", batch=32, seed=0, optimizer=fl.Adam(0.02),
        clip=fl.ClipNorm(1.0),
    )  # fmt: skip
    net.advance(iterations)
    return net


def test_both_directions_know_what_comes_next() -> None:
    """Each step's label is the next token: one direction can only guess, at 1 in 4."""
    tokens = np.random.default_rng(1).integers(1, 5, (800, 6))
    label = np.concatenate([tokens[:, 1:] - 1, np.full((800, 1), -1)], axis=1)  # the last has none
    right = {}
    for name, layer in (("one", fl.RNN(16)), ("both", fl.Bidirectional(fl.RNN(16)))):
        net = learned([fl.OneHot(4), layer, fl.Dense(4)], tokens[:500], label[:500], 200)
        said = net.predict(tokens[500:]).argmax(axis=-1)
        right[name] = np.mean(said[:, :-1] == label[500:, :-1])
    assert right["both"] >= 0.99
    assert right["one"] <= 0.35


def test_encoder_and_decoder_turn_sequences_round() -> None:
    """4 tokens in, the last 3 of them out, backwards: all 625 sequences, a fifth never seen."""
    every = np.stack(np.meshgrid(*[np.arange(1, 6)] * 4), axis=-1).reshape(-1, 4)
    tokens = np.random.default_rng(0).permutation(every)
    label = tokens[:, :0:-1] - 1
    layers = [fl.OneHot(5), fl.GRU(32, sequence=False), fl.Generate(fl.GRU(32), 3, 5)]
    net = learned(layers, tokens[:500], label[:500], 600)
    said = net.predict(tokens[500:]).argmax(axis=-1)
    assert np.mean(np.all(said == label[500:], axis=1)) >= 0.99


def test_one_number_becomes_a_sequence() -> None:
    """From one of 5 places: count on for 4 steps, round and round."""
    start, steps = np.arange(5), np.arange(4)
    label = (start[:, None] + steps) % 5
    net = learned([fl.Dense(12, "tanh"), fl.Generate(fl.RNN(12), 4, 5)], np.eye(5), label, 200)
    np.testing.assert_array_equal(net.predict(np.eye(5)).argmax(axis=-1), label)


def test_sequences_of_unequal_length_are_judged_by_their_last_token() -> None:
    """Masked, the answer is read at each sequence's own end; padding of any length is no matter."""
    draw = np.random.default_rng(0)
    length = draw.integers(1, 8, 600)
    tokens = draw.integers(1, 5, (600, 7)) * (np.arange(7) < length[:, None])
    label = tokens[np.arange(600), length - 1] - 1
    layers = [fl.OneHot(4), fl.GRU(12, sequence=False, masked=True), fl.Dense(4)]
    net = learned(layers, tokens[:400], label[:400], 150)
    assert np.mean(net.predict(tokens[400:]).argmax(axis=1) == label[400:]) >= 0.99
