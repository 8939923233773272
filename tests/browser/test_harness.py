"""The harness itself: what it reports is what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Lab


def test_opens_runs_and_shows(lab: Lab, tmp_path: Path) -> None:
    cells = [
        "print(6*7)",
        "import ipywidgets\nslider = ipywidgets.IntSlider(value=3, description='speed')\nslider",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    path = tmp_path / "tiny.ipynb"
    nbformat.write(notebook, path)
    lab.open(path)
    lab.run_all()
    assert lab.text(0) == "42\n"
    handle = lab.cell(1).locator(".noUi-handle, [role=slider]").first
    expect(handle).to_be_visible()
    handle.focus()
    lab.page.keyboard.press("ArrowRight")
    lab.until("slider.value == 4")
    with pytest.raises(AssertionError, match=r"not true within 0.1 s: slider.value == 5"):
        lab.until("slider.value == 5", timeout=0.1)
    with pytest.raises(AssertionError, match="NameError"):
        lab.until("nothing_of_that_name")
    for theme in ("light", "dark"):
        lab.set_theme(theme)
        assert lab.screenshot(f"harness-{theme}", whole=True).stat().st_size > 10_000
    assert lab.console_errors == []


def test_axe_finds_what_is_wrong_and_only_that(lab: Lab) -> None:
    lab.open()
    lab.page.evaluate(
        "document.body.innerHTML = '<b id=bad><button></button></b><b id=fine>fine</b>'"
    )
    assert [violation.split(":")[0] for violation in lab.axe("#bad")] == ["button-name"]
    assert lab.axe("#fine") == []


def test_an_exception_in_a_cell_fails(lab: Lab) -> None:
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        lab.run_cell("1 / 0")


def test_console_errors_are_noted(lab: Lab) -> None:
    lab.open()
    lab.page.evaluate("console.error('a widget broke')")
    assert any("a widget broke" in error for error in lab.console_errors)
