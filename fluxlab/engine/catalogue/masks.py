"""Masks of 0 and 1: compared, joined, and what is chosen by them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from fluxlab.engine.catalogue.arithmetic import maximum, multiply, subtract
from fluxlab.engine.catalogue.choosing import Comparison, equal, greater, greater_equal
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.kinds import Elementwise
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array, as_numbers


def _chosen(out: Array, mask: Array, u: Array, v: Array) -> list[tuple[Any, ...]]:
    flags = np.empty(mask.shape, np.bool_)
    return [
        (np.copyto, out, v), (np.not_equal, mask, np.array(0.0), flags),
        (partial(np.copyto, out, u, where=flags),),
    ]  # fmt: skip


_where: Elementwise = Elementwise(
    "where", lambda mask, u, v: u if mask else v, _chosen,
    (
        None,
        lambda out, mask, u, v: _as_mask(mask),
        lambda out, mask, u, v: subtract(1.0, _as_mask(mask)),
    ),
    latex=r"<1> \text{ if } <0> \text{ else } <2>", numpy="np.where(<0>, <1>, <2>)",
    words="<1> where <0> is not 0, else <2>",
)  # fmt: skip


def _as_mask(matrix: Matrix) -> Any:
    """1 where the matrix is not 0, else 0."""
    return matrix if _is_mask(matrix) else not_equal(matrix, 0.0)


def _is_mask(matrix: Matrix) -> bool:
    """Whether it holds 0 and 1 alone, whatever the numbers are."""
    step = matrix.step
    if step is None or isinstance(step.op, Comparison):
        return step is not None
    first, second = step.inputs[0], step.inputs[-1]
    if step.op is subtract:  # 1 - mask
        return first.kind == "constant" and bool(np.all(first.buffer == 1)) and _is_mask(second)
    return step.op in (multiply, maximum) and _is_mask(first) and _is_mask(second)


def where(mask: Any, a: Any = None, b: Any = None) -> Any:
    """Cell by cell `a` where the mask is not 0, else `b`. No gradient flows to the mask.

    Both are computed everywhere. Where the one not chosen has an infinite slope, as log(x) at 0,
    the gradient is 0 times infinity, which is NaN: choose the number that goes in, then take log.
    """
    if a is None or b is None:
        raise BadInput(
            "where: takes three arguments, where(mask, a, b). The places of a mask alone would be "
            "more or fewer when a number changes; a trace keeps its shapes."
        )
    return _where(mask, a, b)


def less(a: Any, b: Any) -> Any:
    """1 where a is less than b, else 0: b is greater than a."""
    return greater(b, a)


def less_equal(a: Any, b: Any) -> Any:
    """1 where a is less than or equal to b, else 0."""
    return greater_equal(b, a)


def not_equal(a: Any, b: Any) -> Any:
    """1 where a and b differ, else 0."""
    return subtract(1.0, equal(a, b))


def logical_and(a: Any, b: Any) -> Any:
    """1 where both masks are 1, else 0: their product."""
    return multiply(_checked("&", a), _checked("&", b))


def logical_or(a: Any, b: Any) -> Any:
    """1 where at least one mask is 1, else 0: the larger of both."""
    return maximum(_checked("|", a), _checked("|", b))


def logical_not(a: Any) -> Any:
    """1 where the mask is 0, else 0: 1 minus the mask."""
    return subtract(1.0, _checked("~", a))


def _checked(sign: str, mask: Any) -> Any:
    """The mask; BadInput if a number in it is neither 0 nor 1."""
    numbers = mask.buffer if isinstance(mask, Matrix) else as_numbers(sign, "a mask", mask)
    odd = numbers[(numbers != 0) & (numbers != 1)]
    if odd.size and (not isinstance(mask, Matrix) or mask.ready):
        raise BadInput(
            f"{sign} takes masks of 0 and 1, such as (x > 0) {sign} (x < 1); got {odd[0]:g}. In "
            f"Python {sign} binds more closely than > and ==, so write the brackets."
        )
    return mask
