"""A trace as a plain NumPy script that runs alone and gives the same numbers."""

from __future__ import annotations

import base64
import builtins
import keyword
import re
from typing import Any

import numpy as np

from fluxlab.engine.core.matrix import Matrix, Step
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.core.op import OPS, fill
from fluxlab.engine.core.trace import Trace

# What NumPy lacks; a script brings along what it uses.
HELPERS = {
    "sigmoid": "def sigmoid(a):\n    return 1 / (1 + np.exp(-a))",
    "softmax": (
        "def softmax(a):\n    e = np.exp(a - a.max(axis=-1, keepdims=True))\n"
        "    return e / e.sum(axis=-1, keepdims=True)"
    ),
    "masked_softmax": (
        "def masked_softmax(a, allowed):\n    shown = np.where(allowed != 0, a, -np.inf)\n"
        "    top = np.maximum(shown.max(axis=-1, keepdims=True), np.finfo(float).min)\n"
        "    e = np.exp(shown - top)\n"
        "    return e / np.maximum(e.sum(axis=-1, keepdims=True), np.finfo(float).tiny)"
    ),
    "softmax_jacobian": (
        "def softmax_jacobian(h):\n"
        "    return h[..., :, None] * (np.eye(h.shape[-1]) - h[..., None, :])"
    ),
    "gelu_slope": (
        "def gelu_slope(a):\n    t = np.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a**3))\n"
        "    inner = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * a**2)\n"
        "    return 0.5 * (1 + t) + 0.5 * a * (1 - t**2) * inner"
    ),
    "batch_rows": (
        "def batch_rows(iteration, count, size, seed, shuffle):\n"
        "    epoch, number = divmod(int(iteration), -(-count // size))\n"
        "    order = np.arange(count)\n    if shuffle:\n"
        "        words = np.random.SeedSequence([seed, epoch])\n"
        "        np.random.Generator(np.random.Philox(words)).shuffle(order)\n"
        "    chosen = order[number * size : (number + 1) * size]\n"
        "    return np.concatenate([chosen, np.zeros(size - len(chosen), dtype=int)])"
    ),
    "batch_is_real": (
        "def batch_is_real(iteration, count, size):\n"
        "    start = int(iteration) % -(-count // size) * size\n"
        "    return (np.arange(start, start + size) < count)[:, None] * 1.0"
    ),
    "uniform": (
        "def uniform(key, shape, seed):\n"
        "    words = np.random.SeedSequence([seed, *(int(k) for k in np.ravel(key))])\n"
        "    return np.random.Generator(np.random.Philox(words)).random(shape)"
    ),
    "normal": (
        "def normal(u):\n    flat, half = u.ravel(), (u.size + 1) // 2\n"
        "    radius = np.sqrt(-2 * np.log(1 - flat[:half]))\n"
        "    turn = 2 * np.pi * flat[u.size - half :]\n"
        "    second = (radius * np.sin(turn))[: u.size - half]\n"
        "    return np.concatenate([radius * np.cos(turn), second]).reshape(u.shape)"
    ),
    "first_largest": (
        "def first_largest(x, largest, axes):\n"
        "    last = tuple(range(x.ndim - len(axes), x.ndim))\n"
        "    if largest.ndim < x.ndim:\n        largest = np.expand_dims(largest, axes)\n"
        "    equal = np.moveaxis(x == largest, axes, last)\n"
        "    rows = equal.reshape(*equal.shape[: last[0]], -1)\n"
        "    first = (rows & (rows.cumsum(axis=-1) == 1)).reshape(equal.shape)\n"
        "    return np.moveaxis(first, last, axes) * 1.0"
    ),
    "erf": (
        "def erf(x):\n    import math\n"
        "    return np.array([math.erf(v) for v in np.ravel(x)]).reshape(np.shape(x))"
    ),
    "product_of_others": (
        "def product_of_others(x, axes):\n"
        "    order = [a for a in range(x.ndim) if a not in axes] + list(axes)\n"
        "    seen = x.transpose(order)\n"
        "    n = int(np.prod([x.shape[a] for a in axes]))\n"
        "    table = seen.reshape(-1, n)\n"
        "    every = np.where(np.eye(n, dtype=bool), 1.0, table[:, None, :])\n"
        "    return every.prod(axis=2).reshape(seen.shape).transpose(np.argsort(order))"
    ),
    "patches": (
        "def patches(x, window, stride):\n"
        "    seen = np.lib.stride_tricks.sliding_window_view(x, window, axis=(-2, -1))\n"
        "    return seen[..., :: stride[0], :: stride[1], :, :]"
    ),
    "unpatch": (
        "def unpatch(moved, shape, window, stride):\n    made = np.zeros(shape)\n"
        "    (m, n), (down, right) = moved.shape[-4:-2], stride\n"
        "    for u, v in np.ndindex(*window):\n"
        "        made[..., u : u + down * m : down, v : v + right * n : right] += "
        "moved[..., u, v]\n"
        "    return made"
    ),
    "put_back": (
        "def put_back(moved, shape, take):\n    count = int(np.prod(shape))\n"
        "    came_from = take(np.arange(1, count + 1).reshape(shape)).astype(int)\n"
        "    sums = np.bincount(came_from.ravel(), moved.ravel(), count + 1)\n"
        "    return sums[1:].reshape(shape)  # number 0 came from padding"
    ),
}
# Ops whose display form is for reading; this is the form that runs.
RUNS = {
    "softmax_jacobian": "softmax_jacobian(<0>)",
    "softmax_minus_target": "softmax(<0>) * np.sum(<1>, axis=-1, keepdims=True) - <1>",
    "softmax_cross_entropy": (
        "np.sum(<1>, axis=-1, keepdims=True) * np.log(np.sum(np.exp(<0> - <0>.max(axis=-1, "
        "keepdims=True)), axis=-1, keepdims=True)) - np.sum(<1> * (<0> - <0>.max(axis=-1, "
        "keepdims=True)), axis=-1, keepdims=True)"
    ),
    "batch_rows": "batch_rows(<0>, <count>, <size>, <seed>, <shuffle>)",
    "uniform": "uniform(<0>, <shape>, <seed>)",
    "rows": "<0>[<1>.astype(int)]",
    "shrink": "np.minimum(1, <limit> / np.maximum(<0>, 1e-300))",
    "top": "np.argsort(-<0>, axis=<axis>, kind='stable').take(range(<k>), axis=<axis>)",
}


