"""Padding has no influence: not on what is real, not on the cost, not on any gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pytest
from test_recurrent import fl_output, numbers

import fluxlab as fl
from fluxlab.engine.models.transformer import side_by_side


def test_a_state_goes_on_behind_a_gap() -> None:
    """Padding in the middle: the state goes on from before the gap."""
    x = numbers(1, 6, 2)
    x[0, 2:4] = 0
    gap = fl_output(fl.LSTM(3, masked=True, sequence=False), x)
    np.testing.assert_array_equal(gap, fl_output(fl.LSTM(3, sequence=False), x[:, [0, 1, 4, 5]]))


@pytest.mark.parametrize("batch", [None, 2])
@pytest.mark.parametrize("cost", ["mse", "mae"])
def test_padding_does_not_count_in_any_cost(cost: str, batch: int | None) -> None:
    """Whatever its targets are, cost, gradients and weights are the same; and evaluate agrees."""
    x, y = numbers(5, 4, 3), numbers(5, 4, 2, seed=1)
    real = np.arange(4) < np.array([4, 2, 1, 3, 4])[:, None]
    x[~real] = 0
    values = []
    for target in (y, np.where(real[..., None], y, 1e3)):
        layers = [fl.Bidirectional(fl.GRU(3, masked=True)), fl.Dense(2)]
        net = fl.Network(layers, x, target, cost=cost, batch=batch, seed=1)
        net.trace.run()
        if batch is None:
            error = (net.predict(x) - y)[real]
            by_hand = np.mean(error**2) if cost == "mse" else np.mean(np.abs(error))
            assert float(net.trace.cost.value) == pytest.approx(by_hand, rel=1e-12)
            assert net.evaluate(x, target) == pytest.approx(by_hand, rel=1e-12)
        net.fit(3)
        values.append(net.values())
    for name, value in values[0].items():
        np.testing.assert_allclose(values[1][name], value, rtol=1e-9, err_msg=name)


def test_steps_that_a_decoder_makes_are_not_the_encoders() -> None:
    """Three tokens read, one of them padding, and three steps written: all three count."""
    tokens, y = np.array([[2.0, 1, 0], [1, 2, 2]]), numbers(2, 3, 1)
    layers = [fl.OneHot(2), fl.GRU(3, sequence=False, masked=True), fl.Generate(fl.GRU(3), 3, 1)]
    net = fl.Network(layers, tokens, y)
    net.trace.run()
    by_hand = np.mean((net.predict(tokens) - y) ** 2)
    assert float(net.trace.cost.value) == pytest.approx(by_hand, rel=1e-12)


TOKENS = np.array([[2.0, 4, 3, 0, 0], [3, 2, 0, 0, 0], [4, 3, 2, 2, 3], [0, 0, 0, 0, 0]])
TARGETS = np.where(TOKENS > 0, TOKENS, -1)
PAIRS = np.array([[5.0, 6, 4, 7, 4, 0], [5, 8, 6, 4, 7, 4], [5, 7, 4, 0, 0, 0]])
MASKED = np.where(PAIRS > 5, PAIRS, -1)
MASKED[:, 0] = [1, 0, 1]
SOURCE = np.array([[2.0, 3, 0], [4, 0, 0], [2, 2, 3]])
ANSWER = np.array([[3.0, 2, 2, 0], [2, 2, 0, 0], [4, 3, 2, 2]])
TAUGHT, NEXT = side_by_side(SOURCE, ANSWER), np.where(ANSWER > 0, ANSWER, -1)
CAPTIONS = side_by_side(numbers(3, 4), ANSWER)
CASES: dict[str, tuple[list[Any], np.ndarray, np.ndarray]] = {
    "encoder": ([fl.Encoder(5, 4, 2, 3, layers=2), fl.Dense(5)], TOKENS, TARGETS),
    "causal": ([fl.Encoder(5, 4, 2, 3, causal=True), fl.Dense(5)], TOKENS, TARGETS),
    "BERT": ([fl.BertEncoder(9, 4, 2, 3, 2), fl.BertHeads(9)], PAIRS, MASKED),
    "XLNet": ([fl.XLNet(5, 4, 2, 3, 2), fl.Dense(5)], TOKENS, TARGETS),
    "transformer": ([fl.Transformer(5, 3, 4, 2, 3, 2)], TAUGHT, NEXT),
    "captioner": ([fl.Captioner(5, 2, 2, 1, 4, 2, 3, 2)], CAPTIONS, NEXT),
    "recurrent": ([fl.EncoderDecoder(fl.LSTM(3), 5, 3, 4)], TAUGHT, NEXT),
    "attention": ([fl.EncoderDecoder(fl.GRU(3), 5, 3, 4, attention=True)], TAUGHT, NEXT),
}
for kind in (fl.RNN, fl.LSTM, fl.GRU, fl.PeepholeLSTM, fl.FullPeepholeLSTM):
    CASES[f"two {kind.__name__}"] = (
        [fl.Embedding(5, 3), kind(4, masked=True), kind(3, masked=True), fl.Dense(5)],
        TOKENS, TARGETS,
    )  # fmt: skip
    CASES[f"{kind.__name__} both ways"] = (
        [fl.Embedding(5, 3), fl.Bidirectional(kind(4, masked=True, window=2)), fl.Dense(5)],
        TOKENS, TARGETS,
    )  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_row_of_padding_in_the_embedding_is_never_looked_at(name: str) -> None:
    layers, x, target = CASES[name]
    net = fl.Network(
        layers, x, target, cost="cross_entropy_logits", optimizer=fl.GradientDescent(0.1), seed=1
    )

    def numbers_of() -> dict[str, np.ndarray]:
        net.trace.run()
        kept = {m.name: m.value for m in net.trace.matrices.values() if m.kind == "gradient"}
        own = {n: v for n, v in kept.items() if net.trace[n].of.kind == "parameter"}
        return own | {"C": net.trace.cost.value, "y": net.trace["y"].value[target >= 0]}

    before = numbers_of()
    table = next(m for m in net.trace.inputs if m.axes == ("token", "feature"))
    changed = table.value.copy()
    changed[0] = 50 * np.random.default_rng(0).normal(size=changed.shape[1])
    net.trace.set(table.name, changed)
    after = numbers_of()
    assert len(before) > 8
    for key, value in before.items():
        np.testing.assert_allclose(after[key], value, rtol=1e-9, atol=1e-12, err_msg=key)
    gradient = net.trace[table.name.replace("/w", "/dC_dw")].value
    assert not np.any(gradient[0])
    assert np.any(gradient[2:])


@pytest.mark.parametrize("batch", [None, 2])
@pytest.mark.parametrize("kind", ["tokens", "features"])
def test_batch_norm_takes_mean_and_variance_of_real_steps_only(
    kind: str, batch: int | None
) -> None:
    """As PyTorch's on the real steps alone; whatever stands at padding changes nothing."""
    torch = oracle.torch()
    if kind == "tokens":
        x: Any = TOKENS
        before = [fl.Embedding(5, 3)]
        real = TOKENS > 0
    else:
        x = numbers(4, 5, 2)
        real = np.arange(5) < np.array([3, 5, 1, 2])[:, None]
        x[~real] = 0
        before = [fl.RNN(3, masked=True)]
    y = numbers(4, 5, 3, seed=2)
    layers = [*before, fl.BatchNorm(momentum=0.5), fl.LSTM(3, masked=True)]
    net = fl.Network(layers, x, y, batch=batch, seed=3)
    net.trace.run()
    t, rows = net.trace, range(4)
    if batch:
        rows = t["batch"].value.astype(int)
    seen = t["layer 1/h"].value[real[rows]]
    peer = torch.nn.BatchNorm1d(3, momentum=0.5, dtype=torch.float64)
    before_it = torch.tensor(seen, requires_grad=True)
    wanted = peer(before_it)
    np.testing.assert_allclose(t["layer 2/h"].value[real[rows]], wanted.detach(), atol=1e-10)
    wanted.backward(torch.tensor(t["layer 2/dC_dh"].value[real[rows]]))
    for name, theirs in (("gamma", peer.weight), ("beta", peer.bias)):
        ours = t[f"layer 2/dC_d{name}"].value.ravel()
        np.testing.assert_allclose(ours, theirs.grad, rtol=1e-9, atol=1e-14, err_msg=name)
    ours = t["layer 1/dC_dh"].value
    np.testing.assert_allclose(ours[real[rows]], before_it.grad, rtol=1e-8, atol=1e-14)
    assert not ours[~real[rows]].any()
    assert not t["layer 2/h"].value[~real[rows]].any()
    np.testing.assert_allclose(
        t["layer 2/running mean[new]"].value.ravel(), 0.5 * seen.mean(axis=0), rtol=1e-10
    )
    np.testing.assert_allclose(
        t["layer 2/running variance[new]"].value.ravel(), 0.5 + 0.5 * seen.var(axis=0), rtol=1e-10
    )
    for name in ("layer 2/dC_dgamma", "layer 1/dC_dh", "layer 3/dC_dw"):
        assert t.check(name).ok, name
    net.advance(3)
    again = fl.Network(layers, x, np.where(real[..., None], y, 99.0), batch=batch, seed=3)
    again.advance(3)  # whatever is wanted of padding, nothing else comes of it
    for name, value in net.values().items():
        np.testing.assert_allclose(again.values()[name], value, rtol=1e-9, err_msg=name)
