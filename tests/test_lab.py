"""The lab: all widgets of one trace in one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fluxlab as fl


def network() -> Any:
    draw = np.random.default_rng(5)
    return fl.form_network([3, 2], draw.normal(size=(6, 4)), draw.normal(size=(6, 2)), seed=2)


def test_everything_shares_one_session() -> None:
    net = network()
    lab = fl.Lab(net)
    assert lab.knobs is None
    views = [lab.stepper, lab.board, lab.explain, lab.curve]
    assert {view.session for view in views if view is not None} == {lab.session}
    lab.stepper.forward.click()
    lab.board.select("layer 1/h", 4, 2)
    assert lab.stepper.session.selection == ("layer 1/h", (4, 2))
    assert "layer 1/h" in lab.explain.text() or "h" in lab.explain.text()


def test_a_trace_without_updates_has_no_curve() -> None:
    trace = fl.trace(lambda x, w: fl.tanh(x @ w), x=[[1.0, 2.0]], w=[[0.5], [-0.25]])
    lab = fl.Lab(trace, "w")
    assert lab.curve is None
    assert lab.knobs is not None
    lab.knobs["w", 0, 0] = 2.0
    assert trace["w"].value[0, 0] == 2.0


def test_knobs_are_refused_like_knobs_alone() -> None:
    with pytest.raises(fl.UnknownName, match="layer 1/w"):
        fl.Lab(network(), "layer 1/ww")
    assert fl.Lab(network(), learning_rate=(0.01, 1)).knobs is not None


def test_text_and_picture_without_a_kernel() -> None:
    net = network()
    lab = fl.Lab(net)
    lab.stepper.operation.click()
    lines = repr(lab).splitlines()
    count = len(net.trace.steps)
    assert lines[0].startswith(f"Stepper of 4-3-2 network: iteration 0 · step 1 of {count}")
    assert lines[1].startswith("Cost curve of 4-3-2 network")
    data, metadata = lab._repr_mimebundle_()
    assert data["text/plain"] == metadata["image/png"]["alt"] == repr(lab)
    assert data["image/png"].startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in data
