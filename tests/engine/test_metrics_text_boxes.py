"""Figures of texts and boxes against sacrebleu, rouge-score and pycocotools."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sacrebleu
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import Lazily
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from traces import follows

import fluxlab as fl
from fluxlab.engine import metrics

sk = Lazily("sklearn.metrics")
rouge_scorer = Lazily("rouge_score.rouge_scorer")

close = pytest.approx
few = settings(max_examples=15)  # scikit-learn checks its arguments slowly

# -- text -------------------------------------------------------------------------------------

words = st.lists(st.sampled_from(["a", "b", "c", "the"]), min_size=1, max_size=12).map(" ".join)


class Spaces:
    """The tokenizer of `number_words`, for rouge-score."""

    def tokenize(self, text: str) -> list[str]:
        return text.split()


def sacre(candidates: list[str], references: list[list[str]]) -> float:
    """sacrebleu's number in 0..1; it wants one list per reference, filled up with None."""
    most = max(map(len, references))
    streams = [[r[k] if k < len(r) else None for r in references] for k in range(most)]
    found = sacrebleu.corpus_bleu(
        candidates, streams, tokenize="none", smooth_method="none", force=True
    )
    return float(found.score) / 100


@settings(max_examples=60)
@given(st.lists(st.tuples(words, st.lists(words, min_size=1, max_size=3)), min_size=1, max_size=4))
def test_bleu_is_sacrebleus(pairs: list[tuple[str, list[str]]]) -> None:
    candidates, references = [c for c, _ in pairs], [r for _, r in pairs]
    assert metrics.bleu(candidates, references) == close(sacre(candidates, references), abs=1e-12)


texts = st.text("aB1 .,-'!?()$%/:;\"[]_{}~+é\t", min_size=1, max_size=30)


@settings(max_examples=300)
@given(texts)
def test_punctuation_is_set_apart_as_sacrebleu_does(text: str) -> None:
    assert metrics.spaced(text) == Tokenizer13a()(text)


@settings(max_examples=60)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=3))
def test_bleu_of_spaced_texts_is_sacrebleus_default(pairs: list[tuple[str, str]]) -> None:
    pairs = [pair for pair in pairs if all(text.strip() for text in pair)]
    assume(pairs)
    said, wanted = zip(*pairs, strict=True)
    found = metrics.bleu(list(map(metrics.spaced, said)), list(map(metrics.spaced, wanted)))
    theirs = sacrebleu.corpus_bleu(said, [wanted], smooth_method="none").score / 100
    assert found == close(theirs, abs=1e-12)


def test_bleu_by_hand() -> None:
    # The paper's: "the" stands seven times, twice at most in a reference.
    the = " ".join(["the"] * 7)
    references = ["the cat is on the mat", "there is a cat on the mat"]
    assert metrics.bleu(the, references, order=1) == close(2 / 7)
    assert metrics.bleu("the cat", "the cat is on", order=2) == close(np.exp(-1))
    # References one shorter and one longer: the shorter counts, so nothing is missing.
    assert metrics.bleu("a b c d", ["a b c", "a b c d e"], order=1) == 1.0
    assert sacre(["a b c d"], [["a b c d e", "a b c"]]) == close(
        metrics.bleu("a b c d", ["a b c d e", "a b c"])
    )
    assert metrics.bleu("a b c", "a b c") == 0.0  # too short for a 4-gram
    assert metrics.bleu("a b c d", "e f g h") == 0.0
    assert metrics.bleu("a b c d e", ["a b c d e"]) == close(1.0)
    many = [("the cat sat on the red mat", "the cat sat on the mat today"), ("a b c", "b c d")]
    assert (
        0
        < metrics.bleu(*zip(*many, strict=True))
        == close(sacre([c for c, _ in many], [[r] for _, r in many]))
    )


