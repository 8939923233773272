"""The `fluxlab` command: a student's files are safe, and JupyterLab really starts."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

import pytest

from fluxlab import cli


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The lessons of some version of FluxLab."""
    folder = tmp_path / "source"
    (folder / "pictures").mkdir(parents=True)
    (folder / "00_start.ipynb").write_text("start, version 1")
    (folder / "04_next.ipynb").write_text("next, version 1")
    (folder / "pictures" / "net.png").write_bytes(b"\x89PNG")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "00_start.ipynb").write_text("not for students")
    return folder


def files(folder: Path) -> dict[str, str]:
    """Every file that a student sees, with its content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode("latin-1")
        for path in folder.rglob("*")
        if path.is_file() and path.name != cli.MANIFEST
    }


def test_copies_the_lessons_and_nothing_else(source: Path, tmp_path: Path) -> None:
    student = tmp_path / "a new" / "földer"
    said = cli.copy_lessons(source, student)
    assert set(files(student)) == {"00_start.ipynb", "04_next.ipynb", "pictures/net.png"}
    assert said[0] == "00_start.ipynb copied."


def test_a_second_run_changes_nothing_and_says_nothing(source: Path, tmp_path: Path) -> None:
    student = tmp_path / "student"
    cli.copy_lessons(source, student)
    before = {path: path.stat().st_mtime_ns for path in student.rglob("*")}
    assert cli.copy_lessons(source, student) == []
    assert {path: path.stat().st_mtime_ns for path in student.rglob("*")} == before


def test_an_unchanged_copy_is_updated(source: Path, tmp_path: Path) -> None:
    student = tmp_path / "student"
    cli.copy_lessons(source, student)
    (source / "00_start.ipynb").write_text("start, version 2")
    said = cli.copy_lessons(source, student)
    assert said == ["00_start.ipynb updated (you had not changed it)."]
    assert files(student)["00_start.ipynb"] == "start, version 2"
    assert set(files(student)) == {"00_start.ipynb", "04_next.ipynb", "pictures/net.png"}


def test_an_edited_lesson_is_kept_and_the_newer_put_beside_it_once(
    source: Path, tmp_path: Path
) -> None:
    student = tmp_path / "student"
    cli.copy_lessons(source, student)
    (student / "00_start.ipynb").write_text("my work")
    assert cli.copy_lessons(source, student) == []  # nothing newer: nothing to say

    (source / "00_start.ipynb").write_text("start, version 2")
    said = cli.copy_lessons(source, student)
    assert said == [
        "00_start.ipynb is yours and stays as it is; the newer one is 00_start.new.ipynb."
    ]
    assert files(student)["00_start.ipynb"] == "my work"
    assert files(student)["00_start.new.ipynb"] == "start, version 2"
    assert cli.copy_lessons(source, student) == []

    # Work in the newer one is safe too.
    (student / "00_start.new.ipynb").write_text("my newer work")
    (source / "00_start.ipynb").write_text("start, version 3")
    cli.copy_lessons(source, student)
    found = files(student)
    assert found["00_start.ipynb"] == "my work"
    assert found["00_start.new.ipynb"] == "my newer work"
    assert found["00_start.new2.ipynb"] == "start, version 3"

    # An unread newer one makes place for one newer still, and thrown away it stays away.
    (source / "00_start.ipynb").write_text("start, version 4")
    cli.copy_lessons(source, student)
    assert files(student)["00_start.new2.ipynb"] == "start, version 4"
    (student / "00_start.new2.ipynb").unlink()
    assert cli.copy_lessons(source, student) == []


def test_a_file_of_the_same_name_that_we_never_wrote_is_kept(source: Path, tmp_path: Path) -> None:
    student = tmp_path / "student"
    student.mkdir()
    (student / "00_start.ipynb").write_text("somebody's own")
    (student / "00_start.new.ipynb").write_text("this too")
    cli.copy_lessons(source, student)
    found = files(student)
    assert found["00_start.ipynb"] == "somebody's own"
    assert found["00_start.new.ipynb"] == "this too"
    assert found["00_start.new2.ipynb"] == "start, version 1"


@pytest.mark.parametrize("damage", ["", "{", "[1]", "\udcff"])
def test_a_damaged_list_of_hashes_costs_no_work(source: Path, tmp_path: Path, damage: str) -> None:
    student = tmp_path / "student"
    cli.copy_lessons(source, student)
    (student / "00_start.ipynb").write_text("my work")
    (student / cli.MANIFEST).write_bytes(damage.encode("utf-8", "surrogateescape"))
    (source / "00_start.ipynb").write_text("start, version 2")
    cli.copy_lessons(source, student)
    assert files(student)["00_start.ipynb"] == "my work"
    assert cli.copy_lessons(source, student) == []


def test_a_deleted_lesson_comes_back(source: Path, tmp_path: Path) -> None:
    student = tmp_path / "student"
    cli.copy_lessons(source, student)
    (student / "04_next.ipynb").unlink()
    assert cli.copy_lessons(source, student) == ["04_next.ipynb was missing: it is back."]
    assert files(student)["04_next.ipynb"] == "next, version 1"


def test_an_interrupted_copy_leaves_the_old_file_whole(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = tmp_path / "student"
    cli.copy_lessons(source, student)
    before = files(student)
    (source / "00_start.ipynb").write_text("start, version 2")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        cli.copy_lessons(source, student)
    assert files(student) == before
    monkeypatch.undo()
    assert cli.copy_lessons(source, student) == ["00_start.ipynb updated (you had not changed it)."]


@pytest.mark.parametrize("below", ["", "/lessons"])
def test_a_folder_that_is_a_file_is_said(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    below: str,
) -> None:
    monkeypatch.setattr(cli, "lessons_folder", lambda: source)
    taken = tmp_path / "notes.txt"
    taken.write_text("mine")
    assert cli.main(["lab", f"{taken}{below}"]) == 1
    error = capsys.readouterr().err
    assert f"{taken}{below} is a file, not a folder. Give another folder" in error
    assert taken.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_said(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "lessons_folder", lambda: source)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(cli.tempfile, "mkstemp", refused)
    assert cli.main(["lab", str(tmp_path / "student")]) == 1
    assert "student: Permission denied. Give another folder" in capsys.readouterr().err


def test_lessons_that_are_missing_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "fluxlab" / "cli.py"))
    assert cli.main(["lab", str(tmp_path / "student")]) == 1
    assert "lessons are missing from this installation" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--port=9000"], ["my", "lessons"]])
def test_what_it_does_not_know_is_said(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["lab", *arguments])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert f"it does not know {arguments[-1]}. A folder with spaces needs quotes" in error
    assert "come after --" in error


@pytest.mark.parametrize("folder", ["my lessons", "Übungen (neu) & mehr"])
def test_make_lab_takes_any_folder(folder: str) -> None:
    shown = subprocess.run(
        ["make", "--dry-run", "lab", f"FOLDER={folder}", "LAB_ARGS=--no-browser"],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    command = next(line for line in shown if "fluxlab lab" in line)
    assert shlex.split(command)[1:] == ["lab", folder, "--no-browser"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--version"])
    assert stopped.value.code == 0
    assert re.fullmatch(r"fluxlab \d+\.\d+\.\d+\n", capsys.readouterr().out)


def address(output: IO[str]) -> str:
    """The first line of the server's log that says where it answers."""
    return next(line.split()[-1] for line in output if "http://127.0.0.1:" in line)


