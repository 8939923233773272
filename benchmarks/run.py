"""All benchmarks: prints the table and writes it to benchmarks/README.md.

python benchmarks/run.py [engine] [dense] ...: only these
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# One BLAS thread, for every peer: at these sizes two threads are slower. Set before NumPy loads.
for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = "1"

HERE = Path(__file__).parent
NAMES = ("engine", "dense", "conv", "recurrent", "attention", "record", "board")
HEAD = """# Measures

Written by `make bench`. Each figure stands beside its peers', which were measured in the same run:
absolute times are those of one machine, ratios hold better. PyTorch and ipympl are optional
(`pip install torch ipympl` into `.venv`); what is not installed is not compared.

"""


def machine() -> str:
    """The class of this machine, and the versions; no names or paths."""
    parts = [
        f"{os.cpu_count()} cores",
        platform.system(),
        platform.machine(),
        f"Python {platform.python_version()}",
    ]
    for package in ("numpy", "torch", "jupyterlab", "matplotlib", "ipympl", "anywidget"):
        try:
            parts.append(f"{package} {version(package).partition('+')[0]}")
        except PackageNotFoundError:
            continue
    text = ", ".join(parts)
    if not hasattr(os, "getloadavg"):
        return text
    load = os.getloadavg()[0]
    busy = "; other work filled the machine, so times in the browser are too long and ratios count"
    filled = load > (os.cpu_count() or 1)
    return f"{text}, load when it began {load:.1f}{busy if filled else ''}"


def main(chosen: list[str]) -> int:
    text = HEAD + f"{datetime.now(UTC):%Y-%m-%d}; {machine()}.\n\n"
    sections = []
    for name in NAMES:
        if not chosen or name in chosen:
            for section in importlib.import_module(f"bench_{name}").sections():
                print(section.markdown(), flush=True)
                sections.append(section)
    if not chosen:
        (HERE / "README.md").write_text(
            text + "\n".join(section.markdown() for section in sections), "utf-8"
        )
    missed = [row.what for section in sections for row in section.rows if row.met is False]
    for what in missed:
        print(f"missed: {what}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
