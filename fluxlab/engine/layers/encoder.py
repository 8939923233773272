"""The encoder: self-attention and a feedforward network, each with a way round it, and stacked."""

from __future__ import annotations

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import Activation, layer
from fluxlab.engine.catalogue.ops import add
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.attention import check_sequences
from fluxlab.engine.layers.embedding import Embedding, check_tokens
from fluxlab.engine.layers.feedforward import FeedForward
from fluxlab.engine.layers.masks import both, causal_mask, padding_mask
from fluxlab.engine.layers.multihead import MultiHead
from fluxlab.engine.layers.norm import LayerNorm
from fluxlab.engine.layers.positions import Sinusoidal


@layer
class EncoderLayer:
    """x (samples, steps, features) to h of the same shape.

    x + self-attention(x), normalised, then the same with the feedforward network: each part has
    a residual connection around it and a layer normalisation behind it (Vaswani and others,
    2017, 3.1). With a causal mask it is the layer of a decoder-only model.
    """

    heads: int
    hidden: int
    activation: Activation = "relu"

    def __call__(self, x: Matrix, building: Building, mask: Matrix | None = None) -> Matrix:
        check_sequences("EncoderLayer", x)
        with scope("self-attention"):
            seen = building.through(MultiHead(self.heads), x, None, mask)
        x = add_and_norm("self-attention", x, seen, building)
        with scope("feedforward"):
            made = building.through(FeedForward(self.hidden, self.activation), x)
        return add_and_norm("feedforward", x, made, building)


@layer
class Encoder:
    """tokens (samples, steps) to h (samples, steps, features): embedding, positions, `layers`.

    Padding (token number 0) is masked in each layer. causal: no step sees what comes after it,
    as in a model that predicts the next token.
    """

    vocabulary: int
    features: int
    heads: int
    hidden: int
    layers: int = 1
    causal: bool = False

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        check_tokens("Encoder", x, self.vocabulary)
        with scope("embedding"):
            h = building.through(Embedding(self.vocabulary, self.features), x)
        with scope("positions"):
            h = building.through(Sinusoidal(), h)
        with scope("mask"):
            mask = padding_mask(x)
            if self.causal:
                mask = both(mask, causal_mask(x))
        for number in range(1, int(self.layers) + 1):
            with scope(f"encoder {number}"):
                h = building.through(EncoderLayer(self.heads, self.hidden), h, mask)
        return h


def add_and_norm(name: str, x: Matrix, change: Matrix, building: Building) -> Matrix:
    """The residual connection and the layer normalisation behind a part."""
    with scope(f"{name} and x"):
        total = add(x, change).named("sum")
        return building.through(LayerNorm(), total)
