"""What a layer's arguments must be: their annotations say it, and its constructor checks it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, dataclass_transform

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.catalogue.activations import ACTIVATIONS
from fluxlab.engine.catalogue.initializers import INITIALIZERS
from fluxlab.engine.catalogue.windows import pair
from fluxlab.engine.core.errors import BadInput, unknown
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import is_number, is_whole
from fluxlab.engine.core.scopes import scope

C = TypeVar("C", bound=type)
Share = float  # of what is dropped, 0 to 1
Activation = str  # a name in `ACTIVATIONS`, in any case, or the function itself
Initializer = str  # a name in `INITIALIZERS`
NAMED = {"Activation": ("activation", ACTIVATIONS), "Initializer": ("initializer", INITIALIZERS)}


def _count(value: Any) -> bool:
    return is_whole(value) and value >= 1


def _sizes(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(map(_count, value))


def _layers(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) > 0 and all(map(callable, value))


def _name_of(value: Any, kind: str, known: dict[str, Any]) -> str:
    """A name that is known, from that name in any case or from what it stands for."""
    by_itself = [name for name, thing in known.items() if thing is value]
    name = by_itself[0] if by_itself else value.lower() if isinstance(value, str) else value
    if not isinstance(name, str) or name not in known:
        raise unknown(kind, value, known)
    return name


RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "int": (_count, "a whole number, 1 or more"),
    "int | None": (lambda n: n is None or _count(n), "a whole number, 1 or more, or None"),
    "float": (is_number, "a finite number"),
    "Share": (lambda p: is_number(p) and 0 <= p < 1, "a share, 0 to 1 (1 excluded)"),
    "bool": (lambda flag: isinstance(flag, bool | np.bool_), "True or False"),
    "Pair": (_sizes, "two whole numbers, 1 or more"),
    "Sequence[Layer]": (_layers, "a list of layers, one or more"),
}


def _standing_alone(call: Callable[..., Matrix]) -> Callable[..., Matrix]:
    """A layer's call that works without a network, too: `fl.MaxPool(2)(x)` in a traced function.

    Its parameters become inputs of the trace, in a scope of the layer's name; the number of steps
    before it is the seed of their first values.
    """

    @wraps(call)
    def called(self: Any, x: Any, building: Any = None, *more: Any, **named: Any) -> Matrix:
        if isinstance(building, Building):
            return call(self, x, building, *more, **named)
        if building is not None:  # layer(x, h_0): a second matrix, and no network
            more = (building, *more)
        kind = type(self).__name__
        if not isinstance(x, Matrix):
            raise BadInput(
                f"{kind}(...)(x) takes a matrix of a traced function, got {type(x).__name__}. In "
                f"a network the layer is listed: fl.Network([fl.layers.{kind}(...), ...], X, Y)."
            )
        alone = Building(x.trace, True, {}, np.random.default_rng(len(x.trace.steps)), 0)
        with scope(x.trace.names.new_scope(kind)):
            return call(self, x, alone, *more, **named)

    return called


@dataclass_transform(frozen_default=True)
def layer(cls: C) -> C:
    """Make a class a frozen dataclass that refuses arguments which its annotations exclude.

    An `int` is a count, 1 or more; a `float` is finite; a `Share` is 0 or more and below 1;
    `int | Pair` is one count for rows and columns or one for each. What an `Activation` and an
    `Initializer` stand for is kept by its name. Annotations without a rule are the layer's own
    business, and so is what depends on x.
    """

    def check(self: Any) -> None:
        name = type(self).__name__
        for field in dataclasses.fields(self):
            value, rule = getattr(self, field.name), str(field.type)
            if rule in RULES and not RULES[rule][0](value):
                raise BadInput(f"{name}: {field.name} must be {RULES[rule][1]}, got {value!r}.")
            if rule.startswith("int | Pair") and not (value is None and rule.endswith("None")):
                pair(name, field.name, value)
            if rule in NAMED:
                object.__setattr__(self, field.name, _name_of(value, *NAMED[rule]))

    if "__call__" in vars(cls):
        cls.__call__ = _standing_alone(vars(cls)["__call__"])  # type: ignore[method-assign]
    cls.__post_init__ = check  # type: ignore[attr-defined]
    return dataclasses.dataclass(frozen=True)(cls)  # type: ignore[return-value]
