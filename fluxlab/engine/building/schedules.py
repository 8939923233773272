"""Schedules: the learning rate as a function of the iteration, as a step of the trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fluxlab.engine.core.kinds import Elementwise
from fluxlab.engine.core.numbers import bounded


def _op(name: str, rule: Any, latex: str, numpy: str, words: str) -> Elementwise:
    """A function of (rate, iteration); both are single numbers, so speed does not matter."""

    def calls(out: Any, rate: Any, k: Any, **params: float) -> list[tuple[Any, ...]]:
        def compute() -> None:
            out[...] = rule(float(rate), float(k), **params)

        return [(compute,)]

    return Elementwise(name, rule, calls, (None, None), latex=latex, numpy=numpy, words=words)


step_decay = _op(
    "step_decay", lambda rate, k, every, factor: rate * factor ** np.floor(k / every),
    r"<0> \cdot <factor>^{\lfloor <1> / <every> \rfloor}", "<0> * <factor> ** (<1> // <every>)",
    "<0>, times <factor> after every <every> iterations",
)  # fmt: skip
exponential_decay = _op(
    "exponential_decay", lambda rate, k, every, factor: rate * factor ** (k / every),
    r"<0> \cdot <factor>^{<1> / <every>}", "<0> * <factor> ** (<1> / <every>)",
    "<0>, shrinking smoothly by <factor> in every <every> iterations",
)  # fmt: skip
cosine_decay = _op(
    "cosine_decay",
    lambda rate, k, over, least: least
    + (rate - least) * (1 + np.cos(np.pi * np.minimum(k / over, 1.0))) / 2,
    r"<least> + \tfrac{1}{2}(<0> - <least>)(1 + \cos(\pi \min(\tfrac{<1>}{<over>}, 1)))",
    "<least> + (<0> - <least>) * (1 + np.cos(np.pi * np.minimum(<1> / <over>, 1))) / 2",
    "<0>, falling along half a cosine to <least> over <over> iterations, and staying there",
)  # fmt: skip


@dataclass(frozen=True)
class Constant:
    """The same learning rate throughout."""

    name: ClassVar[str] = "constant"

    def __call__(self, rate: Any, iteration: Any) -> Any:
        return rate


@dataclass(frozen=True)
class StepDecay:
    """rate * factor, again after every `every` iterations."""

    every: int = 1000
    factor: float = 0.5
    name: ClassVar[str] = "step"

    def __post_init__(self) -> None:
        bounded(type(self).__name__, "every", self.every, above=0)
        bounded(type(self).__name__, "factor", self.factor, above=0)

    def __call__(self, rate: Any, iteration: Any) -> Any:
        return step_decay(rate, iteration, every=self.every, factor=self.factor)


@dataclass(frozen=True)
class ExponentialDecay:
    """rate * factor ** (iteration / every)."""

    every: int = 1000
    factor: float = 0.5
    name: ClassVar[str] = "exponential"

    def __post_init__(self) -> None:
        bounded(type(self).__name__, "every", self.every, above=0)
        bounded(type(self).__name__, "factor", self.factor, above=0)

    def __call__(self, rate: Any, iteration: Any) -> Any:
        return exponential_decay(rate, iteration, every=self.every, factor=self.factor)


@dataclass(frozen=True)
class CosineDecay:
    """Half a cosine from the rate down to `least`, over `over` iterations (Loshchilov, 2017)."""

    over: int = 10_000
    least: float = 0.0
    name: ClassVar[str] = "cosine"

    def __post_init__(self) -> None:
        bounded("CosineDecay", "over", self.over, above=0)
        bounded("CosineDecay", "least", self.least, least=0)

    def __call__(self, rate: Any, iteration: Any) -> Any:
        return cosine_decay(rate, iteration, over=self.over, least=self.least)


SCHEDULES = {kind.name: kind for kind in (Constant, StepDecay, ExponentialDecay, CosineDecay)}
