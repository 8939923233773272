"""The EXAMPLE of every model, opened with the board, the stepper and the panel in one page."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import BrowserContext, expect

import fluxlab.engine.models
from conftest import Lab as Page

if TYPE_CHECKING:
    from conftest import Lab, Server

MODELS = [found.name for found in pkgutil.iter_modules(fluxlab.engine.models.__path__)]
THOROUGH = ("lstm", "transformer")  # also in the dark theme, and searched by axe

SHOW = """
from fluxlab.engine.models.{name} import EXAMPLE
t = EXAMPLE()
t.move(0)
lab = fl.Lab(t)
lab
"""
# The first cell of the board's last gradient that no button covers: x, y, its name and value.
SPOT = """
place = [p for p in lab.board._layout.places if p.slot.matrix.ready
         and (p.lane == "gradients" or not any(s.phase == "backward" for s in t.steps))][-1]
matrix = place.slot.matrix
print(float(place.x + place.cell[0] / 2), float(place.y + place.cell[1] / 2),
      float(matrix.buffer.flat[0]), matrix.local)
"""


@pytest.fixture(scope="module")
def page(server: Server, chromium: BrowserContext) -> Iterator[Lab]:
    """One notebook for all models; each takes a second or two."""
    opened = Page(chromium.new_page(), server)
    opened.run_cell("import fluxlab as fl")
    yield opened
    opened.clear()
    opened.page.close()


@pytest.mark.parametrize("name", MODELS)
def test_an_example_is_shown_stepped_and_explained(page: Lab, name: str) -> None:
    page.console_errors.clear()
    page.set_theme("light")
    page.evaluate(
        "panel.content.model.sharedModel.deleteCellRange(1, panel.content.widgets.length);"
    )
    page.run_cell(SHOW.format(name=name))
    shown = page.cell(1)
    canvas = shown.locator(".fl-board canvas")
    expect(canvas).to_have_attribute("data-painted", re.compile(r"[1-9]"))
    where = shown.locator(".fl-where")
    passes = page.run_cell("print(*dict.fromkeys(s.phase for s in t.steps))").split()
    for way in passes[:2]:
        shown.get_by_role("button", name=re.compile(f"^{way}: on")).click()
        expect(where).to_contain_text(way)
    x, y, value, local = page.run_cell(SPOT).split(maxsplit=3)
    page.cell(1)
    canvas.click(position={"x": float(x), "y": float(y)})
    panel = shown.locator(".fluxlab-explain")
    number = f"{float(value):.4g}".replace("-", "−")
    expect(panel).to_contain_text(number if "e" not in number else "Why this number?")
    page.until(f"(lab.session.selection or ('',))[0].endswith({local.strip()!r})")
    for theme in ("light", "dark") if name in THOROUGH else ("light",):
        page.set_theme(theme)
        page.cell(1)
        page.screenshot(f"example-{name}-{theme}")
        if name in THOROUGH:
            assert page.axe(".fl-lab") == []
    assert set(page.page.locator(".fl-error").all_inner_texts()) == {""}
    assert page.console_errors == []
