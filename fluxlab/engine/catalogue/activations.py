"""Activations `h = f(a)` with their slopes `dh_da`. A new one is one entry here.

Every menu, plot, test and lesson that lists activations reads `ACTIVATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fluxlab.engine.catalogue.rowwise import softmax
from fluxlab.engine.core.errors import BadInput, counted, unknown
from fluxlab.engine.core.kinds import ONE, Elementwise
from fluxlab.engine.core.memory import LARGE, zeros

ACTIVATIONS: dict[str, Any] = {"softmax": softmax}
# What costs little: 0-d operands; `fmax`, which is faster than `maximum` (but hides a NaN, so it
# stands only where both sides have it); `sign`, which needs no cast as `greater` does.
_0, _1 = np.array(0.0), np.array(1.0)


class Activation(Elementwise):
    """An elementwise function with its slope.

    `slope` gives the slope op's rule and calls; `reads` says what the slope is computed from:
    "a", "h", or "ah". Taking it from h alone is right only where the slope is a function of h.
    """

    activation = True

    def __init__(
        self, name: str, rule: Callable[..., float], calls: Any, *,
        slope: tuple[Callable[..., float], Any] | None, reads: str = "h",
        slope_texts: dict[str, Any] | None = None, **texts: Any,
    ) -> None:  # fmt: skip
        if slope is None:
            super().__init__(name, rule, calls, (ONE,), **texts)
        else:
            steepness = Elementwise(
                f"{name}_slope", *slope, (None,) * len(reads), **(slope_texts or {})
            )
            self.slope = steepness

            def local(h: Any, a: Any, **params: Any) -> Any:
                return steepness(*({"a": a, "h": h}[letter] for letter in reads), **params)

            super().__init__(name, rule, calls, (local,), **texts)
        ACTIVATIONS[name] = self

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        if len(inputs) != len(self.slopes) or params:
            got = ", ".join([counted(len(inputs), "argument"), *sorted(params)])
            raise BadInput(f"fl.{self.name} takes one matrix, as in fl.{self.name}(a); got {got}.")
        return super().__call__(*inputs, **params)


def activation(name: object) -> Any:
    """The activation of that name; UnknownName with the nearest one otherwise."""
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise unknown("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]


def _sigmoid(a: Any) -> Any:
    # exp(-a) may overflow to infinity for very negative a; 1 / infinity is then exactly right.
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-a))


def _sigmoid_calls(out: Any, a: Any) -> list[tuple[Any, ...]]:
    return [
        (np.negative, a, out), (np.exp, out, out), (np.add, out, _1, out), (np.divide, _1, out, out)
    ]  # fmt: skip


def _is_positive(out: Any, a: Any) -> list[tuple[Any, ...]]:
    flags = np.empty_like(a, dtype=np.bool_)
    return [(np.greater, a, _0, flags), (out.__setitem__, ..., flags)]


linear = Activation(
    "linear", lambda a: a, np.positive, slope=(lambda a: 1.0, lambda out, a: [(out.fill, 1.0)]),
    reads="a", latex="<0>", numpy="<0>", words="<0> itself",
    slope_texts={"latex": "1", "numpy": "np.ones_like(<0>)", "words": "1 everywhere", "unit": True},
)  # fmt: skip
sigmoid = Activation(
    "sigmoid", _sigmoid, _sigmoid_calls, unit=True,
    slope=(
        lambda h: h * (1 - h),
        lambda out, h: [(np.subtract, _1, h, out), (np.multiply, out, h, out)],
    ),
    latex=r"\frac{1}{1 + e^{-<0>}}", numpy="1 / (1 + np.exp(-<0>))",
    words="<0> squeezed into 0..1 by the sigmoid",
    slope_texts={
        "latex": r"<0> \odot (1 - <0>)", "numpy": "<0> * (1 - <0>)", "unit": True,
        "words": "<0> times (1 - <0>): at most 0.25, and near 0 where the sigmoid is flat",
    },
)  # fmt: skip
tanh = Activation(
    "tanh", np.tanh, np.tanh,
    slope=(
        lambda h: 1 - h * h,
        lambda out, h: [(np.multiply, h, h, out), (np.subtract, _1, out, out)],
    ),
    latex=r"\tanh <0>", numpy="np.tanh(<0>)", words="<0> squeezed into -1..1 by tanh",
    slope_texts={
        "latex": "1 - {<0>}^2", "numpy": "1 - <0> ** 2", "unit": True,
        "words": "1 minus <0> squared: 1 in the middle, near 0 where tanh is flat",
    },
)  # fmt: skip
relu = Activation(
    "relu", lambda a: max(a, 0.0) if a == a else a,
    # Of two whole matrices the larger is found 1.6 times as fast as of a matrix and one number.
    lambda out, a: [(np.maximum, a, zeros(a) if a.size > LARGE else _0, out)],
    reads="a",
    slope=(lambda a: float(a > 0), lambda out, a: _is_positive(out, a)),
    corners=(0.0,), latex=r"\max(0, <0>)", numpy="np.maximum(<0>, 0)",
    words="<0> where it is positive, else 0",
    slope_texts={
        "latex": r"[<0> > 0]", "numpy": "(<0> > 0) * 1.0", "unit": True,
        "words": "1 where <0> is positive, else 0 (0 at the kink, too)",
    },
)  # fmt: skip
leaky_relu = Activation(
    "leaky_relu", lambda a: a if a > 0 or a != a else 0.01 * a,
    lambda out, a: [(np.multiply, a, np.array(0.01), out), (np.fmax, a, out, out)],
    reads="a",
    slope=(
        lambda a: 1.0 if a > 0 else 0.01,
        lambda out, a: [(np.sign, a, out), (np.fmax, out, np.array(0.01), out)],
    ),
    corners=(0.0,), latex=r"\max(0.01\,<0>, <0>)", numpy="np.maximum(0.01 * <0>, <0>)",
    words="<0> where it is positive, a hundredth of it elsewhere",
    slope_texts={
        "latex": r"1 \text{ if } <0> > 0 \text{ else } 0.01", "numpy": "np.where(<0> > 0, 1, 0.01)",
        "words": "1 where <0> is positive, else 0.01 (0.01 at the kink, too)", "unit": True,
    },
)  # fmt: skip
elu = Activation(
    "elu", lambda a: a if a > 0 or a != a else np.expm1(a),
    lambda out, a: [(np.minimum, a, _0, out), (np.expm1, out, out), (np.maximum, a, out, out)],
    reads="h",
    slope=(
        lambda h: 1.0 if h > 0 else h + 1.0,
        lambda out, h: [(np.minimum, h, _0, out), (np.add, out, _1, out)],
    ),
    latex=r"<0> \text{ if } <0> > 0 \text{ else } e^{<0>} - 1",
    numpy="np.where(<0> > 0, <0>, np.expm1(np.minimum(<0>, 0)))",
    words="<0> where it is positive, elsewhere a curve that ends at -1",
    slope_texts={
        "latex": r"\min(<0>, 0) + 1", "numpy": "np.minimum(<0>, 0) + 1", "unit": True,
        "words": "1 where <0> is positive, elsewhere <0> + 1",
    },
)  # fmt: skip
swish = Activation(
    "swish", lambda a: a * _sigmoid(a),
    lambda out, a: [*_sigmoid_calls(out, a), (np.multiply, out, a, out)],
    reads="a",
    slope=(
        lambda a: _sigmoid(a) * (1 + a * (1 - _sigmoid(a))),
        lambda out, a: (
            lambda rest: [
                *_sigmoid_calls(out, a), (np.subtract, _1, out, rest), (np.multiply, rest, a, rest),
                (np.add, rest, _1, rest), (np.multiply, out, rest, out),
            ]
        )(np.empty_like(a)),
    ),
    latex=r"\frac{<0>}{1 + e^{-<0>}}", numpy="<0> / (1 + np.exp(-<0>))",
    words="<0> times its own sigmoid",
    slope_texts={
        "latex": r"\sigma(<0>)\,(1 + <0>\,(1 - \sigma(<0>)))",
        "numpy": "sigmoid(<0>) * (1 + <0> * (1 - sigmoid(<0>)))",
        "words": "the slope of swish, from <0>; its output alone would not tell",
    },
)  # fmt: skip

softplus = Activation(
    "softplus", lambda a: np.logaddexp(0.0, a), lambda out, a: [(np.logaddexp, _0, a, out)],
    reads="a", slope=(_sigmoid, _sigmoid_calls),
    latex=r"\ln(1 + e^{<0>})", numpy="np.logaddexp(0, <0>)", words="a smooth ReLU of <0>",
    slope_texts={
        "latex": r"\frac{1}{1 + e^{-<0>}}", "numpy": "1 / (1 + np.exp(-<0>))", "unit": True,
        "words": "the sigmoid of <0>",
    },
)  # fmt: skip
_ROOT, _CUBE = np.sqrt(2 / np.pi), 0.044715


def _gelu(a: Any) -> Any:
    with np.errstate(over="ignore"):
        return a * _sigmoid(2 * _ROOT * (a + _CUBE * a * a * a))


def _gelu_slope(a: Any) -> Any:
    with np.errstate(over="ignore"):
        z = 2 * _ROOT * (a + _CUBE * a * a * a)
        both = a * (_sigmoid(z) * _sigmoid(-z))  # 0 where a^2 overflows
        return _sigmoid(z) + 2 * _ROOT * (both + 3 * _CUBE * (both * a * a))


def _twice_z(out: Any, a: Any) -> list[tuple[Any, ...]]:
    """out = 2 sqrt(2 / pi) (a + 0.0447 a^3); 0.5 (1 + tanh z) is the sigmoid of 2 z."""
    return [
        (np.multiply, a, a, out), (np.multiply, out, np.array(_CUBE), out), (np.add, out, _1, out),
        (np.multiply, out, a, out), (np.multiply, out, np.array(2 * _ROOT), out),
    ]  # fmt: skip


def _gelu_slope_calls(out: Any, a: Any) -> list[tuple[Any, ...]]:
    up, down = np.empty_like(a), np.empty_like(a)
    return [
        *_twice_z(up, a), (np.negative, up, down), *_sigmoid_calls(up, up),
        *_sigmoid_calls(down, down),
        # Their product first: it is 0 where a^2 would overflow.
        (np.multiply, up, down, down), (np.multiply, down, a, out), (np.multiply, out, a, down),
        (np.multiply, down, a, down), (np.multiply, down, np.array(3 * _CUBE), down),
        (np.add, out, down, out), (np.multiply, out, np.array(2 * _ROOT), out),
        (np.add, out, up, out),
    ]  # fmt: skip


gelu = Activation(
    "gelu", _gelu,
    lambda out, a: [*_twice_z(out, a), *_sigmoid_calls(out, out), (np.multiply, out, a, out)],
    reads="a", slope=(_gelu_slope, _gelu_slope_calls),
    latex=r"\tfrac{1}{2}<0>\,(1 + \tanh(\sqrt{2/\pi}\,(<0> + 0.0447\,{<0>}^3)))",
    numpy="0.5 * <0> * (1 + np.tanh(np.sqrt(2 / np.pi) * (<0> + 0.044715 * <0> ** 3)))",
    words="<0> times nearly the share of a bell curve that lies below it (the tanh form)",
    slope_texts={
        "latex": r"\operatorname{gelu}'(<0>)", "numpy": "gelu_slope(<0>)",
        "words": "the slope of GELU, from <0>",
    },
)  # fmt: skip
threshold = Activation(
    "threshold", lambda a: np.heaviside(a, 0.0), lambda out, a: [(np.heaviside, a, _0, out)],
    unit=True,
    reads="a", slope=(lambda a: 0.0, lambda out, a: [(out.fill, 0.0)]),
    corners=(0.0,), latex="[<0> > 0]", numpy="(<0> > 0) * 1.0",
    words="1 where <0> is positive, else 0",
    slope_texts={
        "latex": "0", "numpy": "np.zeros_like(<0>)", "unit": True,
        "words": "0 everywhere: the threshold is flat, so no gradient comes through",
    },
)  # fmt: skip


def _tempered(a: Any, t: Any = 1.0) -> Any:
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-a / t))


def _above_zero(t: Any) -> None:
    if np.any(t <= 0):
        raise BadInput(
            f"sigmoid_temperature: temperature must be above 0, got {float(np.min(t)):g}. Near 0 "
            "the curve becomes the threshold; for that itself use fl.threshold."
        )


class SigmoidTemperature(Elementwise):
    """The sigmoid of a / temperature, with the temperature as a second matrix, usually 0-d.

    `fl.sigmoid_temperature(a, 0.5)` or `fl.sigmoid_temperature(a, t)` with a traced t, which can
    be dragged. As t approaches 0 it becomes the threshold, as t grows it flattens towards 0.5.
    """

    activation = True

    def __call__(self, a: Any, temperature: Any = 1.0) -> Any:
        return super().__call__(a, temperature)


_t_slope = Elementwise(
    "sigmoid_temperature_slope", lambda h, t: h * (1 - h) / t,
    lambda out, h, t: [
        (np.subtract, _1, h, out), (np.multiply, out, h, out), (np.divide, out, t, out)
    ],
    (None, None), latex=r"\frac{<0> \odot (1 - <0>)}{<1>}", numpy="<0> * (1 - <0>) / <1>",
    words="<0> times (1 - <0>), divided by <1>: the colder, the steeper in the middle",
)  # fmt: skip
_t_turn = Elementwise(
    "temperature_slope", lambda h, a, t: -h * (1 - h) * a / t / t,  # t * t may be 0 or infinite
    lambda out, h, a, t: [
        (np.subtract, _1, h, out), (np.multiply, out, h, out), (np.multiply, out, a, out),
        (np.divide, out, t, out), (np.divide, out, t, out), (np.negative, out, out),
    ],
    (None, None, None), latex=r"-\frac{<0> \odot (1 - <0>) \odot <1>}{{<2>}^2}",
    numpy="-<0> * (1 - <0>) * <1> / <2> / <2>",
    words="how <0> moves towards 0.5 as <2> grows",
)  # fmt: skip
sigmoid_temperature = SigmoidTemperature(
    "sigmoid_temperature", _tempered,
    lambda out, a, t=_1: [
        (_above_zero, t), (np.divide, a, t, out), (np.negative, out, out), (np.exp, out, out),
        (np.add, out, _1, out), (np.divide, _1, out, out),
    ],
    (lambda h, a, t: _t_slope(h, t), lambda h, a, t: _t_turn(h, a, t)), unit=True,
    latex=r"\frac{1}{1 + e^{-<0> / <1>}}", numpy="1 / (1 + np.exp(-<0> / <1>))",
    words="<0> divided by <1>, squeezed into 0..1 by the sigmoid",
)  # fmt: skip
ACTIVATIONS["sigmoid_temperature"] = sigmoid_temperature
