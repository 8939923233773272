"""Autoencoders: what they rebuild, clean up, find strange, and pass on to a deeper network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracle import Lazily, torch
from traces import follows

import fluxlab as fl

sk = Lazily("sklearn.metrics")

DIGITS, ONE_HOT = fl.data.digits()
CLASS = ONE_HOT.argmax(axis=1)
SMALL = np.random.default_rng(3).normal(size=(9, 2)) @ [[1.0, -2, 0.5, 0.25, 1], [0.5, 1, -1, 2, 0]]


NEAR = SMALL + 0.2 * np.random.default_rng(4).normal(size=SMALL.shape)  # near a plane


def halves(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers to learn from, 1200, and to test on, 597."""
    order = np.random.default_rng(seed).permutation(len(DIGITS))
    return order[:1200], order[1200:]


def squared(left: np.ndarray, right: np.ndarray) -> float:
    return float(np.mean((left - right) ** 2))


# -- the autoencoder --------------------------------------------------------------------------


def test_its_target_is_its_own_input_through_a_bottleneck() -> None:
    net = fl.autoencoder(SMALL, [4, 2], seed=1)
    assert net.sizes == [5, 4, 2, 4, 5]
    net.trace.run()
    np.testing.assert_array_equal(net.trace["target"].value, SMALL)
    codes = fl.encode(net, SMALL)
    assert codes.shape == (9, 2)
    np.testing.assert_allclose(fl.decode(net, codes), net.predict(SMALL), rtol=1e-13)
    np.testing.assert_array_equal(codes, net.trace["layer 2/h"].value)


def test_a_linear_one_finds_the_plane_of_principal_components() -> None:
    """No code of 2 numbers rebuilds linearly better than the first two components (SVD)."""
    x = NEAR - NEAR.mean(axis=0)
    u, s, v = np.linalg.svd(x, full_matrices=False)
    best = squared(x, (u[:, :2] * s[:2]) @ v[:2])
    net = fl.autoencoder(x, [2], hidden_activation="linear", optimizer=fl.Momentum(0.05), seed=2)
    net.fit(5000)
    assert best * 0.999999 <= squared(x, net.predict(x)) <= best * 1.000001


def test_outputs_and_gradients_are_torchs() -> None:
    t = torch()
    net = fl.autoencoder(SMALL, [4, 2], output_activation="sigmoid", seed=5)
    model = t.nn.Sequential(
        t.nn.Linear(5, 4), t.nn.Tanh(), t.nn.Linear(4, 2), t.nn.Tanh(), t.nn.Linear(2, 4),
        t.nn.Tanh(), t.nn.Linear(4, 5), t.nn.Sigmoid(),
    ).double()  # fmt: skip
    linear = [part for part in model if isinstance(part, t.nn.Linear)]
    with t.no_grad():
        for k, part in enumerate(linear, 1):
            part.weight.copy_(t.tensor(net.trace[f"layer {k}/w"].value.T.copy()))
            part.bias.copy_(t.tensor(net.trace[f"layer {k}/b"].value[0]))
    net.trace.run()
    x = t.tensor(SMALL)
    y = model(x)
    cost = t.nn.functional.mse_loss(y, x)
    cost.backward()
    np.testing.assert_allclose(net.trace["y"].value, y.detach().numpy(), rtol=1e-12)
    assert float(net.trace.cost.value) == pytest.approx(cost.item(), rel=1e-12)
    for k, part in enumerate(linear, 1):
        found = net.trace[f"layer {k}/dC_dw"].value
        np.testing.assert_allclose(found, part.weight.grad.numpy().T, rtol=1e-9, atol=1e-14)
        found = net.trace[f"layer {k}/dC_db"].value
        np.testing.assert_allclose(found[0], part.bias.grad.numpy(), rtol=1e-9, atol=1e-14)


