"""Captioning: a decoder writes what it sees, and looks at the patches of an image while it does."""

from __future__ import annotations

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.ops import reshape
from fluxlab.engine.catalogue.windows import patches
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.attention import projection
from fluxlab.engine.layers.decoder import DecoderLayer
from fluxlab.engine.layers.embedding import Embedding
from fluxlab.engine.layers.masks import both, causal_mask, padding_mask
from fluxlab.engine.layers.positions import LearnedPositions, Sinusoidal
from fluxlab.engine.text.tokenizer import token_numbers


@layer
class Captioner:
    """x (samples, pixels + steps) to logits (samples, steps, vocabulary).

    Each row of x is an image of `rows` times `columns` pixels, row by row, and beside it the
    caption so far as token numbers, a start token first. The image is cut into squares of side
    `patch`, without overlap; each becomes a row of features, with a learned position. The
    cross-attention's weights (samples, heads, words, patches) tell where each word was seen.
    """

    vocabulary: int
    rows: int
    columns: int
    patch: int
    features: int = 32
    heads: int = 4
    hidden: int = 64
    layers: int = 1

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        down, across, side = int(self.rows), int(self.columns), int(self.patch)
        if side < 1 or down % side or across % side:
            raise BadInput(
                f"Captioner: an image of {down} x {across} cannot be cut into squares of side "
                f"{side} without a rest; choose a patch that divides both."
            )
        pixels = down * across
        if len(x.shape) != 2 or x.shape[1] <= pixels:
            raise BadInput(
                f"Captioner: takes (samples, {pixels} pixels + steps), at least one step, got "
                f"{size(x.shape)}."
            )
        if x.step is None:
            token_numbers("Captioner", "caption", x.buffer[:, pixels:], self.vocabulary)
        samples, n = x.shape[0], side * side
        x.wants_gradient = False  # half of it are token numbers; the pixels' own is dC_dpixels
        with scope("patches"):
            image = reshape(x[:, :pixels].named("pixels"), (samples, down, across))
            image.named("image", axes=("sample", "row", "column"))
            cut = patches(image, (side, side), side).named("cut")
            flat = reshape(cut, (samples, pixels // n, n))
            flat.named("patches", axes=("sample", "patch", "pixel"))
            memory = projection("features", flat, int(self.features), building)
            with scope("positions"):
                memory = building.through(LearnedPositions(), memory)
        words = x[:, pixels:].named("caption so far", axes=("sample", "step"))
        with scope("embedding"):
            h = building.through(Embedding(self.vocabulary, self.features), words)
        with scope("positions"):
            h = building.through(Sinusoidal(), h)
        with scope("mask"):
            mask = both(padding_mask(words), causal_mask(words))
        for number in range(1, int(self.layers) + 1):
            with scope(f"decoder {number}"):
                h = building.through(DecoderLayer(self.heads, self.hidden), h, memory, mask)
        return projection("logits", h, int(self.vocabulary), building)
