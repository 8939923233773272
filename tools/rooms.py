"""The rooms of the source: which imports which, read from the imports themselves.

python tools/rooms.py           draws docs/rooms.svg, the picture in the README
python tools/rooms.py --check   says whether the picture is today's

A room is a folder in fluxlab/engine or fluxlab/widgets, or a file beside them. The docstring of
each says in a line `Imports: core, catalogue.` what it may import; a test holds it to that.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from html import escape
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "rooms.svg"
HOUSES = ("engine", "widgets")


class Import(NamedTuple):
    """One import of a file: `of` in `by`; for typing alone, or not."""

    by: str
    of: str
    typing: bool


def modules(package: Path) -> dict[str, Path]:
    """Every module of a package by its dotted name."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(package: Path) -> list[Import]:
    """Every import of a module of the package by another, wherever in the file it stands."""
    known = modules(package)
    found = set()
    for name, path in known.items():
        tree = ast.parse(path.read_text("utf-8"))
        typing = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            for inner in ast.walk(node)
        }
        home = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(tree):
            for target in _targets(node, home):
                parts = target.split(".")
                while parts and ".".join(parts) not in known:
                    parts.pop()
                if parts and ".".join(parts) != name:
                    found.add(Import(name, ".".join(parts), id(node) in typing))
    return sorted(found)


def _targets(node: ast.AST, home: str) -> list[str]:
    """What an import statement asks for, as dotted names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        above = home.split(".")[: len(home.split(".")) - node.level + 1] if node.level else []
        start = ".".join([*above, *([node.module] if node.module else [])])
        return [f"{start}.{alias.name}" for alias in node.names]
    return []


def room_of(module: str) -> str:
    """`engine.core` for `fluxlab.engine.core.op`; `plots` for `fluxlab.plots`."""
    parts = module.split(".")[1:]
    if not parts:
        return "fluxlab"
    return ".".join(parts[:2]) if parts[0] in HOUSES else parts[0]


def between(package: Path) -> dict[str, set[str]]:
    """Which rooms each room imports."""
    found: dict[str, set[str]] = {room_of(name): set() for name in modules(package)}
    for link in imports(package):
        if room_of(link.by) != room_of(link.of):
            found[room_of(link.by)].add(room_of(link.of))
    return found


def said(package: Path) -> dict[str, tuple[str, set[str] | None]]:
    """What each room says of itself: what is in it, and what it imports (None: nothing said)."""
    found = {}
    for name, path in modules(package).items():
        if room_of(name) != name.partition(".")[2] or room_of(name) in ("fluxlab", *HOUSES):
            continue
        text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        line = next((li for li in text.splitlines() if li.startswith("Imports: ")), None)
        named = None
        if line is not None:
            listed = line.removeprefix("Imports: ").rstrip(".")
            house = room_of(name).partition(".")[0]
            named = {
                n if "." in n or house not in HOUSES else f"{house}.{n}"
                for n in listed.split(", ")
                if listed != "nothing of FluxLab"
            }
        found[room_of(name)] = text.splitlines()[0] if text else "", named
    return found


def circles(links: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The circles in who imports whom: names that reach each other (Tarjan, 1972)."""
    after: dict[str, list[str]] = {}
    for by, of in links:
        after.setdefault(by, []).append(of)
        after.setdefault(of, [])
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    waiting: list[str] = []
    found = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        waiting.append(name)
        for other in after[name]:
            if other not in number:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in waiting:
                lowest[name] = min(lowest[name], number[other])
        if lowest[name] == number[name]:
            start = waiting.index(name)
            if len(waiting) - start > 1:
                found.append(sorted(waiting[start:]))
            del waiting[start:]

    for name in after:
        if name not in number:
            visit(name)
    return found


def arrows_up(package: Path) -> list[tuple[str, str]]:
    """Imports between rooms that do not point down: into another house above, or in a circle."""
    links = [(by, of) for by, below in between(package).items() for of in below]
    rings = circles(links)

    def house(room: str) -> int:
        first = room.partition(".")[0]
        return HOUSES.index(first) if first in HOUSES else len(HOUSES)

    return sorted(
        (by, of)
        for by, of in links
        if house(by) < house(of) or any(by in ring and of in ring for ring in rings)
    )


