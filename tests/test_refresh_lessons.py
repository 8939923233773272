"""What `make lessons` leaves in a notebook, and what nbval then notices."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
LIVE = """
import base64, os, ipywidgets
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

class Board(ipywidgets.IntSlider):
    def __repr__(self):
        return f"a board at {self.value}"
    def _repr_mimebundle_(self, **options):
        return super()._repr_mimebundle_(**options) | {"image/png": base64.b64decode(PNG)}

board = Board(value=3)
board
"""
BUTTON = """
button = ipywidgets.Button(description="step")
button.on_click(lambda _: print("stepped to", 8 // 2))
button.click()
"""


def notebooks() -> Any:
    """nbformat takes a second to load; only tests that run need it."""
    import nbformat

    return nbformat


def tool() -> Any:
    import refresh_lessons

    return refresh_lessons


def write(path: Path, *sources: str) -> Path:
    cells = [notebooks().v4.new_code_cell(source.strip()) for source in sources]
    notebooks().write(notebooks().v4.new_notebook(cells=cells), path)
    return path


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny lesson, refreshed."""
    path = write(tmp_path_factory.mktemp("lessons") / "90_try_me.ipynb", LIVE, "6 * 7", BUTTON)
    assert tool().refresh(path) == []
    return path


def test_keeps_text_and_picture_and_nothing_of_the_run(lesson: Path) -> None:
    notebook = notebooks().read(lesson, 4)
    (board,), (number,), (stepped,) = (cell.outputs for cell in notebook.cells)
    assert set(board.data) == {"text/plain", "image/png"}
    assert board.data["text/plain"] == "a board at 3"
    assert number.data["text/plain"] == "42"
    assert stepped.text == "stepped to 4\n"
    assert all(cell.execution_count is None for cell in notebook.cells)
    assert notebook.metadata == tool().METADATA


def test_is_clean_and_stays_the_same_when_run_again(lesson: Path) -> None:
    before = lesson.read_bytes()
    assert tool().main(["--check", str(lesson)]) == 0
    assert tool().main([str(lesson)]) == 0
    assert lesson.read_bytes() == before


def test_never_sees_the_users_own_answers(tmp_path: Path) -> None:
    path = write(tmp_path / "90_look_home.ipynb", "import os; print(os.environ['FLUXLAB_HOME'])")
    assert tool().refresh(path) == []
    assert notebooks().read(path, 4).cells[0].outputs[0].text.strip() != os.environ["FLUXLAB_HOME"]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("1 / 0", "ZeroDivisionError"),
        (
            "import ipywidgets\nb = ipywidgets.Button()\nb.on_click(lambda _: 1 / 0)\nb.click()",
            "cell 0: ZeroDivisionError",
        ),
        ("object()", "another in every run"),
        ("from IPython.display import HTML\nHTML('x' * 400_000)", "400 KB"),
    ],
)
def test_refuses(tmp_path: Path, source: str, problem: str) -> None:
    path = write(tmp_path / "90_refuse_me.ipynb", source)
    before = path.read_bytes()
    assert re.search(problem, "\n".join(tool().refresh(path)))
    assert path.read_bytes() == before


def test_check_notices_what_jupyterlab_saves(
    lesson: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = notebooks().read(lesson, 4)
    notebook.cells[1].execution_count = 7
    notebook.metadata.widgets = {"state": {}}
    saved = tmp_path / "90_saved.ipynb"
    notebooks().write(notebook, saved)
    assert tool().main(["--check", str(saved)]) == 1
    assert "90_saved.ipynb: not clean. Run `make lessons`" in capsys.readouterr().err


def wrong_number(notebook: Any) -> None:
    notebook.cells[1].outputs[0].data["text/plain"] = "41"


def wrong_board(notebook: Any) -> None:
    notebook.cells[0].outputs[0].data["text/plain"] = "a board at 4"


def no_board(notebook: Any) -> None:
    notebook.cells[0].outputs = []


def something_new(notebook: Any) -> None:
    notebook.cells[2].outputs = []


def broken_button(notebook: Any) -> None:
    notebook.cells[2].source = BUTTON.replace("8 // 2", "8 // 0").strip()
    notebook.cells[2].outputs = []


def test_nbval_passes_the_lesson_and_fails_each_damaged_one(lesson: Path, tmp_path: Path) -> None:
    damages: list[Callable[[Any], None]]
    damages = [wrong_number, wrong_board, no_board, something_new, broken_button]
    shutil.copy(ROOT / "conftest.py", tmp_path)
    shutil.copy(lesson, tmp_path / "whole.ipynb")
    for damage in damages:
        notebook = notebooks().read(lesson, 4)
        damage(notebook)
        notebooks().write(notebook, tmp_path / f"{damage.__name__}.ipynb")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "--tb=no", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    failed = re.findall(r"FAILED (\w+)\.ipynb::Cell (\d)", run.stdout)
    assert sorted(failed) == [
        ("broken_button", "2"),
        ("no_board", "0"),
        ("something_new", "2"),
        ("wrong_board", "0"),
        ("wrong_number", "1"),
    ]
