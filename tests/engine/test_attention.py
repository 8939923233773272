"""Attention against PyTorch, masks, and what self-attention does to a shuffled sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import torch
from traces import follows

import fluxlab as fl
from fluxlab.engine.building.building import Building
from fluxlab.engine.layers.masks import both, causal_mask, padding_mask
from fluxlab.engine.tracing import Trace

DRAW = np.random.default_rng(0)
TOKENS = np.array([[3.0, 1, 4, 1, 2], [2, 7, 1, 0, 0], [5, 1, 0, 0, 0]])  # 0 is padding


def recorded(run: Any, x: Any, weigh: Any = None, **more: Any) -> Any:
    """A layer on x and further matrices; C is the sum of its cells, each weighed; with gradients.

    `run(x, building, **matrices)`. The weights of the sum are drawn, so no gradient is trivial.
    """
    trace = Trace("a layer")
    building = Building(trace, True, {}, np.random.default_rng(1), 0)
    inputs = {
        name: trace.input(name, value, axes=("sample", "step", "feature")[: np.ndim(value)])
        for name, value in {"x": x, **more}.items()
    }
    y = run(inputs.pop("x"), building, **inputs)
    for matrix in trace.inputs:  # ones and zeros hide mistakes
        if matrix.kind == "parameter":
            matrix.buffer[...] += 0.1 * np.random.default_rng(2).normal(size=matrix.shape)
    weigh = np.random.default_rng(3).normal(size=y.shape) if weigh is None else weigh
    trace.alias("y", y)
    trace.finish(fl.sum(y * weigh))
    trace.result = y
    trace.run()
    trace.backward()
    return trace


def close(found: Any, expected: Any, name: str) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=name)


def tensor(array: Any) -> Any:
    return torch().tensor(np.array(array), requires_grad=True)


def dense(trace: Any, scope: str) -> dict[str, Any]:
    """A linear module's state, from a scope with w and b."""
    return {
        "weight": torch().tensor(trace[f"{scope}/w"].value.T.copy()),
        "bias": torch().tensor(trace[f"{scope}/b"].value[0]),
    }


def heads(trace: Any, scope: str) -> dict[str, Any]:
    """A MultiheadAttention's state."""
    at = f"{scope}/" if scope else ""
    parts = [dense(trace, f"{at}{name}") for name in ("query", "key", "value")]
    out = dense(trace, f"{at}output")
    return {
        "in_proj_weight": torch().cat([p["weight"] for p in parts]),
        "in_proj_bias": torch().cat([p["bias"] for p in parts]),
        "out_proj.weight": out["weight"],
        "out_proj.bias": out["bias"],
    }


def layer_state(trace: Any, parts: dict[str, str]) -> dict[str, Any]:
    """A Transformer layer's state, from our scopes: `{"self_attn": "self-attention", ...}`."""
    found = {}
    for theirs, ours in parts.items():
        if theirs.endswith("attn"):
            state = heads(trace, ours)
        elif "norm" in theirs:
            state = {
                "weight": torch().tensor(trace[f"{ours}/gamma"].value[0]),
                "bias": torch().tensor(trace[f"{ours}/beta"].value[0]),
            }
        else:
            state = dense(trace, ours)
        found |= {f"{theirs}.{name}": value for name, value in state.items()}
    return found


def gradients(module: Any) -> dict[str, Any]:
    return {name: p.grad.numpy() for name, p in module.named_parameters()}


