"""Convolution, pooling and what is built of them, against PyTorch's own."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import numpy as np
import oracle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fluxlab as fl
from fluxlab.engine.building.building import Building
from fluxlab.engine.core.scopes import scope
from fluxlab.engine.running.plan import Plan
from fluxlab.engine.tracing import Trace

RELATIVE = 1e-11


def recorded(layer: Any, x: np.ndarray, training: bool = True, seed: int = 0) -> Trace:
    """One layer on x, backwards from C = the sum of h * share with random shares."""
    trace = Trace("one layer")
    building = Building(trace, training, {}, np.random.default_rng(seed), seed)
    source = trace.input("x", x)
    with scope("layer 1"):
        h = layer(source, building)
    for matrix in trace.inputs:  # a bias of 0 would hide a mistake
        if matrix.local == "b":
            matrix.buffer[...] = building.draw.normal(size=matrix.shape)
    share = trace.input("share", np.random.default_rng(1).normal(size=h.shape))
    share.wants_gradient = False
    trace.finish(fl.sum(h * share))
    trace.run()
    trace.backward()
    return trace


def tensors(torch: Any, trace: Trace) -> dict[str, Any]:
    """x and every parameter as tensors that want a gradient."""
    wanted = [m for m in trace.inputs if m.kind == "parameter" or m.name == "x"]
    return {m.name: torch.tensor(m.value, requires_grad=True) for m in wanted}


def same(trace: Trace, given: dict[str, Any], h: Any, torch: Any) -> None:
    """The output, the cost and every gradient are PyTorch's."""
    close(trace["layer 1/h"].value, h)
    (h * torch.tensor(trace["share"].value)).sum().backward()
    for name, tensor in given.items():
        head, _, local = name.rpartition("/")
        found = trace[f"{head}/dC_d{local}" if head else f"dC_d{local}"].value
        close(found, tensor.grad)


def close(ours: np.ndarray, theirs: Any) -> None:
    wanted = theirs.detach().numpy()
    scale = max(1.0, float(np.abs(wanted).max()))
    np.testing.assert_allclose(ours, wanted, rtol=RELATIVE, atol=1e-13 * scale)


def image(data: Any, least: int = 1, whole: bool = False) -> np.ndarray:
    """(samples, channels, rows, columns), all sizes drawn."""
    shape = data.draw(st.tuples(*(st.integers(1, 3),) * 2, *(st.integers(least, 8),) * 2))
    draw = np.random.default_rng(data.draw(st.integers(0, 9)))
    return draw.integers(-2, 3, size=shape) * 1.0 if whole else draw.normal(size=shape)


SIDES = st.tuples(st.integers(1, 4), st.integers(1, 4))


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch says that it copies
@settings(max_examples=60)
@given(st.data())
def test_convolution_is_pytorchs(data: st.DataObject) -> None:
    torch = oracle.torch()
    x = image(data)
    kernel, stride = data.draw(SIDES), data.draw(SIDES)
    padding = data.draw(st.one_of(st.integers(0, 3), st.sampled_from(["valid", "same"])))
    wide = 0 if padding == "valid" else 9 if padding == "same" else 2 * int(padding)
    assume(all(k <= n + wide for k, n in zip(kernel, x.shape[2:], strict=True)))
    if padding == "same":
        stride = (1, 1)  # PyTorch has no other; larger strides are tested below
    trace = recorded(fl.Conv(data.draw(st.integers(1, 4)), kernel, stride, padding), x)
    given_ = tensors(torch, trace)
    h = torch.nn.functional.conv2d(
        given_["x"], given_["layer 1/w"], given_["layer 1/b"].flatten(), stride, padding
    )
    same(trace, given_, h, torch)
    sizes = zip(x.shape[2:], kernel, stride, strict=True)
    assert h.shape[2:] == tuple(fl.output_size(*s, padding=padding) for s in sizes)


