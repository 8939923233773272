"""300 random compositions of what the catalogue has, each beside PyTorch's own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import oracle
import pytest

import fluxlab as fl
from fluxlab.engine.core.operators import Operators
from fluxlab.engine.readers.explain import recompute
from fluxlab.engine.running.plan import Plan

ROWS, COLUMNS, SEEDS, PARTS = 2, 3, 300, 10
Both = tuple[Callable[..., Any], Callable[..., Any]]  # in FluxLab, in PyTorch


def alike(*names: str) -> dict[str, Both]:
    """Functions that both have under one name."""

    def in_torch(name: str) -> Callable[..., Any]:
        return lambda a: getattr(oracle.torch(), name)(a)

    return {n: (getattr(fl, n), in_torch(n)) for n in names}


def functional(name: str, called: str = "", **more: Any) -> Both:
    return getattr(fl, name), lambda a: getattr(oracle.torch().nn.functional, called or name)(
        a, **more
    )


def where(mask: Any, a: Any, b: Any) -> Any:
    """`where` of both libraries."""
    return (fl if isinstance(mask, Operators) else oracle.torch()).where(mask, a, b)


def both(write: Callable[..., Any]) -> Both:
    """What is written with Python's operators alone is the same for both."""
    return write, write


def reduced(name: str, in_torch: Callable[..., Any]) -> dict[str, Both]:
    """Along rows, along columns and of all, with the axes kept, beside the matrix itself."""
    found: dict[str, Both] = {}
    for axis in (0, 1, None):
        found[f"{name} along {axis}"] = (
            lambda a, axis=axis: a + getattr(fl, name)(a, axis=axis, keepdims=True),
            lambda a, axis=axis: a + in_torch(
                a if axis is not None else a.reshape(1, -1), 1 if axis is None else axis
            ),
        )  # fmt: skip
    return found


def t() -> Any:
    return oracle.torch()


