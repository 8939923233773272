"""What recurrent layers share: one cell, repeated once per time step with the same weights."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import Initializer, layer
from fluxlab.engine.catalogue.initializers import initial
from fluxlab.engine.catalogue.ops import concatenate, hold, multiply, reshape
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import shape_of
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.layers.masks import kept, real_steps

Matrices = tuple[Matrix, ...]


@layer
class Recurrent:
    """x (samples, steps, features) to h (samples, steps, neurons), or only the last h.

    Each time step is a scope of its own, "step 1", ...; each weight is used once in each, and its
    gradient is the sum of as many shares: backpropagation through time.

    neurons : the size of h.
    sequence : True for the h of all time steps; False for the last one, (samples, neurons).
    window : truncated backpropagation: every `window` steps the states are held, and no gradient
        flows further back; the forward pass stays the same.
    masked : padding (token 0; without tokens a step whose features are all 0) leaves the states
        as they are, its h in the sequence is 0, and neither cost nor gradient comes from it.
    reverse : from the last time step to the first; "the last h" is then that of step 1.
    """

    neurons: int
    sequence: bool = True
    window: int | None = None
    masked: bool = False
    reverse: bool = False
    initializer: Initializer = "xavier_uniform"
    states: ClassVar[tuple[str, ...]] = ("h",)

    def parameters(self, inputs: int, axis: str | None, building: Building) -> Matrices:
        """The matrices that all time steps share; `axis` is what the inputs count."""
        raise NotImplementedError

    def step(self, x: Matrix, states: Matrices, parameters: Matrices) -> Matrices:
        """The new states, h first, from the x of one time step and the states before it."""
        raise NotImplementedError

    def start(self, x: Matrix, names: tuple[str, ...]) -> Matrices:
        """The states before the first step: zeros."""
        zeros = np.zeros((x.shape[0], self.neurons))
        axes = (x.axes[0], "neuron")
        return tuple(x.trace.constant(zeros).named(f"{name}_0", axes=axes) for name in names)

    def __call__(self, x: Matrix, building: Building, h_0: Any = None) -> Matrix:
        """h_0 : the state before the first step, (samples, neurons); an LSTM's is (h_0, c_0)."""
        found, states = self.run(x, building, None if h_0 is None else self._first(x, h_0))
        if self.sequence:
            return joined(found)
        building.tokens = building.steps = None  # what comes next has other steps, or none
        return states[0]

    def _first(self, x: Matrix, given: Any) -> Matrices:
        parts = tuple(given) if isinstance(given, tuple | list) else (given,)
        shapes = [shape_of(type(self).__name__, "h_0", part) for part in parts]
        wanted = (x.shape[0], self.neurons)
        if len(parts) != len(self.states) or any(s != wanted for s in shapes):
            names = " and ".join(f"{name}_0" for name in self.states)
            raise BadInput(
                f"{type(self).__name__}: h_0 must be {names}, each {size(wanted)}; got "
                f"{' and '.join(map(size, shapes))}."
            )
        return tuple(p if isinstance(p, Matrix) else x.trace.constant(p) for p in parts)

    def run(
        self, x: Matrix, building: Building, first: Matrices | None = None
    ) -> tuple[list[Matrix], Matrices]:
        """The h of each time step, and the last states. first : the states before; else zeros."""
        if len(x.shape) != 3:
            kind = type(self).__name__
            raise BadInput(f"{kind}: x must be (samples, steps, features), got {size(x.shape)}.")
        parameters = self.parameters(x.shape[-1], x.axes[-1], building)
        states = self.start(x, self.states) if first is None else first
        real = real_steps(x, building) if self.masked else None
        found: dict[int, Matrix] = {}
        order = range(x.shape[1])
        for count, t in enumerate(reversed(order) if self.reverse else order):
            with scope(f"step {t + 1}"):
                if self.window and count and count % self.window == 0:
                    states = tuple(hold(h).named(f"{h.local} held") for h in states)
                new = self.step(x[:, t].named("x"), states, parameters)
                found[t] = new[0]
                if real is not None:
                    there = real[:, t : t + 1].named("real", wants_gradient=False)
                    new = kept(there, new, states)
                    if self.sequence:
                        found[t] = multiply(there, new[0]).named("h or 0")
                states = new
        return [found[t] for t in order], states


def joined(steps: list[Matrix]) -> Matrix:
    """One matrix (samples, columns) per time step as (samples, steps, columns)."""
    wide = concatenate(steps, axis=1).named("h of all steps")
    found: Matrix = reshape(wide, (wide.shape[0], len(steps), -1))
    return found.named("h", axes=(steps[0].axes[0], "step", steps[0].axes[1]))


def weights(rule: str, inputs: int, neurons: int, gates: int, building: Building) -> np.ndarray:
    """First weights (inputs, gates * neurons): each gate's are drawn as a layer of its own."""
    each = [initial(rule, inputs, neurons, building.draw) for _ in range(gates)]
    return np.concatenate(each, axis=1)
