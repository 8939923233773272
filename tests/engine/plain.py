"""The functions of `fl` again, in HIPS autograd's NumPy: an independent oracle for the zoo."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.scipy import special
from autograd.tracer import getval

exp, log, sqrt, absolute, maximum = anp.exp, anp.log, anp.sqrt, anp.abs, anp.maximum
tanh, sum, mean, max, reshape, transpose = (
    anp.tanh, anp.sum, anp.mean, anp.max, anp.reshape, anp.transpose,
)  # fmt: skip
sin, cos, tan, arctan, log1p, expm1, square = (
    anp.sin, anp.cos, anp.tan, anp.arctan, anp.log1p, anp.expm1, anp.square,
)  # fmt: skip
floor, ceil, minimum, prod, cumsum, std, var, stack = (
    anp.floor, anp.ceil, anp.minimum, anp.prod, anp.cumsum, anp.std, anp.var, anp.stack,
)  # fmt: skip


erf = special.erf


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


def softmax(a: Any, axis: int = -1) -> Any:
    e = anp.exp(a - anp.max(a, axis=axis, keepdims=True))
    return e / anp.sum(e, axis=axis, keepdims=True)


def logsumexp(a: Any, axis: Any = None) -> Any:
    return anp.log(anp.sum(anp.exp(a), axis=axis))


def log_softmax(a: Any, axis: int = -1) -> Any:
    return anp.log(softmax(a, axis))


def norm(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return anp.sqrt(anp.sum(x * x, axis=axis, keepdims=keepdims))


def min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return -anp.max(-x, axis=axis, keepdims=keepdims)


def round(x: Any, decimals: int = 0) -> Any:
    return np.round(getval(x), decimals)


def remainder(x: Any, y: Any) -> Any:
    return x - y * np.floor(getval(x) / getval(y))


def where(mask: Any, a: Any, b: Any) -> Any:
    return anp.where(getval(mask) != 0, a, b)


def clip(x: Any, low: Any, high: Any) -> Any:
    return anp.clip(x, -np.inf if low is None else low, high)


def argsort(x: Any, axis: int = -1) -> Any:
    return np.argsort(getval(x), axis, "stable")


def argmin(x: Any) -> Any:
    return np.argmin(getval(x)) * 1.0


def take_along_axis(x: Any, places: Any, axis: int) -> Any:
    where = list(np.ogrid[tuple(slice(n) for n in places.shape)])
    where[axis] = places
    return x[tuple(where)]


def sort(x: Any, axis: int = -1) -> Any:
    return take_along_axis(x, argsort(x, axis), axis)


def whole(numbers: Any) -> Any:
    return np.asarray(getval(numbers)).astype(int)


def activation(name: str) -> Any:
    return globals()[name]


def mse(y: Any, target: Any) -> Any:
    return anp.mean((y - target) ** 2)


def einsum(signature: str, *matrices: Any) -> Any:
    if signature.startswith("ii"):  # autograd has no gradient of a letter that stands twice
        diagonal = matrices[0][np.arange(3), np.arange(3)]
        return diagonal if signature == "ii->i" else anp.sum(diagonal)
    return anp.einsum(signature, *matrices)


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
