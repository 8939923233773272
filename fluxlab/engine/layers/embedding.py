"""The embedding: each token number becomes a row of numbers that are learned."""

from __future__ import annotations

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.ops import rows
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.text.tokenizer import token_numbers


@layer
class Embedding:
    """tokens (samples, steps) to h (samples, steps, features); w (vocabulary, features).

    Token number n is replaced by row n of w, so the gradient of that row adds up the shares of
    all places where the token stands. Number 0 is padding. Rows start as normal numbers of
    variance 1 / features.
    """

    vocabulary: int
    features: int

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        shape = (int(self.vocabulary), int(self.features))
        w = building.parameter(
            "w", lambda: building.draw.normal(0, shape[1] ** -0.5, shape), ("token", "feature")
        )
        building.read(check_tokens("Embedding", x, shape[0]))
        h: Matrix = rows(w, x)
        return h.named("h", axes=(x.axes[0], "step", "feature"))


def check_tokens(layer: str, x: Matrix, count: int) -> Matrix:
    """Refuse what are not token numbers, (samples, steps), below `count`.

    The numbers of a computed x, such as the rows of a batch, are looked at when they are there.
    """
    if len(x.shape) != 2:
        raise BadInput(f"{layer}: takes token numbers (samples, steps), got {size(x.shape)}.")
    if x.step is None:
        token_numbers(layer, "x", x.buffer, count)
    return x
