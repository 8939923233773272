"""Greedy and beam search, compared with trying every sequence and with searches written plainly."""

from __future__ import annotations

import heapq
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traces import EXAMPLES, follows

import fluxlab as fl
from fluxlab.engine.core.disk import write
from fluxlab.engine.models.bigram import bigram
from fluxlab.engine.models.transformer import greedy as greedily
from fluxlab.engine.models.transformer import side_by_side
from fluxlab.engine.readers.plain import from_plain, to_plain
from fluxlab.engine.text.search import FORMAT

END = 2


def chances(seed: int, vocabulary: int, sharp: float = 2.0) -> Any:
    """log p of the next token, a fixed random function of the whole history."""

    def table(history: tuple[int, ...]) -> np.ndarray:
        a = sharp * np.random.default_rng([seed, *history]).normal(size=vocabulary)
        a[0] = -np.inf  # padding never comes
        return a - np.log(np.sum(np.exp(a - a.max()))) - a.max()

    def next_token(tokens: Any) -> np.ndarray:
        return np.array([table(tuple(map(int, row))) for row in tokens.value])

    next_token.table = table
    return next_token


def every_sequence(table: Any, vocabulary: int, length: int, end: int | None) -> dict:
    """Tokens after the start to log p, for every sequence that is finished or full."""
    found: dict[tuple[int, ...], float] = {}

    def grow(tokens: tuple[int, ...], score: float) -> None:
        if len(tokens) == length or (tokens and tokens[-1] == end):
            found[tokens] = score
            return
        for token, log_p in enumerate(table((1, *tokens))):
            if log_p > -np.inf:
                grow((*tokens, token), score + log_p)

    grow((), 0.0)
    return found


def plain_beam(table: Any, width: int, length: int, end: int | None) -> list:
    beam = [((), 0.0)]
    for _ in range(length):
        grown = []
        for tokens, score in beam:
            if tokens and tokens[-1] == end:
                grown.append((tokens, score))
                continue
            for token, log_p in enumerate(table((1, *tokens))):
                if log_p > -np.inf:
                    grown.append(((*tokens, token), score + log_p))
        beam = heapq.nlargest(width, grown, key=lambda pair: pair[1])
    return beam


SETTINGS = {
    "seed": st.integers(0, 10**6), "vocabulary": st.integers(3, 5), "length": st.integers(1, 4),
    "end": st.sampled_from([END, None]),
}  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(**SETTINGS)
def test_the_widest_beam_finds_every_sequence(
    seed: int, vocabulary: int, length: int, end: int | None
) -> None:
    next_token = chances(seed, vocabulary)
    every = every_sequence(next_token.table, vocabulary, length, end)
    found = fl.beam_search(next_token, 1, width=vocabulary**length, length=length, end=end)
    assert {tuple(tokens) for tokens, _ in found.hypotheses} == set(every)
    for tokens, score in found.hypotheses:
        assert score == pytest.approx(every[tuple(tokens)], abs=1e-9)
    assert found.score == pytest.approx(max(every.values()), abs=1e-9)
    assert tuple(found.best) == max(every, key=lambda tokens: every[tokens])
    total = sum(np.exp(score) for _, score in found.hypotheses)
    assert total == pytest.approx(1.0), "these are all there are"


@settings(max_examples=60, deadline=None)
@given(**SETTINGS, width=st.integers(1, 6))
def test_any_beam_equals_a_plain_one(
    seed: int, vocabulary: int, length: int, end: int | None, width: int
) -> None:
    next_token = chances(seed, vocabulary)
    found = fl.beam_search(next_token, 1, width=width, length=length, end=end)
    wanted = plain_beam(next_token.table, width, length, end)
    assert [tuple(tokens) for tokens, _ in found.hypotheses] == [tokens for tokens, _ in wanted]
    for (_, score), (_, expected) in zip(found.hypotheses, wanted, strict=True):
        assert score == pytest.approx(expected, abs=1e-9)
    scores = [score for _, score in found.hypotheses]
    assert scores == sorted(scores, reverse=True)


