"""Folding on a real page: by mouse, by keyboard, and what a student sees of what is folded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Lab

UNROLLED = """
import numpy as np
import fluxlab as fl
rng = np.random.default_rng(0)
def model(x, w, u):
    h = x[:, 0] @ w
    with fl.scope("layer 1"):
        for k in range(1, 6):
            with fl.scope(f"step {k}"):
                h = fl.tanh(x[:, k] @ w + h @ u)
    with fl.scope("layer 2"):
        return fl.sigmoid(h)
t = fl.trace(model, x=rng.normal(size=(4, 6, 2)), w=rng.normal(size=(2, 3)),
             u=rng.normal(size=(3, 3)))
t.descend("w", "u")
lab = fl.Lab(t)
lab
"""


def test_a_student_folds_and_opens(lab: Lab) -> None:
    lab.run_cell(UNROLLED)
    shown = lab.cell(0)
    canvas = shown.locator(".fl-board canvas")
    expect(canvas).to_have_attribute("data-painted", re.compile(r"[1-9]"))
    step = shown.get_by_role("button", name="step 2, layer 1/step 2")
    expect(step).to_have_attribute("aria-expanded", "false")

    # By keyboard: the focus stays on the button, which is the band's header now.
    step.focus()
    lab.page.keyboard.press("Enter")
    expect(step).to_have_attribute("aria-expanded", "true")
    expect(step).to_be_focused()
    expect(step).to_have_class(re.compile("fl-fold-band"))
    lab.page.keyboard.press("d")
    lab.page.keyboard.press("d")  # in JupyterLab's own cells this deletes the cell
    lab.page.keyboard.press("Space")
    expect(step).to_have_attribute("aria-expanded", "false")
    expect(step).to_be_focused()

    # By mouse: shares of a gradient; a whole layer.
    shown.get_by_role("button", name=re.compile("uses, dC_dw")).click()
    expect(shown.get_by_role("button", name=re.compile("by use, dC_dw"))).to_be_visible()
    layer = shown.get_by_role("button", name="Layer 1", exact=True)
    layer.click()
    expect(layer).to_have_attribute("aria-expanded", "false")
    expect(step).to_have_count(0)
    layer.click()
    for theme in ("light", "dark"):
        lab.set_theme(theme)
        lab.still()
        assert lab.axe(".fl-board") == []
        lab.screenshot(f"folding-{theme}")
    lab.set_theme("light")

    # What is selected from elsewhere opens its scope; links into folded ones are outlined.
    lab.run_cell("lab.board.select('layer 1/step 4/h', 0, 1)")
    opened = shown.get_by_role("button", name="step 4, layer 1/step 4")
    expect(opened).to_have_attribute("aria-expanded", "false")  # its output is there already
    panel = shown.locator(".fluxlab-explain")
    link = panel.locator(".fl-terms .fl-link").first
    link.click()
    expect(opened).to_have_attribute("aria-expanded", "true")

    # The stepper goes through a folded scope: it stays folded, a line around it says where.
    opened.click()
    lab.run_cell("t.move(9); lab.session.changed('position'); print(t.steps[8].scope)")
    assert lab.text(-1) == "layer 1/step 2\n"
    expect(step).to_have_attribute("aria-expanded", "false")
    assert lab.console_errors == []
    lab.cell(0)
    lab.screenshot("folding-under-way")
