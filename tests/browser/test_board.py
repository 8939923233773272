"""The board on a real page: painted, hovered, selected with mouse and keyboard, windows, themes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

if TYPE_CHECKING:
    from conftest import Lab

PARITY = """
import numpy as np
import fluxlab as fl
X, Y = fl.data.parity(4)
net = fl.form_network([8, 4, 1], X, Y, learning_rate=0.8, seed=3)
net.history.advance(100)
net.trace.move(20)
board = fl.Board(net)
board
"""


def stage(lab: Lab) -> Locator:
    """The painted board of the last cell."""
    canvas = lab.cell().locator(".fl-board canvas")
    expect(canvas).to_have_attribute("data-painted", re.compile(r"[1-9]"))
    return canvas


def spot(lab: Lab, matrix: str, row: int, column: int) -> dict[str, float]:
    """Where a cell is on the canvas, in its pixels; from the layout in Python."""
    found = lab.run_cell(
        f"[(p.x + {column + 0.5} * p.cell[0], p.y + {row + 0.5} * p.cell[1])"
        f" for p in board._layout.places if p.slot.matrix.name == {matrix!r}][0]"
    )
    x, y = map(float, re.findall(r"[\d.]+", re.sub(r"np\.float64", "", found)))
    return {"x": x, "y": y}


def test_parity(lab: Lab) -> None:
    lab.run_cell(PARITY)
    place = spot(lab, "layer 2/w", 2, 1)
    canvas = lab.cell(0).locator(".fl-board canvas")
    status = lab.cell(0).locator(".fl-board-status")
    canvas.hover(position=place)
    tip = lab.cell(0).locator(".fl-board-tip")
    expect(tip).to_be_visible()
    value = float(lab.run_cell("print(repr(float(net.trace['layer 2/w'].value[2, 1])))"))
    canvas.hover(position={"x": place["x"] + 1, "y": place["y"]})
    assert float(tip.locator(".fl-value").inner_text().replace("−", "-")) == float(f"{value:.6g}")
    expect(tip).to_contain_text("layer 2 · w [2, 1]")
    canvas.click(position=place)
    expect(status).to_contain_text("layer 2 · w [2, 1]")
    lab.until("board.session.selection == ('layer 2/w', (2, 1))")
    for theme in ("light", "dark"):
        lab.set_theme(theme)
        lab.cell(0)
        lab.still()
        lab.screenshot(f"board-{theme}")
        assert lab.axe(".fl-board") == []
    assert lab.console_errors == []


def test_the_keyboard_does_everything(lab: Lab) -> None:
    lab.run_cell(PARITY)
    cells = lab.evaluate("return panel.content.widgets.length")
    canvas = stage(lab)
    status = lab.cell().locator(".fl-board-status")
    keyboard = lab.page.keyboard
    canvas.focus()
    expect(status).to_contain_text("layer 1 · x [0, 0]")
    keyboard.press("]")
    expect(status).to_contain_text("layer 1 · w [0, 0]")
    keyboard.press("Enter")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        keyboard.press(key)
    expect(status).to_contain_text("layer 1 · w [1, 2]")
    keyboard.press("End")
    expect(status).to_contain_text("layer 1 · w [1, 7]")
    keyboard.press("ArrowRight")  # stays inside the matrix
    expect(status).to_contain_text("layer 1 · w [1, 7]")
    keyboard.press("Home")
    expect(status).to_contain_text("layer 1 · w [1, 0]")
    # JupyterLab takes none of them: D D would delete the cell.
    for key in "ddjkabx":
        keyboard.press(key)
    assert lab.evaluate("return panel.content.widgets.length") == cells
    lab.until("board.session.selection == ('layer 1/w', (1, 0))")
    keyboard.press("Control+s")  # but the notebook can be saved from here
    lab.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    keyboard.press("Escape")
    expect(canvas).to_be_focused()
    lab.until("board.session.selection is None")


def test_follows_python_and_the_selection_of_others(lab: Lab) -> None:
    lab.run_cell(PARITY)
    stage(lab)
    lab.run_cell("net.trace.run(); board.select('layer 2/dC_db', 0, 3)")
    status = lab.cell(0).locator(".fl-board-status")
    expect(status).to_contain_text("layer 2 · ∂C/∂b [0, 3]")
    lab.run_cell("net.trace.set('layer 1/w', 7.5, (0, 0)); board.select('layer 1/w', 0, 0)")
    lab.run_cell("board.session.changed('values')")
    expect(lab.cell(0).locator(".fl-board-status")).to_contain_text("= 7.5")


def test_big_matrices_have_windows(lab: Lab) -> None:
    lab.run_cell(
        "import numpy as np, fluxlab as fl\n"
        "rng = np.random.default_rng(0)\n"
        "t = fl.trace(lambda x, w: fl.tanh(x @ w), x=rng.normal(size=(3, 1000)),"
        " w=rng.normal(size=(1000, 1000)))\nboard = fl.Board(t)\nboard"
    )
    stage(lab)
    cell = lab.cell()
    closer = cell.get_by_role("button", name="zoom in, w")
    level = int(lab.run_cell("print(board._frame.windows['w'].level)"))
    for _ in range(2):
        closer.click()
        lab.until(f"board._frame.windows['w'].level > {level}")
        level = int(lab.run_cell("print(board._frame.windows['w'].level)"))
    place = spot(lab, "w", 2, 2)
    canvas = lab.cell(0).locator(".fl-board canvas")
    canvas.click(position=place)
    status = lab.cell(0).locator(".fl-board-status")
    expect(status).to_contain_text(re.compile(r"w \[\d+, \d+\] = −?\d"))
    before = status.inner_text()
    lab.page.keyboard.press("End")
    expect(status).to_contain_text(re.compile(r"w \[\d+, 999\] = −?\d"))
    assert status.inner_text() != before
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + place["x"] + 40, box["y"] + place["y"] + 40
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    lab.page.mouse.move(x + 120, y - 90, steps=6)
    lab.page.mouse.up()
    lab.until("board._frame.windows['w'].row > 0")
    assert lab.axe(".fl-board") == []
    lab.screenshot("board-big")
    assert lab.console_errors == []


def test_slices_of_four_axes(lab: Lab) -> None:
    lab.run_cell(
        "import numpy as np, fluxlab as fl\n"
        "t = fl.trace(lambda x: fl.log(x), x=np.linspace(-1, 1, 360).reshape(2, 3, 6, 10))\n"
        "t.backward()\nboard = fl.Board(t)\nboard"
    )
    stage(lab)
    cell = lab.cell()
    expect(cell.locator(".fl-board-legend")).to_contain_text("not a number")
    onward = cell.get_by_role("button", name="axis 0 on, x", exact=True)
    onward.focus()
    lab.page.keyboard.press("Enter")
    expect(cell.locator(".fl-board-tools").first).to_contain_text("1/2")
    expect(cell.locator(".fl-board-tools").nth(1)).to_contain_text("1/2")  # its gradient as well
    # The slices along axis 1 stand side by side; a click finds the one that it hits.
    found = lab.run_cell(
        "p = [p for p in board._layout.places if p.slot.local == 'x' and p.tile == 2][0]\n"
        "print(float(p.x + 3.5 * p.cell[0]), float(p.y + 1.5 * p.cell[1]))"
    )
    x, y = map(float, found.split())
    lab.cell(0).locator(".fl-board canvas").click(position={"x": x, "y": y})
    status = lab.cell(0).locator(".fl-board-status")
    value = float(lab.run_cell("print(t['x'].value[1, 2, 1, 3])"))
    expect(status).to_contain_text(f"x [1, 2, 1, 3] = {value:.6g}")
    assert lab.axe(".fl-board") == []
    lab.screenshot("board-four-axes")
    assert lab.console_errors == []


def test_an_error_is_shown_in_words(lab: Lab) -> None:
    lab.run_cell(PARITY)
    stage(lab)
    lab.run_cell(
        "def broken(**_):\n    raise ValueError('the layout is broken')\n"
        "board._lay_out = broken\nboard.session.changed('values')"
    )
    expect(lab.cell(0).locator(".fl-error")).to_contain_text("the layout is broken")


def test_a_cell_run_again_sends_nothing_to_the_old_board(lab: Lab) -> None:
    lab.run_cell(PARITY)
    stage(lab)
    lab.run_cell("first = board")
    lab.evaluate("panel.content.activeCellIndex = 0;")
    lab.evaluate("await app.commands.execute('notebook:run-cell');")
    lab.wait_idle()
    lab.until("(first.shown, board.shown) == (False, True)")


@pytest.mark.parametrize("width", [420, 700])
def test_narrow_pages(lab: Lab, width: int) -> None:
    lab.open()
    lab.page.set_viewport_size({"width": width + 330, "height": 900})
    lab.run_cell(PARITY)
    canvas = stage(lab)
    wide = canvas.evaluate("canvas => [canvas.clientWidth, canvas.parentElement.clientWidth]")
    assert wide[0] <= wide[1]
    lab.screenshot(f"board-{width}")


def test_what_is_cut_is_whole_for_pointer_and_screen_reader(lab: Lab) -> None:
    lab.run_cell(
        "import numpy as np, fluxlab as fl\n"
        "def model(x, a_matrix_with_quite_a_long_name):\n"
        "    with fl.scope('the first part of a larger model'):\n"
        "        h = fl.tanh(x @ a_matrix_with_quite_a_long_name)\n"
        "    with fl.scope('second'):\n"
        "        return fl.tanh(h @ a_matrix_with_quite_a_long_name)\n"
        "t = fl.trace(model, x=np.ones((3, 2)), a_matrix_with_quite_a_long_name=np.eye(2))\n"
        "t.backward()\n"
        "fl.Board(t)"
    )
    stage(lab)
    shown = lab.cell()
    for words in ("a_matrix_with_quite_a_long_name", "∂C/∂a_matrix_with_quite_a_long_name"):
        name = shown.get_by_role("img", name=words, exact=True).first
        expect(name).to_have_attribute("title", words)
        box = name.bounding_box()
        assert box is not None
        at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        assert lab.page.evaluate("([x, y]) => document.elementFromPoint(x, y).title", at) == words
    assert shown.get_by_role("img", name="x", exact=True).count() == 0  # it has room
    assert lab.axe(".fl-board") == []
    lab.screenshot("board-cut-names")

    # Also in the network picture: the names of columns, of features; neurons that are left out.
    lab.run_cell(
        "net = fl.form_network([14, 1], np.ones((3, 2)), np.ones((3, 1)))\n"
        "net.trace.axis_labels['feature'] = ['the amount of rain', 'sun']\n"
        "fl.NetworkPicture(net)"
    )
    _is_whole(lab, "the amount of rain")
    diagram = lab.cell().locator(".fl-diagram")
    assert diagram.get_by_role("img", name="sun", exact=True).count() == 0
    left_out = diagram.locator("text", has_text="… 14 neurons")
    expect(left_out.locator("title")).to_have_text("10 of 14 neurons of h are drawn")
    assert lab.axe(".fl-network") == []
    lab.screenshot("network-cut-names")
    lab.run_cell(
        "def one(the_numbers_that_come_in, w):\n    return fl.tanh(the_numbers_that_come_in @ w)\n"
        "fl.NetworkPicture(fl.trace(one, the_numbers_that_come_in=np.ones((3, 2)), w=np.eye(2)))"
    )
    _is_whole(lab, "the_numbers_that_come_in")

    # And on the way to the cost, in the panel.
    lab.run_cell("panel = fl.Explain(t)\npanel.session.select('x', (0, 0))\npanel")
    skipped = lab.cell().locator(".fl-trail").get_by_role("img")
    expect(skipped).to_have_text("…")
    expect(skipped).to_have_attribute("title", re.compile(r"^[1-9]\d* more between$"))
    expect(skipped).to_have_attribute("aria-label", re.compile(r"^[1-9]\d* more between$"))
    assert lab.console_errors == []


def _is_whole(lab: Lab, words: str) -> None:
    """A cut name in the network picture of the last cell: inside it, whole for who asks."""
    diagram = lab.cell().locator(".fl-diagram")
    name = diagram.get_by_role("img", name=words, exact=True)
    expect(name.locator("title")).to_have_text(words)
    assert name.evaluate("node => node.firstChild.textContent").endswith("…")
    drawn, room = name.bounding_box(), diagram.bounding_box()
    assert drawn is not None
    assert room is not None
    assert room["x"] <= drawn["x"] < drawn["x"] + drawn["width"] <= room["x"] + room["width"]
