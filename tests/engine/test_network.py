"""Networks of any layers: learning against PyTorch, files, scripts, batches, early stopping."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest

import fluxlab as fl

DRAW = np.random.default_rng(0)
X, T = DRAW.normal(size=(7, 3)), DRAW.integers(0, 3, 7)
OPTIMIZERS: list[tuple[Any, str, dict[str, Any]]] = [
    (fl.GradientDescent(0.1), "SGD", {"lr": 0.1}),
    (fl.Momentum(0.1), "SGD", {"lr": 0.1, "momentum": 0.9}),
    (fl.Nesterov(0.1), "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (fl.AdaGrad(0.1), "Adagrad", {"lr": 0.1, "eps": 1e-8}),
    (fl.RMSprop(0.01), "RMSprop", {"lr": 0.01, "alpha": 0.9, "eps": 1e-8}),
    (fl.Adam(0.1), "Adam", {"lr": 0.1}),
]


def everything(**more: Any) -> fl.Network:
    """A network with one of each, on 7 rows in batches of 3: the last batch is short."""
    layers = [
        fl.Dense(5, "gelu"), fl.BatchNorm(), fl.Noise(0.1), fl.Dropout(0.3), fl.LayerNorm(),
        fl.Dense(3),
    ]  # fmt: skip
    settings: dict[str, Any] = {
        "cost": "cross_entropy_logits", "optimizer": fl.Adam(0.01), "batch": 3, "seed": 3,
        "regularizers": [fl.L1(0.001), fl.L2(0.01)], "clip": fl.ClipNorm(0.5),
        "schedule": fl.CosineDecay(100),
    }  # fmt: skip
    return fl.Network(layers, X, fl.one_hot(T, 3), **{**settings, **more})


@pytest.mark.parametrize(
    ("ours", "theirs", "figures"), OPTIMIZERS, ids=lambda v: getattr(v, "name", "")
)
def test_optimizers_give_pytorchs_weights(ours: Any, theirs: str, figures: dict[str, Any]) -> None:
    torch = oracle.torch()
    first = DRAW.normal(size=(3, 2))
    wanted = DRAW.normal(size=(7, 2))
    t = fl.trace(lambda x, w: fl.mse(fl.tanh(x @ w), wanted), x=X, w=first)
    t.backward()
    t.descend("w", optimizer=ours)
    t.history.advance(25)
    w = torch.tensor(first, requires_grad=True)
    peer = getattr(torch.optim, theirs)([w], **figures)
    for _ in range(25):
        peer.zero_grad()
        ((torch.tanh(torch.tensor(X) @ w) - torch.tensor(wanted)) ** 2).mean().backward()
        peer.step()
    np.testing.assert_allclose(t["w"].value, w.detach().numpy(), rtol=1e-10, atol=1e-12)
    after = t["w"].value
    t.history.travel(9)
    t.history.advance(16)
    np.testing.assert_array_equal(t["w"].value, after)  # what it remembers came back, too


def test_every_gradient_equals_pytorchs() -> None:
    torch = oracle.torch()
    targets = fl.one_hot(T, 3)
    net = fl.Network(
        [
            fl.Dense(4, "tanh"), fl.BatchNorm(), fl.Dense(4, "gelu"), fl.LayerNorm(),
            fl.Dense(3, "softmax"),
        ],
        X, targets, cost="cross_entropy", regularizers=[fl.L2(0.01)],
    )  # fmt: skip
    trace = net.trace
    trace.run()
    p = {
        m.name: torch.tensor(m.value, requires_grad=True)
        for m in trace.inputs
        if m.kind == "parameter"
    }
    keep: dict[str, Any] = {}

    def held(name: str, value: Any) -> Any:
        value.retain_grad()
        keep[name] = value
        return value

    x = torch.tensor(X)
    a = held("layer 1/a", x @ p["layer 1/w"] + p["layer 1/b"])
    h = held("layer 1/h", torch.tanh(a))
    norm = torch.nn.functional.batch_norm(h, None, None, training=True, eps=1e-5)
    h = held("layer 2/h", norm * p["layer 2/gamma"] + p["layer 2/beta"])
    a = held("layer 3/a", h @ p["layer 3/w"] + p["layer 3/b"])
    h = held("layer 3/h", torch.nn.functional.gelu(a, approximate="tanh"))
    norm = torch.nn.functional.layer_norm(h, (4,), eps=1e-5)
    h = held("layer 4/h", norm * p["layer 4/gamma"] + p["layer 4/beta"])
    a = held("layer 5/a", h @ p["layer 5/w"] + p["layer 5/b"])
    y = held("layer 5/h", torch.softmax(a, dim=1))
    cost = -(torch.tensor(targets) * torch.log(y)).sum(dim=1).mean()
    cost = cost + sum(0.01 * (p[f"layer {k}/w"] ** 2).sum() for k in (1, 3, 5))
    cost.backward()
    assert float(trace.cost.value) == pytest.approx(float(cost.detach()), rel=1e-12)
    for name, theirs in (p | keep).items():
        scope, _, local = name.partition("/")
        ours = trace[f"{scope}/dC_d{local}"].value
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-9, atol=1e-13, err_msg=name)


def test_a_resumed_run_gives_the_same_numbers(tmp_path: Path) -> None:
    straight = everything()
    straight.advance(23)
    stopped = everything()
    stopped.advance(11)
    stopped.save(tmp_path / "net.npz")
    resumed = fl.Network.load(tmp_path / "net.npz")
    assert resumed.history.iteration == 11
    resumed.advance(12)
    for name, numbers in straight.values().items():
        np.testing.assert_array_equal(numbers, resumed.values()[name], err_msg=name)
    np.testing.assert_array_equal(straight.predict(X), resumed.predict(X))


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    everything().save(path)
    whole = path.read_bytes()
    for size in (0, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(fl.BadInput, match=r"net\.npz"):
            fl.Network.load(path)
    at = whole.index(b"value layer 1/w.npy") + 200  # inside the weights' own bytes
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    with pytest.raises(fl.BadInput, match="damaged"):
        fl.Network.load(path)
    path.write_bytes(b"hello")
    with pytest.raises(fl.BadInput, match="damaged or not a FluxLab file"):
        fl.Network.load(path)
    np.savez(path, x=np.ones(3))
    with pytest.raises(fl.BadInput, match="not a network"):
        fl.Network.load(path)
    np.savez(path, header=np.array({"a": 1}, dtype=object))  # would need pickle
    with pytest.raises(fl.BadInput):
        fl.Network.load(path)
    with pytest.raises(fl.BadInput, match="no file"):
        fl.Network.load(tmp_path / "other.npz")


def changed(path: Path, header: dict[str, Any], **arrays: Any) -> None:
    """The file again, with other entries in its header and other arrays; None leaves one out.

    As of an earlier version: without checksums, which would tell that something was changed.
    """
    with np.load(path) as stored:
        kept = {name: stored[name] for name in stored.files}
    kept["header"] = json.dumps(json.loads(str(kept["header"])) | header | {"checksums": None})
    np.savez(path, **{n: a for n, a in (kept | arrays).items() if a is not None})


@pytest.mark.parametrize(
    ("header", "arrays", "says"),
    [
        ({"format": "fluxlab network 2"}, {}, "saved by another version"),
        ({"layers": [{"kind": "Future"}]}, {}, "Unknown part 'Future'"),
        ({"layers": [{"kind": "Dense", "neurons": 1, "more": 1}]}, {}, "'more'"),
        ({"layers": 5}, {}, "not a network"),
        ({"iteration": "many"}, {}, "iteration must be a whole number"),
        ({"iteration": -1}, {}, "iteration must be a whole number"),
        ({"batch": 0}, {}, "batch must be a whole number"),
        ({"cost": "best"}, {}, "Unknown cost 'best'"),
        ({"optimizer": None}, {}, "optimizer"),
        ({"names": 5}, {}, "not a network"),
        ({}, {"value layer 1/w": None}, "layer 1/w is missing"),
        ({}, {"value layer 1/m of w": None}, "layer 1/m of w is missing"),
        ({}, {"value layer 1/w": np.ones((1, 5))}, "layer 1/w is of another shape: 1×5, not 3×5"),
        ({}, {"value layer 1/w": np.full((3, 5), np.nan)}, "not finite"),
        ({}, {"value layer 9/w": np.ones((1, 5))}, "layer 9/w is .*unknown"),
        ({}, {"x": X * np.inf}, "x has 21 cell"),
        ({}, {"target": np.ones((5, 3))}, "7 samples have 5 targets"),
    ],
    ids=lambda part: next(iter(part), None) if isinstance(part, dict) else "",
)
def test_a_file_whose_parts_do_not_fit_is_refused(
    header: dict[str, Any], arrays: dict[str, Any], says: str, tmp_path: Path
) -> None:
    """Nothing starts anew in silence, and nothing is spread over a shape that it does not have."""
    path = tmp_path / "net.npz"
    everything().save(path)
    changed(path, header, **arrays)
    with pytest.raises(fl.BadInput, match=rf"load: net\.npz.*{says}"):
        fl.Network.load(path)


def test_whatever_bit_of_a_file_is_turned_it_is_refused_or_loads_the_same(tmp_path: Path) -> None:
    path, draw = tmp_path / "net.npz", np.random.default_rng(0)
    net = fl.Network([fl.Dense(1)], X, X[:, :1], seed=2)
    net.save(path)
    whole, refused = bytearray(path.read_bytes()), 0
    for _ in range(600):
        place, bit = int(draw.integers(len(whole))), 1 << int(draw.integers(8))
        whole[place] ^= bit
        path.write_bytes(whole)
        whole[place] ^= bit
        try:
            found = fl.Network.load(path).values()
        except fl.BadInput:
            refused += 1
        else:
            for name, numbers in net.values().items():
                np.testing.assert_array_equal(found[name], numbers, err_msg=name)
    assert refused > 200


def test_a_file_can_be_read_by_others_and_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    net, path = fl.Network([fl.Dense(1)], X, X[:, :1]), tmp_path / "net.npz"
    before = os.umask(0o022)
    try:
        net.save(path)
    finally:
        os.umask(before)
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o644
    for bad, says in (
        (tmp_path, "cannot be written"), (tmp_path / ("n" * 300), "cannot be written"),
        ("a\0b", "cannot be written"), (tmp_path / "no" / "net.npz", "no folder"), (None, "path"),
        ("", "path"),
    ):  # fmt: skip
        with pytest.raises(fl.BadInput, match=f"save: .*{says}"):
            net.save(bad)  # type: ignore[arg-type]
    for bad in (None, "", 3):
        with pytest.raises(fl.BadInput, match="load: path must be a file name"):
            fl.Network.load(bad)  # type: ignore[arg-type]
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"], "nothing is left lying about"


def test_validation_costs_are_kept_in_the_file(tmp_path: Path) -> None:
    net = everything()
    net.fit(3, validation=(X, fl.one_hot(T, 3)))
    net.save(tmp_path / "net.npz")
    again = fl.Network.load(tmp_path / "net.npz")
    assert again.validation == net.validation
    assert [k for k, _ in again.validation] == [3, 6, 9]


def test_numbers_that_numpy_computed_are_saved(tmp_path: Path) -> None:
    layers = [fl.Dense(np.int64(4)), fl.Dropout(np.float32(0.5)), fl.Dense(3)]  # type: ignore[arg-type]
    net = fl.Network(layers, X, X, schedule=fl.StepDecay(np.int32(5)), batch=np.int64(2))  # type: ignore[arg-type]
    net.save(tmp_path / "net.npz")
    again = fl.Network.load(tmp_path / "net.npz")
    assert again.design == net.design


@dataclass(frozen=True)
class Dense:
    """A student's own layer, which happens to have the name of one of ours."""

    neurons: int

    def __call__(self, x: Any, building: Any) -> Any:
        return fl.Dense(self.neurons, "tanh")(x, building)


