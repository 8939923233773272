"""Masks: 1 for what counts, else 0; computed in the trace.

For attention they say where a query may look at a key. Such a mask is broadcast to the weights:
(samples, queries, keys) for one head, and with an axis of length 1 for the heads (samples, heads,
queries, keys). For recurrent layers and the cost they say which steps are real.
"""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.catalogue.losses import one_minus
from fluxlab.engine.catalogue.ops import absolute, greater, hold, max, multiply, reshape
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.text.tokenizer import PADDING


def padding_mask(tokens: Matrix) -> Matrix:
    """(samples, 1, 1, keys): no query looks at padding, token number 0. tokens (samples, steps)."""
    _check("padding_mask", "tokens", tokens, 2)
    real = greater(tokens, float(PADDING)).named("real token", axes=("sample", "step"))
    samples, steps = tokens.shape
    mask: Matrix = reshape(real, (samples, 1, 1, steps))
    return mask.named("padding mask", axes=("sample", None, None, "key"))


def order_mask(place: Matrix) -> Matrix:
    """(queries, keys): each looks at keys whose place is not above its own. place (steps,)."""
    _check("order_mask", "place", place, 1)
    column = reshape(place, (place.shape[0], 1)).named("place of the query", axes=("query", None))
    mask: Matrix = greater((column + 0.5).named("half a place on"), place)
    return mask.named("causal mask", axes=("query", "key"))


def causal_mask(tokens: Matrix) -> Matrix:
    """(steps, steps): a place sees itself and what came before, never what comes after.

    It depends on how many steps there are, not on the tokens, so a plan computes it once.
    """
    _check("causal_mask", "tokens", tokens, 2)
    place = tokens.trace.constant(np.arange(float(tokens.shape[1]))).named("place")
    place.axes = ("step",)
    return order_mask(place)


def both(padding: Matrix, causal: Matrix) -> Matrix:
    """(samples, 1, queries, keys): 1 where both masks are."""
    mask: Matrix = multiply(padding, causal)
    return mask.named("mask")


def real_steps(x: Matrix, building: Building) -> Matrix:
    """(samples, steps): 1 where a step is real, 0 where it is padding; the cost reads it, too."""
    tokens = building.tokens
    if tokens is not None and tokens.shape == x.shape[:2]:
        real = greater(tokens, 0.0)
    else:
        # Held: a nudge of the gradient check shall not make a real step of padding.
        largest = max(absolute(x).named("absolute x"), axis=-1).named("largest")
        real = hold(greater(largest, 0.0).named("not all 0"))
    building.steps = found = real.named("real", axes=x.axes[:2])
    return found  # type: ignore[no-any-return]


def kept(real: Matrix, new: tuple[Matrix, ...], old: tuple[Matrix, ...]) -> tuple[Matrix, ...]:
    """The new states where the step is real, else the old ones."""
    padding = one_minus(real).named("padding", wants_gradient=False)
    found = []
    for after, before in zip(new, old, strict=True):
        name = after.local
        taken = multiply(real, after.named(f"new {name}")).summand(f"{name} if real")
        found.append((taken + multiply(padding, before).summand(f"{name} if padding")).named(name))
    return tuple(found)


def _check(function: str, argument: str, value: object, axes: int) -> None:
    if not isinstance(value, Matrix) or len(value.shape) != axes:
        wanted = "(samples, steps)" if axes == 2 else "(steps,)"
        got = size(value.shape) if isinstance(value, Matrix) else type(value).__name__
        raise BadInput(
            f"{function}: {argument} must be a matrix of a trace, {wanted}, got {got}. Call it in "
            "a layer, or in a function that fl.trace traces."
        )
