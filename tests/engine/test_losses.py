"""Every cost and its gradient against PyTorch's own losses."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import oracle
import pytest
from traces import follows

import fluxlab as fl
from fluxlab.engine.catalogue.losses import CLASS_COSTS

DRAW = np.random.default_rng(4)
Y, A = DRAW.uniform(0.05, 0.95, size=(5, 3)), DRAW.normal(size=(5, 3)) * 3
ROWS = Y / Y.sum(axis=1, keepdims=True)
NUMBERS = np.array([0.0, 2.0, 1.0, 1.0, 2.0])
ONE_HOT, BITS, SIGNS = np.eye(3)[NUMBERS.astype(int)], (Y > 0.5) * 1.0, np.sign(A)
SAME = np.array([[1.0], [0.0], [0.0], [1.0], [0.0]])
# cost: its arguments, and the same in PyTorch; gradients are compared for all but the targets.
CASES: dict[str, tuple[tuple[Any, ...], str, Any]] = {
    "mse": ((Y, A), "", lambda F, y, t: F.mse_loss(y, t)),
    "mae": ((Y, A), "", lambda F, y, t: F.l1_loss(y, t)),
    "binary_cross_entropy": ((Y, BITS), "t", lambda F, y, t: F.binary_cross_entropy(y, t)),
    "binary_cross_entropy_logits": (
        (A, BITS), "t", lambda F, a, t: F.binary_cross_entropy_with_logits(a, t)
    ),
    "cross_entropy": ((ROWS, ONE_HOT), "t", lambda F, y, t: F.nll_loss(y.log(), t.argmax(1))),
    "cross_entropy numbers": (
        (ROWS, NUMBERS), "t", lambda F, y, t: F.nll_loss(y.log(), t.long())
    ),
    "cross_entropy_logits": ((A, ROWS), "t", lambda F, a, t: F.cross_entropy(a, t)),
    "cross_entropy_logits numbers": (
        (A, NUMBERS), "t", lambda F, a, t: F.cross_entropy(a, t.long())
    ),
    "hinge": (
        (A, SIGNS[::-1].copy()), "t",
        lambda F, y, t: F.margin_ranking_loss(y, y.detach() * 0, t, margin=1.0),
    ),
    "multiclass_hinge": ((A, ONE_HOT), "t", lambda F, y, t: F.multi_margin_loss(y, t.argmax(1))),
    "triplet": (
        (Y, A / 3, A[::-1] / 3), "",
        lambda F, a, p, n: F.triplet_margin_with_distance_loss(
            a, p, n, distance_function=lambda u, v: ((u - v) ** 2).sum(-1)
        ),
    ),
    "contrastive": (
        (Y, Y + A / 9, SAME), "t",
        lambda F, u, v, s: (
            s * F.pairwise_distance(u, v, eps=0, keepdim=True) ** 2
            + (1 - s) * F.relu(1 - F.pairwise_distance(u, v, eps=0, keepdim=True)) ** 2
        ).mean(),
    ),
}  # fmt: skip


def traced(name: str) -> Any:
    cost, values = getattr(fl, name.split()[0]), CASES[name][0]
    names = list(inspect.signature(cost).parameters)[: len(values)]
    trace = fl.trace(lambda **m: cost(**m), **dict(zip(names, values, strict=True)))
    trace.backward()
    return trace, names


def test_every_cost_is_compared() -> None:
    others = {"triplet", "contrastive"}
    assert {name.split()[0] for name in CASES} == set(fl.COSTS) | others


@pytest.mark.parametrize("name", CASES)
def test_costs_and_gradients_are_pytorchs(name: str) -> None:
    torch = oracle.torch()
    values, target, theirs = CASES[name]
    tensors = [torch.tensor(v, requires_grad=True) for v in values]
    wanted = theirs(torch.nn.functional, *tensors)
    wanted.backward()
    trace, names = traced(name)
    assert float(trace.cost.value) == pytest.approx(wanted.item(), rel=1e-12)
    assert 0.01 < abs(wanted.item()) < 100
    for n, tensor in list(zip(names, tensors, strict=True))[: -1 if target else None]:
        found = trace[f"dC_d{n}"].value
        np.testing.assert_allclose(found, tensor.grad.numpy(), rtol=1e-10, atol=1e-14, err_msg=n)
        assert np.count_nonzero(found) > 2
    # Outside a trace the number is the same.
    assert getattr(fl, name.split()[0])(*values) == pytest.approx(wanted.item(), rel=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_costs_can_be_asked_why(name: str) -> None:
    follows(traced(name)[0])


@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy"])
def test_the_long_way_and_the_short_form_agree(name: str) -> None:
    """dC_dy of the cost is the true one; through the activation's slope it becomes y - t."""
    squash, t = (fl.softmax, ONE_HOT) if name == "cross_entropy" else (fl.sigmoid, BITS)
    y = np.asarray(squash(A))

    def two_steps(a: Any, t: Any) -> Any:
        h = squash(a)
        return getattr(fl, name)(h, t)

    long = fl.trace(two_steps, a=A, t=t)
    short = fl.trace(lambda a, t: getattr(fl, f"{name}_logits")(a, t), a=A, t=t)
    long.backward()
    short.backward()
    averaged = len(A) if name == "cross_entropy" else A.size
    wanted = -t / y if name == "cross_entropy" else -t / y + (1 - t) / (1 - y)
    np.testing.assert_allclose(long["dC_dh"].value, wanted / averaged, rtol=1e-12)
    for trace in (long, short):
        found = trace["dC_da"].value
        np.testing.assert_allclose(found, (y - t) / averaged, rtol=1e-10, atol=1e-15)
    assert float(long.cost.value) == pytest.approx(float(short.cost.value), rel=1e-12)