def circles_of_files(package: Path) -> list[list[str]]:
    """Files of one room that import each other, be it in a function; typing may be mutual."""
    return circles(
        (link.by, link.of)
        for link in imports(package)
        if not link.typing and room_of(link.by) == room_of(link.of) and not _face(package, link)
    )


def _face(package: Path, link: Import) -> bool:
    """Whether a folder's `__init__` gathers what its own files hold."""
    return link.of.startswith(f"{link.by}.")


def floors(rooms: dict[str, set[str]]) -> list[list[str]]:
    """The rooms from the ground up: each stands above all that it imports."""
    height: dict[str, int] = {}

    def of(room: str) -> int:
        if room not in height:
            height[room] = max((of(below) + 1 for below in rooms[room]), default=0)
        return height[room]

    for room in rooms:
        of(room)
    top = max(height.values())
    used = set().union(*rooms.values())
    for room in rooms:
        if not rooms[room] and room not in used:
            height[room] = top  # nothing stands on it: the roof, not the ground
    return [sorted(r for r in rooms if height[r] == h) for h in range(top + 1)]


# -- the picture ----------------------------------------------------------------------------

WIDE, HIGH, GAP, AISLE = 196, 74, 16, 34


def picture(package: Path) -> str:
    """The rooms as an SVG drawing, ground floor at the bottom."""
    words = said(package)
    links = between(package)
    rooms = {name: links[name] & words.keys() for name in words}
    levels = floors(rooms)
    width = max(map(len, levels)) * (WIDE + GAP) + GAP
    height = len(levels) * (HIGH + AISLE) + GAP
    place = {}
    for level, names in enumerate(levels):
        left = (width - len(names) * (WIDE + GAP) + GAP) / 2
        top = height - (level + 1) * (HIGH + AISLE) + AISLE - GAP
        for i, name in enumerate(names):
            place[name] = left + i * (WIDE + GAP), top
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" role="img" font-family="system-ui, sans-serif">',
        "<title>The rooms of FluxLab; each stands on those that it imports</title>",
        '<rect width="100%" height="100%" fill="#fbfaf7"/>',
    ]
    for name, below in rooms.items():
        x, y = place[name]
        for other in sorted(_direct(rooms, name, below)):
            u, v = place[other]
            lines.append(
                f'<path d="M{x + WIDE / 2:g} {y + HIGH:g}C{x + WIDE / 2:g} {y + HIGH + AISLE:g} '
                f'{u + WIDE / 2:g} {v - AISLE:g} {u + WIDE / 2:g} {v:g}" fill="none" '
                'stroke="#b9b3a6" stroke-width="1.3"/>'
            )
    for name, (x, y) in place.items():
        fill = "#fff" if name.startswith("engine.") else "#eaf1f6"
        lines += [
            f'<rect x="{x:g}" y="{y:g}" width="{WIDE}" height="{HIGH}" rx="6" fill="{fill}" '
            'stroke="#55514a"/>',
            f'<text x="{x + 9:g}" y="{y + 18:g}" font-size="13" font-weight="600" fill="#1d1b18">'
            f"{escape(name.replace('.', '/'))}</text>",
        ]
        for i, line in enumerate(wrap(words[name][0].replace("`", ""), 33)[:3]):
            lines.append(
                f'<text x="{x + 9:g}" y="{y + 34 + 13 * i:g}" font-size="10.5" fill="#55514a">'
                f"{escape(line)}</text>"
            )
    return "\n".join([*lines, "</svg>", ""])


def _direct(rooms: dict[str, set[str]], name: str, below: set[str]) -> set[str]:
    """What a room imports, without what the others that it imports stand on anyway."""

    def under(room: str) -> set[str]:
        return rooms[room] | {deep for r in rooms[room] for deep in under(r)}

    return {r for r in below if not any(r in under(other) for other in below - {r})}


def main(arguments: list[str]) -> int:
    made = picture(ROOT / "fluxlab")
    if "--check" in arguments:
        if PICTURE.exists() and PICTURE.read_text("utf-8") == made:
            return 0
        print("docs/rooms.svg is not today's; run python tools/rooms.py", file=sys.stderr)
        return 1
    PICTURE.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