def test_a_layer_of_the_students_own_is_not_taken_for_one_of_ours(tmp_path: Path) -> None:
    net = fl.Network([Dense(3)], X, X)
    with pytest.raises(fl.BadInput, match="own parts"):
        net.save(tmp_path / "net.npz")


def test_a_short_last_batch_counts_like_its_rows() -> None:
    net = fl.Network([fl.Dense(3)], X, fl.one_hot(T, 3), cost="mse", batch=3, seed=5)
    seen: list[int] = []
    for k in range(3):
        if k:
            net.advance(1)
        net.trace.run()
        real = net.trace["real"].value.ravel() > 0
        rows = net.trace["batch"].value[real].astype(int)
        seen += rows.tolist()
        wanted = np.mean(
            (X[rows] @ net.trace["w"].value + net.trace["b"].value - fl.one_hot(T, 3)[rows]) ** 2
        )
        assert float(net.trace.cost.value) == pytest.approx(wanted, rel=1e-12)
    assert sorted(seen) == list(range(7))
    assert real.sum() == 1
    assert net.iterations_per_epoch == 3


@pytest.mark.parametrize("size", [1, 3])
def test_another_epoch_comes_in_another_order(size: int) -> None:
    net = fl.Network([fl.Dense(1)], X, np.ones((7, 1)), batch=size, seed=5)
    orders = []
    for _ in range(2):
        order: list[float] = []
        for _ in range(net.iterations_per_epoch):
            net.trace.run()
            chosen = net.trace["batch"].value
            if "real" in net.trace:
                chosen = chosen[net.trace["real"].value.ravel() > 0]
            order += chosen.tolist()
            net.advance(1)
        orders.append(order)
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(7))
    assert orders[0] != orders[1]


