"""The passes of a plan: each gives the trace's numbers, on every example, alone and together."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from test_plan import by_hand, carried, new_trace, same
from traces import NAMES, trace_of

import fluxlab as fl
from fluxlab.engine.catalogue.activations import ACTIVATIONS
from fluxlab.engine.running import plan
from fluxlab.engine.running.passes import fusion, sweep
from fluxlab.engine.running.passes.fusion import PASSES
from fluxlab.engine.running.passes.graph import Graph, tidy
from fluxlab.engine.running.passes.places import Place, end_to_end, flat, side_by_side, stacked
from fluxlab.engine.running.plan import Plan, prune


def gradients(trace: Any) -> list[Any]:
    """What a plan is asked for: the cost, and the gradients of all that has no step."""
    whole = [m for m in trace.matrices.values() if m.kind == "gradient" and "[use" not in m.local]
    return [trace.cost, *(m for m in whole if m.of.step is None and m.step is not None)]


def replayed(trace: Any) -> int:
    """Spoil what is wanted, replay, compare with what the trace had; returns the calls."""
    changing = {step.output for step in prune(trace, gradients(trace)) if step.calls}
    wanted = [m for m in gradients(trace) if m in changing]
    expected = [m.buffer.copy() for m in wanted]
    made = Plan(trace, wanted)
    for matrix in wanted:
        matrix.buffer[...] = np.nan
    try:
        for _ in range(2):  # the second time from what the first has left behind
            made.run()
            for matrix, numbers in zip(wanted, expected, strict=True):
                same(matrix.buffer, numbers, matrix.name)
    finally:
        for matrix, numbers in zip(wanted, expected, strict=True):
            matrix.buffer[...] = numbers
    return len(made.calls)


@pytest.mark.parametrize("name", NAMES)
def test_every_pass_alone_gives_the_numbers_of_the_trace(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for improve in PASSES:
        monkeypatch.setattr(plan, "PASSES", (improve,))
        replayed(trace_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_short_blocks_give_the_numbers_of_the_trace(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Updates in blocks of 7 cells, so that every example has several, the last one shorter."""
    monkeypatch.setattr(sweep, "BLOCK", 7)
    fast, slow = new_trace(name), new_trace(name)
    Plan(fast, [], fast.carry).run(3)
    fast.run()
    by_hand(slow, 3)
    for n, matrix in slow.matrices.items():
        same(fast[n].value, matrix.value, n)


# -- what the passes are for --------------------------------------------------------------------


def lstm_by_hand(x: Any, w: Any, u: Any, b: Any) -> Any:
    h, c = np.zeros((2, 5)), np.zeros((2, 5))
    for t in range(6):
        a = x[:, t, :] @ w + b + h @ u
        forget, write, read = (fl.sigmoid(a[:, 5 * k : 5 * k + 5]) for k in range(3))
        c = forget * c + write * fl.tanh(a[:, 15:])
        h = read * fl.tanh(c)
    return h


def recurrent() -> Any:
    draw = np.random.default_rng(0)
    shapes = {"x": (2, 6, 4), "w": (4, 20), "u": (5, 20), "b": (1, 20)}
    trace = fl.trace(lstm_by_hand, **{name: draw.normal(size=s) for name, s in shapes.items()})
    trace.backward()
    return trace


def graph_of(trace: Any, *passes: Any) -> Graph:
    wanted = gradients(trace)
    graph = Graph(prune(trace, wanted), wanted)
    for improve in passes:
        improve(graph)
    return graph


def count(graph: Graph, op: str, *shape: int) -> int:
    return sum(n.op.name == op and (not shape or n.out.shape == shape) for n in graph.nodes)


def test_products_with_the_same_matrix_are_one() -> None:
    trace = recurrent()
    before, after = graph_of(trace), graph_of(trace, fusion.multiply_at_once)
    assert count(before, "contract", 2, 20) == 12  # x_t @ w and h @ u
    assert count(after, "contract", 2, 20) == 6  # h @ u waits for h
    assert count(after, "contract", 12, 20) == 1


