"""Arithmetic: cell by cell, and sums of products."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine.catalogue.choosing import greater
from fluxlab.engine.core.kinds import MINUS_ONE, ONE, Contraction, Elementwise

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Step

add: Elementwise = Elementwise(
    "add", lambda u, v: u + v, np.add, (ONE, ONE),
    latex="<0> + <1>", numpy="<0> + <1>", words="<0> plus <1>", noun="sum",
)  # fmt: skip
subtract: Elementwise = Elementwise(
    "subtract", lambda u, v: u - v, np.subtract, (ONE, MINUS_ONE),
    latex="<0> - <1>", numpy="<0> - <1>", words="<0> minus <1>", noun="difference",
)  # fmt: skip
multiply: Elementwise = Elementwise(
    "multiply", lambda u, v: u * v, np.multiply,
    (lambda out, u, v: v, lambda out, u, v: u),
    latex=r"<0> \odot <1>", numpy="<0> * <1>", words="<0> times <1>, cell by cell",
    noun="product",
)  # fmt: skip
divide: Elementwise = Elementwise(
    "divide", lambda u, v: np.divide(u, v), np.divide,
    (lambda out, u, v: divide(1.0, v), lambda out, u, v: negate(divide(out, v))),
    latex=r"\frac{<0>}{<1>}", numpy="<0> / <1>", words="<0> divided by <1>",
    noun="quotient",
)  # fmt: skip
negate: Elementwise = Elementwise(
    "negate", lambda u: -u, np.negative, (MINUS_ONE,),
    latex="-<0>", numpy="-<0>", words="<0> with its sign turned",
    noun="negative",
)  # fmt: skip
power: Elementwise = Elementwise(
    "power", lambda u, exponent: np.power(u, float(exponent)),
    lambda out, u, exponent: (
        [(np.square, u, out)] if exponent == 2 else [(np.power, u, np.array(float(exponent)), out)]
    ),
    (
        lambda out, u, exponent: multiply(
            u.number("exponent", float(exponent)),
            u if exponent in (0, 2) else power(u, exponent=exponent - 1)
        ),
    ),
    latex="{<0>}^{<exponent>}", numpy="<0> ** <exponent>", words="<0> to the power of <exponent>",
)  # fmt: skip
raised: Elementwise = Elementwise(
    "raised", np.power, np.power,
    (lambda out, u, v: base_slope(u, v), lambda out, u, v: exponent_slope(out, u)),
    words="<0> to the power of <1>", noun="power",
)  # fmt: skip
base_slope: Elementwise = Elementwise(
    "base_slope", lambda u, v: v * np.power(u, v - 1.0) if v else 0.0,
    lambda out, u, v: (
        lambda flat: [
            (np.subtract, v, np.array(1.0), out), (np.power, u, out, out),
            (np.multiply, out, v, out), (np.equal, v, np.array(0.0), flat),
            (partial(np.copyto, out, 0.0, where=flat),),
        ]
    )(np.empty(v.shape, np.bool_)),
    (None, None),
    latex=r"<1>\,{<0>}^{<1> - 1}", numpy="np.where(<1> == 0, 0, <1> * <0> ** (<1> - 1.0))",
    words="<1> times <0> to the power of (<1> - 1); 0 where <1> is 0",
)  # fmt: skip
exponent_slope: Elementwise = Elementwise(
    "exponent_slope", lambda out, u: out * np.log(u) if u else 0.0,
    lambda made, out, u: (
        lambda zero: [
            (np.log, u, made), (np.multiply, made, out, made), (np.equal, u, np.array(0.0), zero),
            (partial(np.copyto, made, 0.0, where=zero),),
        ]
    )(np.empty(u.shape, np.bool_)),
    (None, None),
    latex=r"<0> \odot \ln <1>", numpy="np.where(<1> == 0, 0, <0> * np.log(<1>))",
    words="<0> times the natural logarithm of <1>; 0 where <1> is 0",
)  # fmt: skip
exp: Elementwise = Elementwise(
    "exp", np.exp, np.exp, (lambda out, u: out,),
    latex="e^{<0>}", numpy="np.exp(<0>)", words="e to the power of <0>",
)  # fmt: skip
log: Elementwise = Elementwise(
    "log", np.log, np.log, (lambda out, u: divide(1.0, u),),
    latex=r"\ln <0>", numpy="np.log(<0>)", words="the natural logarithm of <0>",
)  # fmt: skip
sqrt: Elementwise = Elementwise(
    "sqrt", np.sqrt, np.sqrt, (lambda out, u: divide(0.5, out),),
    latex=r"\sqrt{<0>}", numpy="np.sqrt(<0>)", words="the square root of <0>",
)  # fmt: skip
absolute: Elementwise = Elementwise(
    "absolute", np.abs, np.absolute, (lambda out, u: sign(u),),
    corners=(0.0,), latex="|<0>|", numpy="np.abs(<0>)", words="<0> without its sign",
)  # fmt: skip
sign: Elementwise = Elementwise(
    "sign", np.sign, np.sign, (None,),
    corners=(0.0,), latex=r"\operatorname{sign} <0>", numpy="np.sign(<0>)",
    words="the sign of <0>: -1, 0 or 1",
)  # fmt: skip
maximum: Elementwise = Elementwise(
    "maximum", np.maximum, np.maximum,
    (lambda out, u, v: greater(u, v), lambda out, u, v: subtract(1.0, greater(u, v))),
    corners=(0.0,), latex=r"\max(<0>, <1>)", numpy="np.maximum(<0>, <1>)",
    words="the larger of <0> and <1>",
)  # fmt: skip
minimum: Elementwise = Elementwise(
    "minimum", np.minimum, np.minimum,
    (lambda out, u, v: greater(v, u), lambda out, u, v: subtract(1.0, greater(v, u))),
    corners=(0.0,), latex=r"\min(<0>, <1>)", numpy="np.minimum(<0>, <1>)",
    words="the smaller of <0> and <1>",
)  # fmt: skip
remainder: Elementwise = Elementwise(
    "remainder", np.mod, np.remainder,
    (ONE, lambda out, u, v: divide(subtract(out, u), v)),
    latex=r"<0> \bmod <1>", numpy="<0> % <1>",
    words="what is left of <0> after taking <1> away as often as it fits",
)  # fmt: skip
squared_error: Elementwise = Elementwise(
    "squared_error", lambda y, t: (y - t) ** 2,
    lambda out, y, t: [(np.subtract, y, t, out), (np.square, out, out)],
    (lambda out, y, t: error_slope(y, t), lambda out, y, t: error_slope(t, y)),
    latex="(<0> - <1>)^2", numpy="(<0> - <1>) ** 2", words="how far <0> is from <1>, squared",
)  # fmt: skip
error_slope: Elementwise = Elementwise(
    "error_slope", lambda y, t: 2 * (y - t),
    lambda out, y, t: [(np.subtract, y, t, out), (np.add, out, out, out)], (None, None),
    latex=r"2\,(<0> - <1>)", numpy="2 * (<0> - <1>)", words="twice the difference of <0> and <1>",
)  # fmt: skip
step_down: Elementwise = Elementwise(
    "step_down", lambda w, rate, gradient: w - rate * gradient,
    lambda out, w, rate, gradient: (
        lambda change: [(np.multiply, gradient, rate, change), (np.subtract, w, change, out)]
    )(np.empty_like(gradient)),
    (None, None, None),
    latex=r"<0> - <1> \cdot <2>", numpy="<0> - <1> * <2>",
    words="<0>, moved against its gradient: minus <1> times <2>",
)  # fmt: skip
add_all: Elementwise = Elementwise(
    "add_all", lambda *cells: sum(cells),
    lambda out, *arrays: [
        (np.add, arrays[0], arrays[1], out), *((np.add, out, more, out) for more in arrays[2:])
    ],
    (ONE,), latex="", numpy="", words="the shares of all uses, added up", noun="sum",
)  # fmt: skip
hold: Elementwise = Elementwise(
    "hold", lambda u: u, np.positive, (None,),
    latex=r"\overline{<0>}", numpy="np.positive(<0>)",
    words="<0>, held: the backward pass and the gradient check take it for a fixed number",
)  # fmt: skip
# A negative base stands in brackets: -2 ** x is minus 2 ** x.
raised.latex_template = lambda step: "(<0>)^{<1>}" if _negative(step) else "{<0>}^{<1>}"  # type: ignore[method-assign]
raised.numpy_template = lambda step: "(<0>) ** <1>" if _negative(step) else "<0> ** <1>"  # type: ignore[method-assign]


def _negative(step: Step) -> bool:
    base = step.inputs[0]
    return base.kind == "constant" and not base.shape and bool(base.buffer < 0)


# One template for any number of inputs.
add_all.latex_template = lambda step: " + ".join(f"<{i}>" for i in range(len(step.inputs)))  # type: ignore[method-assign]
add_all.numpy_template = add_all.latex_template  # type: ignore[method-assign]

# -- sums of products -------------------------------------------------------------------

contract = Contraction("contract", noun="product")


def outer(left: Any, right: Any) -> Any:
    """Every cell of one vector times every cell of another: (n,) and (m,) give (n, m)."""
    return contract(left, right, signature="i,j->ij")