def test_dropout_keeps_the_expected_value_and_rests_when_predicting() -> None:
    ones = np.ones((200, 100))
    net = fl.Network([fl.Dropout(0.4), fl.Dense(1, "linear", "constant")], ones, ones[:, :1])
    net.trace.run()
    mask = net.trace["mask"].value
    assert set(np.unique(mask)) == {0.0, 1 / 0.6}
    assert mask.mean() == pytest.approx(1.0, abs=0.02)
    np.testing.assert_array_equal(net.predict(np.ones((2, 100))), np.full((2, 1), 50.0))
    fresh = everything()
    fresh.advance(4)
    masks = fresh.trace["layer 4/mask"].value
    fresh.advance(3)
    assert not np.array_equal(masks, fresh.trace["layer 4/mask"].value)
    fresh.history.travel(4)
    np.testing.assert_array_equal(masks, fresh.trace["layer 4/mask"].value)


def test_batch_norm_predicts_with_its_running_figures() -> None:
    net = fl.Network(
        [fl.BatchNorm(momentum=0.5)], X, X[:, :3], cost="mse", optimizer=fl.GradientDescent(1e-9)
    )
    net.advance(2)
    mean = 0.5 * (0.5 * 0 + 0.5 * X.mean(0)) + 0.5 * X.mean(0)
    variance = 0.5 * (0.5 * 1 + 0.5 * X.var(0)) + 0.5 * X.var(0)
    wanted = (X[:2] - mean) / np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(net.predict(X[:2]), wanted, rtol=1e-6)


