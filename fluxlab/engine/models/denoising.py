"""The denoising autoencoder: it is shown a noisy input, and must give back the clean one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.layers.noise import Noise
from fluxlab.engine.models.autoencoder import mirrored
from fluxlab.engine.networks.design import Design, Layer, learning
from fluxlab.engine.networks.network import Network
from fluxlab.engine.tracing import Trace


def denoising_autoencoder(
    inputs: Any, sizes: Sequence[int], noise: float = 0.3, *, hidden_activation: str = "tanh",
    output_activation: str = "linear", **settings: Any,
) -> Network:  # fmt: skip
    """An autoencoder whose input is noisy and whose target is clean (Vincent and others, 2008).

    The noise, normal with standard deviation `noise`, is steps of the trace: each iteration has
    its own, and going back brings it back. While predicting nothing is added: what is predicted
    from is noisy already. The other arguments are those of `autoencoder`.
    """
    features = np.shape(inputs)[-1] if np.ndim(inputs) else 0
    layers = mirrored(features, sizes, hidden_activation, output_activation)
    return Network([Noise(noise), *layers], inputs, None, **settings)


def EXAMPLE() -> Trace:
    """4-2-4 with noise, five samples in batches of three."""
    draw = np.random.default_rng(12)
    x = np.outer(draw.normal(size=5), [1.0, -0.5, 0.25, 2.0]) + 0.1 * draw.normal(size=(5, 4))
    layers: list[Layer] = [Noise(0.5), *mirrored(4, [2], "tanh", "linear")]
    design = Design(layers, "mse", GradientDescent(0.2), batch=3, seed=5, own_target=True)
    return learning(design, x, x, {}, "4-2-4 denoising autoencoder")