def same_gradients(trace: Any, module: Any, parts: dict[str, str]) -> None:
    """Every parameter gradient of the module equals ours."""
    seen = gradients(module)
    for theirs, ours in parts.items():
        dot, slash = (f"{theirs}." if theirs else ""), (f"{ours}/" if ours else "")
        if theirs.endswith("attn") or theirs == "":
            for matrix, letter in (("weight", "w"), ("bias", "b")):
                together = np.concatenate(
                    [trace[f"{slash}{n}/dC_d{letter}"].value.T for n in ("query", "key", "value")]
                )
                close(together.reshape(seen[f"{dot}in_proj_{matrix}"].shape),
                      seen.pop(f"{dot}in_proj_{matrix}"), f"{theirs} {matrix}")  # fmt: skip
                out = trace[f"{slash}output/dC_d{letter}"].value.T
                expected = seen.pop(f"{dot}out_proj.{matrix}")
                close(out.reshape(expected.shape), expected, f"{theirs} output {matrix}")
        else:
            letters = ("gamma", "beta") if "norm" in theirs else ("w", "b")
            for matrix, letter in zip(("weight", "bias"), letters, strict=True):
                expected = seen.pop(f"{dot}{matrix}")
                found = trace[f"{slash}dC_d{letter}"].value.T
                close(found.reshape(expected.shape), expected, f"{theirs} {letter}")
    assert not seen, "parameters that nothing was compared with"


def test_scaled_dot_product_equals_pytorchs() -> None:
    q, k, v = (
        np.random.default_rng(i).normal(size=s) for i, s in enumerate([(3, 5), (4, 5), (4, 2)])
    )
    q, k, v = (np.stack([m, m[::-1] * 0.7]) for m in (q, k, v))
    allowed = DRAW.random((2, 3, 4)) > 0.3
    allowed[:, :, 1] = True
    for mask in (None, allowed):

        def attention(q: Any, k: Any, v: Any, mask: Any = mask) -> Any:
            scores = fl.einsum("sqd,skd->sqk", q, k) / 5**0.5
            weights = fl.softmax(scores) if mask is None else fl.masked_softmax(scores, mask * 1.0)
            y = fl.einsum("sqk,skd->sqd", weights, v)
            return fl.sum(y * np.arange(12.0).reshape(2, 3, 2))

        trace = fl.trace(attention, q=q, k=k, v=v)
        trace.backward()
        theirs = [tensor(m) for m in (q, k, v)]
        kept = None if mask is None else torch().tensor(mask)
        y = torch().nn.functional.scaled_dot_product_attention(*theirs, attn_mask=kept)
        close(trace["y"].value, y.detach().numpy(), "y")
        (y * torch().arange(12.0).reshape(2, 3, 2)).sum().backward()
        for name, found in zip("qkv", theirs, strict=True):
            close(trace[f"dC_d{name}"].value, found.grad.numpy(), name)


def test_single_head_equals_pytorchs() -> None:
    x, memory = DRAW.normal(size=(2, 3, 4)), DRAW.normal(size=(2, 5, 4))
    trace = recorded(lambda x, b, memory: fl.Attention(6)(x, b, memory), x, memory=memory)
    a, m = tensor(x), tensor(memory)
    linear = torch().nn.functional.linear
    q, k, v = (
        linear(t, **dense(trace, name)) for t, name in ((a, "query"), (m, "key"), (m, "value"))
    )
    y = torch().nn.functional.scaled_dot_product_attention(q, k, v)
    close(trace["y"].value, y.detach().numpy(), "y")
    (y * torch().tensor(np.random.default_rng(3).normal(size=y.shape))).sum().backward()
    close(trace["dC_dx"].value, a.grad.numpy(), "x")
    close(trace["dC_dmemory"].value, m.grad.numpy(), "memory")
    assert trace["weights"].axes == ("sample", "query", "key")
    assert trace["weights"].shape == (2, 3, 5)


@settings(max_examples=12, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3)
)
def test_multi_head_equals_pytorchs(
    samples: int, queries: int, keys: int, n: int, size: int
) -> None:
    draw = np.random.default_rng(samples + 10 * keys)
    x, memory = (
        draw.normal(size=(samples, queries, n * size)),
        draw.normal(size=(samples, keys, n * size)),
    )
    trace = recorded(lambda x, b, memory: fl.MultiHead(n)(x, b, memory), x, memory=memory)
    theirs = torch().nn.MultiheadAttention(n * size, n, batch_first=True, dtype=torch().float64)
    theirs.load_state_dict(heads(trace, ""))
    a, m = tensor(x), tensor(memory)
    y, weights = theirs(a, m, m, average_attn_weights=False)
    close(trace["y"].value, y.detach().numpy(), "y")
    close(trace["weights"].value, weights.detach().numpy(), "weights")
    (y * torch().tensor(np.random.default_rng(3).normal(size=y.shape))).sum().backward()
    close(trace["dC_dx"].value, a.grad.numpy(), "x")
    close(trace["dC_dmemory"].value, m.grad.numpy(), "memory")
    same_gradients(trace, theirs, {"": ""})


