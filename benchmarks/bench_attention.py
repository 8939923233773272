"""Self-attention against its peers; a Transformer recorded, and asked why."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import peers_attention as peers
from measure import Row, Section, ratio, side_by_side

import fluxlab as fl
from fluxlab.engine.building.building import Building
from fluxlab.engine.models.transformer import side_by_side as side_by_side_tokens
from fluxlab.engine.running.plan import Plan
from fluxlab.engine.tracing import Trace

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
    trace.alias("y", y)
    trace.finish(fl.sum(y * weigh))
    trace.result = y
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
    tight, eager = "hand-tight NumPy", "PyTorch eager"
    # In pairs, so that nobody begins with a cache that a third has emptied.
    pairs = {
        name: side_by_side({n: made[n][0] for n in ("FluxLab", name)}, repeats)
        for name in (tight, eager)
        if name in made
    }
    times = {"FluxLab": pairs[tight]["FluxLab"]} | {name: pairs[name][name] for name in pairs}
    for name, taken in times.items():
        shown = f"{median(taken) * 1e6:.0f} µs (best {min(taken) * 1e6:.0f})"
        rows.append(Row(f"{name}: forward and backward", shown))
    slower = ratio(pairs[tight]["FluxLab"], pairs[tight][tight])
    rows.append(
        Row(f"FluxLab / {tight}", f"{slower:.2f} times", "at most 1.5 times", slower <= 1.5)
    )
    if eager in pairs:
        faster = ratio(pairs[eager][eager], pairs[eager]["FluxLab"])
        rows.append(Row(f"{eager} / FluxLab", f"{faster:.2f} times"))
    return Section(
        f"Self-attention: {HEADS} heads, {SAMPLES} samples, {STEPS} steps, {FEATURES} features, "
        "float64",
        f"Forward and backward, the gradients of x and of all weights, {repeats} times, each peer "
        "taking turns with FluxLab; ratios are medians of neighbouring measurements. FluxLab keeps "
        "every matrix that it names (scores, weights, their gradients); the hand-tight peer does "
        "not.",
        rows,
    )


def reversing(layers: int) -> fl.Network:
    """The Transformer that reverses sequences of 8 tokens, in batches of 32."""
    tokens = np.random.default_rng(0).integers(2, 10, (200, 8)).astype(float)
    made = fl.Transformer(10, 8, features=32, heads=4, hidden=64, layers=layers)
    return fl.Network(
        [made], side_by_side_tokens(tokens, tokens[:, ::-1]), tokens[:, ::-1],
        cost="cross_entropy_logits", optimizer=fl.Adam(0.003), batch=32,
    )  # fmt: skip


def recording(repeats: int = 5) -> Section:
    rows = []
    for layers in (1, 2, 6):
        taken, played = [], []
        for _ in range(repeats):
            start = time.perf_counter()
            net = reversing(layers)
            taken.append(time.perf_counter() - start)
            plan = net.history._plan
            plan.run(2)
            start = time.perf_counter()
            plan.run(5)
            played.append((time.perf_counter() - start) / 5)
        what = f"{layers} encoder and {layers} decoder layers, {len(net.trace.steps):,} steps"
        limit = 2.0 if layers == 6 else None
        rows.append(
            Row(
                f"recording: {what}", f"{median(taken):.2f} s",
                f"under {limit:.0f} s" if limit else "", median(taken) < limit if limit else None,
            )
        )  # fmt: skip
        times = median(taken) / median(played)
        rows.append(
            Row(
                f"recording / one replay ({median(played) * 1000:.1f} ms)", f"{times:.0f} times",
                "at most 30 times", times <= 30,
            )
        )  # fmt: skip
    return Section(
        "A Transformer of the sequence task: recording the whole iteration",
        f"Reversing 8 tokens in batches of 32; 32 features, 4 heads; forward, backward and Adam. "
        f"Medians of {repeats}. `Network` also tries the layers on one sample.",
        rows,
    )


def explaining() -> Section:
    """One cell of every matrix of a trained Transformer."""
    net = reversing(1)
    net.advance(200)
    draw, taken = np.random.default_rng(0), {}
    for name, matrix in net.trace.matrices.items():
        index = tuple(int(draw.integers(n)) for n in matrix.shape)
        start = time.perf_counter()
        matrix.explain(*index)
        taken[name] = 1000 * (time.perf_counter() - start)
    worst = max(taken, key=lambda name: taken[name])
    return Section(
        "Explaining a cell of the trained Transformer",
        f"`explain`, one cell of each of its {len(taken):,} matrices.",
        [
            Row("median", f"{median(taken.values()):.2f} ms"),
            Row(
                f"slowest ({worst})", f"{taken[worst]:.1f} ms", "under 50 ms", taken[worst] < 50
            ),
        ],
    )  # fmt: skip


def sections() -> list[Section]:
    return [attention(), recording(), explaining()]


if __name__ == "__main__":
    for section in sections():
        print(section.markdown())
