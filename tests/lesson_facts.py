"""What the lessons say in words: sentences whose numbers are words, or that have none.

As with the claims, the sentence is looked up in the notebook, and the names are the lesson's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from lesson_claims import W1, W2, Names, at, hidden

import fluxlab as fl


class Fact(NamedTuple):
    """A sentence with numbers in words, or with none: is it so?"""

    text: str
    holds: Callable[[Names], Any]


def kept(n: Names, first: int, last: int) -> float:
    """Which part of the promised fall of the cost comes true, from one iteration to another."""
    inside = np.linspace(first, last, 40).astype(int)
    promise = np.mean(n["along"](inside, n["promised"]))
    fall = at(n, first, n["cost_now"]) - at(n, last, n["cost_now"])
    return float(fall / (last - first) / promise)


def left(n: Names, iteration: int) -> float:
    pushed, rest = at(n, iteration, n["push"])
    return float(rest / pushed)


def unmoved_by_the_target() -> int:
    """How many matrices of the backward pass stay as they are when the target moves."""
    values = []
    for target in (0.5, 0.9):
        net = fl.form_network([3, 1], [[1, 2]], [[target]], "sigmoid", "sigmoid")
        fl.back_propagation(net)
        names = [name.rpartition("/")[2] for name in net.trace.matrices]
        lower = [
            m
            for m, name in zip(net.trace.matrices.values(), names, strict=True)
            if name.startswith(("dC_", "dh_"))
        ]
        values.append([m.value for m in lower])
    return sum(np.array_equal(one, other) for one, other in zip(*values, strict=True))


def signs_turned(n: Names) -> int:
    """In how many weights of layer 2 a slope too many turns the sign of dC_dw."""
    trace = n["batch"].trace
    h, dC_da = trace["layer 2/x"].value, trace["layer 2/dC_da"].value
    true, stray = h.T @ dC_da, (h * trace["layer 1/dh_da"].value).T @ dC_da
    return int(np.sum(np.sign(true) != np.sign(stray)))


def pulled(n: Names, p: float) -> float:
    """What w1 * w2 learns of p, when both weights are pulled towards 0."""
    t = fl.trace(n["pulled_pair"], w1=0.5, w2=0.4, p=p)
    t.descend("w1", "w2", learning_rate=0.1)
    t.history.advance(3000)
    return float(t["w1"].value * t["w2"].value)


def after_rates(*rates: float) -> float:
    """The cost of FLUX's network after one learning rate and then the next."""
    net = fl.form_network([8, 4, 1], *fl.data.parity(4), "leaky_relu", "sigmoid")
    for rate in rates:
        fl.learn(net, learning_rate=rate, iterations=10_000 if rate < 1 else 3_000)
    return float(net.trace["C"].value)


FACTS: dict[str, list[Fact]] = {
    "00": [
        Fact("Looking back loses nothing.", lambda n: len(n["learner"].history.costs) == 11),
    ],
    "04": [
        Fact(
            "each iteration *quarters* the cost", lambda n: abs((1 - 50 * 0.01) ** 2 - 0.25) < 1e-12
        ),
    ],
    "05": [
        Fact("and what is smaller than 0.1 becomes 0", lambda n: abs(pulled(n, 0.05)) < 1e-9),
        Fact(
            "Infinitely many: every pair with $w_1 w_2 = \\tfrac12$.",
            lambda n: n["cost"](5, 0.1) == 0,
        ),
    ],
    "07": [
        Fact("Thirteen numbers, nine weights and four biases", lambda n: W1.size + W2.size == 9),
        Fact("Neuron 0 goes *down* when", lambda n: hidden([1, 5])[0] < hidden([1, 2])[0]),
    ],
    "08": [
        Fact(
            "Five matrices of the backward pass do not move", lambda n: unmoved_by_the_target() == 5
        ),
        Fact("Two of these three weights would move uphill.", lambda n: signs_turned(n) == 2),
    ],
    "09": [
        Fact(
            "In the row 0000 `a` is the bias alone, so there four neurons are on",
            lambda n: at(n, 240, lambda: (n["net"].layers[0].dh_da_matrix[0] == 1).sum()) == 4,
        ),
        Fact("about a tenth of it is left", lambda n: 0.08 < left(n, 2_500) < left(n, 240) < 0.14),
        Fact(
            "nearly half of the push is left",
            lambda n: 0.4 < left(n, 20_000) < left(n, 30_000) < 0.5,
        ),
        Fact("nearly every promise is kept", lambda n: kept(n, 100, 400) > 0.9),
        Fact(
            "On the plateaus less than a tenth is kept.",
            lambda n: max(kept(n, 18_000, 22_000), kept(n, 28_000, 32_000)) < 0.1,
        ),
        Fact(
            "Ten of the twelve learn all 16 rows. Two stand at",
            lambda n: sorted(n["rows_right"]) == [15] * 2 + [16] * 10,
        ),
        Fact(
            "those whose bias has become positive",
            lambda n: at(
                n,
                240,
                lambda: np.array_equal(
                    n["net"].layers[0].dh_da_matrix[0] == 1,
                    n["net"].layers[0].weight_input_bias_matrix[0] > 0,
                ),
            ),
        ),
        Fact("even 100 does no harm", lambda n: after_rates(0.1, 1, 5, 100) < 1e-3),
        Fact("freezes at 0.5.)", lambda n: abs(after_rates(0.1, 100) - 0.5) < 1e-6),
        Fact("The slip's slopes are never negative", lambda n: n["from_h"].min() > 0),
    ],
}