@given(words, words, st.integers(1, 4))
def test_rouge_is_rouge_scores(candidate: str, reference: str, n: int) -> None:
    scorer = rouge_scorer.RougeScorer([f"rouge{n}", "rougeL"], tokenizer=Spaces())
    wanted = scorer.score(reference, candidate)
    for found, score in (
        (metrics.rouge_n(candidate, reference, n), wanted[f"rouge{n}"]),
        (metrics.rouge_l(candidate, reference), wanted["rougeL"]),
    ):
        assert found == close((score.precision, score.recall, score.fmeasure), abs=1e-12)


@pytest.mark.parametrize(
    ("candidate", "reference"),
    [("a b a the b", "b a the a b a c"), ("a a a", "a b"), ("c", "a b"), ("c", "c")],
)
def test_text_figures_can_be_asked_why(candidate: str, reference: str) -> None:
    (c, r), _ = metrics.number_words(candidate, reference)
    for figure in (
        lambda c, r: metrics.bleu(c, r, 2),
        lambda c, r: metrics.bleu(c, r),
        lambda c, r: metrics.rouge_n(c, r, 2).recall,
        lambda c, r: metrics.rouge_l(c, r).f1,
    ):
        trace = fl.trace(lambda c, r, f=figure: f(c, r), c=c, r=r)
        assert trace.cost.value == close(figure(candidate, reference), abs=1e-12)
        follows(trace)


def test_words_are_numbered_as_they_occur() -> None:
    numbered, known = metrics.number_words("the cat  the", "a cat\n")
    assert [v.tolist() for v in numbered] == [[0, 1, 0], [2, 1]]
    assert known == ["the", "cat", "a"]


def test_perplexity_is_e_to_the_log_loss() -> None:
    draw = np.random.default_rng(2)
    y, t = draw.dirichlet(np.ones(5), size=8), draw.integers(0, 5, size=8)
    wanted = np.exp(sk.log_loss(t, y, labels=range(5)))
    assert metrics.perplexity(y, t) == close(wanted)
    assert metrics.perplexity(y, np.eye(5)[t]) == close(wanted)
    assert metrics.perplexity(y.reshape(2, 4, 5), t.reshape(2, 4)) == close(wanted)
    trace = fl.trace(lambda y, t: metrics.perplexity(y, t), y=y, t=t.astype(float))
    assert trace.cost.value == close(wanted)
    follows(trace)


def test_lower_perplexity_is_less_perplexed() -> None:
    guess = np.full((3, 4), 0.25)
    assert metrics.perplexity(guess, [0, 1, 2]) == close(4.0)
    assert metrics.perplexity(np.eye(4)[:3], [0, 1, 2]) == 1.0
    assert metrics.perplexity(np.eye(4)[:3], [0, 1, 3]) == np.inf


# -- boxes ------------------------------------------------------------------------------------


def some_boxes(draw: Any, count: int) -> Any:
    corner = draw.integers(0, 12, size=(count, 2))
    return np.hstack([corner, corner + draw.integers(1, 9, size=(count, 2))]).astype(float)


def painted(box: Any) -> Any:
    canvas = np.zeros((24, 24))
    left, top, right, bottom = box.astype(int)
    canvas[top:bottom, left:right] = 1
    return canvas.ravel()


@few
@given(seed=st.integers(0, 10**6))
def test_iou_is_the_jaccard_score_of_painted_boxes(seed: int) -> None:
    draw = np.random.default_rng(seed)
    a, b = some_boxes(draw, 3), some_boxes(draw, 5)
    found = metrics.iou(a, b)
    assert found.shape == (3, 5)
    for i, j in np.ndindex(3, 5):
        assert found[i, j] == close(sk.jaccard_score(painted(a[i]), painted(b[j])))
        assert metrics.iou(a[i], b[j]) == close(found[i, j])


def test_iou_can_be_asked_why() -> None:
    draw = np.random.default_rng(0)
    a, b = some_boxes(draw, 3), some_boxes(draw, 2)
    trace = fl.trace(lambda a, b: metrics.iou(a, b), a=a, b=b)
    assert trace["IoU"].value == close(metrics.iou(a, b))
    follows(trace)
    trace = fl.trace(lambda a, b: metrics.iou(a, b), a=a[0], b=b[0])
    assert trace.cost.value == close(metrics.iou(a[0], b[0]))


