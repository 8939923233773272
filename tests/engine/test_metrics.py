"""Every metric against a library that others trust, and every traced one from its own cells."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import sacrebleu
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer

import fluxlab as fl
from fluxlab.engine import metrics
from fluxlab.engine.explain import recompute

FIGURES = {
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1": sk.f1_score,
}
AVERAGES = (None, "macro", "micro", "weighted")
close = pytest.approx
few = settings(max_examples=15)  # scikit-learn checks its arguments slowly


def some_classes(seed: int, samples: int = 37, classes: int = 4) -> tuple[Any, Any, Any]:
    """Scores, one-hot truth and class numbers; unequal classes, the last one never true."""
    draw = np.random.default_rng(seed)
    numbers = draw.choice(classes - 1, size=samples, p=draw.dirichlet(np.ones(classes - 1)))
    return draw.normal(size=(samples, classes)), np.eye(classes)[numbers], numbers


def some_column(seed: int, samples: int = 23) -> tuple[Any, Any]:
    """Scores with many ties, some exactly 0.5, and truth 0 or 1 with both present."""
    draw = np.random.default_rng(seed)
    t = np.zeros((samples, 1))
    t[: int(draw.integers(1, samples))] = 1.0
    return draw.integers(0, 9, size=(samples, 1)) / 8, draw.permutation(t)


def follows(trace: Any) -> None:
    """Every cell is what its explanation says."""
    for matrix in trace.matrices.values():
        for index in np.ndindex(*matrix.shape):
            assert recompute(matrix, index) == close(float(matrix.buffer[index]), abs=1e-12)


def test_only_numpy_is_loaded_with_the_metrics() -> None:
    code = (
        "import sys, fluxlab.engine, fluxlab.engine.metrics, fluxlab.engine.data as d; d.gate('or')"
        "; print([m for m in ('sklearn', 'scipy', 'pandas', 'sacrebleu') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- counts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("name", FIGURES)
@few
@given(seed=st.integers(0, 10**6))
def test_figures_of_several_classes_are_scikit_learns(name: str, average: Any, seed: int) -> None:
    y, t, numbers = some_classes(seed)
    wanted = FIGURES[name](
        numbers, y.argmax(axis=1), labels=range(4), average=average, zero_division=0
    )
    found = getattr(metrics, name)
    assert found(y, t, average=average) == close(wanted)
    assert found(y, numbers, average=average) == close(wanted)
    assert found(y, numbers[:, None], average=average) == close(wanted)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("name", FIGURES)
@few
@given(seed=st.integers(0, 10**6), threshold=st.sampled_from([0.0, 0.3, 0.5, 0.75, 1.1]))
def test_figures_of_one_column_are_scikit_learns(
    name: str, average: Any, seed: int, threshold: float
) -> None:
    y, t = some_column(seed)
    wanted = FIGURES[name](
        t.ravel(), (y >= threshold).ravel(), average=average or "binary", zero_division=0
    )
    assert getattr(metrics, name)(y, t, average, threshold) == close(wanted)


@few
@given(seed=st.integers(0, 10**6))
def test_specificity_is_the_recall_of_the_others(seed: int) -> None:
    y, t, numbers = some_classes(seed)
    said = y.argmax(axis=1)
    each = [sk.recall_score(numbers != k, said != k, zero_division=0) for k in range(4)]
    assert metrics.specificity(y, t) == close(each)
    assert metrics.specificity(y, t, "macro") == close(np.mean(each))
    assert metrics.specificity(y, t, "weighted") == close(np.average(each, weights=t.sum(axis=0)))
    tables = sk.multilabel_confusion_matrix(numbers, said, labels=range(4))
    assert metrics.specificity(y, t, "micro") == close(tables[:, 0, 0].sum() / tables[:, 0].sum())
    for found, wanted in zip(
        metrics.counts(y, t), tables.reshape(4, 4).T[[3, 1, 2, 0]], strict=True
    ):
        assert found.tolist() == wanted.tolist()
    y, t = some_column(seed)
    assert metrics.specificity(y, t) == close(
        sk.recall_score(t.ravel() == 0, y.ravel() < 0.5, zero_division=0)
    )


@few
@given(seed=st.integers(0, 10**6))
def test_accuracy_and_confusion_are_scikit_learns(seed: int) -> None:
    y, t, numbers = some_classes(seed)
    said = y.argmax(axis=1)
    assert metrics.accuracy(y, t) == close(sk.accuracy_score(numbers, said))
    assert metrics.error_rate(y, t) == close(sk.zero_one_loss(numbers, said))
    table = metrics.confusion_matrix(y, t)
    assert table.tolist() == sk.confusion_matrix(numbers, said, labels=range(4)).tolist()
    y, t = some_column(seed)
    assert metrics.accuracy(y, t) == close(sk.accuracy_score(t, y >= 0.5))
    table = metrics.confusion_matrix(y, t)
    assert table.tolist() == sk.confusion_matrix(t, y >= 0.5, labels=[0, 1]).tolist()
    TP, FP, FN, TN = metrics.counts(y, t)
    assert table.tolist() == [[TN, FP], [FN, TP]]


def test_nothing_out_of_nothing_is_zero() -> None:
    low, high, no, yes = [0.1, 0.2, 0.3], [0.7, 0.8, 0.9], [0, 0, 0], [1, 1, 1]
    assert metrics.precision(low, yes) == 0.0  # nothing is called positive
    assert metrics.recall(high, no) == 0.0  # nothing is positive
    assert metrics.specificity(high, yes) == 0.0  # nothing is negative
    assert metrics.f1(low, no) == 0.0
    assert metrics.specificity(low, no) == metrics.recall(high, yes) == 1.0
    assert metrics.confusion_matrix(low, no).tolist() == [[3, 0], [0, 0]]


def test_at_the_threshold_is_positive_and_the_first_of_equal_classes_is_named() -> None:
    assert metrics.predicted([0.49, 0.5, 0.51]).ravel().tolist() == [0, 1, 1]
    assert metrics.predicted([0.49, 0.5, 0.51], 0.51).ravel().tolist() == [0, 0, 1]
    assert metrics.predicted([[2.0, 2.0, 1.0]]).tolist() == [[1, 0, 0]]


TRACED = {
    "accuracy": metrics.accuracy,
    "error_rate": metrics.error_rate,
    "confusion_matrix": metrics.confusion_matrix,
    **{
        f"{name} {average}": lambda y, t, n=name, a=average: getattr(metrics, n)(y, t, a)
        for name in (*FIGURES, "specificity")
        for average in AVERAGES
    },
}


@pytest.mark.parametrize("name", TRACED)
def test_counts_can_be_asked_why(name: str) -> None:
    y, t, numbers = some_classes(5, samples=7)
    column = y[:, 1], t[:, 1]
    for given_y, given_t in ((y, t), (y, numbers.astype(float)), column):
        trace = fl.trace(lambda y, t: TRACED[name](y, t), y=given_y, t=given_t)
        result = trace._result
        assert result.value == close(TRACED[name](given_y, given_t))
        assert (
            result.local.replace("confusion", "confusion_matrix")
            .replace(" ", "_")
            .endswith(name.split()[0])
        )
        follows(trace)


def test_a_threshold_can_be_moved_in_the_trace() -> None:
    y, t = some_column(3)
    trace = fl.trace(
        lambda y, t, threshold: metrics.precision(y, t, threshold=threshold),
        y=y, t=t, threshold=0.5,
    )  # fmt: skip
    for threshold in (0.0, 0.375, 0.8):
        trace.set("threshold", threshold)
        wanted = sk.precision_score(t.ravel(), (y >= threshold).ravel(), zero_division=0)
        assert trace.cost.value == close(wanted)
    why = trace["precision"].explain()
    assert [ref.name for ref in why.terms[0].factors][:1] == ["TP"]
    assert "divided by" in str(why)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.precision([0.2, 0.9], [1, 0, 1]), "2 samples and t has 3"),
        (lambda: metrics.precision([1, 0], [0.2, 0.9]), "t must be 0 or 1"),
        (lambda: metrics.recall([[0.1, 0.9]], [[1, 1]]), "one-hot rows, or class numbers"),
        (lambda: metrics.recall([[0.1, 0.9]], [[0, 0]]), "one-hot rows, or class numbers"),
        (lambda: metrics.recall([[0.1, 0.9]], [2]), "0 to 1, got 2"),
        (lambda: metrics.f1([[0.1, 0.9]], [[1, 0, 0]]), "1×2 and t 1×3"),
        (lambda: metrics.f1([[0.1, 0.9]], [[1, 0]], threshold=0.3), "largest cell of a row"),
        (lambda: metrics.accuracy(["cat"], [1]), "y must be numbers"),
        (lambda: metrics.accuracy([np.nan], [1]), "not finite"),
        (lambda: metrics.accuracy(np.zeros((2, 2, 2)), [1]), "2×2×2"),
        (lambda: metrics.roc_curve([0.2, 0.9], [1, 1]), "no negative sample"),
        (lambda: metrics.auc([0.2, 0.9], [0, 0]), "no positive sample"),
        (lambda: metrics.auc([[0.2, 0.9, 0], [1, 0, 0]], [0, 1]), "class 2 has no positive"),
        (lambda: metrics.roc_curve(np.eye(2), np.eye(2)), "curve is that of one class"),
        (lambda: metrics.r_squared([1, 2, 3], [4, 4, 4]), "no spread"),
        (lambda: metrics.mae([[1, 2]], [[1]]), "must be alike"),
        (lambda: metrics.perplexity([[0.5, 0.6]], [0]), "fl.softmax"),
        (lambda: metrics.perplexity([[0.5, 0.5]], [0, 1]), "1×2 and t 2"),
        (lambda: metrics.perplexity([[0.5, 0.5]], [[1.0, 1.0]]), "one-hot"),
        (lambda: metrics.bleu("a b", 3), "references must be"),
        (lambda: metrics.bleu(["a b", "c"], ["a b"]), "2 candidates but references for 1"),
        (lambda: metrics.bleu("a b", []), "has no reference"),
        (lambda: metrics.bleu("a", "b", order=0), "order must be a whole number"),
        (lambda: metrics.rouge_n(" ", "b"), "at least one word"),
        (lambda: metrics.rouge_n("a", [1, 2]), "not both"),
        (lambda: metrics.rouge_n("a", "b", n=1.5), "n must be a whole number"),
        (lambda: metrics.iou([0, 0, 2], [0, 0, 1, 1]), "left, top, right, bottom"),
        (lambda: metrics.iou([0, 0, 2, 2], [[0, 0, 1, 1], [3, 0, 3, 1]]), "box 1 of others"),
        (lambda: metrics.mean_average_precision([], [([], [])]), "0 images and truth 1"),
        (lambda: metrics.mean_average_precision([([], [], [])], [([], [])]), "no box in any"),
        (
            lambda: metrics.mean_average_precision([([[0, 0, 1, 1]], [1, 2], [0])], [([], [])]),
            "found, image 0",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(call: Any, message: str) -> None:
    with pytest.raises(fl.BadInput, match=message):
        call()


def test_an_unknown_average_is_refused_with_the_nearest() -> None:
    with pytest.raises(fl.UnknownName, match="Did you mean 'macro'"):
        metrics.precision([1, 0], [1, 0], average="makro")


def test_a_curve_of_a_traced_matrix_asks_for_its_numbers() -> None:
    with pytest.raises(fl.BadInput, match=r"traced matrix y, .* its \.value"):
        fl.trace(lambda y: metrics.auc(y, [1, 0]), y=[0.1, 0.2])


# -- curves -----------------------------------------------------------------------------------


@few
@given(seed=st.integers(0, 10**6))
def test_curves_are_those_of_precision_and_recall_at_each_threshold(seed: int) -> None:
    y, t = some_column(seed)
    roc, pr = metrics.roc_curve(y, t), metrics.precision_recall_curve(y, t)
    assert roc.thresholds[0] == np.inf
    for x, up, threshold in list(zip(*roc, strict=True))[1:]:
        assert metrics.recall(y, t, threshold=threshold) == close(up)
        assert metrics.specificity(y, t, threshold=threshold) == close(1 - x)
    for p, r, threshold in zip(*pr, strict=False):
        assert metrics.precision(y, t, threshold=threshold) == close(p)
        assert metrics.recall(y, t, threshold=threshold) == close(r)
    assert (pr.precision[-1], pr.recall[-1]) == (1, 0)
    assert metrics.average_precision(y, t) == close(np.sum(-np.diff(pr.recall) * pr.precision[:-1]))


@few
@given(seed=st.integers(0, 10**6))
def test_auc_is_how_often_a_positive_scores_above_a_negative(seed: int) -> None:
    y, t = some_column(seed)
    above = y[t == 1][:, None] - y[t == 0]
    assert metrics.auc(y, t) == close(np.mean((above > 0) + (above == 0) / 2))
    assert metrics.auc(y, t) == close(sk.auc(*metrics.roc_curve(y, t)[:2]))


def test_several_classes_are_averaged_one_against_the_rest() -> None:
    draw = np.random.default_rng(4)
    y, numbers = draw.dirichlet(np.ones(3), size=31), np.arange(31) % 3
    wanted = sk.roc_auc_score(numbers, y, multi_class="ovr", average="macro")
    assert metrics.auc(y, numbers) == close(wanted)
    wanted = sk.average_precision_score(np.eye(3)[numbers], y, average="macro")
    assert metrics.average_precision(y, np.eye(3)[numbers]) == close(wanted)


# -- regression -------------------------------------------------------------------------------


@few
@given(seed=st.integers(0, 10**6), outputs=st.integers(1, 3))
def test_regression_figures_are_scikit_learns(seed: int, outputs: int) -> None:
    draw = np.random.default_rng(seed)
    y, t = draw.normal(size=(2, 11, outputs)) * [[[1.0]], [[3.0]]]
    assert metrics.mae(y, t) == close(sk.mean_absolute_error(t, y))
    assert metrics.mse(y, t) == close(sk.mean_squared_error(t, y))
    assert metrics.rmse(y, t) == close(np.sqrt(sk.mean_squared_error(t, y)))
    assert metrics.r_squared(y, t) == close(sk.r2_score(t, y))
    if outputs == 1:
        assert metrics.rmse(y, t.ravel()) == close(sk.root_mean_squared_error(t, y))


def test_r_squared_can_be_negative() -> None:
    t = [1.0, 2.0, 3.0]
    assert metrics.r_squared(t, t) == 1.0
    assert metrics.r_squared([2.0, 2.0, 2.0], t) == 0.0
    assert metrics.r_squared([3.0, 2.0, 1.0], t) == close(-3.0)


@pytest.mark.parametrize("name", ["mae", "mse", "rmse", "r_squared"])
def test_regression_figures_can_be_asked_why_and_differentiated(name: str) -> None:
    draw = np.random.default_rng(1)
    y, t = draw.normal(size=(2, 5, 2))
    trace = fl.trace(lambda y, t: getattr(metrics, name)(y, t), y=y, t=t)
    assert trace.cost.value == close(getattr(metrics, name)(y, t))
    trace.backward()
    follows(trace)
    assert (
        trace.check(
            f"d{trace.cost.local}_dy" if f"d{trace.cost.local}_dy" in trace else "dC_dy"
        ).worst
        < 1e-6
    )


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
    assert metrics.mean_average_precision([([], [], [])], truth) == 0.0
