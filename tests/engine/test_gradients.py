"""Gradients against central differences, and against HIPS autograd."""

from __future__ import annotations

import re
from typing import Any

import autograd
import numpy as np
import plain
import pytest
from traces import EXAMPLES, NAMES, trace_of
from zoo import ZOO, fresh

import fluxlab as fl


@pytest.mark.parametrize("name", NAMES)
def test_every_gradient_matches_central_differences(name: str) -> None:
    trace = trace_of(name)
    checked = 0
    for matrix in trace.matrices.values():
        if matrix.kind not in ("gradient", "slope") or "[use " in matrix.local:
            continue
        found = trace.check(matrix.name)
        scale = max(1.0, float(np.max(np.abs(found.numeric))))
        assert found.worst <= 1e-5 * scale, repr(found)
        wrong = {tuple(cell) for cell in np.argwhere(found.error > found.room).tolist()}
        # Where several corners meet, backpropagation's number need not be a slope of the whole.
        assert wrong <= {c for c, close in found.close.items() if close.meet > 1}, repr(found)
        np.testing.assert_array_equal(found.analytic, matrix.value)
        checked += 1
    assert checked > 1


@pytest.mark.parametrize("name", ZOO)
def test_every_input_gradient_matches_autograd(name: str) -> None:
    animal, trace = ZOO[name], trace_of(name)
    function = animal.write(plain)
    names = [n for n in animal.matrices if f"dC_d{n}" in trace]
    assert set(animal.learned) <= set(names)
    fixed = {n: v for n, v in animal.matrices.items() if n not in names}

    def cost(*given: Any) -> Any:
        return plain.sum(function(**dict(zip(names, given, strict=True)), **fixed))

    values = [animal.matrices[n] for n in names]
    np.testing.assert_allclose(float(trace.cost.value), cost(*values), rtol=1e-12)
    wanted = autograd.grad(cost, argnum=tuple(range(len(names))))(*values)
    for n, expected in zip(names, wanted, strict=True):
        found = trace[f"dC_d{n}"].value
        scale = max(1.0, float(np.max(np.abs(expected))))
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * scale, err_msg=n)


@pytest.mark.parametrize("name", NAMES)
def test_partial_gradients_add_up_to_the_gradient(name: str) -> None:
    trace = trace_of(name)
    shares: dict[str, list[Any]] = {}
    for matrix in trace.matrices.values():
        if found := re.fullmatch(r"(.*)\[use (\d+)\]", matrix.name):
            shares.setdefault(found[1], []).append((int(found[2]), matrix))
    for total, parts in shares.items():
        assert sorted(k for k, _ in parts) == list(range(1, len(parts) + 1))
        assert len(parts) > 1
        whole = trace[total]
        assert whole.step.op.name == "add_all"
        # The step that adds them lists them in the order of use.
        assert [m.name for m in whole.step.inputs] == [m.name for _, m in sorted(parts, key=first)]
        summed = sum(m.value for _, m in parts)
        np.testing.assert_allclose(whole.value, summed, rtol=1e-12, atol=1e-14)


def first(pair: tuple[int, Any]) -> int:
    return pair[0]


def test_an_lstms_weights_have_one_share_per_time_step() -> None:
    trace = trace_of("lstm")
    for n in ("w", "u", "b"):
        assert [m for m in trace.matrices if m.startswith(f"dC_d{n}[")] == [
            f"dC_d{n}[use {k}]" for k in (3, 2, 1)
        ]
    # Each share is the gradient of a matrix of its own: autograd on three separate copies.
    animal = ZOO["lstm"]
    x, w, u, b, target = (animal.matrices[k] for k in ("x", "w", "u", "b", "target"))

    def cost(*copies: Any) -> Any:
        h, c = np.zeros((2, 5)), np.zeros((2, 5))
        for t in range(3):
            a = x[:, t, :] @ copies[t] + h @ u + b
            f, i, o = (plain.sigmoid(a[:, 5 * k : 5 * k + 5]) for k in range(3))
            c = f * c + i * plain.tanh(a[:, 15:])
            h = o * plain.tanh(c)
        return plain.mse(h, target)

    for k, share in enumerate(autograd.grad(cost, argnum=(0, 1, 2))(w, w, w), 1):
        np.testing.assert_allclose(trace[f"dC_dw[use {k}]"].value, share, rtol=1e-10, atol=1e-14)


def test_a_matrix_used_twice_by_one_step_has_two_shares() -> None:
    trace = fl.trace(lambda x: x * x, x=[[1.0, -2.0, 3.0]])
    trace.backward()
    np.testing.assert_array_equal(trace["dC_dx[use 1]"].value, [[1.0, -2.0, 3.0]])
    np.testing.assert_array_equal(trace["dC_dx[use 2]"].value, [[1.0, -2.0, 3.0]])
    np.testing.assert_array_equal(trace["dC_dx"].value, [[2.0, -4.0, 6.0]])


@pytest.mark.parametrize("name", ZOO)
def test_check_leaves_the_trace_alone(name: str) -> None:
    trace = fresh(name)
    before = {m.name: m.value for m in trace.matrices.values()}
    version, position = trace.version, trace.position
    trace.check(f"dC_d{ZOO[name].learned[0]}", epsilon=1e-4)
    assert (trace.version, trace.position) == (version, position)
    for n, value in before.items():
        np.testing.assert_array_equal(trace[n].value, value)


def test_check_notices_a_wrong_gradient() -> None:
    """The check itself must be able to fail: put a wrong number into a gradient."""
    trace = EXAMPLES["models.dense"]()
    matrix = trace["layer 1/dC_dw"]
    matrix.buffer[2, 1] += 1e-3
    found = trace.check("layer 1/dC_dw")
    assert not found.ok
    assert found.index == (2, 1)
    assert found.worst == pytest.approx(1e-3, rel=1e-3)
    assert found.difference[2, 1] == pytest.approx(1e-3, rel=1e-3)
    assert "DIFFER" in repr(found)
    one = trace.check("layer 1/dC_dw", index=(2, 1))
    assert not one.ok
    assert trace.check("layer 1/dC_dw", index=(0, 1)).ok


def test_check_sees_a_kink_for_what_it_is() -> None:
    trace = fl.trace(lambda a: fl.relu(a), a=[[0.0, 1.0, -1.0]])
    trace.backward()
    found = trace.check("dC_da")
    np.testing.assert_array_equal(found.kinks, [[True, False, False]])
    np.testing.assert_allclose(found.numeric, [[0.5, 1.0, 0.0]], atol=1e-9)
    assert found.ok
    assert "kink" in repr(found)


@pytest.mark.parametrize("epsilon", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7])
def test_check_agrees_at_every_epsilon_of_the_slider(epsilon: float) -> None:
    trace = trace_of("models.dense")
    for n in ("layer 1/dC_dw", "layer 2/dC_db", "layer 1/dh_da"):
        assert trace.check(n, epsilon=epsilon).ok, repr(trace.check(n, epsilon=epsilon))


def test_no_gradient_flows_to_targets_and_choices() -> None:
    assert "dC_dtarget" not in trace_of("models.dense")
    assert "dC_dkey" not in trace_of("choosing")
    assert "dC_dnumbers" not in trace_of("embedding")
