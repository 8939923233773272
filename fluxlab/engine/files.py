"""Networks on disk: one .npz file of plain arrays and a JSON header; nothing in it is ever run."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import pkgutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import fluxlab.engine.layers
from fluxlab.engine.design import Design
from fluxlab.engine.errors import BadInput
from fluxlab.engine.op import Array
from fluxlab.engine.optimizers import OPTIMIZERS
from fluxlab.engine.regularizers import L1, L2, ClipNorm, ClipValue
from fluxlab.engine.schedules import SCHEDULES

if TYPE_CHECKING:
    from fluxlab.engine.network import Network

FORMAT = "fluxlab network 1"


def _layer_kinds() -> list[Any]:
    """The layers of every file in layers/."""
    home = fluxlab.engine.layers
    names = [f"{home.__name__}.{found.name}" for found in pkgutil.iter_modules(home.__path__)]
    return [
        kind
        for module in map(importlib.import_module, names)
        for kind in vars(module).values()
        if dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
    ]


PARTS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *_layer_kinds(), L1, L2, ClipValue, ClipNorm, *OPTIMIZERS.values(), *SCHEDULES.values(),
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
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load(kind: type[Network], path: Path) -> Network:
    """Read what `save` wrote; BadInput if the file is missing, damaged or something else."""
    if not path.is_file():
        raise BadInput(f"load: there is no file {str(path)!r}; check the name and the folder.")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile, KeyError, EOFError) as problem:
        raise BadInput(
            f"load: {path.name} is damaged or not a FluxLab file ({problem}). Save it again, or "
            "take a copy."
        ) from None
    try:
        header = json.loads(str(arrays.pop("header")))
        if header["format"] != FORMAT:
            raise KeyError("format")
        design = Design(
            _part(header["layers"]), header["cost"],
            _part(header["optimizer"]), _part(header["schedule"]),
            _part(header["regularizers"]), _part(header["clip"]),
            header["batch"], header["shuffle"], header["seed"], header.get("own_target", False),
        )  # fmt: skip
        x, target = arrays.pop("x"), arrays.pop("target")
        values: dict[str, Array] = {name.removeprefix("value "): a for name, a in arrays.items()}
        made = kind.__new__(kind)
        made.design = design
        made._start(x, target, header["names"], values, header["iteration"])
        made.validation = [(int(k), float(c)) for k, c in header["validation"]]
    except (KeyError, TypeError, ValueError, LookupError, AttributeError) as problem:
        raise BadInput(
            f"load: {path.name} is not a network that this FluxLab can read ({problem!r}). It may "
            "come from another version, or be something else."
        ) from None
    return made


def _plain(part: Any) -> Any:
    """A part, and the parts inside it, as JSON has them."""
    if isinstance(part, list | tuple):
        return [_plain(inner) for inner in part]
    if isinstance(part, np.generic):
        part = part.item()
    if part is None or isinstance(part, str | bool | int | float):
        return part
    if type(part).__name__ not in PARTS:
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
    return PARTS[figures.pop("kind")](**figures)
