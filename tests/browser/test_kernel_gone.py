"""Widgets whose kernel is gone: they say so, and a saved notebook shows their pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Lab

LAB = """
import fluxlab as fl
X, Y = fl.data.parity(3)
net = fl.form_network([2, 1], X, Y, seed=0)
fl.Lab(net)
"""


def test_a_restarted_kernel_is_told_of_and_a_saved_notebook_has_pictures(lab: Lab) -> None:
    lab.run_cell(LAB)
    lab.run_cell("fl.Knobs(net)")
    where = lab.page.locator(".fl-where")
    expect(where).to_contain_text("step 0")
    lab.evaluate("await panel.context.save();")

    lab.evaluate("await panel.sessionContext.restartKernel();")
    said = lab.page.locator(".fl-gone")
    expect(said).to_have_count(2)  # once for the Lab, though it has four widgets
    lab.run_cell(LAB)
    expect(said).to_have_count(2)  # none in the new one

    # The page is read again: the restarted kernel knows the third cell's widgets, not the others'.
    lab.evaluate("await panel.context.save();")
    lab.page.reload()
    output = lab.page.locator(".jp-OutputArea-output")
    expect(output.first.locator("img")).to_be_visible()
    expect(output.nth(1)).to_have_text("Run this cell to bring it alive.")
    expect(lab.page.locator(".fl-stepper .fl-where")).to_contain_text("step 0")
    expect(lab.page.get_by_text("model not found")).to_have_count(0)

    # Another day: the saved notebook, and no kernel that knows its widgets.
    lab.evaluate("await panel.sessionContext.shutdown();")
    lab.page.reload()
    output = lab.page.locator(".jp-OutputArea-output")
    expect(output.first.locator("img")).to_be_visible()
    expect(output.nth(2)).to_contain_text("layer 1 activation: leaky_relu")
    assert lab.console_errors == []
