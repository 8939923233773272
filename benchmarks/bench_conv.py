"""A convolution with pooling, forward and backward, against its peers in the same run."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import numpy as np
import peers_conv as peers
from measure import Row, Section, ratio, side_by_side

import fluxlab as fl
from fluxlab.engine.building.building import Building
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.running.plan import Plan
from fluxlab.engine.tracing import Trace

COUNT = 40  # passes per measurement
SAMPLES, SIDE, FILTERS = 16, 28, 8


def layers(x: peers.Array, w: peers.Array, b: peers.Array, share: peers.Array) -> Trace:
    """Conv with ReLU and MaxPool, as in any network; the cost is the sum of share * output."""
    trace = Trace("convolution")
    values = {"layer 1/w": w, "layer 1/b": b.reshape(1, -1, 1, 1)}
    building = Building(trace, True, values, np.random.default_rng(0), 0)
    h = trace.input("x", x, axes=("sample", "channel", "row", "column"))
    # The shares lie in memory as the output does, for each peer as it likes best.
    inner = np.ascontiguousarray(share.transpose(2, 3, 0, 1)).transpose(2, 3, 0, 1)
    goal = trace.input("share", inner, axes=h.axes)
    h.wants_gradient = goal.wants_gradient = False
    for number, layer in enumerate([fl.Conv(FILTERS, 3, activation="relu"), fl.MaxPool(2)], 1):
        with scope(f"layer {number}"):
            h = layer(h, building)
    trace.finish(fl.sum(h * goal))
    trace.backward()
    return trace


def convolution(repeats: int = 40) -> Section:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(SAMPLES, 1, SIDE, SIDE))
    w, b = draw.normal(size=(FILTERS, 1, 3, 3)) / 3, draw.normal(size=FILTERS) / 3
    share = draw.normal(size=(SAMPLES, FILTERS, (SIDE - 2) // 2, (SIDE - 2) // 2))
    trace = layers(x, w, b, share)
    wanted = [trace[name] for name in ("layer 2/h", "layer 1/dC_dw", "layer 1/dC_db")]
    plan = Plan(trace, wanted)
    runs: dict[str, Callable[[], object]] = {}
    rows = []
    plan.run(1)
    ours = [m.value for m in wanted]
    for name, form in {
        "plain NumPy": peers.plain_numpy,
        "hand-tight NumPy": peers.tight_numpy,
        "PyTorch eager": peers.torch_eager,
    }.items():
        try:
            run, results = form(x, w, b, share)
        except ImportError:
            print(f"{name}: not installed, so not compared")
            continue
        run(2)
        pairs = zip(results(), ours, strict=True)
        worst = max(float(abs(a.reshape(m.shape) - m).max() / abs(m).max()) for a, m in pairs)
        rows.append(
            Row(
                f"largest difference of output, dC_dw, dC_db from {name}, relative",
                f"{worst:.0e}", "at most 1e-12", worst <= 1e-12,
            )
        )  # fmt: skip
        assert worst <= 1e-12, rows[-1]
        runs[name] = lambda run=run: run(COUNT)  # type: ignore[misc]
    runs["FluxLab"] = lambda: plan.run(COUNT)
    for run_once in runs.values():
        run_once()
    times = side_by_side(runs, repeats)
    for name, taken in times.items():
        shown = f"{median(taken) / COUNT * 1e6:.0f} µs (best {min(taken) / COUNT * 1e6:.0f})"
        rows.append(Row(f"{name}: forward and backward", shown))
    slower = ratio(times["FluxLab"], times["hand-tight NumPy"])
    rows.append(
        Row("FluxLab / hand-tight NumPy", f"{slower:.2f} times", "at most 1.5 times", slower <= 1.5)
    )
    for name in ("PyTorch eager", "plain NumPy"):
        if name in times:
            faster = ratio(times[name], times["FluxLab"])
            rows.append(Row(f"{name} / FluxLab", f"{faster:.2f} times"))
    return Section(
        "Convolution: 3x3, 8 filters, ReLU, 2x2 max pooling, 16 images of 28x28, float64",
        f"Every measurement is {COUNT} passes, {repeats} times, the peers taking turns; ratios are "
        "medians of neighbouring measurements. FluxLab replays its plan and keeps every matrix "
        "(patches, x conv w, a, h, dh_da, dC_dh, dC_da, ...); the hand-tight peer keeps none that "
        "it can do without, and moves bias and ReLU behind the pooling.",
        rows,
    )


def sections() -> list[Section]:
    return [convolution()]


if __name__ == "__main__":
    for section in sections():
        print(section.markdown())
