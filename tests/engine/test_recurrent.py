"""Recurrent layers against PyTorch: its own modules, and loops written out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import torch

import fluxlab as fl

Weights = dict[str, Any]  # "forward/w": tensor


def compare(
    layer: Any, x: np.ndarray, theirs: Callable[[Any, Weights], Any], real: Any = ...
) -> Any:
    """Outputs, and the gradient of the input and of every parameter; returns our trace.

    real : the steps that count in the cost.
    """
    th = torch()
    target = np.random.default_rng(7).normal(size=fl_output(layer, x).shape)
    trace = fl.Network([layer], x, target, seed=3).trace
    trace.run()
    own = {m.name: m for m in trace.inputs if m.kind == "parameter"}
    # Biases that start at 0 would hide a bias put in the wrong place.
    for k, name in enumerate(own):
        trace.set(name, np.random.default_rng(k).normal(size=own[name].shape))
    weights = {n: th.tensor(m.value, requires_grad=True) for n, m in own.items()}
    given = th.tensor(x, requires_grad=True)
    y = theirs(given, {n.removeprefix("layer 1/"): w for n, w in weights.items()})
    ((y - th.tensor(target)) ** 2)[real].mean().backward()
    near(trace["y"].value, y)
    near(trace["layer 1/dC_dx"].value, given.grad)
    for name, w in weights.items():
        head, _, tail = name.rpartition("/")
        near(trace[f"{head}/dC_d{tail}"].value, w.grad)
    return trace


def fl_output(layer: Any, x: np.ndarray) -> np.ndarray:
    """What the layer gives, whatever its first weights are."""
    from fluxlab.engine.networks.design import Design, predicting

    return predicting(Design([layer]), x, {})["y"].value


def near(found: np.ndarray, wanted: Any) -> None:
    near_numbers(found, wanted.detach().numpy())


def near_numbers(found: np.ndarray, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-13)


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


sizes = st.tuples(*[st.integers(1, 5)] * 4)  # samples, steps, features, neurons
few = settings(max_examples=6, deadline=None)

# -- PyTorch's own modules --------------------------------------------------------------------


def reorder(w: Any, order: list[int], signs: list[int]) -> Any:
    """The gates of (rows, gates * neurons) in another order, turned as PyTorch has them."""
    parts = w.chunk(len(order), dim=1)
    return torch().cat([s * parts[k] for k, s in zip(order, signs, strict=True)], dim=1).T


def module_weights(kind: str, w: Weights, suffix: str = "") -> Weights:
    """Our w, u, b as PyTorch's parameters; gradients flow back through the change of order."""
    # PyTorch: i f g o, ours f i o g; r z n, ours z r g, where its z is our 1 - z.
    order = {"RNN": [0], "LSTM": [1, 0, 3, 2], "GRU": [1, 0, 2]}[kind]
    signs = {"RNN": [1], "LSTM": [1, 1, 1, 1], "GRU": [1, -1, 1]}[kind]
    u = torch().cat([w["u"], w["u_g"]], dim=1) if kind == "GRU" else w["u"]
    bias = reorder(w["b"], order, signs)[:, 0]
    return {
        f"weight_ih_l0{suffix}": reorder(w["w"], order, signs),
        f"weight_hh_l0{suffix}": reorder(u, order, signs),
        f"bias_ih_l0{suffix}": bias,
        f"bias_hh_l0{suffix}": torch().zeros_like(bias),
    }


def module(kind: str, x: Any, w: Weights, neurons: int, both: bool = False, **more: Any) -> Any:
    """(outputs, last h) of torch.nn's module of that name; x may be packed."""
    th = torch()
    features = w["forward/w" if both else "w"].shape[0]
    made = getattr(th.nn, kind)(
        features, neurons, batch_first=True, dtype=th.float64, bidirectional=both, **more
    )
    if both:
        ways = [
            {k.removeprefix(way): v for k, v in w.items() if k.startswith(way)}
            for way in ("forward/", "backward/")
        ]
        found = module_weights(kind, ways[0]) | module_weights(kind, ways[1], "_reverse")
    else:
        found = module_weights(kind, w)
    outputs, last = th.func.functional_call(made, found, (x,))
    last = last[0] if kind == "LSTM" else last
    return outputs, th.cat(list(last), dim=1)


def layer_of(kind: str, neurons: int, **more: Any) -> Any:
    if kind == "GRU":
        more["reset_after"] = True  # the only form that torch.nn.GRU has
    return getattr(fl, kind)(neurons, **more)