@settings(max_examples=30)
@given(st.data())
def test_same_padding_with_stride_keeps_every_stride_th_place(data: st.DataObject) -> None:
    torch = oracle.torch()
    x = image(data)
    kernel, stride = data.draw(SIDES), data.draw(SIDES)
    trace = recorded(fl.Conv(2, kernel, stride, "same"), x)
    given_ = tensors(torch, trace)
    out = trace["layer 1/h"].shape[2:]
    assert out == tuple(-(-n // s) for n, s in zip(x.shape[2:], stride, strict=True))
    sides = []
    for n, m, k, s in zip(x.shape[2:], out, kernel, stride, strict=True):
        every = max((m - 1) * s + k - n, 0)
        sides = [every // 2, (every + 1) // 2, *sides]
    wide = torch.nn.functional.pad(given_["x"], sides)
    h = torch.nn.functional.conv2d(wide, given_["layer 1/w"], given_["layer 1/b"].flatten(), stride)
    same(trace, given_, h, torch)


@settings(max_examples=60)
@given(st.data())
def test_pooling_is_pytorchs_also_among_equals(data: st.DataObject) -> None:
    torch = oracle.torch()
    F = torch.nn.functional
    x = image(data, whole=True)
    size = data.draw(st.tuples(*(st.integers(1, min(4, n)) for n in x.shape[2:])))
    stride = data.draw(st.one_of(st.none(), SIDES))
    for layer, theirs in ((fl.MaxPool, F.max_pool2d), (fl.AveragePool, F.avg_pool2d)):
        trace = recorded(layer(size, stride), x)
        given_ = tensors(torch, trace)
        same(trace, given_, theirs(given_["x"], size, stride), torch)


def test_a_large_batch_lies_otherwise_in_memory_and_gives_the_same() -> None:
    """More than a few thousand cells are copied into one order first; small traces never are."""
    torch = oracle.torch()
    F = torch.nn.functional
    x = np.random.default_rng(3).normal(size=(16, 2, 13, 18))

    class Two:
        def __call__(self, x: Any, building: Any) -> Any:
            with scope("first"):
                h = fl.MaxPool(2)(fl.Conv(8, 3, activation="relu")(x, building), building)
            with scope("second"):
                h = fl.Conv(5, (2, 3), padding=1)(h, building)
            with scope("third"):
                h = fl.AveragePool((2, 3))(h, building)
            return (h * h).named("h")

    trace = recorded(Two(), x)
    given_ = tensors(torch, trace)
    w1, b1, w2, b2 = (
        given_[f"layer 1/{n}"] for n in ("first/w", "first/b", "second/w", "second/b")
    )
    h = F.max_pool2d(F.relu(F.conv2d(given_["x"], w1, b1.flatten())), 2)
    h = F.avg_pool2d(F.conv2d(h, w2, b2.flatten(), padding=1), (2, 3)) ** 2
    same(trace, given_, h, torch)


def conv(torch: Any, given_: dict[str, Any], name: str, x: Any, **more: Any) -> Any:
    w, b = given_[f"layer 1/{name}/w"], given_[f"layer 1/{name}/b"]
    return torch.nn.functional.conv2d(x, w, b.flatten(), **more)


@pytest.mark.parametrize(("filters", "stride"), [(2, 1), (3, 1), (3, 2), (2, (1, 2))])
def test_a_residual_block_is_pytorchs(filters: int, stride: Any) -> None:
    torch = oracle.torch()
    x = np.random.default_rng(4).normal(size=(3, 2, 5, 7))
    inner = [fl.Conv(4, 3, stride, "same", "relu"), fl.Conv(filters, 3, 1, "same")]
    trace = recorded(fl.Residual(inner), x)
    given_ = tensors(torch, trace)
    x_ = given_["x"]
    n, s = np.array(x.shape[2:]), np.broadcast_to(stride, 2)
    every = np.maximum((-(-n // s) - 1) * s + 3 - n, 0)
    sides = [int(v) for k in (1, 0) for v in (every[k] // 2, (every[k] + 1) // 2)]
    wide = torch.nn.functional.pad(x_, sides)
    h = torch.relu(conv(torch, given_, "inner 1", wide, stride=stride))
    h = conv(torch, given_, "inner 2", h, padding="same")
    projected = (filters, stride) != (2, 1)
    assert projected == ("layer 1/projection/w" in trace)
    shortcut = conv(torch, given_, "projection", x_, stride=stride) if projected else x_
    same(trace, given_, torch.relu(h + shortcut), torch)


def test_a_residual_block_of_dense_layers() -> None:
    torch = oracle.torch()
    x = np.random.default_rng(5).normal(size=(4, 3))
    trace = recorded(fl.Residual([fl.Dense(5, "tanh"), fl.Dense(2)], "tanh"), x)
    given_ = tensors(torch, trace)

    def linear(name: str, x: Any) -> Any:
        return x @ given_[f"layer 1/{name}/w"] + given_[f"layer 1/{name}/b"]

    inner = linear("inner 2", torch.tanh(linear("inner 1", given_["x"])))
    same(trace, given_, torch.tanh(inner + linear("projection", given_["x"])), torch)


def test_an_inception_module_is_pytorchs() -> None:
    torch = oracle.torch()
    x = np.random.default_rng(6).random((2, 3, 4, 6))
    trace = recorded(fl.Inception(2, (3, 4), (1, 2), 5), x)
    given_ = tensors(torch, trace)

    def run(name: str, x: Any) -> Any:
        return torch.relu(conv(torch, given_, name, x, padding="same"))

    x_ = given_["x"]
    pooled = torch.nn.functional.max_pool2d(x_, 3, 1, padding=1)  # its border never wins
    h = torch.cat(
        [
            run("1x1", x_), run("3x3", run("3x3 reduced", x_)),
            run("5x5", run("5x5 reduced", x_)), run("pool 1x1", pooled),
        ],
        dim=1,
    )  # fmt: skip
    assert h.shape == (2, 2 + 4 + 2 + 5, 4, 6)
    same(trace, given_, h, torch)


def test_a_highway_layer_is_srivastavas() -> None:
    torch = oracle.torch()
    x = np.random.default_rng(7).normal(size=(4, 3))
    trace = recorded(fl.Highway("relu"), x)
    given_ = tensors(torch, trace)

    def linear(name: str) -> Any:
        return torch.nn.functional.linear(
            given_["x"], given_[f"layer 1/{name}/w"].T, given_[f"layer 1/{name}/b"].flatten()
        )

    gate = torch.sigmoid(linear("gate"))
    same(trace, given_, torch.relu(linear("transform")) * gate + given_["x"] * (1 - gate), torch)


def test_a_new_highway_layer_mostly_carries() -> None:
    x = np.random.default_rng(8).normal(size=(50, 4))
    trace = Trace("highway")
    building = Building(trace, True, {}, np.random.default_rng(0), 0)
    fl.Highway(carry=-3.0)(trace.input("x", x), building)
    assert np.median(trace["gate/h"].value) < 0.1


# -- sizes --------------------------------------------------------------------------------------


def test_output_size_is_the_floor_of_the_quotient() -> None:
    assert fl.output_size(28, 3) == 26
    assert fl.output_size(7, 3, stride=2) == 3
    assert fl.output_size(8, 3, stride=2) == 3  # (8 - 3) / 2 + 1 = 3.5: the last column is not read
    assert fl.output_size(8, 3, stride=2, padding="same") == 4
    assert fl.output_size(5, 5, padding=2) == 5


@pytest.mark.parametrize(
    "layers",
    [
        [fl.Conv(1, (3, 2)), fl.MaxPool((2, 1)), fl.Dropout(0.5), fl.Conv(1, 3, (2, 1)),
         fl.AveragePool(2, 1)],
        [fl.Residual([fl.Conv(1, 3, 1, "same"), fl.Conv(1, 3, 2, "same")]), fl.AveragePool(2)],
        [fl.Inception(1, (1, 1), (1, 1), 1), fl.Conv(1, (2, 3), 1)],
    ],
)  # fmt: skip
def test_the_receptive_field_is_where_the_gradient_is_not_zero(layers: Any) -> None:
    field = fl.receptive_field(layers)
    x = np.random.default_rng(0).normal(size=(1, 1, 29, 23))
    trace = Trace("receptive field")
    building = Building(trace, False, {}, np.random.default_rng(0), 0)
    h = trace.input("x", x)
    for number, layer in enumerate(layers):
        with scope(f"layer {number}"):
            # Means in place of maxima: every cell of a window counts.
            layer = fl.AveragePool((2, 1)) if isinstance(layer, fl.MaxPool) else layer
            h = layer(h, building)
    for matrix in trace.inputs:
        if matrix.local == "w":
            matrix.buffer[...] = np.abs(matrix.buffer)
    trace.finish(fl.sum(h[0, :, 2, 3]))
    trace.run()
    trace.backward()
    rows, columns = np.nonzero(trace["dC_dx"].value[0, 0])
    assert field == (np.ptp(rows) + 1, np.ptp(columns) + 1)
    assert fl.receptive_field([(3, 1), (2, 2), (3, 1)]) == (8, 8)
    assert fl.receptive_field(fl.lenet()[:5]) == (10, 10)
    with pytest.raises(fl.BadInput, match="behind Flatten"):
        fl.receptive_field(fl.lenet())


BAD = {
    "rows into Conv": (lambda: recorded(fl.Conv(2), np.ones((3, 4))), "Image"),
    "rows into MaxPool": (lambda: recorded(fl.MaxPool(), np.ones((3, 4))), "Image"),
    "no filters": (lambda: recorded(fl.Conv(0), np.ones((1, 1, 4, 4))), "filters"),
    "half a filter": (lambda: recorded(fl.Conv(2.5), np.ones((1, 1, 4, 4))), "filters"),
    "no rows": (lambda: recorded(fl.Image(1, -2, -3), np.ones((2, 6))), "rows"),
    "kernel": (lambda: recorded(fl.Conv(1, 0), np.ones((1, 1, 4, 4))), "kernel"),
    "stride": (lambda: recorded(fl.Conv(1, 2, 1.5), np.ones((1, 1, 4, 4))), "stride"),
    "padding": (lambda: recorded(fl.Conv(1, 2, 1, "full"), np.ones((1, 1, 4, 4))), "same"),
    "too large": (lambda: recorded(fl.Conv(1, 5), np.ones((1, 1, 4, 4))), "5×5"),
    "size": (lambda: fl.output_size(4, 5), "smaller window"),
    "image": (lambda: recorded(fl.Image(1, 2, 3), np.ones((2, 7))), "(samples, 6)"),
    "shapes": (
        lambda: recorded(fl.Residual([fl.Conv(2, 4)]), np.ones((1, 1, 9, 9))), "padding='same'"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_refused_in_words(name: str) -> None:
    run, text = BAD[name]
    with pytest.raises(fl.BadInput) as refused:
        run()
    assert text in str(refused.value)


# -- explanations, speed, learning --------------------------------------------------------------


def test_a_pooled_cell_says_which_cell_won() -> None:
    x = np.array([[[[1.0, 7.0, -30.0], [5.0, 2.0, 9.0]]]])
    trace = recorded(fl.MaxPool((2, 2), 1), x)
    found = trace["layer 1/h"].explain(0, 0, 0, 1)
    assert [t.value for t in found.terms] == [9.0, 7.0, 2.0, -30.0]
    assert "x[0, 0, 1, 2] is the largest" in found.words
    # The gradient: this window's goes to the winner, which is in no other window.
    share = trace["share"].value
    assert trace["dC_dx"].value[0, 0, 1, 2] == share[0, 0, 0, 1]
    assert trace["dC_dx"].value[0, 0, 0, 1] == share[0, 0, 0, 0]


def test_a_cell_of_a_convolution_is_kernel_times_patch() -> None:
    x = np.random.default_rng(9).normal(size=(1, 2, 5, 6))
    trace = recorded(fl.Conv(3, (2, 3)), x)
    w, cell = trace["layer 1/w"].value, trace["layer 1/x conv w"].explain(0, 2, 1, 3)
    products = w[2] * x[0, :, 1:3, 3:6]
    assert sorted(t.value for t in cell.terms) == pytest.approx(sorted(products.ravel()))
    assert cell.value == pytest.approx(products.sum())


def test_a_cell_of_every_matrix_of_the_digit_network_is_its_explanation() -> None:
    """How soon, `make bench` measures."""
    x, y = fl.data.digits()
    net = fl.Network(fl.lenet(), x, y, cost="cross_entropy_logits", batch=128)
    net.trace.run()
    draw = np.random.default_rng(0)
    for matrix in net.trace.matrices.values():
        found = matrix.explain(*(int(draw.integers(n)) for n in matrix.shape))
        room = 1e-12 * max(1.0, abs(found.value))
        assert abs(found.recompute() - found.value) <= room, matrix.name
        assert len(found.terms) <= 24


def test_no_matrix_is_made_while_a_convolutional_network_learns() -> None:
    x = np.random.default_rng(0).normal(size=(6, 1, 9, 8))
    layers = [
        fl.Conv(3, 3, 1, "same", "relu"), fl.MaxPool(2), fl.Residual([fl.Conv(4, 3, 1, "same")]),
        fl.Inception(1, (1, 2), (1, 1), 1), fl.AveragePool((2, 3)), fl.Flatten(), fl.Highway(),
        fl.Dense(2),
    ]  # fmt: skip
    net = fl.Network(layers, x, np.eye(2)[[0, 1, 1, 0, 1, 0]], cost="cross_entropy_logits")
    plan = Plan(net.trace, [], net.trace.carry)
    plan.run(3)
    found = []
    for count in (2, 40):
        tracemalloc.start()
        plan.run(count)
        found.append(tracemalloc.get_traced_memory())
        tracemalloc.stop()
    # NumPy's loops over small cells in odd orders have buffers of their own, for one call each.
    (left, high), (left_40, high_40) = found
    assert left_40 - left < 200, found
    assert high_40 - high < 200, found


def test_no_call_of_a_large_convolution_makes_an_array() -> None:
    x = np.random.default_rng(0).normal(size=(16, 1, 28, 28))

    class Pooled:
        def __call__(self, x: Any, building: Any) -> Any:
            with scope("conv"):
                h = fl.Conv(8, 3, activation="relu")(x, building)
            return fl.MaxPool(2)(h, building)

    trace = recorded(Pooled(), x)
    plan = Plan(trace, [trace["layer 1/conv/dC_dw"], trace["layer 1/conv/dC_db"]])
    plan.run(2)
    tracemalloc.start()
    plan.run(2)
    _, high = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # NumPy's own loop buffers have 8,192 cells at most; h has 692,224 bytes.
    assert high < 3 * 8 * 8192, high


def test_windows_side_by_side_cost_nothing_and_all_cells_lie_alike() -> None:
    """What makes it fast: pooling reads h itself, and its gradient is written in place."""

    class Pooled:
        def __call__(self, x: Any, building: Any) -> Any:
            with scope("conv"):
                h = fl.Conv(3, 3, activation="relu")(x, building)
            return fl.MaxPool((2, 3))(h, building)

    trace = recorded(Pooled(), np.random.default_rng(0).normal(size=(4, 2, 8, 11)))
    h, gradient = trace["layer 1/conv/h"].buffer, trace["layer 1/conv/dC_dh"].buffer
    assert np.shares_memory(trace["layer 1/windows"].buffer, h)
    assert np.shares_memory(trace["layer 1/dC_dwindows"].buffer, gradient)
    for name in ("conv/x conv w", "conv/a", "conv/dh_da", "conv/dC_da", "conv/dC_dh"):
        assert trace[f"layer 1/{name}"].buffer.strides == h.strides, name


def test_another_activation_for_a_convolution() -> None:
    x = np.random.default_rng(0).normal(size=(3, 1, 4, 5))
    layers = [fl.Conv(2, 3, activation="relu"), fl.Flatten(), fl.Dense(1)]
    net = fl.Network(layers, x, [[0.0], [1.0], [0.0]])
    w = net.trace["layer 1/w"].value
    net.set_activation(1, "tanh")
    net.trace.run()
    np.testing.assert_array_equal(net.trace["layer 1/w"].value, w)
    np.testing.assert_allclose(net.trace["layer 1/h"].value, np.tanh(net.trace["layer 1/a"].value))
    with pytest.raises(fl.BadInput, match="no activation"):
        net.set_activation(2, "tanh")


def test_thirty_blocks_start_to_learn_at_once() -> None:
    """From the last matrix to the first there are 2^30 ways; each matrix is looked at once."""
    blocks = [fl.Residual([fl.Dense(3, "tanh")], "linear") for _ in range(30)]
    x = np.random.default_rng(0).normal(size=(4, 3))
    began = time.perf_counter()
    net = fl.Network(
        [*blocks, fl.Dense(2)], x, [[0.0, 1.0]] * 4, optimizer=fl.GradientDescent(1e-4)
    )
    costs = net.fit(3).costs
    assert time.perf_counter() - began < 120, "it must not try all ways"
    assert costs[-1] < costs[0]


def test_layers_of_layers_are_saved_and_loaded(tmp_path: Any) -> None:
    x = np.random.default_rng(0).random((5, 1, 4, 6))
    layers = [
        fl.Conv(2, (3, 2), 1, "same", "relu"), fl.Residual([fl.Conv(3, 3, 1, "same")]),
        fl.Inception(1, (1, 2), (1, 1), 1), fl.AveragePool((4, 6)), fl.Flatten(), fl.Dense(2),
    ]  # fmt: skip
    net = fl.Network(layers, x, [0, 1, 1, 0, 1], cost="cross_entropy_logits", batch=2)
    net.fit(2)
    net.save(tmp_path / "net.flux")
    again = fl.Network.load(tmp_path / "net.flux")
    net.fit(2)
    again.fit(2)
    np.testing.assert_array_equal(again.predict(x), net.predict(x))


def test_digits_are_read_98_of_100_right_by_a_convolutional_network() -> None:
    """Every third digit is held out, as for the dense network; 13,706 parameters, 40 epochs.

    Every digit is seen a little moved, differently each time. Seeds 0 to 4 gave 98.7 to 99.3 % in
    about 10 s; without the moving 97.8 to 99.0 %.
    """
    x, y = fl.data.digits()
    held = np.arange(len(x)) % 3 == 2
    net = fl.Network(
        [fl.Augment(0.5, 5, 0.05, 0.05), *fl.lenet()], x[~held], y[~held],
        cost="cross_entropy_logits", optimizer=fl.Adam(0.003), schedule=fl.CosineDecay(1520),
        batch=32,
    )  # fmt: skip
    assert 40 * net.iterations_per_epoch == 1520
    began = time.perf_counter()
    net.fit(40)
    took = time.perf_counter() - began
    right = np.mean(net.predict(x[held]).argmax(axis=1) == y[held].argmax(axis=1))
    assert held.sum() == 599
    assert right >= 0.98, right
    assert took < 60
