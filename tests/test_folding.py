"""Folding: scopes inside scopes, one matrix for many, shares behind their sum, nothing lost."""

from __future__ import annotations

import importlib
import pkgutil
import time
from functools import cache
from typing import Any

import numpy as np
import pytest
from test_board import Page, names, overlapping

import fluxlab as fl
from fluxlab.engine import models
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.models import bigram, dense, transformer
from fluxlab.widgets.board.bands import Band
from fluxlab.widgets.board.layout import Arrangement, arrange
from fluxlab.widgets.board.pixels import place


def unrolled(steps: int) -> Any:
    """A recurrent network over `steps` time steps; one `w`, `u` and `b` for all of them."""
    rng = np.random.default_rng(0)

    def model(x: Any, w: Any, u: Any, b: Any) -> Any:
        h = None
        with fl.scope("layer 1"):
            for k in range(steps):
                with fl.scope(f"step {k + 1}"):
                    a = x[:, k] @ w + b
                    a = a if h is None else a + h @ u
                    h = fl.tanh(a)
        with fl.scope("layer 2"):
            return fl.sigmoid(h)

    arrays = {"x": (4, steps, 2), "w": (2, 3), "u": (3, 3), "b": (1, 3)}
    t = fl.trace(model, **{name: rng.normal(size=shape) for name, shape in arrays.items()})
    t.descend("w", "u", "b")
    return t


@pytest.fixture(scope="module")
def five() -> Any:
    return unrolled(5)


@cache
def big() -> Any:
    return transformer.EXAMPLE()


def all_names(bands: list[Band]) -> set[str]:
    return {slot.matrix.name for band in bands for c in band.columns for slot in c.slots()}


# -- scopes inside scopes ---------------------------------------------------------------------


def test_an_inner_scope_is_a_band_inside_its_band_and_nothing_is_lost(five: Any) -> None:
    bands = arrange(five, folded=())
    headers = [(band.title, band.depth) for band in bands if band.headed]
    shares = [f"∂C/∂{name} by use" for name in "wbu"]
    steps = [(f"step {k}", 1) for k in range(1, 6)]
    assert headers == [("Layer 1", 0), *((s, 1) for s in shares), *steps, ("Layer 2", 0)]
    assert all_names(bands) == set(five.matrices)
    assert names(bands[0], "values") == ["x", "w", "b", "u"]  # before the first step, all of them


def test_a_big_trace_starts_with_its_inner_scopes_folded_a_small_one_open(five: Any) -> None:
    first, second = arrange(five)
    assert [c.key for c in first.columns] == [
        "x",
        "w",
        "b",
        "u",
        *(f"step {k + 1}" for k in range(5)),
    ]
    assert names(first, "values")[4:] == ["h"] * 5
    assert names(first, "gradients")[-5:] == ["dC_dh"] * 5
    assert second.title == "Layer 2"
    small = unrolled(2)
    assert len(small.matrices) < 60
    assert [band.title for band in arrange(small)] == ["Layer 1", "step 1", "step 2", "Layer 2"]
    assert Arrangement(dense.EXAMPLE()).folded_at_first() == {"updates", "constants"}


def test_the_output_of_a_scope_is_the_last_that_is_used_outside(five: Any) -> None:
    found = Arrangement(five)
    assert [found.output(f"layer 1/step {k}").name for k in (1, 5)] == [
        "layer 1/step 1/h", "layer 1/step 5/h",
    ]  # fmt: skip
    assert found.output("layer 1").name == "layer 1/step 5/h"
    assert found.output("layer 2").name == "C"  # nothing uses the cost
    net = Arrangement(dense.EXAMPLE())
    assert net.output("layer 1").name == "layer 1/h"
    assert net.output("cost").name == "C"


@pytest.mark.parametrize("width", [400, 760, 1100])
@pytest.mark.parametrize("opened", [(), ("layer 1/step 2", "dC_dw"), None])
def test_folded_or_open_nothing_overlaps_or_sticks_out(
    five: Any, width: int, opened: tuple[str, ...] | None
) -> None:
    found = Arrangement(five)
    folded = set() if opened is None else found.folded_at_first() - set(opened)
    layout = place(found.bands(folded), width)
    assert overlapping(layout) == []
    assert all(p.x + p.width <= layout.width <= width for p in layout.places)
    assert all(p.y + p.height <= layout.height for p in layout.places)
    buttons = {fold.name for fold in layout.folds}
    assert folded & {"layer 1/step 1", "layer 1/step 2", "dC_dw", "dC_du"} <= buttons
    for fold in layout.folds:  # no button on cells or on their titles
        for p in layout.places:
            inside = p.x < fold.x + 20 and fold.x < p.x + p.width
            assert not (inside and p.y - 16 < fold.y + 16 and fold.y + 4 < p.y + p.height), fold