KINDS = ["RNN", "LSTM", "GRU"]


@pytest.mark.parametrize("kind", KINDS)
@few
@given(sizes)
def test_the_layer_equals_pytorchs(kind: str, shape: tuple[int, ...]) -> None:
    *data, n = shape
    compare(layer_of(kind, n), numbers(*data), lambda x, w: module(kind, x, w, n)[0])
    compare(
        layer_of(kind, n, sequence=False), numbers(*data), lambda x, w: module(kind, x, w, n)[1]
    )


def test_each_gate_has_its_own_name() -> None:
    """f, i, o, g and z, r, g are what their names say, in the first step, where h and c are 0."""
    x, n = numbers(3, 2, 4), 2

    def step_1(layer: Any) -> tuple[Any, Any, Any]:
        trace = fl.Network([layer], x, numbers(3, 2, n)).trace
        trace.set("layer 1/b", numbers(*trace["layer 1/b"].shape))
        a = x[:, 0] @ trace["layer 1/w"].value + trace["layer 1/b"].value
        return (
            trace,
            lambda name: trace[f"layer 1/step 1/{name}"].value,
            np.split(a, a.shape[1] // n, 1),
        )

    for layer in (fl.LSTM(n), fl.PeepholeLSTM(n)):
        trace, matrix, (f, i, o, g) = step_1(layer)
        trace.run()
        near_numbers(matrix("f"), 1 / (1 + np.exp(-f)))
        near_numbers(matrix("i"), 1 / (1 + np.exp(-i)))
        near_numbers(matrix("g"), np.tanh(g))
        near_numbers(matrix("c"), matrix("i") * np.tanh(g))
        # With peepholes the output gate also sees the new c.
        seen = trace["layer 1/p_o"].value * matrix("c") if "layer 1/p_o" in trace else 0
        near_numbers(matrix("o"), 1 / (1 + np.exp(-(o + seen))))
    trace, matrix, (z, r, g) = step_1(fl.GRU(n))
    trace.run()
    near_numbers(matrix("z"), 1 / (1 + np.exp(-z)))
    near_numbers(matrix("r"), 1 / (1 + np.exp(-r)))
    near_numbers(matrix("g"), np.tanh(g))


def test_another_activation() -> None:
    compare(
        fl.RNN(4, activation="relu"), numbers(2, 5, 3),
        lambda x, w: module("RNN", x, w, 4, nonlinearity="relu")[0],
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@few
@given(sizes)
def test_both_directions_equal_pytorchs(kind: str, shape: tuple[int, ...]) -> None:
    *data, n = shape
    for sequence in (True, False):
        compare(
            fl.Bidirectional(layer_of(kind, n, sequence=sequence)), numbers(*data),
            lambda x, w, s=sequence: module(kind, x, w, n, both=True)[0 if s else 1],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (fl.LSTM(3, forget_bias=2.5), "b"),
        (fl.PeepholeLSTM(3, forget_bias=2.5), "b"),
        (fl.FullPeepholeLSTM(3, forget_bias=2.5), "b_fi"),
        (fl.GRU(3, update_bias=2.5), "b"),
    ],
)
def test_the_first_gate_starts_with_its_bias(layer: Any, name: str) -> None:
    trace = fl.Network([layer], numbers(2, 4, 5), numbers(2, 4, 3)).trace
    biases = {m.local: m.value for m in trace.inputs if m.local[0] == "b"}
    start = biases.pop(name)
    np.testing.assert_array_equal(start[0, :3], [2.5] * 3)
    assert not np.any(start[0, 3:])
    assert not any(map(np.any, biases.values())), "no other gate has a bias to start with"


# -- sequences of unequal length --------------------------------------------------------------


def packed(kind: str, x: Any, w: Weights, n: int, lengths: Any, both: bool) -> Any:
    """PyTorch on packed sequences, which have no padding at all: (outputs, last h)."""
    rnn = torch().nn.utils.rnn
    bundle = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    outputs, last = module(kind, bundle, w, n, both=both)
    padded, _ = rnn.pad_packed_sequence(outputs, batch_first=True, total_length=x.shape[1])
    return padded, last


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@few
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 3))
def test_masked_sequences_equal_packed_ones(
    kind: str, both: bool, lengths: list[int], n: int
) -> None:
    x = numbers(len(lengths), 4, 3)
    for row, length in zip(x, lengths, strict=True):
        row[length:] = 0
    padding = ~np.any(x, axis=-1)
    for sequence in (True, False):
        layer = layer_of(kind, n, sequence=sequence, masked=True)
        trace = compare(
            fl.Bidirectional(layer) if both else layer, x,
            lambda x, w, s=sequence: packed(kind, x, w, n, lengths, both)[0 if s else 1],
            torch().tensor(~padding) if sequence else ...,
        )  # fmt: skip
        assert not np.any(trace["layer 1/dC_dx"].value[padding]), "exactly 0, not nearly"


