"""Every EXAMPLE and student function again in PyTorch: each matrix, each gradient, each slope.

The forward steps are replayed in float64 through `operations`, one line per op written with
PyTorch's own functions; backwards PyTorch goes alone. What chooses or draws (kind selection) is
taken as given numbers. Whoever adds an op adds its line here.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import oracle
import pytest
from traces import EXAMPLES, NAMES, trace_of

from fluxlab.engine.core.formulas import gradient_name
from fluxlab.engine.core.op import OPS


@cache
def operations(torch: Any) -> dict[str, Any]:
    """Op name -> function of tensors (the step's inputs) and the step's parameters.

    `detach` stands where the engine declares that no gradient flows: targets, held matrices.
    """
    F = torch.nn.functional

    def over(reduce: Any) -> Any:
        return lambda x, axes, keepdims: reduce(x, dim=axes, keepdim=keepdims)

    def largest(x: Any, axes: Any, keepdims: bool) -> Any:
        # Along one dimension PyTorch gives the gradient to the first of equals, as FluxLab does.
        last = x.movedim(axes, tuple(range(-len(axes), 0)))
        found = last.flatten(-len(axes)).max(dim=-1).values
        kept = [1 if i in axes else n for i, n in enumerate(x.shape)]
        return found.reshape(kept) if keepdims else found

    def product(x: Any, axes: Any, keepdims: bool) -> Any:
        last = x.movedim(axes, tuple(range(-len(axes), 0))).flatten(-len(axes)).prod(dim=-1)
        kept = [1 if i in axes else n for i, n in enumerate(x.shape)]
        return last.reshape(kept) if keepdims else last

    def part(x: Any, where: Any) -> Any:  # PyTorch's own slices cannot run backwards
        for axis, place in reversed(list(enumerate(where))):
            if isinstance(place, tuple):
                numbers = range(x.shape[axis])[slice(*place)]
                x = x.index_select(axis, torch.tensor(numbers, dtype=torch.long))
            else:
                x = x.select(axis, place)
        return x

    def pixels(x: Any, numbers: Any) -> Any:
        chosen = numbers.long().expand(len(x), *numbers.shape[1:])
        chosen = torch.where(chosen < 0, x.shape[1], chosen)  # the border of zeros
        return F.pad(x, (0, 1)).gather(1, chosen.flatten(1)).reshape(chosen.shape)

    def pixel_number(r: Any, c: Any, down: Any, right: Any, side: int) -> Any:
        row, column = torch.floor(r) + down, torch.floor(c) + right
        inside = (row.clamp(0, side - 1) == row) & (column.clamp(0, side - 1) == column)
        return torch.where(inside, row * side + column, -1.0)

    def stdp_window(d: Any, strengthen: float, weaken: float, tau: float) -> Any:
        early, late = strengthen * torch.exp(d / tau), -weaken * torch.exp(-d / tau)
        return torch.where(d < 0, early, torch.where(d > 0, late, 0.0))

    def pad(x: Any, before: Any, after: Any) -> Any:
        return F.pad(x, [n for pair in zip(before[::-1], after[::-1], strict=True) for n in pair])

    return {
        "absolute": torch.abs,
        "add": torch.add,
        "arctan": torch.arctan,
        "ceil": lambda u: torch.ceil(u.detach()),
        "concatenate": lambda *parts, axis: torch.cat(parts, dim=axis),
        "contract": lambda u, v, signature: torch.einsum(signature, u, v),
        "cos": torch.cos,
        "cumsum": lambda x, axis: torch.cumsum(x, dim=axis),
        "divide": torch.div,
        "elu": F.elu,
        "erf": torch.erf,
        "exp": torch.exp,
        "expand": lambda x, shape: torch.broadcast_to(x, shape),
        "expm1": torch.expm1,
        "floor": lambda u: torch.floor(u.detach()),
        "gelu": lambda a: F.gelu(a, approximate="tanh"),
        "hold": torch.detach,
        "index": lambda x, *numbers, where: x[
            tuple(
                slice(*p)
                if isinstance(p, tuple)
                else numbers[int(p[1:-1]) - 1].long()
                if isinstance(p, str)
                else p
                for p in where
            )
        ],
        "leaky_relu": lambda a: F.leaky_relu(a, 0.01),
        "linear": torch.clone,
        "log": torch.log,
        "log1p": torch.log1p,
        # Filled once more, so that a row of which nothing counts is 0 and not 0 / 0.
        "masked_softmax": lambda a, allowed: torch.softmax(
            a.masked_fill(allowed == 0, torch.finfo(a.dtype).min), dim=-1
        ).masked_fill(allowed == 0, 0.0),
        "max": largest,
        "maximum": lambda u, v: torch.where(u > v, u, v),
        "mean": over(torch.mean),
        "min": lambda x, axes, keepdims: -largest(-x, axes, keepdims),
        "minimum": lambda u, v: torch.where(u < v, u, v),
        "multiply": torch.mul,
        "negate": torch.neg,
        "one_minus": lambda u: torch.rsub(u, 1.0),
        "pad": pad,
        "patches": lambda x, window, stride: x.unfold(-2, window[0], stride[0]).unfold(
            -2, window[1], stride[1]
        ),
        "pixel_number": pixel_number,
        "pixel_weight": lambda r, c, down, right: (
            torch.where(down > 0, torch.frac(r - r.floor()), r.floor() + 1 - r)
            * torch.where(right > 0, torch.frac(c - c.floor()), c.floor() + 1 - c)
        ),
        "power": lambda u, exponent: torch.pow(u, exponent),
        "prod": product,
        "raised": torch.pow,
        "relu": F.relu,
        "remainder": torch.remainder,
        "reshape": lambda x, shape: torch.reshape(x, shape),
        "root": torch.sqrt,
        "round": lambda u, decimals: torch.round(u.detach(), decimals=decimals),
        "rows": lambda table, numbers: table[numbers.long()],
        "same": torch.clone,
        "sigmoid": torch.sigmoid,
        "sigmoid_temperature": lambda a, t=1.0: torch.sigmoid(a / t),
        "sign": lambda u: torch.sign(u.detach()),
        "sin": torch.sin,
        "slice": part,
        "softmax": lambda a: torch.softmax(a, dim=-1),
        "softmax_cross_entropy": lambda a, t: (
            -(t.detach() * torch.log_softmax(a, dim=-1)).sum(dim=-1, keepdim=True)
        ),
        "softplus": lambda a: torch.logaddexp(torch.zeros_like(a), a),
        "sqrt": torch.sqrt,
        "squared_error": lambda y, t: torch.square(y - t),
        "stdp_window": stdp_window,
        "subtract": torch.sub,
        "sum": over(torch.sum),
        "surprise": lambda y, t: -torch.xlogy(t.detach(), y),
        "swish": F.silu,
        "take_pixels": pixels,
        "take_along_axis": lambda x, places, axis: torch.take_along_dim(x, places.long(), axis),
        "tanh": torch.tanh,
        "threshold": lambda a: torch.where(a > 0, 1.0, 0.0 * a),
        "transpose": lambda x, axes: x.permute(axes),
        "turned_column": lambda r, c, angle, zoom: (
            (torch.complex(r, c) * torch.polar(torch.ones_like(angle), -angle) / zoom).imag
        ),
        "turned_row": lambda r, c, angle, zoom: (
            (torch.complex(r, c) * torch.polar(torch.ones_like(angle), -angle) / zoom).real
        ),
        "where": lambda mask, u, v: torch.where(mask != 0, u, v),
    }


def function_of(torch: Any, name: str) -> Any:
    if name not in operations(torch):
        pytest.fail(
            f"The op {name!r} has no PyTorch equivalent yet. Add one line to `operations` in "
            f"tests/engine/test_torch_examples.py: {name!r}: a function of the op's inputs (as "
            "tensors) and parameters (by name), written with PyTorch's own functions."
        )
    return operations(torch)[name]


class Replay:
    """The forward pass of a trace in PyTorch, and its backward pass.

    held : the tensor of each matrix; its `grad` is the whole gradient.
    uses : per matrix, each use that C depends on as a tensor of its own, in forward order.
    """

    def __init__(self, torch: Any, trace: Any) -> None:
        self.torch, self.held = torch, {}
        uses: dict[Any, list[Any]] = {}
        for step in trace.steps:
            if step.phase != "forward":
                continue
            taken = []
            for matrix in step.inputs:
                use = self.hold(matrix).clone()
                if matrix.kind == "constant" or not matrix.wants_gradient:
                    use = use.detach()
                else:
                    use.retain_grad()
                    uses.setdefault(matrix, []).append(use)
                taken.append(use)
            if step.op.kind == "selection":
                self.hold(step.output)
            else:
                made = function_of(torch, step.op.name)(*taken, **step.params)
                self.hold(step.output, made)
        self.held[trace.cost].backward()
        self.uses = {m: [u for u in found if u.grad is not None] for m, found in uses.items()}

    def hold(self, matrix: Any, tensor: Any = None) -> Any:
        if matrix not in self.held:
            given = self.torch.tensor(matrix.value) if tensor is None else tensor
            # Where nothing upstream has a gradient, one can still be asked for here.
            kept = given if given.requires_grad else given.detach().clone().requires_grad_()
            kept.retain_grad()
            self.held[matrix] = kept
        return self.held[matrix]

    def gradient(self, tensor: Any) -> Any:
        grad = self.torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        return grad.numpy()


def same(found: Any, expected: Any, name: str, exact: float = 1e-10) -> None:
    assert found.shape == expected.shape, f"{name}: {found.shape} but {expected.shape}"
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=exact, atol=1e-13 * scale, err_msg=name)


def full_name(matrix: Any) -> str:
    local = gradient_name(matrix)
    return f"{matrix.scope}/{local}" if matrix.scope else local


def compare(torch: Any, trace: Any) -> None:
    """Every forward matrix and every gradient of the trace, whole or of one use."""
    replay = Replay(torch, trace)
    compared = set()
    for matrix, tensor in replay.held.items():
        same(matrix.value, tensor.detach().numpy(), matrix.name, 1e-12)
        expected, name = replay.gradient(tensor), full_name(matrix)
        if matrix.kind == "constant" or not matrix.wants_gradient:
            continue
        if name in trace:
            same(trace[name].value, expected, name)
            compared.add(trace[name])
        else:
            assert not expected.any(), f"{matrix.name} has a gradient, but there is no {name}"
        shares = [m for m in trace.matrices if re.fullmatch(rf"{re.escape(name)}\[use \d+\]", m)]
        if not shares:
            continue
        uses = replay.uses[matrix]
        assert len(shares) == len(uses), f"{name}: {len(shares)} shares of {len(uses)} uses"
        for number, use in enumerate(uses, 1):
            share = trace[f"{name}[use {number}]"]
            same(share.value, replay.gradient(use), share.name)
            compared.add(share)
    left = {m for m in trace.matrices.values() if m.kind == "gradient"} - compared
    assert not left, f"compared with nothing: {left}"


@pytest.mark.parametrize("name", NAMES)
def test_every_matrix_and_every_gradient_equals_pytorchs(name: str) -> None:
    compare(oracle.torch(), trace_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_slope_equals_pytorchs(name: str) -> None:
    torch, trace = oracle.torch(), trace_of(name)
    for slope, (step, operand) in trace.slopes.items():
        function = function_of(torch, step.op.name)
        inputs = [torch.tensor(m.value) for m in step.inputs]
        if step.op.kind == "elementwise":
            # Each cell of the output depends on its own cell of the (repeated) input alone.
            inputs = [x.broadcast_to(step.output.shape).clone() for x in inputs]
            inputs[operand].requires_grad_()
            made = function(*inputs, **step.params)
            (expected,) = torch.autograd.grad(made.sum(), inputs[operand])
            found = np.broadcast_to(slope.value, expected.shape)
        else:
            jacobian = torch.func.jacrev(function, argnums=operand)
            for _ in step.output.shape[:-1]:
                jacobian = torch.func.vmap(jacobian)
            expected = jacobian(*inputs, **step.params).reshape(slope.shape)
            found = slope.value
        same(found, expected.numpy(), f"{name}: {slope.name}")


def test_the_table_has_no_line_that_no_op_needs() -> None:
    assert set(operations(oracle.torch())) <= set(OPS)


def test_an_op_without_a_line_says_what_to_add() -> None:
    with pytest.raises(pytest.fail.Exception, match="Add one line"):
        function_of(oracle.torch(), "new_op")


@pytest.mark.parametrize("op", ["tanh", "squared_error", "multiply"])
def test_a_wrong_slope_is_noticed(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch, right = oracle.torch(), OPS[op].slopes
    wrong = tuple((lambda *m, s=s: s(*m) * 1.001) if callable(s) else s for s in right)
    monkeypatch.setattr(OPS[op], "slopes", wrong)
    with pytest.raises(AssertionError, match="dC_d"):
        compare(torch, EXAMPLES["models.dense" if op != "multiply" else "models.sequential"]())
