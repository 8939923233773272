"""A zoo of student functions. Together their traces use every op of the catalogue.

Each is written once, on a namespace `F`: `fluxlab` traces it, `plain` (HIPS autograd)
differentiates it independently. No two axes of an input have the same length, so that a
transposition shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import fluxlab as fl
from fluxlab.engine.catalogue.activations import ACTIVATIONS, activation


class _Traced:
    """`fluxlab` itself, with activations by name as `plain` has them."""

    activation = staticmethod(activation)
    whole = staticmethod(lambda numbers: numbers)

    def __getattr__(self, name: str) -> Any:
        return getattr(fl, name)


FL = _Traced()


@dataclass(frozen=True)
class Animal:
    """`write(F)` gives the function; `matrices` its arguments; `learned` what descends."""

    write: Callable[[Any], Callable[..., Any]]
    matrices: dict[str, np.ndarray]
    learned: tuple[str, ...]


ZOO: dict[str, Animal] = {}


def animal(*learned: str, **shapes: Any) -> Callable[[Any], Any]:
    """Enter a function into the zoo; a shape becomes random numbers, an array stays."""

    def enter(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
        draw = np.random.default_rng(len(ZOO) + 1)
        matrices = {
            name: np.asarray(given, dtype=float)
            if isinstance(given, list | np.ndarray | float)
            else draw.normal(size=given)
            for name, given in shapes.items()
        }
        ZOO[write.__name__] = Animal(write, matrices, learned)
        return write

    return enter


@cache
def traced(name: str) -> Any:
    """The animal's trace with backward pass and update; shared, so tests must not change it."""
    return fresh(name)


def fresh(name: str) -> Any:
    found = ZOO[name]
    trace = fl.trace(found.write(FL), **found.matrices)
    trace.descend(*found.learned, learning_rate=0.05)
    return trace


# -- dense, broadcasting, every activation ----------------------------------------------------


@animal("w1", "b1", "w2", "b2", x=(5, 3), w1=(3, 4), b1=(1, 4), w2=(4, 2), b2=(2,), target=(5, 2))
def two_layers(F: Any) -> Any:
    def run(x: Any, w1: Any, b1: Any, w2: Any, b2: Any, target: Any) -> Any:
        h = F.tanh(x @ w1 + b1)
        y = F.leaky_relu(h @ w2 + b2)
        return F.mse(y, target)

    return run


@animal("w", x=(3, 4), w=(4, 2))
def every_activation(F: Any) -> Any:
    def run(x: Any, w: Any) -> Any:
        a = x @ w
        return F.concatenate([F.activation(name)(a * 1.5) for name in ACTIVATIONS], axis=1)

    return run


@animal("u", "v", u=(4, 1, 3), v=(5, 1), s=0.7, r=(3,))
def broadcasting(F: Any) -> Any:
    def run(u: Any, v: Any, s: Any, r: Any) -> Any:
        p = F.exp(u * s) + 1
        q = F.sqrt(v**2 + 2.0) - (-r)
        return F.log(p) / q + 2 / p - (1 - q * s) ** 3 + F.absolute(u - v) + F.maximum(u, r * v)

    return run


@animal("w", w=1.7, v=-0.3)
def numbers_only(F: Any) -> Any:
    def run(w: Any, v: Any) -> Any:
        return F.tanh(w * v + w**2 / 4)

    return run


@animal("w1", "w2", w1=0.5, w2=-1.5)
def saddle(F: Any) -> Any:
    def run(w1: Any, w2: Any) -> Any:
        return 12 * w1 * w2

    return run


@animal("x", "w", x=(2, 3), w=(3, 3, 4))
def used_again(F: Any) -> Any:
    def run(x: Any, w: Any) -> Any:
        h = x
        for i in range(3):
            h = h * x + h @ w[i, :, :3]
        return h * h - x

    return run


@animal("w", x=(3,), w=(3, 4), z=(4,))
def vectors(F: Any) -> Any:
    def run(x: Any, w: Any, z: Any) -> Any:
        return F.outer(x, z) * w + (x @ w) @ z + F.sigmoid(w @ z)[1]

    return run


# -- composites -------------------------------------------------------------------------------


@animal("w", x=(4, 3), w=(3, 5), chosen=np.eye(5)[[0, 3, 1, 3]])
def softmax(F: Any) -> Any:
    def run(x: Any, w: Any, chosen: Any) -> Any:
        a = x @ w
        e = F.exp(a - F.max(a, axis=1, keepdims=True))
        p = e / F.sum(e, axis=1, keepdims=True)
        return -F.mean(F.sum(chosen * F.log(p), axis=1))

    return run


