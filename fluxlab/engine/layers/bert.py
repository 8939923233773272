"""BERT's parts: an encoder that sees both directions, and the heads that it is pre-trained with.

Its tokens are [class] words [separator], or [class] words [separator] words [separator].
"""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.ops import add, concatenate, einsum, greater, reshape, rows
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.attention import check_sequences, projection
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.embedding import Embedding, check_tokens
from fluxlab.engine.layers.encoder import EncoderLayer
from fluxlab.engine.layers.masks import padding_mask
from fluxlab.engine.layers.norm import LayerNorm
from fluxlab.engine.layers.positions import LearnedPositions
from fluxlab.engine.text.tokenizer import SEPARATOR, SPECIAL

UNUSED = -30.0  # a logit so low that a softmax gives it less than 1e-12


@layer
class BertEncoder:
    """tokens (samples, steps) to h (samples, steps, features) (Devlin and others, 2019).

    The sum of three embeddings, of the token, its place and its sentence, is normalised and goes
    through `layers` encoder layers with GELU. No place is hidden from any other, but padding.
    """

    vocabulary: int
    features: int
    heads: int
    hidden: int
    layers: int = 1

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        check_vocabulary("BertEncoder", self.vocabulary)
        check_tokens("BertEncoder", x, self.vocabulary)
        with scope("tokens"):
            h = building.through(Embedding(self.vocabulary, self.features), x)
        with scope("places"):
            h = building.through(LearnedPositions(), h)
        with scope("sentences"):
            second = second_sentence(x, int(self.vocabulary))
            h = add(h, building.through(Embedding(2, self.features), second)).named("sum")
        with scope("embedding"):
            h = building.through(LayerNorm(), h)
        with scope("mask"):
            mask = padding_mask(x)
        for number in range(1, int(self.layers) + 1):
            with scope(f"encoder {number}"):
                h = building.through(EncoderLayer(self.heads, self.hidden, "gelu"), h, mask)
        return h


@layer
class BertHeads:
    """h (samples, steps, features) to logits (samples, steps, vocabulary), for both tasks at once.

    Place 0, [class], answers whether the second sentence follows the first: column 1 is the logit
    of yes and column 0 of no, from a dense tanh layer and weights of its own; the other columns
    are unused. Every other place answers which token stands there, which is asked where it was
    masked. (BERT itself has a dense layer more before the tokens' logits, and shares their
    weights with the embedding.)
    """

    vocabulary: int

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        check_vocabulary("BertHeads", self.vocabulary)
        check_sequences("BertHeads", x)
        if x.shape[1] < 2:
            raise BadInput("BertHeads: needs 2 steps or more, [class] and a word, got 1.")
        samples, n = x.shape[0], int(self.vocabulary)
        with scope("next sentence"):
            first = x[:, 0].named("class place", axes=(x.axes[0], x.axes[-1]))
            pooled = building.through(Dense(x.shape[-1], "tanh"), first)
            answer = projection("answer", pooled, 2, building)
            unused = x.trace.constant(np.full((samples, n - 2), UNUSED)).named("unused")
            wide = concatenate([answer, unused], axis=1).named("next sentence")
        words = projection("masked words", x[:, 1:].named("words", axes=x.axes), n, building)
        top = reshape(wide, (samples, 1, n)).named("first row")
        logits: Matrix = concatenate([top, words], axis=1)
        return logits.named("logits", axes=words.axes)


@layer
class ClassPlace:
    """h (samples, steps, features) to (samples, features): what stands at [class], place 0."""

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        if len(x.shape) != 3:
            raise BadInput(f"ClassPlace: takes (samples, steps, features), got {size(x.shape)}.")
        h: Matrix = x[:, 0]
        return h.named("h", axes=(x.axes[0], x.axes[-1]))


def check_vocabulary(layer: str, vocabulary: int) -> None:
    """Refuse a vocabulary that is too small for the special tokens."""
    if vocabulary < len(SPECIAL):
        raise BadInput(
            f"{layer}: the vocabulary must hold the {len(SPECIAL)} special tokens, got "
            f"{vocabulary}. A tokenizer's `size` counts them."
        )


def second_sentence(tokens: Matrix, vocabulary: int) -> Matrix:
    """1 behind the first separator, else 0: (samples, steps) as the tokens."""
    steps = tokens.shape[1]
    table = tokens.trace.constant(np.eye(vocabulary)[SEPARATOR]).named("is it a separator")
    separators = rows(table, tokens).named("separators", axes=("sample", "step"))
    later = tokens.trace.constant(np.triu(np.ones((steps, steps)), 1)).named("later places")
    before = einsum("ij,jk->ik", separators, later).named("separators before")
    return greater(before, 0.5).named("second sentence", axes=("sample", "step"))  # type: ignore[no-any-return]
