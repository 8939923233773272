"""The Transformer: an encoder reads one sequence, a decoder writes another, both by attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.catalogue.losses import one_hot
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.layers.transformer import Transformer
from fluxlab.engine.networks.design import Design, learning
from fluxlab.engine.text.tokenizer import START
from fluxlab.engine.tracing import Trace


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