def test_a_line_runs_along_an_open_scope_to_its_end(five: Any) -> None:
    found = Arrangement(five)
    layout = place(found.bands(found.folded_at_first() - {"layer 1/step 3"}), 760)
    ((x, top, bottom),) = layout.rules
    inside = [p for p in layout.places if p.slot.matrix.scope == "layer 1/step 3"]
    assert all(x < p.x and top < p.y and p.y + p.height < bottom + 4 for p in inside)
    after = [p for p in layout.places if p.slot.fold == "layer 1/step 4"]
    assert all(p.y > bottom for p in after)


def test_a_line_runs_along_scopes_inside_it_and_what_follows_them() -> None:
    found = Arrangement(big())
    inner = "layer 1/encoder 1/self-attention"
    opened = {"layer 1/encoder 1", inner, f"{inner}/query"}
    layout = place(found.bands(found.folded_at_first() - opened), 900)
    bands = [at.band.scope for at in layout.bands if at.band.depth]
    assert bands == sorted(opened)
    for scope, (x, top, bottom) in zip(bands, layout.rules, strict=True):
        inside = [
            p
            for p in layout.places
            if f"{p.slot.fold or p.slot.matrix.scope}/".startswith(f"{scope}/")
        ]
        assert all(x < p.x and top < p.y and p.y + p.height < bottom + 4 for p in inside)
    last = next(p for p in layout.places if p.slot.fold == "layer 1/encoder 1/feedforward and x")
    assert last.y + last.height < layout.rules[0][2]


def test_what_a_folded_scope_gives_out_is_shown_once() -> None:
    bands = arrange(bigram.EXAMPLE())
    for band in bands:
        assert names(band, "values").count("log p") == 1
        assert [c.key for c in band.columns if c.lanes["values"][0].local == "log p"] == [
            "next token"
        ]


# -- shares of one gradient ---------------------------------------------------------------------


def test_many_shares_are_folded_behind_their_sum(five: Any) -> None:
    found = Arrangement(five)
    first = found.bands(found.folded_at_first())[0]
    column = next(c for c in first.columns if c.key == "w")
    assert [s.local for s in column.lanes["gradients"]] == ["dC_dw"]
    assert column.lanes["gradients"][0].words == "5 uses"
    opened = found.bands(found.folded_at_first() - {"dC_dw"})[1]
    assert (opened.title, opened.depth) == ("∂C/∂w by use", 1)
    assert names(opened, "gradients") == [f"dC_dw[use {k}]" for k in range(1, 6)]
    total = sum(five[f"dC_dw[use {k}]"].value for k in range(1, 6))
    np.testing.assert_allclose(total, five["dC_dw"].value)


def test_few_shares_stay_below_their_sum() -> None:
    three = unrolled(3)
    (column,) = [c for c in arrange(three)[0].columns if c.key == "w"]
    assert [s.local for s in column.lanes["gradients"]] == [
        "dC_dw", "dC_dw[use 3]", "dC_dw[use 2]", "dC_dw[use 1]",
    ]  # fmt: skip


# -- by code and by the page ----------------------------------------------------------------------


def test_fold_and_unfold(five: Any) -> None:
    page = Page(five).open()
    page.board.unfold("layer 1/step 2")
    assert {"layer 1/step 2/a", "layer 1/step 2/h"} <= shown(page)
    assert "layer 1/step 3/a" not in shown(page)
    page.board.fold("layer 1/step 2")
    assert "layer 1/step 2/a" not in shown(page)
    page.tell(type="fold", name="layer 1", folded=True)
    assert "w" not in shown(page)
    assert {"layer 1/step 5/h", "layer 1/step 5/dC_dh"} <= shown(page)
    page.board.unfold("layer 1/step 2")  # and what is around it
    assert {"w", "layer 1/step 2/a"} <= shown(page)


def shown(page: Page) -> set[str]:
    return {matrix["name"] for matrix in page.last("layout")[0]["matrices"]}


def test_an_unknown_scope_is_refused_with_the_nearest_name(five: Any) -> None:
    board = fl.Board(five)
    with pytest.raises(BadInput, match=r"fold: .*'layer 1/step3'.*Did you mean 'layer 1/step 3'"):
        board.fold("layer 1/step3")
    with pytest.raises(BadInput, match=r"unfold: .*nothing to fold"):
        fl.Board(fl.trace(lambda x: fl.tanh(x), x=[1.0])).unfold("layer 1")


