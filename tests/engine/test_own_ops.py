"""An op of a student's own: made again when its cell runs again, and compared with itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.engine.core.kinds import Elementwise, Selection
from fluxlab.engine.core.op import OPS

X = [[1.0, -2.0, 3.0]]


def cube(name: str = "my_cube", power: int = 3, slope: float = 3.0) -> Any:
    return Elementwise(
        name,
        rule=lambda u: u**power,
        calls=lambda out, u: [(np.square, u, out), (np.multiply, out, u, out)],
        slopes=[lambda out, u: slope * u**2],
        latex="{<0>}^3", numpy="<0> ** 3", words="<0> cubed",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _leave_the_catalogue() -> Iterator[None]:
    before = set(OPS)
    yield
    for name in set(OPS) - before:
        del OPS[name]


def test_a_cell_that_runs_again_replaces_its_op() -> None:
    wrong = cube(slope=2.0)
    old = fl.trace(lambda x: wrong(x), x=X)
    old.backward()
    assert not old.check("dC_dx").ok
    right = cube()
    assert OPS["my_cube"] is right
    trace = fl.trace(lambda x: right(x), x=X)
    trace.backward()
    assert trace.check("dC_dx").ok
    np.testing.assert_array_equal(old["C"].value, trace["C"].value)  # the old trace goes on


@pytest.mark.parametrize("name", ["tanh", "add", "softmax"])
def test_an_op_of_fluxlab_is_not_replaced(name: str) -> None:
    kept = OPS[name]
    with pytest.raises(fl.BadInput, match=f"{name}.*choose another name"):
        cube(name)
    assert OPS[name] is kept


def test_rule_and_calls_that_differ_are_refused_at_first_use() -> None:
    op = cube(power=2)
    for _ in range(2):
        with pytest.raises(fl.BadInput, match=r"its calls and its rule .* Of -2 .* -8.* 4"):
            fl.trace(lambda x: op(x), x=X)
    fl.trace(lambda x: op(x), x=[[1.0, 0.0]])  # here they agree, and it is taken


def test_a_large_matrix_is_compared_in_places() -> None:
    op, asked = cube(), []
    rule = op._rule
    op._rule = lambda u: (asked.append(u), rule(u))[1]
    fl.trace(lambda x: op(x) + op(x), x=np.ones((40, 50)))
    assert 50 < len(asked) <= 100


def test_within_a_layer_an_op_is_compared_when_there_are_numbers() -> None:
    op = cube(power=2)
    t = fl.trace(lambda x: x * 1, x=X)
    with t.recording("forward"):
        made = op(t["x"])  # not computed yet, so there is nothing to compare
    assert made.ready
    with pytest.raises(fl.BadInput, match="not the same operation"):
        op(t["x"])


def test_a_selection_is_compared_too() -> None:
    def choose(x: Any, axis: int) -> Any:
        return np.argmin(x, axis=axis) + (x.ndim == 2)  # one too many for whole matrices

    op = Selection("my_least", choose, True)
    with pytest.raises(fl.BadInput, match="my_least"):
        fl.trace(lambda x: op(x, axis=1) * 1.0, x=X)
