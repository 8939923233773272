"""Names and prompts with HTML, LaTeX and quotes in a real JupyterLab: shown as text, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Lab

# Every place where a name of a student's can stand. What runs sets a mark on the page.
CELL = r"""
import numpy as np
import fluxlab as fl
BAD = '''<img/src=x/onerror="window.hacked=1">'''
TEX = r"\text{<img/src=x/onerror=window.hacked=2>} $x$ \frac{'"
def write(x, w):
    a = (x @ w).named(BAD)
    with fl.scope(f"scope {BAD}"):
        h = fl.tanh(a).named(TEX)
    return fl.sum(h * h)
t = fl.trace(write, x=np.ones((3, 2)), w=np.full((2, 2), 0.5))
t.axis_labels["sample"] = [BAD, TEX, '"quoted"']
t.title = BAD
t.backward()
labels = [BAD, TEX]
question = fl.Question(
    f"08/{BAD}", f"{BAD} and $\\text{{{BAD}}}$ and `{BAD}` and **{BAD}**?", answer=BAD,
    choices=labels, feedback={BAD: BAD, TEX: TEX}, reveal=BAD,
)
lab = fl.Lab(t)
"""


def test_names_are_text(lab: Lab) -> None:
    lab.run_cell(CELL + "lab")
    expect(lab.page.locator(".fluxlab canvas").first).to_be_visible()
    for name in ("BAD", "[n for n in t.matrices if 'frac' in n and 'dC_d' in n][0]", "'dC_dw'"):
        lab.run_cell(f"lab.session.select(t[{name}].name, (0, 0))")
        expect(lab.page.locator(".fluxlab-explain .fl-trail strong").first).to_be_visible()
        lab.still()
    lab.run_cell("question")
    asked = lab.page.locator(".fluxlab-question").last
    expect(asked).to_contain_text('<img/src=x/onerror="window.hacked=1">')
    for choice in range(2):
        asked.get_by_role("button").nth(choice).click()
        lab.still()
    lab.run_cell("fl.progress()")
    lab.run_cell("fl.NetworkPicture(fl.Network([fl.Dense(2)], np.ones((3, 2)), np.ones((3, 2))))")
    lab.run_cell("fl.Knobs(t, 'w')")
    lab.still()
    assert lab.page.evaluate("window.hacked ?? null") is None
    images = "[...document.querySelectorAll('.fluxlab img')].map(image => image.outerHTML)"
    assert lab.page.evaluate(images) == []
    lab.screenshot("names-of-markup", whole=True)
    assert lab.console_errors == []