def test_folding_is_one_layout_one_frame_and_only_what_is_shown_is_sent(five: Any) -> None:
    page = Page(five).open()
    before = len(page.last("frame")[1][0])
    page.sent.clear()
    page.tell(type="fold", name="layer 1/step 2", folded=False)
    assert [sent[0]["type"] for sent in page.sent] == ["layout", "frame", "selection"]
    assert len(page.last("frame")[1][0]) > before
    matrices = page.last("layout")[0]["matrices"]
    seen = sum(int(np.prod(matrix["shape"][-2:])) for matrix in matrices)
    page.sent.clear()
    five.set("b", 0.5, (0, 1))
    page.board.session.changed("values")
    ((message, (packed,)),) = page.sent
    assert message["type"] == "frame"
    assert len(packed) == 8 * (seen + 1)


def test_a_selected_cell_opens_what_hides_it_and_may_be_folded_again(five: Any) -> None:
    page = Page(five).open()
    page.board.select("layer 1/step 4/a", 2, 1)
    assert "layer 1/step 4/a" in shown(page)
    assert page.last("selection")[0]["matrix"] == "layer 1/step 4/a"
    page.board.fold("layer 1/step 4")
    assert "layer 1/step 4/a" not in shown(page)
    page.board.select("dC_dw[use 2]", 0, 1)
    assert "dC_dw[use 2]" in shown(page)
    page.board.select("layer 1/step 1/h", 0, 1)  # stands for its scope already
    assert "layer 1/step 1/a" not in shown(page)
    page.board.session.clear()


def test_a_step_into_the_update_opens_it() -> None:
    net = fl.form_network([3, 1], [[1.0, 2.0]], [[0.5]])
    page = Page(net).open()
    stepper = fl.Stepper(page.board.session)
    stepper.iteration.click()
    assert "layer 1/w[new]" not in shown(page)
    stepper.back_update.click()
    stepper.operation.click()
    assert "layer 1/w[new]" in shown(page)
    page.board.fold("updates")
    assert "layer 1/w[new]" not in shown(page)


def test_every_hidden_matrix_has_a_place_that_stands_for_it(five: Any) -> None:
    for trace in (five, big()):
        page = Page(trace).open()
        layout = page.last("layout")[0]
        stands = {name: at for name, _, at in layout["hidden"]}
        arranged = Arrangement(trace)
        known = shown(page) | set(stands)
        assert all(arranged.holders(trace[name])[-1] in arranged.apart
                   for name in set(trace.matrices) - known)  # fmt: skip
        assert not shown(page) & set(stands)
        steps = {name: step for name, step, _ in layout["hidden"]}
        for name, step in steps.items():
            made = trace[name].step
            assert step == (-1 if made is None else made.number)
    page = Page(five).open()
    layout = page.last("layout")[0]
    stands = {name: layout["places"][at] for name, _, at in layout["hidden"]}
    at = stands["layer 1/step 3/a"]
    assert layout["matrices"][at["matrix"]]["name"] == "layer 1/step 3/h"
    at = stands["dC_dw[use 3]"]
    assert layout["matrices"][at["matrix"]]["name"] == "dC_dw"


def test_the_picture_shows_what_the_board_shows(five: Any) -> None:
    board = fl.Board(five)
    folded = board.picture()
    board.unfold("layer 1/step 2")
    opened = board.picture()
    board.fold("layer 1/step 2")
    assert board.picture() == folded != opened
    board.select("layer 1/step 2/a", 0, 0)
    assert fl.Board(five).picture() == board.picture()  # a board made later shows it as well
    board.session.clear()


@pytest.mark.parametrize("name", [found.name for found in pkgutil.iter_modules(models.__path__)])
def test_every_example_fits_and_shows_or_folds_every_matrix(name: str) -> None:
    trace = importlib.import_module(f"{models.__name__}.{name}").EXAMPLE()
    found = Arrangement(trace)
    for folded in (found.folded_at_first(), set(), set(found.foldable)):
        for width in (400, 900):
            layout = place(found.bands(folded), width)
            assert overlapping(layout) == []
            # A matrix of its own that is wider than the page makes the board pan.
            wide = max(p.width for p in layout.places) > width - 80
            assert wide or layout.width <= width
            assert wide or all(p.x + p.width <= layout.width for p in layout.places)
            shown = {p.slot.matrix.name for p in layout.places}
            left = set(trace.matrices) - shown - set(found.hidden(layout.places))
            away = {name for name in found.apart if name in folded}
            assert all(found.holders(trace[name])[-1] in away for name in left)


def test_a_transformer_begins_with_one_screen_and_is_arranged_at_once() -> None:
    assert len(big().matrices) > 500
    begun = time.process_time()
    found = Arrangement(big())
    layout = place(found.bands(found.folded_at_first()), 760)
    took = time.process_time() - begun
    assert len(layout.places) < 40
    assert layout.height < 1200
    assert took < 0.2
    whole = place(found.bands(), 760)
    assert {p.slot.matrix.name for p in whole.places} == set(big().matrices)
    assert overlapping(whole) == []
