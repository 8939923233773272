"""The gated recurrent unit: one gate mixes the old state with a new one, one resets the old."""

from __future__ import annotations

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.activations import sigmoid, tanh
from fluxlab.engine.catalogue.losses import one_minus
from fluxlab.engine.catalogue.ops import multiply
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.layers.lstm import bias, split
from fluxlab.engine.layers.recurrent import Matrices, Recurrent, weights


@layer
class GRU(Recurrent):
    """z, r = sigmoid(a); g = tanh(a of g); h = (1 - z) h_before + z g.

    a = x w + b holds z, r and g side by side: w (features, 3 neurons), b (1, 3 neurons). To z and
    r comes h_before u, with u (neurons, 2 neurons), to g comes (r h_before) u_g, with u_g
    (neurons, neurons). Cho and others (2014); the study book writes g as h with a tilde.

    update_bias : what b starts with for z; below 0, h changes slowly and remembers from the start.
    reset_after : r (h_before u_g) instead, the form that PyTorch and cuDNN compute. (PyTorch also
        has z and 1 - z the other way round.)
    """

    update_bias: float = 0.0
    reset_after: bool = False

    def parameters(self, inputs: int, axis: str | None, building: Building) -> Matrices:
        n, rule = self.neurons, self.initializer
        return (
            building.parameter("w", lambda: weights(rule, inputs, n, 3, building), (axis, "gate")),
            building.parameter("u", lambda: weights(rule, n, n, 2, building), ("neuron", "gate")),
            building.parameter(
                "u_g", lambda: weights(rule, n, n, 1, building), ("neuron", "neuron")
            ),
            building.parameter("b", lambda: bias(n, 3, self.update_bias), (None, "gate")),
        )

    def step(self, x: Matrix, states: Matrices, parameters: Matrices) -> Matrices:
        (h,), (w, u, u_g, b) = states, parameters
        from_x = (x @ w + b).named("a from x")
        n = self.neurons
        a = (from_x[:, : 2 * n].summand("a of z r from x") + h @ u).named("a of z r")
        z, r = (
            part.named(name)
            for part, name in zip(split(sigmoid(a).named("gates"), h), "zr", strict=True)
        )
        past = multiply(r, h @ u_g) if self.reset_after else multiply(r, h).named("r h") @ u_g
        of_g = from_x[:, 2 * n :].summand("a of g from x") + past.summand("a of g from h")
        g = tanh(of_g.named("a of g")).named("g", axes=h.axes)
        kept = multiply(one_minus(z).named("share kept"), h).summand("kept")
        return ((kept + multiply(z, g).summand("taken in")).named("h"),)
