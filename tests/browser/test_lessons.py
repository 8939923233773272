"""Every lesson, opened and run in a real JupyterLab; one of them worked through by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Lab

LESSONS = sorted((Path(__file__).parents[2] / "lessons").glob("*.ipynb"))


def first_board(lab: Lab) -> int:
    """The first cell with a board; go to it, as JupyterLab 4.4 hides the cells out of sight."""
    number: int = lab.evaluate(
        "return panel.content.widgets.findIndex(c => c.node.querySelector('.fl-board canvas'));"
    )
    return number


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_and_looks_right(lab: Lab, lesson: Path) -> None:
    lab.open(lesson)
    lab.run_all()
    first = first_board(lab)
    canvas = lab.cell(first).locator(".fl-board canvas").first
    canvas.scroll_into_view_if_needed()
    expect(canvas).to_have_attribute("data-painted", re.compile(r"[1-9]"))
    for theme in ("light", "dark"):
        lab.set_theme(theme)
        lab.still()
        lab.cell(first)
        assert lab.axe(".fluxlab") == []
        lab.screenshot(f"lesson-{lesson.stem}-{theme}", whole=True)
    cut = lab.page.evaluate(
        """() => [...document.querySelectorAll(".fl-curve svg text")].filter((text) => {
            const inner = text.getBoundingClientRect();
            const outer = text.closest("svg").getBoundingClientRect();
            return inner.right > outer.right + 0.5 || inner.left < outer.left - 0.5;
        }).map((text) => text.textContent)"""
    )
    assert cut == []
    assert (
        lab.page.locator(".fl-error").all_inner_texts()
        == [""] * lab.page.locator(".fl-error").count()
    )
    assert lab.console_errors == []


def test_a_student_works_with_lesson_08(lab: Lab) -> None:
    lesson = next(path for path in LESSONS if path.stem.startswith("08"))
    lab.open(lesson)
    lab.run_all()
    lab.run_cell("lab2.board.select('layer 2/dC_dw', 2, 0)\nlab2")
    here = lab.cell()
    # Drag a slider: the target, with its gradients following.
    before = float(lab.run_cell("print(play.layers[1].dC_dw_matrix[2, 0])"))
    slider = here.get_by_role("slider", name=re.compile("target")).first
    slider.focus()
    for _ in range(10):
        lab.page.keyboard.press("ArrowUp")
    # What it says of itself follows with the next frame; where it stands, 0 to 1, is there at once.
    target = slider.evaluate("slider => slider.value / slider.max")
    lab.until(f"abs(play.trace['target'].value[0, 0] - {target}) < 1e-6")
    lab.until(f"play.layers[1].dC_dw_matrix[2, 0] < {before}")  # the target came nearer to y
    # Step: one operation back, and on again.
    where = here.locator(".fl-where")
    shown = where.inner_text()
    here.get_by_role("button", name=re.compile("back, operation")).click()
    expect(where).not_to_have_text(shown)
    here.get_by_role("button", name=re.compile("^operation")).click()
    expect(where).to_have_text(shown)
    # Click a cell of dC_dw on the board, and read why it is what it is.
    found = lab.run_cell(
        "p = [p for p in lab2.board._layout.places if p.slot.matrix.name == 'layer 1/dC_dw'][0]\n"
        "print(float(p.x + 1.5 * p.cell[0]), float(p.y + 0.5 * p.cell[1]))"
    )
    x, y = map(float, found.split())
    here.locator(".fl-board canvas").click(position={"x": x, "y": y})
    panel = here.locator(".fluxlab-explain")
    expect(panel).to_contain_text("dC_dw = x.T @ dC_da")
    value = float(lab.run_cell("print(play.layers[0].dC_dw_matrix[0, 1])"))
    expect(panel).to_contain_text(f"{value:.4g}".replace("-", "−"))
    assert lab.console_errors == []


def test_a_widget_says_that_its_kernel_is_gone(lab: Lab) -> None:
    lab.open(next(path for path in LESSONS if path.stem.startswith("00")))
    lab.run_all()
    page = lab.page
    first = first_board(lab)
    board = lab.cell(first).locator(".fl-board").first
    board.scroll_into_view_if_needed()
    place = board.bounding_box()
    assert place is not None
    lab.evaluate("await panel.sessionContext.session.kernel.restart();")
    said = page.locator(".fl-gone")
    expect(said.first).to_contain_text("Run All Above Selected Cell")
    outputs = page.locator(".jp-OutputArea-child:has(.fluxlab)")
    for output in outputs.all():  # once in each: the lab's five widgets do not all repeat it
        assert output.locator(".fl-gone").count() == 1
    lab.cell(first)
    board.scroll_into_view_if_needed()
    now = board.bounding_box()
    assert now is not None
    assert now["x"] == place["x"]
    assert now["width"] == place["width"]
    # Nothing can be pressed that would be lost without a word.
    button = page.locator(".fl-stepper button").first
    assert button.evaluate("button => button.closest('[inert]') !== null")
    question = page.locator(".fluxlab-question button").first
    assert question.evaluate("button => button.closest('[inert]') !== null")
    for theme in ("light", "dark"):
        lab.set_theme(theme)
        lab.screenshot(f"kernel-gone-{theme}")
        assert lab.axe(".fluxlab") == []
    assert lab.console_errors == []
    # And the words of the message help.
    lab.set_theme("light")
    index = lab.evaluate(
        "return panel.content.widgets.findIndex(cell =>"
        " cell.model.sharedModel.getSource().startsWith('lab = fl.Lab(t)'));"
    )
    lab.evaluate(
        "panel.content.activeCellIndex = argument;"
        " await app.commands.execute('notebook:run-all-above');"
        " await app.commands.execute('notebook:run-cell');",
        index,
    )
    lab.wait_idle()
    here = lab.cell(index)
    expect(here.locator(".fl-gone")).to_have_count(0)
    where = here.locator(".fl-where")
    expect(where).to_contain_text("step 1 of 5")
    here.get_by_role("button", name=re.compile("^operation")).click()
    expect(where).to_contain_text("step 2 of 5")
