"""Networks on disk: one .npz file of plain arrays and a JSON header; nothing in it is ever run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine import layers
from fluxlab.engine.building.optimizers import OPTIMIZERS
from fluxlab.engine.building.regularizers import L1, L2, ClipNorm, ClipValue
from fluxlab.engine.building.schedules import SCHEDULES
from fluxlab.engine.catalogue.losses import CLASS_COSTS
from fluxlab.engine.core.disk import check_sums, read, write
from fluxlab.engine.core.errors import BadInput, unknown
from fluxlab.engine.core.numbers import Array, as_numbers, whole
from fluxlab.engine.networks.design import Design
from fluxlab.engine.text.tokenizer import tokenizer_of

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
        "layers": _plain(design.layers),
        "cost": design.cost,
        "optimizer": _plain(design.optimizer),
        "schedule": _plain(design.schedule),
        "regularizers": _plain(design.regularizers),
        "clip": _plain(design.clip),
        "batch": design.batch,
        "shuffle": design.shuffle,
        "own_target": design.own_target,
        "frozen": list(design.frozen),
        "seed": design.seed,
        "iteration": network.history.iteration,
        "names": network._names,
        "validation": network.validation,
        "tokenizer": None if network.tokenizer is None else network.tokenizer.plain(),
    }
    x, target = network._data
    classes = _classes_of(target) if design.cost in CLASS_COSTS else None
    header["classes"] = None if classes is None else target.shape[-1]
    target = target if classes is None else classes
    arrays: dict[str, Any] = {f"value {name}": a for name, a in network.values().items()}
    write(path, FORMAT, header, arrays | {"x": x, "target": target})


def _classes_of(target: Array) -> Array | None:
    """One-hot rows as class numbers, -1 for a row of zeros; None if they are something else."""
    if target.ndim < 2 or target.shape[-1] < 2:
        return None
    ones = target == 1
    if not ((target == 0) | ones).all() or (ones.sum(axis=-1) > 1).any():
        return None
    return np.where(ones.any(axis=-1), ones.argmax(axis=-1), -1.0)


def _one_hot(classes: Array, count: int) -> Array:
    whole("load", "classes", count, 2)
    numbers = classes.astype(np.intp)
    if (numbers != classes).any() or (numbers < -1).any() or (numbers >= count).any():
        raise BadInput(f"load: target must be class numbers below {count}.")
    found: Array = np.eye(count + 1)[numbers][..., :count]  # -1 is the last row, without its 1
    return found


def load(kind: type[Network], path: Path) -> Network:
    """Read what `save` wrote; BadInput if the file is missing, damaged or something else."""
    header, arrays = read(path, FORMAT, "a network")
    try:
        made = _made(kind, header, arrays)
    except Exception as problem:  # whatever a header that was written by something else leads to
        raise BadInput(
            f"load: {path.name} is not a network that this FluxLab can read ({problem}). It may "
            "come from another version, or be something else."
        ) from None
    check_sums(path, header, arrays)
    return made


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
        tuple(header.get("frozen", ())),
    )  # fmt: skip
    numbers = {name: as_numbers("load", name, array) for name, array in arrays.items()}
    x, target = numbers.pop("x"), numbers.pop("target")
    if header.get("classes") is not None:
        target = _one_hot(target, header["classes"])
    if len(x) != len(target):
        raise BadInput(f"load: {len(x)} samples have {len(target)} targets.")
    values = {name.removeprefix("value "): array for name, array in numbers.items()}
    made = kind.__new__(kind)
    made.design = design
    made._start(x, target, header["names"], values, header["iteration"])
    made.tokenizer = tokenizer_of(header.get("tokenizer"))
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
