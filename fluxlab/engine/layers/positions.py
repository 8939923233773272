"""Positions: attention does not see the order of its inputs, so each place adds its own code."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.ops import add, multiply, sin
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.layers.attention import check_sequences


@layer
class Sinusoidal:
    """x (samples, steps, features) plus waves of falling frequency, one pair per two features.

    Feature 2i of place p gets sin(p / 10000^(2i / features)), feature 2i + 1 the cosine of the
    same angle (Vaswani and others, 2017). Here the cosine is a sine shifted by a quarter turn.
    Nothing is learned, and no input is read: a plan computes it once.
    """

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        check_sequences("Sinusoidal", x)
        steps, n = x.shape[-2:]
        pair = np.arange(n) // 2 * 2
        place = _fixed(x, "place", np.arange(float(steps))[:, None], (x.axes[-2], None))
        frequency = _fixed(x, "frequency", 10000.0 ** -(pair / n)[None, :], (None, x.axes[-1]))
        turn = _fixed(x, "turn", (np.arange(n) % 2 * np.pi / 2)[None, :], (None, x.axes[-1]))
        angle = add(multiply(place, frequency).named("angle"), turn).named("turned angle")
        h: Matrix = add(x, sin(angle).named("position", wants_gradient=False))
        return h.named("h")


@layer
class LearnedPositions:
    """x (samples, steps, features) plus w (steps, features), one learned row per place."""

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        check_sequences("LearnedPositions", x)
        steps, n = x.shape[-2:]
        w = building.parameter(
            "w", lambda: building.draw.normal(0, n**-0.5, (steps, n)), x.axes[-2:]
        )
        h: Matrix = add(x, w)
        return h.named("h")


def _fixed(x: Matrix, name: str, numbers: Array, axes: tuple[str | None, ...]) -> Matrix:
    made = x.trace.constant(numbers).named(name)
    made.axes = axes
    return made