ENCODER = {
    "self_attn": "self-attention", "linear1": "feedforward/hidden",
    "linear2": "feedforward/output", "norm1": "self-attention and x", "norm2": "feedforward and x",
}  # fmt: skip
DECODER = {
    "self_attn": "self-attention", "multihead_attn": "cross-attention",
    "linear1": "feedforward/hidden", "linear2": "feedforward/output",
    "norm1": "self-attention and x", "norm2": "cross-attention and x",
    "norm3": "feedforward and x",
}  # fmt: skip


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_encoder_layer_equals_pytorchs(activation: str, norm_first: bool) -> None:
    x = DRAW.normal(size=(3, 5, 6))
    before = {"norm1": "norm before self-attention", "norm2": "norm before feedforward"}
    parts = ENCODER | before if norm_first else ENCODER

    def run(x: Any, building: Any, tokens: Any) -> Any:
        mask = both(padding_mask(tokens), causal_mask(tokens))
        return fl.EncoderLayer(2, 7, activation, norm_first=norm_first)(x, building, mask)

    trace = recorded(run, x, tokens=TOKENS)
    gelu = lambda a: torch().nn.functional.gelu(a, approximate="tanh")  # noqa: E731
    theirs = torch().nn.TransformerEncoderLayer(
        6, 2, 7, dropout=0.0, activation=gelu if activation == "gelu" else "relu",
        batch_first=True, dtype=torch().float64, norm_first=norm_first,
    )  # fmt: skip
    theirs.load_state_dict(layer_state(trace, parts))
    a = tensor(x)
    later = torch().ones(5, 5, dtype=bool).triu(1)
    y = theirs(a, src_mask=later, src_key_padding_mask=torch().tensor(TOKENS == 0))
    close(trace["y"].value, y.detach().numpy(), "y")
    (y * torch().tensor(np.random.default_rng(3).normal(size=y.shape))).sum().backward()
    close(trace["dC_dx"].value, a.grad.numpy(), "x")
    same_gradients(trace, theirs, parts)


def test_an_encoder_as_in_gpt_2() -> None:
    """Learned positions, dropout, GELU, the norm before each part and one behind them all."""
    made = fl.Encoder(
        9, 6, 2, 7, 2, activation="gelu", dropout=0.5, norm_first=True, learned_positions=True
    )
    trace = recorded(made, TOKENS)
    names = trace.matrices
    places = trace["positions/h"].value - trace["embedding/h"].value
    np.testing.assert_allclose(places[0], trace["positions/w"].value, atol=1e-12)
    assert trace["positions/w"].shape == (5, 6)
    dropouts = [n for n in names if n.endswith("/mask") and "dropout" in n]
    assert len(dropouts) == 1 + 2 * 2
    assert {0.0, 2.0} == set(np.unique(trace[dropouts[0]].value))
    last = trace["last norm/h"].value
    np.testing.assert_allclose(trace["last norm/normal"].value.mean(axis=-1), 0, atol=1e-9)
    np.testing.assert_array_equal(trace["y"].value, last)
    for name in ("embedding/dC_dw", "positions/dC_dw", "encoder 2/feedforward/hidden/dC_dw"):
        assert "agree" in str(trace.check(name, index=(1, 1)))
    quiet = fl.Network([made], TOKENS, np.ones((3, 5, 6)))
    first, second = quiet.predict(TOKENS), quiet.predict(TOKENS)
    np.testing.assert_array_equal(first, second)  # nothing is dropped while predicting


