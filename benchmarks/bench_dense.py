"""Mini-batch steps of dense networks, each against hand-tight NumPy and PyTorch in the same run."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import peers_dense
from measure import Row, Section, ratio, side_by_side
from peers import Array, Peer

import fluxlab as fl

ROWS = 1280  # of data


def _network(layers: list[Any], batch: int, cost: str, optimizer: Any) -> fl.Network:
    draw = np.random.default_rng(0)
    x, target = draw.uniform(size=(ROWS, 784)), np.eye(10)[draw.integers(0, 10, ROWS)]
    return fl.Network(layers, x, target, cost=cost, optimizer=optimizer, batch=batch, seed=3)


def small() -> fl.Network:
    layers = [fl.Dense(30, "sigmoid"), fl.Dense(10, "sigmoid")]
    return _network(layers, 10, "mse", fl.GradientDescent(0.5))


def large() -> fl.Network:
    layers = [fl.Dense(128, "relu"), fl.Dense(64, "relu"), fl.Dense(10)]
    return _network(layers, 128, "cross_entropy_logits", fl.Adam(0.001))


def _weights(net: fl.Network) -> list[Array]:
    return [a.copy() for layer in net.layers for a in (layer.weights_matrix, layer.bias_matrix)]


def _peers(net: fl.Network, forms: dict[str, Callable[..., Peer]]) -> dict[str, Peer]:
    x, target = net.trace["all x"].value, net.trace["all targets"].value
    pairs = [(layer.weights_matrix, layer.bias_matrix) for layer in net.layers]
    made, design = {}, net.design
    for name, form in forms.items():
        try:
            made[name] = form(
                x, target, pairs, design.optimizer.learning_rate, design.batch, design.seed
            )
        except ImportError:
            print(f"{name}: not installed, so not compared")
    return made


def same_weights(make: Callable[[], fl.Network], forms: dict[str, Callable[..., Peer]]) -> Row:
    """All peers end with FluxLab's weights after 200 steps, from the same batches."""
    net = make()
    made, before = _peers(net, forms), _weights(net)
    net.advance(200)
    ours = _weights(net)
    moved = max(float(abs(a - b).max()) for a, b in zip(ours, before, strict=True))
    worst = 0.0
    for learn, weights in made.values():
        learn(200)
        found = [float(abs(a - b).max()) for a, b in zip(weights(), ours, strict=True)]
        worst = max(worst, *found)
    row = Row(
        f"largest difference of any weight after 200 steps from {' and '.join(made)}",
        f"{worst:.0e} (weights moved by {moved:.2g})", "at most 1e-10", worst <= 1e-10,
    )  # fmt: skip
    assert row.met, row
    return row


def stepping(
    title: str,
    make: Callable[[], fl.Network],
    forms: dict[str, Callable[..., Peer]],
    before: int,
    steps: int,
    repeats: int,
) -> Section:
    rows = [same_weights(make, forms)]
    net = make()
    made = _peers(net, forms)
    net.advance(before)  # its history has thinned to what it keeps by then

    def loop(name: str) -> Callable[[], object]:
        return lambda: made[name][0](steps)

    runs = {name: loop(name) for name in made} | {"FluxLab": lambda: net.advance(steps)}
    for run in runs.values():
        run()
    times = side_by_side(runs, repeats)
    for name, taken in times.items():
        middle, best = (f(taken) / steps * 1e6 for f in (median, min))
        rows.append(Row(f"{name}: one step", f"{middle:,.0f} µs (best {best:,.0f})"))
    slower = ratio(times["FluxLab"], times["hand-tight NumPy"])
    rows.append(
        Row("FluxLab / hand-tight NumPy", f"{slower:.2f} times", "at most 1.3 times", slower <= 1.3)
    )
    if "PyTorch eager" in times:
        faster = ratio(times["PyTorch eager"], times["FluxLab"])
        demand = "ahead"
        rows.append(Row("PyTorch eager / FluxLab", f"{faster:.1f} times", demand, faster > 1))
    return Section(
        title,
        f"Every measurement is {steps} steps, {repeats} times, the peers taking turns; ratios are "
        "medians of neighbouring measurements. Batches are drawn anew in every epoch, by all "
        f"peers. FluxLab's `advance` is measured whole, with its history, from step {before:,} on.",
        rows,
    )


def sections(repeats: int = 30) -> list[Section]:
    return [
        stepping(
            "Mini-batch step: 784-30-10, batch 10, sigmoid, mean squared error, float64",
            small,
            {"hand-tight NumPy": peers_dense.small, "PyTorch eager": peers_dense.torch_small},
            20_000, 400, repeats,
        ),
        stepping(
            "Mini-batch step: 784-128-64-10, batch 128, ReLU, cross-entropy, Adam, float64",
            large,
            {"hand-tight NumPy": peers_dense.large, "PyTorch eager": peers_dense.torch_large},
            1000, 200, repeats,
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    for section in sections():
        print(section.markdown())
