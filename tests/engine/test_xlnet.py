"""XLNet: who sees whom, and where, in a random order of factorisation."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from oracle import torch

import fluxlab as fl

TOKENS = np.array([[9, 7, 6, 8, 7], [6, 8, 9, 6, 0], [8, 8, 7, 9, 6]])
VOCABULARY = 10


def small(layers: int = 2) -> fl.Network:
    net = fl.xlnet(TOKENS, VOCABULARY, features=6, heads=2, hidden=5, layers=layers, seed=4,
                   optimizer=fl.Adam(0.01))  # fmt: skip
    net.advance(2)
    return net


def order_of(net: fl.Network) -> np.ndarray:
    return net.trace["layer 1/order/order"].value


def test_a_token_is_predicted_from_earlier_turns_only() -> None:
    """Change one token: predictions at its own place and at earlier turns stay to the last bit."""
    net = small()
    order, before = order_of(net), net.trace["y"].value
    for sample, place in itertools.product(range(3), range(5)):
        if TOKENS[sample, place] == 0:
            continue
        net.trace.set("x", TOKENS)
        net.trace.set("x", 6 + (TOKENS[sample, place] - 5) % 4, (sample, place))
        np.testing.assert_array_equal(order_of(net), order)
        changed = np.any(net.trace["y"].value != before, axis=-1)
        later = np.zeros((3, 5), dtype=bool)
        later[sample] = order[sample] > order[sample, place]
        np.testing.assert_array_equal(changed, later)


def test_the_query_stream_does_not_see_its_own_token_and_content_does() -> None:
    net = small(layers=1)
    weights = net.trace["layer 1/two streams 1/attention/weights"].value
    content, query = weights[:, :, :5], weights[:, :, 5:]
    order = order_of(net)
    for sample, place in itertools.product(range(3), range(5)):
        real = TOKENS[sample] != 0
        upto = (order[sample] <= order[sample, place]) & real
        before = (order[sample] < order[sample, place]) & real
        np.testing.assert_array_equal((content[sample, :, place] > 0).all(axis=0), upto)
        np.testing.assert_array_equal((query[sample, :, place] > 0).all(axis=0), before)
        np.testing.assert_allclose(query[sample, :, place].sum(axis=-1), 1.0 * before.any())


def test_the_order_is_of_factorisation_and_places_stay() -> None:
    """A common slip: XLNet does not shuffle the tokens. Each keeps its place's code."""
    net = small()
    w, code = (net.trace[f"layer 1/{name}/w"].value for name in ("tokens", "places"))
    own = net.trace["layer 1/query/w"].value
    content, query = (net.trace[f"layer 1/places/{name}"].value for name in ("content", "query"))
    np.testing.assert_array_equal(content, w[TOKENS] + code)
    np.testing.assert_array_equal(query, np.broadcast_to(own + code, query.shape))
    # Another order, the same contents at the same places.
    order = order_of(net)
    iteration = net.history.iteration
    net.trace.set("iteration", iteration + 1)
    assert not np.array_equal(order_of(net), order)
    np.testing.assert_array_equal(net.trace["layer 1/places/content"].value, content)
    np.testing.assert_array_equal(net.trace["layer 1/x"].value, TOKENS)
    # The order of an iteration comes back with it.
    net.trace.set("iteration", iteration)
    np.testing.assert_array_equal(order_of(net), order)


def test_every_order_is_drawn_about_equally_often() -> None:
    net = fl.xlnet(np.full((300, 3), 7), VOCABULARY, features=4, heads=1, hidden=2)
    net.trace.run()
    seen = [tuple(row) for row in order_of(net).astype(int)]
    counts = {p: seen.count(p) for p in itertools.permutations(range(3))}
    assert sum(counts.values()) == 300
    assert min(counts.values()) > 25, counts