def test_shares_of_a_gradient_are_one_product() -> None:
    trace = recurrent()
    before, after = graph_of(trace), graph_of(trace, fusion.add_up_shares)
    # The first h is a constant, but u is used there, too.
    for shape in ((4, 20), (5, 20)):
        assert count(before, "contract", *shape) == 6
        assert count(after, "contract", *shape) == 1
    assert count(after, "sum", 1, 20) == 1
    assert count(before, "add_all") - count(after, "add_all") == 3


def test_a_share_that_is_wanted_stays() -> None:
    trace = recurrent()
    share = trace["dC_du[use 3]"]
    expected = share.buffer.copy()
    made = Plan(trace, [share, *gradients(trace)])
    share.buffer[...] = np.nan
    made.run()
    np.testing.assert_allclose(share.buffer, expected, rtol=1e-12)


def test_parts_are_written_where_they_are_joined() -> None:
    trace = recurrent()
    before, after = graph_of(trace), graph_of(trace, fusion.turn, fusion.join_parts)
    assert count(before, "concatenate", 2, 20) == 6
    assert count(after, "concatenate", 2, 20) == 0
    assert count(after, "hold") == 0


def test_slopes_of_all_steps_are_one_call() -> None:
    trace = recurrent()
    before, after = graph_of(trace), graph_of(trace, fusion.compute_at_once)
    assert count(before, "sigmoid_slope") >= 17
    assert count(after, "sigmoid_slope") <= 2
    assert count(after, "tanh_slope") <= 2


def test_what_is_cut_into_columns_lies_column_by_column() -> None:
    trace = recurrent()
    graph = graph_of(trace, fusion.turn)
    a = graph.places[next(m for m in trace.matrices.values() if m.local.startswith("a"))]
    assert a.turned
    assert a.array.shape == (2, 20)
    assert a.array[:, 5:10].T.flags.c_contiguous


def test_a_layers_plan_needs_a_fraction_of_the_calls() -> None:
    draw = np.random.default_rng(1)
    x, target = draw.normal(size=(3, 9, 4)), draw.normal(size=(3, 9, 2))
    trace = fl.Network([fl.LSTM(5), fl.LSTM(2)], x, target).trace
    calls = sum(len(step.calls) for step in prune(trace, gradients(trace)))
    assert replayed(trace) < 0.72 * calls


@pytest.mark.parametrize("batch", [None, 3])
def test_nothing_is_allocated(batch: int | None) -> None:
    draw = np.random.default_rng(1)
    x, target = draw.normal(size=(7, 9, 4)), draw.normal(size=(7, 9, 2))
    made = fl.Network([fl.LSTM(5), fl.LSTM(2)], x, target, batch=batch).history._plan
    made.run(5)

    def left(times: int) -> int:
        tracemalloc.start()
        made.run(times)
        found = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return found

    # The orders of the last epochs are kept. One array per iteration would be above 14,000 bytes.
    # Other threads of the test's process allocate too, now and then: the least of three counts.
    more = min(left(200) - left(60) for _ in range(3))
    assert more < (100 if batch is None else 2000)


def test_adam_updates_all_parameters_in_one_row() -> None:
    x, target = np.ones((6, 3)), np.ones((6, 2))
    net = fl.Network([fl.Dense(4), fl.Dense(2)], x, target, optimizer=fl.Adam(0.01))
    made = net.history._plan
    lent = [theirs for theirs, _ in made._lent]
    assert len(lent) == 12, "w, b, and m and v of each"
    roots = {id(own.base if own.base is not None else own) for _, own in made._lent}
    assert len(roots) == 3, "all parameters, all m and all v lie side by side"


def test_steps_that_are_left_out_keep_no_updates_apart() -> None:
    """The last steps of a trace stand behind many that a plan leaves out, and still run at once."""

    def calls(idle: int) -> int:
        def run(w: Any, u: Any, b: Any) -> Any:
            for _ in range(idle):
                fl.tanh(w)
            return fl.sum(w**2) + fl.sum(u**2) + fl.sum(b**2)

        trace = fl.trace(run, w=np.ones((2, 3)), u=np.ones((3, 2)), b=np.ones(4))
        trace.descend("w", "u", "b")
        made = Plan(trace, [], trace.carry)
        assert len(made._lent) == 3, "w, u and b lie side by side"
        return len(made.calls)

    assert calls(20) == calls(0)


# -- what must not be laid together ---------------------------------------------------------------