def test_the_bottleneck_may_be_recurrent_or_convolutional() -> None:
    """Sequences through one state; images through a pooling; codes go through the decoder alone."""
    draw = np.random.default_rng(0)
    sequences, images = draw.normal(size=(6, 4, 3)), draw.random((6, 1, 4, 6))
    recurrent = fl.Network(
        [fl.GRU(5, sequence=False), fl.Generate(fl.GRU(5), 4, 3)], sequences, None
    )
    convolutional = fl.Network(
        [fl.Conv(2, 3, 1, "same", "tanh"), fl.AveragePool((2, 3)), fl.Flatten(), fl.Dense(24),
         fl.Image(1, 4, 6), fl.Conv(1, 3, 1, "same")], images, None,
    )  # fmt: skip
    for net, code in ((recurrent, (5,)), (convolutional, (2, 2, 2))):
        net.trace.run()
        before = float(net.trace.cost.value)
        net.fit(200)
        x = net._data[0]
        assert float(net.trace.cost.value) < 0.9 * before
        codes = fl.encode(net, x)
        assert codes.shape == (6, *code)
        np.testing.assert_allclose(fl.decode(net, codes), net.predict(x), rtol=1e-10, atol=1e-13)


def test_its_target_moves_with_its_input() -> None:
    for batch in (None, 4):
        net = fl.autoencoder(SMALL, [2], seed=1, batch=batch)
        assert not {"all targets", "dC_dtarget"} & set(net.trace.matrices)
        whole = "x" if batch is None else "all x"
        net.trace.run()
        net.trace.set(whole, 9.0, (3, 1))
        np.testing.assert_array_equal(net.trace["target"].value, net.trace["x"].value)
        # Held, it is a fixed number for the gradient, as a target is.
        assert batch is not None or net.trace.check("layer 1/dC_dx").ok
        y, x = net.trace["y"].value, net.trace["x"].value
        np.testing.assert_allclose(net.trace["dC_dy"].value, 2 * (y - x) / y.size, rtol=1e-12)
        net.set_samples([1, 2])
        net.trace.run()
        np.testing.assert_array_equal(net.trace["target"].value, SMALL[[1, 2]])


def test_a_saved_one_still_has_its_own_input_for_a_target(tmp_path: Path) -> None:
    net = fl.denoising_autoencoder(SMALL, [2], seed=1)
    net.fit(3)
    net.save(tmp_path / "net.npz")
    again = fl.Network.load(tmp_path / "net.npz")
    assert again.design == net.design
    net.fit(3)
    again.fit(3)
    np.testing.assert_array_equal(net.predict(SMALL), again.predict(SMALL))
    again.trace.set("x", 9.0, (3, 1))
    assert again.trace["target"].value[3, 1] == 9


# -- denoising --------------------------------------------------------------------------------


def test_the_noise_is_in_the_trace_and_comes_back() -> None:
    net = fl.denoising_autoencoder(SMALL, [3], 0.5, seed=6)
    net.trace.run()
    np.testing.assert_array_equal(net.trace["target"].value, SMALL)
    noises = []
    for _ in range(3):
        net.advance(1)
        noises.append(net.trace["layer 1/noise"].value)
    assert not np.array_equal(noises[0], noises[1])
    np.testing.assert_array_equal(net.trace["layer 1/h"].value, SMALL + noises[2])
    net.history.travel(1)
    np.testing.assert_array_equal(net.trace["layer 1/noise"].value, noises[0])
    # While predicting nothing is added.
    np.testing.assert_array_equal(net.predict(SMALL), net.predict(SMALL))
    assert fl.encode(net, SMALL).shape == (9, 3)


def test_noisy_digits_come_out_cleaner() -> None:
    """Unseen digits with noise of 0.3: mean squared error 0.022, against 0.089 of what goes in.

    Cutting the noise off at 0 and 1 alone gives 0.051.
    """
    known, new = halves()
    net = fl.denoising_autoencoder(
        DIGITS[known], [64], 0.3, hidden_activation="relu", output_activation="sigmoid",
        optimizer=fl.Adam(0.003), batch=50,
    )  # fmt: skip
    net.fit(20)
    clean = DIGITS[new]
    noisy = clean + 0.3 * np.random.default_rng(1).normal(size=clean.shape)
    cleaned = net.predict(noisy)
    assert squared(noisy, clean) == pytest.approx(0.09, abs=0.003)
    assert squared(np.clip(noisy, 0, 1), clean) > 0.045
    assert squared(cleaned, clean) < 0.025
    closer = np.mean((cleaned - clean) ** 2, axis=1) < np.mean((noisy - clean) ** 2, axis=1)
    assert closer.mean() > 0.99, "nearly every single digit is closer to its clean self"


# -- anomalies --------------------------------------------------------------------------------


