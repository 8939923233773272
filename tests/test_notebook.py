"""What a notebook shows: the student's own lines of an error, and the board of a bare trace."""

from __future__ import annotations

import os
import re
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

CELLS = [
    "import numpy as np\nimport fluxlab as fl\nt = fl.trace(lambda x: fl.tanh(x), x=[1.0])\nt",
    "def f(x, w):\n    a = x @ w\n    return fl.mse(a, np.ones(3))\n\nx = np.ones((2, 3))",
    "fl.trace(\n    f, x=x, w=np.ones((3, 2))\n)",
    "t['nothing']",
    "fl.Dense('many')",
    "fl.nn",
    "%xmode Verbose",
    "fl.Dense('many')",
]


@pytest.fixture(scope="module")
def outputs() -> list[Any]:
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    here = {"metadata": {"path": os.fspath(os.curdir)}}
    NotebookClient(notebook, allow_errors=True, kernel_name="python3", resources=here).execute()
    return [cell.outputs[-1] if cell.outputs else None for cell in notebook.cells]


def told(output: Any) -> str:
    assert output.output_type == "error"
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output.traceback))


def test_a_bare_trace_is_its_board_and_its_steps(outputs: list[Any]) -> None:
    data = outputs[0]["data"]
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == "trace of your function: 1 step, of x 1\n  1. C = np.tanh(x)"


def test_an_error_shows_the_students_lines_and_the_sentence(outputs: list[Any]) -> None:
    text = told(outputs[2])
    assert re.match(r"Cell In\[3\], line 1\n    fl\.trace\(\nCell In\[2\], line 3, in f\n", text)
    assert text.endswith("A list becomes a column by np.reshape(list, (-1, 1)).")
    assert "BadInput: mse: y is 2×2 and target a list of 3" in text
    assert "fluxlab" not in text
    assert told(outputs[3]).startswith("Cell In[4], line 1\n    t['nothing']\n\nUnknownName:")
    assert told(outputs[4]).startswith("Cell In[5], line 1\n    fl.Dense('many')\n\nBadInput:")
    text = told(outputs[5])
    assert (
        text
        == "Cell In[6], line 1\n    fl.nn\n\nUnknownAttribute: fl has no 'nn'. Write fl.layers."
    )


def test_the_rest_is_shown_on_request(outputs: list[Any]) -> None:
    text = told(outputs[7])
    assert "Traceback (most recent call last)" in text
    assert "fluxlab" in text
