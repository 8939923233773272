"""The numbers in the lessons' sentences, and how each is computed again.

A claim is a piece of a lesson's text with `{}` for each number. The numbers are read from the
notebook and compared with those of the function, to as many digits as the text gives. The
function gets the lesson's own names as its cells left them, so an edit of a cell counts, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

import fluxlab as fl

Names = dict[str, Any]
NUMBER = r"([-−+]?\d[\d,]*(?:\.\d+)?)"


class Claim(NamedTuple):
    text: str  # with {} for each number
    values: Callable[[Names], Iterable[float]]

    def pattern(self) -> re.Pattern[str]:
        return re.compile(NUMBER.join(map(re.escape, self.text.split("{}"))))


def agrees(typed: str, value: float) -> bool:
    """Is `typed` what `value` gives when it is rounded to as many digits?"""
    digits = typed.replace("−", "-").replace(",", "")
    places = len(digits.partition(".")[2])
    return abs(float(digits) - value) <= 0.5 * 10.0**-places * (1 + 1e-9)


def s(a: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(a, dtype=float)))


# -- 00 -------------------------------------------------------------------------------------


def steepest_walk(n: Names) -> list[float]:
    """The weight w[1, 0] at which |dC_da| is largest, when b is -2."""
    weights = np.linspace(-1, 3, 40_001)
    h = s(n["X"][0, 0] * 0.4 + n["X"][0, 1] * weights + n["X"][0, 2] * 0.2 - 2)
    push = np.abs(2 * (h - 1) * h * (1 - h))
    assert abs(h[push.argmax()] - 1 / 3) < 1e-3  # "where h is one third"
    return [weights[push.argmax()]]


def said(n: Names) -> float:
    return float(s(n["X"] @ n["W"] + n["B"]).item())


LESSON_00 = [
    Claim("The neuron says $h = {}$ and", lambda n: [said(n)]),
    Claim(
        "by that amount times ${}$.*",
        lambda n: [2 * (said(n) - 1) * said(n) * (1 - said(n)) * n["X"][0, 1]],
    ),
    Claim("largest at $w_{1,0} = {}$, where $h$ is one third", steepest_walk),
    Claim("that is at $b = {}$: {}, and", lambda n: [-(n["X"] @ n["W"]).item(), s(0) * (1 - s(0))]),
    Claim(r"$\tfrac12 \cdot \tfrac12 = {}$", lambda n: [0.25]),
]

# -- 04 -------------------------------------------------------------------------------------


def line(n: Names, **changed: float) -> float:
    at = n["START"] | changed
    return float(at["x1"] * at["w1"] + at["x2"] * at["w2"])


def nudged(n: Names) -> list[float]:
    now = line(n, w2=n["START"]["w2"] + 0.01)
    return [now, (now - 10) ** 2, (line(n) - 10) ** 2 - (now - 10) ** 2]


def first_step(n: Names) -> list[float]:
    """How far w2 and w1 move at first, with the learning rate 0.01."""
    return [-0.01 * 2 * (line(n) - 10) * n["START"][x] for x in ("x2", "x1")]


def two_ways() -> list[float]:
    w, x = 2, 3
    v = w + x
    return [x, v, v * x * 0.01]


LESSON_04 = [
    Claim("(To be exact, $Y = {}$ gives $C = {}$, and that is {} less.", nudged),
    Claim(r"= 2\,(Y - 10) = {}$ | moves $C$ by", lambda n: [2 * (line(n) - 10)]),
    Claim(r"moves $C$ by $-9 \cdot 0.04 = {}$", lambda n: [2 * (line(n) - 10) * 4 * 0.01]),
    Claim(r"moves $C$ by $-36 \cdot 0.01 = {}$", lambda n: [-36 * 0.01]),
    Claim(r"| $w_2 \to C$ | $-9 \cdot 4 = {}$", lambda n: [2 * (line(n) - 10) * n["START"]["x2"]]),
    Claim(
        "`dC_dw1` became smaller, {} after {} (without the sign)",
        lambda n: [abs(float(n["with_x1"](x)["dC_dw1"].value)) for x in (14.0, 6.0)],
    ),
    Claim("it moves farther: {} against {}.", first_step),
    Claim(
        r"$3 \cdot {} + 4 \cdot {} = {}$, half of the missing {}.",
        lambda n: [
            *reversed(first_step(n)),
            4 * first_step(n)[0] + 3 * first_step(n)[1],
            10 - line(n),
        ],
    ),
    Claim(
        r"= e\,(1 - {}\,\eta)$$", lambda n: [2 * (n["START"]["x1"] ** 2 + n["START"]["x2"] ** 2)]
    ),
    Claim(
        "$Y$ jumps between {} and {} for ever",
        lambda n: [line(n), 10 - (1 - 0.04 * 50) * (10 - line(n))],
    ),
    Claim(
        "at 0.04 the cost stays at {}, and",
        lambda n: [n["after_one"](0.04)],
    ),
    Claim(
        r"{}$, then $\frac{\partial C}{\partial u} = v = {}$ | $5 \cdot 3 \cdot 0.01 = {}$",
        lambda n: two_ways(),
    ),
    Claim(r"= u = {}$ | $6 \cdot 1 \cdot 0.01 = {}$", lambda n: [6, 6 * 1 * 0.01]),
    Claim(
        r"| $15 + 6 = {}$ | $0.15 + 0.06 = {}$ |",
        lambda n: [float(n["ways"]["dC_dw"].value), 0.15 + 0.06],
    ),
    Claim(
        r"$(6 + {})\,(5 + {}) = {} + {} + {} + {}$",
        lambda n: [0.03, 0.01, 6 * 5, 0.03 * 5, 6 * 0.01, 0.03 * 0.01],
    ),
    Claim("move *together* brings {} only", lambda n: [0.03 * 0.01]),
]

# -- 05 -------------------------------------------------------------------------------------


def times_curvature(w1: float, w2: float) -> float:
    return 0.001 * 288 * (w1**2 + w2**2)


def out_of_the_saddle() -> tuple[int, float]:
    """One-line Y from (0.001, -0.001): when half of the cost is gone, and what pushed it."""

    def cost(w1: Any, w2: Any) -> Any:
        return (12 * w1 * w2 - 6) ** 2

    t = fl.trace(cost, w1=0.001, w2=-0.001)
    t.descend("w1", "w2", learning_rate=0.001)
    t.history.advance(2)
    push = abs(float(t["w1"].value + t["w2"].value))
    while t.cost.value > 18 and t.history.iteration < 1000:
        t.history.advance(1)
    return t.history.iteration, push


LESSON_05 = [
    Claim(
        r"the distance grows by the factor ${}$ each time, and $1.144^{100}$ is about {}.",
        lambda n: [1 + 0.001 * 144, round(1.144**100, -5)],
    ),
    Claim("= 36 - {}\\,w_1 w_2 + {}\\,w_1^2 w_2^2", lambda n: [2 * 12 * 6, 12**2]),
    Claim(r"C \approx 36 - {}\,s^2 \qquad", lambda n: [144 / 2]),
    Claim(r"in the other valley, at $({}, {})$", lambda n: [-math.sqrt(0.5)] * 2),
    Claim(r"= 2 \cdot {}\,(w_1^2 + w_2^2) = {}\,(w_1^2 + w_2^2)$$", lambda n: [144, 288]),
    Claim(
        r"$2 \cdot (3^2 + 4^2) = {}$, and $\eta = {}$ was the border, $0.04 \cdot 50 = {}$",
        lambda n: [50, 2 / 50, 0.04 * 50],
    ),
    Claim(
        "{} is calm, {} is far beyond {}.",
        lambda n: [times_curvature(0.7, 0.75), times_curvature(5.0, 0.11), 2],
    ),
    Claim("$w = p/{}$, and never reaches 0", lambda n: [1 + 0.1]),
    Claim(r"${}$ becomes ${}$.)", lambda n: [-0.5, -0.5 + 0.1]),
    Claim(r"the cost is $36 - {}\,w_1 w_2 w_3$ near it", lambda n: [2 * 2 * 6]),
    Claim("after {} iterations half of the cost is gone", lambda n: [out_of_the_saddle()[0]]),
    Claim("a push of about $10^{{}}$", lambda n: [math.log10(out_of_the_saddle()[1])]),
]

# -- 07 and 08: the worked example ----------------------------------------------------------

W1 = np.array([[0.5, 0.8, -0.1], [-0.3, 0.2, 0.9]])
B1 = np.array([0.1, 0.2, -0.1])
W2 = np.array([-0.2, 0.4, 0.6])
B2 = 0.3


def hidden(x: Any) -> Any:
    return s(np.array(x) @ W1 + B1)


def output(x: Any, bias: float = B2) -> Any:
    return s(hidden(x) @ W2 + bias)


def moves_of_y() -> list[float]:
    return list(np.diff([output([1, x]) for x in (2, 3.5, 5)]))


def tanh_network() -> list[float]:
    h = np.tanh(np.array([1, 2]) @ W1 + B1)
    return [0, h[1], h[2], s(h @ W2 + B2).item()]


LESSON_07 = [
    Claim(r"$1 \cdot (-0.1) + 2 \cdot 0.9 = {}$", lambda n: [(np.array([1, 2]) @ W1)[2]]),
    Claim(r"You know $h = ({},\ {},\ {})$", lambda n: hidden([1, 2])),
    Claim("So the network answers {}.", lambda n: [output([1, 2])]),
    Claim("= ({} - 0.5)^2$$", lambda n: [output([1, 2])]),
    Claim(
        "$a$ of neuron 2 grows by {}, its $h$ only from {} to {}.",
        lambda n: [0.9 * 2, hidden([1, 3])[2], hidden([1, 5])[2]],
    ),
    Claim("the second input grows twice by {}.", lambda n: [3.5 - 2]),
    Claim("first time $y$ moves by {}, the second time by {}.", lambda n: moves_of_y()),
    Claim(
        "its share falls from {} to {}, for it saturates",
        lambda n: np.diff([W2[2] * hidden([1, x])[2] for x in (2, 3.5, 5)]),
    ),
    Claim(
        "The weighted sum is ${}$, so the bias must be ${}$.",
        lambda n: [hidden([1, 2]) @ W2, -hidden([1, 2]) @ W2],
    ),
    Claim(
        "would now get {}, {} and {}, whatever",
        lambda n: output(n["inputs"][1:], -hidden([1, 2]) @ W2),
    ),
    Claim(
        r"`h` becomes $({},\ {},\ {})$. Neuron 0 now sends 0 to the output, not 0.5. "
        "The output becomes ${}$.",
        lambda n: tanh_network(),
    ),
    Claim("You have $C = {}$.", lambda n: [(output([1, 2]) - 0.5) ** 2]),
]


def dC_da2(x: Any = (1, 2), t: float = 0.5) -> float:
    y = output(x)
    return float(2 * (y - t) * y * (1 - y))


def dC_da1(x: Any = (1, 2)) -> Any:
    return dC_da2(x) * W2 * hidden(x) * (1 - hidden(x))


def swish_slopes() -> list[float]:
    a = np.linspace(-6, 6, 120_001)
    slope = s(a) + a * s(a) * (1 - s(a))
    return [slope.min(), slope.max()]


def slope(x: Any) -> Any:
    return hidden(x) * (1 - hidden(x))


LESSON_08 = [
    Claim("answers $y = {}$; the target is $t = {}$.", lambda n: [output([1, 2]), 0.5]),
    Claim(
        r"$2 \cdot ({} - 0.5) = {}$. The cost would grow",
        lambda n: [output([1, 2]), 2 * (output([1, 2]) - 0.5)],
    ),
    Claim(
        r"${} \cdot {} = {}$. Books call",
        lambda n: [
            2 * (output([1, 2]) - 0.5),
            output([1, 2]) * (1 - output([1, 2])),
            dC_da2(),
        ],
    ),
    Claim("The last of them is {}: the number", lambda n: [dC_da2() * hidden([1, 2])[2]]),
    Claim(
        "look at their sizes: {}, {}, {} stand to each other as the three $h$ below, {}, {}, {}.",
        lambda n: [*(dC_da2() * hidden([1, 2])), *hidden([1, 2])],
    ),
    Claim(
        r"Their $a$ is $({},\ {},\ {})$ and their $h$ is $({},\ {},\ {})$.",
        lambda n: [*(np.array([1, 2]) @ W1 + B1), *hidden([1, 2])],
    ),
    Claim(r"at most ${}^{10}$, a millionth", lambda n: [0.25]),
    Claim(r"under the name $\delta^{(2)} = {}$", lambda n: [dC_da2() / 2]),
    Claim(
        "4. Neurons 1 and 2, with $a = {}$ and {}. Their slopes fall from {} and {} to {} and {},",
        lambda n: [
            *(np.array([5, 5]) @ W1 + B1)[1:],
            *slope([1, 2])[1:],
            *slope([5, 5])[1:],
        ],
    ),
    Claim(
        "Neuron 0 has $a = {}$ and is still awake: its slope is {}.",
        lambda n: [(np.array([5, 5]) @ W1 + B1)[0], slope([5, 5])[0]],
    ),
    Claim(
        "still shrink a little, from ${}$ to ${}$.",
        lambda n: [dC_da1()[0], dC_da1((5, 5))[0]],
    ),
    Claim(
        "its `dC_dw` grows, from ${}$ to ${}$ in the second row",
        lambda n: [2 * dC_da1()[0], 5 * dC_da1((5, 5))[0]],
    ),
    Claim("Drag the **target** up to {}.", lambda n: [output([1, 2])]),
    Claim("(Swish has slopes from ${}$ to {}.)", lambda n: swish_slopes()),
]

# -- 09 -------------------------------------------------------------------------------------


def at(n: Names, iteration: int, question: Callable[[], Any]) -> Any:
    return n["visit"](iteration, question)


def right(n: Names) -> int:
    return int(np.sum((n["net"].trace["y"].value > 0.5) == (n["Y"] > 0.5)))


def at_240(n: Names) -> list[float]:
    y = at(n, 240, lambda: np.array(n["net"].trace["y"].value))
    return [math.floor(y.min() * 100) / 100, math.ceil(y.max() * 100) / 100]


def largest_shares(n: Names) -> list[float]:
    """The two largest of the 16 terms of dC_dw[0, 0] of layer 1 at iteration 240, and the sum."""
    layer = n["net"].layers[0]
    terms = at(n, 240, lambda: layer.input_matrix[:, 0] * layer.dC_da_matrix[:, 0])
    two = sorted(terms, key=abs)[-2:][::-1]
    return [*two, terms.sum()]


def rows_right_with(rate: float, iterations: int) -> int:
    made = fl.form_network([8, 4, 1], *fl.data.parity(4), "leaky_relu", "sigmoid")
    fl.learn(made, learning_rate=rate, iterations=iterations)
    X, Y = fl.data.parity(4)
    return int(np.sum((fl.predict(made, X) > 0.5) == (Y > 0.5)))


LESSON_09 = [
    Claim(
        "two short plateaus, near {} and near {}: at the first one {} rows are right, "
        "at the second one {}.",
        lambda n: [
            at(n, 20_000, n["cost_now"]),
            at(n, 30_000, n["cost_now"]),
            at(n, 20_000, lambda: right(n)),
            at(n, 30_000, lambda: right(n)),
        ],
    ),
    Claim("quite wrong costs 1/16, about {}.", lambda n: [1 / 16]),
    Claim("All $y$ lie between {} and {}.", at_240),
    Claim("The first two are ${}$ and ${}$, and all 16 together are ${}$.", largest_shares),
    Claim("the mean of the two slopes instead, {}.", lambda n: [(1 + 0.01) / 2]),
    Claim(
        "the rows push hard, {} and more,",
        lambda n: [math.floor(10 * at(n, 240, n["push"])[0]) / 10],
    ),
    Claim(
        "It stands on the flat end of the sigmoid, with a slope of {},",
        lambda n: [at(n, 20_000, lambda: n["net"].layers[2].dh_da_matrix[5, 0])],
    ),
    Claim(
        "summed over all {} parameters",
        lambda n: [sum(m.value.size for m in n["net"].trace.inputs if m.kind == "parameter")],
    ),
    Claim("some of the {} hidden `a` cross", lambda n: [at(n, 240, n["sides"]).size]),
    Claim(
        "they are spread from {} to {}.",
        lambda n: [min(n["middle"]), max(n["middle"])],
    ),
    Claim(
        "at that time: from {} to {}, and 0.0441 is well inside",
        lambda n: [min(n["middle"]), max(n["middle"])],
    ),
    Claim("at a cost of $1/16 = {}$", lambda n: [1 / 16]),
    Claim("near {}.) To see it yourself", lambda n: [1 / 16]),
    Claim("350,000 / 16 = {} of ours", lambda n: [350_000 / 16]),
    Claim("it ends at {}, as predicted", lambda n: [at(n, 350_000 // 16, n["cost_now"])]),
    Claim(
        "With 1 this network gets stuck with {} rows right; with 2 and 3 it reaches all {};",
        lambda n: [rows_right_with(1, 20_000), rows_right_with(2, 20_000)],
    ),
    Claim("all {}; with 5 it is soon frozen", lambda n: [rows_right_with(3, 20_000)]),
]

CLAIMS: dict[str, list[Claim]] = {
    "00": LESSON_00,
    "04": LESSON_04,
    "05": LESSON_05,
    "07": LESSON_07,
    "08": LESSON_08,
    "09": LESSON_09,
}

# Numbers that no cell prints and no claim computes: where they come from.
TOLD: dict[str, dict[str, str]] = {
    "09": {
        "0.0441": "FLUX's own program, built and run",
        "20.25": "lesson 04, which prints it",
    },
}
