"""A student's answers outlive the kernel, and nothing that happens to their file is a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.widgets.questions import progress
from fluxlab.widgets.questions.question import Question

ENTRY = {"given": "zero", "right": False, "text": "Look again.", "shown": False}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLUXLAB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def page(question: Question, monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """What the question sends to its page."""
    sent: list[dict] = []
    monkeypatch.setattr(question, "send", lambda content, buffers=None: sent.append(content))
    return sent


def press(question: Question, **content: object) -> None:
    question._receive(question, content, [])


def test_an_answer_is_there_the_next_day(home: Path) -> None:
    assert progress.load("08") == ({}, "")
    assert progress.save("08/first sign", ENTRY) == ""
    assert progress.save("08/größe", {**ENTRY, "given": 0.1}) == ""
    assert progress.save("07/other", ENTRY) == ""
    answers, message = progress.load("08")
    assert message == ""
    assert list(answers) == ["08/first sign", "08/größe"]
    assert answers["08/größe"]["given"] == 0.1
    assert progress.lessons() == ["07", "08"]
    assert not list(home.rglob("*.part"))


def test_two_kernels_lose_no_answer(home: Path) -> None:
    script = (
        "import sys; from fluxlab.widgets.questions import progress\n"
        "for n in range(40): assert progress.save(f'08/{sys.argv[1]}{n}', {'given': n}) == ''"
    )
    kernels = [subprocess.Popen([sys.executable, "-c", script, name]) for name in "ab"]
    assert [kernel.wait() for kernel in kernels] == [0, 0]
    answers, _ = progress.load("08")
    assert len(answers) == 80


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"\xff\xfe\x00", b'{"answers": {"08/x": 3}}', b""]
)
def test_a_damaged_file_is_kept_and_said(home: Path, content: bytes) -> None:
    path = progress.file_of("08")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    answers, message = progress.load("08")
    assert answers == {}
    assert "damaged" in message
    assert (path.parent / "08 damaged 1.txt").read_bytes() == content
    path.write_bytes(content)
    assert "damaged" in progress.save("08/x", ENTRY)
    assert (path.parent / "08 damaged 2.txt").read_bytes() == content
    assert list(progress.load("08")[0]) == ["08/x"]


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FLUXLAB_HOME", str(tmp_path / "file"))
    assert "could not be kept" in progress.save("08/x", ENTRY)
    question = Question("08/x", "?", choices=["a", "b"], answer="a")
    sent = page(question, monkeypatch)
    press(question, type="ready")
    press(question, type="answer", given="a")
    assert sent[-1]["right"] is True
    assert "could not be kept" in question.error


def test_only_the_page_writes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    question = Question("08/x", "?", choices=["a", "b"], answer="a")
    for given in question.possible():
        question.answer(given)
    assert not home.exists()
    page(question, monkeypatch)
    press(question, type="ready")
    assert not home.exists()
    press(question, type="answer", given="b")
    assert json.loads(progress.file_of("08").read_text())["answers"]["08/x"]["given"] == "b"


def test_a_saved_answer_comes_back_with_its_feedback(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask() -> tuple[Question, list[dict]]:
        question = Question(
            "08/x", "?", answer=2.0, feedback={16: "Divide by 16."}, reveal="Two it is."
        )
        sent = page(question, monkeypatch)
        press(question, type="ready")
        return question, sent

    question, sent = ask()
    assert [message["type"] for message in sent] == ["question"]
    press(question, type="answer", given="32")
    text = repr(question)
    question, sent = ask()
    assert sent[-1] == {
        "type": "reply", "given": 32.0, "right": False, "text": "Divide by 16.",
        "shown": "", "reveal": "",
    }  # fmt: skip
    assert repr(question) == text
    press(question, type="show")
    _, sent = ask()
    assert sent[-1]["shown"] == "The answer: 2."
    assert sent[-1]["reveal"] == "Two it is."


def kept(key: str) -> dict[str, Any]:
    return progress.load(progress.lesson_of(key))[0][key]


def test_the_first_and_the_best_answer_are_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a right answer the feedback of another choice can be read without losing it."""
    question = Question("08/two", "Which?", choices=["a", "b"], answer="b")
    sent = page(question, monkeypatch)
    for given in ("a", "b", "a"):
        press(question, type="answer", given=given)
    assert [reply["right"] for reply in sent if reply["type"] == "reply"] == [False, True, False]
    entry = kept("08/two")
    assert (entry["given"], entry["right"]) == ("b", True)
    assert entry["first"] == {"given": "a", "right": False}
    assert progress.counts({"08/two": entry}) == (1, 1, 0, 0)
    at_once = Question("08/once", "Which?", choices=["a", "b"], answer="b")
    press(at_once, type="answer", given="b")
    assert progress.counts({"08/once": kept("08/once")}) == (1, 1, 1, 0)
    helped = Question("08/helped", "Which?", choices=["a", "b"], answer="b")
    press(helped, type="show")
    press(helped, type="answer", given="b")
    assert progress.counts({"08/helped": kept("08/helped")}) == (1, 1, 0, 1)


