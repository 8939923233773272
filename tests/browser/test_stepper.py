"""Step bar, curve, knobs, network picture and lab in a real JupyterLab."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Lab

PARITY = """
import fluxlab as fl
X, Y = fl.data.parity(4)
net = fl.form_network([8, 4, 1], X, Y, seed=0, learning_rate=0.8)
"""


def button(lab: Lab, name: str) -> Any:
    return lab.page.get_by_role("button", name=name).first


def test_the_lab_looks_right_and_steps(lab: Lab) -> None:
    lab.run_cell(PARITY + "fl.learn(net, iterations=240)\nlab = fl.Lab(net)")
    lab.run_cell("lab")
    where = lab.page.locator(".fl-where")
    expect(where).to_contain_text("step 36 of 36")
    for unit in ("back, update", "back, layer", "back, layer", "back, operation"):
        before = where.inner_text()
        button(lab, f"{unit}: back by").click()
        expect(where).not_to_have_text(before)
    expect(where).to_contain_text("backward · layer 3")
    position = int(lab.run_cell("net.trace.position"))
    expect(where).to_contain_text(f"step {position} of 36")
    where.hover()
    lab.page.keyboard.press("Escape")
    button(lab, "operation: on by one operation").focus()
    lab.page.keyboard.press("ArrowRight")
    expect(where).to_contain_text(f"step {position + 1} of 36")
    lab.page.keyboard.press("ArrowLeft")
    expect(where).to_contain_text(f"step {position} of 36")
    lab.page.keyboard.press("Shift+ArrowLeft")
    lab.until(f"net.trace.position < {position}")
    lab.run_cell("lab.stepper.back_layer.click(); lab.stepper.backward.click()\nlab")
    for theme in ("light", "dark"):
        lab.set_theme(theme)
        lab.still()
        assert lab.axe(".fl-lab") == []
        lab.screenshot(f"lab-{theme}", whole=True)
    # Why learning stopped has a line of its own, below the bar and above the board.
    lab.run_cell("net.history.stopped = 'Stopped by hand. ' * 12; lab.session.changed('values')")
    stopped = lab.page.locator(".fl-lab").first.locator(".fl-stopped")
    expect(stopped).to_contain_text("Stopped by hand.")
    tops = stopped.evaluate(
        "line => ['.fl-bar', '.fl-lab-main'].map(name => line.closest('.fl-lab')"
        ".querySelector(name).getBoundingClientRect().top)"
    )
    box = stopped.bounding_box()
    assert box
    assert tops[0] < box["y"] < box["y"] + box["height"] <= tops[1]
    assert lab.console_errors == []


@pytest.mark.parametrize("speed", ["2.0", "float('inf')"])
def test_stop_is_answered_while_a_cell_is_busy(lab: Lab, speed: str) -> None:
    """How soon, `make bench` measures: that depends on what else the machine does."""
    done = lab.server.root / f"done-{secrets.token_hex(4)}"
    lab.run_cell(PARITY + "stepper = fl.Stepper(net)\nstepper.unit = 'iteration'")
    lab.run_cell(f"stepper.speed = {speed}\nstepper")
    lab.evaluate(
        """
        panel.content.model.sharedModel.insertCell(
            panel.content.widgets.length, {cell_type: "code", source: argument});
        panel.content.activeCellIndex = panel.content.widgets.length - 1;
        app.commands.execute("notebook:run-cell");
        """,
        f"import pathlib, time\nwhile not pathlib.Path({str(done)!r}).exists(): time.sleep(0.05)",
    )
    prompt = "return panel.content.widgets.at(-1).promptNode.textContent;"
    play = lab.page.locator(".fl-play")
    play.click()
    expect(play).to_have_text("stop")
    where = lab.page.locator(".fl-where").first
    expect(where).to_contain_text(re.compile("iteration [1-9]"))
    play.click()
    expect(play).to_have_text("play")
    assert lab.evaluate(prompt) == "[*]:", "the cell should still run"
    done.touch()
    lab.wait_idle()
    assert int(lab.run_cell("net.history.iteration")) >= 1
    assert lab.run_cell("stepper.session.playing") == "False"


def test_a_cell_run_twice_leaves_no_second_loop(lab: Lab) -> None:
    source = PARITY + "stepper = fl.Stepper(net)\nstepper.speed = 50\nstepper.play.click()\nstepper"
    lab.run_cell(source)
    lab.until("net.history.iteration > 0")
    lab.evaluate(
        "panel.content.activeCellIndex = 0; await app.commands.execute('notebook:run-cell');"
    )
    lab.wait_idle()
    lab.run_cell("import threading")
    lab.until("net.history.iteration > 3")  # the second loop runs
    lab.until("sum(t.name == 'fluxlab-player' for t in threading.enumerate()) == 1")


def test_keys_on_a_slider_stay_in_the_slider(lab: Lab) -> None:
    lab.run_cell(PARITY + "fl.Knobs(net, 'layer 3/w', 'learning rate', 'activation', 'sample')")
    lab.run_cell("fl.NetworkPicture(net)")
    slider = lab.page.get_by_role("slider", name="w[1, 0] of layer 3")
    before = float(lab.run_cell("print(net.trace['layer 3/w'].value[1, 0])"))
    cells = lab.evaluate("return panel.content.widgets.length;")
    slider.focus()
    lab.page.keyboard.press("ArrowRight")
    lab.page.keyboard.press("ArrowRight")
    for key in "ddjkabx":
        lab.page.keyboard.press(key)
    assert lab.evaluate("return panel.content.widgets.length;") == cells
    expect(slider).to_be_focused()
    lab.until(f"net.trace['layer 3/w'].value[1, 0] > {before}")
    place = 200
    for key, moves in [("Home", -400), ("End", 400), ("PageDown", -40), ("ArrowDown", -1),
                       ("PageUp", 40), ("ArrowUp", 1), ("ArrowRight", 1)]:  # fmt: skip
        slider.press(key)
        place = min(max(place + moves, 0), 400)
        expect(slider).to_have_value(str(place))

    field = lab.page.get_by_role("textbox", name="w[1, 0] of layer 3, exact number")
    field.fill("1,500")
    field.press("Enter")
    expect(lab.page.get_by_role("alert").filter(has_text="two ways")).to_be_visible()
    field.fill("0.123456789")
    field.press("Enter")
    expect(lab.page.get_by_role("alert").filter(has_text="two ways")).to_have_count(0)
    lab.until("net.trace['layer 3/w'].value[1, 0] == 0.123456789")
    field.fill("a third")
    field.press("Tab")
    refusal = lab.page.get_by_role("alert").filter(has_text="'a third' is not a number")
    expect(refusal).to_be_visible()
    expect(field).to_have_value("0.123457")  # what holds
    field.focus()
    expect(refusal).to_have_count(0)

    menu = lab.page.get_by_role("combobox", name="layer 1 activation")
    menu.select_option("tanh")
    lab.until("net.activations[0] == 'tanh'")
    lab.page.get_by_role("button", name="reset").click()
    lab.until("net.activations[0] == 'leaky_relu'")

    neuron = lab.page.get_by_role("button", name="neuron x[0, 0]").first
    neuron.focus()
    lab.page.keyboard.press("ArrowRight")
    lab.page.keyboard.press("ArrowDown")
    lab.page.keyboard.press("Enter")
    lab.until("fl.Stepper(net).session.selection == ('layer 1/w', (0, 1))")
    for theme in ("light", "dark"):
        lab.set_theme(theme)
        lab.still()
        assert lab.axe(".fl-knobs") == []
        assert lab.axe(".fl-network") == []
        lab.screenshot(f"knobs-and-network-{theme}", whole=True)
    assert lab.console_errors == []


def test_the_curve_travels(lab: Lab) -> None:
    lab.run_cell(PARITY + "curve = fl.Curve(net)\ncurve")
    lab.run_cell("fl.learn(net, iterations=200)\nprint(curve)")
    lab.run_cell("curve.session.changed('values')")
    handle = lab.page.get_by_role("slider", name="iteration")
    expect(handle).to_have_attribute("aria-valuenow", "200")
    handle.focus()
    for key, value in [("ArrowLeft", 199), ("PageDown", 179), ("Home", 0), ("End", 200)]:
        lab.page.keyboard.press(key)
        expect(handle).to_have_attribute("aria-valuenow", str(value))
        lab.until(f"net.history.iteration == {value}")
    box = lab.page.locator(".fl-plot").bounding_box()
    assert box
    lab.page.mouse.move(box["x"] + box["width"] - 12, box["y"] + 40)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40, steps=20)
    lab.page.mouse.up()
    lab.until("60 < net.history.iteration < 140")
    button(lab, "linear scale").click()
    expect(button(lab, "log scale")).to_be_visible()
    for theme in ("light", "dark"):
        lab.set_theme(theme)
        lab.still()
        assert lab.axe(".fl-curve") == []
        lab.screenshot(f"curve-{theme}")
    assert lab.console_errors == []
