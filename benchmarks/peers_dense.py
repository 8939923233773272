"""Peers of dense networks that learn in mini-batches, in NumPy and PyTorch, float64.

`small(...)` is 784-30-10 with sigmoids, the mean squared error and gradient descent; `large(...)`
is 784-128-64-10 with ReLU, a softmax cross-entropy and Adam. Each peer is a function
`peer(x, target, parameters, rate, batch, seed)` that gives `(learn, weights)`, as in `peers`:
it draws its batches itself, in the same order as FluxLab.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from peers import Array, Parameters, Peer, _parts

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
BLOCK = 8192  # cells that Adam works on at a time, so that they stay in the cache


def batches(count: int, size: int, seed: int) -> Iterator[Any]:
    """Row numbers, batch after batch; every epoch goes through all rows in a new order."""
    epoch = 0
    while True:
        order = np.arange(count)
        key = np.random.SeedSequence([seed, epoch])
        np.random.Generator(np.random.Philox(key)).shuffle(order)
        yield from order.reshape(-1, size)
        epoch += 1


def small(
    x: Array, target: Array, parameters: Parameters, rate: float, batch: int, seed: int
) -> Peer:
    """As fast as we can write it: bound calls, no allocation, one array of parameters.

    It keeps no more than it needs: the slopes and gradients overwrite one another.
    """
    flat = np.concatenate([array.ravel() for pair in parameters for array in pair])
    slopes = np.empty_like(flat)
    w1, b1, w2, b2 = weights = _parts(flat, parameters)
    dC_dw1, dC_db1, dC_dw2, dC_db2 = _parts(slopes, parameters)
    n0, n1, n2 = x.shape[1], w1.shape[1], w2.shape[1]
    x1, goal = np.empty((batch, n0)), np.empty((batch, n2))
    h1, a1, d1 = (np.empty((batch, n1)) for _ in range(3))
    y, a2, d2 = (np.empty((batch, n2)) for _ in range(3))
    one, rate_0d, scale = (np.array(v) for v in (1.0, rate, 2.0 / (batch * n2)))
    ones, every = np.ones(batch), Ellipsis
    sum1, sum2 = dC_db1.reshape(-1), dC_db2.reshape(-1)
    x_w1, h1_w2, h1_T, x_T, d2_w2, w2_T = x1.dot, h1.dot, h1.T.dot, x1.T.dot, d2.dot, w2.T
    fill1, fill2, total = a1.__setitem__, a2.__setitem__, ones.dot
    take_x = partial(x.take, axis=0, out=x1, mode="clip")
    take_target = partial(target.take, axis=0, out=goal, mode="clip")
    add, subtract, multiply, divide = np.add, np.subtract, np.multiply, np.divide
    exp, negative = np.exp, np.negative
    rows = batches(len(x), batch, seed)

    def learn(count: int) -> None:
        for _ in range(count):
            chosen = next(rows)
            take_x(chosen)
            take_target(chosen)
            x_w1(w1, h1)
            fill1(every, b1)
            add(h1, a1, h1)
            negative(h1, h1)
            exp(h1, h1)
            add(h1, one, h1)
            divide(one, h1, h1)
            h1_w2(w2, y)
            fill2(every, b2)
            add(y, a2, y)
            negative(y, y)
            exp(y, y)
            add(y, one, y)
            divide(one, y, y)
            subtract(y, goal, d2)
            multiply(d2, scale, d2)
            multiply(d2, y, d2)
            subtract(one, y, y)
            multiply(d2, y, d2)
            total(d2, sum2)
            h1_T(d2, dC_dw2)
            d2_w2(w2_T, d1)
            multiply(d1, h1, d1)
            subtract(one, h1, h1)
            multiply(d1, h1, d1)
            total(d1, sum1)
            x_T(d1, dC_dw1)
            multiply(slopes, rate_0d, slopes)
            subtract(flat, slopes, flat)

    return learn, lambda: weights


def large(
    x: Array, target: Array, parameters: Parameters, rate: float, batch: int, seed: int
) -> Peer:
    """The same for ReLU, the softmax cross-entropy and Adam.

    Adam's m and v are kept divided by 1 - beta, so that each needs one product less, its
    corrections are two numbers per step, and it goes through the parameters block by block.
    """
    flat = np.concatenate([array.ravel() for pair in parameters for array in pair])
    slopes, m, v = np.empty_like(flat), np.zeros_like(flat), np.zeros_like(flat)
    w1, b1, w2, b2, w3, b3 = weights = _parts(flat, parameters)
    dC_dw1, dC_db1, dC_dw2, dC_db2, dC_dw3, dC_db3 = _parts(slopes, parameters)
    n0, n1, n2, n3 = x.shape[1], w1.shape[1], w2.shape[1], w3.shape[1]
    x1, goal, edge = np.empty((batch, n0)), np.empty((batch, n3)), np.empty((batch, 1))
    h1, d1 = np.empty((batch, n1)), np.empty((batch, n1))
    h2, d2 = np.empty((batch, n2)), np.empty((batch, n2))
    y = np.empty((batch, n3))
    zero, scale, ones = np.array(0.0), np.array(1.0 / batch), np.ones(batch)
    alpha, shift, first, second = (np.array(c) for c in (0.0, 0.0, BETA1, BETA2))
    sum1, sum2, sum3 = (g.reshape(-1) for g in (dC_db1, dC_db2, dC_db3))
    largest: Any = np.maximum.reduce
    row_sum: Any = np.add.reduce
    take_x = partial(x.take, axis=0, out=x1, mode="clip")
    take_target = partial(target.take, axis=0, out=goal, mode="clip")
    add, subtract, multiply, divide = np.add, np.subtract, np.multiply, np.divide
    rows, t = batches(len(x), batch, seed), 0
    blocks: list[Callable[[], object]] = []
    work = np.empty(BLOCK)
    for start in range(0, flat.size, BLOCK):
        p, g, mb, vb = (a[start : start + BLOCK] for a in (flat, slopes, m, v))
        tmp = work[: p.size]
        blocks += [
            partial(multiply, mb, first, mb), partial(add, mb, g, mb), partial(multiply, g, g, tmp),
            partial(multiply, vb, second, vb), partial(add, vb, tmp, vb), partial(np.sqrt, vb, tmp),
            partial(add, tmp, shift, tmp), partial(divide, mb, tmp, tmp),
            partial(multiply, tmp, alpha, tmp), partial(subtract, p, tmp, p),
        ]  # fmt: skip

    def learn(count: int) -> None:
        nonlocal t
        for _ in range(count):
            chosen = next(rows)
            take_x(chosen)
            take_target(chosen)
            x1.dot(w1, h1)
            add(h1, b1, h1)
            np.maximum(h1, zero, out=h1)
            h1.dot(w2, h2)
            add(h2, b2, h2)
            np.maximum(h2, zero, out=h2)
            h2.dot(w3, y)
            add(y, b3, y)
            largest(y, 1, None, edge, True)
            subtract(y, edge, y)
            np.exp(y, y)
            row_sum(y, 1, None, edge, True)
            divide(y, edge, y)
            subtract(y, goal, y)
            multiply(y, scale, y)
            ones.dot(y, sum3)
            h2.T.dot(y, dC_dw3)
            y.dot(w3.T, d2)
            np.sign(h2, h2)
            multiply(d2, h2, d2)
            ones.dot(d2, sum2)
            h1.T.dot(d2, dC_dw2)
            d2.dot(w2.T, d1)
            np.sign(h1, h1)
            multiply(d1, h1, d1)
            ones.dot(d1, sum1)
            x1.T.dot(d1, dC_dw1)
            t += 1
            root = np.sqrt((1 - BETA2**t) / (1 - BETA2))
            alpha[...] = rate * (1 - BETA1) / (1 - BETA1**t) * root
            shift[...] = EPSILON * root
            for call in blocks:
                call()

    return learn, lambda: weights


def torch_small(
    x: Array, target: Array, parameters: Parameters, rate: float, batch: int, seed: int
) -> Peer:
    """PyTorch eager, one thread; ImportError where it is missing."""
    return _torch(x, target, parameters, batch, seed, "Sigmoid", "MSELoss", ("SGD", rate))


def torch_large(
    x: Array, target: Array, parameters: Parameters, rate: float, batch: int, seed: int
) -> Peer:
    """The same for ReLU, its own cross-entropy from class numbers, and its own Adam."""
    return _torch(x, target, parameters, batch, seed, "ReLU", "CrossEntropyLoss", ("Adam", rate))


def _torch(
    x: Array, target: Array, parameters: Parameters, batch: int, seed: int,
    function: str, loss_name: str, optimizer: tuple[str, float],
) -> Peer:  # fmt: skip
    import torch

    torch.set_num_threads(1)
    parts: list[Any] = []
    for w, b in parameters:
        layer = torch.nn.Linear(*w.shape, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(w.T.copy()))
            layer.bias.copy_(torch.from_numpy(b[0].copy()))
        parts += [layer, getattr(torch.nn, function)()]
    logits = loss_name == "CrossEntropyLoss"
    model = torch.nn.Sequential(*(parts[:-1] if logits else parts))
    loss = getattr(torch.nn, loss_name)()
    name, rate = optimizer
    step = getattr(torch.optim, name)(model.parameters(), lr=rate)
    inputs = torch.from_numpy(x.copy())
    answers = torch.from_numpy(target.argmax(axis=1) if logits else target.copy())
    rows = batches(len(x), batch, seed)

    def learn(count: int) -> None:
        for _ in range(count):
            chosen = torch.from_numpy(next(rows))
            step.zero_grad()
            loss(model(inputs[chosen]), answers[chosen]).backward()
            step.step()

    def weights() -> list[Array]:
        layers = parts[::2]
        return [
            array
            for layer in layers
            for array in (layer.weight.detach().numpy().T, layer.bias.detach().numpy()[None])
        ]

    return learn, weights
