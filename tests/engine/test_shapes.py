"""Random shapes and numbers: the ops compute what NumPy computes, and so do their gradients."""

from __future__ import annotations

import string
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import fluxlab as fl
from fluxlab.engine.catalogue.activations import ACTIVATIONS
from fluxlab.engine.readers.explain import recompute

numbers = st.floats(-3, 3).map(lambda v: round(v, 3))


@st.composite
def arrays(draw: Any, shape: tuple[int, ...]) -> np.ndarray:
    seed = draw(st.integers(0, 2**31))
    return np.random.default_rng(seed).normal(size=shape)


def explained(trace: fl.Trace) -> None:
    """Every cell again from its explanation."""
    for step in trace.steps:
        for cell in np.ndindex(*step.output.shape):
            value = float(step.output.buffer[cell])
            np.testing.assert_allclose(
                recompute(step.output, cell), value, rtol=1e-10, atol=1e-12, err_msg=str(step)
            )


@st.composite
def broadcastable(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    full = draw(st.lists(st.integers(1, 4), min_size=0, max_size=3))
    pair = []
    for _ in range(2):
        lead = draw(st.integers(0, len(full)))
        shape = tuple(n if draw(st.booleans()) else 1 for n in full[lead:])
        pair.append(draw(arrays(shape)))
    return pair[0], pair[1]


@settings(max_examples=40)
@given(broadcastable())
def test_broadcasting(pair: tuple[np.ndarray, np.ndarray]) -> None:
    u, v = pair

    def run(u: Any, v: Any) -> Any:
        return (u - v) * u + fl.maximum(u, v * 2) / (v * v + 1)

    trace = fl.trace(run, u=u, v=v)
    trace.backward()
    wanted = (u - v) * u + np.maximum(u, v * 2) / (v * v + 1)
    result = trace.steps[trace.end_of("forward") - 1].inputs[0] if wanted.size > 1 else trace.cost
    np.testing.assert_allclose(result.value.reshape(wanted.shape), wanted, rtol=1e-12, atol=1e-14)
    for name in "uv":
        assert trace[f"dC_d{name}"].shape == pair["uv".index(name)].shape
        found = trace.check(f"dC_d{name}")
        smooth = np.abs(found.difference)[~found.kinks]
        assert np.all(smooth < 1e-6 * (1 + np.max(np.abs(found.numeric))))
    explained(trace)


@st.composite
def signatures(draw: Any) -> tuple[str, np.ndarray, np.ndarray]:
    """Any contraction of two inputs: each letter in the output or in both inputs."""
    letters = draw(st.permutations(string.ascii_lowercase[:6]))
    both = letters[: draw(st.integers(0, 3))]
    left_only = letters[3 : 3 + draw(st.integers(0, 1))]
    right_only = letters[4 : 4 + draw(st.integers(0, 2))]
    kept = [c for c in both if draw(st.booleans())]
    left = draw(st.permutations([*both, *left_only]))
    right = draw(st.permutations([*both, *right_only]))
    out = draw(st.permutations([*kept, *left_only, *right_only]))
    sizes = {c: draw(st.integers(1, 4)) for c in letters}
    return (
        f"{''.join(left)},{''.join(right)}->{''.join(out)}",
        draw(arrays(tuple(sizes[c] for c in left))),
        draw(arrays(tuple(sizes[c] for c in right))),
    )


@settings(max_examples=70)
@given(signatures())
def test_contractions(case: tuple[str, np.ndarray, np.ndarray]) -> None:
    signature, u, v = case
    trace = fl.trace(lambda u, v: fl.einsum(signature, u, v) * 1.5, u=u, v=v)
    trace.backward()
    wanted = np.einsum(signature, u, v)
    np.testing.assert_allclose(trace.steps[0].output.value, wanted, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(fl.einsum(signature, u, v), wanted, rtol=1e-12, atol=1e-13)
    ones = np.full(wanted.shape, 1.5)
    (left, right), out = signature.split("->")[0].split(","), signature.split("->")[1]
    for name, mine, other, values in (("u", left, right, v), ("v", right, left, u)):
        dC = np.einsum(f"{out},{other}->{mine}", ones, values)
        np.testing.assert_allclose(trace[f"dC_d{name}"].value, dC, rtol=1e-12, atol=1e-13)
    explained(trace)


@st.composite
def reducible(draw: Any) -> tuple[np.ndarray, tuple[int, ...] | int | None, bool]:
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    n = len(shape)
    axis = draw(
        st.none()
        | st.integers(-n, n - 1)
        | st.lists(st.integers(0, n - 1), min_size=1, unique=True).map(tuple)
    )
    return draw(arrays(shape)), axis, draw(st.booleans())


@settings(max_examples=20)
@given(reducible())
def test_reductions(case: tuple[np.ndarray, Any, bool]) -> None:
    x, axis, keep = case
    for name in ("sum", "mean", "max"):
        wanted = getattr(np, name)(x, axis=axis, keepdims=keep)
        reduce = getattr(fl, name)
        found = reduce(x, axis=axis, keepdims=keep)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
        assert np.shape(found) == wanted.shape
        weights = np.arange(1.0, 1 + wanted.size).reshape(wanted.shape)

        def run(x: Any, reduce: Any = reduce, weights: Any = weights) -> Any:
            return reduce(x, axis=axis, keepdims=keep) * weights

        trace = fl.trace(run, x=x)
        trace.backward()
        assert trace.check("dC_dx").worst < 1e-6 * weights.max()
        explained(trace)


@st.composite
def sliceable(draw: Any) -> tuple[np.ndarray, tuple[Any, ...]]:
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    where: list[Any] = []
    for n in shape[: draw(st.integers(1, len(shape)))]:
        if draw(st.booleans()):
            where.append(draw(st.integers(-n, n - 1)))
        else:
            where.append(draw(st.slices(n).filter(lambda s, n=n: len(range(*s.indices(n))) > 0)))
    return draw(arrays(shape)), tuple(where)


@settings(max_examples=50)
@given(sliceable())
def test_gather_and_scatter(case: tuple[np.ndarray, tuple[Any, ...]]) -> None:
    x, where = case
    trace = fl.trace(lambda x: x[where] * x[where] + x[where], x=x)
    trace.backward()
    part = trace.steps[0].output
    np.testing.assert_array_equal(part.value, x[where])
    wanted = np.zeros_like(x)
    np.add.at(wanted, where, 2 * x[where] + 1)
    np.testing.assert_allclose(trace["dC_dx"].value, wanted, rtol=1e-12)
    explained(trace)


@settings(max_examples=60)
@given(st.data())
def test_embeddings_add_up_what_is_used_again(data: st.DataObject) -> None:
    """Scatter through bincount equals np.add.at, which is slower."""
    count, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))
    table = data.draw(arrays((count, width)))
    places = data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=9))
    weights = data.draw(arrays((len(places), width)))
    trace = fl.trace(lambda table, n: fl.rows(table, n) * weights, table=table, n=places)
    trace.backward()
    wanted = np.zeros_like(table)
    np.add.at(wanted, places, weights)
    np.testing.assert_allclose(trace["dC_dtable"].value, wanted, rtol=1e-12, atol=1e-14)
    explained(trace)