# Of one matrix: (2, 3) gives (2, 3).
ONE: dict[str, Both] = {
    **alike("sin", "cos", "tanh", "arctan", "erf", "square", "absolute", "sigmoid", "relu"),
    "tan": (lambda a: fl.tan(a / 4), lambda a: t().tan(a / 4)),
    "exp": (lambda a: fl.exp(a / 3), lambda a: t().exp(a / 3)),
    "expm1": (lambda a: fl.expm1(a / 3), lambda a: t().expm1(a / 3)),
    "log": (lambda a: fl.log(a * a + 0.5), lambda a: t().log(a * a + 0.5)),
    "log1p": (lambda a: fl.log1p(a * a), lambda a: t().log1p(a * a)),
    "sqrt": (lambda a: fl.sqrt(a * a + 1), lambda a: t().sqrt(a * a + 1)),
    "floor": (lambda a: fl.floor(a * 3) * a, lambda a: t().floor(a * 3) * a),
    "ceil": (lambda a: fl.ceil(a * 3) * a, lambda a: t().ceil(a * 3) * a),
    "round": (lambda a: fl.round(a, 1) * a, lambda a: t().round(a, decimals=1) * a),
    "clip": (lambda a: fl.clip(a, -0.6, 0.9), lambda a: t().clamp(a, -0.6, 0.9)),
    "elu": functional("elu"),
    "leaky_relu": functional("leaky_relu"),
    "softplus": functional("softplus"),
    "swish": functional("swish", "silu"),
    "gelu": functional("gelu", approximate="tanh"),
    "softmax": functional("softmax", dim=-1),
    "softmax down": (lambda a: fl.softmax(a, axis=0), lambda a: t().softmax(a, dim=0)),
    "log_softmax": (lambda a: fl.log_softmax(a), lambda a: t().log_softmax(a, dim=-1)),
    "log_softmax down": (lambda a: fl.log_softmax(a, 0), lambda a: t().log_softmax(a, dim=0)),
    "cumsum": (lambda a: fl.cumsum(a), lambda a: t().cumsum(a, dim=1)),
    "cumsum down": (lambda a: fl.cumsum(a, 0), lambda a: t().cumsum(a, dim=0)),
    "sort": (lambda a: fl.sort(a) * [1, 2, 3], lambda a: t().sort(a).values * t().arange(1, 4)),
    "argsort": (lambda a: a * fl.argsort(a), lambda a: a * t().argsort(a)),
    "hold": (lambda a: a * fl.hold(a), lambda a: a * a.detach()),
    "pad": (lambda a: fl.pad(a, [(1, 0), (0, 1)])[:2, 1:], lambda a: t().nn.functional.pad(
        a, (0, 1, 1, 0)
    )[:2, 1:]),
    "transpose": both(lambda a: a @ a.T @ a),
    "reshape": both(lambda a: a.reshape(3, 2).T * a),
    "part": both(lambda a: a[:, 1:] @ a[:, 1:].T @ a + a[-1]),
    "places": both(lambda a: a[[1, 0]] * a[:, [2, 0, 2]] + a[[0, 1], [2, 2]][:, None]),
    "new axis": both(lambda a: (a[:, None] * a[None]).sum(1) + a[..., 0, None]),
    "outer": (lambda a: fl.outer(a[0], a[1]) @ a[0] + a,
              lambda a: t().outer(a[0], a[1]) @ a[0] + a),
    "minus": both(lambda a: 0.5 - a),
    "power": both(lambda a: a**2 + (a * a + 1) ** -0.5),
    "two to the": both(lambda a: 2 ** (a / 3)),
    "remainder": both(lambda a: a % 0.7),
    "between": both(lambda a: ((a > -0.5) & (a <= 0.8)) * a),
    "outside": both(lambda a: (~(a >= -0.5) | (a > 0.8)) * a + (a != 0) * a * (a < 2)),
    **reduced("sum", lambda a, d: a.sum(d, keepdim=True)),
    **reduced("mean", lambda a, d: a.mean(d, keepdim=True)),
    **reduced("max", lambda a, d: a.max(d, keepdim=True).values),
    **reduced("min", lambda a, d: a.min(d, keepdim=True).values),
    **reduced("prod", lambda a, d: a.prod(d, keepdim=True)),
    **reduced("var", lambda a, d: a.var(d, correction=0, keepdim=True)),
    **reduced("norm", lambda a, d: oracle.torch().linalg.norm(a, dim=d, keepdim=True)),
    **reduced("logsumexp", lambda a, d: a.logsumexp(d, keepdim=True)),
    "std": (lambda a: a / (fl.std(a, 1, ddof=1, keepdims=True) + 1),
            lambda a: a / (a.std(1, keepdim=True) + 1)),
}  # fmt: skip
# Of two: both (2, 3), and so is the result.
TWO: dict[str, Both] = {
    "add": both(lambda a, b: a + b),
    "subtract": both(lambda a, b: a - b),
    "multiply": both(lambda a, b: a * b),
    "divide": both(lambda a, b: a / (b * b + 1)),
    "matmul": both(lambda a, b: a @ b.T @ b),
    "raised": both(lambda a, b: (a * a + 0.5) ** b),
    "remainder of two": both(lambda a, b: a % (b * b + 0.5)),
    "where": both(lambda a, b: where(a > 0.1, a * 2, b)),
    "maximum": (fl.maximum, lambda a, b: t().where(a > b, a, b)),
    "minimum": (fl.minimum, lambda a, b: t().where(a < b, a, b)),
    "mse": (lambda a, b: a * fl.mse(a, b), lambda a, b: a * t().nn.functional.mse_loss(a, b)),
    "einsum": (lambda a, b: fl.einsum("ij,kj,kl->il", a, b, b),
               lambda a, b: t().einsum("ij,kj,kl->il", a, b, b)),
    "einsum of a diagonal": (lambda a, b: a * fl.einsum("ii->i", a @ b.T)[:, None],
                             lambda a, b: a * t().einsum("ii->i", a @ b.T)[:, None]),
    "concatenate": (lambda a, b: fl.concatenate([a, b], axis=1)[:, 1:4],
                    lambda a, b: t().cat([a, b], dim=1)[:, 1:4]),
    "stack": (lambda a, b: fl.stack([a, b], axis=1)[:, 1] * fl.stack([b, a])[0],
              lambda a, b: t().stack([a, b], dim=1)[:, 1] * t().stack([b, a])[0]),
    "along": (lambda a, b: fl.take_along_axis(a, fl.argsort(b), axis=1),
              lambda a, b: t().take_along_dim(a, t().argsort(b), dim=1)),
    "rows": (lambda a, b: fl.rows(a, [1, 1]) * b, lambda a, b: a[[1, 1]] * b),
    "largest place": (lambda a, b: a[range(2), fl.argmax(b, axis=1)][:, None] * b,
                      lambda a, b: a[range(2), b.argmax(dim=1)][:, None] * b),
}  # fmt: skip