@settings(max_examples=40, deadline=None)
@given(**SETTINGS)
def test_a_beam_of_one_is_greedy(seed: int, vocabulary: int, length: int, end: int | None) -> None:
    next_token = chances(seed, vocabulary)
    greedy = fl.greedy_search(next_token, 1, length=length, end=end)
    beam = fl.beam_search(next_token, 1, width=1, length=length, end=end)
    assert greedy.hypotheses == beam.hypotheses
    plain: list[int] = []
    while len(plain) < length and (not plain or plain[-1] != end):
        plain.append(int(np.argmax(next_token.table((1, *plain)))))
    assert greedy.best == plain
    best = next(c for c in greedy.tree() if c.place == 0 and c.tokens == greedy.best)
    assert best.score == pytest.approx(greedy.score)


def two_ways(tokens: Any) -> np.ndarray:
    """Token 3 looks best (0.5), but then three go on alike; after token 4 (0.4) all is sure."""
    p = {1: [0, 0, 0.1, 0.5, 0.4], 3: [0, 0, 0.34, 0.33, 0.33], 4: [0, 0, 0.9, 0.1, 0]}
    with np.errstate(divide="ignore"):
        return np.log([p[int(row[-1])] for row in tokens.value])


def test_beam_finds_what_greedy_misses() -> None:
    greedy = fl.greedy_search(two_ways, 1, length=2, end=END)
    beam = fl.beam_search(two_ways, 1, width=2, length=2, end=END)
    assert greedy.best == [3, 2]
    assert np.exp(greedy.score) == pytest.approx(0.5 * 0.34)
    assert beam.best == [4, 2]
    assert np.exp(beam.score) == pytest.approx(0.4 * 0.9)
    assert float(beam.trace["C"].value) == beam.score


def test_a_beam_of_two_can_miss_what_three_find() -> None:
    """Beam search promises nothing: the best sequence here begins with the third best token."""

    def next_token(tokens: Any) -> np.ndarray:
        p = {1: [0, 0, 0, 0.4, 0.35, 0.25], 3: [0, 0, 0.3, 0.3, 0.2, 0.2], 4: [0, 0, 0.3, 0.3, 0.2,
             0.2], 5: [0, 0, 1, 0, 0, 0]}  # fmt: skip
        with np.errstate(divide="ignore"):
            return np.log([p[int(row[-1])] for row in tokens.value])

    found = [fl.beam_search(next_token, 1, width=k, length=2, end=END).best for k in (2, 3)]
    assert found == [[3, 2], [5, 2]]


def test_the_tree_can_be_read() -> None:
    found = fl.beam_search(two_ways, 1, width=2, length=3, end=END)
    tree = found.tree()
    first = [c for c in tree if c.step == 1]
    assert [(c.token, c.place) for c in first] == [(2, None), (3, 0), (4, 1)]
    second = [c for c in tree if c.step == 2]
    assert [c.tokens for c in second] == [[3, 2], [3, 3], [3, 4], [4, 2], [4, 3]]
    assert [c.tokens for c in second if c.place == 0] == [[4, 2]]
    assert all(c.parent is first[1] for c in second[:3])
    for candidate in tree:
        above = 0.0 if candidate.parent is None else candidate.parent.score
        assert candidate.score == pytest.approx(above + candidate.log_p)
    # The finished [4, 2] is not continued at step 3, and stays the best.
    assert {c.tokens[0] for c in tree if c.step == 3} <= {3}
    assert found.best == [4, 2]


def test_the_tree_can_be_read_after_a_change_by_hand() -> None:
    """Here nothing is possible any more after the first token, but the beam keeps its width."""
    found = fl.beam_search(two_ways, 1, width=2, length=2, end=END)
    found.trace.set("step 2/log p", np.full((2, 5), -1e9))
    assert [c.place for c in found.tree() if c.step == 2] == [0, 1]
    assert [score < -1e8 for _, score in found.hypotheses] == [True, True]


def test_every_score_can_be_asked_down_to_the_weights() -> None:
    w = np.random.default_rng(5).normal(size=(6, 6))
    found = fl.beam_search(bigram, [1, 4], width=3, length=3, end=END, w=w)
    follows(found.trace)
    terms = found.trace["step 1/candidates"].explain(0, 3).terms
    names = [ref.matrix.local for term in terms for ref in term.factors]
    assert names == ["score of the start", "log p"]
    log_p = found.trace["step 2/log p"].value
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1.0)
    assert "largest cells" in str(found.trace["step 2/chosen"].explain(0))
    # Another weight, another winner: the trace searches again.
    best = found.best
    found.trace.set("w", w[4, best[0]] - 9.0, (4, best[0]))
    again = fl.beam_search(bigram, [1, 4], width=3, length=3, end=END, w=found.trace["w"].value)
    assert found.best == again.best != best
    assert found.hypotheses == again.hypotheses