def test_outputs_and_gradients_are_those_of_two_separate_streams_in_torch() -> None:
    """Written out in torch with the two streams apart, one head at a time, and masks by loops."""
    t = torch()
    net = small()
    parameters = [m for m in net.trace.inputs if m.kind == "parameter"]
    p = {m.name: t.tensor(m.value, requires_grad=True) for m in parameters}
    order, real = order_of(net), TOKENS != 0
    see = {"content": np.zeros((3, 5, 5), bool), "query": np.zeros((3, 5, 5), bool)}
    for s, i, j in itertools.product(range(3), range(5), range(5)):
        see["content"][s, i, j] = order[s, j] <= order[s, i] and real[s, j]
        see["query"][s, i, j] = order[s, j] < order[s, i] and real[s, j]

    def dense(h: Any, name: str) -> Any:
        return h @ p[f"{name}/w"] + p[f"{name}/b"]

    def norm(h: Any, name: str) -> Any:
        return t.nn.functional.layer_norm(h, (6,), p[f"{name}/gamma"][0], p[f"{name}/beta"][0])

    def layer(stream: Any, content: Any, mask: np.ndarray, name: str) -> Any:
        q, k, v = (
            dense(h, f"{name}/attention/{part}")
            for h, part in ((stream, "query"), (content, "key"), (content, "value"))
        )
        seen = []
        for head in (slice(0, 3), slice(3, 6)):
            scores = q[..., head] @ k[..., head].transpose(1, 2) / np.sqrt(3)
            rows = []
            for s, i in itertools.product(range(3), range(5)):
                if mask[s, i].any():
                    chosen = t.tensor(np.flatnonzero(mask[s, i]))
                    rows.append(t.softmax(scores[s, i, chosen], 0) @ v[s, chosen][:, head])
                else:  # the first turn sees nothing
                    rows.append(t.zeros(3, dtype=t.float64))
            seen.append(t.stack(rows).reshape(3, 5, 3))
        out = dense(t.cat(seen, -1), f"{name}/attention/output")
        h = norm(stream + out, f"{name}/attention and x")
        a = t.nn.functional.gelu(dense(h, f"{name}/feedforward/hidden"), approximate="tanh")
        return norm(h + dense(a, f"{name}/feedforward/output"), f"{name}/feedforward and x")

    content = p["layer 1/tokens/w"][t.tensor(TOKENS)] + p["layer 1/places/w"]
    query = (p["layer 1/query/w"] + p["layer 1/places/w"]).expand(3, 5, 6)
    for k in (1, 2):
        name = f"layer 1/two streams {k}"
        query = layer(query, content, see["query"], name)
        content = layer(content, content, see["content"], name)
    logits = dense(query, "layer 2")
    target = t.tensor(np.where(real, TOKENS, -1)).reshape(-1)
    cost = t.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), target, ignore_index=-1)
    cost.backward()

    found = net.trace["y"].value
    np.testing.assert_allclose(found, logits.detach().numpy(), rtol=1e-9, atol=1e-12)
    assert float(net.trace.cost.value) == pytest.approx(cost.item(), rel=1e-11)
    for name, tensor in p.items():
        head, _, local = name.rpartition("/")
        ours = net.trace[f"{head}/dC_d{local}"].value
        np.testing.assert_allclose(ours, tensor.grad.numpy(), rtol=1e-7, atol=1e-11, err_msg=name)


def test_a_mirrored_word_costs_half_of_what_a_random_one_does() -> None:
    """Words of 6 letters that read backwards alike. Whatever the order, one letter of each pair
    comes first, and nobody can know it: ln 4 per letter; its mirror image is then certain. So the
    mean cost comes down to about ln(4) / 2 = 0.69, here 0.68, and a masked letter of an unseen
    word is always known from the others.
    """
    draw = np.random.default_rng(6)
    half = np.array(list(itertools.product(range(6, 10), repeat=3)))
    words = np.concatenate([half, half[:, ::-1]], axis=1)[draw.permutation(64)]
    net = fl.xlnet(
        words[:48], VOCABULARY, features=24, heads=3, hidden=32, batch=24,
        optimizer=fl.Adam(0.01), schedule=fl.CosineDecay(500),
    )  # fmt: skip
    net.advance(500)
    floor = np.log(4) / 2
    assert floor - 0.12 < float(net.trace.cost.value) < floor + 0.12
    # Unseen words, one letter masked: it is predicted from all the others, left and right.
    unseen = words[48:]
    right = []
    for place in range(6):
        shown = unseen.copy()
        shown[:, place] = fl.MASK
        right.append(np.mean(net.predict(shown)[:, place].argmax(axis=-1) == unseen[:, place]))
    assert np.mean(right) > 0.9, right


def test_bad_input_says_what_to_do() -> None:
    with pytest.raises(fl.BadInput, match=r"XLNet: takes token .*\(samples, steps\), got 1×3×4"):
        fl.Network([fl.XLNet(9, 4, 2, 3)], np.zeros((2, 3, 4)), np.zeros((2, 3, 4)))