def test_token_0_of_an_embedding_is_padding_whatever_its_row_says() -> None:
    tokens = np.array([[3.0, 1, 2, 0], [2, 0, 0, 0]])
    layers = [fl.Embedding(4, 3), fl.Dropout(0.0), fl.LSTM(5, sequence=False, masked=True)]
    trace = fl.Network(layers, tokens, numbers(2, 5), seed=1).trace
    trace.run()
    w = {k: torch().tensor(trace[f"layer 3/{k}"].value) for k in "wub"}
    x = torch().tensor(trace["layer 1/h"].value)
    near(trace["y"].value, packed("LSTM", x, w, 5, [3, 1], False)[1])
    table = trace["layer 1/dC_dw"].value
    assert np.any(trace["layer 1/w"].value[0]), "the row of padding is no row of zeros"
    assert not np.any(table[0])
    assert np.all(np.any(table[1:], axis=1))


def test_the_gradient_check_takes_padding_for_a_fact() -> None:
    x = numbers(2, 3, 2)
    x[0, 1:] = 0
    trace = fl.Network([fl.RNN(3, masked=True)], x, numbers(2, 3, 3)).trace
    trace.run()
    found = trace.check("layer 1/dC_dx")
    assert found.ok
    assert not np.any(found.kinks)


def test_tokens_become_rows_and_token_0_is_padding() -> None:
    found = fl_output(fl.OneHot(3), np.array([[3.0, 1, 0]]))
    np.testing.assert_array_equal(found, [[[0, 0, 1], [1, 0, 0], [0, 0, 0]]])


# -- forms that torch.nn lacks ----------------------------------------------------------------


def unrolled(step: Any, x: Any, n: int, states: int, window: int | None = None) -> Any:
    """h of all steps, by a loop; states are detached at the borders of windows."""
    held = tuple(torch().zeros(len(x), n, dtype=x.dtype) for _ in range(states))
    found = []
    for t in range(x.shape[1]):
        if window and t % window == 0:
            held = tuple(h.detach() for h in held)
        held = step(x[:, t], *held)
        found.append(held[0])
    return torch().stack(found, dim=1)


def lstm_step(w: Weights, peep: bool) -> Any:
    def step(x: Any, h: Any, c: Any) -> Any:
        f, i, o, g = (x @ w["w"] + h @ w["u"] + w["b"]).chunk(4, dim=1)
        if peep:
            f, i = f + w["p_f"] * c, i + w["p_i"] * c
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        if peep:
            o = o + w["p_o"] * c
        return o.sigmoid() * c.tanh(), c

    return step


def full_step(w: Weights) -> Any:
    def step(x: Any, h: Any, c: Any) -> Any:
        cat = torch().cat
        f, i = (cat([c, h, x], 1) @ w["w_fi"] + w["b_fi"]).sigmoid().chunk(2, dim=1)
        c = f * c + i * (cat([h, x], 1) @ w["w_g"] + w["b_g"]).tanh()
        return (cat([c, h, x], 1) @ w["w_o"] + w["b_o"]).sigmoid() * c.tanh(), c

    return step


def gru_step(w: Weights) -> Any:
    """The study book's form: r is applied before the product."""

    def step(x: Any, h: Any) -> Any:
        n = h.shape[1]
        z, r = (x @ w["w"][:, : 2 * n] + h @ w["u"] + w["b"][:, : 2 * n]).sigmoid().chunk(2, dim=1)
        g = (x @ w["w"][:, 2 * n :] + (r * h) @ w["u_g"] + w["b"][:, 2 * n :]).tanh()
        return ((1 - z) * h + z * g,)

    return step


def rnn_step(w: Weights) -> Any:
    return lambda x, h: ((x @ w["w"] + h @ w["u"] + w["b"]).tanh(),)


