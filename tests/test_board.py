"""The board: where matrices stand, what is sent, what it says without a page."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fluxlab as fl
import fluxlab.engine.models
from fluxlab.engine.core.errors import BadInput
from fluxlab.widgets.board.bands import Band
from fluxlab.widgets.board.board import Board, links, outlined
from fluxlab.widgets.board.frame import Frame
from fluxlab.widgets.board.layout import arrange
from fluxlab.widgets.board.pixels import place
from fluxlab.widgets.board.scales import largest
from fluxlab.widgets.board.sizes import is_window

HERE = Path(__file__).parent


@pytest.fixture
def net() -> Any:
    X, Y = fl.data.parity(4)
    return fl.form_network([8, 4, 1], X, Y, learning_rate=0.8, seed=3)


class Page:
    """A board with what it sends."""

    def __init__(self, thing: Any, **options: Any) -> None:
        self.board = Board(thing, **options)
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        self.board.send = lambda content, buffers=None: self.sent.append((content, buffers or []))

    def tell(self, **message: Any) -> None:
        self.board._receive(self.board, message, [])
        assert self.board.error == ""

    def open(self) -> Page:
        self.tell(type="ready", page="p", width=760)
        return self

    def last(self, kind: str) -> tuple[dict[str, Any], list[bytes]]:
        return [sent for sent in self.sent if sent[0]["type"] == kind][-1]

    def numbers(self) -> np.ndarray[Any, Any]:
        return np.frombuffer(self.last("frame")[1][0])


def names(band: Band, lane: str) -> list[str]:
    return [slot.local for column in band.columns for slot in column.lanes[lane]]


# -- where matrices stand -----------------------------------------------------------------


def test_a_dense_network_has_a_band_per_layer_and_one_for_the_cost(net: Any) -> None:
    first, second, third, cost = arrange(net.trace, ())
    columns = ["x", "w", "x @ w", "b", "a", "dh_da", "h"]
    for band in (first, second, third):
        assert names(band, "values") == columns
        assert names(band, "gradients") == ["dC_dx", "dC_dw", "dC_db", "dC_da", "dC_dh"]
        assert names(band, "updates") == ["w[new]", "b[new]"]
    assert (first.title, first.detail) == ("Layer 1", "4 → 8 · leaky ReLU")
    assert second.detail == "8 → 4 · leaky ReLU · x is h of layer 1"
    assert third.detail == "4 → 1 · sigmoid · x is h of layer 2"
    assert cost.title == "Cost"
    assert {"y", "target", "squared error", "C", "learning rate"} <= set(names(cost, "values"))


@pytest.mark.parametrize(
    ("layers", "x", "target", "details"),
    [
        ([fl.LSTM(5)], (2, 3, 4), (2, 3, 5), ["4 → 5 · LSTM"]),
        ([fl.RNN(5, sequence=False)], (2, 3, 4), (2, 5), ["4 → 5 · RNN · tanh"]),
        ([fl.Bidirectional(fl.GRU(5))], (2, 3, 4), (2, 3, 10), ["4 → 10 · Bidirectional"]),
        ([fl.Conv(2, 3, activation="relu"), fl.MaxPool(2), fl.Flatten()], (2, 1, 6, 8), (2, 12),
         ["1×6×8 → 2×4×6 · Conv · ReLU", "2×4×6 → 2×2×3 · MaxPool", "2×2×3 → 12 · Flatten"]),
        ([fl.SelfAttention(6)], (2, 3, 4), (2, 3, 6), ["4 → 6 · SelfAttention"]),
        ([fl.Dense(3, "gelu"), fl.LayerNorm()], (2, 4), (2, 3),
         ["4 → 3 · GELU", "3 → 3 · LayerNorm"]),
    ],
)  # fmt: skip
def test_a_band_says_which_layer_it_is_and_from_how_many_to_how_many(
    layers: list[Any], x: tuple[int, ...], target: tuple[int, ...], details: list[str]
) -> None:
    trace = fl.Network(layers, np.ones(x), np.zeros(target)).trace
    heads = [band.detail for band in arrange(trace) if re.fullmatch(r"Layer \d", band.title)]
    assert [head.partition(" · x is")[0] for head in heads] == details


def test_every_layer_of_every_example_has_a_header() -> None:
    for made in pkgutil.iter_modules(fluxlab.engine.models.__path__):
        trace = importlib.import_module(f"fluxlab.engine.models.{made.name}").EXAMPLE()
        for band in arrange(trace):
            layer = trace.layer_of.get(band.scope)
            if band.headed and re.fullmatch(r"[Ll]ayer \d+", band.scope):
                assert layer is not None, (made.name, band.scope)
            if band.headed and layer is not None:
                kind = type(layer[0]).__name__
                assert kind == "Dense" or kind in band.detail, (made.name, band.scope)
                assert re.match(r"(token|[\d×]+) → [\d×]+", band.detail), (made.name, band.scope)


def test_the_columns_of_token_numbers_are_steps() -> None:
    tokens = [[3, 1, 2], [1, 4, 0], [2, 2, 1]]
    for layer in (fl.Embedding(5, 4), fl.OneHot(4), fl.Encoder(5, 4, 2, 3)):
        for batch in (None, 2):
            net = fl.Network([layer, fl.Dense(2)], tokens, np.ones((3, 3, 2)), batch=batch)
            assert net.trace["x"].axes == ("sample", "step")
            if batch:
                assert net.trace["all x"].axes == ("row", "step")
            assert arrange(net.trace)[0].detail.startswith("token → 4 · ")
    assert fl.Network([fl.Dense(2)], tokens, np.ones((3, 2))).trace["x"].axes[1] == "feature"


def test_a_gradient_stands_right_below_its_matrix_in_its_shape(net: Any) -> None:
    layout = place(arrange(net.trace), 900)
    at = {(p.band, p.slot.local): p for p in layout.places}
    for band in range(3):
        for value in "xwbah":
            upper, lower = at[band, value], at[band, f"dC_d{value}"]
            assert (upper.x, upper.cell, upper.width, upper.height) == (
                lower.x, lower.cell, lower.width, lower.height,
            )  # fmt: skip
            assert lower.y > upper.y + upper.height
    assert at[0, "a"].x < at[0, "dh_da"].x < at[0, "h"].x
    for value in ("x", "w", "h"):  # columns are aligned over the bands
        assert len({at[band, value].x for band in range(3)}) == 1
    assert len({at[band, "w"].cell for band in range(3)}) == 1


def test_what_never_changes_and_the_update_stand_apart_until_asked_for(net: Any) -> None:
    shown = {s.matrix.name for band in arrange(net.trace) for c in band.columns for s in c.slots()}
    apart = set(net.trace.matrices) - shown
    updates = {name for name in apart if name.endswith("[new]")}
    assert updates | {"learning rate"} < apart
    assert apart - updates == {
        "learning rate", "cost/samples", "cost/dC_dC per cell", "cost/dC_dsquared error",
    }  # fmt: skip
    assert "dC_dC" in shown  # the way back begins there


def test_a_cost_of_one_row_stands_beside_the_last_layer() -> None:
    net = fl.form_network([3, 1], [[1.0, 2.0]], [[0.5]])
    wide, narrow = (place(arrange(net.trace), width) for width in (1700, 700))
    assert [at.band.title for at in wide.bands] == ["Layer 1", "Layer 2", "Cost"]
    assert wide.bands[2].y == wide.bands[1].y
    assert wide.bands[2].x > wide.bands[1].x + 100
    assert overlapping(wide) == []
    assert wide.width <= 1700
    assert narrow.bands[2].y > narrow.bands[1].y


def overlapping(layout: Any) -> list[tuple[str, str]]:
    boxes = [
        (p.x, p.y - 14, p.x + p.width, p.y + p.height, p.slot.matrix.name) for p in layout.places
    ]
    return [
        (a[4], b[4])
        for i, a in enumerate(boxes)
        for b in boxes[i + 1 :]
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]


@pytest.mark.parametrize("width", [320, 560, 760, 1100])
def test_nothing_overlaps_or_sticks_out(net: Any, width: int) -> None:
    layout = place(arrange(net.trace), width)
    assert overlapping(layout) == []
    assert layout.width <= width
    assert all(p.x + p.width <= layout.width for p in layout.places)
    assert all(p.y + p.height <= layout.height for p in layout.places)


@given(
    st.lists(st.integers(1, 70), min_size=2, max_size=4),
    st.integers(1, 70),
    st.integers(300, 1200),
)
def test_any_dense_network_fits(sizes: list[int], samples: int, width: int) -> None:
    net = fl.form_network(sizes[1:], np.zeros((samples, sizes[0])), np.zeros((samples, sizes[-1])))
    layout = place(arrange(net.trace, ()), width)
    assert overlapping(layout) == []
    shown = {id(m) for m in layout.matrices}
    assert all(id(m) in shown for m in net.trace.matrices.values())


def test_a_students_function_is_one_band_in_step_order() -> None:
    def model(x: Any, w: Any) -> Any:
        z = x @ w
        s = fl.tanh(z)
        return 3 * s * s

    t = fl.trace(model, x=np.ones((3, 2)), w=np.ones((2, 5)))
    t.backward()
    (band,) = arrange(t, ())
    values = names(band, "values")
    assert values.index("x") < values.index("z") < values.index("s") < values.index("C")
    assert "3" in values
    assert set(t.matrices) == {s.matrix.name for c in band.columns for s in c.slots()}
    below_s = next(c for c in band.columns if c.key == "s").lanes["gradients"]
    assert below_s[0].local == "dC_ds"  # the sum first, then each use's share
    assert len(below_s) == 3


def test_scopes_become_bands() -> None:
    def model(x: Any, w: Any) -> Any:
        with fl.scope("first"):
            h = fl.tanh(x @ w)
        with fl.scope("second"):
            return fl.tanh(h @ w)

    t = fl.trace(model, x=np.ones((3, 2)), w=np.ones((2, 2)))
    t.backward()
    titles = [band.title for band in arrange(t)]
    assert titles[:2] == ["First", "Second"]


def test_before_the_backward_pass_there_is_one_lane() -> None:
    t = fl.trace(lambda x, w: fl.tanh(x @ w), x=np.ones((3, 2)), w=np.ones((2, 5)))
    page = Page(t).open()
    assert {label["lane"] for label in page.last("layout")[0]["labels"]} == {"values"}
    t.backward()
    page.board.session.changed("values")  # other steps: another layout
    assert {label["lane"] for label in page.last("layout")[0]["labels"]} == {"values", "gradients"}


def test_another_choice_of_samples_is_another_board(net: Any) -> None:
    page = Page(net).open()
    page.board.select("layer 2/a", 12, 1)
    net.set_samples([3, 5])
    page.board.session.changed("values")
    assert page.board.error == ""
    shapes = {m["name"]: m["shape"] for m in page.last("layout")[0]["matrices"]}
    assert shapes["layer 2/a"] == (2, 4)
    assert page.last("selection")[0]["matrix"] is None


# -- what is sent -------------------------------------------------------------------------


def test_numbers_are_sent_exactly(net: Any) -> None:
    net.trace.run()
    page = Page(net).open()
    layout, numbers = page.last("layout")[0], page.numbers()
    start = 0
    for matrix in layout["matrices"]:
        value = net.trace[matrix["name"]].value
        part = numbers[start : start + value.size].reshape(value.shape)
        np.testing.assert_array_equal(part, value)
        start += value.size
    assert start == numbers.size - 1  # the last is the selected cell


def test_nan_and_infinity_are_sent_as_they_are() -> None:
    t = fl.trace(lambda x: fl.log(x) / (x - x), x=[[1.0, -1.0, 2.0]])
    numbers = Page(t).open().numbers()
    assert np.isnan(numbers).any()
    assert np.isinf(numbers).any()


def test_a_change_is_one_message(net: Any) -> None:
    page = Page(net).open()
    page.sent.clear()
    net.trace.set("layer 1/w", 0.25, (0, 3))
    page.board.session.changed("values")
    ((message, buffers),) = page.sent
    assert message["type"] == "frame"
    assert len(buffers) == 1
    assert 0.25 in np.frombuffer(buffers[0])


def test_nothing_is_sent_before_a_page_is_there_and_after_it_is_gone(net: Any) -> None:
    page = Page(net)
    page.board.session.changed("values")
    assert page.sent == []
    page.open()
    page.sent.clear()
    page.tell(type="gone", page="p")
    page.board.session.changed("values")
    assert page.sent == []


def test_position_tells_what_is_computed(net: Any) -> None:
    page = Page(net).open()
    net.trace.move(7)
    page.board.session.changed("position")
    assert page.last("frame")[0]["position"] == 7
    ready = {m["name"]: m["step"] < 7 for m in page.last("layout")[0]["matrices"]}
    assert all(net.trace[name].ready == known for name, known in ready.items())


def test_a_frame_takes_less_than_half_a_millisecond() -> None:
    rng = np.random.default_rng(0)
    inputs = {f"m{i}": rng.normal(size=(16, 8)) for i in range(24)}
    t = fl.trace(lambda **m: fl.sum(m["m0"]), **inputs)
    page = Page(t).open()
    took = []
    for _ in range(200):
        begun = time.process_time_ns()
        page.board.refresh("values")
        took.append(time.process_time_ns() - begun)
    assert np.median(took) < 0.5e6


def test_of_a_big_matrix_only_the_window_is_sent() -> None:
    rng = np.random.default_rng(1)
    w = rng.normal(size=(1000, 1000))
    t = fl.trace(lambda x, w: fl.tanh(x @ w), x=rng.normal(size=(2, 1000)), w=w)
    page = Page(t).open()
    assert len(page.last("frame")[1][0]) < 100_000  # of 8 MB
    page.tell(type="window", matrix="w", lead=[], row=120, column=990, level=24, seq=1)
    message, _ = page.last("frame")
    _, row, column, rows, columns, level = message["windows"]["w"]
    assert (row, level) == (120, 24)
    assert column + columns == 1000  # moved to the edge
    matrices = page.last("layout")[0]["matrices"]
    start = 0
    for matrix in matrices:
        if matrix["name"] == "w":
            break
        window = message["windows"].get(matrix["name"])
        start += window[3] * window[4] if window else int(np.prod(matrix["shape"]))
    seen = page.numbers()[start : start + rows * columns].reshape(rows, columns)
    np.testing.assert_array_equal(seen, w[row : row + rows, column : column + columns])
    assert np.abs(w).max() in message["largest"]  # colours do not change while one pans
    assert page.last("done")[0]["of"] == "window"


def test_selecting_outside_the_window_moves_it() -> None:
    t = fl.trace(lambda x: fl.tanh(x), x=np.zeros((3, 500)))
    page = Page(t).open()
    page.board.select("x", 1, 444)
    _, _, column, _, columns, _ = page.last("frame")[0]["windows"]["x"]
    assert column <= 444 < column + columns


def test_a_gradient_is_panned_with_its_matrix_and_the_selected_cell_stays_known() -> None:
    w = np.arange(90.0 * 80).reshape(90, 80)
    t = fl.trace(lambda x, w: fl.tanh(x @ w), x=np.zeros((3, 90)), w=w)
    t.backward()
    page = Page(t).open()
    page.board.select("w", 89, 79)
    page.tell(type="window", matrix="w", lead=[], row=5, column=7, level=24)
    windows = page.last("frame")[0]["windows"]
    assert windows["w"] == windows["dC_dw"]
    assert page.numbers()[-1] == w[89, 79]


def test_three_axes_are_shown_slice_by_slice_values_and_gradients_together() -> None:
    x = np.arange(3 * 4 * 5, dtype=float).reshape(3, 4, 5)
    t = fl.trace(lambda x: fl.tanh(x), x=x)
    t.backward()
    page = Page(t).open()
    page.tell(type="window", matrix="x", lead=[2], row=0, column=0, level=0)
    np.testing.assert_array_equal(page.numbers()[:20].reshape(4, 5), x[2])
    page.board.select("dC_dx", 1, 3, 4)
    windows = page.last("frame")[0]["windows"]
    assert windows["dC_dx"][0] == windows["x"][0] == [1]
    np.testing.assert_array_equal(page.numbers()[:20].reshape(4, 5), x[1])


def test_of_four_axes_the_third_last_stands_side_by_side() -> None:
    x = np.arange(2 * 3 * 4 * 5, dtype=float).reshape(2, 3, 4, 5)
    t = fl.trace(lambda x: fl.tanh(x), x=x)
    t.backward()
    page = Page(t).open()
    layout = page.last("layout")[0]
    tiles = [p for p in layout["places"] if p["local"] == "x"]
    assert [p["tile"] for p in tiles] == [0, 1, 2]
    assert len({p["y"] for p in tiles}) == 1
    assert all(a["x"] + a["width"] < b["x"] for a, b in itertools.pairwise(tiles))
    assert [p["stepped"] for p in tiles] == [[0]] * 3
    for sample in (0, 1):
        page.tell(type="window", matrix="x", lead=[sample, 2], row=0, column=0, level=0)
        np.testing.assert_array_equal(page.numbers()[:60].reshape(3, 4, 5), x[sample])
        windows = page.last("frame")[0]["windows"]
        assert [windows[f"dC_dx {tile}"][0] for tile in range(3)] == [[sample, k] for k in range(3)]
    assert page.last("frame")[0]["largest"].count(119) > 1  # one scale for all slices
    page.board.select("x", 0, 2, 3, 4)
    np.testing.assert_array_equal(page.numbers()[:60].reshape(3, 4, 5), x[0])
    assert page.numbers()[-1] == x[0, 2, 3, 4]


@pytest.mark.parametrize("shape", [(2, 5, 3, 4), (2, 3, 9, 70), (2, 4, 3, 30), (2, 1, 3, 4)])
def test_too_many_or_too_wide_slices_are_stepped_through(shape: tuple[int, ...]) -> None:
    t = fl.trace(lambda x: fl.tanh(x), x=np.arange(float(np.prod(shape))).reshape(shape))
    page = Page(t).open()
    (spot,) = [p for p in page.last("layout")[0]["places"] if p["local"] == "x"]
    assert spot["tile"] is None
    assert spot["stepped"] == ([0] if shape[1] == 1 else [0, 1])
    index = tuple(n - 1 for n in shape)
    page.board.select("x", *index)
    lead, row, column, rows, columns, _ = page.last("frame")[0]["windows"]["x"]
    assert lead == list(index[:2])
    assert row <= index[2] < row + rows
    assert column <= index[3] < column + columns


@given(st.integers(1, 300), st.integers(1, 300), st.integers(-9, 400), st.sampled_from([1, 6, 50]))
def test_windows_stay_inside(rows: int, columns: int, at: int, level: int) -> None:
    t = fl.trace(lambda x: fl.tanh(x), x=np.zeros((rows, columns)))
    frame = Frame([t["x"]], [(330, 240)])
    window = frame.move(t["x"], (), at, at, level)
    assert 0 <= window.row <= window.row + window.rows <= rows
    assert 0 <= window.column <= window.column + window.columns <= columns
    assert bool(window.level) == is_window((rows, columns))
    assert len(frame.pack()) == 8 * (window.rows * window.columns + 1)


def test_largest_ignores_what_is_not_finite() -> None:
    assert largest(np.array([1.0, -3.0, np.nan, np.inf])) == 3.0
    assert largest(np.array([np.nan])) == 0.0


# -- selection ----------------------------------------------------------------------------


def test_a_selected_cell_tells_where_it_comes_from_and_goes(net: Any) -> None:
    page = Page(net).open()
    page.tell(type="select", matrix="layer 2/dC_dw", index=[2, 1], seq=4)
    message = page.last("selection")[0]
    assert (message["matrix"], message["index"]) == ("layer 2/dC_dw", (2, 1))
    assert {item["matrix"]: item["box"] for item in message["from"]} == {
        "layer 1/h": [[0, 15], [2, 2]],
        "layer 2/dC_da": [[0, 15], [1, 1]],
    }
    assert message["to"] == [{"matrix": "layer 2/w[new]", "box": [[2, 2], [1, 1]]}]
    assert page.last("done")[0] == {"type": "done", "of": "select", "seq": 4}
    page.tell(type="clear")
    assert page.last("selection")[0]["matrix"] is None


def test_every_link_is_an_explained_term(net: Any) -> None:
    """What is outlined is exactly what `explain` says, for every matrix."""
    net.trace.run()
    for matrix in net.trace.matrices.values():
        index = tuple(n - 1 for n in matrix.shape)
        shown = {
            (item["matrix"], cell) for item in links(matrix, index)["from"] for cell in cells(item)
        }
        why = matrix.explain(*index)
        told = {(ref.matrix.name, ref.index) for term in why.terms for ref in term.factors}
        assert told <= shown
        if not why.rest_count:
            assert told == shown


def cells(item: dict[str, Any]) -> list[tuple[int, ...]]:
    if "cells" in item:
        return [tuple(cell) for cell in item["cells"]]
    return list(itertools.product(*[range(low, high + 1) for low, high in item["box"]]))


def test_cells_that_fill_no_box_are_listed() -> None:
    t = fl.trace(lambda x: fl.tanh(x), x=np.zeros((4, 4)))
    found = outlined(t["x"], [[0, 0], [1, 1], [1, 1]])
    assert found == {"matrix": "x", "cells": [[0, 0], [1, 1]]}
    assert outlined(t["x"], np.zeros((0, 2))) is None
    assert outlined(t["C"], np.zeros((1, 0), dtype=int)) == {"matrix": "C", "box": []}


# -- arguments --------------------------------------------------------


def test_refuses_what_it_does_not_know(net: Any) -> None:
    with pytest.raises(TypeError):
        fl.Board(net, unknown=1)
    with pytest.raises(BadInput, match="shared, layer, matrix"):
        fl.Board(net, scale="log")
    with pytest.raises(fl.BadInput, match="form_network"):
        fl.Board([1, 2])
    with pytest.raises(fl.BadInput, match="no cell"):
        fl.Board(net).select("C", 1)


def test_a_wrong_request_is_shown_in_words(net: Any) -> None:
    page = Page(net).open()
    page.board._receive(page.board, {"type": "select", "matrix": "layer 1/q", "index": [0]}, [])
    assert "layer 1/q" in page.board.error


def test_a_scale_stays_until_somebody_asks_for_another(net: Any) -> None:
    """What fades is seen to fade: full colour is what was largest since the start."""
    net.trace.run()
    page = Page(net).open()
    name = "layer 3/dC_dw"
    at = [m["name"] for m in page.last("layout")[0]["matrices"]].index(name)
    first = page.last("frame")[0]["largest"][at]
    assert first == np.abs(net.trace[name].value).max() > 0
    net.trace.set("target", net.predict(net.trace["x"].value))
    page.board.session.changed("values")
    net.trace.move(net.trace.end_of("backward"))
    page.board.session.changed("values")
    assert np.abs(net.trace[name].value).max() < 1e-9
    assert page.last("frame")[0]["largest"][at] == first
    page.board.rescale()
    assert page.last("frame")[0]["largest"][at] < 1e-9


def test_what_a_matrix_shares_its_colours_with(net: Any) -> None:
    page = Page(net).open()
    page.board.unfold("constants")
    page.board.unfold("updates")
    layout = page.last("layout")[0]
    roles = {layout["matrices"][p["matrix"]]["name"]: p["role"] for p in layout["places"]}
    assert roles["layer 1/w"] == roles["layer 1/w[new]"] == roles["layer 1/x"] == "values"
    assert roles["layer 1/dC_dw"] == "gradients"
    assert roles["layer 1/dh_da"] == "slopes"
    assert roles["C"] == "cost"
    assert roles["dC_dC"] == roles["cost/dC_dC per cell"] == roles["cost/samples"] == ""


def test_the_running_step_is_told_with_what_it_is_made_of(net: Any) -> None:
    page = Page(net).open()
    stepper = fl.Stepper(page.board.session)
    assert page.last("frame")[0]["running"] is None
    stepper.to("layer 2/dC_da")
    assert page.last("frame")[0]["running"] == {
        "matrix": "layer 2/dC_da", "from": ["layer 2/dC_dh", "layer 2/dh_da"],
    }  # fmt: skip
    stepper.iteration.click()
    assert page.last("frame")[0]["running"] is None


def test_numbers_are_dragged_and_typed_on_the_board(net: Any) -> None:
    page = Page(net).open()
    page.board.unfold("updates")
    edits = {m["name"] for m in page.last("layout")[0]["matrices"] if m["edits"]}
    assert {"layer 1/x", "layer 1/w", "layer 1/b", "target", "learning rate"} <= edits
    assert not edits & {"layer 1/a", "C", "layer 1/dC_dw"}
    page.tell(type="edit", matrix="layer 1/w", index=[1, 2], value=0.25, seq=1)
    assert net.trace["layer 1/w"].value[1, 2] == 0.25
    assert page.last("done")[0]["of"] == "edit"
    for text, value in {"1/2": 0.5, "0,75": 0.75, "-2": -2.0}.items():
        page.tell(type="typed", matrix="layer 1/w", index=[1, 2], text=text)
        assert net.trace["layer 1/w"].value[1, 2] == value
    for message, words in (
        ({"matrix": "layer 1/w", "index": [1, 2], "text": "two"}, "The old number stays"),
        ({"matrix": "layer 1/w", "index": [9, 9], "text": "1"}, "no cell"),
        ({"matrix": "layer 1/a", "index": [0, 0], "text": "1"}, "layer 1/a"),
        ({"matrix": "learning rate", "index": [], "text": "-1"}, "above 0"),
    ):
        page.board._receive(page.board, {"type": "typed", **message}, [])
        assert words in page.board.error
    assert net.trace["layer 1/w"].value[1, 2] == -2.0
