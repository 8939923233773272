"""The encoder: self-attention and a feedforward network, each with a way round it, and stacked."""

from __future__ import annotations

from typing import Any

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import Activation, Share, layer
from fluxlab.engine.catalogue.ops import add
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.attention import check_sequences
from fluxlab.engine.layers.dropout import Dropout
from fluxlab.engine.layers.embedding import Embedding, check_tokens
from fluxlab.engine.layers.feedforward import FeedForward
from fluxlab.engine.layers.masks import both, causal_mask, padding_mask
from fluxlab.engine.layers.multihead import MultiHead
from fluxlab.engine.layers.norm import LayerNorm
from fluxlab.engine.layers.positions import LearnedPositions, Sinusoidal


@layer
class EncoderLayer:
    """x (samples, steps, features) to h of the same shape.

    x + self-attention(x), normalised, then the same with the feedforward network: each part has
    a residual connection around it and a layer normalisation behind it (Vaswani and others,
    2017, 3.1). With a causal mask it is the layer of a decoder-only model.

    norm_first : x + self-attention(normalised x), as in GPT-2: the way past the parts is free.
    dropout : of what each part adds to x.
    """

    heads: int
    hidden: int
    activation: Activation = "relu"
    dropout: Share = 0.0
    norm_first: bool = False

    def __call__(self, x: Matrix, building: Building, mask: Matrix | None = None) -> Matrix:
        check_sequences("EncoderLayer", x)
        parts: dict[str, tuple[Any, tuple[Matrix | None, ...]]] = {
            "self-attention": (MultiHead(self.heads), (None, mask)),
            "feedforward": (FeedForward(self.hidden, self.activation), ()),
        }
        for name, (part, more) in parts.items():
            seen = _norm(f"norm before {name}", x, building) if self.norm_first else x
            with scope(name):
                made = building.through(part, seen, *more)
            if self.dropout:
                with scope(f"dropout after {name}"):
                    made = building.through(Dropout(self.dropout), made)
            if self.norm_first:
                with scope(f"{name} and x"):
                    x = add(x, made).named("h")
            else:
                x = add_and_norm(name, x, made, building)
        return x


@layer
class Encoder:
    """tokens (samples, steps) to h (samples, steps, features): embedding, positions, `layers`.

    Padding (token number 0) is masked in each layer. causal: no step sees what comes after it,
    as in a model that predicts the next token. activation, dropout, norm_first: as in
    `EncoderLayer`; dropout also behind the positions, and with norm_first a last normalisation.
    learned_positions: a learned row per place, instead of waves.
    """

    vocabulary: int
    features: int
    heads: int
    hidden: int
    layers: int = 1
    causal: bool = False
    activation: Activation = "relu"
    dropout: Share = 0.0
    norm_first: bool = False
    learned_positions: bool = False

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        check_tokens("Encoder", x, self.vocabulary)
        with scope("embedding"):
            h = building.through(Embedding(self.vocabulary, self.features), x)
        with scope("positions"):
            h = building.through(LearnedPositions() if self.learned_positions else Sinusoidal(), h)
        if self.dropout:
            with scope("dropout"):
                h = building.through(Dropout(self.dropout), h)
        with scope("mask"):
            mask = padding_mask(x)
            if self.causal:
                mask = both(mask, causal_mask(x))
        for number in range(1, int(self.layers) + 1):
            with scope(f"encoder {number}"):
                part = EncoderLayer(
                    self.heads, self.hidden, self.activation, self.dropout, self.norm_first
                )
                h = building.through(part, h, mask)
        return _norm("last norm", h, building) if self.norm_first else h


def _norm(name: str, x: Matrix, building: Building) -> Matrix:
    with scope(name):
        return building.through(LayerNorm(), x)


def add_and_norm(name: str, x: Matrix, change: Matrix, building: Building) -> Matrix:
    """The residual connection and the layer normalisation behind a part."""
    with scope(f"{name} and x"):
        total = add(x, change).named("sum")
        return building.through(LayerNorm(), total)
