"""What moves is seen to move: colours that fade, the running step, a lab that stays in view."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, ViewportSize, expect

if TYPE_CHECKING:
    from conftest import Lab

STUDENTS: ViewportSize = {"width": 1366, "height": 768}
NETWORK = """
import fluxlab as fl
net = fl.Network([fl.Dense(3, "sigmoid"), fl.Dense(1, "sigmoid")], [[1.0, 2.0]], [[0.5]])
net.layers[0].weights_matrix = [[0.5, 0.8, -0.1], [-0.3, 0.2, 0.9]]
net.layers[0].bias_matrix = [[0.1, 0.2, -0.1]]
net.layers[1].weights_matrix = [[-0.2], [0.4], [0.6]]
net.layers[1].bias_matrix = [[0.3]]
lab = fl.Lab(net)
lab.stepper.forward.click()
lab.stepper.backward.click()
lab
"""
PLACES = (
    "[[p.slot.matrix.name, float(p.x), float(p.y), float(p.width), float(p.height), p.cell[0]]"
    " for p in lab.board._layout.places if p.lane == {lane!r}]"
)


PIXELS = """(canvas, box) => {
    const ratio = canvas.width / canvas.getBoundingClientRect().width;
    return [...canvas.getContext("2d").getImageData(...box.map((n) => Math.round(n * ratio))).data];
}"""


def told(lab: Lab, expression: str) -> Any:
    """What an expression is in Python."""
    return json.loads(lab.run_cell(f"import json; print(json.dumps({expression}))"))


def painted(canvas: Locator) -> None:
    expect(canvas).to_have_attribute("data-painted", re.compile(r"[1-9]"))


def colour(canvas: Locator, boxes: list[list[float]]) -> float:
    """How far the cells of some matrices are from the colour of zero, on average."""
    image = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB"), dtype=float)
    ratio = image.shape[1] / canvas.evaluate("canvas => canvas.getBoundingClientRect().width")
    far = []
    for x, y, wide, high in boxes:
        part = image[
            int(y * ratio) : int((y + high) * ratio), int(x * ratio) : int((x + wide) * ratio)
        ]
        far.append(np.abs(part - part.mean(axis=2, keepdims=True)).mean())
    return float(np.mean(far))


def test_a_gradient_that_fades_is_seen_to_fade(lab: Lab) -> None:
    """As in lesson 08: the target goes from 0.5 to 0.73, and the output is 0.735."""
    lab.page.set_viewport_size(STUDENTS)
    lab.run_cell(NETWORK)
    canvas = lab.cell(0).locator(".fl-board canvas")
    painted(canvas)
    canvas.evaluate("canvas => { canvas.closest('.fl-board-stage').style.maxHeight = 'none'; }")
    places = told(lab, PLACES.format(lane="gradients"))
    boxes = [place[1:5] for place in places if place[0] != "dC_dC"]
    before = colour(canvas, boxes)
    lab.run_cell("fl.NetworkPicture(net, show='gradient')")
    lines = lab.cell().locator(".fl-network .fl-line")
    widths = "lines => lines.map(line => parseFloat(getComputedStyle(line).strokeWidth))"
    expect(lines).to_have_count(9)
    wide = max(lines.evaluate_all(widths))
    lab.run_cell("net.trace.set('target', [[0.73]])")
    lab.cell(0)
    lab.until("abs(lab.board._frame.buffer).max() > 0")
    expect(canvas).to_be_visible()
    lab.page.wait_for_timeout(300)
    after = colour(canvas, boxes)
    assert before > 4
    assert after < 0.2 * before
    assert max(lines.evaluate_all(widths)) < 0.5 * wide


def test_every_step_is_marked_and_in_view(lab: Lab) -> None:
    """The twelve steps of lesson 00's neuron: what is computed is in the board's frame, marked."""
    lab.page.set_viewport_size(STUDENTS)
    lab.run_cell(NETWORK.strip() + ".stepper.back_forward.click()\nlab")
    cell = lab.cell(0)
    canvas, stage = cell.locator(".fl-board canvas"), cell.locator(".fl-board-stage")
    painted(canvas)
    for _ in range(12):
        cell.locator(".fl-stepper button", has_text="operation").click()
        lab.page.wait_for_timeout(450)  # it pans smoothly
        made = told(lab, "net.trace.steps[net.trace.position - 1].output.name")
        lab.cell(0)
        found = [p for lane in ("values", "gradients", "updates")
                 for p in told(lab, PLACES.format(lane=lane)) if p[0] == made]  # fmt: skip
        assert found, made
        _, x, y, wide, high, _ = found[0]
        top, room = stage.evaluate("stage => [stage.scrollTop, stage.clientHeight]")
        assert top <= y
        assert y + high <= top + room
        pixels = canvas.evaluate(PIXELS, [x + wide / 2 - 4, y - 4, 8, 4])
        frame = np.array(pixels, dtype=int).reshape(-1, 4)
        green = (frame[:, 1] - frame[:, 0] > 40) & (frame[:, 1] - frame[:, 2] > 20)
        assert green.any(), made


def test_board_and_panel_are_in_view_with_numbers_and_nothing_jumps(lab: Lab) -> None:
    lab.page.set_viewport_size(STUDENTS)
    lab.run_cell(NETWORK)
    cell = lab.cell(0)
    painted(cell.locator(".fl-board canvas"))
    assert all(place[5] >= 28 for lane in ("values", "gradients")
               for place in told(lab, PLACES.format(lane=lane)))  # fmt: skip
    whole = lab.cell(0).locator(".fl-lab")
    whole.evaluate("lab => lab.scrollIntoView({block: 'start'})")
    bar = whole.locator(".fl-stepper .fl-bar").bounding_box()
    line = whole.locator(".fl-stepper .fl-line").bounding_box()
    assert bar is not None
    assert line is not None
    assert bar["height"] + line["height"] <= 88
    for part in (".fl-stepper .fl-bar", ".fl-board canvas", ".fluxlab-explain"):
        box = whole.locator(part).bounding_box()
        assert box is not None
        assert 0 <= box["y"] < 768 - 60
    height = "lab => lab.getBoundingClientRect().height"
    heights = {round(whole.evaluate(height))}
    canvas = whole.locator(".fl-board canvas")
    places = told(lab, PLACES.format(lane="values")) + told(lab, PLACES.format(lane="gradients"))
    lab.cell(0)
    for n in range(50):
        _, x, y, wide, high, _ = places[7 * n % len(places)]
        stage = whole.locator(".fl-board-stage")
        stage.evaluate("(stage, to) => stage.scrollTo({top: to, behavior: 'instant'})", y - 60)
        canvas.click(position={"x": x + wide / 2, "y": y + high / 2})
        heights.add(round(whole.evaluate(height)))
    assert len(heights) == 1


def test_a_docked_lab_stays_and_takes_edits(lab: Lab) -> None:
    lab.page.set_viewport_size(STUDENTS)
    lab.run_cell(NETWORK)
    cell = lab.cell(0)
    painted(cell.locator(".fl-board canvas"))
    cell.get_by_role("button", name="dock").click()
    dock = lab.page.locator(".fl-dock")
    canvas = dock.locator(".fl-board canvas")
    painted(canvas)
    lab.run_cell("for n in range(80): print(n)")
    box = dock.bounding_box()
    assert box is not None
    notebook = lab.page.locator(".jp-NotebookPanel .jp-WindowedPanel-outer").bounding_box()
    assert notebook is not None
    assert notebook["y"] >= box["y"] + box["height"] - 1  # the text begins where the lab ends
    places = {p[0]: p for p in told(lab, PLACES.format(lane="values"))}
    _, x, y, wide, high, _ = places["layer 1/w"]
    at = canvas.bounding_box()
    assert at is not None
    spot = at["x"] + x + wide / 6, at["y"] + y + high / 4
    lab.page.mouse.move(*spot)
    lab.page.mouse.down()
    lab.page.mouse.move(spot[0], spot[1] - 30, steps=5)
    lab.page.mouse.up()
    lab.until("abs(net.trace['layer 1/w'].value[0, 0] - 0.8) < 1e-9")
    lab.page.mouse.dblclick(*spot)
    field = dock.get_by_role("textbox", name="new number")
    field.fill("1/2")
    field.press("Enter")
    lab.until("net.trace['layer 1/w'].value[0, 0] == 0.5")
    expect(canvas).to_be_focused()
    lab.page.keyboard.press("Alt+ArrowUp")
    lab.until("net.trace['layer 1/w'].value[0, 0] == 0.51")
    lab.page.keyboard.type("a")  # no number: nothing opens
    expect(field).to_have_count(0)
    for theme in ("light", "dark"):
        lab.set_theme(theme)
        lab.screenshot(f"docked-{theme}")
        assert lab.axe(".fl-dock") == []
    handle = dock.get_by_role("separator")
    handle.focus()
    lab.page.keyboard.press("ArrowDown")
    taller = dock.bounding_box()
    assert taller is not None
    assert taller["height"] == round(box["height"]) + 20
    # Of two labs the newer one is in view, and the older one is back in its cell.
    lab.run_cell("other = fl.Lab(net); other.dock(); other")
    lab.until("other.stepper.docked and not lab.stepper.docked")
    expect(dock).to_have_count(1)
    expect(lab.cell(0).locator(".fl-board canvas")).to_be_visible()
    dock.get_by_role("button", name="undock").click()
    expect(dock).to_have_count(0)
    assert lab.console_errors == []
