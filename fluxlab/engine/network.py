"""FLUX's own way in: `form_network`, `forward_pass`, `back_propagation`, `learn`, `predict`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from fluxlab.engine.activations import activation
from fluxlab.engine.backward import check_learning_rate
from fluxlab.engine.data import matrix_data_preprocessor
from fluxlab.engine.errors import BadInput
from fluxlab.engine.history import History
from fluxlab.engine.initializers import xavier_uniform
from fluxlab.engine.models.dense import build
from fluxlab.engine.op import Array
from fluxlab.engine.trace import Trace

TURN = 0.1  # seconds that `learn` holds the lock at a time

# FLUX's eleven matrices of a layer, and what they are called in the trace.
FLUX_MATRICES = {
    "weights_matrix": "w", "bias_matrix": "b", "input_matrix": "x",
    "weight_and_input_matrix": "x @ w", "weight_input_bias_matrix": "a",
    "activated_output_matrix": "h", "dC_dy_matrix": "dC_dh", "dC_da_matrix": "dC_da",
    "dC_dw_matrix": "dC_dw", "dC_db_matrix": "dC_db", "dh_da_matrix": "dh_da",
}  # fmt: skip


class Layer:
    """FLUX's eleven matrices of one layer, as copies: `layer.dC_dw_matrix`, (inputs, neurons).

    `weights_matrix` and `bias_matrix` can also be set. In FLUX's words `dC_dy_matrix` is the
    cost's derivative with respect to the layer's output; for the last layer that is y.
    """

    network: Network
    number: int
    name: str

    def __init__(self, network: Network, number: int) -> None:
        vars(self).update(network=network, number=number, name=f"layer {number}")

    def __getattr__(self, name: str) -> Array:
        if name not in FLUX_MATRICES:
            raise AttributeError(
                f"A layer has no {name!r}. Its matrices: {', '.join(FLUX_MATRICES)}."
            )
        return self.network.trace[self._full(name)].value

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("weights_matrix", "bias_matrix"):
            raise AttributeError(f"{name} cannot be set; weights_matrix and bias_matrix can.")
        self.network.trace.set(self._full(name), value)

    def _full(self, name: str) -> str:
        return f"{self.name}/{FLUX_MATRICES[name]}"

    def __dir__(self) -> list[str]:
        return [*FLUX_MATRICES]

    def __repr__(self) -> str:
        inputs, neurons = self.network.trace[f"{self.name}/w"].shape
        return f"<{self.name}: {inputs} → {neurons}, {self.network.activations[self.number - 1]}>"


class Network:
    """A dense network on its data, as one trace of a whole iteration.

    Attributes
    ----------
    trace : the steps of one iteration: forward, backward, update.
    layers : FLUX's matrices, layer by layer.
    history : what was learned, with the way back.
    activations : one name per layer.
    """

    def __init__(self, trace: Trace, activations: Sequence[str]) -> None:
        self.trace = trace
        self.activations = tuple(activations)
        self._data = trace["x"].value, trace["target"].value
        self._names = dict(trace.axis_labels)
        self._rows: list[int] | None = None
        self.layers = [Layer(self, i + 1) for i in range(len(activations))]

    @property
    def history(self) -> History:
        assert self.trace.history is not None
        return self.trace.history

    @property
    def sizes(self) -> list[int]:
        """Neurons per layer, the implicit input layer first."""
        weights = [self.trace[f"{layer.name}/w"] for layer in self.layers]
        return [weights[0].shape[0], *(w.shape[1] for w in weights)]

    @property
    def rows(self) -> list[int] | None:
        """The rows of the data that `set_samples` chose; None: all."""
        return None if self._rows is None else list(self._rows)

    @property
    def row_names(self) -> list[str]:
        """A name for each row of the data, such as "0110", or its number."""
        count = len(self._data[0])
        names = self._names.get("sample", [])
        return names if len(names) == count else [str(i) for i in range(count)]

    def __repr__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))} network"

    def set_activation(self, layer: int, name: str) -> None:
        """Give a layer (counted from 1) another activation; weights stay, history starts anew."""
        if layer not in range(1, len(self.layers) + 1):
            raise BadInput(f"set_activation: layer must be 1 to {len(self.layers)}, got {layer!r}.")
        activation(name)
        chosen = list(self.activations)
        chosen[layer - 1] = name
        self._form(self._rows, chosen)

    def set_samples(self, rows: Sequence[int] | None) -> None:
        """Look at some rows of the data only (None: all); weights stay, history starts anew."""
        count = len(self._data[0])
        if rows is not None and (not len(rows) or any(not 0 <= r < count for r in rows)):
            raise BadInput(f"set_samples: rows must lie in 0 to {count - 1}, got {list(rows)!r}.")
        self._form(None if rows is None else [int(r) for r in rows], self.activations)

    def _form(self, rows: list[int] | None, activations: Sequence[str]) -> None:
        """Record the trace again with the weights as they are."""
        with self.trace.lock:
            x, target = self._data
            if rows is not None:
                x, target = x[rows], target[rows]
            parameters = [
                (self.trace[f"{layer.name}/w"].value, self.trace[f"{layer.name}/b"].value)
                for layer in self.layers
            ]
            made = build(x, target, parameters, activations, self.trace.title)
            made.descend(learning_rate=float(self.trace["learning rate"].value))
            history = made.history
            assert history is not None
            history.iteration = history.records[0].iteration = self.history.iteration
            self._rows, self.activations = rows, tuple(activations)
            position = self.trace.position
            names = self._names.get("sample")
            if names is not None:
                chosen = names if rows is None else [names[r] for r in rows]
                self.trace.axis_labels["sample"] = chosen
            self.trace.become(made)
            self.trace.move(min(position, len(made.steps)))


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
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise BadInput(f"form_network: seed must be a whole number, 0 or more, got {seed!r}.")
    check_learning_rate("form_network", learning_rate)
    x, target = _matrix("inputs", inputs), _matrix("targets", targets)
    labels = _row_names(inputs)
    if len(x) != len(target):
        raise BadInput(
            f"form_network: inputs has {len(x)} rows and targets has {len(target)}; each sample "
            "needs one row in both."
        )
    if target.shape[1] != layers[-1]:
        raise BadInput(
            f"form_network: the last layer has {layers[-1]} neurons, but targets has "
            f"{target.shape[1]} columns; they must be equal."
        )
    names = [hidden_activation] * (len(layers) - 1) + [output_activation]
    for name in names:
        activation(name)
    draw = np.random.default_rng(seed)
    sizes = [x.shape[1], *(int(n) for n in layers)]
    parameters = [(xavier_uniform(m, n, draw), np.zeros((1, n))) for m, n in pairwise(sizes)]
    title = f"{'-'.join(map(str, sizes))} network"
    trace = build(x, target, parameters, names, title)
    trace.axis_labels.update(labels)
    trace.descend(learning_rate=learning_rate)
    trace.move(0)
    return Network(trace, names)


def _matrix(argument: str, data: Any) -> Array:
    try:
        return matrix_data_preprocessor(data)
    except BadInput as problem:
        text = str(problem).replace("matrix_data_preprocessor:", f"form_network: {argument}:", 1)
        raise BadInput(text) from None


def _row_names(inputs: Any) -> dict[str, list[str]]:
    """Names for samples and features, where the data has them."""
    if hasattr(inputs, "columns") and hasattr(inputs, "index"):
        return {
            "sample": [str(i) for i in inputs.index],
            "feature": [str(c) for c in inputs.columns],
        }
    table = np.asarray(inputs) if not isinstance(inputs, str) else np.zeros((0, 0))
    if table.dtype.kind in "fiub" and table.ndim == 2 and np.isin(table, (0, 1)).all():
        return {"sample": ["".join(str(int(bit)) for bit in row) for row in table]}
    return {}


def forward_pass(network: Network) -> Array:
    """Run the forward pass; returns y, (samples, outputs)."""
    trace = network.trace
    with trace.lock:
        trace.run(trace.end_of("forward"))
        return trace["y"].value


def back_propagation(network: Network) -> float:
    """Run the backward pass (and first the forward pass, if it has not run); returns C, the MSE."""
    trace = network.trace
    with trace.lock:
        if trace.position < trace.end_of("forward"):
            trace.move(trace.end_of("forward"))
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
        about twenty times a second.

    Ctrl-C (or Jupyter's stop button) stops early and keeps what was learned. If the cost
    becomes infinite, learning stops there with Diverged, and the last finite weights stay.
    """
    trace, history = network.trace, network.history
    if (
        isinstance(iterations, bool)
        or not isinstance(iterations, int | np.integer)
        or iterations < 1
    ):
        raise BadInput(f"learn: iterations must be a whole number, 1 or more, got {iterations!r}.")
    with trace.lock:
        if learning_rate is not None:
            rate = check_learning_rate("learn", learning_rate)
            if rate != float(trace["learning rate"].buffer):
                trace.set("learning rate", rate)
    report, finish = _reporter(progress, iterations)
    done = 0
    try:
        while done < iterations:
            # In short turns, so that widgets get the lock in between.
            done += history.advance(iterations - done, seconds=TURN)
            report(history.iteration, float(trace.cost.buffer.reshape(())), done)
    except KeyboardInterrupt:
        history.stopped = (
            f"Stopped by hand at iteration {history.iteration}; what was learned is kept."
        )
        print(history.stopped)
    finally:
        finish()
    return history


