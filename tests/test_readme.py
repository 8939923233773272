"""The README's code runs, and what it points to exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fluxlab.engine.core.op import OPS

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text("utf-8")


def test_code_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # it writes a file
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    assert len(blocks) == 7
    names: dict[str, object] = {}
    try:
        for block in blocks:
            exec(block, names)
    finally:
        OPS.pop("cube", None)
    printed = capsys.readouterr().out
    assert "dC_dw[1, 0]" in printed
    assert "they agree" in printed
    assert "1 row with missing cells" in printed


def test_links_exist() -> None:
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", TEXT)
    assert len(targets) > 10
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_every_lesson_is_listed() -> None:
    lessons = sorted(path.name for path in (ROOT / "lessons").glob("*.ipynb"))
    assert lessons
    assert [name for name in lessons if f"lessons/{name}" not in TEXT] == []


def test_owner_and_repository_stand_in_one_place() -> None:
    assert len(re.findall(r"mybinder\.org/v2/gh/", TEXT)) == 1
