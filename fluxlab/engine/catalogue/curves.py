"""Functions of one number, cell by cell: waves, logarithms near 0, the bell's area, steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fluxlab.engine.catalogue.arithmetic import add, divide, exp, multiply, negate, power
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.kinds import Elementwise
from fluxlab.engine.core.numbers import Array, is_whole

_1 = np.array(1.0)
Calls = list[tuple[Any, ...]]

sin: Elementwise = Elementwise(
    "sin", np.sin, np.sin, (lambda out, u: cos(u),),
    latex=r"\sin(<0>)", numpy="np.sin(<0>)", words="the sine of <0>",
)  # fmt: skip
cos: Elementwise = Elementwise(
    "cos", np.cos, np.cos, (lambda out, u: negate(sin(u)),),
    latex=r"\cos(<0>)", numpy="np.cos(<0>)", words="the cosine of <0>",
)  # fmt: skip
arctan: Elementwise = Elementwise(
    "arctan", np.arctan, np.arctan,
    (lambda out, u: divide(1.0, add(1.0, power(u, exponent=2))),),
    latex=r"\arctan <0>", numpy="np.arctan(<0>)", words="the angle whose tangent is <0>",
)  # fmt: skip
log1p: Elementwise = Elementwise(
    "log1p", np.log1p, np.log1p, (lambda out, u: divide(1.0, add(1.0, u)),),
    latex=r"\ln(1 + <0>)", numpy="np.log1p(<0>)",
    words="the natural logarithm of 1 plus <0>, exact also where <0> is tiny",
)  # fmt: skip
expm1: Elementwise = Elementwise(
    "expm1", np.expm1, np.expm1, (lambda out, u: exp(u),),
    latex="e^{<0>} - 1", numpy="np.expm1(<0>)",
    words="e to the power of <0>, minus 1, exact also where <0> is tiny",
)  # fmt: skip
floor: Elementwise = Elementwise(
    "floor", np.floor, np.floor, (None,),
    latex=r"\lfloor <0> \rfloor", numpy="np.floor(<0>)",
    words="<0>, rounded down; flat between its jumps, so no gradient passes",
)  # fmt: skip
ceil: Elementwise = Elementwise(
    "ceil", np.ceil, np.ceil, (None,),
    latex=r"\lceil <0> \rceil", numpy="np.ceil(<0>)",
    words="<0>, rounded up; flat between its jumps, so no gradient passes",
)  # fmt: skip
_round: Elementwise = Elementwise(
    "round", lambda u, decimals: float(np.round(u, decimals)),
    lambda out, u, decimals: [(np.round, u, decimals, out)], (None,),
    latex=r"\operatorname{round} <0>", numpy="np.round(<0>, <decimals>)",
    words="<0>, rounded to <decimals> decimals, halves to the even number; no gradient passes",
)  # fmt: skip

# -- the error function, in two rational pieces (Cody, 1969) ----------------------------------

_EDGE = 0.46875
_NEAR = (
    (0.185777706184603153, 3.16112374387056560, 113.864154151050156, 377.485237685302021,
     3209.37758913846947),
    (1.0, 23.6012909523441209, 244.024637934444173, 1282.61652607737228, 2844.23683343917062),
)  # fmt: skip
_FAR = (
    (2.15311535474403846e-8, 0.564188496988670089, 8.88314979438837594, 66.1191906371416295,
     298.635138197400131, 881.952221241769090, 1712.04761263407058, 2051.07837782607147,
     1230.33935479799725),
    (1.0, 15.7449261107098347, 117.693950891312499, 537.181101862009858, 1621.38957456669019,
     3290.79923573345963, 4362.61909014324716, 3439.36767414372164, 1230.33935480374942),
)  # fmt: skip


def _polynomial(out: Array, x: Array, factors: tuple[float, ...]) -> Calls:
    """Horner's rule, the highest power first."""
    calls: Calls = [(out.fill, factors[0])]
    for factor in factors[1:]:
        calls += [(np.multiply, out, x, out), (np.add, out, np.array(factor), out)]
    return calls


def _erf_calls(out: Array, u: Array) -> Calls:
    size, x, below = np.empty_like(out), np.empty_like(out), np.empty_like(out)
    near, far = np.empty_like(out), np.empty(out.shape, np.bool_)
    return [
        # u times a quotient in u squared, where |u| is small
        (np.absolute, u, size), (np.minimum, size, np.array(_EDGE), x), (np.multiply, x, x, x),
        *_polynomial(near, x, _NEAR[0]), *_polynomial(below, x, _NEAR[1]),
        (np.divide, near, below, near), (np.multiply, near, u, near),
        # else 1 minus e^(-u^2) times a quotient in |u|; at 6 that is 1 to the last digit
        (np.minimum, size, np.array(6.0), x), *_polynomial(out, x, _FAR[0]),
        *_polynomial(below, x, _FAR[1]), (np.divide, out, below, out), (np.multiply, x, x, x),
        (np.negative, x, x), (np.exp, x, x), (np.multiply, out, x, out),
        (np.subtract, _1, out, out), (np.copysign, out, u, out),
        (np.less_equal, size, np.array(_EDGE), far), (_copy_where, out, near, far),
    ]  # fmt: skip


def _copy_where(out: Array, source: Array, where: Any) -> None:
    np.copyto(out, source, where=where)


erf: Elementwise = Elementwise(
    "erf", math.erf, _erf_calls,
    (lambda out, u: multiply(2 / math.sqrt(math.pi), exp(negate(power(u, exponent=2)))),),
    latex=r"\operatorname{erf} <0>", numpy="erf(<0>)",
    words="the error function of <0>: the share of a bell curve that lies within it",
)  # fmt: skip


def tan(x: Any) -> Any:
    """The tangent, which is sine by cosine."""
    return divide(sin(x), cos(x))


def square(x: Any) -> Any:
    """Each cell times itself."""
    return power(x, exponent=2)


def round(x: Any, decimals: int = 0) -> Any:
    """The nearest number with so many decimals; halves go to the even one. No gradient passes."""
    if not is_whole(decimals):
        raise BadInput(f"round: decimals must be a whole number, such as 2, got {decimals!r}.")
    return _round(x, decimals=int(decimals))