@animal("gain", "shift", x=(2, 3, 5), gain=(5,), shift=(5,))
def layer_norm(F: Any) -> Any:
    def run(x: Any, gain: Any, shift: Any) -> Any:
        centred = x - F.mean(x, axis=-1, keepdims=True)
        spread = F.sqrt(F.mean(centred**2, axis=-1, keepdims=True) + 1e-5)
        return (centred / spread * gain + shift) ** 2

    return run


@animal("w", "u", "b", x=(2, 3, 4), w=(4, 20), u=(5, 20), b=(20,), target=(2, 5))
def lstm(F: Any) -> Any:
    """Three time steps that share their weights: samples 2, features 4, neurons 5."""

    def run(x: Any, w: Any, u: Any, b: Any, target: Any) -> Any:
        h, c = np.zeros((2, 5)), np.zeros((2, 5))
        for t in range(3):
            a = x[:, t, :] @ w + h @ u + b
            forget, write, read = (F.sigmoid(a[:, 5 * k : 5 * k + 5]) for k in range(3))
            c = forget * c + write * F.tanh(a[:, 15:])
            h = read * F.tanh(c)
        return F.mse(h, target)

    return run


@animal("q", "k", "v", "o", x=(2, 5, 6), q=(6, 2, 3), k=(6, 2, 3), v=(6, 2, 4), o=(2, 4, 6))
def attention(F: Any) -> Any:
    """Samples 2, tokens 5, features 6, heads 2, key size 3, value size 4."""

    def run(x: Any, q: Any, k: Any, v: Any, o: Any) -> Any:
        queries = F.einsum("ste,ehd->shtd", x, q)
        keys = F.einsum("ste,ehd->shtd", x, k)
        values = F.einsum("ste,ehd->shtd", x, v)
        scores = F.einsum("shqd,shkd->shqk", queries, keys) / 3**0.5
        e = F.exp(scores - F.max(scores, axis=-1, keepdims=True))
        weights = e / F.sum(e, axis=-1, keepdims=True)
        heads = weights @ values
        return x + F.einsum("shqd,hde->sqe", heads, o)

    return run


@animal("w", "b", "v", x=(2, 3, 7, 8), w=(4, 3, 2, 3), b=(4, 1, 1), v=(16, 3))
def convolution(F: Any) -> Any:
    """Channels 3 to 4, 2 x 3 filters, a border, stride 2, max pooling, a dense layer."""

    def run(x: Any, w: Any, b: Any, v: Any) -> Any:
        wide = F.pad(x, [(0, 0), (0, 0), (1, 0), (0, 2)])
        seen = F.patches(wide, (2, 3), 2)
        h = F.relu(F.einsum("scijuv,ocuv->soij", F.transpose(seen, (0, 1, 2, 3, 4, 5)), w) + b)
        pooled = F.max(F.patches(h, (2, 2), 2), axis=(4, 5))
        return F.reshape(pooled, (2, -1)) @ v

    return run


@animal("table", table=(7, 4), numbers=[[3.0, 0.0, 3.0], [6.0, 3.0, 1.0]], place=(3, 4))
def embedding(F: Any) -> Any:
    def run(table: Any, numbers: Any, place: Any) -> Any:
        x = F.rows(table, numbers) + place
        return F.mean(x * x, axis=1)

    return run


# -- moving, reducing, choosing ---------------------------------------------------------------


@animal("x", "y", x=(2, 3, 4), y=(2, 5, 4))
def moving(F: Any) -> Any:
    def run(x: Any, y: Any) -> Any:
        both = F.concatenate([x, y, x], axis=1)
        part = both[:, 1:9:3, ::-1] * 2
        turned = F.transpose(part, (2, 0, 1))
        flat = F.reshape(turned, (3, 8)) + F.reshape(turned.T, (3, 8))
        framed = F.pad(flat, [(1, 0), (0, 2)])
        return F.expand(framed[-2], (3, 10)) * framed[1:, :] + framed[0, 0]

    return run


@animal("x", x=(3, 4, 5), w=(5,))
def reducing(F: Any) -> Any:
    def run(x: Any, w: Any) -> Any:
        y = x * w
        s = F.sum(y, axis=(0, 2)) * F.sum(y, axis=1, keepdims=True)[0, 0, 0]
        m = F.mean(y, axis=(1, 2)) + F.mean(y) * F.max(y)
        top = F.max(y, axis=(0, 2)) * F.max(y, axis=1, keepdims=True)[2, 0, 1]
        return F.sum(s * top) + F.sum(m * F.sum(y, axis=(0,), keepdims=False)[1, 2])

    return run


@animal("x", x=(4, 6), key=[3.0, 17.0])
def choosing(F: Any) -> Any:
    def run(x: Any, key: Any) -> Any:
        kept = F.greater(F.uniform(key, (4, 6)), 0.4) / 0.6
        best = F.argmax(x, axis=1)
        places = F.top(x, 2, axis=0)
        chosen = F.rows(x, best - 2 * F.greater(best, 3))
        return F.sum(x * kept * F.greater(x, 0)) + F.sum(chosen**2) + F.sum(F.rows(x, places)) * 2

    return run