@few
@given(sizes)
def test_peepholes_equal_a_loop(shape: tuple[int, ...]) -> None:
    *data, n = shape
    x = numbers(*data)
    compare(fl.PeepholeLSTM(n), x, lambda x, w: unrolled(lstm_step(w, True), x, n, 2))
    compare(fl.FullPeepholeLSTM(n), x, lambda x, w: unrolled(full_step(w), x, n, 2))


def test_elementwise_peepholes_are_the_diagonal_of_full_ones() -> None:
    x, n = numbers(2, 3, 4), 5
    thin = fl.Network([fl.PeepholeLSTM(n)], x, numbers(2, 3, n)).trace
    full = fl.Network([fl.FullPeepholeLSTM(n)], x, numbers(2, 3, n)).trace
    w, u, b = (thin[f"layer 1/{k}"].value for k in "wub")
    for gates, columns in (
        ("fi", range(2 * n)),
        ("g", range(3 * n, 4 * n)),
        ("o", range(2 * n, 3 * n)),
    ):
        columns = list(columns)
        eyes = [np.diag(thin[f"layer 1/p_{gate}"].value[0]) for gate in gates if gate != "g"]
        rows = [np.concatenate(eyes, axis=1)] if eyes else []
        full.set(f"layer 1/w_{gates}", np.concatenate([*rows, u[:, columns], w[:, columns]]))
        full.set(f"layer 1/b_{gates}", b[:, columns])
    thin.run()
    full.run()
    np.testing.assert_allclose(full["y"].value, thin["y"].value, rtol=1e-12)


@few
@given(sizes)
def test_the_books_gru_equals_a_loop(shape: tuple[int, ...]) -> None:
    *data, n = shape
    compare(fl.GRU(n), numbers(*data), lambda x, w: unrolled(gru_step(w), x, n, 1))


@few
@given(sizes, st.integers(1, 6))
def test_truncated_backpropagation_equals_detached_states(
    shape: tuple[int, ...], window: int
) -> None:
    *data, n = shape
    x = numbers(*data)
    compare(fl.RNN(n, window=window), x, lambda x, w: unrolled(rnn_step(w), x, n, 1, window))
    compare(
        fl.LSTM(n, window=window), x, lambda x, w: unrolled(lstm_step(w, False), x, n, 2, window)
    )
    whole, cut = (fl_output(fl.RNN(n, window=k), x) for k in (None, window))
    np.testing.assert_array_equal(cut, whole, "the forward pass does not change")


@few
@given(sizes, st.integers(1, 3))
def test_generating_equals_a_loop(shape: tuple[int, ...], outputs: int) -> None:
    samples, steps, _, n = shape

    def loop(step: Any) -> Any:
        def run(x: Any, w: Weights) -> Any:
            h, y, found = x, torch().zeros(samples, outputs, dtype=x.dtype), []
            for _ in range(steps):
                (h,) = step(w)(y, h)
                y = (h @ w["v"] + w["b_y"]).sigmoid()
                found.append(y)
            return torch().stack(found, dim=1)

        return run

    x = numbers(samples, n)
    compare(fl.Generate(fl.RNN(n), steps, outputs, "sigmoid"), x, loop(rnn_step))
    compare(fl.Generate(fl.GRU(n), steps, outputs, "sigmoid"), x, loop(gru_step))


# -- the share of each time step --------------------------------------------------------------


@pytest.mark.parametrize("name", ["w", "u", "b"])
def test_shares_are_the_gradients_of_separate_copies(name: str) -> None:
    th = torch()
    x, target = numbers(2, 4, 3), numbers(2, 5, seed=1)
    trace = fl.Network([fl.LSTM(5, sequence=False)], x, target).trace
    trace.run()
    values = {k: th.tensor(trace[f"layer 1/{k}"].value) for k in "wub"}
    copies = [values[name].clone().requires_grad_() for _ in range(4)]
    h = c = th.zeros(2, 5, dtype=th.float64)
    for t, copy in enumerate(copies):
        h, c = lstm_step(values | {name: copy}, False)(th.tensor(x[:, t]), h, c)
    ((h - th.tensor(target)) ** 2).mean().backward()
    found = fl.shares(trace, f"layer 1/{name}")
    assert [m.local for m in found] == [f"dC_d{name}[use {t}]" for t in (1, 2, 3, 4)]
    for share, copy in zip(found, copies, strict=True):
        near(share.value, copy.grad)


