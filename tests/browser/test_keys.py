"""Shift+Enter runs cells, also after a click in a widget, and presses nothing there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Lab

LESSON = Path(__file__).parents[2] / "lessons" / "05_multiply_two_weights.ipynb"
CELLS = [
    "import numpy as np\nimport fluxlab as fl\n"
    "t = fl.trace(lambda x, w: fl.tanh(x @ w), x=np.ones((2, 2)), w=np.ones((2, 1)))\n"
    "t.move(0)\nruns = []",
    "runs.append('question')\nfl.Question('08/keys', 'Which?', answer='a', choices=['a', 'b'])",
    "runs.append('stepper')\nstepper = fl.Stepper(t)\nstepper",
    "runs.append('board')\nfl.Board(t)",
    "runs.append('last')\n'the end'",
]


SOURCE = "return panel.content.widgets[argument].model.sharedModel.getSource();"


def active(lab: Lab) -> int:
    index: int = lab.evaluate("return panel.content.activeCellIndex;")
    return index


def test_shift_enter_after_a_click_in_a_widget(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "keys.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    lab.open(path)
    lab.run_all()
    choice = lab.cell(1).locator(".fluxlab-question button").nth(1)
    choice.click()
    expect(choice).to_have_class(re.compile("fl-wrong"))
    lab.page.keyboard.press("Shift+Enter")
    lab.wait_idle()
    assert active(lab) == 2
    lab.until("runs == ['question', 'stepper', 'board', 'last', 'question']")
    button = lab.cell(2).get_by_role("button", name="operation").last
    button.click()
    lab.until("t.position == 1")
    lab.page.keyboard.press("Shift+Enter")
    lab.wait_idle()
    assert active(lab) == 3
    lab.until("runs[5:] == ['stepper'] and t.position == 1")
    for count, keys in enumerate(("Control+Enter", "Shift+Enter"), 1):
        lab.still()
        lab.cell(3).locator("canvas").first.click(position={"x": 60, "y": 60})
        lab.page.keyboard.press(keys)
        lab.wait_idle()
        lab.until(f"runs[6:] == ['board'] * {count}")
    assert active(lab) == 4
    assert lab.console_errors == []


def test_a_whole_lesson_with_shift_enter_and_clicks(lab: Lab) -> None:
    lab.open(LESSON)
    lab.evaluate("panel.content.activeCellIndex = 0; panel.content.mode = 'command';")
    lab.evaluate("panel.content.activate();")
    count: int = lab.evaluate("return panel.content.widgets.length;")
    clicked = 0
    for index in range(count):
        assert active(lab) == index
        lab.page.keyboard.press("Shift+Enter")
        lab.wait_idle()
        if "Question(" not in lab.evaluate(SOURCE, index) or index + 1 == count:
            continue
        lab.cell(index).locator(".fluxlab-question button").first.click()
        lab.still()
        clicked += 1
        lab.page.keyboard.press("Shift+Enter")  # the cell of the question runs again
        lab.wait_idle()
    assert clicked >= 3
    ran: list[int] = lab.evaluate(
        "return panel.content.widgets.slice(0, argument).filter("
        "c => c.model.type === 'code').map("
        "c => c.model.executionCount);",
        count,
    )
    assert all(ran), f"a cell has not run: {ran}"
    assert lab.console_errors == []
