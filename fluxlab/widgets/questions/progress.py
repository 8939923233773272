"""A student's answers, kept from day to day: one small file per lesson.

Only the page writes here (`Question` does, when a student answers on it); code never does.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from fluxlab.widgets.shared.base import Widget

Answers = dict[str, dict[str, Any]]

_one_at_a_time = threading.Lock()


class NotKept(OSError):
    """An answer could not be kept, or an older one could not be read; the message says why."""


def home() -> Path:
    """The folder of the student's answers: $FLUXLAB_HOME, or the platform's own place."""
    chosen = os.environ.get("FLUXLAB_HOME")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_data_path

    return user_data_path("fluxlab", appauthor=False)


def lesson_of(key: str) -> str:
    """ "08/first sign" belongs to lesson "08"."""
    return key.partition("/")[0]


def file_of(lesson: str) -> Path:
    """The file that keeps the answers of one lesson."""
    plain = unicodedata.normalize("NFC", lesson)
    name = re.sub(r"[^-.\w ]", lambda odd: quote(odd[0], safe=""), plain)
    if re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|\.*", name, re.IGNORECASE):
        name = f"{name}%"  # no name for a file everywhere
    return home() / "progress" / f"{name}.json"


def _old_file_of(lesson: str) -> Path:
    """Where answers were kept when a file's name had no letters but a to z."""
    return home() / "progress" / f"{re.sub(r'[^-.A-Za-z0-9 ]', '_', lesson)}.json"


def load(lesson: str) -> tuple[Answers, str]:
    """The answers of one lesson by question, and what to tell the student ("" if all is well).

    A damaged file is put aside, never deleted; a missing one is an empty one.
    """
    path = file_of(lesson)
    old = _old_file_of(lesson)
    if not path.exists() and old != path and old.exists():
        answers, message = _read(old)
        return {k: a for k, a in answers.items() if lesson_of(k) == lesson}, message
    return _read(path)


def _read(path: Path) -> tuple[Answers, str]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}, ""
    except UnicodeDecodeError:
        return {}, _put_aside(path)
    except OSError as problem:
        return {}, f"Your saved answers cannot be read ({problem.strerror}: {path})."
    try:
        answers = json.loads(text)["answers"]
        whole = all(isinstance(entry, dict) and "given" in entry for entry in answers.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    return (answers, "") if whole else ({}, _put_aside(path))


def save(key: str, entry: dict[str, Any]) -> str:
    """Keep one answer; returns what to tell the student ("" if it is kept)."""
    lesson = lesson_of(key)
    path = file_of(lesson)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.with_suffix(".lock")):
            answers, message = load(lesson)
            answers[key] = {**entry, "when": datetime.now(UTC).isoformat(timespec="seconds")}
            _write(path, {"lesson": lesson, "answers": answers})
    except OSError as problem:
        return (
            f"Your answer counts here, but it could not be kept for another day "
            f"({problem.strerror or problem}: {path.parent}). Set FLUXLAB_HOME to a folder "
            "that you may write to."
        )
    return message


def lessons() -> list[str]:
    """The lessons that have kept answers, in order."""
    found = set()
    for path in (home() / "progress").glob("*.json"):
        lesson = path.stem
        with suppress(OSError, ValueError, RecursionError):
            said = json.loads(path.read_text("utf-8"))
            keys = [*said["answers"]] if isinstance(said, dict) and "answers" in said else []
            found |= {lesson_of(key) for key in keys}
            lesson = said["lesson"] if isinstance(said, dict) and "lesson" in said else lesson
        found.add(str(lesson))
    return sorted(found)


def _write(path: Path, content: dict[str, Any]) -> None:
    """All or nothing: a reader sees the old file or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, ensure_ascii=False)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _put_aside(path: Path) -> str:
    number = 1
    while (aside := path.with_name(f"{path.stem} damaged {number}.txt")).exists():
        number += 1
    try:
        os.replace(path, aside)
    except OSError:
        return f"The file of your answers is damaged and cannot be moved: {path}"
    return (
        f"The file of your answers was damaged. It is kept as {aside.name} in {aside.parent}; "
        "new answers go into a new file."
    )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two kernels take turns, so that neither loses the other's answer."""
    with _one_at_a_time, path.open("a") as file:
        with suppress(OSError):  # some network folders cannot lock; an answer is worth more
            _lock(file)
        yield


def _lock(file: IO[str]) -> None:
    # Closing the file, or the end of its process, unlocks it.
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)


class Progress(Widget):
    """What you have answered so far, by lesson. Shown on the page only, never saved in it."""

    name = "question"

    def on_ready(self) -> None:
        self.shown = True
        rows, messages = [], []
        for lesson in lessons():
            answers, message = load(lesson)
            questions = [[key.partition("/")[2], _mark(entry)] for key, entry in answers.items()]
            rows.append([lesson, *counts(answers), questions])
            if message:
                messages.append(message)
        self.send({"type": "progress", "rows": rows, "message": "\n".join(messages)})

    def text(self) -> str:
        return "Your progress, lesson by lesson (on a live page)"


def counts(answers: Answers) -> tuple[int, int, int, int]:
    """How many questions were answered, right in the end, right at once, and first shown."""
    given = [entry for entry in answers.values() if entry["given"] is not None]
    return (
        len(given),
        sum(bool(entry.get("right")) for entry in given),
        sum(_at_once(entry) for entry in given),
        sum(bool(entry.get("shown")) for entry in answers.values()),
    )


def _at_once(entry: dict[str, Any]) -> bool:
    first = entry.get("first")  # entries of earlier versions have none
    return isinstance(first, dict) and bool(first.get("right"))


def _mark(entry: dict[str, Any]) -> str:
    if entry["given"] is None:
        return "shown" if entry.get("shown") else "not answered yet"
    right = "right at once" if _at_once(entry) else "right"
    return right if entry.get("right") else "not right yet"


def progress() -> Progress:
    """A table of what you have answered so far, lesson by lesson."""
    return Progress()
