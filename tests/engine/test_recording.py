"""What recording and explaining may cost: counted, not timed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from traces import NAMES, trace_of

import fluxlab as fl
from fluxlab.engine.core.kinds.strides import View
from fluxlab.engine.core.op import OPS
from fluxlab.engine.readers.explain import recompute

ENGINE = str(Path(fl.__file__).parent / "engine")


def lines(work: Callable[[], object]) -> int:
    """How many lines of the engine run while `work` does; each turn of a loop counts."""
    count = 0

    def watch(frame: Any, event: str, argument: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(ENGINE):
            return None
        count += event == "line"
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def loop(turns: int) -> fl.Trace:
    """A student's loop: one name for all turns, shared weights, slices, unnamed results."""

    def run(x: Any, w: Any) -> Any:
        h = x[0]
        for t in range(turns):
            h = fl.tanh(h @ w + x[t] * 0.5)
            h = h / (h * h + 2)
        return h

    trace = fl.trace(run, x=np.ones((turns, 3)), w=np.ones((3, 3)))
    trace.descend("w")
    assert len({m.name for m in trace.matrices.values()}) > 10 * turns
    return trace


def test_recording_twice_as_many_steps_takes_twice_the_work() -> None:
    short, middle, long = (lines(lambda n=n: loop(n)) for n in (20, 40, 80))  # type: ignore[misc]
    assert long - middle < 2.15 * (middle - short)


@pytest.mark.parametrize("name", NAMES)
def test_binding_reads_no_numbers(name: str) -> None:
    """Calls are bound while numbers are still missing: a backward pass is computed in the end."""
    for step in trace_of(name).steps:
        arrays = [np.full_like(m.buffer, np.nan) for m in step.inputs]
        out = step.op.output(arrays, step.params)
        calls = step.op.bind(out, arrays, step.params)
        for array, matrix in zip(arrays, step.inputs, strict=True):
            array[...] = matrix.buffer
        with np.errstate(all="ignore"):
            for call in calls:
                call()
        np.testing.assert_allclose(
            out, step.output.buffer, rtol=1e-12, atol=1e-12, err_msg=str(step)
        )


def test_where_cells_come_from_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forwards and backwards: explaining every cell moves the cell numbers once for each step."""
    trace = fl.trace(
        lambda table: fl.rows(table, [[2.0, 0.0, 2.0], [1.0, 0.0, 3.0]]) ** 2, table=np.ones((4, 3))
    )
    trace.backward()
    rows = OPS["rows"]
    take, calls = rows.take, []  # type: ignore[attr-defined]
    monkeypatch.setattr(rows, "take", lambda *a, **p: (calls.append(1), take(*a, **p))[1])
    for step in trace.steps:
        for index in np.ndindex(*step.output.shape):
            recompute(step.output, index)
        for index in np.ndindex(*step.inputs[0].shape):
            step.op.uses(index, 0, step)
    assert len(calls) == 2


def test_other_row_numbers_change_where_cells_come_from() -> None:
    trace = fl.trace(
        lambda table, numbers: fl.rows(table, numbers) ** 2,
        table=np.arange(12.0).reshape(4, 3), numbers=[3.0, 1.0],
    )  # fmt: skip
    trace.backward()
    for numbers in ([3.0, 1.0], [0.0, 0.0], [2.0, 3.0]):
        trace.set("numbers", numbers)
        for step in trace.steps:
            for index in np.ndindex(*step.output.shape):
                assert recompute(step.output, index) == step.output.buffer[index]
        row = int(numbers[1])
        (term,) = trace.steps[0].output.explain(1, 0).terms
        assert term.value == row * 3
        goes_to = trace["table"].explain(row, 0).goes_to[0]
        assert [1, 0] in goes_to.indices.tolist()


TAKES: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda x: x.transpose(2, 0, 1),
    "backwards": lambda x: x[::-1, :, ::-1],
    "every second": lambda x: x[1:, ::2],
    "one row": lambda x: x[:, 3],
    "flat": lambda x: x.reshape(-1),
    "flat, turned and cut": lambda x: x.reshape(6, 10).T[::3, 1:],
    "repeated": lambda x: np.broadcast_to(x[:, None, :, :2], (3, 4, 5, 2)),
    "repeated along an axis": lambda x: np.broadcast_to(x[..., :1], (3, 5, 3)),
    "windows": lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 3), axis=(1, 2)),
    "windows, backwards, every second": lambda x: np.lib.stride_tricks.sliding_window_view(
        x[..., ::-1], 3, axis=1
    )[:, ::2],
    "one cell": lambda x: x[1:2, 2:3, :1],
}


@pytest.mark.parametrize("name", TAKES)
def test_strides_tell_where_the_cells_of_a_view_come_from(name: str) -> None:
    shape = (3, 5, 4)
    moved = TAKES[name](np.arange(np.prod(shape)).reshape(shape))
    view = View.of(TAKES[name], shape)
    assert view is not None
    assert view.shape == moved.shape
    assert all(view.origin(index) == moved[index] for index in np.ndindex(*moved.shape))
    for number in range(int(np.prod(shape))):
        np.testing.assert_array_equal(view.places(number), np.argwhere(moved == number))


def test_a_copy_is_no_view() -> None:
    assert View.of(lambda x: x[[0, 1]], (3, 2)) is None
    assert View.of(lambda x: x.T.reshape(-1), (3, 2)) is None