@pytest.mark.parametrize("name", ["cross_entropy_logits", "binary_cross_entropy_logits"])
def test_costs_of_logits_stay_finite(name: str) -> None:
    a, t = np.array([[1000.0, -1000.0, 0.0], [-1e5, 1e5, 1e5]]), np.eye(3)[[1, 0]]
    trace = fl.trace(lambda a, t: getattr(fl, name)(a, t), a=a, t=t)
    trace.backward()
    assert np.isfinite(trace.cost.value)
    assert np.isfinite(trace["dC_da"].value).all()


def test_probabilities_of_zero_cost_much_but_not_infinitely() -> None:
    assert 600 < fl.cross_entropy([[0.0, 1.0]], [[1.0, 0.0]]) < np.inf
    assert fl.cross_entropy([[0.0, 1.0]], [[0.0, 1.0]]) == 0


@pytest.mark.parametrize("cost", ["cross_entropy", "cross_entropy_logits"])
def test_class_numbers_of_more_axes_and_of_no_class(cost: str) -> None:
    y = ROWS[:4].reshape(2, 2, 3)
    numbers = NUMBERS[:4].reshape(2, 2)
    wanted = getattr(fl, cost)(y, np.eye(3)[numbers.astype(int)])
    for given in (numbers, numbers[..., None]):
        assert getattr(fl, cost)(y, given) == pytest.approx(wanted)
        trace = fl.trace(lambda y, t: getattr(fl, cost)(y, t), y=y, t=given)
        assert float(trace.cost.value) == pytest.approx(wanted)
    with pytest.raises(fl.BadInput, match="0 to 2"):
        getattr(fl, cost)(y, numbers + 1)


@pytest.mark.parametrize("name", sorted(set(fl.COSTS) - {*CLASS_COSTS}))
def test_a_row_and_a_column_are_not_spread_over_each_other(name: str) -> None:
    """(4, 1) and (4,) would make a 4×4 matrix of errors, and a mean that nobody meant."""
    y, target = np.full((4, 1), 0.5), np.ones(4)
    with pytest.raises(fl.BadInput, match=rf"{name}: y is 4×1 and target a list of 4"):
        fl.COSTS[name](y, target)
    with pytest.raises(fl.BadInput, match=f"{name}: y is 4×1"):
        fl.trace(lambda y: fl.COSTS[name](y, np.ones((4, 2))), y=y)
    assert fl.COSTS[name](y, 1.0) == fl.COSTS[name](y, target[:, None])


def test_class_numbers_must_be_one_for_each_row() -> None:
    for cost in (fl.cross_entropy, fl.cross_entropy_logits):
        with pytest.raises(fl.BadInput, match="y is 4×3 and target a list of 3"):
            cost(np.full((4, 3), 1 / 3), [0, 1, 2])


def test_pairs_and_triplets_must_be_alike() -> None:
    a = np.ones((4, 3))
    with pytest.raises(fl.BadInput, match="triplet: y is 4×3 and negative 2×3"):
        fl.triplet(a, a, a[:2])
    with pytest.raises(fl.BadInput, match="contrastive: same must hold one 0 or 1 for each pair"):
        fl.contrastive(a, a, np.ones(4))


def test_rows_without_a_class_do_not_count_in_multiclass_hinge() -> None:
    """As in cross_entropy: the mean is over those that have one."""
    x = np.random.default_rng(0).normal(size=(4, 3))
    net = fl.Network([fl.Dense(3)], x, [0, 2, -1, 1], cost="multiclass_hinge")
    net.trace.run()
    y = net.predict(x)[[0, 1, 3]]
    right = y[range(3), [0, 2, 1]][:, None]
    by_hand = (np.maximum(1 - (right - y), 0).sum(1) - 1) / 3
    assert net.trace.cost.value == pytest.approx(by_hand.mean())
