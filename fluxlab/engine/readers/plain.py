"""A trace as plain data, and back: names of operations, parameters, numbers of the inputs.

What a step computes is not written down but computed again, with the same numbers. Functions are
not: a loaded trace can be asked everything, but not be recorded anew.
"""

from __future__ import annotations

from typing import Any

from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix, Step
from fluxlab.engine.core.numbers import Array, as_numbers
from fluxlab.engine.core.op import OPS
from fluxlab.engine.core.trace import Trace


def to_plain(trace: Trace) -> tuple[dict[str, Any], dict[str, Array]]:
    """The trace as data for JSON, and the numbers that no step computes, by their place."""
    with trace.lock:
        trace.name_by_formula()
        trace.name_axes()
        number = {m: i for i, m in enumerate(trace.names.all)}
        plain = {
            "title": trace.title,
            "matrices": [_matrix(m, number) for m in number],
            "steps": [
                {
                    "op": step.op.name,
                    "inputs": [number[m] for m in step.inputs],
                    "params": step.params,
                    "output": number[step.output],
                    "phase": step.phase,
                }
                for step in trace.steps
            ],
            "aliases": {name: number[m] for name, m in trace.aliases.items()},
            "called": [[scope, number[m], local] for scope, m, local in trace.names.elsewhere],
            "slopes": [[number[m], s.number, k] for m, (s, k) in trace.slopes.items()],
            "carry": [[number[old], number[new]] for old, new in trace.carry.items()],
            "result": None if trace.result is None else number[trace.result],
            "cost": number[trace.cost],
            "axis labels": trace.axis_labels,
            "position": trace.position,
        }
        return plain, {str(number[m]): m.buffer.copy() for m in trace.given}


def _matrix(m: Matrix, number: dict[Matrix, int]) -> dict[str, Any]:
    return {
        "local": m.local, "scope": m.scope, "kind": m.kind, "axes": m.axes,
        "temporary": m.temporary, "gradient": m.wants_gradient, "above": m.above,
        "of": None if m.of is None else number[m.of],
    }  # fmt: skip


def from_plain(made: Trace, plain: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Fill the empty trace `made` with what `to_plain` gave; raises BadInput if it does not fit."""
    names, steps = made.names, plain["steps"]
    made.title = str(plain["title"])
    makes = {step["output"]: step for step in steps}
    for i, row in enumerate(plain["matrices"]):
        if not all(isinstance(row[key], str) for key in ("local", "scope", "kind")):
            raise BadInput(f"load: matrix {i} has no name: {row['scope']!r}, {row['local']!r}.")
        # A step's output is bound below, when all that it reads is there.
        numbers = as_numbers("load", row["local"], [0.0] if i in makes else arrays[str(i)])
        matrix = made.matrix_kind(
            made, "", row["scope"], row["kind"], numbers, _axes=_tuples(row["axes"]),
            temporary=row["temporary"], wants_gradient=row["gradient"], above=row["above"],
        )  # fmt: skip
        names.add(matrix)
        names.give(matrix, row["local"])
        if matrix.local != row["local"]:
            raise BadInput(f"load: two matrices are called {row['local']!r}.")
    for matrix, row in zip(names.all, plain["matrices"], strict=True):
        matrix.of = None if row["of"] is None else names.all[row["of"]]
    for row in steps:
        _bind(made, row)
    for matrix in names.all:
        if len(matrix.axes) != len(matrix.shape):
            raise BadInput(f"load: {matrix.name} is {size(matrix.shape)}, its axes {matrix.axes}.")
    for name, i in plain["aliases"].items():
        names.aliases[name] = names.all[i]
    for scope, i, local in plain["called"]:
        names.call_elsewhere(scope, names.all[i], local)
    made.slopes.update({names.all[i]: (made.steps[s], k) for i, s, k in plain["slopes"]})
    made.carry.update({names.all[old]: names.all[new] for old, new in plain["carry"]})
    made.axis_labels.update(plain["axis labels"])
    made.conclude(
        None if plain["result"] is None else names.all[plain["result"]], names.all[plain["cost"]]
    )
    made.run(plain["position"])


def _bind(made: Trace, row: dict[str, Any]) -> None:
    if row["op"] not in OPS:
        raise BadInput(
            f"load: this FluxLab does not know the operation {row['op']!r}. Define or import it "
            "first; or the file comes from another version."
        )
    op, output = OPS[row["op"]], made.names.all[row["output"]]
    inputs = tuple(made.names.all[i] for i in row["inputs"])
    params = {name: _tuples(value) for name, value in row["params"].items()}
    arrays = [m.buffer for m in inputs]
    output.buffer = op.output(arrays, params)
    calls = op.bind(output.buffer, arrays, params)
    step = Step(len(made.steps), op, inputs, params, output, row["phase"], calls)
    output.step = step
    made.steps.append(step)
    for m in inputs:
        m.uses.append(step)


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples that they were."""
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
