"""The samples of a network: inputs and targets as matrices that fit to each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fluxlab.engine.catalogue.losses import CLASS_COSTS, check_targets, class_rows
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.numbers import Array, Shape, as_numbers, is_whole
from fluxlab.engine.core.pairs import labels_of, turned
from fluxlab.engine.data.preprocessor import samples_of
from fluxlab.engine.networks.design import Design, predicting


def matrix_of(argument: str, data: Any, function: str = "Network") -> Array:
    """What was given as inputs or targets, as (samples, features) or an array of more axes."""
    try:
        axes = np.ndim(data)
    except (ValueError, TypeError):  # rows of unequal length or columns of several kinds: see below
        axes = 2
    if axes > 2:
        return as_numbers(function, argument, data)
    return samples_of(function, argument, data)


def are_rows(rows: object, count: int) -> bool:
    """Whether it is a list of row numbers below `count`."""
    if not isinstance(rows, Sequence | np.ndarray) or not len(rows):
        return False
    return all(is_whole(row) and 0 <= row < count for row in rows)


def targets_of(function: str, design: Design, x: Array, target: Array) -> Array:
    """Targets of the output's shape; class numbers become one-hot rows, -1 a row of zeros."""
    output = predicting(design, x[:1], {}, linked=False)["y"].shape[1:]
    if target.shape[1:] == output:
        check_targets(function, design.cost, target)
        return target
    if design.cost in CLASS_COSTS and target.shape[1:] in (output[:-1], (*output[:-1], 1)):
        blank = target.reshape(-1) == -1
        numbers = np.where(blank, 0, target.reshape(-1))
        made = class_rows(function, "targets", numbers, output[-1])
        made[blank] = 0
        return made.reshape(len(x), *output)
    raise BadInput(f"{function}: {_misfit(output, target.shape[1:])}")


def unequal(function: str, x: Array, target: Array) -> str:
    """Why inputs and targets of unequal length do not fit."""
    return (
        f"{function}: inputs has {len(x)} rows and targets has {len(target)}; each sample needs "
        f"one row in both.{turned('inputs', x, 'targets', target)}"
    )


def _misfit(output: Shape, target: Shape) -> str:
    """Why targets of one shape do not fit outputs of another."""
    if len(output) == len(target) == 1:
        hint = (
            f" For class numbers take a cost of {' or '.join(CLASS_COSTS)}, or give "
            f"fl.one_hot(targets, {output[0]})."
            if target == (1,)
            else ""
        )
        return (
            f"the last layer has {output[0]} neurons, but targets has {target[0]} columns; they "
            f"must be equal.{hint}"
        )
    of_steps = len(output) == 2 and target in ((output[1],), (1,), ())
    once = (
        " For one output for the whole sequence, not for each step, give the last recurrent layer "
        "sequence=False, as in fl.LSTM(8, sequence=False)."
        if of_steps
        else ""
    )
    return (
        f"the output of each sample is {size(output)}, but its target is {size(target)}; they must "
        f"have the same shape, or with a cost of {' or '.join(CLASS_COSTS)} the target may be "
        f"class numbers, without the output's last axis.{once}"
    )


def names_of(inputs: Any) -> dict[str, list[str]]:
    """Names for samples and features, where the data has them."""
    labels = labels_of(inputs)
    if labels:
        return {("sample", "feature")[axis]: [*map(str, own)] for axis, own in labels.items()}
    table = np.asarray(inputs) if not isinstance(inputs, str | Path) else np.zeros((0, 0))
    if table.dtype.kind in "fiub" and table.ndim == 2 and np.isin(table, (0, 1)).all():
        return {"sample": ["".join(str(int(bit)) for bit in row) for row in table]}
    return {}
