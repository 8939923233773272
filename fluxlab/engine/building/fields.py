"""What a layer's arguments must be: their annotations say it, and its constructor checks it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import numpy as np

from fluxlab.engine.catalogue.windows import pair
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.numbers import is_number, is_whole

C = TypeVar("C", bound=type)


def _count(value: Any) -> bool:
    return is_whole(value) and value >= 1


def _sizes(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(map(_count, value))


def _layers(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) > 0 and all(map(callable, value))


RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "int": (_count, "a whole number, 1 or more"),
    "int | None": (lambda n: n is None or _count(n), "a whole number, 1 or more, or None"),
    "float": (is_number, "a finite number"),
    "bool": (lambda flag: isinstance(flag, bool | np.bool_), "True or False"),
    "Pair": (_sizes, "two whole numbers, 1 or more"),
    "Sequence[Layer]": (_layers, "a list of layers, one or more"),
}


@dataclass_transform(frozen_default=True)
def layer(cls: C) -> C:
    """Make a class a frozen dataclass that refuses arguments which its annotations exclude.

    An `int` is a count, 1 or more; a `float` is finite; `int | Pair` is one count for rows and
    columns or one for each. Annotations without a rule are the layer's own business, and so is
    what depends on x.
    """

    def check(self: Any) -> None:
        name = type(self).__name__
        for field in dataclasses.fields(self):
            value, rule = getattr(self, field.name), str(field.type)
            if rule in RULES and not RULES[rule][0](value):
                raise BadInput(f"{name}: {field.name} must be {RULES[rule][1]}, got {value!r}.")
            if rule.startswith("int | Pair") and not (value is None and rule.endswith("None")):
                pair(name, field.name, value)

    cls.__post_init__ = check  # type: ignore[attr-defined]
    return dataclasses.dataclass(frozen=True)(cls)  # type: ignore[return-value]
