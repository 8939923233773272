"""XLNet: language learned in every order of its tokens, with two streams of attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.catalogue.losses import one_hot
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.layers.xlnet import XLNet
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.networks.network import Network
from fluxlab.engine.text.tokenizer import token_numbers
from fluxlab.engine.tracing import Trace


def xlnet(
    tokens: Any, vocabulary: int, *, features: int = 32, heads: int = 4, hidden: int = 64,
    layers: int = 1, **settings: Any,
) -> Network:  # fmt: skip
    """A network that learns each token from those before it in a random order.

    tokens : (samples, steps), token numbers; 0 is padding and never a target. Its predictions
    are probabilities (samples, steps, vocabulary); a [mask] token is predicted from all others.
    """
    given = np.atleast_2d(token_numbers("xlnet", "tokens", tokens))
    return Network(
        [XLNet(vocabulary, features, heads, hidden, layers), Dense(vocabulary)],
        given, np.where(given == 0, -1, given), cost="cross_entropy_logits", **settings,
    )  # fmt: skip


def EXAMPLE() -> Trace:
    """One sentence of three tokens; two heads."""
    tokens = np.array([[3, 4, 2]])
    layers: list[Layer] = [XLNet(5, 4, 2, 3), Dense(5)]
    design = Design(layers, "cross_entropy_logits", GradientDescent(0.5), seed=7)
    return learning(design, tokens, one_hot(tokens, 5)[None], {}, "a small XLNet")
