"""The decoder layer: it looks back at what it has written, then at what the encoder has read."""

from __future__ import annotations

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import Activation, layer
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.attention import check_sequences
from fluxlab.engine.layers.encoder import add_and_norm
from fluxlab.engine.layers.feedforward import FeedForward
from fluxlab.engine.layers.multihead import MultiHead


@layer
class DecoderLayer:
    """x (samples, queries, features) to h of the same shape; memory (samples, keys, features).

    Masked self-attention, attention on the memory (cross-attention: queries from x, keys and
    values from the memory), and a feedforward network, each with a residual connection and a
    layer normalisation (Vaswani and others, 2017, 3.1). `mask` is for the self-attention, and
    `memory_mask` for the memory, such as its padding.
    """

    heads: int
    hidden: int
    activation: Activation = "relu"

    def __call__(
        self, x: Matrix, building: Building, memory: Matrix | None = None,
        mask: Matrix | None = None, memory_mask: Matrix | None = None,
    ) -> Matrix:  # fmt: skip
        if memory is None:
            raise BadInput(
                "DecoderLayer: needs the memory that an encoder gives, so it cannot stand alone in "
                "a list of layers. Take Transformer, or without a memory EncoderLayer."
            )
        check_sequences("DecoderLayer", x, memory)
        with scope("self-attention"):
            seen = building.through(MultiHead(self.heads), x, None, mask)
        x = add_and_norm("self-attention", x, seen, building)
        with scope("cross-attention"):
            seen = building.through(MultiHead(self.heads), x, memory, memory_mask)
        x = add_and_norm("cross-attention", x, seen, building)
        with scope("feedforward"):
            made = building.through(FeedForward(self.hidden, self.activation), x)
        return add_and_norm("feedforward", x, made, building)
