"""Peers of an LSTM, forward and backward, float64, in NumPy and PyTorch.

Each peer is a function `peer(x, target, w, u, b)`: x (samples, steps, features), target (samples,
steps, neurons), w (features, 4 neurons), u (neurons, 4 neurons), b (1, 4 neurons), the gates in
the order f i o g. The cost is the mean squared error of all h. It gives `(run, gradients)`:
`run(count)` does that many passes, `gradients()` lists dC_dw, dC_du and dC_db.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from peers import Array

Peer = tuple[Callable[[int], None], Callable[[], list[Array]]]


def tight_lstm(x: Array, target: Array, w: Array, u: Array, b: Array) -> Peer:
    """As fast as we can write it in NumPy: bound calls, no allocation, all gates in one call.

    One product per step gives all gates, of [w; u; b] with [x h 1]; one tanh does all of them,
    as sigmoid(a) = (1 + tanh(a / 2)) / 2; whatever in the backward pass does not wait for the
    step after it is computed for all steps at once; one product gives all weights' gradients.
    Time is the first axis, samples lie in columns, and the gates in the order o i f g: then every
    gate is one stretch of memory, [i f] * [g c] needs no turning round, and dC_dc goes to i, f
    and g in one call; the price are two transpositions before the last product. Samples in rows,
    the other layout that we tried, took 1.2 to 1.3 times as long. FluxLab's matrices, gates'
    slopes and dC_dc among them, are not kept.
    """
    samples, steps, features = x.shape
    n = u.shape[0]
    width = features + n + 1
    order = np.concatenate([np.arange(k * n, k * n + n) for k in (2, 1, 0, 3)])
    v, half = np.concatenate([w, u, b])[:, order].T.copy(), np.ones((4 * n, 1))
    half[: 3 * n] = 0.5
    scaled, dC_dv, u_only = np.empty_like(v), np.empty_like(v), v[:, features:-1].T.copy()
    xh = np.ones((steps + 1, width, samples))
    xh[:, features : features + n] = 0.0
    inputs, h = xh[:steps, :features], xh[:, features : features + n]
    gates = np.zeros((steps + 1, 5 * n, samples))
    o, i, f, g, c = (gates[:, k * n : k * n + n] for k in range(5))
    both, tanh_c = np.empty((2 * n, samples)), np.empty((steps, n, samples))
    factor, rest = np.empty((steps, 4 * n, samples)), np.empty((steps, n, samples))
    ko, ki, kf, kg = (factor[:, k * n : k * n + n] for k in range(4))
    sigmoids, slopes = gates[:steps, : 3 * n], factor[:, : 3 * n]
    dC_da = np.empty((steps, 4 * n, samples))
    dC_dh, dC_dc, below, carried = (np.empty((n, samples)) for _ in range(4))
    wrong, goal = np.empty((steps, n, samples)), np.ascontiguousarray(target.transpose(1, 2, 0))
    x_first, now = x.transpose(1, 2, 0), slice(steps)
    wide_a, tall_x = np.empty((4 * n, steps, samples)), np.empty((steps, samples, width))
    one, fifty, scale = np.array(1.0), np.array(0.5), np.array(2.0 / target.size)
    add, subtract, multiply, tanh = np.add, np.subtract, np.multiply, np.tanh
    forward: list[Callable[[], object]] = []
    for t in range(steps):
        now_t, s = gates[t, : 4 * n], gates[t, : 3 * n]
        forward += [
            partial(scaled.dot, xh[t], now_t), partial(tanh, now_t, now_t),
            partial(multiply, s, fifty, s), partial(add, s, fifty, s),
            partial(multiply, gates[t, n : 3 * n], gates[t, 3 * n :], both),
            partial(add, both[:n], both[n:], c[t + 1]),
            partial(tanh, c[t + 1], tanh_c[t]), partial(multiply, o[t], tanh_c[t], h[t + 1]),
        ]  # fmt: skip
    backward: list[Callable[[], object]] = []
    for t in reversed(range(steps)):
        last = t == steps - 1
        own = wrong[t] if last else dC_dh
        if not last:
            backward += [partial(add, wrong[t], below, dC_dh)]
        backward += [partial(multiply, own, rest[t], dC_dc)]
        if not last:
            backward += [partial(add, dC_dc, carried, dC_dc)]
        three, k_three = (a[t, n:].reshape(3, n, samples) for a in (dC_da, factor))
        backward += [
            partial(multiply, dC_dc, k_three, three), partial(multiply, own, ko[t], dC_da[t, :n])
        ]  # fmt: skip
        if t:
            backward += [
                partial(multiply, dC_dc, f[t], carried), partial(u_only.dot, dC_da[t], below)
            ]  # fmt: skip
    flat_a, flat_x = wide_a.reshape(4 * n, -1), tall_x.reshape(-1, width)

    def run(count: int) -> None:
        for _ in range(count):
            inputs[...] = x_first
            multiply(v, half, scaled)
            for call in forward:
                call()
            subtract(h[1:], goal, wrong)
            multiply(wrong, scale, wrong)
            subtract(one, sigmoids, slopes)
            multiply(slopes, sigmoids, slopes)
            multiply(kf, c[now], kf)
            multiply(ki, g[now], ki)
            multiply(ko, tanh_c, ko)
            multiply(g[now], g[now], kg)
            subtract(one, kg, kg)
            multiply(kg, i[now], kg)
            multiply(tanh_c, tanh_c, rest)
            subtract(one, rest, rest)
            multiply(rest, o[now], rest)
            for call in backward:
                call()
            wide_a[...] = dC_da.transpose(1, 0, 2)
            tall_x[...] = xh[now].transpose(0, 2, 1)
            flat_a.dot(flat_x, dC_dv)

    def gradients() -> list[Array]:
        found = dC_dv.T[:, np.argsort(order)]
        return [found[:features], found[features:-1], found[-1:]]

    return run, gradients


def torch_lstm(x: Array, target: Array, w: Array, u: Array, b: Array) -> Peer:
    """PyTorch's own LSTM, one thread, its gates in the order i f g o; ImportError without it."""
    import torch

    torch.set_num_threads(1)
    n = u.shape[0]
    to = np.concatenate([np.arange(k * n, k * n + n) for k in (1, 0, 3, 2)])
    back = np.argsort(to)
    layer = torch.nn.LSTM(x.shape[2], n, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.from_numpy(w[:, to].T.copy()))
        layer.weight_hh_l0.copy_(torch.from_numpy(u[:, to].T.copy()))
        layer.bias_ih_l0.copy_(torch.from_numpy(b[0, to].copy()))
        layer.bias_hh_l0.zero_()
    inputs, goal = torch.from_numpy(x.copy()), torch.from_numpy(target.copy())
    loss = torch.nn.MSELoss()

    def run(count: int) -> None:
        for _ in range(count):
            layer.zero_grad()
            loss(layer(inputs)[0], goal).backward()

    def gradients() -> list[Array]:
        found = (layer.weight_ih_l0.grad, layer.weight_hh_l0.grad, layer.bias_ih_l0.grad[None].T)
        return [g.numpy().T[:, back] for g in found]

    return run, gradients
