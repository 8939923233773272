"""The engine stands alone, and no module grows past 500 lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import fluxlab

ROOT = Path(fluxlab.__file__).parent
HEAVY = ("fluxlab.widgets", "matplotlib", "ipywidgets", "anywidget", "IPython", "pandas", "tqdm",
         "latex2mathml", "traitlets")  # fmt: skip


def loaded_by(code: str) -> list[str]:
    """The heavy modules that `code` loads, in a Python of its own."""
    tail = f"\nimport sys\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, check=True,
        cwd=ROOT.parent,
    )  # fmt: skip
    return list(eval(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import fluxlab",
        "import fluxlab.engine",
        "import fluxlab as fl; fl.learn(fl.form_network([2, 1], *fl.data.parity(2)), iterations=5)",
        "import fluxlab as fl; t = fl.trace(lambda w: fl.tanh(w) ** 2, w=[1.0]); t.backward();"
        " print(t['dC_dw'].explain(0), t.check('dC_dw'), t.steps[0].latex())",
        "import pkgutil, importlib, fluxlab.engine as e\n"
        "for m in pkgutil.walk_packages(e.__path__, 'fluxlab.engine.'):"
        " importlib.import_module(m.name)",
    ],
)
def test_the_engine_loads_no_widget_and_no_plot(code: str) -> None:
    assert loaded_by(code) == []


def test_the_guard_can_fail() -> None:
    assert "matplotlib" in loaded_by("import matplotlib")


def test_no_module_past_500_lines() -> None:
    files = [*ROOT.rglob("*.py"), *Path(__file__).parent.rglob("*.py")]
    assert len(files) > 30
    long = {str(f): n for f in files if (n := len(f.read_text("utf-8").splitlines())) > 500}
    assert long == {}


@pytest.mark.parametrize(("folder", "most"), [("layers", 120), ("models", 150)])
def test_layers_and_models_are_small(folder: str, most: int) -> None:
    files = [*(ROOT / "engine" / folder).glob("*.py")]
    assert len(files) > 20
    long = {f.name: n for f in files if (n := len(f.read_text("utf-8").splitlines())) > most}
    assert long == {}


def test_every_public_name_is_there() -> None:
    for name in dir(fluxlab):
        if fluxlab._WHERE.get(name, "fluxlab.engine").startswith("fluxlab.engine"):
            assert getattr(fluxlab, name) is not None
    with pytest.raises(AttributeError, match="tahn"):
        fluxlab.tahn  # noqa: B018