def test_a_digit_that_was_never_seen_is_strange() -> None:
    """AUC on unseen digits, for 0, 6 and 7 each left out of learning: 0.95, 0.95, 0.98."""
    known, new = halves()
    areas = {}
    for odd in (0, 6, 7):
        net = fl.autoencoder(
            DIGITS[known[CLASS[known] != odd]], [32, 8], hidden_activation="relu",
            output_activation="sigmoid", optimizer=fl.Adam(0.005), batch=50,
        )  # fmt: skip
        net.fit(20)
        trace = fl.anomaly(net, DIGITS[new], share=0.05)
        score, strange = trace["score"].value[:, 0], CLASS[new] == odd
        areas[odd] = float(sk.roc_auc_score(strange, score))
        raised = trace["anomalous"].value[:, 0]
        assert raised[~strange].mean() < 0.12 < raised[strange].mean()
    assert min(areas.values()) > 0.9, areas


def anomaly() -> tuple[Any, Any]:
    """A row of the plane that was learned, and one that is far from it."""
    net = fl.autoencoder(NEAR, [2], hidden_activation="linear", optimizer=fl.Adam(0.02), seed=7)
    net.fit(150)
    return net, fl.anomaly(net, [[1.0, -2, 0.5, 0.25, 1], [1.0, 1, 1, 1, 1]], share=0.25)


def test_an_anomaly_score_is_the_error_of_its_row_and_can_be_asked() -> None:
    net, trace = anomaly()
    x = trace["x"].value
    np.testing.assert_allclose(trace["score"].value[:, 0], np.mean((net.predict(x) - x) ** 2, 1))
    np.testing.assert_allclose(fl.anomaly_scores(net, x), trace["score"].value[:, 0])
    follows(trace)
    np.testing.assert_array_equal(trace["anomalous"].value, [[0.0], [1.0]])
    trace.backward()
    assert trace["dC_dx"].shape == x.shape
    assert trace.check("dC_dx").ok


def test_the_threshold_lets_the_chosen_share_of_the_known_rows_through() -> None:
    net, trace = anomaly()
    known = np.mean((net.predict(NEAR) - NEAR) ** 2, axis=1)
    threshold = float(trace["threshold"].value[0])
    assert np.sum(known > threshold) == 2, "a quarter of 9, rounded down"
    assert threshold in trace["known scores"].value
    # All of the known rows lie within the threshold of share 0: the largest score.
    assert float(fl.anomaly(net, NEAR, share=0)["anomalous"].value.sum()) == 0
    assert float(fl.anomaly(net, NEAR, share=0.25)["anomalous"].value.sum()) == 2


# -- stacked ----------------------------------------------------------------------------------


def test_each_stage_learns_the_codes_of_the_one_before() -> None:
    x = np.random.default_rng(8).random((9, 5))
    first, second = fl.pretrain(x, [4, 2], 5, optimizer=fl.Adam(0.05))
    assert [first.sizes, second.sizes] == [[5, 4, 5], [4, 2, 4]]
    assert first.trace is not second.trace
    assert first.history.iteration == second.history.iteration == 5
    w, b = (first.trace[f"layer 1/{name}"].value for name in "wb")
    codes = 1 / (1 + np.exp(-(x @ w + b)))
    np.testing.assert_allclose(second.trace["x"].value, codes, rtol=1e-13)
    # What was learned first is frozen: alone, the first stage ends with the same weights.
    (alone,) = fl.pretrain(x, [4], 5, optimizer=fl.Adam(0.05))
    np.testing.assert_array_equal(alone.trace["layer 1/w"].value, w)


def test_codes_are_rebuilt_by_the_activation_that_made_them() -> None:
    stages = fl.pretrain(SMALL, [3, 2], 1, hidden_activation="tanh", output_activation="linear")
    assert [stage.activations for stage in stages] == [("tanh", "linear"), ("tanh", "tanh")]
    stacked = fl.models.stack(stages, SMALL)
    assert stacked.activations == ("tanh", "tanh", "tanh", "linear")


