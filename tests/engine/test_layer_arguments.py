"""Every layer and every function of the architectures refuses bad arguments in words.

The layers are found by scanning, and what each argument must be by its annotation, so that a new
layer is tested without another line.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_convolution import recorded

import fluxlab as fl
from fluxlab.engine import layers
from fluxlab.engine.building.fields import RULES

NAN, INF = float("nan"), float("inf")
GOOD: dict[str, Any] = {
    "int": 2, "int | None": 2, "float": 0.5, "bool": True, "Pair": (1, 2), "int | Pair": 2,
    "int | Pair | None": 2, "str | int": 0, "str": "tanh", "Sequence[Layer]": [fl.Dense(6)],
    "Recurrent": fl.RNN(2), "Share": 0.5, "Activation": "tanh", "Initializer": "zeros",
}  # fmt: skip
NO_COUNT = (0, -1, 2.5, "4", True, NAN, INF, [2])
BAD: dict[str, tuple[Any, ...]] = {
    "int": (*NO_COUNT, None), "int | None": NO_COUNT,
    "float": ("4", None, True, [2], NAN, INF), "bool": ("no", 1, None),
    "Pair": (3, (1,), (1, 0), (1, 2, 3), None), "Sequence[Layer]": ([], [3], fl.Dense(6), None),
    "Share": ("4", None, True, [2], NAN, INF, 1.0, 50, -0.1),
    "int | Pair": (*NO_COUNT, (1, 0), (1, 2, 3), None), "int | Pair | None": NO_COUNT,
}  # fmt: skip


def all_layers() -> dict[str, type]:
    found = {}
    for module in pkgutil.iter_modules(layers.__path__):
        loaded = importlib.import_module(f"{layers.__name__}.{module.name}")
        for name, value in inspect.getmembers(loaded, inspect.isclass):
            if dataclasses.is_dataclass(value) and value.__module__ == loaded.__name__:
                found[name] = value
    return found


LAYERS = all_layers()


def arguments() -> Iterator[tuple[str, str, str]]:
    for name, kind in LAYERS.items():
        for field in dataclasses.fields(kind):
            if field.type in BAD:
                yield name, field.name, str(field.type)


def test_every_layer_is_found_and_every_annotation_has_good_numbers() -> None:
    assert len(LAYERS) > 40
    assert {"Dense", "FullPeepholeLSTM", "XLNet", "Image"} <= set(LAYERS)
    assert set(RULES) <= set(BAD)
    for kind in LAYERS.values():
        assert {str(field.type) for field in dataclasses.fields(kind)} <= set(GOOD), kind
        kind(**{field.name: GOOD[str(field.type)] for field in dataclasses.fields(kind)})


@pytest.mark.parametrize(("name", "argument", "annotation"), list(arguments()))
def test_a_layer_refuses_what_its_annotation_excludes(
    name: str, argument: str, annotation: str
) -> None:
    kind = LAYERS[name]
    good = {field.name: GOOD[str(field.type)] for field in dataclasses.fields(kind)}
    for value in BAD[annotation]:
        with pytest.raises(fl.BadInput) as refused:
            kind(**good | {argument: value})
        text = str(refused.value)
        assert text.startswith(f"{name}: {argument} must be "), text
        assert repr(value) in text, text


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    n = np.int64
    net = fl.Network([fl.Dense(n(3)), fl.Dense(2), fl.Noise(np.float64(0.1))], ROWS, ROWS[:, :2])
    net.save(tmp_path / "net.npz")
    assert fl.Network.load(tmp_path / "net.npz").design == net.design
    assert recorded(fl.Conv(n(2), n(3), n(1), n(1)), IMAGES)["layer 1/h"].shape[1] == 2
    assert recorded(fl.LSTM(n(3), forget_bias=np.float64(1)), STEPS)["layer 1/h"].shape[2] == 3
    assert fl.output_size(n(7), n(3), n(2), n(1)) == 4


# -- what depends on x ------------------------------------------------------------------------

ROWS, TOKENS, STEPS = np.ones((2, 6)), np.array([[3.0, 4, 0]]), np.ones((2, 3, 6))
IMAGES = np.ones((2, 1, 4, 5))
FORMED: dict[str, tuple[Any, Any, str]] = {
    "too large": (fl.Conv(1, 5), IMAGES, r"Conv: a window of 5×5 does not fit .* 4×5.*'same'"),
    "too high": (fl.Conv(1, (5, 1)), IMAGES, "Conv: a window of 5×1"),
    "pool": (fl.MaxPool(6), IMAGES, "MaxPool: a window of 6×6 .* smaller window"),
    "token": (fl.Embedding(4, 2), TOKENS, "Embedding: x: token numbers .* 0 to 3, got 4"),
    "half a token": (fl.OneHot(4), TOKENS / 2, "OneHot: x: token numbers .* got 1.5"),
    "minus one": (fl.Encoder(5, 4, 2, 3), -TOKENS, "Encoder: x: token numbers .* got -3"),
    "BERT's token": (fl.BertEncoder(6, 4, 2, 3), TOKENS * 2, "BertEncoder: .* 0 to 5, got 6"),
    "XLNet's token": (fl.XLNet(5, 4, 2, 3), TOKENS * 2, "XLNet: .* 0 to 4, got 6"),
    "Transformer's": (fl.Transformer(4, 1), TOKENS, "Transformer: .* 0 to 3, got 4"),
    "a caption's": (fl.Captioner(4, 1, 2, 1), np.full((1, 4), 4.0), "Captioner: caption: .* got 4"),
    "tokens": (fl.Encoder(5, 4, 2, 3), STEPS, r"Encoder: .*\(samples, steps\), got 2×3×6"),
    "no special": (fl.BertEncoder(5, 4, 2, 3), TOKENS, "BertEncoder: .* 6 special tokens, got 5"),
    "no heads": (fl.BertHeads(5), STEPS, "BertHeads: .* 6 special tokens, got 5"),
    "no mask": (fl.XLNet(3, 4, 2, 3), np.ones((1, 2)), r"XLNet: .*\[mask\], 3, got 3"),
    "one step": (fl.BertHeads(6), STEPS[:, :1], "BertHeads: needs 2 steps or more"),
    "heads on rows": (fl.BertHeads(6), ROWS, "BertHeads: takes sequences"),
    "places of rows": (fl.Sinusoidal(), ROWS, "Sinusoidal: takes sequences"),
    "learned places": (fl.LearnedPositions(), ROWS, "LearnedPositions: takes sequences"),
    "encoder of rows": (fl.EncoderLayer(2, 3), ROWS, "EncoderLayer: takes sequences"),
    "feedforward": (fl.FeedForward(3), ROWS, "FeedForward: takes sequences"),
    "no memory": (fl.DecoderLayer(2, 3), STEPS, "DecoderLayer: needs the memory .*Transformer"),
    "another shape": (fl.Residual([fl.Flatten()]), IMAGES, "Residual: its layers turn 2×1×4×5"),
    "epsilon": (fl.LayerNorm(-1.0), ROWS, "LayerNorm: epsilon must be above 0, got -1.0"),
    "epsilon 0": (fl.BatchNorm(0.9, 0.0), ROWS, "BatchNorm: epsilon must be above 0, got 0.0"),
    "momentum": (fl.BatchNorm(1.0), ROWS, "BatchNorm: momentum must lie in 0 to 1"),
}


def test_a_network_without_weights_is_refused() -> None:
    with pytest.raises(fl.BadInput, match="Network: none of its layers has weights"):
        fl.Network([fl.MaxPool(2), fl.Flatten()], IMAGES, np.ones((2, 4)))


@pytest.mark.parametrize("name", FORMED)
def test_a_layer_refuses_an_x_that_does_not_fit(name: str) -> None:
    layer, x, says = FORMED[name]
    with pytest.raises(fl.BadInput, match=says):
        recorded(layer, x)


# -- functions --------------------------------------------------------------------------------

X = np.random.default_rng(0).random((4, 5))
AUTO = fl.autoencoder(X, [3])
BERT = fl.bert([[5, 6, 4]], [[1, 7, -1]], 9, features=4, heads=2, hidden=3)


def next_token(tokens: Any) -> np.ndarray:
    return np.log(np.full((len(tokens.value), 4), 0.25))


CALLS: dict[str, tuple[Callable[[Any], object], tuple[Any, ...], str]] = {
    "output_size n": (lambda v: fl.output_size(v, 2), (*NO_COUNT, None), "output_size: n must"),
    "output_size kernel": (lambda v: fl.output_size(9, v), NO_COUNT, "output_size: kernel must"),
    "output_size stride": (lambda v: fl.output_size(9, 2, v), NO_COUNT, "output_size: stride must"),
    "output_size padding": (
        lambda v: fl.output_size(9, 2, 1, v), (-1, 1.5, "full", None, True), "padding must"),
    "receptive_field": (fl.receptive_field, (3, "4", None, [3], [None]), "receptive_field: layers"),
    "autoencoder sizes": (lambda v: fl.autoencoder(X, v), (3, 2.5, "3", [], None), "sizes must"),
    "autoencoder size": (lambda v: fl.autoencoder(X, [v]), (0, 2.5, None, True), "each of sizes"),
    "noise": (lambda v: fl.denoising_autoencoder(X, [2], v), ("4", None, NAN, [1]), "spread must"),
    "pretrain sizes": (lambda v: fl.pretrain(X, v, 1), (3, 2.5, "3", [], None), "pretrain: sizes"),
    "pretrain seed": (lambda v: fl.pretrain(X, [2], 1, seed=v), (-1, "4", None), "pretrain: seed"),
    "pretrain epochs": (lambda v: fl.pretrain(X, [2], v), (0, 1.5, None), "epochs must"),
    "stack": (lambda v: fl.models.stack(v, X), (3, None, "4", [], [3], AUTO), "stack: stages must"),
    "classifier": (
        lambda v: fl.classifier(v, X, [0, 1, 0, 1], 2), (3, None, [3]), "classifier: stages must"),
    "classifier classes": (
        lambda v: fl.classifier([AUTO], X, [0, 1, 0, 1], v), NO_COUNT, "classifier: classes"),
    "encode": (lambda v: fl.encode(v, X), (3, None, "4", [AUTO]), "encode: needs a Network"),
    "decode": (lambda v: fl.decode(v, X), (3, None, "4", [AUTO]), "decode: needs a Network"),
    "decode codes": (lambda v: fl.decode(AUTO, v), (1.0, [1.0, 2.0], X), "each code must be 3, as"),
    "anomaly": (lambda v: fl.anomaly(v, X), (3, None), "anomaly: needs a Network"),
    "anomaly share": (lambda v: fl.anomaly(AUTO, X, v), (-1, 1, "4", None, True), "share must"),
    "anomaly_scores": (lambda v: fl.anomaly_scores(v, X), (3, None), "scores: needs a Network"),
    "mask_words": (lambda v: fl.mask_words(v, 9), (-1, 2.5, [[9]], "4", None), "mask_words: tok"),
    "mask_words 3-D": (lambda v: fl.mask_words(v, 9), ([[[6]]],), "got 1×1×1"),
    "mask_words vocabulary": (
        lambda v: fl.mask_words([[6]], v), (6, -1, 7.5, None), "vocabulary must .* 7 or more"),
    "mask_words share": (
        lambda v: fl.mask_words([[6]], 9, share=v), (0, 1.5, "4", None, NAN), "share must lie"),
    "mask_words copies": (lambda v: fl.mask_words([[6]], 9, copies=v), NO_COUNT, "copies must"),
    "sentence_pairs": (fl.sentence_pairs, (3, None, "abc", [[6], [7]]), "3 sentences or more, got"),
    "a sentence": (
        lambda v: fl.sentence_pairs([v, [6], [7]]), (3, None, "ab", [2.5], [-1]), "_pairs: "),
    "padded": (fl.padded, (3, None, [3], [None]), "padded: texts must be a list of texts"),
    "padded tokens": (lambda v: fl.padded([[v]]), (-1, 2.5, None, NAN, "4"), "padded: texts"),
    "padded length": (lambda v: fl.padded([[1]], v), NO_COUNT, "padded: length must"),
    "xlnet tokens": (lambda v: fl.xlnet(v, 9), (-1, 2.5, None, "4"), "xlnet: tokens"),
    "fine_tune": (lambda v: fl.fine_tune(v, [[5, 6, 4]], [0], 2), (3, None), "needs a Network"),
    "fine_tune steps": (
        lambda v: fl.fine_tune(BERT, v, [0], 2), ([[5, 6]], [5, 6, 4]), r"\(samples, 3\)"),
    "fine_tune classes": (lambda v: fl.fine_tune(BERT, [[5, 6, 4]], [0], v), NO_COUNT, "classes"),
    "next_token_of": (fl.next_token_of, (3, None), "next_token_of: needs a Network"),
    "beam end": (
        lambda v: fl.beam_search(next_token, 1, width=2, length=2, end=v),
        (-1, 1.5, "4", [2], True), "beam_search: end must"),
    "characters": (fl.CharacterTokenizer, (3, None, "abc", (3,), ("ab",)), "pieces must be"),
    "merges": (fl.BytePairTokenizer, (3, None, "ab", (3,), (("a", "b"),)), "merges must be"),
    "padding_mask": (fl.padding_mask, (3, None, TOKENS), "padding_mask: tokens must be a matrix"),
    "causal_mask": (fl.causal_mask, (3, None, TOKENS), "causal_mask: tokens must be a matrix"),
    "order_mask": (fl.order_mask, (3, None, TOKENS), "order_mask: place must be a matrix"),
    "shares": (lambda v: fl.shares(v, "w"), (3, None, AUTO), "shares: the first .* a trace"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_function_refuses_bad_arguments(name: str) -> None:
    call, values, says = CALLS[name]
    for value in values:
        with pytest.raises(fl.BadInput, match=says):
            print(repr(value), call(value))
