"""LSTMs whose gates also see the cell state: through peepholes, or through full matrices."""

from __future__ import annotations

from typing import ClassVar

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.activations import sigmoid, tanh
from fluxlab.engine.catalogue.ops import concatenate, multiply
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.layers.lstm import LSTM, bias, split
from fluxlab.engine.layers.recurrent import Matrices, Recurrent, weights


@layer
class PeepholeLSTM(LSTM):
    """An LSTM in which each cell's gates see that cell's own c, and no other cell's.

    As `LSTM`, with f = sigmoid(a + p_f c_before), i = sigmoid(a + p_i c_before) and, after the new
    c, o = sigmoid(a + p_o c). p_f, p_i and p_o (1, neurons) multiply cell by cell. Gers and
    Schmidhuber (2000).
    """

    def parameters(self, inputs: int, axis: str | None, building: Building) -> Matrices:
        n, rule = self.neurons, self.initializer
        return (
            *super().parameters(inputs, axis, building),
            *(
                building.parameter(name, lambda: weights(rule, 1, n, 1, building), (None, "neuron"))
                for name in ("p_f", "p_i", "p_o")
            ),
        )

    def step(self, x: Matrix, states: Matrices, parameters: Matrices) -> Matrices:
        (h, c), (w, u, b, p_f, p_i, p_o) = states, parameters
        a = ((x @ w + b).summand("a from x") + h @ u).named("a")
        *parts, of_g = split(a, h)
        of_f, of_i, of_o = (
            part.summand(f"a of {name} from x h") for part, name in zip(parts, "fio", strict=True)
        )
        f = sigmoid((of_f + multiply(p_f, c).summand("a of f from c")).named("a of f")).named("f")
        i = sigmoid((of_i + multiply(p_i, c).summand("a of i from c")).named("a of i")).named("i")
        g = tanh(of_g.named("a of g")).named("g")
        c = (multiply(f, c).summand("kept") + multiply(i, g).summand("taken in")).named("c")
        o = sigmoid((of_o + multiply(p_o, c).summand("a of o from c")).named("a of o")).named("o")
        return multiply(o, tanh(c).named("tanh c")).named("h"), c


@layer
class FullPeepholeLSTM(Recurrent):
    """The study book's form: the gates see all of c, through full matrices.

    f, i = sigmoid([c_before h_before x] w_fi + b_fi), g = tanh([h_before x] w_g + b_g), c = f
    c_before + i g, o = sigmoid([c h_before x] w_o + b_o), h = o tanh(c). Peepholes in the
    published sense are the diagonal of those rows of w_fi and w_o that meet c.
    """

    forget_bias: float = 1.0
    states: ClassVar[tuple[str, ...]] = ("h", "c")

    def parameters(self, inputs: int, axis: str | None, building: Building) -> Matrices:
        n, rule = self.neurons, self.initializer

        def product(gates: str, rows: int, first: float) -> Matrices:
            k = len(gates)
            w = building.parameter(
                f"w_{gates}", lambda: weights(rule, rows, n, k, building), (None, "gate")
            )
            return w, building.parameter(f"b_{gates}", lambda: bias(n, k, first), (None, "gate"))

        return (
            *product("fi", 2 * n + inputs, self.forget_bias),
            *product("g", n + inputs, 0.0),
            *product("o", 2 * n + inputs, 0.0),
        )

    def step(self, x: Matrix, states: Matrices, parameters: Matrices) -> Matrices:
        (h, c), (w_fi, b_fi, w_g, b_g, w_o, b_o) = states, parameters
        h_x = concatenate([h, x], axis=1).named("h x")
        before = concatenate([c, h_x], axis=1).named("c h x before")
        gates = sigmoid((before @ w_fi + b_fi).named("a of f i")).named("gates")
        f, i = (part.named(name) for part, name in zip(split(gates, h), "fi", strict=True))
        g = tanh((h_x @ w_g + b_g).named("a of g")).named("g", axes=h.axes)
        c = (multiply(f, c).summand("kept") + multiply(i, g).summand("taken in")).named("c")
        after = concatenate([c, h_x], axis=1).named("c h x")
        o = sigmoid((after @ w_o + b_o).named("a of o")).named("o", axes=h.axes)
        return multiply(o, tanh(c).named("tanh c")).named("h"), c