def _reporter(
    progress: Any, iterations: int
) -> tuple[Callable[[int, float, int], None], Callable[[], None]]:
    if progress is True:
        from tqdm.auto import tqdm

        bar = tqdm(total=iterations, unit="it", desc="learn")

        def show(iteration: int, cost: float, done: int) -> None:
            bar.update(done - bar.n)
            bar.set_postfix_str(f"C = {cost:.6g}", refresh=False)

        return show, bar.close
    if callable(progress):
        return (lambda iteration, cost, done: progress(iteration, cost)), lambda: None
    return (lambda iteration, cost, done: None), lambda: None


def predict(network: Network, inputs: Any) -> Array:
    """The network's output for new rows, (samples, outputs). The network itself is not touched."""
    try:
        x = matrix_data_preprocessor(inputs)
    except BadInput as problem:
        raise BadInput(
            str(problem).replace("matrix_data_preprocessor:", "predict: inputs:", 1)
        ) from None
    expected = network.sizes[0]
    if x.shape[1] != expected and x.shape == (expected, 1):
        x = x.T  # one sample, given as a flat list
    if x.shape[1] != expected:
        raise BadInput(
            f"predict: inputs has {x.shape[1]} columns; the network was formed on data with "
            f"{expected}."
        )
    with network.trace.lock:
        parameters = [
            (network.trace[f"{layer.name}/w"].value, network.trace[f"{layer.name}/b"].value)
            for layer in network.layers
        ]
    made = build(
        x, np.zeros((len(x), network.sizes[-1])), parameters, network.activations, "prediction"
    )
    return made["y"].value
