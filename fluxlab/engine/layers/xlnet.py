"""XLNet's two streams: tokens are predicted in a random order, but stay at their places."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.ops import concatenate, expand, greater, reshape, rows, top
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.embedding import Embedding, check_tokens
from fluxlab.engine.layers.encoder import add_and_norm
from fluxlab.engine.layers.feedforward import FeedForward
from fluxlab.engine.layers.masks import padding_mask
from fluxlab.engine.layers.multihead import MultiHead
from fluxlab.engine.text.tokenizer import MASK


@layer
class XLNet:
    """tokens (samples, steps) to h (samples, steps, features), the query stream (Yang and others,
    2019).

    `order` (samples, steps) says when each place has its turn: its token is predicted from those
    of earlier turns, wherever they stand. While learning it is drawn anew in each iteration, by
    steps of the trace; while predicting the turns go from left to right, [mask] tokens last.

    Two streams go through the same weights. The content stream begins with token and place, and
    sees its own turn and earlier ones. The query stream begins with the place alone (one learned
    row in the token's stead) and sees only earlier turns, so it cannot see the token that it has
    to predict. Both look at the content. They lie behind one another along the steps: first
    content, then queries. Places are learned and absolute here; XLNet's are relative.
    """

    vocabulary: int
    features: int
    heads: int
    hidden: int
    layers: int = 1

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        check_tokens("XLNet", x, self.vocabulary)
        if self.vocabulary <= MASK:
            raise BadInput(
                f"XLNet: the vocabulary must hold the token [mask], {MASK}, got {self.vocabulary}. "
                "A tokenizer's `size` counts the special tokens."
            )
        steps = x.shape[1]
        with scope("tokens"):
            content = building.through(Embedding(self.vocabulary, self.features), x)
        with scope("query"):
            w = building.parameter(
                "w", lambda: building.draw.normal(0, self.features**-0.5, (1, self.features)),
                (None, "feature"),
            )  # fmt: skip
            query = expand(w, content.shape).named("no token yet", axes=content.axes)
        with scope("places"):
            code = building.parameter(
                "w",
                lambda: building.draw.normal(0, self.features**-0.5, content.shape[1:]),
                content.axes[1:],
            )
            content = (content + code).named("content", axes=content.axes)
            query = (query + code).named("query", axes=content.axes)
        with scope("order"):
            order = _drawn(x, building) if building.training else _left_to_right(x, self.vocabulary)
            mask = two_masks(order, padding_mask(x))
        h = concatenate([content, query], axis=1).named("both streams", axes=content.axes)
        for number in range(1, int(self.layers) + 1):
            with scope(f"two streams {number}"):
                h = self._layer(h, building, mask)
        answer: Matrix = h[:, steps:]
        return answer.named("h", axes=content.axes)

    def _layer(self, h: Matrix, building: Building, mask: Matrix) -> Matrix:
        """Both streams through one encoder layer, with keys and values from the content alone."""
        content = h[:, : h.shape[1] // 2].named("content", axes=h.axes)
        with scope("attention"):
            seen = building.through(MultiHead(self.heads), h, content, mask)
        h = add_and_norm("attention", h, seen, building)
        with scope("feedforward"):
            made = building.through(FeedForward(self.hidden, "gelu"), h)
        return add_and_norm("feedforward", h, made, building)


def _drawn(tokens: Matrix, building: Building) -> Matrix:
    """A random order of each sample: the places of its random numbers, the largest first."""
    draw = building.random(tokens).named("draw")
    order: Matrix = top(draw, tokens.shape[1], axis=1)
    return order.named("order", axes=("sample", "step"))


def _left_to_right(tokens: Matrix, vocabulary: int) -> Matrix:
    """0, 1, 2, ...; all [mask] tokens share the turn after the last."""
    steps = tokens.shape[1]
    place = tokens.trace.constant(np.arange(float(steps))).named("place")
    table = tokens.trace.constant(np.eye(vocabulary)[MASK]).named("is it a mask")
    masked = rows(table, tokens).named("masked")
    later = tokens.trace.constant(steps - np.arange(float(steps))).named("turns to the last")
    order: Matrix = place + (masked * later).named("put off")
    return order.named("order", axes=("sample", "step"))


def two_masks(order: Matrix, padding: Matrix) -> Matrix:
    """(samples, 1, content and query places, keys): who may look at whom. order (samples, steps).

    Content sees turns up to its own, a query only those before it; nobody sees padding.
    """
    samples, steps = order.shape
    own = reshape(order, (samples, 1, steps, 1)).named("own turn")
    turn = reshape(order, (samples, 1, 1, steps)).named("turn of the key")
    content = greater((own + 0.5).named("half a turn on"), turn).named("content mask")
    query = greater(own, turn).named("query mask")
    allowed = concatenate([content, query], axis=2).named("both masks")
    mask: Matrix = allowed * padding
    return mask.named("mask", axes=("sample", None, "query", "key"))
