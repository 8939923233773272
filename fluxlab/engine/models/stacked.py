"""Stacked autoencoders: greedy layer-wise pre-training, then fine-tuning of the whole.

Each stage is an autoencoder with one hidden layer, a `Network` with its own trace. Stage k
learns to rebuild the codes of stage k - 1, whose weights stay as they are (Hinton and
Salakhutdinov, 2006; Bengio and others, 2007). Then the encoders are put on top of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.numbers import whole
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.models.autoencoder import autoencoder, layer_values, outcome
from fluxlab.engine.networks.design import Layer
from fluxlab.engine.networks.network import Network
from fluxlab.engine.tracing import Trace


def pretrain(
    inputs: Any, sizes: Sequence[int], epochs: int, *, hidden_activation: str = "sigmoid",
    output_activation: str = "sigmoid", seed: int = 0, **settings: Any,
) -> list[Network]:  # fmt: skip
    """One autoencoder per entry of sizes, each learned for `epochs` on the codes of the one before.

    inputs : (samples, features). The first rebuilds them through output_activation, the others
    rebuild codes, through the hidden activation that made them. settings : those of `Network`.
    """
    if not isinstance(sizes, Sequence | np.ndarray) or isinstance(sizes, str) or not len(sizes):
        raise BadInput(
            f"pretrain: sizes must list the hidden layers, such as [30, 12], got {sizes!r}."
        )
    whole("pretrain", "seed", seed, 0)
    stages: list[Network] = []
    x = inputs
    for number, size in enumerate(sizes):
        stage = autoencoder(
            x, [size], hidden_activation=hidden_activation,
            output_activation=hidden_activation if number else output_activation,
            seed=seed + number, **settings,
        )  # fmt: skip
        stage.fit(epochs)
        stages.append(stage)
        x = outcome(stage, x, 1)
    return stages


def stack(stages: Sequence[Network], inputs: Any, **settings: Any) -> Network:
    """The deep autoencoder: all encoders, then all decoders in reverse order, ready to fine-tune.

    It starts with the weights of the stages; `fit` then learns all layers together.
    """
    encoders, decoders = _parts("stack", stages)
    network = Network([*encoders, *reversed(decoders)], inputs, None, **settings)
    for k, stage in enumerate(stages, 1):
        _carry_over(network, stage, 1, k)
        _carry_over(network, stage, 2, 2 * len(stages) + 1 - k)
    return network


def classifier(
    stages: Sequence[Network], inputs: Any, targets: Any, classes: int, *,
    cost: str = "cross_entropy_logits", **settings: Any,
) -> Network:  # fmt: skip
    """The encoders with a new layer for the classes on top, ready to fine-tune on few labels."""
    whole("classifier", "classes", classes, 1)
    encoders, _ = _parts("classifier", stages)
    network = Network([*encoders, Dense(classes)], inputs, targets, cost=cost, **settings)
    for k, stage in enumerate(stages, 1):
        _carry_over(network, stage, 1, k)
    return network


def _parts(function: str, stages: Sequence[Network]) -> tuple[list[Layer], list[Layer]]:
    given = list(stages) if isinstance(stages, Sequence) else []
    layers = [stage.design.layers for stage in given if isinstance(stage, Network)]
    if not layers or len(layers) < len(given) or any(len(pair) != 2 for pair in layers):
        raise BadInput(
            f"{function}: stages must be the networks that pretrain gives, one or more, got "
            f"{stages!r}."
        )
    return [pair[0] for pair in layers], [pair[1] for pair in layers]


def _carry_over(network: Network, stage: Network, number: int, to: int) -> None:
    """Layer `number` of a stage becomes layer `to` of the network."""
    for name, numbers in layer_values(stage.values(), number, to).items():
        if network.trace[name].kind == "parameter":
            network.trace.set(name, numbers)


def EXAMPLE() -> Trace:
    """5-3-2-3-5 from two stages that have learned a little, and their fine-tuning."""
    x = np.random.default_rng(14).random((4, 5))
    stages = pretrain(x, [3, 2], 20, optimizer=GradientDescent(0.5))
    trace = stack(stages, x, optimizer=GradientDescent(0.5)).trace
    trace.title = "5-3-2-3-5 stacked autoencoder"
    trace.run()
    return trace
