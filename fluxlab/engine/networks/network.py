"""A network on its data: any list of layers, a cost, an optimizer; learned, saved, asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from fluxlab.engine.building.optimizers import optimizer as optimizer_of
from fluxlab.engine.building.parts import check_part
from fluxlab.engine.catalogue.activations import activation
from fluxlab.engine.catalogue.losses import cost as cost_named
from fluxlab.engine.core.errors import BadInput, UnknownAttribute, size
from fluxlab.engine.core.numbers import Array, is_whole, whole
from fluxlab.engine.core.pairs import check_columns, check_rows
from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.networks.design import Design, Layer, evaluated, learning, predicting
from fluxlab.engine.networks.habits import OnClass, check_fit, given_no_data, no_such, not_so
from fluxlab.engine.networks.reports import Report, reporter
from fluxlab.engine.networks.samples import (
    are_rows,
    matrix_of,
    names_of,
    targets_of,
    unequal,
)
from fluxlab.engine.networks.views import LayerView
from fluxlab.engine.running.history import History
from fluxlab.engine.text.tokenizer import Tokenizer
from fluxlab.engine.tracing import Trace

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
    frozen : what does not learn: layers such as "layer 1", matrices such as "layer 2/b", or a
        letter for all of them, such as "b". See also `freeze`.
    seed : of the first weights, of the shuffling, and of every random number inside.

    Attributes
    ----------
    trace : the steps of one iteration: forward, backward, update.
    layers : FLUX's matrices, layer by layer.
    tokenizer : of a network that reads text; None, or set it: it is saved with the network.
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
        frozen: Sequence[str] = (),
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
        check_rows("Network", "inputs", inputs, "targets", targets)
        x = matrix_of("inputs", inputs)
        target = x.copy() if targets is None else matrix_of("targets", targets)
        if len(x) != len(target):
            raise BadInput(unequal("Network", x, target))
        self.design = Design(
            tuple(layers), cost, optimizer_of(optimizer), schedule, tuple(regularizers), clip,
            None if batch is None else int(batch), True, int(seed), targets is None,
            _names_of("frozen", frozen),
        )  # fmt: skip
        target = targets_of("Network", self.design, x, target)
        self._start(x, target, names_of(inputs), {}, 0)

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
        self.tokenizer: Tokenizer | None = None
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
        made.history.begin_at(iteration)
        return made

    def __setattr__(self, name: str, value: object) -> None:
        if "layers" in vars(self) and name not in vars(self) and not name.startswith("_"):
            raise UnknownAttribute(not_so(name, value, signature(Network).parameters))
        if name == "tokenizer" and not isinstance(value, Tokenizer | None):
            raise BadInput(
                "net.tokenizer must be a tokenizer, such as CharacterTokenizer.train(text), or "
                f"None, got {type(value).__name__}."
            )
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        raise UnknownAttribute(no_such(name, dir(type(self))))

    def __call__(self, *_: Any) -> Any:
        raise BadInput("A network is not called: net.predict(inputs) gives its outputs.")

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
            kept = [
                m
                for m in self.trace.inputs
                if m in self.trace.carry or m.kind in ("state", "parameter")
            ]
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

    def freeze(self, *names: str) -> None:
        """Let these learn no more, and all others: layers, matrices, or letters; none: all learn.

        >>> net.freeze("layer 1", "b")

        The numbers stay, history starts anew.
        """
        with self.trace.lock:
            before = self.design
            self.design = dataclasses.replace(before, frozen=_names_of("freeze", names))
            try:
                self._form(self._rows)
            except BadInput:
                self.design = before
                raise

    def set_samples(self, rows: Sequence[int] | None) -> None:
        """Look at some rows of the data only (None: all); weights stay, history starts anew."""
        count = len(self._data[0])
        if rows is not None and not are_rows(rows, count):
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
        report, finish = reporter(progress, iterations)
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

    @given_no_data
    def fit(
        self,
        epochs: int = 1,
        validation: tuple[Any, Any] | None = None,
        patience: int | None = None,
        progress: bool | Callable[[int, float], object] = False,
        **others: Any,
    ) -> History:
        """Learn for `epochs` passes through the data; returns the history.

        validation : (inputs, targets); their cost after each epoch is kept in `validation`.
        patience : early stopping: stop after so many epochs without a better validation cost, and
            go back to the best weights; also when stopped by hand, after the first epoch.
        """
        check_fit(others)
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
        report, finish = reporter(progress, epochs * each)  # one bar for all epochs
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
        check_rows(function, "inputs", inputs, "targets", targets)
        x, target = self._fitting(function, inputs), matrix_of("targets", targets, function)
        if len(x) != len(target):
            raise BadInput(unequal(function, x, target))
        return x, targets_of(function, self.design, x, target)

    def _cost_of(self, x: Array, target: Array) -> float:
        return evaluated(self.design, x, target, self.values())

    def predict(self, inputs: Any) -> Array:
        """The output for new rows, (samples, outputs). The network itself is not touched."""
        x = self._fitting("predict", inputs)
        with self.trace.lock:
            design, values = self.design, self.values()
        return predicting(design, x, values)["y"].value

    def _fitting(self, function: str, inputs: Any) -> Array:
        check_columns(function, inputs, self._names.get("feature", []))
        x = matrix_of("inputs", inputs, function)
        expected = self._data[0].shape[1:]
        if x.shape == (*expected, 1):
            x = x.T  # one sample, given as a flat list
        if x.shape[1:] != expected and len(expected) == 1 and x.ndim == 2:
            raise BadInput(
                f"{function}: inputs has {x.shape[1]} columns; the network was formed on data with "
                f"{expected[0]}."
                + (" Do samples lie in columns? Give inputs.T." if len(x) == expected[0] else "")
            )
        if x.shape[1:] != expected:
            raise BadInput(
                f"{function}: each sample is {size(x.shape[1:])}; the network was formed on "
                f"samples that are {size(expected)}. Samples lie along the first axis."
            )
        return x

    # -- copying --------------------------------------------------------------------------------

    def copy(self) -> Network:
        """A network of its own with the same numbers, which goes on as this one does.

        Its history begins here, as that of a loaded network.
        """
        again, parts = self.__reduce__()
        return again(*parts)

    def __copy__(self) -> Network:
        return self.copy()

    def __deepcopy__(self, _memo: object) -> Network:
        return self.copy()

    def __reduce__(self) -> tuple[Callable[..., Network], tuple[Any, ...]]:
        with self.trace.lock:
            x, target = self._data
            return _again, (
                type(self), self.design, x, target, self._names, self.values(),
                self.history.iteration, list(self.validation), self.rows, self.tokenizer,
            )  # fmt: skip

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

    @OnClass
    def load(cls: type[Network], path: str | Path) -> Network:  # noqa: N805
        """A saved network; it goes on with the same numbers as one that never stopped."""
        from fluxlab.engine.core.disk import path_of
        from fluxlab.engine.networks.files import load

        return load(cls, path_of("load", path))


def _names_of(function: str, names: Any) -> tuple[str, ...]:
    if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
        raise BadInput(
            f'{function}: must be names such as ["layer 1", "layer 2/b"], got {names!r}.'
        )
    return tuple(names)


def _again(
    kind: type[Network], design: Design, x: Array, target: Array, names: dict[str, list[str]],
    values: dict[str, Array], iteration: int, validation: list[tuple[int, float]],
    rows: list[int] | None, tokenizer: Tokenizer | None,
) -> Network:  # fmt: skip
    """A network from what `copy` and pickle keep of it."""
    made = kind.__new__(kind)
    made.design = design
    made._start(x, target, {axis: [*those] for axis, those in names.items()}, values, iteration)
    made.validation.extend(validation)
    made.tokenizer = tokenizer
    if rows is not None:
        made.set_samples(rows)
    return made


def a_network(function: str, network: object) -> Network:
    """Refuse what is no Network."""
    if not isinstance(network, Network):
        raise BadInput(
            f"{function}: needs a Network, such as Network(...) makes, got "
            f"{type(network).__name__}."
        )
    return network