# -- what students write in NumPy -----------------------------------------------------------------


@animal("x", x=(3, 4), d=(4,))
def curves(F: Any) -> Any:
    def run(x: Any, d: Any) -> Any:
        waves = F.sin(x) * F.cos(x * d) + F.tan(x / 4)
        near = F.log1p(x * x) - F.expm1(x / 3) * F.arctan(x) + F.erf(x * 1.5) * F.square(d)
        steps = F.floor(x * 3) - F.ceil(d) * F.round(x, 1)
        return waves * near + steps * x + x % 0.7 - F.remainder(x, F.exp(d))

    return run


@animal("x", "p", x=(3, 4), p=(4,))
def powers(F: Any) -> Any:
    def run(x: Any, p: Any) -> Any:
        base = F.exp(x / 2)
        return (
            base**p + 2**x - p ** np.int64(2) + base ** np.array([2, 0, -1, 0.5]) + 3.0 ** (p * 2)
        )

    return run


@animal("x", x=(3, 4), y=(3, 1))
def masks(F: Any) -> Any:
    def run(x: Any, y: Any) -> Any:
        inside = (x >= -0.5) & (x <= 1) | (x > 1.5)
        either = (x < y) | ~inside
        same = (F.round(x) == F.round(y)) + (F.round(x) != 0) * 0.5
        chosen = F.where(inside, x * y, F.exp(x)) + F.where(y, x, 0.0) * F.minimum(x, y)
        return chosen + either * x + same * y + F.clip(x, -0.5, 0.8) * F.clip(y, None, 0.3)

    return run


@animal("x", x=(3, 4, 2), z=[[1.5, 0.0, -2.0], [0.0, 3.0, 0.0]])
def in_order(F: Any) -> Any:
    def run(x: Any, z: Any) -> Any:
        sums = F.cumsum(x, 1) * F.cumsum(x, 0) + F.min(x, axis=(0, 2), keepdims=True)
        products = F.prod(x, axis=(0, 2)) * F.min(x, axis=1)[0, 1] + F.prod(x[0]) + F.prod(z[0, :1])
        ordered = F.sort(x, axis=1) * F.argsort(x, axis=0) + F.argmin(x)
        last = F.take_along_axis(x, F.argsort(x, axis=2)[:, :, :1], 2)
        return F.sum(sums) + F.sum(products) + F.sum(ordered * x) + F.sum(last**2)

    return run


@animal("x", x=(3, 4))
def statistics(F: Any) -> Any:
    def run(x: Any) -> Any:
        normal = (x - F.mean(x)) / F.std(x, axis=0, keepdims=True) * F.var(x, axis=1, keepdims=True)
        long = F.norm(x, axis=1, keepdims=True) + F.std(x, ddof=1) * F.norm(x)
        logits = F.logsumexp(x, axis=0) * F.log_softmax(x * 2) + F.log_softmax(x, axis=0)
        return normal * long + logits * F.softmax(x, axis=0) + F.var(x, ddof=1) + F.logsumexp(x)

    return run


@animal("x", x=(4, 3), classes=[2.0, 0.0, 1.0, 2.0], i=[3.0, -1.0])
def by_number(F: Any) -> Any:
    def run(x: Any, classes: Any, i: Any) -> Any:
        y, i = F.whole(classes), F.whole(i)
        right = x[range(4), y] * x[..., 0] - x[[0, -1, 2, 0], 1]
        some = x[np.array([True, False, True, True])][:, None, ::-1] + x[None, i][:, :1]
        pairs = F.stack([x[i, 2], x[0, :2]], axis=1) + x[[[0, 1], [1, 3]], [2, 0]]
        return F.sum(right) + F.sum(some**2) + F.sum(pairs * pairs) + x[-1, None, i[0] % 2, ...][0]

    return run


@animal("x", x=(3, 3), y=(3, 4), z=(2, 4, 5))
def letters(F: Any) -> Any:
    def run(x: Any, y: Any, z: Any) -> Any:
        chain = F.einsum("ij,jk,lkm->lim", x, y, z) * F.einsum("...ij,...j->i", x, x[0])[:, None]
        parts = F.einsum("ii->i", x) * F.einsum("ij->j", x) + F.einsum("ii", x) * F.einsum(
            "ij->", y
        )
        return F.einsum("ba", x) * parts + F.sum(chain) + F.einsum("ij,ik,il->", x, y, y)

    return run


@animal("w", "t", x=(5, 3), w=(3, 2), t=0.7)
def a_cold_sigmoid(F: Any) -> Any:
    return lambda x, w, t: F.sigmoid_temperature(x @ w, t)
