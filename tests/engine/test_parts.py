"""The parts of a network: what they cannot work with is refused in words, and where it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fluxlab as fl

X, Y = fl.data.parity(3)
NO_NUMBERS: list[Any] = [
    float("nan"), float("inf"), "0.1", None, [], [0.1, 0.2], np.ones((2, 2)), 1j, True, 10**400,
    object(), {},
]  # fmt: skip
SHARE, ABOVE, LEAST = [-0.1, 1, 1.5], [0, -1], [-1]
FIGURES: list[tuple[Callable[..., Any], str, list[float]]] = [
    (fl.GradientDescent, "learning_rate", ABOVE),
    (fl.Momentum, "learning_rate", ABOVE),
    (fl.Momentum, "beta", SHARE),
    (fl.Nesterov, "beta", SHARE),
    (fl.AdaGrad, "epsilon", ABOVE),
    (fl.RMSprop, "beta", SHARE),
    (fl.RMSprop, "epsilon", ABOVE),
    (fl.Adam, "learning_rate", ABOVE),
    (fl.Adam, "beta1", SHARE),
    (fl.Adam, "beta2", SHARE),
    (fl.Adam, "epsilon", ABOVE),
    (fl.StepDecay, "every", ABOVE),
    (fl.StepDecay, "factor", ABOVE),
    (fl.ExponentialDecay, "every", ABOVE),
    (fl.ExponentialDecay, "factor", ABOVE),
    (fl.CosineDecay, "over", ABOVE),
    (fl.CosineDecay, "least", LEAST),
    (fl.L1, "strength", LEAST),
    (fl.L2, "strength", LEAST),
    (fl.ClipValue, "limit", ABOVE),
    (fl.ClipNorm, "limit", ABOVE),
]


@pytest.mark.parametrize(("kind", "figure", "outside"), FIGURES)
def test_a_figure_that_makes_no_sense_is_refused_where_it_is_given(
    kind: Any, figure: str, outside: list[float]
) -> None:
    for value in [*NO_NUMBERS, *outside]:
        with pytest.raises(fl.BadInput) as caught:
            kind(**{figure: value})
        assert str(caught.value).startswith(f"{kind.__name__}: {figure}"), str(caught.value)
    usual = getattr(kind(), figure)
    assert kind(**{figure: np.float32(usual)}) is not None
    assert getattr(kind(**{figure: usual}), figure) == usual


def build(**more: Any) -> fl.Network:
    return fl.Network(**{"layers": [fl.Dense(3, "tanh"), fl.Dense(1)], **more}, inputs=X, targets=Y)


PARTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"layers": 5}, ["layers", "list", "5"]),
    ({"layers": None}, ["layers", "list", "None"]),
    ({"layers": fl.Dense(1)}, ["layers", "list", "Dense"]),
    ({"layers": [8, 1]}, ["layer", "Dense(8", "got 8"]),
    ({"layers": [fl.Dense]}, ["layer", "the class Dense", "Dense(...)"]),
    ({"layers": [fl.tanh, fl.Dense(1)]}, ["layer", "Dense(8, 'tanh')", "tanh"]),
    ({"layers": [fl.L2()]}, ["layer", "got L2"]),
    ({"layers": [lambda x: x]}, ["layer", "(x, building)"]),
    ({"layers": [lambda x, building: None, fl.Dense(1)]}, ["layer 1 returned NoneType"]),
    ({"layers": [lambda x, building: x.value, fl.Dense(1)]}, ["layer 1 returned ndarray"]),
    ({"optimizer": fl.Adam}, ["optimizer", "Adam(0.001)"]),
    ({"optimizer": 0.1}, ["optimizer", "Adam(0.001)", "got 0.1"]),
    ({"optimizer": None}, ["optimizer", "None"]),
    ({"schedule": 0.5}, ["schedule", "CosineDecay(2000)", "0.5"]),
    ({"schedule": "cosine"}, ["schedule", "CosineDecay(2000)", "'cosine'"]),
    ({"schedule": fl.StepDecay}, ["schedule", "the class StepDecay"]),
    ({"schedule": fl.ClipNorm()}, ["schedule", "ClipNorm"]),
    ({"schedule": fl.Dense(1)}, ["schedule", "Dense"]),
    ({"schedule": fl.Adam()}, ["schedule", "Adam"]),
    ({"layers": [fl.StepDecay(), fl.Dense(1)]}, ["layer", "StepDecay"]),
    ({"schedule": lambda rate, k: None}, ["schedule returned NoneType"]),
    ({"regularizers": fl.L2()}, ["regularizers", "list", "[L2(1e-4)]"]),
    ({"regularizers": "L2"}, ["regularizers", "list"]),
    ({"regularizers": [1e-4]}, ["regularizer", "L2(1e-4)"]),
    ({"regularizers": [fl.ClipNorm()]}, ["regularizer", "ClipNorm"]),
    ({"regularizers": [lambda w: 0.0]}, ["regularizer returned float"]),
    ({"clip": 1.0}, ["clip", "ClipNorm(1)", "1.0"]),
    ({"clip": fl.L2()}, ["clip", "L2"]),
    ({"clip": fl.ClipNorm}, ["clip", "the class ClipNorm"]),
    ({"clip": lambda gradients: None}, ["clip returned NoneType"]),
]


@pytest.mark.parametrize(("more", "fragments"), PARTS)
def test_a_part_that_is_none_is_refused(more: dict[str, Any], fragments: list[str]) -> None:
    with pytest.raises(fl.BadInput) as caught:
        build(**more)
    for fragment in fragments:
        assert fragment in str(caught.value), str(caught.value)


def test_parts_of_the_students_own_are_taken() -> None:
    net = build(
        layers=[lambda x, building: fl.tanh(x * 2.0), fl.Dense(1)],
        schedule=lambda rate, iteration: rate / (1.0 + iteration),
        regularizers=[lambda w: 0.1 * fl.sum(w**4)],
        clip=lambda gradients: [g * 0.5 for g in gradients],
        optimizer=fl.GradientDescent(0.5),
    )
    net.fit(2)
    net.trace.run()
    w, b = net.trace["layer 2/w"].value, net.trace["layer 2/b"].value
    h = np.tanh(2 * X)
    y = h @ w + b
    cost = ((y - Y) ** 2).mean() + 0.1 * (w**4).sum()
    assert float(net.trace.cost.value) == pytest.approx(cost, rel=1e-12)
    gradient = h.T @ (2 * (y - Y) / len(Y)) + 0.4 * w**3
    np.testing.assert_allclose(
        net.trace["layer 2/w[new]"].value, w - 0.5 / 3 * 0.5 * gradient, rtol=1e-12
    )


@pytest.mark.parametrize(
    ("cost", "targets", "says"),
    [
        ("hinge", Y, r"with hinge targets must be -1 or \+1.*2 \* targets - 1.*Got 0"),
        ("binary_cross_entropy", 2 * Y, "with .* must be probabilities, 0 to 1.*Got 2"),
        ("binary_cross_entropy_logits", Y - 0.5, "with .* must be probabilities, 0 to 1.*Got -0.5"),
        ("cross_entropy", np.hstack([Y, -Y]), "with .* must be probabilities, 0 to 1.*Got -1"),
    ],
)
def test_targets_with_which_a_cost_is_nonsense(cost: str, targets: Any, says: str) -> None:
    layers = [fl.Dense(targets.shape[1], "sigmoid")]
    with pytest.raises(fl.BadInput, match=f"Network: {says}"):
        fl.Network(layers, X, targets, cost=cost)
    net = fl.Network(layers, X, np.where(targets > 0, 1, 0) * 2 - 1 if cost == "hinge" else
                     np.clip(targets, 0, 1), cost=cost)  # fmt: skip
    with pytest.raises(fl.BadInput, match=f"fit: {says}"):
        net.fit(1, validation=(X, targets))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda n: n.set_samples([0.5]), "set_samples: rows must be a list of row numbers"),
        (lambda n: n.set_samples(["a"]), "set_samples: rows"),
        (lambda n: n.set_samples(3), "set_samples: rows .*got 3"),
        (lambda n: n.set_activation("1", "tanh"), "set_activation: layer must be 1 to 2, got '1'"),
        (lambda n: n.set_activation(True, "tanh"), "set_activation: layer"),
        (lambda n: n.advance("a"), "advance: iterations must be a whole number"),
        (lambda n: n.advance(2.5), "advance: iterations"),
        (lambda n: fl.forward_pass(None), "forward_pass: needs a Network"),
        (lambda n: fl.back_propagation(5), "back_propagation: needs a Network"),
        (lambda n: fl.learn("net"), "learn: needs a Network"),
        (lambda n: fl.predict(X, X), "predict: needs a Network"),
        (lambda n: fl.Network([fl.Dense(1)], X * np.nan, Y), "^Network: inputs"),
        (lambda n: fl.form_network([1], X * np.nan, Y), "^form_network: inputs"),
        (lambda n: fl.form_network([1], X, Y[:3]), "^form_network: inputs has 8 rows"),
        (lambda n: fl.Network([fl.Dense(1)], [[10**400]], [[1]]), "^Network: inputs.*numbers"),
    ],
)
def test_calls_that_cannot_work(call: Any, says: str) -> None:
    with pytest.raises(fl.BadInput, match=says):
        call(build())


def test_an_epoch_goes_through_the_rows_that_are_chosen() -> None:
    net = build(batch=2)
    assert net.iterations_per_epoch == 4
    net.set_samples([0, 3, 5])
    assert net.iterations_per_epoch == 2
    net.fit(3)
    assert net.history.iteration == 6
    net.set_samples(None)
    assert net.iterations_per_epoch == 4


def test_noise_has_the_spread_that_it_promises_and_rests_when_predicting() -> None:
    zeros = np.zeros((400, 50))
    net = fl.Network([fl.Noise(0.3), fl.Dense(1)], zeros, zeros[:, :1], seed=4)
    net.trace.run()
    noise = net.trace["layer 1/h"].value
    assert noise.std() == pytest.approx(0.3, rel=0.02)
    assert abs(noise.mean()) < 0.01
    # A bell curve, not only its spread: two thirds lie within one of it, one in twenty beyond two.
    assert np.mean(np.abs(noise) < 0.3) == pytest.approx(0.6827, abs=0.01)
    assert np.mean(np.abs(noise) > 0.6) == pytest.approx(0.0455, abs=0.005)
    net.advance(1)
    assert abs(np.corrcoef(noise.ravel(), net.trace["layer 1/h"].value.ravel())[0, 1]) < 0.03
    np.testing.assert_array_equal(net.predict(zeros), np.zeros((400, 1)) + net.trace["b"].value)
