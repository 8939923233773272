"""The gradient check tells the truth: at corners, in curves, and where round-off hides it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.engine.core.kinds import Elementwise
from fluxlab.engine.core.op import OPS

DRAW = np.random.default_rng(0)


def checked(function: Callable[..., Any], x: Any) -> Any:
    t = fl.trace(function, x=x)
    t.backward()
    return t.check("dC_dx")


@pytest.fixture
def steep() -> Any:
    """|u|, but its slope at 0 is said to be 5; it declares no corner."""
    op = Elementwise(
        "steep", abs, np.absolute,
        [lambda out, u: fl.greater(u, 0.0) * 2 - 1 + 6 * (1 - fl.greater(fl.absolute(u), 0.0))],
        latex="|<0>|", numpy="np.abs(<0>)", words="<0> without its sign",
    )  # fmt: skip
    yield op
    del OPS["steep"]


def test_at_a_kink_the_gradient_must_lie_between_the_slopes(steep: Any) -> None:
    found = checked(lambda x: steep(x), x=[0.0, 1.0])
    np.testing.assert_array_equal(found.kinks, [True, False])
    assert not found.ok
    assert "at [0] 5 is not between the slopes to both sides, -1 and 1" in repr(found)
    assert checked(lambda x: steep(x), x=[-2.0, 1.0]).ok


@pytest.mark.parametrize(
    ("function", "x", "what"),
    [
        (lambda x: fl.sqrt(fl.sum(x * x)), [0.0, 0.0], "at [0] the gradient is nan"),
        (lambda x: x**0.5, [0.0, 1.0], "at [0] the gradient is inf"),
        (lambda x: fl.log(x), [0.0], "the gradient is inf"),
        (lambda x: fl.cross_entropy(x, np.array([[1.0, 0.0]])), [[0.0, 1.0]], ""),
    ],
)
def test_a_gradient_that_is_no_number_or_out_of_bounds_differs(
    function: Any, x: Any, what: str
) -> None:
    found = checked(function, x=x)
    assert not found.ok
    assert what in repr(found)


@pytest.mark.parametrize(
    ("function", "x", "kinks"),
    [
        (lambda x: fl.absolute(x), [0.0, 2.0], [True, False]),
        (lambda x: fl.relu(x), [0.0, 1.0, -1.0], [True, False, False]),
        (lambda x: fl.leaky_relu(x), [0.0, 0.5], [True, False]),
        (lambda x: fl.maximum(x, 0.25), [0.25, 0.5], [True, False]),
        (lambda x: fl.max(x), [1.0, 1.0, 0.3], [True, True, False]),
        (lambda x: fl.threshold(x), [0.0, 3.0], [True, False]),
    ],
)
def test_right_at_a_kink(function: Any, x: list[float], kinks: list[bool]) -> None:
    found = checked(function, x=x)
    np.testing.assert_array_equal(found.kinks, kinks)
    assert found.ok
    assert f"{sum(kinks)} at a kink" in repr(found)


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: x * x, [0.0, 1.0]),
        (lambda x: fl.exp(x) - x, [0.0]),
        (lambda x: x**4, [0.0, 1e-3]),
        (lambda x: fl.mean((x - 3) ** 2), [3.0, 3.0]),
        (lambda x: fl.softplus(x) - 0.5 * x, [0.0]),
    ],
)
def test_a_smooth_minimum_is_no_kink(function: Any, x: list[float]) -> None:
    found = checked(function, x=x)
    assert not found.kinks.any()
    assert repr(found).endswith(": they agree")


def test_a_learned_network_has_no_kinks() -> None:
    net = fl.form_network(
        [4, 1], *fl.data.gate("xor"), hidden_activation="tanh", output_activation="sigmoid", seed=2
    )
    fl.learn(net, learning_rate=1.0, iterations=3000)
    for name in ("layer 1/dC_dw", "layer 1/dC_db", "layer 2/dC_dw"):
        found = net.trace.check(name)
        assert found.ok
        assert not found.kinks.any()


def test_where_all_is_at_a_kink_nothing_agrees() -> None:
    told = repr(checked(lambda x: fl.absolute(x), x=[0.0, 0.0]))
    assert "they agree" not in told
    assert "2 at a kink, where the slope jumps; each gradient lies between" in told
    assert "difference" not in told


def test_a_nudge_over_a_corner_is_made_smaller_and_told_of() -> None:
    found = checked(lambda x: fl.relu(x), x=[1e-6, -3e-6, 2.0])
    assert found.ok
    assert not found.kinks.any()
    np.testing.assert_allclose(found.numeric, [1, 0, 1], atol=1e-7)
    assert "a nudge of 1e-05 of 2 cells carries x[0] over its corner, so 1e-07 was taken" in repr(
        found
    )
    # The slope is wrong there, and found to be.
    t = fl.trace(lambda x: fl.relu(x), x=[1e-6, 2.0])
    t.backward()
    t["dC_dx"].buffer[0] = 0.5
    assert not t.check("dC_dx").ok


def test_parity_is_right_at_each_of_its_first_iterations() -> None:
    net = fl.form_network(
        [8, 4, 1], *fl.data.parity(4), hidden_activation="leaky_relu", output_activation="sigmoid",
        seed=0,
    )  # fmt: skip
    crossed = 0
    for _ in range(120):
        fl.learn(net, learning_rate=0.01, iterations=1)
        for name in ("layer 1/dC_db", "layer 2/dC_db"):
            found = net.trace.check(name)
            assert found.ok, repr(found)
            crossed += "over its corner" in repr(found)
    assert crossed > 3
    with net.trace.lock:
        net.trace["layer 1/dC_db"].buffer[0, 2] *= 1.01
    assert not net.trace.check("layer 1/dC_db").ok


def normalised(x: Any) -> Any:
    centred = x - fl.mean(x, axis=0, keepdims=True)
    spread = fl.sqrt(fl.mean(centred**2, axis=0, keepdims=True) + 1e-5)
    return fl.sum((centred / spread) ** 3)


@pytest.mark.parametrize(
    ("function", "x", "told"),
    [
        (
            lambda x: fl.mse(fl.softmax(x - 1e9), np.eye(3)[:1]),
            [[1.0, 2.0, 4.0]],
            "round-off limits",
        ),
        (lambda x: fl.sum(x**2), [1e8, 2e7], "round-off limits this check to about"),
        (lambda x: fl.sum(1e8 + fl.tanh(x)), [0.3, -0.2], "round-off limits this check to about"),
        (normalised, [[5.0, 1.0], [5.0, 2.0], [5.0, 4.0]], "the curve bends within the nudge"),
    ],
)
def test_what_limits_the_check_is_said(function: Any, x: Any, told: str) -> None:
    found = checked(function, x=x)
    assert found.ok
    assert told in repr(found)
    assert found.limit > 0


def test_every_corner_is_declared() -> None:
    """Where the slope of an operation of one matrix jumps, its branch changes."""
    grid = np.linspace(-3, 3, 121)
    seen = set()
    for op in list(OPS.values()):
        if not isinstance(op, Elementwise) or len(op.slopes) != 1 or not op.differentiable(0):
            continue
        if op.name == "add_all":  # of any number of matrices, but not of one
            continue
        params = {"exponent": 3} if op.name == "power" else {}
        try:
            t = fl.trace(lambda x, op=op, params=params: op(x, **params), x=grid)
        except TypeError:  # another test's operation, with parameters of its own
            continue
        step = t.steps[0]

        def value(x: Any, step: Any = step) -> Any:
            out = np.empty(step.output.shape)
            with np.errstate(all="ignore"):
                for call in step.op.bind(out, [x], step.params):
                    call()
            return out

        h = 1e-6
        with np.errstate(all="ignore"):
            jump = np.abs(value(grid + h) - 2 * value(grid) + value(grid - h)) / h
        low, high = (step.op.branch([grid + s], step.params) for s in (-h, h))
        declared = np.zeros(len(grid), bool) if low is None else low != high
        found = np.isfinite(jump) & (jump > 1e-3)
        np.testing.assert_array_equal(found, declared, err_msg=op.name)
        seen |= {op.name} if found.any() else set()
    assert {"relu", "leaky_relu", "absolute", "threshold"} <= seen


UNARY = [
    fl.tanh, fl.sigmoid, fl.relu, fl.leaky_relu, fl.absolute, fl.softplus, fl.elu, fl.gelu,
    fl.swish, lambda m: m * m, lambda m: fl.exp(fl.tanh(m)), lambda m: fl.log(1 + m * m),
    lambda m: fl.sqrt(fl.absolute(m) + 0.5), lambda m: m / (1 + m * m), fl.softmax,
    lambda m: fl.max(m, axis=0, keepdims=True) + m, lambda m: fl.maximum(m, 0.5),
    lambda m: m - fl.mean(m, axis=1, keepdims=True), lambda m: fl.transpose(m) @ m,
    lambda m: fl.concatenate([m, m * 2]),
]  # fmt: skip


def random_trace(seed: int) -> Any:
    """Three to five operations in a row; half of the inputs are whole and half numbers."""
    draw = np.random.default_rng(seed)
    chosen = [UNARY[k] for k in draw.integers(len(UNARY), size=draw.integers(3, 6))]

    def function(x: Any, w: Any) -> Any:
        m = x @ w
        for f in chosen:
            m = f(m)
        return fl.mean(m)

    whole = draw.random() < 0.5
    x = draw.integers(-2, 3, size=(3, 2)) / 2.0 if whole else draw.normal(size=(3, 2))
    w = draw.integers(-2, 3, size=(2, 4)) / 2.0 if whole else draw.normal(size=(2, 4))
    t = fl.trace(function, x=x, w=w)
    t.backward()
    return t, draw


def beyond(found: Any, numbers: Any) -> bool:
    """Whether a gradient has become clearly wrong: at a kink, no slope between the two sides."""
    low, high = found.numeric.copy(), found.numeric.copy()
    for cell, close in found.close.items():
        if close.kink:
            low[cell], high[cell] = sorted(close.beside)
    off = np.maximum(low - numbers, numbers - high)
    return bool(np.any(off > 1e-2 * (1 + np.abs(low) + np.abs(high))))


def test_right_gradients_pass_and_spoiled_ones_fail_300_of_300() -> None:
    kinks = spoiled = seed = met = 0
    while spoiled < 300:
        t, draw = random_trace(seed)
        seed += 1
        before = {name: t.check(name) for name in ("dC_dx", "dC_dw")}
        if not all(found.ok for found in before.values()):
            # Backpropagation takes a slope at each corner; where several meet, what it makes of
            # them need not be a slope of the whole: relu(x) - relu(-x) has 1, and is given 0.
            assert "corners meet" in repr(before), (seed, before)
            met += 1
            continue
        kinks += sum(int(found.kinks.sum()) for found in before.values())
        steps = [s for s in t.steps if s.phase == "backward"]
        step = steps[draw.integers(len(steps))]
        cell = tuple(draw.integers(n) for n in step.output.shape)
        numbers = step.output.buffer.copy()
        numbers[cell] += 1 + 100 * np.abs(numbers).max()  # beyond both slopes of a kink
        step.output.buffer = numbers  # what reads it was bound to the old storage: bind again
        for later in t.steps[step.number + 1 :]:
            arrays = [m.buffer for m in later.inputs]
            later.output.buffer = later.op.output(arrays, later.params)
            later.calls = later.op.bind(later.output.buffer, arrays, later.params)
        t.compute(step.number + 1, len(t.steps))
        if not any(beyond(found, t[name].value) for name, found in before.items()):
            continue  # the spoiled cell leads nowhere: it is multiplied by 0
        spoiled += 1
        assert not all(t.check(name).ok for name in before), (seed, step, cell)
    assert kinks > 50
    assert met < 30


def test_where_corners_meet_backpropagation_may_be_wrong_and_is_told_so() -> None:
    found = checked(lambda x: fl.relu(x) - fl.relu(-x), x=[0.0, 1.0])
    assert not found.ok
    assert "0 is not between the slopes to both sides, 1 and 1 (here 2 corners meet" in repr(found)
