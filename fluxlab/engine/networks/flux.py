"""FLUX's own way in: `form_network`, `forward_pass`, `back_propagation`, `learn`, `predict`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.catalogue.activations import activation
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.numbers import Array, whole
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.networks.network import Network, a_network
from fluxlab.engine.networks.samples import matrix_of
from fluxlab.engine.readers.backward import check_learning_rate
from fluxlab.engine.running.history import History


def form_network(
    layers: Sequence[int],
    inputs: Any,
    targets: Any,
    hidden_activation: str = "leaky_relu",
    output_activation: str = "sigmoid",
    learning_rate: float = 0.01,
    seed: int = 0,
) -> Network:
    """Form a dense network; nothing is computed yet.

    Parameters
    ----------
    layers : neurons per layer without the implicit input layer: [8, 4, 1] on data with 4
        columns is a 4-8-4-1 network.
    inputs : (samples, features); anything that `matrix_data_preprocessor` takes.
    targets : (samples, outputs).
    hidden_activation, output_activation : names in `fluxlab.ACTIVATIONS`.
    seed : the weights are Xavier uniform from this seed; biases are zero.
    """
    if not isinstance(layers, list | tuple | np.ndarray) or not len(layers):
        raise BadInput(f"form_network: layers must be a list such as [8, 4, 1], got {layers!r}.")
    for neurons in layers:
        if isinstance(neurons, bool) or not isinstance(neurons, int | np.integer) or neurons < 1:
            raise BadInput(
                f"form_network: layers holds {neurons!r}; each layer needs a whole number of "
                "neurons, 1 or more."
            )
    check_learning_rate("form_network", learning_rate)
    names = [hidden_activation] * (len(layers) - 1) + [output_activation]
    for name in names:
        activation(name)
    features = np.shape(matrix_of("inputs", inputs, "form_network"))[-1]
    if len(layers) > 1 and layers[0] == features:
        shown = "-".join(str(int(n)) for n in layers)
        warnings.warn(
            f"form_network: the input layer is implicit, so {[*map(int, layers)]} makes a "
            f"{features}-{shown} network. For {shown} give {[*map(int, layers[1:])]}.",
            stacklevel=2,
        )
    made = [Dense(int(n), name) for n, name in zip(layers, names, strict=True)]
    try:
        return Network(made, inputs, targets, optimizer=GradientDescent(learning_rate), seed=seed)
    except BadInput as problem:
        text = str(problem).replace("Network:", "form_network:", 1)
        raise BadInput(text) from None


def forward_pass(network: Network) -> Array:
    """Run the forward pass; returns y, (samples, outputs)."""
    trace = a_network("forward_pass", network).trace
    with trace.lock:
        trace.run(trace.end_of("forward"))
        return trace["y"].value


def back_propagation(network: Network) -> float:
    """Run the backward pass (and first the forward pass, if it has not run); returns C, the MSE."""
    trace = a_network("back_propagation", network).trace
    with trace.lock:
        trace.move(trace.end_of("forward"))
        trace.move(trace.end_of("backward"))
        return float(trace.cost.value)


def learn(
    network: Network,
    learning_rate: float | None = None,
    iterations: int = 1000,
    progress: bool | Callable[[int, float], object] = False,
) -> History:
    """Learn for `iterations` whole iterations; returns the history.

    Parameters
    ----------
    learning_rate : default: the network's own.
    progress : True shows a bar with the cost; a function is called with (iteration, cost)
        up to ten times a second. Widgets of this network show how far it is in any case.

    Ctrl-C (or Jupyter's stop button) stops early and keeps what was learned. If the cost
    becomes infinite, learning stops there with Diverged, and the last finite weights stay.
    """
    trace = a_network("learn", network).trace
    whole("learn", "iterations", iterations, 1)
    with trace.lock:
        if learning_rate is not None:
            rate = check_learning_rate("learn", learning_rate)
            if rate != float(trace["learning rate"].buffer):
                trace.set("learning rate", rate)
    return network.advance(int(iterations), progress)


def predict(network: Network, inputs: Any) -> Array:
    """The network's output for new rows, (samples, outputs). The network itself is not touched."""
    return a_network("predict", network).predict(inputs)
