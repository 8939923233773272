"""The functions of `fl` again, in HIPS autograd's NumPy: an independent oracle for the zoo."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np

exp, log, sqrt, absolute, maximum = anp.exp, anp.log, anp.sqrt, anp.abs, anp.maximum
tanh, sum, mean, max, reshape, transpose = (
    anp.tanh, anp.sum, anp.mean, anp.max, anp.reshape, anp.transpose,
)  # fmt: skip


def linear(a: Any) -> Any:
    return a * 1.0


def sigmoid(a: Any) -> Any:
    return (1.0 + anp.tanh(a / 2.0)) / 2.0


def sigmoid_temperature(a: Any, t: Any = 1.0) -> Any:
    return sigmoid(a / t)


def relu(a: Any) -> Any:
    return anp.where(a > 0, a, 0.0 * a)


def leaky_relu(a: Any) -> Any:
    return anp.where(a > 0, a, 0.01 * a)


def elu(a: Any) -> Any:
    return anp.where(a > 0, a, anp.exp(anp.minimum(a, 0.0)) - 1.0)


def swish(a: Any) -> Any:
    return a * sigmoid(a)


def gelu(a: Any) -> Any:
    return 0.5 * a * (1 + anp.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a**3)))


def softplus(a: Any) -> Any:
    return anp.logaddexp(0.0, a)


def threshold(a: Any) -> Any:
    return anp.where(a > 0, 1.0, 0.0)


def softmax(a: Any) -> Any:
    e = anp.exp(a - anp.max(a, axis=-1, keepdims=True))
    return e / anp.sum(e, axis=-1, keepdims=True)


def activation(name: str) -> Any:
    return globals()[name]


def mse(y: Any, target: Any) -> Any:
    return anp.mean((y - target) ** 2)


def einsum(signature: str, left: Any, right: Any) -> Any:
    return anp.einsum(signature, left, right)


def outer(left: Any, right: Any) -> Any:
    return left[:, None] * right[None, :]


def expand(x: Any, shape: tuple[int, ...]) -> Any:
    return x * np.ones(shape)


def concatenate(parts: Any, axis: int = 0) -> Any:
    return anp.concatenate(parts, axis=axis)


def pad(x: Any, widths: Any) -> Any:
    return anp.pad(x, tuple(widths), "constant")


def rows(table: Any, numbers: Any) -> Any:
    return table[np.asarray(numbers).astype(int)]


def patches(x: Any, window: tuple[int, int], stride: int = 1) -> Any:
    (h, w), (height, width) = window, x.shape[-2:]
    lines = [
        anp.stack([x[..., i : i + h, j : j + w] for j in range(0, width - w + 1, stride)], axis=-3)
        for i in range(0, height - h + 1, stride)
    ]
    return anp.stack(lines, axis=-4)


def greater(u: Any, v: Any) -> Any:
    return anp.where(u > v, 1.0, 0.0)


def argmax(x: Any, axis: int = -1) -> Any:
    return anp.argmax(x, axis=axis) * 1.0


def top(x: Any, k: int, axis: int = -1) -> Any:
    order = anp.argsort(-x, axis=axis)
    return np.take(order, range(k), axis=axis) * 1.0


def uniform(key: Any, shape: tuple[int, ...], seed: int = 0) -> Any:
    words = [seed, *(int(k) for k in np.ravel(key))]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words))).random(shape)
