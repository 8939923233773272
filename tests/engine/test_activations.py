"""Activations and their slopes, against independent formulas, also where numbers get huge."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.engine.catalogue.activations import ACTIVATIONS
from fluxlab.engine.readers.explain import recompute


def sigma(a: float) -> float:
    """The sigmoid, by the branch that cannot overflow."""
    return 1 / (1 + math.exp(-a)) if a >= 0 else math.exp(a) / (1 + math.exp(a))


def sech2(a: float) -> float:
    e = math.exp(-2 * abs(a))
    return 4 * e / (1 + e) ** 2


def z(a: float) -> float:
    return math.sqrt(2 / math.pi) * (a + 0.044715 * a**3)


def gelu_slope(a: float) -> float:
    inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * a * a)
    return sigma(2 * z(a)) + 2 * a * sigma(2 * z(a)) * sigma(-2 * z(a)) * inner


# Softmax needs whole rows; test_network.py compares it with PyTorch.
CELLWISE = [name for name in ACTIVATIONS if ACTIVATIONS[name].kind == "elementwise"]
# name: (value, slope), written in other ways than the engine's.
TRUE: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "linear": (lambda a: a, lambda a: 1.0),
    "sigmoid": (sigma, lambda a: sigma(a) * sigma(-a)),
    "sigmoid_temperature": (sigma, lambda a: sigma(a) * sigma(-a)),  # at temperature 1
    "tanh": (math.tanh, sech2),
    "relu": (lambda a: a if a > 0 else 0.0, lambda a: 1.0 if a > 0 else 0.0),
    "leaky_relu": (lambda a: a if a > 0 else a / 100, lambda a: 1.0 if a > 0 else 0.01),
    "elu": (
        lambda a: a if a > 0 else math.expm1(a),
        lambda a: 1.0 if a > 0 else math.exp(a),
    ),
    "gelu": (lambda a: a * sigma(2 * z(a)), lambda a: gelu_slope(a)),
    "softplus": (lambda a: max(a, 0.0) + math.log1p(math.exp(-abs(a))), sigma),
    "threshold": (lambda a: 1.0 if a > 0 else 0.0, lambda a: 0.0),
    "swish": (lambda a: a * sigma(a), lambda a: sigma(a) + a * sigma(a) * sigma(-a)),
}
SMALL = [0.0, -0.0, 1e-9, -1e-9, 0.1, -0.1, 0.5, -0.7, 1.0, -1.0, 2.5, -2.5, 5.0, -7.0]
LARGE = [s * v for v in (12.0, 30.0, 40.0, 300.0, 708.0, 710.0, 746.0, 1e4, 1e6) for s in (1, -1)]


def traced(name: str, values: list[float]) -> fl.Trace:
    a = np.array(values).reshape(2, -1)

    def run(x: fl.Matrix) -> fl.Matrix:
        return fl.sum(ACTIVATIONS[name](x) * 1.0)

    trace = fl.trace(run, x=a)
    trace.backward()
    return trace


def test_every_activation_has_an_independent_formula() -> None:
    assert set(TRUE) == set(CELLWISE)


@pytest.mark.parametrize("name", CELLWISE)
def test_values_and_slopes_are_right_up_to_a_million(name: str) -> None:
    value, slope = TRUE[name]
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        trace = traced(name, SMALL + LARGE)
    a = trace["x"].value
    h, dh = trace["h"].value, trace["dC_dx"].value
    assert np.isfinite(h).all()
    assert np.isfinite(dh).all()
    # 1 - h^2 of a saturated tanh loses digits, as 1 - h of a saturated sigmoid does: its error
    # is one unit in the last place of 1.
    room = 4e-16
    for place in np.ndindex(*a.shape):
        at = float(a[place])
        np.testing.assert_allclose(h[place], value(at), rtol=2e-15, atol=1e-300, err_msg=f"{at}")
        np.testing.assert_allclose(dh[place], slope(at), rtol=1e-12, atol=room, err_msg=f"{at}")


@pytest.mark.parametrize("name", CELLWISE)
def test_plain_numbers_give_no_warning_either(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ACTIVATIONS[name](np.array(LARGE))
        one = ACTIVATIONS[name](-1e6)
    np.testing.assert_allclose(found, [TRUE[name][0](a) for a in LARGE], rtol=2e-15, atol=1e-300)
    assert isinstance(one, float)


@pytest.mark.parametrize("name", CELLWISE)
def test_every_cell_is_explained_for_huge_numbers_too(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace = traced(name, SMALL + LARGE)
        for step in trace.steps:
            for cell in np.ndindex(*step.output.shape):
                value = float(step.output.buffer[cell])
                found = recompute(step.output, cell)
                assert found == pytest.approx(value, rel=1e-12, abs=0), f"{step}{cell}"


@pytest.mark.parametrize("name", CELLWISE)
def test_slopes_match_differences(name: str) -> None:
    trace = traced(name, [0.3, -0.3, 1.1, -1.1, 3.0, -3.0, 0.01, -0.01])
    assert trace.check("dC_dx").worst < 1e-8
    assert not trace.check("dC_dx").kinks.any()
    slopes = [m.name for m in trace.matrices.values() if m.kind == "slope"]
    for slope in slopes:
        assert trace.check(slope).worst < 1e-8


def test_slopes_at_exactly_zero() -> None:
    wanted = {
        "linear": 1.0, "sigmoid": 0.25, "tanh": 1.0, "relu": 0.0, "leaky_relu": 0.01, "elu": 1.0,
        "swish": 0.5, "sigmoid_temperature": 0.25, "gelu": 0.5, "softplus": 0.5, "threshold": 0.0,
    }  # fmt: skip
    assert set(wanted) == set(CELLWISE)
    for name, slope in wanted.items():
        for zero in (0.0, -0.0):
            assert traced(name, [zero, 1.0])["dC_dx"].value[0, 0] == slope, name


@pytest.mark.parametrize("name", CELLWISE)
def test_infinity_and_nan_are_not_hidden(name: str) -> None:
    """A NaN that goes in comes out: it must never look like a number."""
    with np.errstate(all="ignore"):
        out = np.empty(1)
        op = ACTIVATIONS[name]
        for call in op.bind(out, [np.array([np.nan])], {}):
            call()
    assert np.isnan(out[0])


def test_a_networks_slopes_are_named_and_right() -> None:
    x, y = fl.data.parity(3)
    for name, (_, slope) in TRUE.items():
        net = fl.form_network([5, 1], x, y, hidden_activation=name, seed=2)
        fl.back_propagation(net)
        matrix = net.trace["layer 1/dh_da"]
        assert matrix.kind == "slope"
        assert matrix.of is net.trace["layer 1/a"]
        a = net.trace["layer 1/a"].value
        wanted = np.array([[slope(float(v)) for v in row] for row in a])
        np.testing.assert_allclose(matrix.value, wanted, rtol=1e-12)
        np.testing.assert_array_equal(net.layers[0].dh_da_matrix, matrix.value)
        steep = name in ("swish", "gelu", "sigmoid_temperature")  # a cold sigmoid is steeper than 1
        assert matrix.unit == (not steep), name


def test_unit_matrices_lie_in_0_to_1() -> None:
    from traces import NAMES, trace_of

    units = 0
    for name in NAMES:
        for matrix in trace_of(name).matrices.values():
            if matrix.unit:
                units += 1
                assert matrix.value.min() >= 0, matrix.name
                assert matrix.value.max() <= 1, matrix.name
    assert units > 20


def test_what_moves_stays_in_0_to_1() -> None:
    """A gate cut out of several is as well coloured as they are; added up, it may leave 0..1."""
    trace = fl.trace(
        lambda x, w: fl.sum(fl.concatenate([fl.sigmoid(x)[:, 1:], fl.sigmoid(w)], axis=1).T)
        + fl.sum(fl.concatenate([fl.sigmoid(x), w], axis=1)),
        x=[[1.0, 2.0, 3.0]], w=[[4.0]],
    )  # fmt: skip
    moved = {s.output.name: s.output.unit for s in trace.steps if s.op.kind == "gather"}
    assert list(moved.values()) == [True, True, True, False], moved


HUGE = np.array([1e308, 1e200, 1e155, 1e154, 1e103, 800.0, 40.0, 1e-320, 0.0])


@pytest.mark.parametrize("name", fl.ACTIVATIONS)
def test_no_nan_however_large_the_number(name: str) -> None:
    a = np.stack([HUGE, -HUGE], axis=1)
    t = fl.trace(lambda a: fl.ACTIVATIONS[name](a), a=a)
    t.backward()
    for matrix in t.matrices.values():
        assert not np.isnan(matrix.value).any(), matrix.name
    slopes = t["dC_da"].value
    ends = {"gelu": (1, 0), "relu": (1, 0), "linear": (1, 1)}.get(name)
    if ends:
        np.testing.assert_array_equal(slopes[[0, 3, 6], 0], ends[0])
        np.testing.assert_array_equal(slopes[[0, 3, 6], 1], ends[1])


@pytest.mark.parametrize("temperature", [1e300, 1e160, 1e-160, 1e-200])
def test_a_tiny_or_a_huge_temperature_is_explained(temperature: float) -> None:
    """Its square is no number that a float can hold; the slope is."""
    t = fl.trace(lambda a, t: fl.sigmoid_temperature(a, t), a=np.append(-HUGE, HUGE), t=temperature)
    t.backward()
    slope = t["dy_dt"]
    assert np.isfinite(slope.value).all()
    for index in np.ndindex(slope.shape):
        found, wanted = slope.explain(*index).recompute(), slope.value[index]
        assert found == pytest.approx(wanted, rel=1e-12, abs=0), index


def test_a_logit_far_below_costs_nothing_where_its_target_is_0() -> None:
    for logits in ([[1e308, -1e308]], [[1e308, 0.0]], [[900.0, -900.0]]):
        t = fl.trace(lambda a: fl.cross_entropy_logits(a, np.array([[1.0, 0.0]])), a=logits)
        t.backward()
        assert float(t.cost.value.reshape(())) == 0.0
        assert t["surprise"].explain(0, 0).recompute() == 0.0
        np.testing.assert_array_equal(t["dC_da"].value, 0.0)
