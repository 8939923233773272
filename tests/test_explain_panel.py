"""What the panel "Why this number?" tells its page."""

from __future__ import annotations

import importlib
import json
import pkgutil
import time

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.engine import models
from fluxlab.widgets.lab.cell_check import check
from fluxlab.widgets.lab.explain import Explain, numpy_parts
from fluxlab.widgets.lab.reach import origin, towards_cost


@pytest.fixture
def net() -> fl.Network:
    X, Y = fl.data.parity(4)
    net = fl.form_network([8, 4, 1], X, Y, hidden_activation="leaky_relu", seed=0)
    net.trace.run()
    return net


def select(panel: Explain, name: str, *index: int) -> dict:
    panel.session.select(name, index)
    return panel.payload()


def test_a_gradient_cell(net: fl.Network) -> None:
    panel = Explain(net)
    found = select(panel, "layer 2/dC_dw", 2, 1)
    assert found["state"] == "computed"
    assert found["value"] == net.trace["layer 2/dC_dw"].value[2, 1]
    values = [row["value"] for row in found["rows"]]
    assert [abs(v) for v in values] == sorted((abs(v) for v in values), reverse=True)
    assert sum(values) + found["rest_total"] == pytest.approx(found["value"], abs=1e-15)
    assert (len(values), found["rest"]) == (12, 4)
    row = found["rows"][0]
    assert row["name"] == f"{int(row['label']):04b}"
    assert found["head"] == "sample"
    assert [factor["symbol"] for factor in row["factors"]] == ["x", "∂C/∂a"]
    assert row["factors"][0]["matrix"] == "layer 1/h"
    assert "".join(text for text, _ in found["numpy"]) == "dC_dw = x.T @ dC_da"
    assert [text for text, operand in found["numpy"] if operand is not None] == ["x", "dC_da"]
    for formula in (found["formula"], found["numbers"]):
        assert 'data-operand="0"' in formula
        assert 'data-operand="1"' in formula
    assert found["path"]["far"]["matrix"] == "C"
    assert found["path"]["near"]["matrix"] == "layer 2/dC_da"
    assert found["goes"][0]["cells"][0]["matrix"] == "layer 2/w[new]"


def test_the_pieces_of_a_numpy_line_are_the_line(net: fl.Network) -> None:
    for step in net.trace.steps:
        assert "".join(text for text, _ in numpy_parts(step)) == step.numpy()
    a = next(step for step in net.trace.steps if step.output.name == "layer 1/a")
    assert numpy_parts(a) == [["a = ", None], ["x @ w", 0], [" + ", None], ["b", 1]]


def test_every_cell_has_a_payload(net: fl.Network) -> None:
    panel = Explain(net)
    for position in (0, 9, len(net.trace.steps)):
        net.trace.move(position)
        for matrix in net.trace.matrices.values():
            found = select(panel, matrix.name, *(0,) * len(matrix.shape))
            json.dumps(found, allow_nan=False)
            assert found["state"] == (
                "waiting" if not matrix.ready else "input" if matrix.step is None else "computed"
            )
            assert panel.text()


def test_the_way_to_the_cost(net: fl.Network) -> None:
    for name in ("layer 1/x", "layer 1/w", "layer 2/a", "layer 1/dC_dw", "layer 3/dC_db"):
        matrix = net.trace[name]
        *_, (last, _) = towards_cost(matrix, (0,) * len(matrix.shape))
        assert last is net.trace.cost


def test_more_and_back(net: fl.Network) -> None:
    panel = Explain(net)
    panel.shown = True
    panel.session.select("layer 2/dC_dw", (2, 1))
    panel.on_more()
    assert len(panel.payload()["rows"]) == 16
    panel.on_select("layer 2/dC_da", [3, 1])
    assert panel.payload()["back"]["matrix"] == "layer 2/dC_dw"
    panel.on_back()
    assert panel.session.selection == ("layer 2/dC_dw", (2, 1))
    assert panel.payload()["back"] is None
    assert len(panel.payload()["rows"]) == 12


