"""Optimizers: the update of each parameter, as steps of the trace. A new one is one class here.

What an optimizer remembers (velocities, squared gradients) are matrices too: each has a `[new]`
step, is carried to the next iteration, and can be asked why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fluxlab.engine.building.building import computed, iteration_of, keep
from fluxlab.engine.building.schedules import Constant
from fluxlab.engine.catalogue.ops import add, multiply, step_down, subtract
from fluxlab.engine.core.errors import BadInput, unknown
from fluxlab.engine.core.kinds import Elementwise
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array, bounded
from fluxlab.engine.core.trace import Trace
from fluxlab.engine.readers.backward import check_learning_rate, gradient_of


def _blend_calls(out: Array, old: Array, new: Array, beta: float) -> list[tuple[Any, ...]]:
    rest = np.array(1.0 - beta)
    change = np.empty_like(new)
    return [
        (np.subtract, new, old, change), (np.multiply, change, rest, change),
        (np.add, old, change, out),
    ]  # fmt: skip


blend: Elementwise = Elementwise(
    "blend", lambda old, new, beta: beta * old + (1 - beta) * new, _blend_calls, (None, None),
    latex=r"<beta>\,<0> + (1 - <beta>)\,<1>", numpy="<beta> * <0> + (1 - <beta>) * <1>",
    words="a running mean: <beta> of <0>, the rest from <1>",
)  # fmt: skip
square: Elementwise = Elementwise(
    "square", lambda u: u * u, np.square, (None,),
    latex="{<0>}^2", numpy="<0> ** 2", words="<0> squared",
)  # fmt: skip
unbias: Elementwise = Elementwise(
    "unbias", lambda m, count, beta: m / (1 - beta**count),
    lambda out, m, count, beta: (
        lambda share: [
            (np.power, np.array(beta), count, share), (np.subtract, np.array(1.0), share, share),
            (np.divide, np.array(1.0), share, share), (np.multiply, m, share, out),
        ]
    )(np.empty(())),
    (None, None), latex=r"\frac{<0>}{1 - <beta>^{<1>}}", numpy="<0> / (1 - <beta> ** <1>)",
    words="<0>, corrected for having started at 0: divided by 1 - <beta> to the power of <1>",
)  # fmt: skip
scaled_change: Elementwise = Elementwise(
    "scaled_change", lambda rate, m, v, epsilon: rate * m / (np.sqrt(v) + epsilon),
    lambda out, rate, m, v, epsilon: [
        (np.sqrt, v, out), (np.add, out, np.array(epsilon), out), (np.divide, m, out, out),
        (np.multiply, out, rate, out),
    ],
    (None, None, None), latex=r"<0> \cdot \frac{<1>}{\sqrt{<2>} + <epsilon>}",
    numpy="<0> * <1> / (np.sqrt(<2>) + <epsilon>)",
    words="<0> times <1>, divided by the root of <2>",
)  # fmt: skip


class Update:
    """What an optimizer sees of one parameter.

    parameter, gradient : w and dC_dw. rate : the learning rate now. count : t, 1 at the first
    update.
    """

    def __init__(
        self, parameter: Matrix, gradient: Matrix, rate: Matrix, count: Matrix | None,
        values: dict[str, Array],
    ) -> None:  # fmt: skip
        self.parameter, self.gradient, self.rate, self.count = parameter, gradient, rate, count
        self._values = values

    def state(self, name: str) -> Matrix:
        """A matrix that is remembered from iteration to iteration; it starts at 0."""
        trace, shape = self.parameter.trace, self.parameter.shape
        made = trace.input(f"{name} of {self.parameter.local}", np.zeros(shape), "state")
        made.axes = self.parameter.axes
        if made.name in self._values:
            made.buffer[...] = self._values[made.name]
        return made

    def velocity(self, beta: float) -> Matrix:
        """v = beta v - eta dC_dw, remembered for the next iteration."""
        v = self.state("v")
        return keep(v, step_down(self.slowed(v, beta), self.rate, self.gradient))

    def slowed(self, v: Matrix, beta: float) -> Matrix:
        """beta v."""
        return multiply(v.number("beta", beta), v).named(f"{v.local} slowed")  # type: ignore[no-any-return]

    def squared(self) -> Matrix:
        """dC_dw^2, cell by cell."""
        return square(self.gradient).named(f"{self.gradient.local} squared")  # type: ignore[no-any-return]


class Figures:
    """What all optimizers have in common: figures that they can work with."""

    learning_rate: float

    def __post_init__(self) -> None:
        name = type(self).__name__
        check_learning_rate(name, self.learning_rate)
        for figure, value in vars(self).items():
            if figure.startswith("beta"):
                bounded(name, figure, value, least=0, below=1)
            elif figure == "epsilon":
                bounded(name, figure, value, above=0)


@dataclass(frozen=True)
class GradientDescent(Figures):
    """w - eta dC_dw."""

    learning_rate: float = 0.01
    name: ClassVar[str] = "gradient_descent"
    counts: ClassVar[bool] = False

    def __call__(self, u: Update) -> Matrix:
        return step_down(u.parameter, u.rate, u.gradient)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Momentum(Figures):
    """v = beta v - eta dC_dw; w + v (the study book's form)."""

    learning_rate: float = 0.01
    beta: float = 0.9
    name: ClassVar[str] = "momentum"
    counts: ClassVar[bool] = False

    def __call__(self, u: Update) -> Matrix:
        return add(u.parameter, u.velocity(self.beta))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Nesterov(Figures):
    """Momentum that looks ahead: v as in Momentum; w + beta v - eta dC_dw (Sutskever, 2013)."""

    learning_rate: float = 0.01
    beta: float = 0.9
    name: ClassVar[str] = "nesterov"
    counts: ClassVar[bool] = False

    def __call__(self, u: Update) -> Matrix:
        ahead = step_down(u.slowed(u.velocity(self.beta), self.beta), u.rate, u.gradient)
        return add(u.parameter, ahead.named(f"step of {u.parameter.local}"))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class AdaGrad(Figures):
    """s = s + dC_dw^2; w - eta dC_dw / (sqrt(s) + epsilon) (Duchi, 2011)."""

    learning_rate: float = 0.01
    epsilon: float = 1e-8
    name: ClassVar[str] = "adagrad"
    counts: ClassVar[bool] = False

    def __call__(self, u: Update) -> Matrix:
        s = u.state("s")
        s_new = keep(s, add(s, u.squared()))
        return _move(u, u.gradient, s_new, self.epsilon)


@dataclass(frozen=True)
class RMSprop(Figures):
    """s = beta s + (1 - beta) dC_dw^2; w - eta dC_dw / (sqrt(s) + epsilon) (Hinton, 2012)."""

    learning_rate: float = 0.001
    beta: float = 0.9
    epsilon: float = 1e-8
    name: ClassVar[str] = "rmsprop"
    counts: ClassVar[bool] = False

    def __call__(self, u: Update) -> Matrix:
        s = u.state("s")
        s_new = keep(s, blend(s, u.squared(), beta=self.beta))
        return _move(u, u.gradient, s_new, self.epsilon)


@dataclass(frozen=True)
class Adam(Figures):
    """Running means m of dC_dw and v of its square, corrected for their start (Kingma, 2015)."""

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    name: ClassVar[str] = "adam"
    counts: ClassVar[bool] = True

    def __call__(self, u: Update) -> Matrix:
        m, v = u.state("m"), u.state("v")
        m_new = keep(m, blend(m, u.gradient, beta=self.beta1))
        v_new = keep(v, blend(v, u.squared(), beta=self.beta2))
        w = u.parameter.local
        m_hat = unbias(m_new, u.count, beta=self.beta1).named(f"m of {w} corrected")
        v_hat = unbias(v_new, u.count, beta=self.beta2).named(f"v of {w} corrected")
        return _move(u, m_hat, v_hat, self.epsilon)


def _move(u: Update, m: Matrix, v: Matrix, epsilon: float) -> Matrix:
    change = scaled_change(u.rate, m, v, epsilon=epsilon).named(f"change of {u.parameter.local}")
    return subtract(u.parameter, change)  # type: ignore[no-any-return]


OPTIMIZERS = {
    kind.name: kind for kind in (GradientDescent, Momentum, Nesterov, AdaGrad, RMSprop, Adam)
}
Optimizer = GradientDescent | Momentum | Nesterov | AdaGrad | RMSprop | Adam


def optimizer(given: Any) -> Any:
    """An optimizer, or the one of that name with its usual figures."""
    if isinstance(given, str):
        if given not in OPTIMIZERS:
            raise unknown("optimizer", given, OPTIMIZERS)
        return OPTIMIZERS[given]()
    if isinstance(given, type) or not callable(given) or not hasattr(given, "learning_rate"):
        raise BadInput(
            f"optimizer: expected a name or an optimizer such as Adam(0.001), got {given!r}. "
            f"Names: {', '.join(OPTIMIZERS)}."
        )
    return given


def record_optimizer(
    trace: Trace,
    chosen: Any,
    parameters: Sequence[str] = (),
    *,
    schedule: Any = None,
    clip: Any = None,
    later: Sequence[Callable[[], None]] = (),
    values: dict[str, Array] | None = None,
) -> None:
    """Record the update of each parameter (default: of all), once.

    `schedule` turns the learning rate into that of the iteration, `clip` the gradients into
    smaller ones, `later` records what else is carried, such as running means. `values` are
    what the optimizer remembered, by name, if learning goes on.
    """
    chosen = optimizer(chosen)
    names = parameters or [m.name for m in trace.inputs if m.kind == "parameter"]
    if not names:
        raise BadInput("descend: name the matrices to learn, such as t.descend('w', 'b').")
    first = check_learning_rate("descend", chosen.learning_rate)
    matrices = list(dict.fromkeys(trace[name] for name in names))
    for matrix in matrices:
        if matrix.step is not None or matrix.kind == "constant":
            raise BadInput(f"descend: {matrix.name} is not an input, so it cannot be learned.")
    gradients = [gradient_of(trace, matrix) for matrix in matrices]
    with trace.recording("update", ""):
        rate = trace.input("learning rate", first)
        rate.above = 0.0
        counts = chosen.counts or schedule is not None or "iteration" in trace
        count = None
        if counts:
            before = iteration_of(trace, values)
            count = keep(before, add(before, 1.0))
        if schedule is not None and not isinstance(schedule, Constant):
            rate = computed("the schedule", schedule(rate, before)).named("learning rate now")
        if clip is not None:
            gradients = [computed("clip", g) for g in clip(gradients) or [None]]
    for matrix, gradient in zip(matrices, gradients, strict=True):
        matrix.kind = "parameter"
        with trace.recording("update", matrix.scope):
            keep(matrix, chosen(Update(matrix, gradient, rate, count, values or {})))
    for record in later:
        record()
