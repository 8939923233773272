"""Every metric against a library that others trust, and every traced one from its own cells."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Lazily
from traces import follows

import fluxlab as fl
from fluxlab.engine import metrics

sk = Lazily("sklearn.metrics")

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
        result = trace.result
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
        (
            lambda: metrics.recall([[0.1, 0.9]], [2]),
            "recall: t must hold class .*0 to 1, .*got 2",
        ),
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
    np.testing.assert_array_equal(roc.thresholds[1:], np.unique(y)[::-1], "one point for each")
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
