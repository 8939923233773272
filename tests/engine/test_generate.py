"""Writing on: temperature, top k, a window that slides; tokenizers and small files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.engine.networks.generate import _warmed

TEXT = "to be or not to be that is the question. " * 8
WIDTH = 12


def gpt(epochs: int = 0, tokenizer: Any = None, **more: Any) -> fl.Network:
    """A small causal encoder on pieces of the text, with targets one token later."""
    tokenizer = tokenizer or fl.text.CharacterTokenizer.train(TEXT)
    numbers = tokenizer.encode(TEXT)
    starts = range(0, len(numbers) - WIDTH - 1, 3)
    x = np.array([numbers[i : i + WIDTH] for i in starts])
    y = np.array([numbers[i + 1 : i + WIDTH + 1] for i in starts])
    layer = fl.layers.Encoder(tokenizer.size, 16, 2, 32, causal=True, **more)
    net = fl.Network(
        [layer, fl.Dense(tokenizer.size)], x, y, cost="cross_entropy_logits",
        optimizer=fl.Adam(0.01), seed=1,
    )  # fmt: skip
    net.tokenizer = tokenizer
    if epochs:
        net.fit(epochs)
    return net


@pytest.fixture(scope="module")
def learned() -> fl.Network:
    return gpt(150)


def test_a_text_goes_on_past_the_trained_length(learned: fl.Network) -> None:
    said = fl.text.generate(learned, "to be or", 60, temperature=0)
    assert isinstance(said, str)
    assert len(said) == 60
    assert said.startswith(" not to be that is the ques")
    assert fl.text.generate(learned, TEXT[:100], 5, temperature=0) == TEXT[100:105]


def test_the_likeliest_is_greedy_searchs(learned: fl.Network) -> None:
    prompt = learned.tokenizer.encode("that is ")
    written = fl.text.generate(learned, prompt, 30, temperature=0)
    found = fl.text.greedy_search(fl.text.next_token_of(learned), prompt, length=30)
    assert written == found.best
    wide = fl.text.beam_search(fl.text.next_token_of(learned), prompt, width=2, length=30)
    assert len(wide.best) == 30
    assert wide.score >= found.score


def test_seeds_and_temperatures(learned: fl.Network) -> None:
    def write(**more: Any) -> Any:
        return fl.text.generate(learned, "to ", 40, **more)

    assert write(seed=1) == write(seed=1)
    many = {write(seed=seed, temperature=2.0) for seed in range(4)}
    assert len(many) == 4
    assert write(top_k=1, seed=3) == write(temperature=0)
    assert write(temperature=0.01, seed=5) == write(temperature=0)


def test_the_probabilities_at_a_temperature() -> None:
    p = np.array([0.5, 0.2, 0.3, 0.0])
    np.testing.assert_allclose(_warmed(p, 1.0, None), p)
    np.testing.assert_allclose(_warmed(p, 2.0, None), np.sqrt(p) / np.sqrt(p).sum())
    np.testing.assert_allclose(_warmed(p, 1.0, 2), [0.625, 0, 0.375, 0])
    np.testing.assert_array_equal(_warmed(p, 0, 3), [1, 0, 0, 0])
    np.testing.assert_array_equal(_warmed(np.full(4, 0.25), 1e-9, 1), [1, 0, 0, 0])


def test_draws_follow_the_probabilities() -> None:
    """A network that has seen nothing but one distribution; as many draws as a chi-square needs."""
    tokens = np.repeat([[1, 1]], 10, axis=0)
    after = np.array([[0, 1, 2, 2, 0, 0, 1, 2, 0, 0]]).T * np.ones((1, 2))
    layers = [fl.layers.Embedding(3, 3), fl.Dense(3)]
    net = fl.Network(layers, tokens, after, cost="cross_entropy_logits", optimizer=fl.Adam(0.1))
    net.fit(400)
    p = net.predict(tokens)[0, 1]
    np.testing.assert_allclose(p, [0.5, 0.2, 0.3], atol=1e-3)
    written = [fl.text.generate(net, [1, 1], 1, seed=seed)[0] for seed in range(600)]
    counts, expected = np.bincount(written, minlength=3), 600 * p
    assert ((counts - expected) ** 2 / expected).sum() < 13.8  # p = 0.001, 2 degrees


def test_without_a_tokenizer_there_are_numbers(learned: fl.Network) -> None:
    net = learned.copy()
    assert net.tokenizer == learned.tokenizer
    net.tokenizer = None
    assert len(fl.text.generate(net, [8, 9], 3)) == 3
    with pytest.raises(fl.BadInput, match=r"no tokenizer.*net\.tokenizer = tokenizer"):
        fl.text.generate(net, "to", 3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"length": 0}, "length must be a whole number"), ({"temperature": -1}, "temperature"),
        ({"top_k": 0}, "top_k"), ({"seed": -1}, "seed"), ({"prompt": ""}, "one token at least"),
        ({"prompt": [0.5]}, "prompt"), ({"network": 3}, "needs a Network"),
    ],
)  # fmt: skip
def test_bad_arguments(learned: fl.Network, change: Any, told: str) -> None:
    given = {"network": learned, "prompt": "to", "length": 3} | change
    with pytest.raises(fl.BadInput, match=told):
        fl.text.generate(**given)


def test_a_network_that_does_not_continue_is_told_of() -> None:
    net = fl.Network([fl.Dense(2)], np.ones((3, 4)), np.ones((3, 2)))
    with pytest.raises(fl.BadInput, match="one row of probabilities for each step"):
        fl.text.generate(net, [1], 2)


# -- tokenizers and files -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "tokenizer",
    [
        fl.text.CharacterTokenizer.train(TEXT + "é\n\u2603"),
        fl.text.BytePairTokenizer.train(TEXT, 20),
    ],
)  # fmt: skip
def test_a_tokenizer_is_saved_with_its_network(tokenizer: Any, tmp_path: Path) -> None:
    net = gpt(2, tokenizer)
    net.save(tmp_path / "gpt.npz")
    other = fl.Network.load(tmp_path / "gpt.npz")
    assert other.tokenizer == tokenizer
    said = [fl.text.generate(n, "to be", 10, seed=3) for n in (net, other)]
    assert said[0] == said[1]
    net.fit(2)
    other.fit(2)
    assert all(np.array_equal(a, other.values()[name]) for name, a in net.values().items())


@pytest.mark.parametrize("tokenizer", ["abc", 3, fl.text.CharacterTokenizer])
def test_what_is_no_tokenizer_is_refused(tokenizer: Any) -> None:
    with pytest.raises(fl.BadInput, match="must be a tokenizer"):
        gpt().tokenizer = tokenizer


@pytest.mark.parametrize("blank", [False, True])
def test_one_hot_targets_come_back_from_their_file(blank: bool, tmp_path: Path) -> None:
    x, classes = np.random.default_rng(0).normal(size=(6, 3)), [0, 1, 2, 2, 1, -1 if blank else 0]
    net = fl.Network([fl.Dense(3)], x, classes, cost="cross_entropy_logits")
    net.save(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as stored:
        np.testing.assert_array_equal(stored["target"], classes)
    other = fl.Network.load(tmp_path / "net.npz")
    np.testing.assert_array_equal(other._data[1], net._data[1])
    soft = fl.Network([fl.Dense(3)], x, np.full((6, 3), 1 / 3), cost="cross_entropy_logits")
    soft.save(tmp_path / "soft.npz")
    np.testing.assert_array_equal(fl.Network.load(tmp_path / "soft.npz")._data[1], 1 / 3)


def test_a_gpt_of_45_000_parameters_is_a_small_file(tmp_path: Path) -> None:
    """Its numbers and both of Adam's memories are 1.04 MiB in memory, 0.96 in a file."""
    tokenizer = fl.text.CharacterTokenizer.train(fl.data.story())
    numbers, steps = tokenizer.encode(fl.data.story()), 64
    rows = [numbers[i : i + steps + 1] for i in range(0, len(numbers) - steps - 1, 4)]
    tokens = np.array(rows)
    layer = fl.layers.Encoder(tokenizer.size, 48, 4, 117, 2, causal=True, norm_first=True)
    net = fl.Network(
        [layer, fl.Dense(tokenizer.size)], tokens[:, :-1], tokens[:, 1:], batch=4,
        cost="cross_entropy_logits",
    )  # fmt: skip
    net.tokenizer = tokenizer
    net.advance(3)
    count = sum(m.buffer.size for m in net.trace.inputs if m.kind == "parameter")
    assert 45_000 < count < 45_500
    net.save(tmp_path / "gpt.npz")
    assert (tmp_path / "gpt.npz").stat().st_size < 2**20
    other = fl.Network.load(tmp_path / "gpt.npz")
    net.advance(2)
    other.advance(2)
    assert all(np.array_equal(a, other.values()[name]) for name, a in net.values().items())
    plain = fl.Network(
        net.design.layers, *net._data, cost="cross_entropy_logits", optimizer="gradient_descent",
        batch=4,
    )  # fmt: skip
    plain.save(tmp_path / "plain.npz")
    assert (tmp_path / "plain.npz").stat().st_size < 500_000


def test_a_large_file_that_packs_well_can_be_loaded(tmp_path: Path) -> None:
    """What is saved is never taken for a bomb, however empty the data are."""
    x = np.zeros((50, 100_000))
    net = fl.Network([fl.Dense(1)], x, x[:, :1])
    net.save(tmp_path / "net.npz")
    assert fl.Network.load(tmp_path / "net.npz")._data[0].shape == x.shape
    assert (tmp_path / "net.npz").stat().st_size > x.nbytes / 20
