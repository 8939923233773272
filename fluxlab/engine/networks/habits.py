"""What people of other tools write to a network, and what to write here."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from fluxlab.engine.core.errors import BadInput

P = ParamSpec("P")
R = TypeVar("R")

HABITS = {
    "summary": "net.layers lists the layers, fl.Board(net) shows every matrix.",
    "parameters": "net.values() gives every parameter by its name.",
    "state_dict": "net.values() gives every parameter by its name; net.save(path) keeps them.",
    "weights": "net.layers[0].weights_matrix is the first layer's, net.values() gives them all.",
    "get_weights": "net.values() gives every parameter by its name.",
    "set_weights": "net.layers[0].weights_matrix = numbers sets the first layer's.",
    "forward": "net.predict(inputs) gives the outputs; fl.Stepper(net) runs single passes.",
    "backward": "net.trace.run() runs a whole iteration; fl.Stepper(net) single passes.",
    "train": "net.fit(epochs) learns.", "learn": "net.fit(epochs) learns.",
    "compile": "the cost and the optimizer are given to fl.Network(..., cost=, optimizer=).",
    "score": "net.evaluate(inputs, targets) gives the cost on other data.",
    "loss": "net.trace.cost is the cost, net.history.costs its way so far.",
    "cost": "net.trace.cost is the cost, net.history.costs its way so far.",
    "learning_rate": 'net.trace["learning rate"].value is the learning rate.',
    "add": "the layers are given to fl.Network(layers, inputs, targets).",
}  # fmt: skip


def no_such(name: str, known: Sequence[str]) -> str:
    """What to write here instead of what other tools call an attribute of a network."""
    if name in HABITS:
        return f"A network has no .{name}: {HABITS[name]}"
    near = difflib.get_close_matches(name, [n for n in known if n[0] != "_"], 1, 0.7)
    return f"A network has no .{name}.{f' Did you mean .{near[0]}?' if near else ''}"


def not_so(name: str, value: object, parameters: Collection[str]) -> str:
    """What to write instead of an attribute that nothing would ever read."""
    if name == "learning_rate":
        how = f'net.trace.set("learning rate", {value!r})'
        return f"net.learning_rate = ... does nothing. Write {how}."
    if name in ("activation", "activations"):
        return f"net.{name} = ... does nothing. Write net.set_activation(1, 'tanh')."
    if name in parameters:
        return (
            f"net.{name} = ... does nothing: a network is formed with its {name}. Form another: "
            f"fl.Network(layers, inputs, targets, {name}=...)."
        )
    return (
        f"A network has no .{name} that can be set. Its numbers are set by net.trace.set(name, "
        "numbers), a layer's by net.layers[0].weights_matrix = numbers."
    )


FIT = {
    "batch_size": "batches belong to the network: fl.Network(..., batch=32)",
    "batch": "batches belong to the network: fl.Network(..., batch=32)",
    "verbose": "progress=True shows a bar", "validation_data": "validation=(inputs, targets)",
    "learning_rate": 'net.trace.set("learning rate", 0.01) changes it',
    "lr": 'net.trace.set("learning rate", 0.01) changes it',
    "callbacks": "progress=function is called as function(iteration, cost)",
    "shuffle": "batches are shuffled; fl.Network(..., seed=1) shuffles them otherwise",
    "iterations": "net.advance(iterations) learns for iterations, net.fit(epochs) for epochs",
}  # fmt: skip


def given_no_data(fit: Callable[P, R]) -> Callable[P, R]:
    """Refuse data before Python counts the arguments: `net.fit(inputs, targets, epochs=3)`."""

    @wraps(fit)
    def checked(*given: P.args, **named: P.kwargs) -> R:
        first = given[1] if len(given) > 1 else named.get("epochs")
        if isinstance(first, list | tuple | np.ndarray) or hasattr(first, "to_numpy"):
            raise BadInput(
                "fit: the data are given to fl.Network(layers, inputs, targets); fit takes the "
                "number of epochs: net.fit(100)."
            )
        return fit(*given, **named)

    return checked


def check_fit(others: dict[str, object]) -> None:
    """Refuse what other tools' `fit` takes besides."""
    for name in others:
        known = "it takes epochs, validation, patience and progress"
        raise BadInput(f"fit: there is no {name} here; {FIT.get(name, known)}.")


class OnClass(classmethod):  # type: ignore[type-arg]
    """A class method that is refused on an object, where it would do nothing."""

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is not None:
            raise BadInput(
                "net.load(path) would leave net as it is: load makes a new network. Write "
                "net = fl.Network.load(path)."
            )
        return super().__get__(instance, owner)
