"""Recurrent encoder and decoder: taught with the true answer, and with attention between them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from oracle import torch
from test_recurrent import layer_of, module_weights, near

import fluxlab as fl
from fluxlab.engine.models.transformer import greedy, side_by_side

SOURCE = np.array([[2.0, 4, 3], [3, 2, 0], [5, 0, 0]])
ANSWER = np.array([[3.0, 4], [2, 0], [4, 5]])
X, TARGET = side_by_side(SOURCE, ANSWER), np.where(ANSWER > 0, ANSWER, -1)


def network(layer: Any, attention: bool = True, **more: Any) -> fl.Network:
    made = fl.EncoderDecoder(layer, 6, source=3, features=4, attention=attention)
    return fl.Network([made], X, TARGET, cost="cross_entropy_logits", seed=2, **more)


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_logits_and_gradients_are_pytorchs(kind: str, attention: bool) -> None:
    th = torch()
    trace = network(layer_of(kind, 5), attention).trace
    trace.run()
    own = [m for m in trace.inputs if m.kind == "parameter"]
    for k, matrix in enumerate(own):
        trace.set(matrix.name, np.random.default_rng(k).normal(size=matrix.shape))
    trace.run()
    w = {m.name.removeprefix("layer 1/"): th.tensor(m.value, requires_grad=True) for m in own}
    lengths = th.tensor((SOURCE > 0).sum(axis=1))

    def run(side: str, tokens: np.ndarray, first: Any = None) -> Any:
        mine = {k.removeprefix(f"{side}/"): v for k, v in w.items() if k.startswith(f"{side}/")}
        made = getattr(th.nn, kind)(4, 5, batch_first=True, dtype=th.float64)
        x = w["embedding/w"][th.tensor(tokens).long()]
        if first is None:
            x = th.nn.utils.rnn.pack_padded_sequence(
                x, lengths, batch_first=True, enforce_sorted=False
            )
        given = (x,) if first is None else (x, first)
        return th.func.functional_call(made, module_weights(kind, mine), given)

    packed, last = run("encoder", X[:, :3])
    memory, _ = th.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, total_length=3)
    h, _ = run("decoder", X[:, 3:], last)
    if attention:

        def project(name: str, x: Any) -> Any:
            return x @ w[f"attention/{name}/w"] + w[f"attention/{name}/b"]

        hidden = th.tensor(SOURCE > 0)[:, None, :]
        context = th.nn.functional.scaled_dot_product_attention(
            project("query", h), project("key", memory), project("value", memory), hidden
        )
        h = th.cat([h, context], dim=-1)
    logits = h @ w["logits/w"] + w["logits/b"]
    near(trace["y"].value, logits)
    wanted = th.tensor(TARGET).long().flatten()
    cost = th.nn.functional.cross_entropy(logits.reshape(6, 6), wanted, ignore_index=-1)
    cost.backward()
    near(trace["C"].value, cost)
    for name, matrix in w.items():
        head, _, tail = name.rpartition("/")
        near(trace[f"layer 1/{head}/dC_d{tail}"].value, matrix.grad)


def test_it_is_told_the_true_answer_but_never_looks_ahead() -> None:
    for attention in (False, True):
        net = network(fl.GRU(5), attention)
        y = net.predict(X)
        other = X.copy()
        other[:, 4] = 5  # the first token of the answer, which step 2 is told
        np.testing.assert_array_equal(net.predict(other)[:, 0], y[:, 0])
        assert np.abs(net.predict(other) - y)[:2, 1].max() > 1e-3
        source = X.copy()
        source[:, 0] = 4
        assert np.abs(net.predict(source) - y)[1:].min(axis=-1).max() > 1e-4


def test_the_search_reads_what_it_wrote_itself() -> None:
    net = network(fl.LSTM(5))
    net.fit(20)
    next_token = fl.next_token_of(net, SOURCE[1])
    every = np.array(list(itertools.product(range(6), repeat=2)))
    p = net.predict(side_by_side(np.tile(SOURCE[1], (36, 1)), every))
    scores = np.log(np.take_along_axis(p, every[:, :, None], axis=2)).sum(axis=(1, 2))
    found = fl.beam_search(next_token, fl.START, width=36, length=2)
    assert found.best == every[scores.argmax()].tolist()
    assert found.score == pytest.approx(scores.max(), rel=1e-10)


def test_attention_widens_the_bottleneck_between_encoder_and_decoder() -> None:
    """Of 100 unseen sequences of 5 tokens 100 are turned round exactly with attention, 69 without.

    In between stand 24 numbers, which must hold the whole sequence where there is no attention.
    (Seeds 1 and 2: 98 and 99 with, 70 and 63 without.)
    """
    source = np.random.default_rng(0).integers(3, 9, (400, 5)).astype(float)
    answer, right = source[:, ::-1], {}
    for attention in (False, True):
        layer = fl.EncoderDecoder(fl.GRU(24), 9, 5, features=12, attention=attention)
        net = fl.Network(
            [layer], side_by_side(source[:300], answer[:300]), answer[:300],
            cost="cross_entropy_logits", optimizer=fl.Adam(0.01), batch=50, seed=0,
        )  # fmt: skip
        net.advance(600)
        written = greedy(net.predict, source[300:], 5)
        right[attention] = np.mean(np.all(written == answer[300:], axis=1))
    assert right[True] >= 0.95, right
    assert right[False] <= 0.85, right


@pytest.mark.parametrize(
    ("layer", "x", "says"),
    [
        (fl.EncoderDecoder(fl.Dense(3), 6, 3), X, "layer must be a recurrent layer"),
        (fl.EncoderDecoder(fl.GRU(3, window=2), 6, 3), X, "without window or reverse"),
        (fl.EncoderDecoder(fl.GRU(3), 6, 5), X, "source=5 columns .* got 1×5"),
        (fl.EncoderDecoder(fl.GRU(3), 5, 3), X, "EncoderDecoder: x: token numbers .* got 5"),
    ],
)
def test_bad_input_says_what_to_do(layer: Any, x: np.ndarray, says: str) -> None:
    with pytest.raises(fl.BadInput, match=says):
        fl.Network([layer], x[-1:], TARGET[-1:], cost="cross_entropy_logits")
