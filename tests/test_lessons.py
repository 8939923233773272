"""Every lesson: its parts, its links, its size; every choice of every question pressed; and
every number in a sentence computed again (`lesson_claims`, `lesson_facts`).

The numbers that a lesson prints are compared by nbval (`make nbval`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from lesson_claims import CLAIMS, TOLD, agrees
from lesson_facts import FACTS

from fluxlab.widgets.questions import progress
from fluxlab.widgets.questions.question import Question, Reply

LESSONS = Path(__file__).parent.parent / "lessons"
FILES = sorted(LESSONS.glob("*.ipynb"))
LARGEST = 300_000  # bytes
LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)")
DECIMAL = re.compile(r"(?<![\w.])\d[\d,]*\.\d+")
# What a question says without feedback of its own.
UNSAID = ("Right.", "Not this one. Look again.")
BARE = ("Too large.", "Too small.", "Too far from 0.", "Too close to 0.", "The sign is wrong.")

every_lesson = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[str]:
    return ["".join(c["source"]) for c in cells_of(path) if c["cell_type"] == kind]


def cells_of(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cells"]
    return found


def outputs(path: Path) -> list[str]:
    """What the cells say, as nbval compares it."""
    said = [o for cell in cells_of(path) for o in cell.get("outputs", [])]
    return ["".join(o.get("text") or o.get("data", {}).get("text/plain", "")) for o in said]


@dataclass
class Run:
    """One lesson, run from its first cell to its last."""

    questions: list[Question]
    printed: list[tuple[str, str, str]]  # source, what it printed, and what when run once more
    names: dict[str, Any]  # as the cells left them


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def run(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Run]:
    """Every cell of a lesson, run twice in a row; its answers' folder is its own."""
    path: Path = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLUXLAB_HOME", str(tmp_path_factory.mktemp(path.stem)))
        patch.chdir(LESSONS)
        known = len(Question.all())
        names: dict[str, Any] = {"__name__": "__main__"}
        printed = []
        for number, source in enumerate(cells(path, "code")):
            code = compile(source, f"{path.name}, code cell {number}", "exec")
            said = []
            for _ in range(2):
                with redirect_stdout(StringIO()) as output:
                    exec(code, names)
                said.append(output.getvalue())
            printed.append((source, said[0], said[1]))
        yield Run(Question.all()[known:], printed, names)


@pytest.fixture
def stem(request: pytest.FixtureRequest) -> str:
    """Which lesson `run` is."""
    path: Path = request.node.callspec.params["run"]
    return path.stem


@pytest.fixture
def asked(run: Run) -> list[Question]:
    return run.questions


def test_there_are_lessons() -> None:
    assert FILES


# -- questions ------------------------------------------------------------------------------


def replies(question: Question) -> dict[Any, Reply]:
    return {given: question.answer(given) for given in question.possible()}


def test_a_question_has_one_right_answer(asked: list[Question]) -> None:
    for question in asked:
        right = [given for given, reply in replies(question).items() if reply.right]
        assert right == [question.right()], question.key


def test_every_answer_gets_words(asked: list[Question]) -> None:
    for question in asked:
        for given, reply in replies(question).items():
            assert reply.text.strip(), f"{question.key}: nothing is said to {given!r}"


def test_every_wrong_choice_gets_its_own_words(asked: list[Question]) -> None:
    for question in asked:
        if question.choices is not None:
            wrong = {g: r.text for g, r in replies(question).items() if not r.right}
            assert len(set(wrong.values())) == len(wrong), f"{question.key}: {wrong}"
            assert not set(wrong.values()) & set(UNSAID), f"{question.key}: {wrong}"


def test_a_number_that_is_nearly_right_gets_the_words_for_right(asked: list[Question]) -> None:
    for question in asked:
        if question.choices is None and question.cells is None:
            exact = question.answer(question.right())
            for factor in (0.9999, 1.0001):
                assert question.answer(question.right() * factor) == exact, question.key


def test_a_wrong_number_gets_words_of_the_lesson(asked: list[Question]) -> None:
    for question in asked:
        if question.choices is None and question.cells is None:
            right = question.right()
            for given in (right * 1.37, right * 0.63, -right * 0.63):
                assert question.answer(given).text not in BARE, f"{question.key}: {given}"


def test_what_is_revealed_can_be_shown(asked: list[Question]) -> None:
    for question in asked:
        assert question.show()
        assert isinstance(question.revealed(), str)


