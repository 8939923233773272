"""Run every lesson from its first cell to its last, and keep what a reader needs of it.

    python tools/refresh_lessons.py            run all lessons and rewrite them
    python tools/refresh_lessons.py FILE...    only these
    python tools/refresh_lessons.py --check    run nothing: are the lessons in git clean?

What stays: sources, text outputs (nbval compares them), pictures. What goes: execution counts,
widget state, the live-widget output beside its picture and text (its id is new in every run,
and nbval does not compare it), and what says something about the machine.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

LESSONS = Path(__file__).resolve().parent.parent / "lessons"
LARGEST = 300_000  # bytes
NAME = re.compile(r"\d\d_[a-z0-9_]+\.ipynb")
WIDGET = "application/vnd.jupyter.widget-view+json"
ADDRESS = re.compile(r"<[^<>\n]* at 0x[0-9a-f]{6,}[^<>\n]*>")
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
KEPT = ("tags", "jupyter")  # of a cell's metadata; "jupyter" folds a cell


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", type=Path, help="default: every lesson")
    parser.add_argument("--check", action="store_true", help="run nothing, change nothing")
    options = parser.parse_args(arguments)
    problems = []
    for path in options.lessons or sorted(LESSONS.glob("*.ipynb")):
        found = check(path) if options.check else refresh(path)
        problems += [f"{path.name}: {problem}" for problem in found]
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


def refresh(path: Path) -> list[str]:
    """Run a lesson, clean it, and rewrite it if it changed and has no problem."""
    before = path.read_text("utf-8")
    notebook = nbformat.reads(before, 4)
    try:
        run(notebook, path.parent)
    except CellExecutionError as error:
        return [str(error)]
    clean(notebook)
    after = text(notebook)
    if found := problems_of(path.name, notebook, after):
        return found
    if after != before:
        path.write_text(after, "utf-8")
        print(f"{path.name}: rewritten, {len(after) // 1000} KB")
    return []


def run(notebook: NotebookNode, folder: Path) -> None:
    """Every cell in a fresh kernel that cannot see the user's own answers."""
    with tempfile.TemporaryDirectory() as home:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=300,
            coalesce_streams=True,
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute(env=os.environ | {"FLUXLAB_HOME": home})


def check(path: Path) -> list[str]:
    """What is wrong with a lesson as it is; [] if nothing is."""
    now = path.read_text("utf-8")
    notebook = nbformat.reads(now, 4)
    clean(notebook)
    found = problems_of(path.name, notebook, now)
    if text(notebook) != now:
        found.append("not clean. Run `make lessons`, and commit what it wrote.")
    return found


def clean(notebook: NotebookNode) -> None:
    """Keep what is the same on every machine and in every run."""
    notebook.metadata = NotebookNode(METADATA)
    notebook.nbformat_minor = 5
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        cell.id = identity(cell, seen)
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k in KEPT})
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = None
            if "text/plain" in output.get("data", {}):
                output.data.pop(WIDGET, None)
                output.metadata.pop(WIDGET, None)


def identity(cell: NotebookNode, seen: dict[str, int]) -> str:
    """A cell's id follows from its source, so that running a lesson again changes no id."""
    name = hashlib.sha256(f"{cell.cell_type}:{cell.source}".encode()).hexdigest()[:8]
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}-{seen[name]}"


def text(notebook: NotebookNode) -> str:
    return str(nbformat.writes(notebook)) + "\n"


def problems_of(name: str, notebook: NotebookNode, content: str) -> list[str]:
    found = []
    if not NAME.fullmatch(name):
        found.append("the name should be NN_verb_topic.ipynb")
    if (size := len(content.encode())) > LARGEST:
        found.append(f"{size // 1000} KB; a lesson may have {LARGEST // 1000} KB: smaller pictures")
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            shown = output.get("text") or output.get("data", {}).get("text/plain", "")
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get(
                "tags", []
            ):
                found.append(f"cell {number}: {output.ename}: {output.evalue}")
            if address := ADDRESS.search(shown):
                found.append(
                    f"cell {number} shows {address[0]}, which is another in every run: "
                    "end the cell with something that has a text of its own, or with ;"
                )
    return found


if __name__ == "__main__":
    sys.exit(main())
