"""Batch normalisation of rows, sequences and images, as PyTorch does it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import torch

import fluxlab as fl

SHAPES = {"rows": (5, 3), "sequences": (5, 4, 3), "images": (5, 3, 2, 4)}
OVER = {"rows": (0,), "sequences": (0, 1), "images": (0, 2, 3)}


def network(kind: str, batch: int | None = None, **more: Any) -> fl.Network:
    draw = np.random.default_rng(3)
    x, target = draw.normal(1, 2, SHAPES[kind]), draw.normal(size=SHAPES[kind])
    net = fl.Network(
        [fl.BatchNorm(momentum=0.5)], x, target, batch=batch, optimizer=fl.GradientDescent(0.1)
    )
    for k, name in enumerate(("layer 1/gamma", "layer 1/beta")):
        shape = net.trace[name].shape
        net.trace.set(name, np.random.default_rng(k).normal(size=shape))
    return net


@pytest.mark.parametrize("kind", SHAPES)
def test_it_is_pytorchs_and_predicts_with_its_running_figures(kind: str) -> None:
    th, trace = torch(), network(kind).trace
    trace.run()
    x = th.tensor(trace["x"].value, requires_grad=True)
    gamma, beta = (
        th.tensor(trace[f"layer 1/{name}"].value.ravel(), requires_grad=True)
        for name in ("gamma", "beta")
    )
    turned = x.movedim(-1, 1) if kind == "sequences" else x  # PyTorch has features second
    y = th.nn.functional.batch_norm(turned, None, None, gamma, beta, training=True)
    y = y.movedim(1, -1) if kind == "sequences" else y
    np.testing.assert_allclose(trace["y"].value, y.detach(), rtol=1e-9, atol=1e-12)
    ((y - th.tensor(trace["target"].value)) ** 2).mean().backward()
    for name, wanted in (("x", x), ("gamma", gamma), ("beta", beta)):
        found = trace[f"layer 1/dC_d{name}"].value
        np.testing.assert_allclose(
            found.reshape(wanted.shape), wanted.grad, rtol=1e-8, atol=1e-12, err_msg=name
        )
    net = network(kind)
    net.fit(1)
    data, values = net._data[0], net.values()
    for name, figure in (("mean", data.mean(OVER[kind])), ("variance", data.var(OVER[kind]))):
        first = 0.0 if name == "mean" else 0.5
        found = values[f"layer 1/running {name}"]
        np.testing.assert_allclose(found.ravel(), first + 0.5 * figure, rtol=1e-12)
    normal = (data - values["layer 1/running mean"]) / np.sqrt(
        values["layer 1/running variance"] + 1e-5
    )
    wanted = values["layer 1/gamma"] * normal + values["layer 1/beta"]
    np.testing.assert_allclose(net.predict(data), wanted, rtol=1e-12)


@pytest.mark.parametrize("kind", SHAPES)
def test_rows_that_fill_a_batch_do_not_count(kind: str) -> None:
    """Five samples in batches of 3: the second batch has two, and a third that fills it."""
    net = network(kind, batch=3)
    net.trace.run()
    net.advance(1)
    net.trace.run()
    real = net.trace["real"].value.ravel() > 0
    assert real.sum() == 2
    x = net.trace["layer 1/x"].value[real]
    np.testing.assert_allclose(
        net.trace["layer 1/mean"].value.ravel(), x.mean(OVER[kind]), rtol=1e-12
    )
    np.testing.assert_allclose(
        net.trace["layer 1/variance"].value.ravel(), x.var(OVER[kind]), rtol=1e-12
    )


@pytest.mark.parametrize("kind", SHAPES)
def test_every_cell_and_gradient_of_it_is_right(kind: str) -> None:
    trace = network(kind, batch=3).trace
    trace.run()
    for name in ("layer 1/dC_dgamma", "layer 1/dC_dbeta"):
        assert trace.check(name).worst < 1e-7
    for matrix in trace.matrices.values():
        for index in list(np.ndindex(*matrix.shape))[:6]:
            assert matrix.explain(*index).recompute() == pytest.approx(float(matrix.value[index]))