def to_script(trace: Trace, iterations: int, title: str) -> str:
    """The whole iteration as a loop of plain NumPy lines, with the numbers it starts from.

    `iterations` updates are done, then one more forward pass; C is printed, and y if there is one.
    """
    names = _identifiers(trace)
    starts = [m for m in trace.matrices.values() if m.step is None]
    forward = [s for s in trace.steps if s.phase == "forward"]
    rest = [s for s in trace.steps if s.phase != "forward"]
    lines = {step: _line(step, names) for step in trace.steps}
    body = "\n".join(lines.values())
    used = [code for name, code in HELPERS.items() if re.search(rf"\b{name}\(", body)]
    carried = [f"{names[old]} = {names[new]}" for old, new in trace.carry.items()]
    parts = [
        f'"""{title}, as plain NumPy. It runs alone."""',
        "import base64\n\nimport numpy as np\n\n"
        'np.seterr(over="ignore")  # exp(800) is infinite and 1 / infinity is 0, which is right',
        *used,
        "\n".join(f"{names[m]} = {_literal(m.buffer)}" for m in starts),
        f"\ndef forward():\n    global {', '.join(sorted({names[s.output] for s in forward}))}\n"
        + "\n".join(f"    {lines[s]}" for s in forward),
        f"\nfor _ in range({iterations}):\n    forward()\n"
        + "\n".join(f"    {line}" for line in [*(lines[s] for s in rest), *carried]),
        "forward()",
        f'print("C =", repr(float({names[trace.cost]})))',
        *([f'print("y =", {names[trace["y"]]}.tolist())'] if "y" in trace else []),
    ]
    return "\n\n".join(parts) + "\n"


def _identifiers(trace: Trace) -> dict[Matrix, str]:
    found: dict[Matrix, str] = {}
    own = {"forward", "np", "base64", *HELPERS, *keyword.kwlist, *dir(builtins)}
    taken: set[str] = set()
    for matrix in trace.matrices.values():
        name = re.sub(r"\W+", "_", matrix.name).strip("_")
        if not name or name[0].isdigit() or name in own:
            name = f"n{name}"
        base, count = name, 1
        while name in taken:
            count += 1
            name = f"{base}_{count}"
        taken.add(name)
        found[matrix] = name
    return found


def _line(step: Step, names: dict[Matrix, str]) -> str:
    params: dict[str, Any] = dict(step.params)
    return f"{names[step.output]} = {fill(_form(step), [names[m] for m in step.inputs], params)}"


def _form(step: Step) -> str:
    """The step's template in a form that runs."""
    if step.op.name != "scatter":
        return RUNS.get(step.op.name) or step.op.numpy_template(step)
    # The gather's own line, done to the numbers of its cells, says where each cell came from.
    gather = OPS[step.params["of"]]
    form = RUNS.get(gather.name) or gather.numpy_template(step)
    return f"put_back(<0>, <shape>, lambda it: {form.replace('<0>', 'it')})"


def _literal(numbers: Array) -> str:
    """Exact numbers: written out if few, else as bytes."""
    if numbers.size <= 64 and np.isfinite(numbers).all():
        return f"np.array({numbers.tolist()!r})"
    text = base64.b64encode(np.ascontiguousarray(numbers, dtype="<f8").tobytes()).decode()
    return f'np.frombuffer(base64.b64decode("{text}"), "<f8").reshape({numbers.shape})'
