"""The Transformer: an encoder reads one sequence, a decoder writes another, both by attention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fluxlab.engine.building import Building
from fluxlab.engine.errors import BadInput, size
from fluxlab.engine.layers.attention import projection
from fluxlab.engine.layers.decoder import DecoderLayer
from fluxlab.engine.layers.embedding import Embedding
from fluxlab.engine.layers.encoder import EncoderLayer
from fluxlab.engine.layers.masks import both, causal_mask, padding_mask
from fluxlab.engine.layers.positions import Sinusoidal
from fluxlab.engine.losses import one_hot
from fluxlab.engine.models.sequential import Design, learning
from fluxlab.engine.op import Array
from fluxlab.engine.optimizers import GradientDescent
from fluxlab.engine.trace import Matrix, Trace, scope

START = 1  # the token with which every answer begins; 0 is padding


@dataclass(frozen=True)
class Transformer:
    """tokens (samples, source + steps) to logits (samples, steps, vocabulary).

    The first `source` columns are what is read; the others are what is written so far, a start
    token first, so that step t of the output tells which token comes at place t of the answer.
    Both share one embedding. Token number 0 is padding. (Vaswani and others, 2017.)
    """

    vocabulary: int
    source: int
    features: int = 32
    heads: int = 4
    hidden: int = 64
    layers: int = 1

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        n = int(self.source)
        if len(x.shape) != 2 or not 0 < n < x.shape[1]:
            raise BadInput(
                f"Transformer: takes tokens (samples, source + steps), the first source={n} "
                f"columns to read and at least one more to write, got {size(x.shape)}."
            )
        with scope("embedding"):
            h = Embedding(self.vocabulary, self.features)(x, building)
        with scope("source mask"):
            source = padding_mask(x[:, :n].named("source"))
        with scope("answer mask"):
            answer = x[:, n:].named("answer so far")
            back = both(padding_mask(answer), causal_mask(answer))
        with scope("encoder"):
            memory = Sinusoidal()(h[:, :n].named("x", axes=h.axes), building)
        for number in range(1, int(self.layers) + 1):
            with scope(f"encoder {number}"):
                memory = EncoderLayer(self.heads, self.hidden)(memory, building, source)
        with scope("decoder"):
            h = Sinusoidal()(h[:, n:].named("x", axes=h.axes), building)
        for number in range(1, int(self.layers) + 1):
            with scope(f"decoder {number}"):
                h = DecoderLayer(self.heads, self.hidden)(h, building, memory, back, source)
        return projection("logits", h, int(self.vocabulary), building)


def side_by_side(source: Any, answer: Any) -> Array:
    """What the Transformer takes while it learns: source | start, answer without its last token."""
    read, written = np.atleast_2d(source), np.atleast_2d(answer)
    start = np.full((len(written), 1), float(START))
    return np.concatenate([read, start, written[:, :-1]], axis=1)


def greedy(predict: Callable[[Array], Array], source: Any, steps: int) -> Array:
    """Answers (samples, steps), written token by token: each time the likeliest one comes next.

    predict : from tokens (samples, source + steps) to one number per token of the vocabulary
        (samples, steps, vocabulary), such as `network.predict`. What is not written yet is
        padding, which the causal mask hides.
    """
    read = np.atleast_2d(np.asarray(source, dtype=np.float64))
    answer = np.zeros((len(read), steps + 1))
    answer[:, 0] = START
    for step in range(steps):
        y = predict(np.concatenate([read, answer[:, :-1]], axis=1))
        answer[:, step + 1] = np.argmax(y[:, step], axis=-1)
    return answer[:, 1:]


def EXAMPLE() -> Trace:
    """Two samples of three tokens, one of them padded, and answers of two; two heads."""
    source, answer = [[2, 4, 3], [3, 2, 0]], np.array([[3, 4], [2, 3]])
    layer = Transformer(5, source=3, features=4, heads=2, hidden=3)
    design = Design([layer], "cross_entropy_logits", GradientDescent(0.5), seed=3)
    target = one_hot(answer, 5).reshape(2, 2, 5)
    return learning(design, side_by_side(source, answer), target, {}, "a small Transformer")