def test_the_stack_starts_with_the_weights_of_its_stages() -> None:
    x = np.random.default_rng(8).random((9, 5))
    first, second = stages = fl.pretrain(x, [4, 2], 5)
    deep = fl.models.stack(stages, x)
    assert deep.sizes == [5, 4, 2, 4, 5]
    for layer, stage, own in ((1, first, 1), (2, second, 1), (3, second, 2), (4, first, 2)):
        for name in "wb":
            np.testing.assert_array_equal(
                deep.trace[f"layer {layer}/{name}"].value, stage.trace[f"layer {own}/{name}"].value
            )
    # Before fine-tuning it is what the stages do one after the other.
    codes = fl.encode(second, fl.encode(first, x))
    np.testing.assert_allclose(fl.encode(deep, x), codes, rtol=1e-13)
    rebuilt = fl.decode(first, fl.decode(second, codes))
    np.testing.assert_allclose(deep.predict(x), rebuilt, rtol=1e-13)
    before = deep.evaluate(x, x)
    deep.fit(20)
    assert deep.evaluate(x, x) < before
    np.testing.assert_array_equal(first.trace["layer 1/w"].value, stages[0].values()["layer 1/w"])


def test_pre_training_helps_deep_sigmoid_networks_and_not_relu() -> None:
    """50 labels, four hidden layers, three seeds: 0.72 right with pre-training, 0.57 without.

    It helps where it helped in history: saturating activations, few labels. A ReLU network of
    the same size without pre-training is as good, 0.75; that is why it is seldom done today.
    """
    sizes = [60, 50, 40, 30]
    right: dict[str, list[float]] = {"pre-trained": [], "sigmoid": [], "relu": []}
    for seed in range(3):
        known, new = halves(seed)
        some = known[:50]
        x, target, settings = DIGITS[some], CLASS[some], {"optimizer": fl.Adam(0.005), "seed": seed}
        stages = fl.pretrain(DIGITS[known], sizes, 6, batch=50, **settings)
        nets = {"pre-trained": fl.classifier(stages, x, target, 10, **settings)}
        for kind in ("sigmoid", "relu"):
            layers = [*(fl.Dense(n, kind) for n in sizes), fl.Dense(10)]
            nets[kind] = fl.Network(layers, x, target, cost="cross_entropy_logits", **settings)
        for kind, net in nets.items():
            net.fit(150)
            found = net.predict(DIGITS[new]).argmax(axis=1)
            right[kind].append(float(np.mean(found == CLASS[new])))
    mean = {kind: float(np.mean(each)) for kind, each in right.items()}
    better = np.array(right["pre-trained"]) > np.array(right["sigmoid"])
    assert better.all(), right
    assert mean["pre-trained"] > mean["sigmoid"] + 0.08, mean
    assert mean["relu"] > mean["pre-trained"] - 0.03, mean


def test_a_deep_autoencoder_rebuilds_better_after_pre_training() -> None:
    """64-60-50-40-30 and back, sigmoid, equally many updates in all: error 0.043 against 0.064."""
    known, new = halves()
    sizes, settings = [60, 50, 40, 30], {"optimizer": fl.Adam(0.005), "batch": 50}
    deep = fl.models.stack(
        fl.pretrain(DIGITS[known], sizes, 4, **settings), DIGITS[known], **settings
    )
    deep.fit(6)
    plain = fl.autoencoder(
        DIGITS[known], sizes, hidden_activation="sigmoid", output_activation="sigmoid", **settings
    )
    plain.fit(4 * len(sizes) + 6)
    x = DIGITS[new]
    assert squared(deep.predict(x), x) < 0.75 * squared(plain.predict(x), x)


# -- bad input --------------------------------------------------------------------------------


def test_bad_input_says_what_to_do() -> None:
    net = fl.autoencoder(SMALL, [2])
    with pytest.raises(fl.BadInput, match=r"sizes must list the encoder's layers.*got 2"):
        fl.autoencoder(SMALL, 2)  # type: ignore[arg-type]
    with pytest.raises(fl.BadInput, match=r"sizes must be a whole number.*got 0"):
        fl.autoencoder(SMALL, [0])
    with pytest.raises(fl.BadInput, match=r"share must lie in 0 to 1.*got 1"):
        fl.anomaly(net, SMALL, share=1)
    with pytest.raises(fl.BadInput, match="does not rebuild its input"):
        fl.anomaly(fl.Network([fl.Dense(1)], SMALL, SMALL[:, :1]), SMALL)
    with pytest.raises(fl.BadInput, match="predict: inputs has 3 columns"):
        fl.anomaly(net, SMALL[:, :3])
    with pytest.raises(fl.BadInput, match=r"sizes must list the hidden layers.*'30'"):
        fl.pretrain(SMALL, "30", 1)
    with pytest.raises(fl.BadInput, match="stages must be the networks that pretrain gives"):
        fl.models.stack([], SMALL)
