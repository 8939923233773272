"""Recording a trace, against one replay of it; and asking any matrix of it why."""

from __future__ import annotations

import importlib
import pkgutil
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from measure import Row, Section, ratio, side_by_side

import fluxlab as fl
import fluxlab.engine.models
from fluxlab.engine.layers.embedding import Embedding
from fluxlab.engine.layers.encoder import EncoderLayer
from fluxlab.engine.layers.gru import GRU
from fluxlab.engine.layers.lstm import LSTM
from fluxlab.engine.layers.rnn import RNN
from fluxlab.engine.models.transformer import Transformer
from fluxlab.engine.models.transformer import side_by_side as tokens_side_by_side
from fluxlab.engine.networks.design import Design, learning
from fluxlab.engine.tracing import Trace

Build = Callable[[], Trace]
REPLAYS = 10  # per measurement: one alone would be measured cold
DRAW = np.random.default_rng(0)
CLASSES = np.eye(10)[DRAW.integers(0, 10, 128)]


def normal(*shape: int) -> np.ndarray:
    return DRAW.normal(size=shape)


def network(layers: list[Any], x: Any, target: Any, cost: str = "mse", batch: Any = None) -> Build:
    """The trace of one iteration: forward, backward, and the update by Adam."""
    design = Design(layers, cost, fl.Adam(), batch=batch)
    return lambda: learning(design, np.asarray(x, float), np.asarray(target, float), {}, "network")


def parity() -> Build:
    x, target = fl.data.parity(4)
    layers = [fl.Dense(n, "leaky_relu") for n in (8, 4)] + [fl.Dense(1, "sigmoid")]
    design = Design(layers, "mse", fl.GradientDescent())
    return lambda: learning(design, np.asarray(x, float), np.asarray(target, float), {}, "parity")


def digits(batch: int | None = None) -> Build:
    layers = [fl.Dense(128, "relu"), fl.Dense(64, "relu"), fl.Dense(10)]
    return network(layers, normal(128, 784), CLASSES, "cross_entropy_logits", batch)


def transformer(layers: int = 6) -> Build:
    """The sequence task: 32 sequences of 8 tokens, to be reversed."""
    tokens = DRAW.integers(2, 12, (32, 8))
    answer = tokens[:, ::-1]
    model = Transformer(12, source=8, layers=layers)
    x = tokens_side_by_side(tokens, answer)
    return network([model], x, np.eye(12)[answer], "cross_entropy_logits")


def students_lstm(steps: int = 32, samples: int = 8, features: int = 16, n: int = 32) -> Build:
    """As a student writes it, with `fl.trace`: gates cut out of one matrix, no scopes."""

    def lstm(x: Any, w: Any, u: Any, b: Any, target: Any) -> Any:
        h, c = np.zeros((samples, n)), np.zeros((samples, n))
        for t in range(steps):
            a = x[:, t, :] @ w + h @ u + b
            f, i, o = (fl.sigmoid(a[:, k : k + n]) for k in range(0, 3 * n, n))
            c = f * c + i * fl.tanh(a[:, 3 * n :])
            h = o * fl.tanh(c)
        return fl.mse(h, target)

    given = {
        "x": normal(samples, steps, features), "w": normal(features, 4 * n), "u": normal(n, 4 * n),
        "b": np.zeros(4 * n), "target": normal(samples, n),
    }  # fmt: skip

    def build() -> Trace:
        trace = fl.trace(lstm, **given)
        trace.descend("w", "u", "b")
        return trace

    return build


