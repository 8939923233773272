"""What recurrent layers share: one cell, repeated once per time step with the same weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fluxlab.engine.building import Building
from fluxlab.engine.errors import BadInput, size
from fluxlab.engine.initializers import initial
from fluxlab.engine.op import Array
from fluxlab.engine.ops import absolute, concatenate, greater, hold, max, multiply, reshape
from fluxlab.engine.trace import Matrix, scope

States = tuple[Matrix, ...]  # h first; an LSTM's cell state c second


@dataclass(frozen=True)
class Recurrent:
    """x (samples, steps, features) to h (samples, steps, neurons), or only the last h.

    Each time step is a scope of its own ("step 1", ...), so every weight is used once per step,
    and its gradient is the sum of as many shares: backpropagation through time.

    neurons : the size of h.
    sequence : True for the h of all time steps; False for the last one, (samples, neurons).
    window : truncated backpropagation: every `window` steps the states are held, so no gradient
        flows further back, while the forward pass stays the same. None: back to the first step.
    masked : a time step whose features are all 0 is padding: the states stay as they are, its
        h in the sequence is 0, and no gradient comes from it.
    reverse : from the last time step to the first; "the last h" is then that of step 1.
    """

    neurons: int
    sequence: bool = True
    window: int | None = None
    masked: bool = False
    reverse: bool = False
    initializer: str = "xavier_uniform"
    states: ClassVar[tuple[str, ...]] = ("h",)

    def parameters(self, x: Matrix, building: Building) -> States:
        """The matrices that all time steps share."""
        raise NotImplementedError

    def step(self, x: Matrix, states: States, parameters: States) -> States:
        """The new states, from the features of one time step and the states before it."""
        raise NotImplementedError

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        kind = type(self).__name__
        if len(x.shape) != 3:
            raise BadInput(
                f"{kind}: x must be (samples, steps, features), got {size(x.shape)}. One number "
                "per time step is (samples, steps, 1)."
            )
        for name, value in (("neurons", self.neurons), ("window", self.window or 1)):
            if not isinstance(value, int | np.integer) or value < 1:
                raise BadInput(f"{kind}: {name} must be a whole number, 1 or more, got {value!r}.")
        parameters = self.parameters(x, building)
        zeros = np.zeros((x.shape[0], self.neurons))
        names = [x.trace.constant(zeros).named(f"{name}_0") for name in self.states]
        states: States = tuple(h.named(h.local, axes=(x.axes[0], "neuron")) for h in names)
        real = real_steps(x) if self.masked else None
        found: dict[int, Matrix] = {}
        order = list(range(x.shape[1]))
        for count, t in enumerate(reversed(order) if self.reverse else order):
            with scope(f"step {t + 1}"):
                if self.window and count and count % self.window == 0:
                    states = tuple(hold(h).named(f"{h.local} held") for h in states)
                now = x[:, t].named("x")
                new = self.step(now, states, parameters)
                if real is None:
                    found[t] = new[0]
                else:
                    there = real[:, t].named("real")
                    new = tuple(keep(there, h, old) for h, old in zip(new, states, strict=True))
                    if self.sequence:
                        found[t] = multiply(there, new[0]).named("h shown")
                states = new
        if not self.sequence:
            return states[0]
        return joined([found[t] for t in order]).named("h")


def real_steps(x: Matrix) -> Matrix:
    """(samples, steps, 1): 1 where a time step has a feature other than 0, else 0: padding.

    Held, because which steps are padding is a fact, not something to nudge in a gradient check.
    """
    largest = max(absolute(x), axis=-1, keepdims=True).named("largest")
    real: Matrix = hold(greater(largest, 0.0)).named("real", axes=(*x.axes[:2], None))
    return real


def keep(real: Matrix, new: Matrix, old: Matrix) -> Matrix:
    """The new state where the step is real, else the old one."""
    name = new.local
    new.named(f"new {name}")
    kept: Matrix = multiply(real, new) + multiply(1.0 - real, old)
    return kept.named(name)


def joined(steps: list[Matrix]) -> Matrix:
    """One matrix (samples, ...) per time step as (samples, steps, ...)."""
    axes = (steps[0].axes[0], "step", *steps[0].axes[1:])
    shape = (steps[0].shape[0], 1, *steps[0].shape[1:])
    found: Matrix = concatenate([reshape(h, shape) for h in steps], axis=1)
    found.axes = axes
    return found


def weights(rule: str, inputs: int, neurons: int, gates: int, building: Building) -> Array:
    """First weights (inputs, gates * neurons): each gate's are drawn as a layer of its own."""
    each = [initial(rule, inputs, neurons, building.draw) for _ in range(gates)]
    return np.concatenate(each, axis=1)