@settings(max_examples=40)
@given(st.data())
def test_windows(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    window = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    stride = data.draw(st.integers(1, 3))
    x = data.draw(arrays((2, height, width)))
    trace = fl.trace(lambda x: fl.patches(x, window, stride) ** 2, x=x)
    trace.backward()
    found = trace.steps[0].output.value
    wanted = np.zeros_like(x)
    for i in range(found.shape[1]):
        for j in range(found.shape[2]):
            rows = slice(i * stride, i * stride + window[0])
            columns = slice(j * stride, j * stride + window[1])
            np.testing.assert_array_equal(found[:, i, j], x[:, rows, columns])
            wanted[:, rows, columns] += 2 * x[:, rows, columns]
    np.testing.assert_allclose(trace["dC_dx"].value, wanted, rtol=1e-12, atol=1e-14)
    explained(trace)


@settings(max_examples=40)
@given(st.data())
def test_dense_networks(data: st.DataObject) -> None:
    samples, features = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 5))
    layers = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    names = [data.draw(st.sampled_from(sorted(ACTIVATIONS))) for _ in range(2)]
    x, target = data.draw(arrays((samples, features))), data.draw(arrays((samples, layers[-1])))
    net = fl.form_network(layers, x, target, *names, seed=data.draw(st.integers(0, 99)))
    y = fl.forward_pass(net)
    h = x
    for layer, function in zip(net.layers, net.activations, strict=True):
        h = np.asarray(ACTIVATIONS[function](h @ layer.weights_matrix + layer.bias_matrix))
    np.testing.assert_allclose(y, h, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(fl.predict(net, x), h, rtol=1e-12, atol=1e-14)
    cost = fl.back_propagation(net)
    np.testing.assert_allclose(cost, np.mean((h - target) ** 2), rtol=1e-12)
    for layer in net.layers:
        for name in ("dC_dw", "dC_db"):
            found = net.trace.check(f"{layer.name}/{name}")
            assert found.worst < 1e-6 * (1 + np.max(np.abs(found.numeric))), repr(found)
    net.trace.run()
    explained(net.trace)
