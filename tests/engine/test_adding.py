"""An activation is added in one place and a model in one file: done here, to a copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fluxlab

ACTIVATION = """
arcsinh = Activation(
    "arcsinh", np.arcsinh, np.arcsinh, reads="a",
    slope=(
        lambda a: 1 / np.sqrt(1 + a * a),
        lambda out, a: [
            (np.square, a, out), (np.add, out, _1, out), (np.sqrt, out, out),
            (np.divide, _1, out, out),
        ],
    ),
    latex=r"\\arcsinh <0>", numpy="np.arcsinh(<0>)", words="the number whose sinh is <0>",
    slope_texts={
        "latex": r"\\frac{1}{\\sqrt{1 + {<0>}^2}}", "numpy": "1 / np.sqrt(1 + <0> ** 2)",
        "unit": True, "words": "1 divided by the root of (1 + <0> squared)",
    },
)
"""
MODEL = '''
"""A network with the new activation."""

import numpy as np

from fluxlab.engine.layers.dense import Dense
from fluxlab.engine.networks.design import Design, learning


def EXAMPLE():
    draw = np.random.default_rng(5)
    x, target = draw.normal(size=(5, 2)), draw.random((5, 1))
    return learning(Design([Dense(3, "arcsinh"), Dense(1)]), x, target, {}, "2-3-1 arcsinh network")
'''
USED = """
import sys
import numpy as np
import fluxlab as fl

assert fl.__file__.startswith(sys.argv[1]), fl.__file__
assert "arcsinh" in fl.ACTIVATIONS
assert fl.arcsinh is fl.ACTIVATIONS["arcsinh"] and "arcsinh" in dir(fl)
assert fl.arcsinh(1.0) == np.arcsinh(1.0)

x, y = fl.data.parity(2)
net = fl.Network([fl.Dense(3, "arcsinh"), fl.Dense(1)], x, y)
first = net.evaluate(x, y)
net.fit(50)
assert net.evaluate(x, y) < first
assert np.array_equal(net.trace["layer 1/h"].value, np.arcsinh(net.trace["layer 1/a"].value))
formed = fl.form_network([3, 1], x, y, hidden_activation="arcsinh")
fl.back_propagation(formed)
slope = 1 / np.sqrt(1 + formed.trace["layer 1/a"].value ** 2)
assert np.array_equal(formed.layers[0].dh_da_matrix, slope)

menus = [menu for menu in fl.Knobs(formed)._menus() if "activation" in menu["name"]]
assert menus and all(["arcsinh", "arcsinh"] in menu["options"] for menu in menus)
"""


def test_an_activation_and_a_model_are_found_by_everything(tmp_path: Path) -> None:
    here = Path(__file__).parent
    bare = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(fluxlab.__file__).parent, tmp_path / "fluxlab", ignore=bare)
    shutil.copytree(here, tmp_path / "tests", ignore=bare)
    with (tmp_path / "fluxlab/engine/catalogue/activations.py").open("a") as file:
        file.write(ACTIVATION)
    (tmp_path / "fluxlab/engine/models/brand_new.py").write_text(MODEL)
    run(tmp_path, "-c", USED, str(tmp_path))
    # The tests find the activation (a row of its own) and the EXAMPLE by themselves.
    tests = [f"tests/test_{name}.py" for name in ("activations", "cells", "gradients", "plan")]
    chosen = "models.brand_new or (arcsinh and (differences or explained))"
    told = run(tmp_path, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", chosen, *tests)
    assert "test_slopes_match_differences[arcsinh] PASSED" in told
    for promise in (
        "test_every_cell_is_recomputed_from_its_explanation",
        "test_uses_is_the_exact_inverse_of_cells",
        "test_every_gradient_matches_central_differences",
        "test_in_place_iterations_equal_iterations_by_hand",
    ):
        assert f"{promise}[models.brand_new] PASSED" in told
    assert "FAILED" not in told


def run(folder: Path, *arguments: str) -> str:
    """Python on the copy; what it printed, or its error."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    if done.returncode:
        pytest.fail(done.stdout + done.stderr)
    return done.stdout
