"""A band of the board: what stands together, and what its header says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

LANES = ("values", "gradients", "updates")
SHOWN_NAMES = {"relu": "ReLU", "elu": "ELU", "gelu": "GELU"}


@dataclass
class Slot:
    """One matrix on the board, under the name that it has there (`x` for the `h` above)."""

    matrix: Any
    local: str
    goal: Any = None  # the gradient, slope or update that it helps to compute
    fold: str = ""  # what it stands for: a folded scope, or a gradient's folded shares
    words: str = ""  # on the button that opens it


@dataclass
class Column:
    """What stands above one another: a value, its gradients, its update."""

    key: str
    lanes: dict[str, list[Slot]] = field(default_factory=lambda: {lane: [] for lane in LANES})

    def slots(self) -> Iterator[Slot]:
        for lane in LANES:
            yield from self.lanes[lane]


@dataclass
class Band:
    """Matrices of one scope, or the shares of one gradient."""

    scope: str
    title: str = ""
    detail: str = ""
    columns: list[Column] = field(default_factory=list)
    depth: int = 0
    headed: bool = True  # what follows an inner scope goes on without a header
    foldable: bool = False
    folded: bool = False


def describe(band: Band, trace: Any, alone: bool) -> None:
    """Write the band's header, as far as its steps tell: `4 → 8 · leaky ReLU`."""
    title = band.scope.rpartition("/")[2] or (trace.title if alone else "Cost")
    band.title = title if band.depth else title[:1].upper() + title[1:]
    steps = [
        s for s in trace.steps
        if s.phase == "forward" and (f"{s.scope}/".startswith(f"{band.scope}/"))
    ]  # fmt: skip
    products = [
        step.inputs[1].shape
        for step in steps
        if step.op.kind == "contraction" and step.inputs[1].step is None
    ]
    parts = []
    if band.scope in trace.layer_of:
        parts += _layer_words(*trace.layer_of[band.scope])
    elif len(products) == 1 and len(products[0]) == 2:
        parts.append("{} → {}".format(*products[0]))
        parts += [shown_name(s.op.name) for s in steps if getattr(s.op, "activation", False)]
    for column in () if band.folded else band.columns:
        for slot in column.lanes["values"]:
            if slot.matrix.scope and slot.matrix.scope != band.scope and not slot.fold:
                parts.append(f"{slot.local} is {slot.matrix.local} of {slot.matrix.scope}")
    band.detail = " · ".join(parts)


def _layer_words(layer: Any, x: Any, h: Any) -> list[str]:
    """`4 → 3`, the layer's name in code (only Dense goes without saying), its activation."""
    kind = getattr(layer, "__name__", type(layer).__name__)
    sizes = f"{_size_of_one(x)} → {_size_of_one(h)}"
    activation = getattr(layer, "activation", "")
    return [
        sizes,
        *([kind] if kind != "Dense" else []),
        *([shown_name(activation)] if activation else []),
    ]


def _size_of_one(matrix: Any) -> str:
    """The size of one sample, or of one step of a sequence; a step of token numbers is a token."""
    sides = [
        str(n) for n, axis in zip(matrix.shape[1:], matrix.axes[1:], strict=True) if axis != "step"
    ]
    return "×".join(sides) or "token"


def shown_name(name: str) -> str:
    """`leaky_relu` -> `leaky ReLU`."""
    return " ".join(SHOWN_NAMES.get(word, word) for word in name.split("_"))