def one_after_the_other(x: Any, w: Any) -> Any:
    return fl.tanh(fl.tanh(fl.tanh(x @ w)))


def a_part_in_another_shape(x: Any, w: Any) -> Any:
    a = x @ w
    h = fl.tanh(a[:, :4])
    other = fl.sum(fl.reshape(a, (2, 16)) ** 3)
    return other + fl.sum(h * a[:, 4:]) + fl.sum(fl.reshape(a[:, 2:6], (4, 2, 2)) ** 2)


def a_turned_square(x: Any, w: Any) -> Any:
    a = x @ w
    h, g = fl.tanh(a[:, :4]), fl.tanh(a[:, 4:])
    return fl.concatenate([h.T, g, h * g], axis=1) ** 2


def backwards(x: Any, w: Any) -> Any:
    a = x @ w
    parts = [fl.sigmoid(a[:, 2 * k : 2 * k + 2]) for k in (3, 0, 2, 1)]
    return fl.concatenate(parts[::-1], axis=1) * a[:, ::-1]


def a_sequence_seen_in_three_ways(x: Any, w: Any) -> Any:
    h, steps = x @ w, []
    for _ in range(3):
        h = fl.tanh(h)
        steps.append(h)
    y = fl.reshape(fl.concatenate(steps, axis=1), (4, 3, 8))
    cells = fl.sum(fl.reshape(y[1], (4, 6)) ** 2)
    return cells + fl.sum(y[:, 1] ** 2) + fl.sum(fl.reshape(y[:, 2], (4, 2, 4)) ** 3)


def a_sequence_that_is_multiplied(x: Any, w: Any) -> Any:
    h, steps = x @ w, []
    for _ in range(3):
        h = fl.tanh(h)
        steps.append(h)
    return fl.reshape(fl.concatenate(steps, axis=1), (4, 3, 8)) @ w.T


def a_sequence_and_its_rows(x: Any, w: Any) -> Any:
    h = fl.tanh(x @ w)
    g = fl.tanh(h)
    wide = fl.concatenate([h, g, h * g], axis=1)
    return fl.sum(fl.reshape(wide, (4, 3, 8)) ** 3) + fl.sum(wide * wide)


def products_side_by_side(x: Any, w: Any) -> Any:
    h = x @ w
    g = fl.tanh(h)
    joined = fl.concatenate([h, h @ w.T, g, g * 2], axis=1)
    return fl.sum(joined**2) + fl.sum(fl.reshape(g, (2, 16)) ** 3)


def the_same_part_twice(x: Any, w: Any) -> Any:
    h = fl.tanh(x @ w)
    return fl.concatenate([h, h, fl.tanh(h)], axis=1) ** 2


def upside_down(x: Any, w: Any) -> Any:
    h = fl.tanh(x @ w)
    return fl.exp(h) * h[::-1] * h[:1]


AWKWARD = (
    one_after_the_other, a_part_in_another_shape, a_turned_square, backwards,
    a_sequence_seen_in_three_ways, a_sequence_that_is_multiplied, a_sequence_and_its_rows,
    products_side_by_side, the_same_part_twice, upside_down,
)  # fmt: skip


