"""The autoencoder: a network whose target is its own input, through a bottleneck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.numbers import Array, as_numbers, whole
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.networks.design import Design, Layer, learning, predicting
from fluxlab.engine.networks.network import Network, a_network
from fluxlab.engine.tracing import Trace


def mirrored(
    features: int, sizes: Sequence[int], hidden_activation: str, output_activation: str
) -> list[Layer]:
    """The encoder's layers, then the decoder's: sizes [30, 8] on 64 features is 64-30-8-30-64."""
    if not isinstance(sizes, Sequence | np.ndarray) or isinstance(sizes, str) or not len(sizes):
        raise BadInput(
            f"autoencoder: sizes must list the encoder's layers, such as [30, 8], got {sizes!r}."
        )
    for n in sizes:
        whole("autoencoder", "each of sizes", n, 1)
    inside = [Dense(int(n), hidden_activation) for n in [*sizes, *reversed(sizes[:-1])]]
    return [*inside, Dense(features, output_activation)]


def autoencoder(
    inputs: Any, sizes: Sequence[int], *, hidden_activation: str = "tanh",
    output_activation: str = "linear", **settings: Any,
) -> Network:  # fmt: skip
    """A network that rebuilds its input: inputs (samples, features) are its targets, too.

    Parameters
    ----------
    sizes : the encoder's layers; the last is the code, the bottleneck. The decoder mirrors them.
    output_activation : "sigmoid" for features in 0..1.
    settings : cost (default the mean squared error), optimizer, batch, seed, ... of `Network`.
    """
    features = np.shape(inputs)[-1] if np.ndim(inputs) else 0
    return Network(
        mirrored(features, sizes, hidden_activation, output_activation), inputs, None, **settings
    )


def encode(network: Network, inputs: Any) -> Array:
    """The codes, (samples, code), or with more axes: what comes out of the narrowest layer."""
    a_network("encode", network)
    return outcome(network, inputs, bottleneck(network))


def decode(network: Network, codes: Any) -> Array:
    """What the decoder makes of codes, (samples, features)."""
    first, values = bottleneck(a_network("decode", network)), network.values()
    decoder = replace(network.design, layers=network.design.layers[first:])
    own: dict[str, Array] = {}
    for number in range(len(decoder.layers)):
        own |= layer_values(values, first + number + 1, number + 1)
    given = np.atleast_2d(as_numbers("decode", "codes", codes))
    code = outcome(network, network._data[0][:1], first).shape[1:]
    if given.shape[1:] != code:
        raise BadInput(
            f"decode: each code must be {size(code)}, as the bottleneck is, got "
            f"{size(given.shape[1:])}. Samples lie along the first axis."
        )
    return predicting(decoder, given, own)["y"].value


def outcome(network: Network, inputs: Any, layers: int) -> Array:
    """What comes out of the first so many layers."""
    design = replace(network.design, layers=network.design.layers[:layers])
    x = network._fitting("predict", inputs)
    return predicting(design, x, network.values(), linked=False)["y"].value


def layer_values(values: dict[str, Array], number: int, to: int) -> dict[str, Array]:
    """The numbers of one layer, under the names that they have as layer `to`."""
    own = f"layer {number}/"
    return {f"layer {to}/{n[len(own) :]}": v for n, v in values.items() if n.startswith(own)}


def bottleneck(network: Network) -> int:
    """How many layers the encoder has: up to the one with the fewest cells, the first of equals.

    Any layer may be it: a dense one, a pooling, or a recurrent one that gives its last state.
    """
    first = network._data[0][:1]
    each = range(1, len(network.design.layers) + 1)
    return min(each, key=lambda layers: outcome(network, first, layers).size)


def EXAMPLE() -> Trace:
    """4-3-2-3-4, five samples that lie near a plane."""
    draw = np.random.default_rng(11)
    x = draw.normal(size=(5, 2)) @ draw.normal(size=(2, 4)) + 0.1 * draw.normal(size=(5, 4))
    layers = mirrored(4, [3, 2], "tanh", "linear")
    design = Design(layers, "mse", GradientDescent(0.2), seed=4, own_target=True)
    return learning(design, x, x, {}, "4-3-2-3-4 autoencoder")
