"""BERT: an encoder learns a language by filling in masked words and telling what follows what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.numbers import Array, is_number, whole
from fluxlab.engine.layers.bert import BertEncoder, BertHeads, ClassPlace
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.networks.network import Network, a_network
from fluxlab.engine.text.tokenizer import CLASS, MASK, SEPARATOR, SPECIAL, padded, token_numbers
from fluxlab.engine.tracing import Trace


def mask_words(
    tokens: Any, vocabulary: int, *, share: float = 0.15, copies: int = 1, seed: int = 0
) -> tuple[Array, Array]:
    """Inputs with masked words, and as targets the words that were there, -1 elsewhere.

    tokens : (samples, steps). copies : how many times each sample comes, masked differently.

    Of the words (no special tokens) of each sample the share, rounded, but at least one, is
    chosen. Of these 80 % become [mask], 10 % a random word, and 10 % stay, so that the network
    cannot be sure of any word (Devlin and others, 2019).
    """
    whole("mask_words", "vocabulary", vocabulary, len(SPECIAL) + 1)
    whole("mask_words", "copies", copies, 1)
    whole("mask_words", "seed", seed, 0)
    if not is_number(share) or not 0 < share <= 1:
        raise BadInput(f"mask_words: share must lie in 0 to 1 (0 excluded), got {share!r}.")
    draw = np.random.default_rng(seed)
    given = np.atleast_2d(token_numbers("mask_words", "tokens", tokens, vocabulary))
    if given.ndim > 2:
        raise BadInput(f"mask_words: tokens must be (samples, steps), got {size(given.shape)}.")
    given = np.tile(given, (copies, 1))
    shown, targets = given.copy(), np.full(given.shape, -1.0)
    first = len(SPECIAL)
    for row in range(len(given)):
        words = np.flatnonzero(given[row] >= first)
        count = min(len(words), max(1, round(share * len(words))))
        for place in draw.choice(words, count, replace=False):
            targets[row, place] = given[row, place]
            fate = draw.random()
            if fate < 0.8:
                shown[row, place] = MASK
            elif fate < 0.9:
                shown[row, place] = draw.integers(first, vocabulary)
    return shown, targets


def sentence_pairs(
    sentences: Sequence[Sequence[int]], *, steps: int | None = None, seed: int = 0
) -> tuple[Array, Array]:
    """[class] A [separator] B [separator], and whether B follows A: (samples, steps), (samples,).

    sentences : token numbers, in the order of the text. For each A but the last there is one pair
    with the true B and one with a sentence drawn from those that do not follow it.
    """
    many = isinstance(sentences, Sequence | np.ndarray) and not isinstance(sentences, str)
    if not many or len(sentences) < 3:
        got = len(sentences) if many else type(sentences).__name__
        raise BadInput(f"sentence_pairs: needs a list of 3 sentences or more, got {got}.")
    for sentence in sentences:
        token_numbers("sentence_pairs", "sentences", sentence)
        if np.ndim(sentence) != 1:
            raise BadInput(
                f"sentence_pairs: each sentence must be a list of token numbers, got {sentence!r}."
            )
    whole("sentence_pairs", "seed", seed, 0)
    draw = np.random.default_rng(seed)
    made, follows = [], []
    for k in range(len(sentences) - 1):
        others = [i for i in range(len(sentences)) if i not in (k, k + 1)]
        for b, true in ((k + 1, 1.0), (int(draw.choice(others)), 0.0)):
            made.append([CLASS, *sentences[k], SEPARATOR, *sentences[b], SEPARATOR])
            follows.append(true)
    return padded(made, steps), np.array(follows)


def bert(
    tokens: Any, targets: Any, vocabulary: int, *, features: int = 32, heads: int = 4,
    hidden: int = 64, layers: int = 1, **settings: Any,
) -> Network:  # fmt: skip
    """A network for both tasks: its targets are words where they are masked, and in column 0, at
    [class], 1 if the second sentence follows the first, else 0; -1 where nothing is asked.
    """
    encoder = BertEncoder(vocabulary, features, heads, hidden, layers)
    return Network(
        [encoder, BertHeads(vocabulary)], tokens, targets, cost="cross_entropy_logits", **settings
    )


def fine_tune(
    pretrained: Network, tokens: Any, targets: Any, classes: int, **settings: Any
) -> Network:
    """The pre-trained encoder with a new layer for the classes on top, ready to learn.

    tokens : (samples, steps) as many steps as in pre-training; targets : class numbers (samples,).
    """
    whole("fine_tune", "classes", classes, 1)
    encoder = a_network("fine_tune", pretrained).design.layers[0]
    learned = pretrained._data[0].shape[1:]
    if np.shape(tokens)[1:] != learned:
        raise BadInput(
            f"fine_tune: tokens must be (samples, {size(learned)}), as many steps as in "
            f"pre-training, got {size(np.shape(tokens))}. Pad them: fl.padded(texts, length)."
        )
    network = Network(
        [encoder, ClassPlace(), Dense(classes)], tokens, targets,
        cost="cross_entropy_logits", **settings,
    )  # fmt: skip
    for name, numbers in pretrained.values().items():
        if name.startswith("layer 1/") and network.trace[name].kind == "parameter":
            network.trace.set(name, numbers)
    return network


def EXAMPLE() -> Trace:
    """One pair of sentences of one word each, of which the first is masked; two heads."""
    tokens = np.array([[CLASS, MASK, SEPARATOR, 6, SEPARATOR]])
    target = np.zeros((1, 5, 7))
    target[0, 0, 1] = target[0, 1, 6] = 1  # the second sentence follows; the word was 6
    layers: list[Layer] = [BertEncoder(7, 4, 2, 3), BertHeads(7)]
    design = Design(layers, "cross_entropy_logits", GradientDescent(0.5), seed=8)
    return learning(design, tokens, target, {}, "a small BERT")
