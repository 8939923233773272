"""FluxLab's peers on 4-bit parity: a 4-8-4-1 network, leaky ReLU and a sigmoid, 16 rows, float64.

Each peer is a function `peer(x, target, parameters, rate)`. It gives `(learn, weights)`:
`learn(count)` does that many iterations of gradient descent on the mean squared error, and
`weights()` lists w and b of each layer, shapes (inputs, neurons) and (1, neurons).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Peer = tuple[Callable[[int], None], Callable[[], list[Array]]]
Parameters = Sequence[tuple[Array, Array]]


def plain_numpy(x: Array, target: Array, parameters: Parameters, rate: float) -> Peer:
    """What a careful student writes first: formulas as they stand, new arrays every time."""
    (w1, b1), (w2, b2), (w3, b3) = ((w.copy(), b.copy()) for w, b in parameters)

    def learn(count: int) -> None:
        nonlocal w1, b1, w2, b2, w3, b3
        for _ in range(count):
            a1 = x @ w1 + b1
            h1 = np.where(a1 > 0, a1, 0.01 * a1)
            a2 = h1 @ w2 + b2
            h2 = np.where(a2 > 0, a2, 0.01 * a2)
            a3 = h2 @ w3 + b3
            y = 1 / (1 + np.exp(-a3))
            dC_dy = 2 * (y - target) / target.size
            dC_da3 = dC_dy * (y * (1 - y))
            dC_da2 = (dC_da3 @ w3.T) * np.where(a2 > 0, 1, 0.01)
            dC_da1 = (dC_da2 @ w2.T) * np.where(a1 > 0, 1, 0.01)
            w3 = w3 - rate * (h2.T @ dC_da3)
            b3 = b3 - rate * dC_da3.sum(axis=0, keepdims=True)
            w2 = w2 - rate * (h1.T @ dC_da2)
            b2 = b2 - rate * dC_da2.sum(axis=0, keepdims=True)
            w1 = w1 - rate * (x.T @ dC_da1)
            b1 = b1 - rate * dC_da1.sum(axis=0, keepdims=True)

    return learn, lambda: [w1, b1, w2, b2, w3, b3]


def _parts(flat: Array, parameters: Parameters) -> list[Array]:
    """Views of one flat array with the shapes of the parameters."""
    views, start = [], 0
    for array in (array for pair in parameters for array in pair):
        views.append(flat[start : start + array.size].reshape(array.shape))
        start += array.size
    return views


def tight_numpy(x: Array, target: Array, parameters: Parameters, rate: float) -> Peer:
    """As fast as we can write NumPy by hand while every matrix keeps its own storage.

    x @ w, a, h, dh_da, dC_dh, dC_da, dC_dw and dC_db of each layer are there after each
    iteration. Nothing is allocated, every call is bound, single numbers are 0-d arrays, slopes
    come from the sign, and all parameters lie in one array, which is updated by two calls.
    Samples lie in columns, with a row of ones under each h: then [w; b] and [dC_dw; dC_db] come
    from one product each, at the price of a second one for x @ w. Samples in rows, the other
    layout that we tried, took 1.1 to 1.4 times as long. Straight code: no list of calls.
    """
    layers = [np.concatenate([w, b]) for w, b in parameters]
    flat = np.concatenate([layer.ravel() for layer in layers])
    slopes, change = np.empty_like(flat), np.empty_like(flat)
    pairs = [(layer, np.empty((0, 1))) for layer in layers]
    v1, v2, v3 = _parts(flat, pairs)[::2]
    dC_dv1, dC_dv2, dC_dv3 = _parts(slopes, pairs)[::2]
    rows, (n0, n1, n2) = len(x), (x.shape[1], layers[0].shape[1], layers[1].shape[1])
    x1, h1v, h2v = (np.ones((n + 1, rows)) for n in (n0, n1, n2))
    x1[:n0] = x.T
    h1, h2, h0 = h1v[:n1], h2v[:n2], x1[:n0]
    w1, w2, w3 = v1[:n0], v2[:n1], v3[:n2]
    xw1, a1, slope1, dC_dh1, dC_da1 = (np.empty((n1, rows)) for _ in range(5))
    xw2, a2, slope2, dC_dh2, dC_da2 = (np.empty((n2, rows)) for _ in range(5))
    xw3, a3, y, slope3, dC_dy, dC_da3 = (np.empty((1, rows)) for _ in range(6))
    leak, one, rate_0d, scale = (np.array(v) for v in (0.01, 1.0, rate, 2.0 / target.size))
    goal, bias3 = np.ascontiguousarray(target.T), v3[n2:].reshape(())
    w1_x, w2_h, w3_h = w1.T.dot, w2.T.dot, w3.T.dot
    v1_x, v2_h = v1.T.dot, v2.T.dot
    w3_da, w2_da, h2_da, h1_da, x_da = w3.dot, w2.dot, h2v.dot, h1v.dot, x1.dot
    da3_T, da2_T, da1_T = dC_da3.T, dC_da2.T, dC_da1.T
    add, subtract, multiply, divide = np.add, np.subtract, np.multiply, np.divide
    exp, negative, sign, fmax = np.exp, np.negative, np.sign, np.fmax

    def learn(count: int) -> None:
        for _ in range(count):
            w1_x(h0, xw1)
            v1_x(x1, a1)
            multiply(a1, leak, h1)
            fmax(a1, h1, h1)
            w2_h(h1, xw2)
            v2_h(h1v, a2)
            multiply(a2, leak, h2)
            fmax(a2, h2, h2)
            w3_h(h2, xw3)
            add(xw3, bias3, a3)
            negative(a3, y)
            exp(y, y)
            add(y, one, y)
            divide(one, y, y)
            subtract(y, goal, dC_dy)
            multiply(dC_dy, scale, dC_dy)
            subtract(one, y, slope3)
            multiply(slope3, y, slope3)
            multiply(dC_dy, slope3, dC_da3)
            h2_da(da3_T, dC_dv3)
            w3_da(dC_da3, dC_dh2)
            sign(a2, slope2)
            fmax(slope2, leak, slope2)
            multiply(dC_dh2, slope2, dC_da2)
            h1_da(da2_T, dC_dv2)
            w2_da(dC_da2, dC_dh1)
            sign(a1, slope1)
            fmax(slope1, leak, slope1)
            multiply(dC_dh1, slope1, dC_da1)
            x_da(da1_T, dC_dv1)
            multiply(slopes, rate_0d, change)
            subtract(flat, change, flat)

    def weights() -> list[Array]:
        return [v1[:n0], v1[n0:], v2[:n1], v2[n1:], v3[:n2], v3[n2:]]

    return learn, weights


def torch_eager(x: Array, target: Array, parameters: Parameters, rate: float) -> Peer:
    """PyTorch's own layers, loss and optimizer, one thread; ImportError where it is missing."""
    import torch

    torch.set_num_threads(1)
    sizes = [w.shape for w, _ in parameters]
    layers: list[Any] = [torch.nn.Linear(m, n, dtype=torch.float64) for m, n in sizes]
    with torch.no_grad():
        for layer, (w, b) in zip(layers, parameters, strict=True):
            layer.weight.copy_(torch.from_numpy(w.T.copy()))
            layer.bias.copy_(torch.from_numpy(b[0].copy()))
    model = torch.nn.Sequential(
        layers[0], torch.nn.LeakyReLU(), layers[1], torch.nn.LeakyReLU(), layers[2],
        torch.nn.Sigmoid(),
    )  # fmt: skip
    loss, step = torch.nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=rate)
    inputs, goal = torch.from_numpy(x.copy()), torch.from_numpy(target.copy())

    def learn(count: int) -> None:
        for _ in range(count):
            step.zero_grad()
            loss(model(inputs), goal).backward()
            step.step()

    def weights() -> list[Array]:
        return [
            array
            for layer in layers
            for array in (layer.weight.detach().numpy().T, layer.bias.detach().numpy()[None])
        ]

    return learn, weights
