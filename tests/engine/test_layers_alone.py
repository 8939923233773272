"""Layers outside of networks, states to begin with, PyTorch's weights, frozen parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fluxlab as fl
from fluxlab.engine.readers.explain import recompute

DRAW = np.random.default_rng(7)
IMAGES = DRAW.normal(size=(2, 1, 6, 6))
STEPS = DRAW.normal(size=(3, 4, 2))


def sound(t: fl.Trace) -> None:
    """Every cell is what its explanation says, every gradient what differences say."""
    t.backward()
    for matrix in t.matrices.values():
        if matrix.step is not None:
            for index in [*np.ndindex(matrix.shape)][:5]:
                value = float(matrix.buffer[index])
                assert recompute(matrix, index) == pytest.approx(value, rel=1e-9, abs=1e-12)
    for name in [n for n in t.matrices if n.rpartition("/")[2] in ("dC_dx", "dC_dw", "dC_dh")]:
        of = t[name].of
        if of is not None and of.step is None:
            found = str(t.check(name, index=(0,) * len(of.shape)))
            assert "agree" in found or "lies between the slopes" in found, name


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (fl.MaxPool(2), IMAGES), (fl.layers.AveragePool(3), IMAGES), (fl.Flatten(), IMAGES),
        (fl.Conv(2, 3), IMAGES), (fl.Dense(3, "tanh"), STEPS[0]), (fl.layers.LayerNorm(), STEPS[0]),
        (fl.LSTM(3), STEPS), (fl.layers.GRU(3, sequence=False), STEPS),
        (fl.layers.SelfAttention(3), STEPS), (fl.layers.MultiHead(2), STEPS),
        (fl.layers.Embedding(5, 3), np.array([[1, 4], [2, 0]])),
    ],
)  # fmt: skip
def test_a_layer_in_a_traced_function(layer: Any, x: Any) -> None:
    sound(fl.trace(lambda x: fl.sum(layer(x) ** 2), x=x))


def test_its_parameters_can_be_set_and_learned() -> None:
    x, target = DRAW.normal(size=(5, 3)), DRAW.normal(size=(5, 1))

    def write(x: Any, target: Any) -> Any:
        return fl.mse(fl.sum(fl.Dense(3)(fl.Dense(3, "tanh")(x)), axis=1, keepdims=True), target)

    t = fl.trace(write, x=x, target=target)
    assert {"Dense/w", "Dense/b", "Dense 2/w", "Dense 2/b"} <= t.matrices.keys()
    assert not np.allclose(t["Dense/w"].value[0, 0], t["Dense 2/w"].value[0, 0])
    first = float(t.cost.value)
    t.descend("Dense/w", "Dense/b", "Dense 2/w", "Dense 2/b", learning_rate=0.1)
    t.history.advance(50)
    assert t.history.costs[-1] < 0.5 * first
    again = fl.trace(write, x=x, target=target)
    assert float(again.cost.value) == first, "the same function begins with the same weights"


@pytest.mark.parametrize("x", [IMAGES, [[1.0]], 3, None])
def test_plain_numbers_are_refused_in_words(x: Any) -> None:
    with pytest.raises(fl.BadInput, match=r"MaxPool\(\.\.\.\)\(x\) takes a matrix of a traced"):
        fl.MaxPool(2)(x)


def test_a_network_of_pooling_alone_has_nothing_to_learn() -> None:
    with pytest.raises(fl.BadInput, match="none of its layers has weights"):
        fl.Network([fl.MaxPool(2)], IMAGES, IMAGES[:, :, :3, :3])


# -- the state before the first step -------------------------------------------------------------


@pytest.mark.parametrize("kind", [fl.layers.RNN, fl.layers.GRU, fl.LSTM])
def test_h_0_goes_on_where_another_ended(kind: Any) -> None:
    """Four steps at once, or two and then two more from where those ended."""
    layer = kind(3, sequence=False)
    whole = fl.trace(lambda x: layer(x), x=STEPS)
    weights = {n.partition("/")[2]: m.value for n, m in whole.matrices.items()
               if m.step is None and "/" in n and m.kind == "parameter"}  # fmt: skip
    scope = kind.__name__
    last = f"{scope}/step 2/"
    states = [whole[f"{last}{name}"].value for name in layer.states]
    rest = fl.trace(
        lambda x, h_0, c_0: layer(x, h_0=(h_0, c_0)[: len(layer.states)]),
        x=STEPS[:, 2:], h_0=states[0], c_0=states[-1],
    )  # fmt: skip
    for name, numbers in weights.items():
        rest.set(f"{scope}/{name}", numbers)
    rest.run()
    np.testing.assert_allclose(rest["y"].value, whole["y"].value, rtol=1e-12)
    sound(rest)
    assert rest["dC_dh_0"].value.any()


def test_plain_numbers_do_for_h_0_and_wrong_shapes_are_told() -> None:
    t = fl.trace(lambda x: fl.layers.RNN(3)(x, h_0=np.ones((3, 3))), x=STEPS)
    assert t["RNN/step 1/a"].shape == (3, 3)
    for h_0 in (np.ones((3, 2)), (np.ones((3, 3)),) * 2, 1.0):
        with pytest.raises(fl.BadInput, match=r"RNN: h_0 must be h_0, each 3×3; got"):
            fl.trace(lambda x, h=h_0: fl.layers.RNN(3)(x, h_0=h), x=STEPS)
    with pytest.raises(fl.BadInput, match=r"LSTM: h_0 must be h_0 and c_0, each 3×3"):
        fl.trace(lambda x: fl.LSTM(3)(x, h_0=np.ones((3, 3))), x=STEPS)


# -- PyTorch's weights ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_pytorchs_weights_give_pytorchs_numbers(kind: str) -> None:
    torch = pytest.importorskip("torch")
    peer = getattr(torch.nn, kind)(2, 3, batch_first=True, dtype=torch.float64)
    if kind == "GRU":
        with torch.no_grad():
            peer.bias_hh_l0[6:] = 0
    more = {"reset_after": True} if kind == "GRU" else {}
    layer = getattr(fl.layers, kind)(3, **more)
    net = fl.Network([layer], STEPS, np.zeros((3, 4, 3)))
    given = [getattr(peer, f"{part}_l0").detach().numpy()
             for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]  # fmt: skip
    for name, numbers in fl.layers.pytorch_weights(layer, *given).items():
        net.trace.set(f"layer 1/{name}", numbers)
    expected = peer(torch.tensor(STEPS))[0].detach().numpy()
    np.testing.assert_allclose(net.predict(STEPS), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "change", "told"),
    [
        (fl.Dense(3), {}, "must be an RNN, an LSTM or a GRU"),
        (fl.layers.GRU(3), {}, "reset_after"),
        (fl.LSTM(4), {}, r"weight_ih \(16, features\)"),
        (fl.LSTM(3), {"weight_hh": np.ones((12, 2))}, "12×2"),
        (fl.LSTM(3), {"bias_ih": np.ones(3)}, "and biases"),
        (fl.layers.GRU(3, reset_after=True),
         {"weight_ih": np.ones((9, 2)), "weight_hh": np.ones((9, 3)), "bias_hh": np.ones(9)},
         "last third of bias_hh"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit(layer: Any, change: Any, told: str) -> None:
    given = {"weight_ih": np.ones((12, 2)), "weight_hh": np.ones((12, 3))} | change
    with pytest.raises(fl.BadInput, match=told):
        fl.layers.pytorch_weights(layer, **given)


# -- attention, hinge, perceptron ----------------------------------------------------------------


def test_attention_without_its_scale() -> None:
    torch = pytest.importorskip("torch")
    t = fl.trace(lambda x: fl.layers.Attention(4, scaled=False)(x), x=STEPS)
    q, k, v = (torch.tensor(t[f"Attention/{name}/a"].value) for name in ("query", "key", "value"))
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, scale=1.0)
    np.testing.assert_allclose(t["y"].value, expected.numpy(), atol=1e-12)
    assert "Attention/products" not in t
    sound(t)
    scaled = fl.trace(lambda x: fl.layers.Attention(4)(x), x=STEPS)
    assert not np.allclose(scaled["y"].value, t["y"].value)


def test_the_multi_class_hinge_is_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    y, classes = DRAW.normal(size=(6, 4)) * 2, [0, 1, 2, 3, 0, 2]
    t = fl.trace(lambda y, classes: fl.costs.multiclass_hinge(y, classes), y=y, classes=classes)
    given = torch.tensor(y, requires_grad=True)
    loss = torch.nn.MultiMarginLoss()(given, torch.tensor(classes))
    loss.backward()
    assert float(t.cost.value) == pytest.approx(loss.item(), rel=1e-12)
    sound(t)
    np.testing.assert_allclose(t["dC_dy"].value, given.grad.numpy(), atol=1e-12)
    one_hot = fl.costs.multiclass_hinge(y, np.eye(4)[classes])
    assert float(one_hot) == pytest.approx(loss.item(), rel=1e-12)


def test_a_network_learns_with_the_multi_class_hinge() -> None:
    x, y = np.eye(3).repeat(5, 0), np.arange(3).repeat(5)
    net = fl.Network([fl.Dense(3)], x, y, cost="multiclass_hinge", optimizer=fl.Adam(0.1))
    net.fit(100)
    assert (net.predict(x).argmax(axis=1) == y).all()
    assert net.history.costs[-1] == 0
    blank = fl.Network([fl.Dense(3)], x, np.full(15, -1), cost="multiclass_hinge")
    assert blank.evaluate(x, np.full(15, -1)) == 0
    with pytest.raises(fl.BadInput, match="multiclass_hinge targets must be"):
        fl.Network([fl.Dense(3)], x, np.full((15, 3), 2.0), cost="multiclass_hinge")


def test_a_perceptron_that_fires_at_0() -> None:
    x, target = fl.data.gate("or")
    at_0, above = (fl.models.perceptron(x, target, fires_at_0=fires) for fires in (True, False))
    np.testing.assert_array_equal(at_0["y"].value.ravel(), [1, 1, 1, 1])
    np.testing.assert_array_equal(above["y"].value.ravel(), [0, 0, 0, 0])
    for t in (at_0, above):
        sound(t)
        assert fl.models.settle(t).epochs is not None
    with pytest.raises(fl.BadInput, match="fires_at_0 must be True or False"):
        fl.models.perceptron(x, target, fires_at_0=1)


# -- freezing ------------------------------------------------------------------------------------


def network(**more: Any) -> fl.Network:
    layers = [fl.Dense(4, "tanh"), fl.Dense(3, "tanh"), fl.Dense(1)]
    return fl.Network(layers, *fl.data.parity(2), seed=1, **more)


def moved(net: fl.Network, epochs: int = 3) -> set[str]:
    """The parameters that learning changes."""
    before = net.values()
    net.fit(epochs)
    after = net.values()
    names = [n for n in before if n.rpartition("/")[2] in ("w", "b")]
    return {n for n in names if not np.array_equal(before[n], after[n])}


@pytest.mark.parametrize(
    ("frozen", "stay"),
    [
        (["layer 1"], {"layer 1/w", "layer 1/b"}), (["layer 2/b"], {"layer 2/b"}),
        (["b"], {"layer 1/b", "layer 2/b", "layer 3/b"}), ([], set()),
        (["layer 1", "b"], {"layer 1/w", "layer 1/b", "layer 2/b", "layer 3/b"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("optimizer", ["adam", "momentum", "gradient_descent"])
def test_what_is_frozen_does_not_change(
    frozen: list[str], stay: set[str], optimizer: str, tmp_path: Path
) -> None:
    net = network(frozen=frozen, optimizer=optimizer)
    every = {f"layer {k}/{letter}" for k in (1, 2, 3) for letter in "wb"}
    assert moved(net) == every - stay
    net.save(tmp_path / "net.npz")
    other = fl.Network.load(tmp_path / "net.npz")
    assert other.design.frozen == tuple(frozen)
    assert moved(other) == every - stay
    net.fit(3)
    assert all(np.array_equal(a, other.values()[n]) for n, a in net.values().items())
    assert "agree" in str(net.trace.check("layer 1/dC_dw", index=(0, 0))), "its gradient is there"


def test_freezing_and_thawing_keeps_the_numbers() -> None:
    net = network()
    net.fit(3)
    before = net.values()
    net.freeze("layer 1", "layer 2")
    assert all(np.array_equal(a, net.values()[n]) for n, a in before.items() if n in net.values())
    assert moved(net) == {"layer 3/w", "layer 3/b"}
    assert net.copy().design.frozen == ("layer 1", "layer 2")
    net.freeze()
    assert len(moved(net)) == 6


def test_frozen_names_that_are_none() -> None:
    net = network()
    net.fit(1)
    before = net.values()
    for names, told in (
        (["layer 9"], "'layer 9', and there is no such parameter"),
        (["w", "b"], "every parameter is frozen"), ([3], "must be names"),
    ):  # fmt: skip
        with pytest.raises(fl.BadInput, match=told):
            net.freeze(*names)
        with pytest.raises(fl.BadInput, match=told):
            network(frozen=names)
    assert net.design.frozen == ()
    assert all(np.array_equal(a, net.values()[n]) for n, a in before.items())
    with pytest.raises(fl.BadInput, match="must be names"):
        network(frozen="layer 1")


def test_a_second_matrix_in_its_place_is_the_first_state() -> None:
    """`layer(x, h)` as well as `layer(x, h_0=h)`."""
    h = DRAW.normal(size=(3, 2))
    found = [
        fl.trace(lambda x, h, call=call: fl.sum(call(fl.layers.RNN(2), x, h)), x=STEPS, h=h)
        for call in (lambda rnn, x, h: rnn(x, h), lambda rnn, x, h: rnn(x, h_0=h))
    ]
    for t in found:
        sound(t)
    assert found[0].cost.value == found[1].cost.value
    assert np.any(found[0]["dC_dh"].value)
