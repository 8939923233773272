"""A recurrent encoder reads, a recurrent decoder writes, and may look back while it does."""

from __future__ import annotations

from dataclasses import replace

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.ops import concatenate, reshape
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.attention import Attention, projection
from fluxlab.engine.layers.embedding import Embedding, check_tokens
from fluxlab.engine.layers.masks import padding_mask
from fluxlab.engine.layers.recurrent import Recurrent, joined


@layer
class EncoderDecoder:
    """tokens (samples, source + steps) to logits (samples, steps, vocabulary).

    The first `source` columns are what is read; the others are what is written so far, a start
    token first, as for `Transformer`. While learning that is the true answer (teacher forcing:
    Williams and Zipser, 1989), so that one wrong token does not spoil what comes after it; to
    predict, it is written token by token, by `beam_search` or `greedy_search`. The decoder starts
    with the encoder's last states, which are all that it knows of the source (Sutskever, Vinyals
    and Le, 2014), unless there is attention. Both share one embedding; token 0 is padding.

    layer : a recurrent layer such as GRU(8), for both sides, each with weights of its own.
    attention : each step of the decoder also looks at every h of the encoder, and what it finds
        stands beside its own h (Bahdanau, Cho and Bengio, 2015; Luong, Pham and Manning, 2015).
    """

    layer: Recurrent
    vocabulary: int
    source: int
    features: int = 16
    attention: bool = False

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        cell, n = self.layer, int(self.source)
        if not isinstance(cell, Recurrent) or cell.window is not None or cell.reverse:
            raise BadInput(
                "EncoderDecoder: layer must be a recurrent layer such as GRU(8), without window or "
                f"reverse, got {cell!r}."
            )
        if len(x.shape) != 2 or x.shape[1] <= n:
            raise BadInput(
                f"EncoderDecoder: takes tokens (samples, source + steps), the first source={n} "
                f"columns to read and at least one more to write, got {size(x.shape)}."
            )
        check_tokens("EncoderDecoder", x, self.vocabulary)
        with scope("embedding"):
            h = building.through(Embedding(self.vocabulary, self.features), x)
        source = x[:, :n].named("source", axes=x.axes)
        building.tokens = source
        with scope("encoder"):
            read = h[:, :n].named("x", axes=h.axes)
            found, states = replace(cell, masked=True).run(read, building)
            memory = joined(found)
            x.trace.note_layer(cell, read, memory)
        building.tokens = building.steps = None  # of what is written every step is real
        with scope("decoder"):
            written = h[:, n:].named("x", axes=h.axes)
            found, _ = replace(cell, masked=False).run(written, building, states)
            h = joined(found)
            x.trace.note_layer(cell, written, h)
        if self.attention:
            with scope("attention"):
                keys = reshape(padding_mask(source), (x.shape[0], 1, n))
                mask = keys.named("mask", axes=("sample", None, "key"))
                context = building.through(Attention(), h, memory, mask)
                h = concatenate([h, context], axis=-1).named("h and context", axes=h.axes)
        return projection("logits", h, int(self.vocabulary), building)
