"""The whole Transformer as one layer: an encoder reads, a decoder writes, both by attention."""

from __future__ import annotations

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.attention import projection
from fluxlab.engine.layers.decoder import DecoderLayer
from fluxlab.engine.layers.embedding import Embedding, check_tokens
from fluxlab.engine.layers.encoder import EncoderLayer
from fluxlab.engine.layers.masks import both, causal_mask, padding_mask
from fluxlab.engine.layers.positions import Sinusoidal


@layer
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
        check_tokens("Transformer", x, self.vocabulary)
        with scope("embedding"):
            h = building.through(Embedding(self.vocabulary, self.features), x)
        with scope("source mask"):
            source = padding_mask(x[:, :n].named("source"))
        with scope("answer mask"):
            answer = x[:, n:].named("answer so far")
            back = both(padding_mask(answer), causal_mask(answer))
        with scope("encoder"):
            memory = building.through(Sinusoidal(), h[:, :n].named("x", axes=h.axes))
        for number in range(1, int(self.layers) + 1):
            with scope(f"encoder {number}"):
                memory = building.through(EncoderLayer(self.heads, self.hidden), memory, source)
        with scope("decoder"):
            h = building.through(Sinusoidal(), h[:, n:].named("x", axes=h.axes))
        for number in range(1, int(self.layers) + 1):
            with scope(f"decoder {number}"):
                layer = DecoderLayer(self.heads, self.hidden)
                h = building.through(layer, h, memory, back, source)
        return projection("logits", h, int(self.vocabulary), building)