def program(seed: int) -> tuple[Callable[..., Any], Callable[..., Any], set[str], dict[str, Any]]:
    """A random function of u, v and w, in both libraries; what it is made of; and its inputs."""
    draw = np.random.default_rng(seed)
    given = {n: draw.normal(size=(ROWS, COLUMNS)) for n in "uvw"}
    # The seed says which part comes last, so that each one is tried, and nothing hides it.
    names = [*ONE, *TWO]
    chosen = [*draw.choice(names, size=draw.integers(3, 7)).tolist(), names[seed % len(names)]]
    plan = [(name, draw.integers(0, 3, size=2)) for name in chosen]

    def write(library: int, tanh: Callable[[Any], Any]) -> Callable[..., Any]:
        def run(u: Any, v: Any, w: Any) -> Any:
            held = [u, v, w]
            for k, (name, places) in enumerate(plan):
                parts = [held[i] for i in places]
                made = ONE[name][library](parts[0]) if name in ONE else TWO[name][library](*parts)
                # Large numbers are squashed, so that rounding stays where it is.
                held[k % 3] = tanh(made / 2) if k % 2 else made * 0.5
            return held[0] * held[1] + held[2] + made

        return run

    in_torch = write(1, lambda a: oracle.torch().tanh(a))
    return write(0, fl.tanh), in_torch, set(chosen), given


@pytest.mark.parametrize("part", range(PARTS))
def test_a_composition_equals_pytorchs(part: int) -> None:
    for seed in range(part, SEEDS, PARTS):
        function, in_torch, names, given = program(seed)
        trace = fl.trace(function, **given)
        trace.backward()
        tensors = {n: t().tensor(v, requires_grad=True) for n, v in given.items()}
        result = in_torch(**tensors)
        result.sum().backward()
        what = f"seed {seed}: {sorted(names)}"
        assert trace.result is not None
        close(trace.result.value, result.detach().numpy(), what)
        gradients = []
        for n, tensor in tensors.items():
            found = f"dC_d{n}" in trace
            expected = np.zeros((ROWS, COLUMNS)) if tensor.grad is None else tensor.grad.numpy()
            close(trace[f"dC_d{n}"].value if found else 0 * expected, expected, f"{n}, {what}")
            gradients += [trace[f"dC_d{n}"]] if found else []
        recomputes(trace, what)
        replays(trace, [trace.result, *gradients], what)


def close(found: Any, expected: Any, what: str) -> None:
    scale = max(1.0, float(np.max(np.abs(expected), where=np.isfinite(expected), initial=0)))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * scale, err_msg=what)


def recomputes(trace: Any, what: str) -> None:
    """Every cell is what its explanation says."""
    for matrix in trace.matrices.values():
        cells = [recompute(matrix, index) for index in np.ndindex(*matrix.shape)]
        close(np.array(cells).reshape(matrix.shape), matrix.buffer, f"{matrix.name}, {what}")


def replays(trace: Any, wanted: list[Any], what: str) -> None:
    """A plan gives the same numbers as the trace, from other inputs as well."""
    trace["u"].buffer[...] *= 0.5
    trace.run()
    expected = [matrix.value for matrix in wanted]
    plan = Plan(trace, wanted)
    for step in plan.steps:  # what the plan must compute is spoilt beforehand
        if step.output.buffer.flags.writeable and step.output.buffer.base is None:
            step.output.buffer[...] = np.nan
    plan.run()
    for matrix, numbers in zip(wanted, expected, strict=True):
        close(matrix.buffer, numbers, f"the plan's {matrix.name}, {what}")


def test_every_part_is_in_several_compositions() -> None:
    count = dict.fromkeys([*ONE, *TWO], 0)
    for seed in range(SEEDS):
        for name in program(seed)[2]:
            count[name] += 1
    assert min(count.values()) >= 4


@pytest.mark.parametrize("name", ["cumsum", "prod along 1", "where", "places", "einsum"])
def test_a_wrong_part_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = ONE if name in ONE else TWO
    right = table[name]
    monkeypatch.setitem(table, name, (lambda *a: right[0](*a) * (1 + 1e-8), right[1]))
    seed = [*ONE, *TWO].index(name)
    monkeypatch.setattr("test_compositions.SEEDS", seed + 1)
    monkeypatch.setattr("test_compositions.PARTS", SEEDS)
    with pytest.raises(AssertionError, match="Not equal"):
        test_a_composition_equals_pytorchs(seed)