def test_decoder_layer_equals_pytorchs() -> None:
    x, memory = DRAW.normal(size=(3, 4, 6)), DRAW.normal(size=(3, 5, 6))

    def run(x: Any, building: Any, memory: Any, tokens: Any) -> Any:
        causal = causal_mask(tokens[:, :4])
        return fl.DecoderLayer(3, 7)(x, building, memory, causal, padding_mask(tokens))

    trace = recorded(run, x, memory=memory, tokens=TOKENS)
    theirs = torch().nn.TransformerDecoderLayer(
        6, 3, 7, dropout=0.0, batch_first=True, dtype=torch().float64
    )
    theirs.load_state_dict(layer_state(trace, DECODER))
    a, m = tensor(x), tensor(memory)
    later = torch().ones(4, 4, dtype=bool).triu(1)
    y = theirs(a, m, tgt_mask=later, memory_key_padding_mask=torch().tensor(TOKENS == 0))
    close(trace["y"].value, y.detach().numpy(), "y")
    (y * torch().tensor(np.random.default_rng(3).normal(size=y.shape))).sum().backward()
    close(trace["dC_dx"].value, a.grad.numpy(), "x")
    close(trace["dC_dmemory"].value, m.grad.numpy(), "memory")
    same_gradients(trace, theirs, DECODER)


def test_the_whole_transformer_equals_pytorchs() -> None:
    """Two layers each, padding on both sides; outputs, and the gradients of every parameter."""
    nn, tokens = torch().nn, np.hstack([TOKENS, [[1, 4, 2, 5], [1, 7, 0, 0], [1, 5, 3, 0]]])
    trace = recorded(fl.Transformer(9, 5, features=6, heads=2, hidden=7, layers=2), tokens)
    same: Any = {"dropout": 0.0, "batch_first": True, "dtype": torch().float64}
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(6, 2, 7, **same), 2, enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(6, 2, 7, **same), 2)
    mine = [
        {f"layers.{i}.{t}": f"{name} {i + 1}/{o}" for i in range(2) for t, o in found.items()}
        for name, found in (("encoder", ENCODER), ("decoder", DECODER))
    ]
    for module, found in zip((encoder, decoder), mine, strict=True):
        module.load_state_dict(layer_state(trace, found))
    table, out = tensor(trace["embedding/w"].value), nn.Linear(6, 9, dtype=torch().float64)
    out.load_state_dict(dense(trace, "logits"))
    h = table[torch().tensor(tokens).long()]
    place = [torch().tensor(trace[f"{n}/position"].value) for n in ("encoder", "decoder")]
    hidden, later = torch().tensor(tokens == 0), torch().ones(4, 4, dtype=bool).triu(1)
    memory = encoder(h[:, :5] + place[0], src_key_padding_mask=hidden[:, :5])
    h = decoder(
        h[:, 5:] + place[1], memory, tgt_mask=later, tgt_key_padding_mask=hidden[:, 5:],
        memory_key_padding_mask=hidden[:, :5],
    )  # fmt: skip
    y = out(h)
    close(trace["y"].value, y.detach().numpy(), "y")
    (y * torch().tensor(np.random.default_rng(3).normal(size=y.shape))).sum().backward()
    close(trace["embedding/dC_dw"].value, table.grad.numpy(), "embedding")
    for module, found in zip((encoder, decoder), mine, strict=True):
        same_gradients(trace, module, found)
    close(trace["logits/dC_dw"].value.T, out.weight.grad.numpy(), "logits")


def test_layer_norm_of_sequences_equals_pytorchs() -> None:
    x = DRAW.normal(size=(2, 3, 5))
    trace = recorded(lambda x, b: fl.LayerNorm()(x, b), x)
    theirs = torch().nn.LayerNorm(5, dtype=torch().float64)
    theirs.load_state_dict(
        {
            "weight": torch().tensor(trace["gamma"].value[0]),
            "bias": torch().tensor(trace["beta"].value[0]),
        }
    )
    a = tensor(x)
    y = theirs(a)
    close(trace["y"].value, y.detach().numpy(), "y")
    (y * torch().tensor(np.random.default_rng(3).normal(size=y.shape))).sum().backward()
    close(trace["dC_dx"].value, a.grad.numpy(), "x")
    close(trace["dC_dgamma"].value[0], theirs.weight.grad.numpy(), "gamma")
    close(trace["dC_dbeta"].value[0], theirs.bias.grad.numpy(), "beta")


