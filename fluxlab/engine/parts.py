"""What a network is put together from, looked at before anything is recorded."""

from __future__ import annotations

import inspect
from typing import Any

from fluxlab.engine.errors import BadInput
from fluxlab.engine.op import Op
from fluxlab.engine.optimizers import OPTIMIZERS
from fluxlab.engine.regularizers import L1, L2, ClipNorm, ClipValue
from fluxlab.engine.schedules import SCHEDULES

# For each part: ours of that kind, what it is called with, and an example.
ROLES: dict[str, tuple[tuple[Any, ...], tuple[str, ...], str]] = {
    "layer": ((), ("x", "building"), "Dense(8, 'tanh')"),
    "schedule": (tuple(SCHEDULES.values()), ("rate", "iteration"), "CosineDecay(2000)"),
    "regularizer": ((L1, L2), ("w",), "L2(1e-4)"),
    "clip": ((ClipValue, ClipNorm), ("gradients",), "ClipNorm(1)"),
}
OURS = (Op, *OPTIMIZERS.values(), *(kind for kinds, _, _ in ROLES.values() for kind in kinds))


def check_part(function: str, role: str, part: Any) -> None:
    """Refuse what cannot be the layer, schedule, regularizer or clip of a network.

    A student's own may be any function that takes what ROLES says.
    """
    kinds, arguments, example = ROLES[role]
    if isinstance(part, type):
        name = part.__name__
        raise BadInput(
            f"{function}: {role} must be such as {example}, got the class {name} itself. Write "
            f"{name}(...) with its arguments."
        )
    fits = callable(part) and (isinstance(part, kinds) or not isinstance(part, OURS))
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