def test_a_matrix_that_is_used_once_has_one_share() -> None:
    trace = fl.Network([fl.RNN(3), fl.Dense(2)], numbers(2, 4, 3), numbers(2, 4, 2)).trace
    assert fl.shares(trace, "layer 2/w") == [trace["layer 2/dC_dw"]]
    with pytest.raises(fl.BadInput, match="does not depend on"):
        fl.shares(trace, "target")


# -- a matrix that is cut into parts ----------------------------------------------------------


@pytest.mark.parametrize(
    ("cuts", "joined"),
    [
        ([(slice(None), slice(0, 2)), (slice(None), slice(2, None))], True),
        ([(slice(None), slice(2, None)), (slice(None), slice(0, 2))], True),
        ([(0,), (1,), (slice(-1, None),)], True),
        ([(slice(None), 0), (slice(None), slice(1, 3)), (slice(None), -1)], True),
        ([(slice(None), slice(0, 2)), (slice(None), slice(1, None))], False),  # column 1 twice
        ([(slice(None), slice(0, 2)), (slice(None), 3)], False),  # column 2 is left out
        ([(slice(None), slice(0, None, 2)), (slice(None), slice(1, None, 2))], False),
        ([(slice(0, 1), slice(0, 2)), (slice(1, None), slice(2, None))], False),  # two axes
        ([(slice(None), slice(None, None, -1)), (0,)], False),
    ],
)
def test_the_gradient_of_a_matrix_cut_into_parts(cuts: list[Any], joined: bool) -> None:
    """Joined from the parts' gradients where they fill it, else added up; right in both cases."""

    def run(x: Any) -> Any:
        total = 0.0
        for k, where in enumerate(cuts):
            total = total + fl.sum(x[where] ** (k + 2))
        return total

    x = numbers(3, 4)
    trace = fl.trace(run, x=x)
    trace.backward()
    assert ("dC_dx[use 1]" not in trace) == joined
    expected = np.zeros_like(x)
    for k, where in enumerate(cuts):
        expected[where] += (k + 2) * x[where] ** (k + 1)
    np.testing.assert_allclose(trace["dC_dx"].value, expected, rtol=1e-12, atol=1e-14)
    assert trace.check("dC_dx").ok


def test_a_long_sequence_costs_in_proportion_to_its_length() -> None:
    """No share of x, or of h of all steps, is as large as the whole sequence."""
    counts = []
    for steps in (10, 20, 40):
        layers = [fl.Bidirectional(fl.RNN(3)), fl.LSTM(3), fl.LSTM(2, sequence=False)]
        trace = fl.Network(layers, numbers(2, steps, 4), numbers(2, 2)).trace
        counts.append(sum(m.buffer.size for m in trace.matrices.values()))
    assert counts[2] - counts[1] <= 2.1 * (counts[1] - counts[0])


# -- as a network -----------------------------------------------------------------------------


def test_saved_and_loaded_it_goes_on_alike(tmp_path: Any) -> None:
    layers = [fl.OneHot(4), fl.Bidirectional(fl.GRU(3, masked=True, window=2)), fl.Dense(4)]
    tokens = np.random.default_rng(0).integers(0, 5, (7, 4))
    net = fl.Network(layers, tokens, tokens - 1, cost="cross_entropy_logits", batch=3)
    net.advance(5)
    net.save(tmp_path / "net.npz")
    again = fl.Network.load(tmp_path / "net.npz")
    assert again.design == net.design
    for one in (net, again):
        one.advance(7)
    for name, value in net.values().items():
        np.testing.assert_array_equal(again.values()[name], value, err_msg=name)
    np.testing.assert_array_equal(again.predict(tokens[:2]), net.predict(tokens[:2]))


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (fl.RNN(3), numbers(2, 4), "RNN: x must be .samples, steps, features., got 2×4"),
        (fl.Generate(fl.RNN(3), 2, 2), numbers(2, 4), "Generate: x must be .samples, 3."),
        (fl.Generate(fl.RNN(3), 2, 2), numbers(2, 4, 3), "sequence=False"),
        (fl.Generate(fl.RNN(4, window=2), 2, 2), numbers(2, 4), "window, masked and reverse mean"),
        (fl.Generate(fl.Dense(4), 2, 2), numbers(2, 4), "must be a recurrent layer"),
        (fl.Bidirectional(fl.Dense(4)), numbers(2, 4, 3), "must be a recurrent layer"),
    ],
)
def test_bad_input_is_refused(layer: Any, x: np.ndarray, message: str) -> None:
    with pytest.raises(fl.BadInput, match=message):
        fl_output(layer, x)