# -- masks and positions ----------------------------------------------------------------------


def masked(tokens: Any = TOKENS, causal: bool = True) -> Any:
    """An encoder layer on an embedding of `tokens`; its weights are in "self-attention/weights"."""
    layer = fl.Encoder(9, 6, heads=2, hidden=7, causal=causal)
    return recorded(lambda x, building: layer(x, building), tokens)


def test_a_masked_weight_is_exactly_0_and_says_so() -> None:
    trace = masked()
    weights, mask = trace["encoder 1/self-attention/weights"], trace["mask/mask"]
    assert weights.axes == ("sample", "head", "query", "key")
    hidden = np.broadcast_to(mask.value, weights.shape) == 0
    allowed = np.tril(np.ones((5, 5)))[None] * (TOKENS > 0)[:, None, :]
    np.testing.assert_array_equal(mask.value[:, 0], allowed)
    assert (weights.value[hidden] == 0).all()
    assert (weights.value[~hidden] > 0).all()
    np.testing.assert_allclose(weights.value.sum(-1), 1, rtol=1e-12)
    dC_dscores = trace["encoder 1/self-attention/dC_dscores"].value
    assert (dC_dscores[hidden] == 0).all()
    found = weights.explain(0, 1, 2, 3)
    assert found.value == found.recompute() == 0
    assert "exactly 0" in found.words
    assert "0 \\quad" in found.formula
    assert {term.factors[0].matrix for term in found.terms} == {weights.step.inputs[0], mask}
    assert "0 \\quad" not in weights.explain(0, 1, 2, 1).formula


def test_what_comes_later_has_no_influence_and_padding_neither() -> None:
    """Other tokens behind a place, or other places of padding, change nothing before it."""
    before = masked()["y"].value
    changed = TOKENS.copy()
    changed[0, 3:] = [8, 6]
    after = masked(changed)["y"].value
    np.testing.assert_array_equal(after[0, :3], before[0, :3])
    assert (abs(after[0, 3:] - before[0, 3:]).max(-1) > 1e-3).all()
    # Without a causal mask all steps see each other, but not the padding behind them.
    whole, short = masked(causal=False)["y"].value, masked(TOKENS[1:, :3], causal=False)["y"].value
    np.testing.assert_allclose(whole[1, :3], short[0], rtol=1e-12)
    np.testing.assert_allclose(whole[2, :2], short[1, :2], rtol=1e-12)


def test_a_row_of_which_nothing_counts_has_weights_of_0() -> None:
    trace = fl.trace(
        lambda a, allowed: fl.masked_softmax(a, allowed) ** 2,
        a=[[1.0, 2, 3], [4, 5, 7]], allowed=[[0.0, 0, 0], [1, 0, 1]],
    )  # fmt: skip
    trace.backward()
    y = 1 / (1 + np.exp(-3.0))
    np.testing.assert_allclose(trace["y"].value, [[0, 0, 0], [(1 - y) ** 2, 0, y**2]], rtol=1e-12)
    assert trace.check("dC_da").ok
    assert (trace["dC_da"].value[0] == 0).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(1, 4), st.data())
def test_masks_broadcast_and_every_cell_is_explained(lead: list[int], n: int, data: Any) -> None:
    own = [data.draw(st.sampled_from([1, m])) for m in lead]
    own = own[data.draw(st.integers(0, len(own))) :]
    name = "C" if np.prod(lead) * n == 1 else "y"
    draw = np.random.default_rng(n)
    a, allowed = draw.normal(size=(*lead, n)), (draw.random((*own, n)) > 0.4) * 1.0
    trace = fl.trace(lambda a, allowed: fl.masked_softmax(a, allowed), a=a, allowed=allowed)
    follows(trace)
    step = trace[name].step
    for index in np.ndindex(*allowed.shape):
        reached = {tuple(map(int, out)) for out in step.op.uses(index, 1, step)}
        assert reached == {
            out
            for out in np.ndindex(*a.shape)
            if index in {tuple(map(int, c)) for c in dict(step.op.cells(out, step))[1]}
        }
    shown = np.where(np.broadcast_to(allowed, a.shape) != 0, a, -1e300)
    e = np.exp(shown - shown.max(-1, keepdims=True)) * (shown > -1e300)
    total = e.sum(-1, keepdims=True)
    np.testing.assert_allclose(trace[name].value, e / np.where(total == 0, 1, total), rtol=1e-12)


