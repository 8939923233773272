"""The `fluxlab` command: copies the lessons to a folder of the student's and opens JupyterLab.

Imports: nothing of FluxLab.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

MANIFEST = ".fluxlab-lessons.json"  # lesson -> hash of the newest version that was handed out


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="fluxlab", description="See inside a neural network.")
    parser.add_argument("--version", action="version", version=f"fluxlab {version('fluxlab')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    lab = commands.add_parser(
        "lab",
        help="copy the lessons to a folder and open them in JupyterLab",
        description="Copy the lessons to FOLDER and open them in JupyterLab. "
        "A file that you have edited is never overwritten. "
        "Options after -- are JupyterLab's own, for example: fluxlab lab -- --port=9000",
    )
    lab.add_argument(
        "folder",
        nargs="?",
        default="fluxlab-lessons",
        metavar="FOLDER",
        help="where your lessons are, or shall be; fluxlab-lessons if not given",
    )
    lab.add_argument("--no-browser", action="store_true", help="only start the server")

    given = list(sys.argv[1:] if arguments is None else arguments)
    cut = given.index("--") if "--" in given else len(given)
    options, unknown = parser.parse_known_args(given[:cut])
    if unknown:
        lab.error(
            f"it does not know {' '.join(unknown)}. A folder with spaces needs quotes; "
            "JupyterLab's own options come after --, for example: fluxlab lab -- --port=9000"
        )
    folder = Path(options.folder).expanduser().absolute()
    try:
        said = copy_lessons(lessons_folder(), folder)
    except OSError as problem:
        print(f"fluxlab lab: {in_words(problem, folder)}", file=sys.stderr)
        return 1
    print("\n".join([*said, f"The lessons are in {folder}"]), flush=True)
    first = min(lesson.name for lesson in lessons_folder().glob("*.ipynb"))
    browser = ["--no-browser"] if options.no_browser else []
    return start_jupyterlab(folder, first, [*browser, *given[cut + 1 :]])


def lessons_folder() -> Path:
    """Where the lessons that came with this version of FluxLab are."""
    here = Path(__file__).resolve().parent
    for place in (here / "lessons", here.parent / "lessons"):  # installed; a clone of the project
        if any(place.glob("*.ipynb")):
            return place
    raise FileNotFoundError(
        "The lessons are missing from this installation of FluxLab. Install it again: "
        "pip install --force-reinstall fluxlab"
    )


def copy_lessons(source: Path, folder: Path) -> list[str]:
    """Copy what is new to the student's folder; returns what was done, in sentences.

    A file that differs from what was handed out is the student's and stays as it is; a newer
    lesson is then put beside it, once. A lesson that was deleted comes back.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handed_out = read_manifest(folder)
    said = []
    for lesson in sorted(source.rglob("*")):
        name = lesson.relative_to(source).as_posix()
        if not lesson.is_file() or any(part.startswith((".", "__")) for part in name.split("/")):
            continue
        content = without_answers(lesson.read_bytes())
        newest = digest(content)
        target = folder / name
        known, now = handed_out.get(name), digest(target.read_bytes()) if target.exists() else None
        if now is None:
            write(target, content)
            said.append(f"{name} was missing: it is back." if known else f"{name} copied.")
        elif now == newest:
            pass
        elif now == known:
            write(target, content)
            said.append(f"{name} updated (you had not changed it).")
        elif known != newest:
            beside = free_name(target, handed_out, folder)
            write(beside, content)
            beside_name = beside.relative_to(folder).as_posix()
            handed_out[beside_name] = newest
            said.append(f"{name} is yours and stays as it is; the newer one is {beside_name}.")
        handed_out[name] = newest
    if handed_out != read_manifest(folder):
        write(folder / MANIFEST, json.dumps(handed_out, indent=1).encode())
    return said


def without_answers(content: bytes) -> bytes:
    """A lesson without what its cells gave out behind its first question; others as they are."""
    try:
        notebook = json.loads(content)
        cells = notebook["cells"]
        asks = [any("fl.Question(" in line or "fl.FindTheBug(" in line for line in c["source"])
                for c in cells]  # fmt: skip
        first = asks.index(True)
    except (ValueError, KeyError, TypeError):  # no notebook, or one without a question
        return content
    for cell in cells[first:]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def hide_answers(folder: str) -> None:
    """Write the lessons in a folder anew, without answers, as Binder hands them out."""
    for lesson in sorted(Path(folder).glob("*.ipynb")):
        write(lesson, without_answers(lesson.read_bytes()))


def free_name(target: Path, handed_out: dict[str, str], folder: Path) -> Path:
    """A name beside `target` that nothing of the student's has: x.new.ipynb, x.new2.ipynb, ..."""
    number = 1
    while True:
        ending = f".new{number if number > 1 else ''}{target.suffix}"
        beside = target.with_name(target.stem + ending)
        known = handed_out.get(beside.relative_to(folder).as_posix())
        if not beside.exists() or digest(beside.read_bytes()) == known:
            return beside
        number += 1


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read_manifest(folder: Path) -> dict[str, str]:
    """What was handed out. Unreadable counts as nothing: then every file is the student's own."""
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def write(path: Path, content: bytes) -> None:
    """All or nothing: an interrupted copy would look like a student's edit for ever after."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".fluxlab-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def in_words(problem: OSError, folder: Path) -> str:
    """What went wrong, and what to do."""
    if problem.errno is None:  # our own, already in words
        return str(problem)
    if isinstance(problem, FileExistsError | NotADirectoryError):
        what = f"{problem.filename or folder} is a file, not a folder"
    else:
        what = f"cannot write the lessons to {folder}: {problem.strerror}"
    return f"{what}. Give another folder: fluxlab lab FOLDER"


def start_jupyterlab(folder: Path, first: str, options: Sequence[str]) -> int:
    """Run JupyterLab until it is stopped. Its token and other protection stay as Jupyter has them.

    Its address, in the browser and as it is printed, leads to the first lesson. It does not ask
    whether it may show news (fluxlab/settings).
    """
    from jupyterlab.labapp import LabApp

    known = os.environ.get("JUPYTER_CONFIG_PATH")
    own = str(Path(__file__).resolve().parent / "settings")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([own, *([known] if known else [])])
    address = f"--LabApp.default_url=/lab/tree/{quote(first)}"
    LabApp.launch_instance([f"--ServerApp.root_dir={folder}", address, *options])
    return 0


if __name__ == "__main__":
    sys.exit(main())
