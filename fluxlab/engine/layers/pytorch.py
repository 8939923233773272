"""The weights of PyTorch's recurrent layers, in the order and the shapes of ours."""

from __future__ import annotations

from typing import Any

import numpy as np

from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.numbers import Array, as_numbers
from fluxlab.engine.layers.gru import GRU
from fluxlab.engine.layers.lstm import LSTM
from fluxlab.engine.layers.recurrent import Recurrent
from fluxlab.engine.layers.rnn import RNN

HERE = "pytorch_weights"
# PyTorch's gates by ours: an LSTM's are i f g o there and f i o g here, a GRU's r z n and z r g.
ORDERS: dict[type, tuple[int, ...]] = {RNN: (0,), LSTM: (1, 0, 3, 2), GRU: (1, 0, 2)}


def pytorch_weights(
    layer: Recurrent, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None
) -> dict[str, Array]:
    """What PyTorch's `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0` and `bias_hh_l0` are here.

    >>> for name, numbers in pytorch_weights(fl.LSTM(8), w_ih, w_hh, b_ih, b_hh).items():
    ...     net.trace.set(f"layer 1/{name}", numbers)

    weight_ih : (gates * neurons, features). weight_hh : (gates * neurons, neurons). The biases,
    (gates * neurons,), are added up. Of a GRU, `reset_after=True` is PyTorch's form; its update
    gate is 1 - ours, and bias_hh must be 0 for its last third, which stands inside r (...) there.

    Raises
    ------
    BadInput : another layer, or shapes that do not fit to its neurons.
    """
    kind = next((k for k in ORDERS if type(layer) is k), None)
    if kind is None or (isinstance(layer, GRU) and not layer.reset_after):
        raise BadInput(
            "pytorch_weights: layer must be an RNN, an LSTM or a GRU(..., reset_after=True), got "
            f"{layer!r}."
        )
    n, order = layer.neurons, ORDERS[kind]
    w, u = as_numbers(HERE, "weight_ih", weight_ih), as_numbers(HERE, "weight_hh", weight_hh)
    biases = [
        np.zeros(len(order) * n) if b is None else as_numbers(HERE, name, b).reshape(-1)
        for name, b in (("bias_ih", bias_ih), ("bias_hh", bias_hh))
    ]
    wide = len(order) * n
    if w.ndim != 2 or len(w) != wide or u.shape != (wide, n) or any(len(b) != wide for b in biases):
        raise BadInput(
            f"pytorch_weights: {layer!r} needs weight_ih ({wide}, features), weight_hh {(wide, n)} "
            f"and biases ({wide},); got {size(w.shape)}, {size(u.shape)} and "
            f"{' and '.join(str(len(b)) for b in biases)}."
        )
    if kind is GRU and biases[1][2 * n :].any():
        raise BadInput(
            "pytorch_weights: the last third of bias_hh is not 0. In PyTorch it stands inside "
            "r (h u + b), where this GRU has no bias."
        )
    w, u, b = (_in_order(m, order, n) for m in (w, u, sum(biases)))
    if kind is not GRU:
        return {"w": w.T, "u": u.T, "b": b[None]}
    for matrix in (w, u, b):
        matrix[:n] *= -1  # sigmoid(-a) is 1 - sigmoid(a)
    return {"w": w.T, "u": u[: 2 * n].T, "u_g": u[2 * n :].T, "b": b[None]}


def _in_order(matrix: Any, order: tuple[int, ...], n: int) -> Array:
    found: Array = np.concatenate([matrix[k * n : k * n + n] for k in order])
    return found