@pytest.mark.parametrize("write", AWKWARD)
def test_awkward_functions(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(2)
    trace = fl.trace(write, x=draw.normal(size=(4, 3)), w=draw.normal(size=(3, 8)))
    trace.backward()
    replayed(trace)
    for left_out in PASSES:
        monkeypatch.setattr(plan, "PASSES", [p for p in PASSES if p is not left_out])
        replayed(trace)


def test_what_reads_a_matrix_runs_before_it_is_overwritten() -> None:
    """Five products of u could run at once at any time, were u not updated in its own place."""

    def run(u: Any, x: Any) -> Any:
        products = [u * x[k] for k in range(5)]
        new = u - x[0]
        late = new
        for _ in range(30):
            late = fl.tanh(late * x[1])
        return sum(fl.sum(p * late) for p in products)

    draw = np.random.default_rng(3)
    fast, slow = carried(run, "u", "new", u=draw.normal(size=(2, 3)), x=draw.normal(size=(5, 2, 3)))
    made = Plan(fast, [fast.cost], fast.carry)
    assert len(made.calls) < sum(len(step.calls) for step in fast.steps) - 3, "products at once"
    made.run(4)
    by_hand(slow, 3)
    same(fast.cost.buffer, slow.cost.value)


@pytest.mark.parametrize("function", [fl.elu, ACTIVATIONS["relu"].slope])
def test_a_swept_row_that_is_copied_afterwards_is_kept(
    function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """elu reads its input again after it has begun to write, so its result is copied in the end.

    What relu's slope does is not all NumPy's functions of whole arrays, so blocks are bound anew.
    """
    monkeypatch.setattr(sweep, "BLOCK", 7)
    draw = np.random.default_rng(4)
    start = {"u": draw.normal(size=(3, 4)), "v": draw.normal(size=(5, 2))}
    trace = fl.trace(lambda u, v: fl.sum(u) + fl.sum(v), **start)
    with trace.recording("update", ""):
        trace.carry = {trace[name]: function(trace[name]) for name in start}
    Plan(trace, [], trace.carry).run(2)
    for name, before in start.items():
        same(trace[name].buffer, function(function(before)))


# -- places -------------------------------------------------------------------------------------


def test_places_stack_without_copying() -> None:
    parts = [Place((2, 3), free=True) for _ in range(4)]
    whole = stacked(parts)
    assert whole is not None
    for number, part in enumerate(parts):
        part.array[...] = number
    np.testing.assert_array_equal(whole.array[:, 1, 2], range(4))
    again = stacked(parts[1:3])
    assert again is not None
    assert np.shares_memory(again.array, whole.array)
    np.testing.assert_array_equal(again.array[:, 0, 0], [1, 2])
    every_other = side_by_side(parts[3::-2])
    assert every_other is not None
    np.testing.assert_array_equal(every_other[:, 0, 0], [3, 1])
    assert side_by_side([parts[0], parts[1], parts[3]]) is None, "not at equal distances"
    assert stacked([parts[0], Place((2, 3), free=True)]) is None, "one lies elsewhere"
    assert stacked([Place((2, 3), np.ones((2, 3))) for _ in "ab"]) is None, "others look there"


def test_parts_side_by_side_of_a_square_keep_their_order() -> None:
    """As many parts as rows: the stack has the shape of the whole, but its axes exchanged."""
    square = Place((2, 2, 3), np.arange(12.0).reshape(2, 2, 3))
    parts = [Place((2, 3), parent=square, view=lambda a, k=k: a[:, k]) for k in range(2)]  # type: ignore[misc]
    found = stacked(parts)
    assert found is not None
    np.testing.assert_array_equal(found.array, np.moveaxis(square.array, 1, 0))


def test_neighbours_in_memory_by_accident_are_not_one_place() -> None:
    memory = np.zeros((2, 3))
    assert side_by_side([Place((3,), memory[0]), Place((3,), memory[1])]) is None


def test_places_of_any_shape_lie_end_to_end() -> None:
    parts = [Place(shape, free=True) for shape in ((2, 3), (1, 3), (), (4,))]
    whole = flat(parts)
    assert whole is not None
    for number, part in enumerate(parts):
        part.array[...] = number
    np.testing.assert_array_equal(whole.array, [0] * 6 + [1] * 3 + [2] + [3] * 4)
    assert end_to_end([parts[0], parts[2]]) is None, "there is one between them"
    assert flat(parts) is whole


def test_a_moved_whole_takes_its_parts_along() -> None:
    parts = [Place((2, 3), free=True) for _ in range(4)]
    pairs = [stacked(parts[:2]), stacked(parts[2:])]
    whole = stacked([p for p in pairs if p is not None])
    assert whole is not None
    parts[3].array[...] = 5.0
    assert whole.array[1, 1, 0, 0] == 5.0


def test_cell_by_cell_in_as_few_axes_as_possible() -> None:
    out, row = np.zeros((4, 2, 3)), np.ones((3,))
    turned = np.zeros((5, 4)).T
    assert tidy(out, [out, np.array(2.0)])[0].shape == (24,)
    assert tidy(turned, [turned])[0].shape == (20,)
    found, (spread,) = tidy(out, [row])
    assert (found.shape, spread.shape) == ((8, 3), (1, 3))
    gaps = np.zeros((4, 9))[:, :3]
    assert tidy(gaps, [gaps])[0].shape == (4, 3)