def test_the_gradient_of_the_best_sequence_is_that_of_its_own_tokens() -> None:
    """Independently: d/dw of the sum of log softmax along the path, row by row."""
    w = np.random.default_rng(7).normal(size=(5, 5))
    found = fl.beam_search(bigram, 1, width=4, length=3, w=w)
    found.trace.backward()
    wanted = np.zeros_like(w)
    for before, token in itertools.pairwise([1, *found.best]):
        wanted[before] += np.eye(5)[token] - np.exp(w[before]) / np.exp(w[before]).sum()
    np.testing.assert_allclose(found.trace["dC_dw"].value, wanted, rtol=1e-10, atol=1e-12)


def transformer() -> fl.Network:
    """It has learned a little, so that its choices differ; 6 tokens, 3 to read, 3 to write."""
    draw = np.random.default_rng(9)
    source, answer = draw.integers(2, 6, (8, 3)), draw.integers(2, 6, (8, 3))
    layer = fl.Transformer(6, source=3, features=6, heads=2, hidden=5)
    return fl.Network(
        [layer], side_by_side(source, answer), answer, cost="cross_entropy_logits",
        optimizer=fl.Adam(0.05), seed=1,
    )  # fmt: skip


def test_a_transformer_is_searched() -> None:
    net = transformer()
    net.fit(10)
    source = [2, 4, 3]
    next_token = fl.next_token_of(net, source)
    greedy = fl.greedy_search(next_token, fl.START, length=3)
    np.testing.assert_array_equal(greedy.best, greedily(net.predict, source, 3)[0])
    # Independently: every sequence, scored in one go by the network that sees it whole.
    every = np.array(list(itertools.product(range(6), repeat=3)))
    p = net.predict(side_by_side(np.tile(source, (216, 1)), every))
    scores = np.log(np.take_along_axis(p, every[:, :, None], axis=2)).sum(axis=(1, 2))
    found = fl.beam_search(next_token, fl.START, width=216, length=3)
    assert found.best == every[scores.argmax()].tolist()
    assert found.score == pytest.approx(scores.max(), rel=1e-10)
    narrow = fl.beam_search(next_token, fl.START, width=3, length=3)
    assert greedy.score <= narrow.score <= found.score + 1e-12
    with pytest.raises(fl.BadInput, match="has room for 3 tokens"):
        fl.greedy_search(next_token, fl.START, length=4)


def test_a_loaded_network_is_searched_alike(tmp_path: Path) -> None:
    """Without its own file, too: the saved network gives every number of the search again."""
    net = transformer()
    net.fit(10)
    net.save(tmp_path / "net.npz")
    before, after = (
        fl.beam_search(fl.next_token_of(n, [2, 4, 3]), fl.START, width=4, length=3)
        for n in (net, fl.Network.load(tmp_path / "net.npz"))
    )
    assert after.hypotheses == before.hypotheses
    for name, matrix in before.trace.matrices.items():
        np.testing.assert_array_equal(after.trace[name].value, matrix.value, err_msg=name)


def test_bad_input_says_what_to_do() -> None:
    with pytest.raises(fl.BadInput, match=r"width must be a whole number, 1 or more, got 0"):
        fl.beam_search(two_ways, 1, width=0, length=2)
    with pytest.raises(fl.BadInput, match="length must be a whole number"):
        fl.greedy_search(two_ways, 1, length=2.5)  # type: ignore[arg-type]
    with pytest.raises(fl.BadInput, match="next_token must be a function, got str"):
        fl.greedy_search("two_ways", 1, length=2)  # type: ignore[arg-type]
    with pytest.raises(fl.BadInput, match=r"logarithms of probabilities.*0\.5.*softmax"):
        fl.greedy_search(lambda tokens: np.array([[0.5, 0.5]]), 1, length=2)
    with pytest.raises(fl.BadInput, match=r"one row per hypothesis.*1×vocabulary; got 2×3"):
        fl.greedy_search(lambda tokens: np.zeros((2, 3)), 1, length=2)
    with pytest.raises(fl.BadInput, match="is finished already"):
        fl.greedy_search(two_ways, [1, 2], length=2, end=END)
    with pytest.raises(fl.BadInput, match=r"start must be one token number.*1\.5"):
        fl.greedy_search(two_ways, 1.5, length=2)
    with pytest.raises(fl.BadInput, match="end must be 0 to 4, got 9"):
        fl.greedy_search(two_ways, 1, length=2, end=9)
    with pytest.raises(fl.BadInput, match="NaN"):
        fl.greedy_search(lambda tokens: [[np.nan, 0.0]], 1, length=2)


