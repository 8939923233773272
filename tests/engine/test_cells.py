"""The promise: every cell of every matrix is what its explanation says it is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from traces import EXAMPLES, NAMES, cells_of, trace_of

from fluxlab.engine.core.op import OPS
from fluxlab.engine.readers.explain import recompute


def test_every_model_has_an_example() -> None:
    assert {"models.dense", "models.neuron"} <= set(EXAMPLES)


def test_the_zoo_covers_every_op_of_the_catalogue() -> None:
    seen = {step.op.name for name in NAMES for step in trace_of(name).steps}
    assert sorted(set(OPS) - seen) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_is_recomputed_from_its_explanation(name: str) -> None:
    for matrix in trace_of(name).matrices.values():
        if matrix.step is None:
            continue
        op, step = matrix.step.op, matrix.step
        for index in cells_of(matrix):
            found, value = recompute(matrix, index), float(matrix.buffer[index])
            # A sum that cancels is as exact as its largest term allows.
            terms = [
                m.buffer[tuple(w.T)] if m.shape else np.full(len(w), m.buffer)
                for m, w in ((step.inputs[k], w) for k, w in op.cells(index, step))
            ]
            largest = 0.0
            if op.joined(step) in ("sum", "mean") and terms and terms[0].size:
                largest = float(np.max(np.abs(np.prod(terms, axis=0))))
            room = 1e-12 * max(abs(value), largest)
            assert abs(found - value) <= room, f"{matrix.name}{index}: {value} but {found}"


@pytest.mark.parametrize("name", NAMES)
def test_uses_is_the_exact_inverse_of_cells(name: str) -> None:
    for step in trace_of(name).steps:
        made_of: set[tuple[Any, ...]] = set()
        for out in cells_of(step.output):
            for k, where in step.op.cells(out, step):
                pairs = [(k, tuple(map(int, place)), out) for place in where]
                assert len(set(pairs)) == len(pairs), f"{step}: a cell is listed twice"
                made_of |= set(pairs)
        used = {
            (k, cell, tuple(map(int, out)))
            for k, matrix in enumerate(step.inputs)
            for cell in cells_of(matrix)
            for out in step.op.uses(cell, k, step)
        }
        assert used == made_of, (
            f"{step}: only in uses {used - made_of}, not in uses {made_of - used}"
        )


@pytest.mark.parametrize("name", NAMES)
def test_no_other_cell_has_an_influence(name: str) -> None:
    """Nudge a cell; what changes lies among its uses (a sample of cells of each step)."""
    draw = np.random.default_rng(0)
    for step in trace_of(name).steps:
        # Whole numbers that choose rows, and keys of random draws, allow no small nudge.
        movable = [k for k in range(len(step.inputs)) if step.op.differentiable(k)]
        if step.op.name == "scatter":
            movable = [0]
        if step.op.kind == "selection" and step.op.name != "uniform":
            movable = list(range(len(step.inputs)))
        for k in movable:
            cells = list(cells_of(step.inputs[k]))
            for cell in [cells[i] for i in draw.permutation(len(cells))[:5]]:
                changed = changes(step, k, cell)
                uses = {tuple(map(int, out)) for out in step.op.uses(cell, k, step)}
                assert changed <= uses, f"{step}: input {k} cell {cell}"
                if step.op.kind == "gather":
                    assert changed == uses, f"{step}: input {k} cell {cell}"


def changes(step: Any, operand: int, cell: tuple[int, ...]) -> set[tuple[int, ...]]:
    """The output cells that differ after input `cell` of `operand` is nudged."""
    outs = []
    for nudge in (0.0, 0.37):
        arrays = [np.array(m.buffer) for m in step.inputs]
        arrays[operand][cell] += nudge
        out = step.op.output(arrays, step.params)
        with np.errstate(all="ignore"):  # a nudged random number may lie above 1
            for call in step.op.bind(out, arrays, step.params):
                call()
        outs.append(np.array(out))
    return {tuple(map(int, place)) for place in np.argwhere(outs[0] != outs[1])}


@pytest.mark.parametrize("name", NAMES)
def test_steps_only_read_what_is_made_before_them(name: str) -> None:
    trace = trace_of(name)
    phases = ["forward", "backward", "update"]
    order = [phases.index(step.phase) for step in trace.steps]
    assert order == sorted(order)
    for number, step in enumerate(trace.steps):
        assert step.number == number
        assert all(m.step is None or m.step.number < number for m in step.inputs)
        assert all(step in m.uses for m in step.inputs)
    assert trace.position == len(trace.steps)


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_has_the_shape_and_axes_of_its_matrix(name: str) -> None:
    for matrix in trace_of(name).matrices.values():
        if matrix.kind == "gradient":
            assert matrix.shape == matrix.of.shape
            assert matrix.axes == matrix.of.axes
            assert len(matrix.axes) == matrix.buffer.ndim
