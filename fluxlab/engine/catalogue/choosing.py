"""Selections: cells compared, places found, random draws. No gradient passes through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fluxlab.engine.catalogue.axes import axis_of, sizes_of
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.kinds import Elementwise, Selection
from fluxlab.engine.core.numbers import Array, Shape, whole
from fluxlab.engine.core.op import Call, Params, bound


def _uniform(key: Array, shape: tuple[int, ...], seed: int) -> Array:
    if np.any(key < 0) or np.any(key != np.floor(key)):
        raise BadInput(f"uniform: key must hold whole numbers, 0 or more, got {key!r}.")
    words = [seed, *(int(k) for k in np.ravel(key))]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words))).random(shape)


class Comparison(Selection):
    """Two matrices compared cell by cell: 1 where it is so, else 0."""

    def __init__(self, name: str, ufunc: np.ufunc, latex: str, sign: str, words: str) -> None:
        super().__init__(
            name, lambda u, v: ufunc(u, v) * 1.0, False, unit=True, latex=f"[<0> {latex} <1>]",
            numpy=f"(<0> {sign} <1>) * 1.0", words=f"1 where <0> {words} <1>, else 0",
        )  # fmt: skip
        self._ufunc = ufunc

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        return Elementwise.shape(self, shapes, params)  # type: ignore[arg-type]

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        return [bound(self._ufunc, *arrays, out)]


greater = Comparison("greater", np.greater, ">", ">", "is greater than")
greater_equal = Comparison(
    "greater_equal", np.greater_equal, r"\ge", ">=", "is greater than or equal to"
)
equal = Comparison("equal", np.equal, "=", "==", "equals")
_argsort: Selection = Selection(
    "argsort", lambda x, axis: np.argsort(x, axis, "stable"), True,
    latex=r"\operatorname{argsort} <0>", numpy="np.argsort(<0>, axis=<axis>, kind='stable')",
    words="the places of the cells of <0>, the smallest cell's first", noun="order",
)  # fmt: skip
_argmax: Selection = Selection(
    "argmax", lambda x, axis: np.argmax(x, axis=axis), True,
    latex=r"\operatorname{argmax} <0>", numpy="np.argmax(<0>, axis=<axis>)",
    words="the place of the largest cell of <0>",
)  # fmt: skip
_top: Selection = Selection(
    "top", lambda x, k, axis: np.take(np.argsort(-x, axis, "stable"), range(k), axis), True,
    latex=r"\operatorname{top}_{<k>} <0>", numpy="np.argsort(-<0>, axis=<axis>)[:<k>]",
    words="the places of the <k> largest cells of <0>, the largest first",
)  # fmt: skip
_random: Selection = Selection(
    "uniform", _uniform, False, everything=True, unit=True,
    latex=r"U(<0>)", numpy="uniform(<0>, <shape>)",
    words="random numbers between 0 and 1; the numbers in <0> decide which, so they come back",
    noun="random draw",
)  # fmt: skip


def argmax(x: Any, axis: int = -1) -> Any:
    """The place of the largest cell along `axis`; the first of equals."""
    return _argmax(x, axis=axis_of("argmax", x, axis))


def argsort(x: Any, axis: int = -1) -> Any:
    """The places of the cells along `axis`, the smallest cell's first; equals in their order."""
    return _argsort(x, axis=axis_of("argsort", x, axis))


def top(x: Any, k: int, axis: int = -1) -> Any:
    """The places of the `k` largest cells along `axis`, the largest first."""
    whole("top", "k", k, 1)
    return _top(x, k=k, axis=axis_of("top", x, axis))


def _bell(u: Array) -> Array:
    """Uniform numbers to normal ones, in pairs (Box and Muller, 1958)."""
    flat = u.ravel()
    half = (flat.size + 1) // 2
    first, second = flat[:half], flat[flat.size - half :]
    radius, turn = np.sqrt(-2 * np.log(1 - first)), 2 * np.pi * second
    made = np.concatenate([radius * np.cos(turn), (radius * np.sin(turn))[: flat.size - half]])
    return made.reshape(u.shape)


bell: Selection = Selection(
    "bell", _bell, False, everything=True, latex=r"N(<0>)", numpy="normal(<0>)",
    words="<0>, spread out as a bell curve of mean 0 and standard deviation 1", noun="normal draw",
)  # fmt: skip


def uniform(key: Any, shape: Sequence[int], seed: int = 0) -> Any:
    """Random numbers in [0, 1), a function of `seed` and `key`, such as the iteration.

    The same key gives the same numbers, so a step back brings them back.
    """
    whole("uniform", "seed", seed, 0)
    return _random(key, shape=sizes_of("uniform", shape), seed=seed)