def test_heatmaps_come_after_the_answer_and_a_test_costs_the_first_mark(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = fl.trace(lambda x: fl.sum(x * x), x=np.array([[1.0, 2.0]]))
    t.backward()
    formulas = {"2x": lambda t: 2 * t["x"].value, "x": lambda t: t["x"].value}
    bug = fl.FindTheBug("08/maps", t, "dC_dx", formulas)
    sent = page(bug, monkeypatch)
    press(bug, type="ready")
    assert [message["type"] for message in sent] == ["question"]
    press(bug, type="answer", given="2x")
    assert [message["type"] for message in sent[1:]] == ["reply", "maps"]
    tested = fl.FindTheBug("08/tested", t, "dC_dx", formulas)
    sent = page(tested, monkeypatch)
    press(tested, type="test")
    assert sent[-1]["type"] == "maps"
    press(tested, type="answer", given="x")
    entry = kept("08/tested")
    assert entry["right"]
    assert not entry["first"]["right"]


def test_the_table(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress.save("08/x", {**ENTRY, "right": True})
    progress.save("08/y", {**ENTRY, "given": None, "shown": True})
    table = progress.progress()
    sent = page(table, monkeypatch)  # type: ignore[arg-type]
    press(table, type="ready")  # type: ignore[arg-type]
    row = ["08", 1, 1, 0, 1, [["x", "right"], ["y", "shown"]]]
    assert sent == [{"type": "progress", "rows": [row], "message": ""}]
    assert repr(table) == "Your progress, lesson by lesson (on a live page)"


def test_lessons_in_every_script_have_files_of_their_own(home: Path) -> None:
    keys = [
        "第一课/q", "第二课/q", "урок1/q", "лекц1/q", "8:a/q", "8?a/q", "con/q", "CON.x/q", "../q",
        "a b/q", "100%/q", "e\u0301t\u00e9/q",
    ]  # fmt: skip
    for key in keys:
        assert progress.save(key, ENTRY) == ""
    found = progress.lessons()
    assert found == sorted(progress.lesson_of(key) for key in keys)
    for key in keys:
        answers, message = progress.load(progress.lesson_of(key))
        assert [*answers] == [key]
        assert message == ""
    files = {path.stem for path in (home / "progress").glob("*.json")}
    assert len(files) == len(keys)
    assert progress.file_of("e\u0301") == progress.file_of("\u00e9")
    assert {"第一课", "урок1", "8%3Aa", "a b", "100%25"} <= files
    assert not {name.lower() for name in files} & {"con", "con.x", "..", "."}


def test_answers_under_an_older_name_of_the_file_are_found(home: Path) -> None:
    old = home / "progress" / "___.json"
    old.parent.mkdir(parents=True)
    answers = {"第一课/q": ENTRY, "第二课/q": ENTRY}
    old.write_text(json.dumps({"lesson": "第二课", "answers": answers}), "utf-8")
    assert progress.lessons() == ["第一课", "第二课"]
    assert [*progress.load("第一课")[0]] == ["第一课/q"]
    progress.save("第一课/r", ENTRY)
    assert [*progress.load("第一课")[0]] == ["第一课/q", "第一课/r"]
    assert [*progress.load("第二课")[0]] == ["第二课/q"]


@pytest.mark.skipif(os.name == "nt", reason="platformdirs chooses another place there")
def test_the_platforms_own_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLUXLAB_HOME")
    assert progress.home().name == "fluxlab"