def status(url: str) -> int:
    """What the server answers; it says where it is a moment before it listens there."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            return refusal.code
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_jupyterlab_starts_on_the_first_lesson_and_wants_its_token(tmp_path: Path) -> None:
    student = tmp_path / "student"
    options = ["--ServerApp.port=0"]
    if getattr(os, "geteuid", lambda: 1)() == 0:
        options.append("--allow-root")
    server = subprocess.Popen(
        [sys.executable, "-m", "fluxlab.cli", "lab", student, "--no-browser", "--", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path / "config")},
    )
    assert server.stdout is not None
    try:
        killer = threading.Timer(60, server.kill)
        killer.start()
        url = address(server.stdout)
        killer.cancel()
        threading.Thread(target=server.stdout.read, daemon=True).start()
        first = sorted(path.name for path in student.glob("*.ipynb"))[0]
        page, token = url.split("?token=")
        assert first.startswith("00_")
        assert page.endswith(f"/lab/tree/{first}")
        assert len(token) >= 32
        content = page.replace("/lab/tree/", "/api/contents/")
        assert status(f"{content}?token={token}") == 200
        assert status(content) == 403
        assert status(f"{content}?token=wrong") == 403
        with urllib.request.urlopen(url) as answer:  # nobody is asked about news
            off = re.search(r'"disabledExtensions": (\[[^\]]*\])', answer.read().decode())
        assert off is not None
        assert "@jupyterlab/apputils-extension:announcements" in json.loads(off[1])
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) is not None


def test_copies_show_no_answers(tmp_path: Path) -> None:
    """Nothing behind the first question has an output; the text and what comes before stay."""
    cli.copy_lessons(cli.lessons_folder(), tmp_path)
    copies = sorted(tmp_path.glob("*.ipynb"))
    assert len(copies) >= 6
    for copy in copies:
        mine = json.loads(copy.read_text("utf-8"))["cells"]
        theirs = json.loads((cli.lessons_folder() / copy.name).read_text("utf-8"))["cells"]
        assert [cell["source"] for cell in mine] == [cell["source"] for cell in theirs]
        asks = [bool(re.search(r"fl\.(Question|FindTheBug)\(", "".join(c["source"]))) for c in mine]
        first = asks.index(True)
        assert not any(cell.get("outputs") for cell in mine[first:])
        assert mine[:first] == theirs[:first]
        assert any(cell.get("outputs") for cell in theirs[first:])
