"""Functions made of others, each in a scope of its own that readers can fold: `std`, `std 2`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod as product
from typing import Any

import numpy as np

from fluxlab.engine.catalogue.arithmetic import (
    add,
    divide,
    exp,
    hold,
    log,
    maximum,
    minimum,
    multiply,
    subtract,
)
from fluxlab.engine.catalogue.axes import axes_of, axis_of
from fluxlab.engine.catalogue.choosing import greater
from fluxlab.engine.catalogue.curves import square
from fluxlab.engine.catalogue.masks import where
from fluxlab.engine.catalogue.reducing import max, mean, sum
from fluxlab.engine.catalogue.shaping import reshape
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.kinds import Elementwise
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import is_whole, shape_of
from fluxlab.engine.core.scopes import scope

Axis = int | Sequence[int] | None


def _root_slope(out: Any, u: Any) -> Any:
    away = greater(out, 0.0).named(f"{out.local} is above 0")
    return where(away, divide(0.5, out).named(f"half by {out.local}"), 0.0)


root: Elementwise = Elementwise(
    "root", np.sqrt, np.sqrt, (_root_slope,),
    latex=r"\sqrt{<0>}", numpy="np.sqrt(<0>)",
    words="the square root of <0>, a sum of squares; at 0, its tip, the slope is taken as 0",
    noun="root",
)  # fmt: skip


def folded(name: str, x: Any, make: Callable[[], Any]) -> Any:
    """What `make` records, in a scope that is new to the trace; the result has the scope's name."""
    if not isinstance(x, Matrix):
        return make()
    own = x.trace.names.new_scope(name)
    with scope(own):
        made = make()
    return made.summand(own) if made.temporary else made


def _named(matrix: Any, name: str) -> Any:
    return matrix.named(name) if isinstance(matrix, Matrix) else matrix


def _held(matrix: Any, name: str) -> Any:
    return matrix.named(name, wants_gradient=False) if isinstance(matrix, Matrix) else matrix


def _variance(name: str, x: Any, axis: Axis, ddof: int, keepdims: bool) -> Any:
    shape, axes = shape_of(name, "x", x), axes_of(name, x, axis)
    count = product(shape[a] for a in axes)
    if not is_whole(ddof) or not 0 <= ddof < count:
        raise BadInput(
            f"{name}: ddof must be a whole number, 0 to {count - 1}, for {count} cells each; got "
            f"{ddof!r}. The sum of squares is divided by the number of cells minus ddof."
        )
    centred = _named(subtract(x, _named(mean(x, axes, keepdims=True), "mean")), "centred")
    squares = _named(square(centred), "squares")
    if not ddof:
        return mean(squares, axes, keepdims=keepdims)
    total = _named(sum(squares, axes, keepdims=keepdims), "sum of squares")
    return divide(total, float(count - ddof))


def var(x: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """The mean of the squared distances to the mean; ddof=1 divides by one less."""
    return folded("var", x, lambda: _variance("var", x, axis, ddof, keepdims))


def std(x: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """The standard deviation: the root of the variance. Where that is 0 its slope is taken as 0."""

    def make() -> Any:
        return root(_named(_variance("std", x, axis, ddof, keepdims), "variance"))

    return folded("std", x, make)


def norm(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The length: the root of the sum of squares. At length 0 its slope is taken as 0."""
    axes = axes_of("norm", x, axis)

    def make() -> Any:
        total = sum(_named(square(x), "squares"), axes, keepdims=keepdims)
        return root(_named(total, "sum of squares"))

    return folded("norm", x, make)


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """ln of the sum of e^x along `axis`, without overflow: the largest is taken out first."""
    axes = axes_of("logsumexp", x, axis)
    return folded("logsumexp", x, lambda: _logsumexp(x, axes, keepdims))


def _logsumexp(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    # Any number could be taken out, so the largest is held: no gradient need pass through it.
    largest = _held(hold(_named(max(x, axes, keepdims=True), "max")), "largest")
    powers = _named(exp(_named(subtract(x, largest), "below the largest")), "powers")
    total = _named(log(_named(sum(powers, axes, keepdims=keepdims), "sum of powers")), "ln of sum")
    if not keepdims:
        shape = [n for axis, n in enumerate(shape_of("logsumexp", "x", x)) if axis not in axes]
        largest = _held(reshape(largest, shape), "largest of each")
    return add(total, largest)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """ln of the softmax along `axis`: x minus the logsumexp, exact also where softmax is 0."""
    axes = (axis_of("log_softmax", x, axis),)

    def make() -> Any:
        return subtract(x, _named(_logsumexp(x, axes, True), "logsumexp"))

    return folded("log_softmax", x, make)


def clip(x: Any, low: Any = None, high: Any = None) -> Any:
    """Cells below `low` become low, cells above `high` high; None: no bound on that side.

    The gradient passes where a cell is kept, at a bound as well, as in PyTorch.
    """
    if low is None and high is None:
        raise BadInput("clip: give a lower bound, an upper bound or both, as in clip(x, 0, 1).")
    given = [b for b in (low, high) if b is not None and not isinstance(b, Matrix)]
    if len(given) == 2 and np.any(np.asarray(low) > np.asarray(high)):
        raise BadInput(f"clip: low must not be above high, got {low!r} and {high!r}.")
    # The bound first: of two equal numbers the second has the slope, so that at a bound it is x.
    above = x if low is None else maximum(low, x)
    return above if high is None else minimum(high, above)


def average(x: Any, axis: Axis = None, weights: Any = None, keepdims: bool = False) -> Any:
    """The mean along `axis`, each cell with its weight, as `np.average`."""
    if weights is None:
        return mean(x, axis, keepdims=keepdims)
    shape, given = shape_of("average", "x", x), shape_of("average", "weights", weights)
    if given != shape:
        raise BadInput(
            f"average: x is {size(shape)} and weights {size(given)}; give a weight for each cell."
        )

    def make() -> Any:
        total = _named(sum(multiply(x, weights), axis, keepdims=keepdims), "weighted sum")
        return divide(total, _named(sum(weights, axis, keepdims=keepdims), "sum of weights"))

    return folded("average", x if isinstance(x, Matrix) else weights, make)