def test_compute_up_to_here(net: fl.Network) -> None:
    net.trace.move(0)
    panel = Explain(net)
    step = net.trace["layer 2/a"].step
    assert f"Step {step.number + 1}" in select(panel, "layer 2/a", 3, 1)["words"]
    panel.on_compute()
    assert net.trace.position == step.number + 1
    assert panel.payload()["state"] == "computed"


@pytest.mark.parametrize(
    ("epsilon", "good", "word"),
    [(1e-1, False, "Truncation"), (1e-5, True, "agree"), (1e-12, False, "Round-off")],
)
def test_the_check_says_what_is_left(
    net: fl.Network, epsilon: float, good: bool, word: str
) -> None:
    found = check(net.trace, "layer 3/dC_dw", (2, 0), epsilon)
    assert found["good"] is good
    assert word in found["words"]
    assert found["analytic"] == net.trace["layer 3/dC_dw"].value[2, 0]


def test_a_wrong_gradient_and_a_corner_are_told_apart(net: fl.Network) -> None:
    net.trace["layer 3/dC_dw"].buffer[2, 0] *= 1.5
    assert "wrong" in check(net.trace, "layer 3/dC_dw", (2, 0), 1e-5)["words"]
    t = fl.trace(lambda w: fl.relu(w), w=np.zeros((1, 2)))
    t.backward()
    assert "corner" in check(t, "dC_dw", (0, 1), 1e-5)["words"]


def test_where_a_number_ran_away(net: fl.Network) -> None:
    trace = net.trace
    assert origin(trace["C"], trace["C"].shape and (0,) * trace["C"].buffer.ndim) is None
    trace.set("layer 1/w", 1.7e308, index=(1, 3))
    trace.set("layer 1/w", 1.7e308, index=(2, 3))
    panel = Explain(net)
    sample = int(np.argmax(~np.isfinite(trace["layer 2/a"].value).all(axis=1)))
    found = select(panel, "layer 2/a", sample, 1)
    assert found["origin"]["matrix"] == "layer 1/x @ w"
    assert "infinite" in found["origin"]["words"]
    assert json.dumps(found, allow_nan=False)
    start = select(panel, "layer 1/x @ w", sample, 3)["origin"]
    assert start["here"]
    assert "too large" in start["words"]
    t = fl.trace(lambda x: fl.log(x) * 2, x=[[0.0, -1.0]])
    panel = Explain(t)
    assert "logarithm of 0" in select(panel, "log(x)", 0, 0)["origin"]["words"]
    assert select(panel, "y", 0, 0)["origin"]["words"].endswith("from a cell that is infinite:")
    assert "no result" in select(panel, "log(x)", 0, 1)["origin"]["words"]


def test_fast_for_many_parameters() -> None:
    rng = np.random.default_rng(0)
    net = fl.form_network(
        [120, 64, 10], rng.normal(size=(128, 784)), rng.uniform(size=(128, 10)), seed=0
    )
    net.trace.run()
    panel = Explain(net)
    select(panel, "layer 1/dC_dw", 3, 4)
    start = time.process_time()  # our own time: other work on the machine does not count
    found = select(panel, "layer 1/dC_dw", 5, 4)
    assert time.process_time() - start < 0.05
    assert len(json.dumps(found)) < 20_000


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(models.__path__)])
def test_a_cell_of_every_kind_of_step_is_shown(name: str) -> None:
    trace = importlib.import_module(f"{models.__name__}.{name}").EXAMPLE()
    trace.run()
    panel = Explain(trace)
    for matrix in {(step.op, len(step.output.shape)): step.output for step in trace.steps}.values():
        corner = tuple(n - 1 for n in matrix.shape)
        found = select(panel, matrix.name, *corner)
        assert found["value"] == float(matrix.buffer[corner]), matrix
    for step in trace.steps:  # the line in pieces is the same line
        assert "".join(text for text, _ in numpy_parts(step)) == step.numpy()