def test_a_question_belongs_to_its_lesson(asked: list[Question], stem: str) -> None:
    assert [q.key for q in asked if progress.lesson_of(q.key) != stem[:2]] == []
    assert len({q.key for q in asked}) == len(asked)


def test_a_run_writes_no_answers(asked: list[Question]) -> None:
    for question in asked:
        replies(question)
    assert not list(progress.home().rglob("*"))


def test_a_cell_may_run_twice(run: Run) -> None:
    for source, first, again in run.printed:
        assert again == first, source


# -- the numbers in the sentences -----------------------------------------------------------


def test_a_number_in_a_sentence_is_what_comes_out(run: Run, stem: str) -> None:
    text = "\n\n".join(cells(LESSONS / f"{stem}.ipynb", "markdown"))
    for claim in CLAIMS[stem[:2]]:
        found = claim.pattern().findall(text)
        assert len(found) == 1, f"found {len(found)} times: {claim.text}"
        typed = [found[0]] if isinstance(found[0], str) else list(found[0])
        values = [float(value) for value in claim.values(run.names)]
        assert len(typed) == len(values), claim.text
        wrong = [(t, v) for t, v in zip(typed, values, strict=True) if not agrees(t, v)]
        assert wrong == [], f"typed and computed differ in: {claim.text}"


def test_what_a_sentence_says_in_words_is_so(run: Run, stem: str) -> None:
    text = "\n\n".join(cells(LESSONS / f"{stem}.ipynb", "markdown"))
    for fact in FACTS[stem[:2]]:
        assert text.count(fact.text) == 1, f"found {text.count(fact.text)} times: {fact.text}"
        assert fact.holds(run.names), fact.text


@every_lesson
def test_a_number_in_a_sentence_comes_from_somewhere(path: Path) -> None:
    """Every number with a decimal point is printed by a cell, written in one, or claimed."""
    number = path.stem[:2]
    cells_say = "\n".join(outputs(path)) + "\n" + "\n".join(cells(path, "code"))
    known = [float(x) for x in re.findall(r"\d+\.?\d*(?:e[-+]?\d+)?", cells_say)]
    for source in cells(path, "markdown"):
        claimed = [m.span() for claim in CLAIMS[number] for m in claim.pattern().finditer(source)]
        for match in DECIMAL.finditer(source):
            inside = any(a <= match.start() and match.end() <= b for a, b in claimed)
            told = match.group() in TOLD.get(number, ())
            if not (inside or told):
                assert any(agrees(match.group(), value) for value in known), (
                    f"{match.group()} in: {source[max(0, match.start() - 60) : match.end() + 20]}"
                )


# -- the notebook ---------------------------------------------------------------------------


@every_lesson
def test_a_lesson_has_its_parts(path: Path) -> None:
    text, code = cells(path, "markdown"), "\n".join(cells(path, "code"))
    headings = [line for cell in text for line in cell.splitlines() if line.startswith("#")]
    assert text[0].startswith(f"# {path.stem[:2]} · ")
    assert "you can" in text[0], "what the student will be able to do"
    assert any("$" in cell for cell in text), "a derivation in formulas"
    assert 2 <= code.count("fl.Question(") <= 7, "predict before reveal"
    assert re.search(r"fl\.(Lab|Board)\(", code), "a live board"
    assert "fl.FindTheBug(" in code, "break it"
    assert any("take away" in heading for heading in headings), "what to take away"
    assert any("<details>" in cell for cell in text), "your turn, with a hidden answer"


@every_lesson
def test_a_lesson_is_small(path: Path) -> None:
    assert path.stat().st_size < LARGEST


@every_lesson
def test_links_to_files_lead_somewhere(path: Path) -> None:
    links = {link for cell in cells(path, "markdown") for link in LINK.findall(cell)}
    files = {link for link in links if not re.match(r"\w+:", link)}
    assert [link for link in sorted(files) if not (path.parent / link).exists()] == []


@every_lesson
def test_code_cells_are_short(path: Path) -> None:
    """A question with its feedback is text; other code is there to be read in one glance."""
    asks = re.compile(r"^fl\.(Question|FindTheBug)\(", re.MULTILINE)
    long = [c for c in cells(path, "code") if c.count("\n") > 20 and not asks.search(c)]
    assert long == []


@every_lesson
def test_a_question_does_not_show_its_answers(path: Path) -> None:
    """The source of a question, with the feedback to each answer, is folded away."""
    for cell in cells_of(path):
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and re.search(r"fl\.(Question|FindTheBug)\(", source):
            assert cell["metadata"].get("jupyter", {}).get("source_hidden"), source
