"""Ensembles: several networks on one task, asked together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from fluxlab.engine.catalogue.ops import (
    add,
    argmax,
    concatenate,
    divide,
    first_largest,
    greater,
    subtract,
)  # fmt: skip
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.numbers import Array, as_numbers, shape_of, whole
from fluxlab.engine.core.pairs import check_rows
from fluxlab.engine.networks.network import Network

Rows = npt.NDArray[np.intp]


def average(outputs: Sequence[Any]) -> Any:
    """The mean of several outputs of equal shape, (samples, outputs); traced or plain."""
    _alike("average", outputs)
    return divide(reduce(add, outputs), float(len(outputs)))


def votes(outputs: Sequence[Any]) -> Any:
    """How many of the outputs name each class, (samples, classes); traced or plain.

    Each output votes for its first largest column; a single column votes for class 1 above 0.5,
    else for class 0, and the result has two columns.
    """
    if _alike("votes", outputs)[1] == 1:
        ones = [greater(y, 0.5) for y in outputs]
        ballots = [concatenate([subtract(1.0, one), one], axis=1) for one in ones]
    else:
        ballots = [first_largest(y, axis=1) for y in outputs]
    return reduce(add, ballots)


def vote(outputs: Sequence[Any]) -> Any:
    """The class with the most votes, (samples,); the lower number if two have as many."""
    return argmax(votes(outputs), axis=1)


@dataclass(frozen=True)
class Ensemble:
    """Networks for one task.

    networks : the members. rows : the rows of the data that each learned from; None: all.
    """

    networks: tuple[Network, ...]
    rows: tuple[Rows | None, ...] = ()

    def __post_init__(self) -> None:
        members = self.networks if isinstance(self.networks, tuple | list) else ()
        if not members or not all(isinstance(member, Network) for member in members):
            raise BadInput(
                f"Ensemble: networks must be a list of Networks, at least one, got "
                f"{self.networks!r}."
            )

    def outputs(self, inputs: Any) -> list[Array]:
        """What each member says, (samples, outputs) each."""
        return [network.predict(inputs) for network in self.networks]

    def predict(self, inputs: Any) -> Array:
        """The mean of the members' outputs, (samples, outputs)."""
        found: Array = average(self.outputs(inputs))
        return found

    def vote(self, inputs: Any) -> Array:
        """The class that most members name, (samples,)."""
        found: Array = vote(self.outputs(inputs))
        return found

    def costs(self, inputs: Any, targets: Any) -> list[float]:
        """Each member's cost on other data, such as a validation set."""
        return [network.evaluate(inputs, targets) for network in self.networks]

    def best(self, inputs: Any, targets: Any) -> Network:
        """The member with the lowest cost on other data; the first of equals."""
        return self.networks[int(np.argmin(self.costs(inputs, targets)))]


def restarts(
    make: Callable[[int], Network], count: int = 5, *, epochs: int, seed: int = 0
) -> Ensemble:
    """`count` networks that differ only in their seed, each learned for `epochs`.

    make : from a seed to a network, such as
        `lambda seed: fl.Network([fl.Dense(1, "sigmoid")], X, T, seed=seed)`.
    """
    whole("restarts", "count", count, 1)
    whole("restarts", "seed", seed, 0)
    networks = [_made("restarts", make, seed + k) for k in range(count)]
    for network in networks:
        network.fit(epochs)
    return Ensemble(tuple(networks), (None,) * count)


def bootstrap(count: int, seed: int = 0) -> Rows:
    """`count` row numbers drawn from 0 to count - 1 with replacement: about 63 % of the rows."""
    whole("bootstrap", "count", count, 1)
    whole("bootstrap", "seed", seed, 0)
    return np.random.default_rng(seed).integers(0, count, count)


def bagging(
    make: Callable[[Any, Any, int], Network], inputs: Any, targets: Any, count: int = 5, *,
    epochs: int, seed: int = 0,
) -> Ensemble:  # fmt: skip
    """`count` networks, each on its own bootstrap sample of the rows (Breiman, 1996).

    make : from (inputs, targets, seed) to a network, such as
        `lambda x, t, seed: fl.Network([fl.Dense(1, "sigmoid")], x, t, seed=seed)`.
    inputs, targets : arrays with one row for each sample.
    """
    whole("bagging", "count", count, 1)
    whole("bagging", "seed", seed, 0)
    check_rows("bagging", "inputs", inputs, "targets", targets)
    x, target = as_numbers("bagging", "inputs", inputs), as_numbers("bagging", "targets", targets)
    if x.ndim < 2 or target.ndim < 1 or len(x) != len(target):
        raise BadInput(
            f"bagging: inputs and targets need one row for each sample in both; got "
            f"{size(x.shape)} and {size(target.shape)}."
        )
    rows = tuple(bootstrap(len(x), seed + k) for k in range(count))
    networks = [
        _made("bagging", make, x[chosen], target[chosen], seed + k) for k, chosen in enumerate(rows)
    ]
    for network in networks:
        network.fit(epochs)
    return Ensemble(tuple(networks), rows)


def _made(function: str, make: Callable[..., Network], *arguments: Any) -> Network:
    if not callable(make):
        raise BadInput(
            f"{function}: make must be a function that returns a Network, got "
            f"{type(make).__name__}."
        )
    made = make(*arguments)
    if not isinstance(made, Network):
        raise BadInput(f"{function}: make must return a Network, got {type(made).__name__}.")
    return made


def _alike(function: str, outputs: Sequence[Any]) -> tuple[int, ...]:
    """The one shape that all outputs have."""
    if not isinstance(outputs, Sequence | np.ndarray) or not len(outputs):
        raise BadInput(f"{function}: give a list of outputs, at least one, got {outputs!r}.")
    shapes = {shape_of(function, "an output", y) for y in outputs}
    if len(shapes) > 1 or len(next(iter(shapes))) != 2:
        raise BadInput(
            f"{function}: the outputs must be matrices of one shape, (samples, outputs); got "
            f"{' and '.join(size(shape) for shape in shapes)}."
        )
    return next(iter(shapes))
