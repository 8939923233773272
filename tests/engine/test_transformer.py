"""The Transformer learns to reverse what it reads; what it learned is asked why, saved, printed."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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


def test_an_answer_is_written_without_a_look_at_it() -> None:
    """What stands behind the token to be written has no influence on it."""
    net, (_, unseen) = trained(), sequences()
    source, answer = unseen[:3], unseen[:3, ::-1].copy()
    whole = net.predict(side_by_side(source, answer))
    for step in range(STEPS):
        written = answer.copy()
        written[:, step:] = 0
        told = net.predict(side_by_side(source, written))
        np.testing.assert_allclose(told[:, step], whole[:, step], rtol=1e-10)


def test_any_cell_is_its_explanation() -> None:
    """One cell of every matrix of the trained network: values, gradients, updates.

    How soon, `make bench` measures.
    """
    trace = trained().trace
    draw = np.random.default_rng(0)
    for name, matrix in trace.matrices.items():
        found = matrix.explain(*(int(draw.integers(n)) for n in matrix.shape))
        room = 1e-12 * max(1.0, abs(found.value))
        assert abs(found.recompute() - found.value) <= room, name


def small(kind: str, batch: int | None = 2) -> Any:
    """Networks with every layer of this kind, before they have learned anything."""
    draw = np.random.default_rng(3)
    tokens = draw.integers(2, 6, (5, 3)).astype(float)
    tokens[1, 2] = 0
    answer, images = draw.integers(2, 6, (5, 2)).astype(float), draw.normal(size=(5, 4 * 6))
    layers, x, target = {
        "transformer": (
            [fl.Transformer(6, 3, features=4, heads=2, hidden=5, layers=2)],
            side_by_side(tokens, answer), answer,
        ),
        "encoder_decoder": (
            [fl.EncoderDecoder(fl.PeepholeLSTM(4), 6, 3, features=3, attention=True)],
            side_by_side(tokens, answer), answer,
        ),
        "captioner": (
            [fl.Captioner(6, 4, 6, 2, features=4, heads=2, hidden=5)],
            side_by_side(images, answer), answer,
        ),
        "encoder": ([fl.Encoder(6, 4, 2, 5, causal=True), fl.Dense(6)], tokens, tokens),
        "single": (
            [fl.Embedding(6, 4), fl.LearnedPositions(), fl.SelfAttention(3), fl.LayerNorm(),
             fl.FeedForward(5, "tanh"), fl.MultiHead(3), fl.EncoderLayer(1, 4), fl.Dense(6)],
            tokens, tokens,
        ),
    }[kind]  # fmt: skip
    return fl.Network(
        layers,
        x,
        target,
        cost="cross_entropy_logits",
        optimizer=fl.Adam(0.01),
        batch=batch,
        seed=1,
    )


KINDS = ["transformer", "encoder_decoder", "captioner", "encoder", "single"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_script_runs_alone_and_gives_the_same_numbers(kind: str, tmp_path: Path) -> None:
    net, script = small(kind), tmp_path / "net.py"
    script.write_text(net.to_numpy(iterations=4), "utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(script)], capture_output=True, text=True, check=True
    )
    net.advance(4)
    cost = float(done.stdout.partition("\n")[0].removeprefix("C = "))
    assert cost == pytest.approx(float(net.trace.cost.value), rel=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_network_goes_on_with_the_same_numbers(kind: str, tmp_path: Path) -> None:
    net = small(kind)
    net.advance(3)
    net.save(tmp_path / "net.npz")
    again = fl.Network.load(tmp_path / "net.npz")
    for one in (net, again):
        one.advance(2)
    for name, value in net.values().items():
        np.testing.assert_array_equal(again.values()[name], value, err_msg=name)


def test_replays_leave_no_memory_behind() -> None:
    """300 replays need what one needs; NumPy keeps a few small pieces for the next call."""
    plan = small("transformer", batch=None).history._plan
    plan.run(10)
    gc.collect()
    tracemalloc.start()
    plan.run(1)
    before, highest = tracemalloc.get_traced_memory()
    plan.run(300)
    after, highest_later = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 20_000, "a number per replay would be more"
    assert highest_later - highest < 20_000


def pictures(count: int, seed: int) -> tuple[Any, Any]:
    """6 x 6 pixels with noise: four squares, each with one of four shapes, named row by row."""
    draw = np.random.default_rng(seed)
    shapes = np.array([
        [[0, 1, 0], [1, 1, 1], [0, 1, 0]], [[1, 0, 1], [0, 1, 0], [1, 0, 1]],
        [[1, 1, 1], [0, 0, 0], [1, 1, 1]], [[1, 0, 1], [1, 0, 1], [1, 0, 1]],
    ])  # fmt: skip
    chosen = draw.integers(0, 4, (count, 4))
    squares = shapes[chosen].reshape(count, 2, 2, 3, 3).transpose(0, 1, 3, 2, 4)
    return squares.reshape(count, 36) + 0.2 * draw.normal(size=(count, 36)), chosen + 2.0


def test_captions_of_unseen_images_and_where_each_word_looks() -> None:
    """At least 99 % of whole captions are right, and word t looks most at patch t."""
    (images, captions), (unseen, right) = pictures(1000, 0), pictures(300, 1)
    net = fl.Network(
        [fl.Captioner(6, rows=6, columns=6, patch=3, features=16, heads=2, hidden=32)],
        side_by_side(images, captions), captions,
        cost="cross_entropy_logits", optimizer=fl.Adam(0.005), batch=32,
    )  # fmt: skip
    net.advance(300)
    assert (greedy(net.predict, unseen, 4) == right).all(axis=1).mean() >= 0.99
    weights = net.trace["layer 1/decoder 1/cross-attention/weights"]
    assert weights.axes == ("sample", "head", "query", "key")
    seen = weights.value.mean(axis=(0, 1))
    np.testing.assert_array_equal(seen.argmax(axis=1), range(4))
    assert seen.diagonal().mean() > 0.6