@pytest.mark.parametrize("shape", [(2, 3), (2, 4, 1), (4, 4), (3, 2, 4, 4), ()])
def test_a_mask_that_does_not_fit_is_refused(shape: Any) -> None:
    with pytest.raises(fl.BadInput, match="mask"):
        fl.masked_softmax(np.ones((2, 3, 4)), np.ones(shape))


def test_self_attention_is_equivariant_not_invariant() -> None:
    """Steps in another order: the same outputs, in that order; with positions it is not so."""
    x, order = DRAW.normal(size=(2, 5, 6)), np.array([3, 0, 4, 2, 1])
    for layer in (fl.SelfAttention(4), fl.MultiHead(3)):
        y, turned = (recorded(layer, given)["y"].value for given in (x, x[:, order]))
        np.testing.assert_allclose(turned, y[:, order], rtol=1e-10, atol=1e-13)
        assert abs(turned - y).max() > 1e-3, "it is not invariant"
    placed = lambda x, b: fl.MultiHead(3)(fl.Sinusoidal()(x, b), b)  # noqa: E731
    y, turned = (recorded(placed, given)["y"].value for given in (x, x[:, order]))
    assert abs(turned - y[:, order]).max() > 1e-3


def test_sinusoidal_positions_are_vaswanis() -> None:
    x = DRAW.normal(size=(2, 7, 5))
    trace = recorded(fl.Sinusoidal(), x)
    for p in range(7):
        for i in range(5):
            angle = p / 10000 ** (i // 2 * 2 / 5)
            expected = np.cos(angle) if i % 2 else np.sin(angle)
            assert trace["position"].value[p, i] == pytest.approx(expected, abs=1e-14)
    np.testing.assert_allclose(trace["y"].value, x + trace["position"].value)
    assert not [name for name in trace.matrices if name.startswith("dposition")]


def test_the_sine_has_its_slope() -> None:
    trace = fl.trace(lambda u: fl.sin(u) * 2, u=[[0.3, -1.2, 4.0]])
    trace.backward()
    np.testing.assert_allclose(trace["dC_du"].value, 2 * np.cos([[0.3, -1.2, 4.0]]), rtol=1e-14)
    follows(trace)


def test_embedding_and_learned_positions_equal_pytorchs() -> None:
    def run(x: Any, building: Any) -> Any:
        with fl.scope("embedding"):
            h = fl.Embedding(8, 4)(x, building)
        with fl.scope("positions"):
            return fl.LearnedPositions()(h, building)

    trace = recorded(run, TOKENS)
    table = torch().nn.Embedding(8, 4, dtype=torch().float64)
    table.load_state_dict({"weight": torch().tensor(trace["embedding/w"].value)})
    place = tensor(trace["positions/w"].value)
    y = table(torch().tensor(TOKENS).long()) + place
    close(trace["y"].value, y.detach().numpy(), "y")
    (y * torch().tensor(np.random.default_rng(3).normal(size=y.shape))).sum().backward()
    close(trace["embedding/dC_dw"].value, table.weight.grad.numpy(), "table")
    close(trace["positions/dC_dw"].value, place.grad.numpy(), "places")


@pytest.mark.parametrize(
    ("layer", "x", "says"),
    [
        (fl.MultiHead(4), np.ones((2, 3, 6)), "divides 6"),
        (fl.MultiHead(2), np.ones((3, 6)), "samples, steps, features"),
        (fl.Attention(2), np.ones((3, 6)), "Embedding"),
        (fl.Transformer(9, 5), np.ones((3, 5)), "source=5"),
        (fl.Embedding(4, 2), np.full((2, 3), 4.0), "0 to 3"),
    ],
)
def test_bad_input_is_refused_in_words(layer: Any, x: Any, says: str) -> None:
    with pytest.raises(fl.BadInput, match=says):
        recorded(layer, x)
