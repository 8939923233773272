"""Networks on disk: one .npz file of plain arrays and a JSON header; nothing in it is ever run."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine import layers
from fluxlab.engine.building.optimizers import OPTIMIZERS
from fluxlab.engine.building.regularizers import L1, L2, ClipNorm, ClipValue
from fluxlab.engine.building.schedules import SCHEDULES
from fluxlab.engine.core.errors import BadInput, unknown
from fluxlab.engine.core.numbers import as_numbers, whole
from fluxlab.engine.networks.design import Design

if TYPE_CHECKING:
    from fluxlab.engine.networks.network import Network

FORMAT = "fluxlab network 1"


PARTS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *layers.kinds(), L1, L2, ClipValue, ClipNorm, *OPTIMIZERS.values(), *SCHEDULES.values(),
    )
}  # fmt: skip


def save(network: Network, path: Path) -> None:
    """Write the network, its data and all it remembers. The file is whole or not there at all."""
    design = network.design
    header = {
        "format": FORMAT,
        "layers": _plain(design.layers),
        "cost": design.cost,
        "optimizer": _plain(design.optimizer),
        "schedule": _plain(design.schedule),
        "regularizers": _plain(design.regularizers),
        "clip": _plain(design.clip),
        "batch": design.batch,
        "shuffle": design.shuffle,
        "own_target": design.own_target,
        "seed": design.seed,
        "iteration": network.history.iteration,
        "names": network._names,
        "validation": network.validation,
    }
    x, target = network._data
    arrays: dict[str, Any] = {f"value {name}": a for name, a in network.values().items()}
    arrays |= {"header": json.dumps(header), "x": x, "target": target}
    write_whole(path, lambda file: np.savez(file, **arrays))


def write_whole(path: Path, write: Any) -> None:
    """Write to a file beside `path`, then put it in its place in one move."""
    folder = path.parent
    if not folder.is_dir():
        raise BadInput(f"save: there is no folder {str(folder)!r}; make it first.")
    # Not `tempfile`: its files can be read by nobody else, not even by the teacher.
    beside = folder / f".{path.name}.{secrets.token_hex(4)}.part"
    try:
        with beside.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except (OSError, ValueError) as problem:  # ValueError: a name that no system takes
        raise BadInput(
            f"save: {str(path)!r} cannot be written ({problem}). Nothing was changed. Choose "
            "another name or another folder."
        ) from None
    finally:
        with contextlib.suppress(OSError, ValueError):
            beside.unlink(missing_ok=True)


def path_of(function: str, path: Any) -> Path:
    """The path that a student gave; BadInput if it is none."""
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise BadInput(f'{function}: path must be a file name such as "net.npz", got {path!r}.')
    return Path(path)


def load(kind: type[Network], path: Path) -> Network:
    """Read what `save` wrote; BadInput if the file is missing, damaged or something else."""
    if not path.is_file():
        raise BadInput(f"load: there is no file {str(path)!r}; check the name and the folder.")
    arrays = _arrays(path)
    try:
        header = json.loads(str(arrays.pop("header")))
        written = str(header["format"])
    except (KeyError, TypeError, ValueError):
        raise BadInput(
            f"load: {path.name} is not a network that FluxLab has saved; it holds "
            f"{', '.join(sorted(arrays)[:5]) or 'nothing'}."
        ) from None
    if written != FORMAT:
        raise BadInput(
            f"load: {path.name} has the format {written!r}, and this FluxLab reads {FORMAT!r}. It "
            "was saved by another version; load it with that one."
        )
    try:
        return _made(kind, header, arrays)
    except Exception as problem:  # whatever a header that was written by something else leads to
        raise BadInput(
            f"load: {path.name} is not a network that this FluxLab can read ({problem}). It may "
            "come from another version, or be something else."
        ) from None


def _arrays(path: Path) -> dict[str, Any]:
    """Every array of the file; each is compared with its checksum."""
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it does not begin and end as saved files do")
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as problem:  # zipfile and NumPy raise many kinds on broken files
        raise BadInput(
            f"load: {path.name} is damaged or not a FluxLab file ({problem}). Save it again, or "
            "take a copy."
        ) from None


def _made(kind: type[Network], header: dict[str, Any], arrays: dict[str, Any]) -> Network:
    """The network of a header and its arrays, which must fit to each other."""
    for name in ("iteration", "seed"):
        whole("load", name, header[name], 0)
    if header["batch"] is not None:
        whole("load", "batch", header["batch"], 1)
    design = Design(
        _part(header["layers"]), header["cost"],
        _part(header["optimizer"]), _part(header["schedule"]),
        _part(header["regularizers"]), _part(header["clip"]),
        header["batch"], header["shuffle"], header["seed"], header.get("own_target", False),
    )  # fmt: skip
    numbers = {name: as_numbers("load", name, array) for name, array in arrays.items()}
    x, target = numbers.pop("x"), numbers.pop("target")
    if len(x) != len(target):
        raise BadInput(f"load: {len(x)} samples have {len(target)} targets.")
    values = {name.removeprefix("value "): array for name, array in numbers.items()}
    made = kind.__new__(kind)
    made.design = design
    made._start(x, target, header["names"], values, header["iteration"])
    made.validation = [(int(k), float(c)) for k, c in header["validation"]]
    needed = {name: array.shape for name, array in made.values().items()}
    found = {name: array.shape for name, array in values.items()}
    if needed != found:
        wrong = sorted(n for n in needed | found if needed.get(n) != found.get(n))
        raise BadInput(f"load: {', '.join(wrong)} is missing, unknown or of another shape.")
    return made


def _plain(part: Any) -> Any:
    """A part, and the parts inside it, as JSON has them."""
    if isinstance(part, list | tuple):
        return [_plain(inner) for inner in part]
    if isinstance(part, np.generic):  # a number that was computed by NumPy
        part = part.item()
    if part is None or isinstance(part, str | bool | int | float):
        return part
    if PARTS.get(type(part).__name__) is not type(part):
        raise BadInput(
            f"save: {part!r} is not one of FluxLab's own parts, so a file cannot name it. "
            f"Known: {', '.join(PARTS)}."
        )
    figures = {f.name: _plain(getattr(part, f.name)) for f in dataclasses.fields(part)}
    return {"kind": type(part).__name__, **figures}


def _part(plain: Any) -> Any:
    if isinstance(plain, list):
        return tuple(_part(inner) for inner in plain)
    if not isinstance(plain, dict):
        return plain
    figures = {name: _part(value) for name, value in plain.items()}
    kind = figures.pop("kind")
    if kind not in PARTS:
        raise unknown("part", kind, PARTS)
    return PARTS[kind](**figures)
