"""A trace as a plain NumPy script: every line runs, alone, and gives the same numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from traces import NAMES, trace_of

import fluxlab as fl
from fluxlab.engine.readers.script import _identifiers, to_script

X = np.random.default_rng(0).normal(size=(7, 4))
ADVICE = (
    "A script cannot do this step. Give its op a line that runs in RUNS of "
    "engine/readers/script.py, and what NumPy lacks in HELPERS there."
)


def everything() -> Any:
    """A network with one of each; small images, so that they can be moved."""
    return fl.Network(
        [
            fl.Augment(0.5, 20, 0.2, 0.2, flip=True), fl.Noise(0.1), fl.Dense(5, "gelu"),
            fl.BatchNorm(), fl.Dropout(0.3), fl.LayerNorm(), fl.StochasticBinary(), fl.Dense(3),
            fl.Temperature(0.5),
        ],
        X, np.eye(3)[[0, 2, 1, 1, 0, 2, 2]], cost="mse", optimizer=fl.Adam(0.01), batch=3, seed=3,
        regularizers=[fl.L1(0.001), fl.L2(0.01)], clip=fl.ClipNorm(0.5),
        schedule=fl.CosineDecay(10, 0.002),
    )  # fmt: skip


def classes() -> Any:
    return fl.Network(
        [fl.Dense(4, "elu"), fl.Dense(3, "softmax")], X, [0, 2, 1, 1, 0, 2, 2], batch=3,
        cost="cross_entropy", optimizer=fl.Nesterov(0.01), clip=fl.ClipValue(0.01),
    )  # fmt: skip


def xor() -> Any:
    x, y = fl.data.gate("xor")
    return fl.form_network([3, 1], x, y, hidden_activation="swish", learning_rate=1)


def flat() -> Any:
    """Inputs so large that exp(-a) is infinite: the script must not complain."""
    layers = [fl.Dense(3, "sigmoid"), fl.Dense(3, "swish"), fl.Dense(2, "gelu")]
    return fl.Network(layers, 1e5 * X, X[:, :2], optimizer=fl.GradientDescent(1e-3))


@pytest.mark.parametrize("make", [everything, classes, xor, flat])
def test_the_script_runs_alone_and_gives_the_same_numbers(make: Any, tmp_path: Path) -> None:
    net, script = make(), tmp_path / "net.py"
    script.write_text(net.to_numpy(iterations=17), "utf-8")
    assert "fluxlab" not in script.read_text("utf-8").split('"""')[2]
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", str(script)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    net.advance(17)
    cost, y = (line.partition(" = ")[2] for line in done.stdout.splitlines())
    assert float(cost) == pytest.approx(float(net.trace.cost.value), rel=1e-12)
    np.testing.assert_allclose(eval(y), net.trace["y"].value, rtol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_every_step_of_every_example_is_a_line_that_runs(name: str) -> None:
    trace = trace_of(name)
    names = _identifiers(trace)
    # One whole iteration, without the forward pass that begins the next.
    once = to_script(trace, 1, name).rpartition("\nforward()\n")[0]
    made: dict[str, Any] = {}
    try:
        with np.errstate():  # what the script sets is for itself
            exec(compile(once, name, "exec"), made)
    except Exception as problem:
        pytest.fail(f"{problem!r}. {ADVICE}")
    for step in trace.steps:
        found, expected = made[names[step.output]], step.output.value
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(
            found, expected, rtol=1e-10, atol=1e-13 * scale, err_msg=f"{step}. {ADVICE}"
        )