def test_a_saved_search_comes_back_with_every_number_name_and_reason(tmp_path: Path) -> None:
    w = np.random.default_rng(1).normal(size=(4, 4))
    found = fl.beam_search(
        lambda tokens, w: fl.log(fl.softmax(fl.rows(w, tokens[:, -1]))), 1, width=2, length=3,
        end=3, w=w,
    )  # fmt: skip
    found.trace.backward()
    found.save(tmp_path / "beam.npz")
    back = type(found).load(tmp_path / "beam.npz")
    assert back.hypotheses == found.hypotheses
    assert [c.tokens for c in back.tree()] == [c.tokens for c in found.tree()]
    same_traces(found.trace, back.trace)
    assert back.trace.check("dC_dw").ok
    back.trace.set("w", 2.0, (1, 0))
    assert back.score != found.score
    fl.form_network([1], *fl.data.gate("and")).save(tmp_path / "net.npz")
    with pytest.raises(fl.BadInput, match="has the format 'fluxlab network 1'"):
        type(found).load(tmp_path / "net.npz")
    with pytest.raises(fl.BadInput, match="there is no file"):
        type(found).load(tmp_path / "beams.npz")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_trace_is_the_same_again_from_plain_data(name: str) -> None:
    trace = EXAMPLES[name]()
    header, arrays = to_plain(trace)
    made = fl.Trace("loaded")
    from_plain(made, json.loads(json.dumps(header)), arrays)
    same_traces(trace, made)


def test_an_operation_that_is_not_known_is_refused() -> None:
    header, arrays = to_plain(fl.trace(lambda x: fl.tanh(x), x=[1.0]))
    header["steps"][0]["op"] = "tahn"
    with pytest.raises(fl.BadInput, match="does not know the operation 'tahn'"):
        from_plain(fl.Trace("loaded"), header, arrays)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("steps",), 9), (("steps",), 0), (("start",), 7), (("trace", "cost"), 10**6),
        (("trace", "matrices", 0, "local"), 5), (("trace", "matrices", 0, "scope"), []),
        (("trace", "matrices", 0, "axes"), ["one"]), (("trace", "matrices", 1, "local"), "w"),
        (("trace", "steps", 0, "inputs"), [0]), (("trace", "position"), -1),
    ],
)  # fmt: skip
def test_a_search_whose_parts_do_not_fit_is_refused(
    where: tuple[Any, ...], value: object, tmp_path: Path
) -> None:
    found = fl.beam_search(bigram, 1, width=2, length=2, end=END, w=np.eye(4))
    plain, arrays = to_plain(found.trace)
    header = json.loads(json.dumps({"trace": plain, "steps": 2, "start": [1], "end": END}))
    write(tmp_path / "whole.npz", FORMAT, header, arrays)
    assert type(found).load(tmp_path / "whole.npz").hypotheses == found.hypotheses
    part = header
    for key in where[:-1]:
        part = part[key]
    part[where[-1]] = value
    write(tmp_path / "beam.npz", FORMAT, header, arrays)
    with pytest.raises(fl.BadInput):
        type(found).load(tmp_path / "beam.npz")


def same_traces(one: fl.Trace, other: fl.Trace) -> None:
    assert [*one.matrices] == [*other.matrices]
    assert one.aliases.keys() == other.aliases.keys()
    for left, right in zip(one.matrices.values(), other.matrices.values(), strict=True):
        assert (left.kind, left.axes, left.shape, left.temporary, left.labels) == (
            right.kind, right.axes, right.shape, right.temporary, right.labels,
        )  # fmt: skip
        if left.ready:
            # Numbers that lay in memory in another order may add up to another last digit.
            np.testing.assert_allclose(left.value, right.value, rtol=1e-13, atol=1e-15)
            cell = tuple(n - 1 for n in left.shape)
            assert repr(left.explain(*cell)) == repr(right.explain(*cell))
    assert [s.numpy() for s in one.steps] == [s.numpy() for s in other.steps]
    assert [s.latex() for s in one.steps] == [s.latex() for s in other.steps]