def test_early_stopping_goes_back_to_the_best_weights() -> None:
    draw = np.random.default_rng(2)
    x, y = draw.normal(size=(12, 8)), draw.normal(size=(12, 1))
    other = draw.normal(size=(40, 8)), draw.normal(size=(40, 1))
    net = fl.Network([fl.Dense(20, "tanh"), fl.Dense(1)], x, y, optimizer=fl.Adam(0.02))
    net.fit(200, validation=other, patience=5)
    costs = [cost for _, cost in net.validation]
    assert len(costs) < 200
    assert net.history.iteration == net.validation[int(np.argmin(costs))][0]
    assert net.evaluate(*other) == min(costs)


def test_places_without_a_target_do_not_count_in_a_validation_cost() -> None:
    """-1 says that there is nothing to learn in this place, when validating as when learning."""
    numbers = np.array([0, 2, -1, 1, -1, 2, 0])
    for cost, layer in (("cross_entropy", fl.Dense(3, "softmax")),
                        ("cross_entropy_logits", fl.Dense(3))):  # fmt: skip
        net = fl.Network([layer], X, numbers, cost=cost, seed=2)
        net.trace.run()
        known = numbers >= 0
        p = net.predict(X)[known, numbers[known]]
        assert net.evaluate(X, numbers) == pytest.approx(-np.log(p).mean(), rel=1e-12)
        assert net.evaluate(X, numbers) == pytest.approx(float(net.trace.cost.value), rel=1e-12)
        assert net.evaluate(X, np.full(7, -1)) == 0.0


def test_clipping_by_norm_keeps_the_direction() -> None:
    net = fl.Network(
        [fl.Dense(2)],
        X * 100,
        np.ones((7, 2)),
        cost="mse",
        clip=fl.ClipNorm(0.5),
        optimizer="gradient_descent",
    )
    net.trace.run()
    full = [net.trace[f"layer 1/dC_d{n}"].value for n in "wb"]
    cut = [net.trace[f"layer 1/dC_d{n} clipped"].value for n in "wb"]
    length = np.sqrt(sum((g**2).sum() for g in full))
    assert length > 0.5
    for g, c in zip(full, cut, strict=True):
        np.testing.assert_allclose(c, g * 0.5 / length, rtol=1e-12)


