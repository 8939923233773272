"""What FluxLab's attention is compared with: the same numbers by NumPy, by hand, and by PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from peers import Array

# Runs once forward and backward; gives y and the gradients of x and of all weights, by name.
Peer = tuple[Callable[[], object], Callable[[], dict[str, Array]]]
PARTS = ("query", "key", "value", "output")


def tight_numpy(x: Array, weigh: Array, w: dict[str, Array], b: dict[str, Array], n: int) -> Peer:
    """Self-attention with n heads, C = sum(y * weigh), without allocating.

    Queries, keys and values by one product; the outputs are normalised, not the weights, so the
    quotients of (heads, steps, steps) cells are never taken: e is what stands above the line.
    """
    samples, steps, features = x.shape
    size, rows = features // n, samples * steps
    W = np.concatenate([w[p] for p in PARTS[:3]], axis=1)
    B = np.concatenate([b[p] for p in PARTS[:3]], axis=1)
    Wo, bo = w["output"], b["output"]
    X, G = x.reshape(rows, features), weigh.reshape(rows, features)
    qkv, dqkv = np.empty((rows, 3 * features)), np.empty((rows, 3 * features))

    def heads(table: Array) -> list[Array]:
        parts = table.reshape(samples, steps, 3, n, size)
        return [parts[:, :, i].transpose(0, 2, 1, 3) for i in range(3)]

    (q, k, v), (dq, dk, dv) = heads(qkv), heads(dqkv)
    Q, DQ = qkv[:, :features], dqkv[:, :features]
    e, de = np.empty((samples, n, steps, steps)), np.empty((samples, n, steps, steps))
    edge, total = np.empty((samples, n, steps, 1)), np.empty((samples, n, steps, 1))
    context, dcontext = np.empty((rows, features)), np.empty((rows, features))
    turned = (0, 2, 1, 3)
    c, dc = (m.reshape(samples, steps, n, size).transpose(turned) for m in (context, dcontext))
    both = np.empty((samples, n, steps, size))
    y, dx = np.empty((rows, features)), np.empty((rows, features))
    dW, dB, dWo, dbo = np.empty_like(W), np.empty_like(B), np.empty_like(Wo), np.empty_like(bo)
    ones_k, ones_d, ones = np.ones(steps), np.ones(size), np.ones(rows)
    scale = np.array(size**-0.5)
    largest: Any = np.maximum.reduce
    calls = [
        partial(X.dot, W, qkv), partial(np.add, qkv, B, qkv), partial(np.multiply, Q, scale, Q),
        partial(np.matmul, q, k.swapaxes(2, 3), e),
        partial(largest, e, -1, None, edge, True), partial(np.subtract, e, edge, e),
        partial(np.exp, e, e),
        partial(e.reshape(-1, steps).dot, ones_k, total.reshape(-1)),
        partial(np.matmul, e, v, c), partial(np.divide, c, total, c),
        partial(context.dot, Wo, y), partial(np.add, y, bo, y),
        # backward
        partial(context.T.dot, G, dWo), partial(ones.dot, G, dbo.reshape(-1)),
        partial(G.dot, Wo.T, dcontext), partial(np.divide, dc, total, dc),
        partial(np.multiply, dc, c, both),
        partial(both.reshape(-1, size).dot, ones_d, edge.reshape(-1)),
        partial(np.matmul, e.swapaxes(2, 3), dc, dv), partial(np.matmul, dc, v.swapaxes(2, 3), de),
        partial(np.subtract, de, edge, de), partial(np.multiply, de, e, de),
        partial(np.matmul, de, k, dq), partial(np.multiply, DQ, scale, DQ),
        partial(np.matmul, de.swapaxes(2, 3), q, dk),
        partial(X.T.dot, dqkv, dW), partial(ones.dot, dqkv, dB.reshape(-1)),
        partial(dqkv.dot, W.T, dx),
    ]  # fmt: skip

    def run() -> None:
        for call in calls:
            call()

    def results() -> dict[str, Array]:
        found = {"y": y.reshape(x.shape), "x": dx.reshape(x.shape)}
        for i, part in enumerate(PARTS[:3]):
            cut = slice(i * features, (i + 1) * features)
            found |= {f"{part}/w": dW[:, cut], f"{part}/b": dB[:, cut]}
        return found | {"output/w": dWo, "output/b": dbo}

    return run, results


def torch_eager(x: Array, weigh: Array, w: dict[str, Array], b: dict[str, Array], n: int) -> Peer:
    """`nn.MultiheadAttention` and `backward()`, on one thread."""
    import torch

    torch.set_num_threads(1)
    features = x.shape[-1]
    module = torch.nn.MultiheadAttention(features, n, batch_first=True, dtype=torch.float64)
    together = {
        "in_proj_weight": np.concatenate([w[p].T for p in PARTS[:3]]),
        "in_proj_bias": np.concatenate([b[p][0] for p in PARTS[:3]]),
        "out_proj.weight": w["output"].T.copy(), "out_proj.bias": b["output"][0],
    }  # fmt: skip
    module.load_state_dict({name: torch.tensor(a) for name, a in together.items()})
    inputs, G = torch.tensor(x, requires_grad=True), torch.tensor(weigh)
    seen: dict[str, Any] = {}

    def run() -> None:
        inputs.grad = None
        module.zero_grad()
        seen["y"] = module(inputs, inputs, inputs, need_weights=False)[0]
        (seen["y"] * G).sum().backward()

    def results() -> dict[str, Array]:
        assert inputs.grad is not None
        found = {"y": seen["y"].detach().numpy(), "x": inputs.grad.numpy()}
        named: Any = {name: p.grad.numpy() for name, p in module.named_parameters()}
        for i, part in enumerate(PARTS[:3]):
            cut = slice(i * features, (i + 1) * features)
            found[f"{part}/w"] = named["in_proj_weight"][cut].T
            found[f"{part}/b"] = named["in_proj_bias"][None, cut]
        return found | {
            "output/w": named["out_proj.weight"].T, "output/b": named["out_proj.bias"][None],
        }  # fmt: skip

    return run, results
