"""Attention: each query looks at every key, and takes a weighted mean of the values."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.initializers import initial
from fluxlab.engine.catalogue.ops import einsum, multiply
from fluxlab.engine.catalogue.rowwise import masked_softmax, softmax
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.scopes import scope


@layer
class Attention:
    """x (samples, queries, features) looks at memory (samples, keys, features).

    Queries come from x, keys and values from the memory, each through weights of its own
    (scopes "query", "key", "value"; w (features, neurons), b (1, neurons)):
    scores = q k^T / sqrt(neurons), weights = softmax(scores), h = weights v. Without a memory x
    looks at itself: self-attention. `mask`, which broadcasts to (samples, queries, keys), has 0
    where a weight is to be exactly 0. neurons: default as many as x has features. scaled: whether
    the products are divided by sqrt(neurons). (Vaswani and others, 2017, equation 1.)
    """

    neurons: int | None = None
    scaled: bool = True

    def __call__(
        self, x: Matrix, building: Building, memory: Matrix | None = None,
        mask: Matrix | None = None,
    ) -> Matrix:  # fmt: skip
        check_sequences("Attention", x, memory)
        n = x.shape[-1] if self.neurons is None else int(self.neurons)
        q, k, v = project(x, x if memory is None else memory, n, building)
        for matrix, name in ((q, "q"), (k, "k"), (v, "v")):
            above = matrix.scope.rpartition("/")[0]
            x.trace.alias(f"{above}/{name}" if above else name, matrix)
        h = attend(q, k, v, mask, "sqd,skd->sqk", "sqk,skd->sqd", self.scaled)
        return h.named("h", axes=(*x.axes[:-1], "neuron"))


@layer
class SelfAttention:
    """x (samples, steps, features) to h (samples, steps, neurons): each step looks at all steps."""

    neurons: int | None = None
    scaled: bool = True

    def __call__(self, x: Matrix, building: Building, mask: Matrix | None = None) -> Matrix:
        return Attention(self.neurons, self.scaled)(x, building, mask=mask)


def attend(
    q: Matrix, k: Matrix, v: Matrix, mask: Matrix | None, scoring: str, weighing: str,
    scaled: bool = True,
) -> Matrix:  # fmt: skip
    """Dot-product attention; the signatures say which axis is which (d is summed)."""
    products = einsum(scoring, q, k).named("products" if scaled else "scores")
    products.axes = (*products.axes[:-2], "query", "key")
    scores = products
    if scaled:
        scores = multiply(products, q.number("scale", q.shape[-1] ** -0.5)).named("scores")
    weights = softmax(scores) if mask is None else masked_softmax(scores, mask)
    found: Matrix = einsum(weighing, weights.named("weights"), v)
    return found


def project(
    x: Matrix, memory: Matrix, neurons: int, building: Building
) -> tuple[Matrix, Matrix, Matrix]:
    """Queries from x, keys and values from memory: (samples, steps, neurons) each."""
    return (
        projection("query", x, neurons, building),
        projection("key", memory, neurons, building),
        projection("value", memory, neurons, building),
    )


def projection(name: str, x: Matrix, neurons: int, building: Building) -> Matrix:
    """a = x @ w + b in a scope of its own."""
    with scope(name):
        inputs = x.shape[-1]
        axes = (x.axes[-1], "neuron")
        w = building.parameter(
            "w", lambda: initial("xavier_uniform", inputs, neurons, building.draw), axes
        )
        b = building.parameter("b", lambda: np.zeros((1, neurons)), (None, "neuron"))
        x.trace.alias(f"{w.scope}/x", x)
        a: Matrix = x @ w + b
        return a.named("a")


def check_sequences(name: str, x: Matrix, memory: Matrix | None = None) -> None:
    """Both are (samples, steps, features), with equally many samples."""
    bad = [m for m in (x, memory) if m is not None and len(m.shape) != 3]
    if bad:
        raise BadInput(
            f"{name}: takes sequences (samples, steps, features), got {size(bad[0].shape)}. Token "
            "numbers become such by Embedding(vocabulary, features)."
        )
    if memory is not None and memory.shape[0] != x.shape[0]:
        raise BadInput(
            f"{name}: x has {x.shape[0]} samples and the memory {memory.shape[0]}; they must be "
            "the same samples."
        )
