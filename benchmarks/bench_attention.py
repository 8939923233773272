"""Self-attention against its peers, and how long a deep Transformer takes to record."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import numpy as np
import peers_attention as peers
from measure import Row, Section, ratio, side_by_side

import fluxlab as fl
from fluxlab.engine.building import Building
from fluxlab.engine.plan import Plan
from fluxlab.engine.trace import Trace

SAMPLES, STEPS, FEATURES, HEADS = 4, 64, 64, 4


def recorded() -> Trace:
    """4-head self-attention, forward and backward."""
    draw = np.random.default_rng(0)
    trace = Trace("self-attention")
    building = Building(trace, True, {}, draw, 0)
    x = trace.input("x", draw.normal(size=(SAMPLES, STEPS, FEATURES)))
    weigh = trace.input("weigh", draw.normal(size=x.shape))
    weigh.wants_gradient = False
    y = fl.MultiHead(HEADS)(x, building)
    for b in (m for m in trace.inputs if m.local == "b"):
        b.buffer[...] = draw.normal(size=b.shape)
    trace.finish(fl.sum(y * weigh))
    trace._result = y
    trace.alias("y", y)
    trace.run()
    trace.backward()
    return trace


def replayed(trace: Trace) -> tuple[Callable[[], object], Callable[[], dict[str, peers.Array]]]:
    """FluxLab: all gradients, by the plan."""
    named = {"y": trace["y"], "x": trace["dC_dx"]} | {
        f"{part}/{letter}": trace[f"{part}/dC_d{letter}"] for part in peers.PARTS for letter in "wb"
    }
    plan = Plan(trace, named.values())
    return plan.run, lambda: {name: matrix.value for name, matrix in named.items()}


def attention(repeats: int = 400) -> Section:
    trace = recorded()
    weights = {p: trace[f"{p}/w"].value for p in peers.PARTS}
    biases = {p: trace[f"{p}/b"].value for p in peers.PARTS}
    given = trace["x"].value, trace["weigh"].value, weights, biases, HEADS
    made = {"FluxLab": replayed(trace), "hand-tight NumPy": peers.tight_numpy(*given)}
    try:
        made["PyTorch eager"] = peers.torch_eager(*given)
    except ImportError:
        print("PyTorch eager: not installed, so not compared")
    rows = []
    for run, _ in made.values():
        run()
    ours = made["FluxLab"][1]()
    for name, (_, results) in made.items():
        theirs = results()
        worst = max(float(abs(theirs[n] - a).max()) for n, a in ours.items())
        assert worst < 1e-10, (name, worst)
        if name != "FluxLab":
            what = f"largest difference of y or any gradient from {name}"
            rows.append(Row(what, f"{worst:.0e}", "at most 1e-10", worst <= 1e-10))
    times = side_by_side({name: run for name, (run, _) in made.items()}, repeats)
    for name, taken in times.items():
        shown = f"{median(taken) * 1e6:.0f} µs (best {min(taken) * 1e6:.0f})"
        rows.append(Row(f"{name}: forward and backward", shown))
    slower = ratio(times["FluxLab"], times["hand-tight NumPy"])
    rows.append(
        Row("FluxLab / hand-tight NumPy", f"{slower:.2f} times", "at most 1.5 times", slower <= 1.5)
    )
    if "PyTorch eager" in times:
        faster = ratio(times["PyTorch eager"], times["FluxLab"])
        rows.append(Row("PyTorch eager / FluxLab", f"{faster:.2f} times"))
    return Section(
        f"Self-attention: {HEADS} heads, {SAMPLES} samples, {STEPS} steps, {FEATURES} features, "
        "float64",
        f"Forward and backward, the gradients of x and of all weights, {repeats} times, the peers "
        "taking turns; ratios are medians of neighbouring measurements. FluxLab keeps every "
        "matrix that it names (scores, weights, their gradients); the hand-tight peer does not.",
        rows,
    )


def sections() -> list[Section]:
    return [attention()]


if __name__ == "__main__":
    for section in sections():
        print(section.markdown())
