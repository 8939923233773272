"""The board without a page: what it says, its pictures, and the script's own arithmetic."""

from __future__ import annotations

import io
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

import fluxlab as fl
from fluxlab import plots
from fluxlab.widgets.board.layout import arrange
from fluxlab.widgets.board.picture import font
from fluxlab.widgets.board.pixels import place
from fluxlab.widgets.shared.numbers import cell_text

HERE = Path(__file__).parent


@pytest.fixture
def net() -> Any:
    X, Y = fl.data.parity(4)
    return fl.form_network([8, 4, 1], X, Y, learning_rate=0.8, seed=3)


def test_says_where_it_is(net: Any) -> None:
    assert repr(fl.Board(net)) == "Board of 4-8-4-1 network: step 0 of 36"
    net.trace.move(5)
    step = net.trace.steps[4].numpy()
    assert repr(fl.Board(net)) == (
        f"Board of 4-8-4-1 network: step 5 of 36 (forward, layer 2: {step})"
    )


def test_its_picture_is_small_and_quick(net: Any) -> None:
    net.history.advance(50)
    net.trace.move(20)
    board = fl.Board(net)
    board.select("layer 1/w", 1, 2)
    bundle, _ = board._repr_mimebundle_()
    assert len(bundle["image/png"]) < 20_480
    image = Image.open(io.BytesIO(bundle["image/png"]))
    assert image.size[0] <= 760
    begun = time.process_time()
    board.picture()
    assert time.process_time() - begun < 0.4


def test_pictures_of_anything() -> None:
    big = fl.trace(lambda x: fl.log(x), x=np.linspace(-1, 1, 2 * 3 * 70 * 9).reshape(2, 3, 70, 9))
    for scale in ("matrix", "layer", "shared"):
        assert fl.Board(big, scale=scale).picture()


def test_the_picture_marks_the_selected_cell_in_its_slice_only() -> None:
    x = np.zeros((2, 3, 4, 5))
    t = fl.trace(lambda x: fl.tanh(x), x=x)
    plain = fl.Board(t).picture()
    board = fl.Board(t)
    pictures = []
    for index in [(0, 0, 1, 2), (0, 2, 1, 2), (1, 2, 1, 2)]:
        board.select("x", *index)
        pictures.append(board.picture())
    assert len({plain, *pictures}) == 3
    assert pictures[2] == plain  # the picture shows sample 0


def test_static_figures(net: Any) -> None:
    history = fl.learn(net, iterations=20, progress=False)
    figures = [
        fl.plot_mse_vs_iterations(history),
        fl.plot_mse_vs_iterations(net, log=True),
        plots.board_figure(net.trace),
        plots.network_figure(net),
        plots.heatmap([[1.0, np.nan, -2.0]], "dC_dw", labels={1: ["a", "b", "c"]}),
        plots.heatmap(np.random.default_rng(0).uniform(size=(5, 300)), unit=True),
    ]
    for figure in figures:
        assert figure._repr_png_()[:4] == b"\x89PNG"
    with pytest.raises(TypeError, match="learn"):
        fl.plot_mse_vs_iterations([1, 2])
    with pytest.raises(ValueError, match="one or two axes"):
        plots.heatmap(np.zeros((2, 2, 2)))


# -- the script's own arithmetic ------------------------------------------------------------


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("file", sorted((HERE / "js").glob("*.test.mjs")), ids=lambda p: p.stem)
def test_script(file: Path) -> None:
    done = subprocess.run(["node", "--test", file], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("width", [400, 760, 1100])
def test_numbers_fit_into_their_cells(net: Any, width: int) -> None:
    """At the one size of the page and of the picture, whatever a number's size and sign."""
    cells = {p.cell[0] for p in place(arrange(net.trace), width).places if p.cell[0] >= 28}
    assert cells
    own, canvas = font("sans", 11), ImageDraw.Draw(Image.new("RGB", (200, 100)))
    for room in cells:
        for value in (-0.0005812345, -1.2345e-10, -12345678.9, 0.00012345, 1 / 3, 3.0, 0.0):
            shown = cell_text(value, 1.0, lambda t, w=room: canvas.textlength(t, own) <= w - 2)
            assert canvas.textlength(shown, own) <= room + 8  # squeezed a little at most
            assert float(shown.replace("−", "-")) == pytest.approx(value, rel=0.5)
