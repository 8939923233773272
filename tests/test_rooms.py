"""Every import points down: between rooms always, within a room never in a circle."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import rooms

import fluxlab

PACKAGE = Path(fluxlab.__file__).parent


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources, to break."""
    ignore = shutil.ignore_patterns("__pycache__", "*.js", "*.css")
    return Path(shutil.copytree(PACKAGE, tmp_path / "fluxlab", ignore=ignore))


def test_between_rooms_every_import_points_down() -> None:
    assert len(rooms.imports(PACKAGE)) > 300
    assert rooms.arrows_up(PACKAGE) == []


def test_within_a_room_no_circle_of_files() -> None:
    assert rooms.circles_of_files(PACKAGE) == []


def test_each_room_says_in_three_lines_what_it_holds_and_imports() -> None:
    links = rooms.between(PACKAGE)
    said = rooms.said(PACKAGE)
    assert {"engine.core", "engine.tracing", "widgets.lab", "plots"} <= said.keys()
    for room, (words, named) in said.items():
        assert words.endswith("."), room
        assert named == links[room], f"{room}: its docstring says {named}; it imports {links[room]}"


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("engine/core/errors.py", "from fluxlab.engine.readers.explain import explain"),
        ("engine/core/errors.py", "def f():\n    from fluxlab.engine.catalogue import ops"),
        ("engine/core/errors.py", "if TYPE_CHECKING:\n    import fluxlab.engine.tracing"),
        ("engine/core/errors.py", "from ..models import dense"),
        ("engine/layers/dense.py", "import fluxlab"),
        ("engine/data/bits.py", "from fluxlab import plots"),
        ("engine/building/fields.py", "from fluxlab.widgets.shared import maths"),
    ],
)
def test_an_arrow_up_is_found(copy: Path, file: str, line: str) -> None:
    with (copy / file).open("a") as end:
        end.write(f"\n\n{line}\n")
    assert rooms.arrows_up(copy) != []


@pytest.mark.parametrize(
    "line",
    [
        "from fluxlab.engine.core import trace",
        "def f():\n    from fluxlab.engine.core.matrix import Matrix",
        "from .op import OPS",
    ],
)
def test_a_circle_within_a_room_is_found(copy: Path, line: str) -> None:
    with (copy / "engine/core/numbers.py").open("a") as end:
        end.write(f"\n\n{line}\n")
    assert any("fluxlab.engine.core.numbers" in found for found in rooms.circles_of_files(copy))


def test_typing_may_be_mutual_within_a_room(copy: Path) -> None:
    with (copy / "engine/core/numbers.py").open("a") as end:
        end.write("\n\nif TYPE_CHECKING:\n    from fluxlab.engine.core.op import Op\n")
    assert rooms.circles_of_files(copy) == []


@pytest.mark.parametrize("house", rooms.HOUSES)
def test_few_files_lie_loose(house: str) -> None:
    assert len([*(PACKAGE / house).glob("*.*")]) <= 8


def test_the_picture_in_the_readme_is_todays() -> None:
    assert "docs/rooms.svg" in (rooms.ROOT / "README.md").read_text("utf-8")
    assert rooms.PICTURE.read_text("utf-8") == rooms.picture(PACKAGE), "python tools/rooms.py"
