"""One look: pages, pictures and plots take colours, distances and number formats from one place."""

from __future__ import annotations

import json
import math
import random
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fluxlab
from fluxlab.widgets.board.board import Board
from fluxlab.widgets.board.picture import coloured, is_dark
from fluxlab.widgets.shared import look
from fluxlab.widgets.shared.base import script
from fluxlab.widgets.shared.numbers import cell_text, number

ROOT = Path(fluxlab.__file__).parent
WIDGETS = ROOT / "widgets"
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def in_node(expression: str, values: list[float]) -> Any:
    """What the board's own scripts answer, where `values` are the numbers."""
    asked = json.dumps([repr(value).replace("inf", "Infinity") for value in values])
    code = script(WIDGETS / "board", "geometry") + (
        f"\nconst values = {asked}.map(Number);\n"
        f"process.stdout.write(JSON.stringify({expression}));\n"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-"],
        input=code, capture_output=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def numbers() -> list[float]:
    """Edges, ties, powers and what is just beside them, and any floats at all."""
    draw = random.Random(4)
    found = [0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 2.2250738585072014e-308, 1.8e308 / 2]
    found += [
        1.7976931348623157e308,
        0.1,
        1 / 3,
        2 / 3,
        123456.789,
        1e21,
        1e20,
        0.30000000000000004,
    ]
    for power in range(-8, 9):
        for mantissa in (1, 1.5, 2.5, 9.5, 9.95, 9.995, 9.9949, 9.9999, 9.99999, 9.9999999):
            edge = mantissa * 10.0**power
            found += [edge, math.nextafter(edge, 0), math.nextafter(edge, math.inf), -edge]
    found += [n / 2**k for n in range(-40, 40) for k in (1, 3, 5, 8)]  # ties, exactly
    found += [draw.uniform(-1, 1) * 10 ** draw.uniform(-12, 12) for _ in range(500)]
    found += [struct.unpack("d", draw.randbytes(8))[0] for _ in range(500)]
    return found


@needs_node
@pytest.mark.parametrize("digits", [1, 2, 3, 4, 5, 6, 9])
def test_a_number_is_written_as_the_page_writes_it(digits: int) -> None:
    values = numbers()
    on_page = in_node(f"values.map((value) => number(value, {digits}))", values)
    assert [number(value, digits) for value in values] == on_page


@needs_node
@pytest.mark.parametrize("room", [0, 3, 4, 5, 6, 30])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e9, math.inf])
def test_a_cell_is_written_as_the_page_writes_it(room: int, scale: float) -> None:
    values = numbers()
    told = "Infinity" if scale == math.inf else scale
    fits = f"(text) => text.length <= {room}"
    on_page = in_node(f"values.map((value) => cellText(value, {told}, {fits}))", values)
    assert [cell_text(v, scale, lambda t: len(t) <= room) for v in values] == on_page


def test_numbers_by_hand() -> None:
    texts = {
        0.00009999: "9.999e−5", 0.0000999999: "1e−4", 0.0001: "0.0001", 999999.9: "1000000",
        1e6: "1e6", -1234567.0: "−1.235e6", 0.43941234: "0.4394", 2.0: "2", -0.0: "0",
        math.nan: "not a number", math.inf: "infinity", -math.inf: "−infinity", 1e-5: "1e−5",
    }  # fmt: skip
    assert {value: number(value) for value in texts} == texts
    assert number(2.5, 1) == "3"  # a tie: Python's own format says 2
    texts = {
        0.1251: ".125", -0.0763: "−.0763", 7.0: "7", -1.4151: "−1.42", 326.4: "326", 0.0: "0",
        4e-6: "4e−6", -8.1e-85: "≈0", 12345.6: "12346", 1.0: "1", 0.9999: "1", 2.776e-17: "≈0",
    }  # fmt: skip
    assert {v: cell_text(v, 1.0, lambda t: len(t) <= 6) for v in texts} == texts
    assert cell_text(8.14e-85, 1e-84, lambda t: len(t) <= 6) == "8e−85"  # all are so small


# -- colours --------------------------------------------------------------------------------


@needs_node
@pytest.mark.parametrize("unit", [False, True])
def test_a_cell_has_the_colour_that_it_has_on_the_page(unit: bool) -> None:
    # A half is rounded up by JavaScript, to even by NumPy: no shade half way between two, and of
    # a colour at most 1 of 255.
    values = [v for v in numbers() if math.isfinite(v) and (128 * abs(v)) % 1 != 0.5]
    values += np.linspace(-1.2, 1.2, 96).tolist()
    ramps = "".join(
        f"{name}: ramp(LOOK.light['{start}'], LOOK.light['{end}']), "
        for name, start, end in (
            ("low", "zero", "low"), ("high", "zero", "high"), ("unit", "unit-0", "unit-1"),
        )
    )  # fmt: skip
    shade = f"shade({{ {ramps} }}, {str(unit).lower()}, value, 1)"
    on_page = in_node(
        f"values.map((value) => {{ const [own, n] = {shade};"
        " return [...own.rgb[n], Number(own.dark[n])]; })",
        values,
    )
    here = coloured(values, 1.0, unit, shades=129).astype(int)
    assert np.abs(here - np.array(on_page)[:, :3]).max() <= 1
    dark = [is_dark(colour[:3]) for colour in np.array(on_page)]
    assert dark == [bool(colour[3]) for colour in on_page]


def test_every_colour_stands_in_one_file() -> None:
    files = [*WIDGETS.rglob("*.py"), *WIDGETS.rglob("*.js"), *WIDGETS.rglob("*.css")]
    assert len(files) > 40
    colour = re.compile(r"#[0-9a-fA-F]{3,8}\b|[\"'](?:black|white|gr[ae]y)[\"']")
    found = {
        f"{file.relative_to(ROOT)}: {text}"
        for file in [*files, ROOT / "plots.py"]
        for text in colour.findall(file.read_text("utf-8"))
    }
    assert found == set()


def test_light_and_dark_have_the_same_colours_and_the_page_gets_them() -> None:
    assert look.LOOK["light"].keys() == look.LOOK["dark"].keys()
    css = Board._css
    for name in look.LIGHT:
        values = re.findall(rf"--fl-{name}: (#\w+);", css)
        light, dark = look.LOOK["light"][name], look.LOOK["dark"][name]
        assert values == [light, dark, dark], name  # by its theme, or as the system asks
    assert Board._esm.count("const LOOK = {") == 1


def test_every_colour_that_is_used_is_there() -> None:
    sources = [f.read_text("utf-8") for f in WIDGETS.rglob("*") if f.suffix in (".js", ".css")]
    text = "\n".join([look.style(), *sources])
    used = set(re.findall(r"var\(--fl-([\w-]+)", text))
    made = set(re.findall(r"--fl-([\w-]+)[\"']?[:,]", text))
    assert len(used) > 15
    assert used <= made


def test_page_and_picture_measure_with_the_same_distances() -> None:
    def text(kind: str) -> str:
        return "".join(f.read_text("utf-8") for f in WIDGETS.rglob(f"*.{kind}"))

    scripts, python = text("js"), text("py")
    for name in look.BOARD:
        assert f'"{name}"' in python, name
        assert f"LOOK.board.{name}" in scripts or name == "picture_grid", name


def test_no_style_sheet_cuts_words() -> None:
    """Words are cut by `fitted` alone; whoever calls it keeps the whole for pointer and reader."""
    for file in [*WIDGETS.rglob("*.css"), *WIDGETS.rglob("*.js")]:
        assert not re.search(r"text-?overflow|line-?clamp", file.read_text("utf-8"), re.I), file