def coco(found: Any, truth: Any, threshold: float) -> dict[int, float]:
    """The average precision of each class, by COCO's own tools."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval, Params

    def flat(boxes: Any) -> Any:
        return np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]).tolist()

    true = [
        {"image_id": i, "bbox": box, "category_id": int(k), "iscrowd": 0, "area": box[2] * box[3]}
        for i, (boxes, kinds) in enumerate(truth)
        for box, k in zip(flat(boxes), kinds, strict=True)
    ]
    for number, entry in enumerate(true, 1):  # COCO takes number 0 for "no match"
        entry["id"] = number
    kinds = sorted({e["category_id"] for e in true} | {int(k) for _, _, c in found for k in c})
    data = COCO()
    data.dataset = {
        "images": [{"id": i} for i in range(len(truth))],
        "annotations": true,
        "categories": [{"id": k} for k in kinds],
    }
    data.createIndex()
    results = data.loadRes([
        {"image_id": i, "bbox": box, "category_id": int(k), "score": float(s)}
        for i, (boxes, scores, kinds) in enumerate(found)
        for box, s, k in zip(flat(boxes), scores, kinds, strict=True)
    ])  # fmt: skip
    judge = COCOeval(data, results, "bbox")
    settings = Params(iouType="bbox")
    settings.imgIds, settings.catIds = list(range(len(truth))), kinds
    settings.iouThrs, settings.maxDets = np.array([threshold]), [1000]
    settings.areaRng, settings.areaRngLbl = [[0, 1e10]], ["all"]
    judge.params = settings
    judge.evaluate()
    judge.accumulate()
    precision = judge.eval["precision"][0, :, :, 0, 0].mean(axis=0)
    return {k: float(p) for k, p in zip(kinds, precision, strict=True) if p >= 0}


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.75])
def test_average_precision_of_boxes_is_cocos(seed: int, threshold: float) -> None:
    draw = np.random.default_rng(seed)
    found, truth = [], []
    for _ in range(6):
        boxes = some_boxes(draw, int(draw.integers(0, 6)))
        truth.append((boxes, draw.integers(1, 4, size=len(boxes))))
        near = np.repeat(boxes, 2, axis=0) + draw.uniform(-0.4, 0.4, (2 * len(boxes), 4))
        guesses = np.vstack([near, some_boxes(draw, 2)])
        kinds = np.append(np.repeat(truth[-1][1], 2), [1, 5])
        found.append((guesses, draw.integers(0, 12, size=len(guesses)) / 12, kinds))
    wanted = coco(found, truth, threshold)
    assert metrics.box_precisions(found, truth, threshold) == close(wanted)
    assert metrics.mean_average_precision(found, truth, threshold) == close(
        np.mean(list(wanted.values()))
    )
    assert 5 not in wanted


def test_average_precision_of_boxes_by_hand() -> None:
    one, two, far = [0, 0, 2, 2], [5, 5, 9, 9], [20, 20, 21, 21]
    truth = [([one, two], [0, 0])]
    assert metrics.mean_average_precision([([one, two], [0.9, 0.8], [0, 0])], truth) == 1.0
    # Found twice is wrong once; the miss comes between the hits: precision 1, then 2/3.
    again = [([one, one, two], [0.9, 0.8, 0.7], [0, 0, 0])]
    assert metrics.mean_average_precision(again, truth) == close((51 + 50 * 2 / 3) / 101)
    assert metrics.mean_average_precision([([far], [0.9], [0])], truth) == 0.0
    # Two of three parts in common, with two thirds wanted: at the threshold is a hit.
    half = [([[0, 0, 3, 1]], [0.9], [0])], [([[0, 0, 2, 1]], [0])]
    assert metrics.mean_average_precision(*half, threshold=2 / 3) == 1.0
    assert metrics.mean_average_precision(*half, threshold=0.67) == 0.0
    assert metrics.mean_average_precision([([], [], [])], truth) == 0.0