def residual(samples: int = 4, channels: int = 3, side: int = 12) -> Build:
    """Two 3x3 convolutions with a border and a way round them, then max pooling."""

    def convolution(h: Any, w: Any, b: Any) -> Any:
        seen = fl.patches(fl.pad(h, [(0, 0), (0, 0), (1, 1), (1, 1)]), (3, 3))
        return fl.einsum("scijuv,ocuv->soij", seen, w) + b

    def block(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        h = fl.relu(convolution(x, w1, b1))
        h = fl.relu(convolution(h, w2, b2) + x)
        return fl.max(fl.patches(h, (2, 2), 2), axis=(4, 5))

    given = {
        "x": normal(samples, channels, side, side), "w1": normal(8, channels, 3, 3),
        "b1": np.zeros((8, 1, 1)), "w2": normal(channels, 8, 3, 3),
        "b2": np.zeros((channels, 1, 1)),
    }  # fmt: skip

    def build() -> Trace:
        trace = fl.trace(block, **given)
        trace.descend("w1", "b1", "w2", "b2")
        return trace

    return build


def images(side: int, samples: int = 128) -> Build:
    """The convolutional digit network."""
    target = np.eye(10)[DRAW.integers(0, 10, samples)]
    x = normal(samples, side * side)
    return network(fl.lenet(side, side), x, target, "cross_entropy_logits")


def table() -> Build:
    """An embedding of 10,000 tokens, 64 features each; 128 sequences of 32 tokens."""
    tokens = DRAW.integers(1, 10_000, (128, 32))
    return network([Embedding(10_000, 64)], tokens, normal(128, 32, 64))


def architectures() -> dict[str, Build]:
    """Each recorded with its backward pass and its update."""
    sequences, answers = normal(8, 32, 16), normal(8, 32, 32)
    return {
        "parity, 4-8-4-1, 16 rows": parity(),
        "784-128-64-10, 128 rows, Adam": digits(),
        "RNN, 32 steps, 16-32, 8 rows": network([RNN(32)], sequences, answers),
        "LSTM, 32 steps, 16-32, 8 rows": network([LSTM(32)], sequences, answers),
        "GRU, 32 steps, 16-32, 8 rows": network([GRU(32)], sequences, answers),
        "an LSTM of the same size in plain Python": students_lstm(),
        "residual block, 3 channels, 12 x 12, 4 rows": residual(),
        "digit network, convolutional, 8 x 8, 128 rows": images(8),
        "encoder layer, 4 heads, 64 steps, 64 features, 4 rows": network(
            [EncoderLayer(4, 128)], normal(4, 64, 64), normal(4, 64, 64)
        ),
        "Transformer, 6 + 6 layers, 8 + 8 tokens, 32 rows": transformer(),
    }


def examples() -> dict[str, Build]:
    found = pkgutil.iter_modules(fluxlab.engine.models.__path__)
    modules = [importlib.import_module(f"fluxlab.engine.models.{m.name}") for m in found]
    return {m.__name__.rpartition(".")[2]: m.EXAMPLE for m in modules}


def replays(trace: Trace) -> Callable[[], None]:
    def run() -> None:
        for _ in range(REPLAYS):
            trace.run()

    return run


def recording(repeats: int = 15) -> Section:
    rows = []
    for name, build in architectures().items():
        trace = build()
        trace.run()
        times = side_by_side({"record": build, "replay": replays(trace)}, repeats)
        slower = ratio(times["record"], times["replay"]) * REPLAYS
        each, whole = median(times["record"]), median(times["replay"]) / REPLAYS
        shown = (
            f"{slower:.1f} times ({len(trace.steps):,} steps: {1000 * each:.1f} ms, "
            f"{1e6 * each / len(trace.steps):.0f} µs a step; replay {1000 * whole:.2f} ms)"
        )
        # The demand is made of architectures; parity shows what the smallest matrices cost.
        demand = () if name.startswith("parity") else ("at most 30 times", slower <= 30)
        rows.append(Row(name, shown, *demand))
        if name.startswith("Transformer"):
            rows.append(Row(f"{name}: recorded in", f"{each:.2f} s", "under 2 s", each < 2))
    return Section(
        "Recording: a trace with its backward pass and update, against one replay of all its steps",
        f"Recording and {REPLAYS} replays take turns, {repeats} times; ratios are medians of "
        "neighbouring measurements. The smaller the matrices, the more of a step's cost is "
        "Python's while it is recorded; a replay has none. So parity, whose replayed step takes "
        "half a microsecond, lies above 30.",
        rows,
    )


def worst(build: Build, cells: int) -> tuple[float, str]:
    """The slowest explanation, in ms, over `cells` random cells of every matrix."""
    trace, draw = build(), np.random.default_rng(1)
    trace.run()
    slowest = (0.0, "")
    for matrix in trace.matrices.values():
        for _ in range(cells):
            index = tuple(int(draw.integers(n)) for n in matrix.shape)
            start = time.perf_counter()
            matrix.explain(*index)
            slowest = max(slowest, (1000 * (time.perf_counter() - start), matrix.name))
    return slowest


def explaining() -> Section:
    large = architectures() | {
        "784-128-64-10, mini-batches of 32": digits(32),
        "digit network, convolutional, 28 x 28, 128 rows": images(28),
        "residual block, convolutions of 128 images, 28 x 28": residual(128, 3, 28),
        "embedding, 10,000 x 64, 128 x 32 tokens": table(),
    }
    rows = []
    for name, build in large.items():
        taken, matrix = worst(build, 2)
        rows.append(Row(name, f"{taken:.1f} ms ({matrix})", "under 50 ms", taken < 50))
    found = {name: worst(build, 5) for name, build in examples().items()}
    name = max(found, key=lambda n: found[n])
    rows.append(
        Row(
            f"the {len(found)} models' EXAMPLEs", f"{found[name][0]:.1f} ms ({name})",
            "under 50 ms", found[name][0] < 50,
        )
    )  # fmt: skip
    return Section(
        "Explaining one cell: the slowest of all matrices",
        "Two random cells of every matrix, five in the EXAMPLEs; what is worked out once and kept "
        "counts in the first.",
        rows,
    )


def sections() -> list[Section]:
    return [recording(), explaining()]


if __name__ == "__main__":
    for section in sections():
        print(section.markdown())