@pytest.mark.parametrize(
    ("schedule", "rate"),
    [
        (fl.Constant(), lambda k: 0.1),
        (fl.StepDecay(4, 0.5), lambda k: 0.1 * 0.5 ** (k // 4)),
        (fl.ExponentialDecay(4, 0.5), lambda k: 0.1 * 0.5 ** (k / 4)),
        (fl.CosineDecay(8, 0.01), lambda k: 0.01 + 0.09 * (1 + np.cos(np.pi * min(k / 8, 1))) / 2),
    ],
    ids=["constant", "step", "exponential", "cosine"],
)
def test_schedules(schedule: Any, rate: Any) -> None:
    net = fl.Network(
        [fl.Dense(1)], X, np.ones((7, 1)), optimizer=fl.GradientDescent(0.1), schedule=schedule
    )
    for k in range(11):
        net.trace.run()
        w, g = net.trace["w"].value, net.trace["dC_dw"].value
        np.testing.assert_allclose(net.trace["layer 1/w[new]"].value, w - rate(k) * g, rtol=1e-12)
        net.advance(1)


@pytest.mark.parametrize("name", fl.INITIALIZERS)
def test_initializers_have_the_spread_they_promise(name: str) -> None:
    w = fl.INITIALIZERS[name](300, 200, np.random.default_rng(0))
    wanted = {
        "zeros": 0.0, "constant": 0.0, "small_normal": 0.01, "xavier_uniform": np.sqrt(2 / 500),
        "xavier_normal": np.sqrt(2 / 500), "he_uniform": np.sqrt(2 / 300),
        "he_normal": np.sqrt(2 / 300),
    }[name]  # fmt: skip
    assert w.shape == (300, 200)
    assert w.std() == pytest.approx(wanted, rel=0.01)
    if "uniform" in name:
        assert np.abs(w).max() <= wanted * np.sqrt(3)


BAD: list[tuple[Any, str]] = [
    (lambda: fl.Network([], X, T), "layers must be a list"),
    (lambda: fl.Network([fl.Dense(2)], X, T[:, None]), "must be equal|class"),
    (lambda: fl.Network([fl.Dense(1)], X, T[:5, None]), "one row in both"),
    (lambda: fl.Network([fl.Dense(1)], X, T[:, None], cost="msee"), "Did you mean 'mse'"),
    (lambda: fl.Network([fl.Dense(1)], X, T[:, None], optimizer="adan"), "Did you mean 'adam'"),
    (lambda: fl.Network([fl.Dense(1)], X, T, optimizer=fl.Adam(-1)), "learning_rate"),
    (lambda: fl.Network([fl.Dense(1)], X, T[:, None], batch=0), "batch must be a whole number"),
    (lambda: fl.Network([fl.Dropout(1.0)], X, X), "p must be a share"),
    (lambda: fl.Network([fl.Dense(1)], X, T, regularizers=[fl.L2(-1)]), "strength"),
    (lambda: fl.Network([fl.Dense(1)], X, T[:, None], clip=fl.ClipValue(0)), "limit"),
    (lambda: fl.one_hot([0, 3], 3), "class numbers"),
    (lambda: everything().fit(3, patience=2), "fit: patience needs validation"),
    (lambda: everything().fit(3, validation=X), r"fit: validation must be \(inputs, targets\)"),
    (lambda: everything().fit(3, validation=(X[:, :2], T)), "fit: inputs has 2 columns"),
    (lambda: everything().fit(3, validation=(X, T[:5])), "fit: inputs has 7 rows .* 5"),
    (lambda: everything().evaluate(X[:3], T), "evaluate: inputs has 3 rows .* 7"),
    (lambda: everything().evaluate(X * np.nan, T), "evaluate: inputs"),
]


@pytest.mark.parametrize(("call", "says"), BAD)
def test_bad_input_is_refused_in_words(call: Any, says: str) -> None:
    with pytest.raises((fl.BadInput, fl.UnknownName), match=says):
        call()
