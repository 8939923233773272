"""What a network is put together from, looked at before anything is recorded."""

from __future__ import annotations

import inspect
from typing import Any

from fluxlab.engine.building.optimizers import OPTIMIZERS
from fluxlab.engine.building.regularizers import L1, L2, ClipNorm, ClipValue
from fluxlab.engine.building.schedules import SCHEDULES
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.op import Op

OTHERS = (Op, *OPTIMIZERS.values())
# For each part: ours of that kind, what it is called with, and an example.
ROLES: dict[str, tuple[tuple[Any, ...], tuple[str, ...], str]] = {
    "layer": ((), ("x", "building"), "Dense(8, 'tanh')"),
    "schedule": (tuple(SCHEDULES.values()), ("rate", "iteration"), "CosineDecay(2000)"),
    "regularizer": ((L1, L2), ("w",), "L2(1e-4)"),
    "clip": ((ClipValue, ClipNorm), ("gradients",), "ClipNorm(1)"),
}


def _role_of(part: Any) -> str | None:
    """What a part of ours is made for; None for a student's own."""
    if type(part).__module__.startswith("fluxlab.engine.layers."):
        return "layer"
    found = [role for role, (kinds, _, _) in ROLES.items() if isinstance(part, kinds)]
    return found[0] if found else "other" if isinstance(part, OTHERS) else None


def check_part(function: str, role: str, part: Any) -> None:
    """Refuse what cannot be the layer, schedule, regularizer or clip of a network.

    A student's own may be any function that takes what ROLES says.
    """
    _, arguments, example = ROLES[role]
    if isinstance(part, type):
        name = part.__name__
        raise BadInput(
            f"{function}: {role} must be such as {example}, got the class {name} itself. Write "
            f"{name}(...) with its arguments."
        )
    fits = callable(part) and _role_of(part) in (role, None)
    if fits:
        try:
            inspect.signature(part).bind(*arguments)
        except TypeError:
            fits = False
    if not fits:
        raise BadInput(
            f"{function}: {role} must be such as {example}, or a function of "
            f"({', '.join(arguments)}); got {part!r}."
        )
