"""A network on its data: any list of layers, a cost, an optimizer; learned, saved, asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fluxlab.engine.building.optimizers import optimizer as optimizer_of
from fluxlab.engine.building.parts import check_part
from fluxlab.engine.catalogue.activations import activation
from fluxlab.engine.catalogue.losses import check_targets, class_rows
from fluxlab.engine.catalogue.losses import cost as cost_named
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.numbers import Array, Shape, as_numbers, is_whole, whole
from fluxlab.engine.data.preprocessor import samples_of
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.networks.design import Design, Layer, evaluated, learning, predicting
from fluxlab.engine.networks.views import LayerView
from fluxlab.engine.running.history import History
from fluxlab.engine.tracing import Trace

CLASS_COSTS = ("cross_entropy", "cross_entropy_logits")
Report = Callable[[int, float, int], object]  # iteration, cost, iterations done
TURN, LONGEST = 0.1, 0.5  # seconds that learning holds the lock at a time; at most


class Network:
    """A network on its data, as one trace of a whole iteration; nothing is computed yet.

    Parameters
    ----------
    layers : what x goes through, such as [Dense(8, "relu"), Dropout(0.2), Dense(3, "softmax")].
    inputs : (samples, features); anything that `matrix_data_preprocessor` takes. Or an array of
        sequences (samples, steps, features), of images (samples, channels, rows, columns), ...
    targets : the shape of the output. With a cross-entropy also class numbers from 0, without the
        output's last axis (or with one column): (samples,), or (samples, steps) for sequences.
        They become one-hot rows; -1 says that there is nothing to learn in this place.
        None: the inputs themselves, so that a change of x changes the target with it.
    cost : a name in `COSTS`, such as "mse", "cross_entropy" or "cross_entropy_logits".
    optimizer : a name in `OPTIMIZERS`, or an optimizer such as Adam(0.01).
    schedule : how the learning rate changes, such as CosineDecay(2000).
    regularizers : penalties such as [L2(1e-4)].
    clip : ClipValue(1) or ClipNorm(1).
    batch : rows per iteration; None: all. A short last batch is used like the others.
    seed : of the first weights, of the shuffling, and of every random number inside.

    Attributes
    ----------
    trace : the steps of one iteration: forward, backward, update.
    layers : FLUX's matrices, layer by layer.
    history : what was learned, with the way back.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        inputs: Any,
        targets: Any,
        *,
        cost: str = "mse",
        optimizer: Any = "adam",
        schedule: Any = None,
        regularizers: Sequence[Any] = (),
        clip: Any = None,
        batch: int | None = None,
        seed: int = 0,
    ) -> None:
        for argument, given in (("layers", layers), ("regularizers", regularizers)):
            if not isinstance(given, list | tuple) or (argument == "layers" and not given):
                example = "[Dense(8, 'relu'), Dense(1)]" if argument == "layers" else "[L2(1e-4)]"
                raise BadInput(
                    f"Network: {argument} must be a list such as {example}, got {given!r}."
                )
            for part in given:
                check_part("Network", argument[:-1], part)
        for role, part in (("schedule", schedule), ("clip", clip)):
            if part is not None:
                check_part("Network", role, part)
        whole("Network", "seed", seed, 0)
        if batch is not None:
            whole("Network", "batch", batch, 1)
        cost_named(cost)
        x = _matrix("inputs", inputs)
        target = x.copy() if targets is None else _matrix("targets", targets)
        if len(x) != len(target):
            raise BadInput(_unequal("Network", x, target))
        self.design = Design(
            tuple(layers), cost, optimizer_of(optimizer), schedule, tuple(regularizers), clip,
            None if batch is None else int(batch), True, int(seed), targets is None,
        )  # fmt: skip
        target = _targets("Network", self.design, x, target)
        self._start(x, target, _row_names(inputs), {}, 0)

    def _start(
        self,
        x: Array,
        target: Array,
        names: dict[str, list[str]],
        values: dict[str, Array],
        iteration: int,
    ) -> None:
        self._data, self._names = (x, target), names
        self._rows: list[int] | None = None
        self.validation: list[tuple[int, float]] = []
        self.trace = self._record(x, target, values, iteration)
        self.trace.axis_labels.update(names)
        self.trace.move(0)
        self.layers = [LayerView(self, i + 1) for i in range(len(self.design.layers))]

    def _record(self, x: Array, target: Array, values: dict[str, Array], iteration: int) -> Trace:
        title = f"{'-'.join(map(str, self.sizes))} network"
        made = learning(self.design, x, target, values, title)
        if "learning rate" in values:
            made.set("learning rate", values["learning rate"])
        assert made.history is not None
        made.history.iteration = made.history.records[0].iteration = iteration
        return made

    # -- looking --------------------------------------------------------------------------------

    @property
    def history(self) -> History:
        assert self.trace.history is not None
        return self.trace.history

    @property
    def sizes(self) -> list[int]:
        """Neurons per dense layer, the implicit input layer (cells of one sample) first."""
        dense = [layer.neurons for layer in self.design.layers if isinstance(layer, Dense)]
        return [int(np.prod(self._data[0].shape[1:])), *dense]

    @property
    def activations(self) -> tuple[str, ...]:
        """One name per layer; "linear" for layers that have none."""
        return tuple(getattr(layer, "activation", "linear") for layer in self.design.layers)

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

    def values(self) -> dict[str, Array]:
        """Parameters, and all else that is kept from iteration to iteration, by name (copies)."""
        with self.trace.lock:
            kept = [m for m in self.trace.inputs if m in self.trace.carry or m.kind == "state"]
            found = {m.name: m.buffer.copy() for m in kept}
            return found | {"learning rate": self.trace["learning rate"].value}

    def __repr__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))} network"

    # -- changing -------------------------------------------------------------------------------

    def set_activation(self, layer: int, name: str) -> None:
        """Give a layer (counted from 1) another activation; weights stay, history starts anew."""
        if not is_whole(layer) or not 1 <= layer <= len(self.layers):
            raise BadInput(f"set_activation: layer must be 1 to {len(self.layers)}, got {layer!r}.")
        activation(name)
        chosen = list(self.design.layers)
        if not hasattr(chosen[layer - 1], "activation"):
            raise BadInput(f"set_activation: layer {layer} has no activation.")
        chosen[layer - 1] = dataclasses.replace(chosen[layer - 1], activation=name)  # type: ignore[type-var]
        with self.trace.lock:  # nobody sees the new design with the old trace
            self.design = dataclasses.replace(self.design, layers=tuple(chosen))
            self._form(self._rows)

    def set_samples(self, rows: Sequence[int] | None) -> None:
        """Look at some rows of the data only (None: all); weights stay, history starts anew."""
        count = len(self._data[0])
        if rows is not None and not _are_rows(rows, count):
            raise BadInput(
                f"set_samples: rows must be a list of row numbers, 0 to {count - 1}, or None for "
                f"all; got {rows!r}."
            )
        self._form(None if rows is None else [int(r) for r in rows])

    def _form(self, rows: list[int] | None) -> None:
        """Record the trace again with the numbers as they are."""
        with self.trace.lock:
            x, target = self._data
            if rows is not None:
                x, target = x[rows], target[rows]
            made = self._record(x, target, self.values(), self.history.iteration)
            self._rows = rows
            position, complete = self.trace.position, self.trace.position == len(self.trace.steps)
            if "sample" in self._names:
                names = self._names["sample"]
                chosen = names if rows is None else [names[r] for r in rows]
                self.trace.axis_labels["sample"] = chosen
            self.trace.become(made)
            # Fewer steps with one sample, more with several: what was complete stays complete.
            steps = len(made.steps)
            self.trace.move(steps if complete else min(position, steps))

    # -- learning -------------------------------------------------------------------------------

    def advance(
        self, iterations: int, progress: bool | Callable[[int, float], object] = False
    ) -> History:
        """Learn for `iterations`; see `learn`."""
        whole("advance", "iterations", iterations, 0)
        report, finish = _reporter(progress, iterations)
        try:
            self._learn(iterations, report)
        finally:
            finish()
        return self.history

    def _learn(self, iterations: int, report: Report, before: int = 0) -> None:
        """Learn for `iterations`; `before` of those that are reported are done already."""
        history, done = self.history, 0
        try:
            while done < iterations:
                # In short turns, so that widgets get the lock in between; but not in turns that
                # are mostly spent on computing every matrix at their end.
                turn = min(max(TURN, 50 * history.settling), LONGEST)
                done += history.advance(iterations - done, seconds=turn)
                cost = float(self.trace.cost.buffer.reshape(()))
                report(history.iteration, cost, before + done)
                for watch in self.trace.watchers:
                    watch()
        except KeyboardInterrupt:
            self._stop()

    def _stop(self) -> None:
        history = self.history
        history.stopped = (
            f"Stopped by hand at iteration {history.iteration}; what was learned is kept."
        )
        print(history.stopped)

    @property
    def iterations_per_epoch(self) -> int:
        """Batches that go once through the data, or through the rows chosen of it."""
        size = self.design.batch
        count = len(self._data[0] if self._rows is None else self._rows)
        return 1 if size is None else -(-count // size)

    def fit(
        self,
        epochs: int = 1,
        validation: tuple[Any, Any] | None = None,
        patience: int | None = None,
        progress: bool | Callable[[int, float], object] = False,
    ) -> History:
        """Learn for `epochs` passes through the data; returns the history.

        validation : (inputs, targets); their cost after each epoch is kept in `validation`.
        patience : early stopping: stop after so many epochs without a better validation cost, and
            go back to the best weights; also when stopped by hand, after the first epoch.
        """
        whole("fit", "epochs", epochs, 1)
        if patience is not None:
            whole("fit", "patience", patience, 1)
        if validation is None:
            if patience is not None:
                raise BadInput("fit: patience needs validation=(inputs, targets) to watch.")
            return self.advance(epochs * self.iterations_per_epoch, progress)
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise BadInput(
                f"fit: validation must be (inputs, targets), got {type(validation).__name__}."
            )
        held, each = self._held("fit", *validation), self.iterations_per_epoch
        report, finish = _reporter(progress, epochs * each)  # one bar for all epochs
        best, waited = (float("inf"), self.history.iteration), 0
        try:
            for epoch in range(epochs):
                self._learn(each, report, epoch * each)
                if self.history.stopped:
                    break
                cost = self._cost_of(*held)
                self.validation.append((self.history.iteration, cost))
                waited = 0 if cost < best[0] else waited + 1
                best = min(best, (cost, self.history.iteration))
                if patience is not None and waited >= patience:
                    break
        except KeyboardInterrupt:
            self._stop()
        finally:
            finish()
        if patience is not None and np.isfinite(best[0]):
            self.history.travel(best[1])
        return self.history

    def evaluate(self, inputs: Any, targets: Any) -> float:
        """The cost on other data, without penalties, as when predicting."""
        return self._cost_of(*self._held("evaluate", inputs, targets))

    def _held(self, function: str, inputs: Any, targets: Any) -> tuple[Array, Array]:
        x, target = self._fitting(function, inputs), _matrix("targets", targets, function)
        if len(x) != len(target):
            raise BadInput(_unequal(function, x, target))
        return x, _targets(function, self.design, x, target)

    def _cost_of(self, x: Array, target: Array) -> float:
        return evaluated(self.design, x, target, self.values())

    def predict(self, inputs: Any) -> Array:
        """The output for new rows, (samples, outputs). The network itself is not touched."""
        x = self._fitting("predict", inputs)
        with self.trace.lock:
            design, values = self.design, self.values()
        return predicting(design, x, values)["y"].value

    def _fitting(self, function: str, inputs: Any) -> Array:
        x = _matrix("inputs", inputs, function)
        expected = self._data[0].shape[1:]
        if x.shape == (*expected, 1):
            x = x.T  # one sample, given as a flat list
        if x.shape[1:] != expected and len(expected) == 1 and x.ndim == 2:
            raise BadInput(
                f"{function}: inputs has {x.shape[1]} columns; the network was formed on data with "
                f"{expected[0]}."
            )
        if x.shape[1:] != expected:
            raise BadInput(
                f"{function}: each sample is {size(x.shape[1:])}; the network was formed on "
                f"samples that are {size(expected)}. Samples lie along the first axis."
            )
        return x

    # -- keeping --------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write everything, data included, so that learning can go on elsewhere; see `load`."""
        from fluxlab.engine.core.disk import path_of
        from fluxlab.engine.networks.files import save

        save(self, path_of("save", path))

    def to_numpy(self, iterations: int = 1) -> str:
        """A plain NumPy script that starts from these numbers, runs alone, and gives the same.

        It does `iterations` updates and prints the cost and y after them.
        """
        from fluxlab.engine.readers.script import to_script

        whole("to_numpy", "iterations", iterations, 0)
        return to_script(self.trace, int(iterations), repr(self))

    @classmethod
    def load(cls, path: str | Path) -> Network:
        """A saved network; it goes on with the same numbers as one that never stopped."""
        from fluxlab.engine.core.disk import path_of
        from fluxlab.engine.networks.files import load

        return load(cls, path_of("load", path))


def a_network(function: str, network: object) -> Network:
    """Refuse what is no Network."""
    if not isinstance(network, Network):
        raise BadInput(
            f"{function}: needs a Network, such as Network(...) makes, got "
            f"{type(network).__name__}."
        )
    return network


def _matrix(argument: str, data: Any, function: str = "Network") -> Array:
    try:
        axes = np.ndim(data)
    except ValueError:  # rows of unequal length, which are refused below
        axes = 2
    if axes > 2:
        return as_numbers(function, argument, data)
    return samples_of(function, argument, data)


def _are_rows(rows: object, count: int) -> bool:
    if not isinstance(rows, Sequence | np.ndarray) or not len(rows):
        return False
    return all(is_whole(row) and 0 <= row < count for row in rows)


def _targets(function: str, design: Design, x: Array, target: Array) -> Array:
    """Targets of the output's shape; class numbers become one-hot rows, -1 a row of zeros."""
    output = predicting(design, x[:1], {}, linked=False)["y"].shape[1:]
    if target.shape[1:] == output:
        check_targets(function, design.cost, target)
        return target
    if design.cost in CLASS_COSTS and target.shape[1:] in (output[:-1], (*output[:-1], 1)):
        blank = target.reshape(-1) == -1
        numbers = np.where(blank, 0, target.reshape(-1))
        made = class_rows(function, "targets", numbers, output[-1])
        made[blank] = 0
        return made.reshape(len(x), *output)
    raise BadInput(f"{function}: {_misfit(output, target.shape[1:])}")


def _unequal(function: str, x: Array, target: Array) -> str:
    return (
        f"{function}: inputs has {len(x)} rows and targets has {len(target)}; each sample needs "
        "one row in both."
    )


def _misfit(output: Shape, target: Shape) -> str:
    """Why targets of one shape do not fit outputs of another."""
    if len(output) == len(target) == 1:
        hint = (
            f" For class numbers take a cost of {' or '.join(CLASS_COSTS)}, or give "
            f"fl.one_hot(targets, {output[0]})."
            if target == (1,)
            else ""
        )
        return (
            f"the last layer has {output[0]} neurons, but targets has {target[0]} columns; they "
            f"must be equal.{hint}"
        )
    return (
        f"the output of each sample is {size(output)}, but its target is {size(target)}; they must "
        f"have the same shape, or with a cost of {' or '.join(CLASS_COSTS)} the target may be "
        "class numbers, without the output's last axis."
    )


def _row_names(inputs: Any) -> dict[str, list[str]]:
    """Names for samples and features, where the data has them."""
    if hasattr(inputs, "columns") and hasattr(inputs, "index"):
        return {
            "sample": [str(i) for i in inputs.index],
            "feature": [str(c) for c in inputs.columns],
        }
    table = np.asarray(inputs) if not isinstance(inputs, str | Path) else np.zeros((0, 0))
    if table.dtype.kind in "fiub" and table.ndim == 2 and np.isin(table, (0, 1)).all():
        return {"sample": ["".join(str(int(bit)) for bit in row) for row in table]}
    return {}


def _reporter(progress: Any, iterations: int) -> tuple[Report, Callable[[], None]]:
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
