"""Right and wrong, counted: accuracy, precision, recall, F1, specificity (S2 16). All traceable.

y is (samples, classes), the largest cell of a row names the class; or one column, where a cell of
at least `threshold` says yes. t is one-hot, or class numbers; for one column 0 and 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fluxlab.engine.catalogue import ops
from fluxlab.engine.catalogue.losses import one_minus
from fluxlab.engine.core.errors import BadInput, size, unknown
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.metrics.shared import classes, named, numbers

AVERAGES = ("macro", "micro", "weighted")


class Counts(NamedTuple):
    """True and false positives and negatives: numbers for one column, else one per class."""

    TP: Any
    FP: Any
    FN: Any
    TN: Any


def predicted(y: Any, threshold: Any = 0.5) -> Any:
    """What y decides, as zeros and ones of its shape.

    One column: 1 where y >= threshold, as ROC curves count. Several columns: 1 at the first
    largest cell of each row.
    """
    y = numbers("predicted", "y", y)
    if len(y.shape) == 1:
        y = ops.reshape(y, (-1, 1))
    if len(y.shape) != 2:
        raise BadInput(f"predicted: y must be (samples, classes), got {size(y.shape)}.")
    if not isinstance(threshold, Matrix):
        threshold = numbers("predicted", "threshold", threshold)
        if threshold.ndim:
            raise BadInput(f"predicted: threshold must be one number, got {size(threshold.shape)}.")
        threshold = float(threshold)
    if y.shape[1] == 1:
        return named(one_minus(named(ops.greater(threshold, y), "below threshold")), "predicted")
    if isinstance(threshold, Matrix) or threshold != 0.5:
        raise BadInput(
            f"predicted: threshold={threshold!r} is for one column, but y has {y.shape[1]}: there "
            "the largest cell of a row decides. Leave threshold out, or give one class's column."
        )
    return named(ops.first_largest(y, axis=1), "predicted")


def _decided(here: str, y: Any, t: Any, threshold: Any) -> tuple[Any, Any]:
    y, t = classes(here, y, t)
    return predicted(y, threshold), t


def _no_and_yes(column: Any, name: str) -> Any:
    """One column of zeros and ones as one-hot rows of two classes: no, yes."""
    return named(ops.concatenate([one_minus(column), column], axis=1), name)


def _count(kind: str, p: Any, t: Any) -> Any:
    """TP, FP, FN or TN, over all cells of one column, else of each column."""
    called = p if kind[1] == "P" else one_minus(p)
    truth = t if kind in ("TP", "FN") else one_minus(t)
    axis = None if t.shape[1] == 1 else 0
    return named(ops.sum(ops.multiply(called, truth), axis=axis), kind)


def counts(y: Any, t: Any, threshold: Any = 0.5) -> Counts:
    """TP, FP, FN and TN: four numbers for one column, else four vectors (classes,)."""
    p, t = _decided("counts", y, t, threshold)
    return Counts(*(_count(kind, p, t) for kind in Counts._fields))


def confusion_matrix(y: Any, t: Any, threshold: Any = 0.5) -> Any:
    """(classes, classes): cell (i, j) counts the samples of class i that were called j.

    One column gives 2×2 in the order no, yes: [[TN, FP], [FN, TP]]. (S2's table lists yes first.)
    """
    p, t = _decided("confusion_matrix", y, t, threshold)
    if t.shape[1] == 1:
        p, t = _no_and_yes(p, "predicted class"), _no_and_yes(t, "true class")
    return named(ops.transpose(t) @ p, "confusion")


def accuracy(y: Any, t: Any, threshold: Any = 0.5) -> Any:
    """The share of samples that are right, one number."""
    p, t = _decided("accuracy", y, t, threshold)
    if t.shape[1] == 1:
        right = one_minus(ops.absolute(ops.subtract(p, t)))
    else:
        right = ops.sum(ops.multiply(p, t), axis=1, keepdims=True)
    return named(ops.mean(named(right, "right")), "accuracy")


def error_rate(y: Any, t: Any, threshold: Any = 0.5) -> Any:
    """The share of samples that are wrong: 1 - accuracy."""
    return named(one_minus(accuracy(y, t, threshold)), "error rate")


def _share(hits: Any, *misses: Any, weight: float = 1.0) -> Any:
    """hits / (hits + misses); nothing out of nothing is 0.

    Counts are whole numbers, so a bottom of at least 1 changes 0 / 0 and nothing else.
    """
    bottom = top = hits if weight == 1.0 else ops.multiply(weight, hits)
    for miss in misses:
        bottom = ops.add(bottom, miss)
    return ops.divide(top, ops.maximum(bottom, 1.0))


def _figure(
    name: str, kinds: tuple[str, ...], y: Any, t: Any, average: str | None, threshold: Any,
    weight: float = 1.0,
) -> Any:  # fmt: skip
    """The share of the first kind of count in all kinds, averaged over classes as asked."""
    if average is not None and (not isinstance(average, str) or average not in AVERAGES):
        raise unknown("average", average, AVERAGES)
    p, t = _decided(name, y, t, threshold)
    if average is not None and t.shape[1] == 1:
        p, t = _no_and_yes(p, "predicted class"), _no_and_yes(t, "true class")
    found = [_count(kind, p, t) for kind in kinds]
    if average == "micro":
        found = [
            named(ops.sum(n), f"{kind} of all classes")
            for kind, n in zip(kinds, found, strict=True)
        ]
    each = _share(*found, weight=weight)
    if average in (None, "micro"):
        return named(each, f"micro {name}" if average else name)
    each = named(each, f"{name} of each class")
    if average == "macro":
        return named(ops.mean(each), f"macro {name}")
    support = named(ops.sum(t, axis=0), "samples of each class")
    total = ops.sum(ops.multiply(each, support))
    return named(ops.divide(total, float(t.shape[0])), f"weighted {name}")


def precision(y: Any, t: Any, average: str | None = None, threshold: Any = 0.5) -> Any:
    """TP / (TP + FP): how many of those called positive are positive.

    Parameters
    ----------
    average : None gives the figure of the positive class for one column, else of each class,
        (classes,). "macro": the mean over classes; "micro": from the counts of all classes
        together; "weighted": the mean over classes, each as often as it occurs. With an average,
        one column counts as the two classes no and yes.

    Where nothing is called positive, 0 / 0 is defined as 0, here and in the figures below.
    A class that never occurs therefore counts as 0 in a macro average.
    """
    return _figure("precision", ("TP", "FP"), y, t, average, threshold)


def recall(y: Any, t: Any, average: str | None = None, threshold: Any = 0.5) -> Any:
    """TP / (TP + FN): how many of the positive are found; also called sensitivity.

    `average` as in `precision`; where nothing is positive it is 0.
    """
    return _figure("recall", ("TP", "FN"), y, t, average, threshold)


def specificity(y: Any, t: Any, average: str | None = None, threshold: Any = 0.5) -> Any:
    """TN / (TN + FP): how many of the negative are left alone.

    `average` as in `precision`; where nothing is negative it is 0.
    """
    return _figure("specificity", ("TN", "FP"), y, t, average, threshold)


def f1(y: Any, t: Any, average: str | None = None, threshold: Any = 0.5) -> Any:
    """2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall.

    `average` as in `precision`; where nothing is positive and nothing called so it is 0.
    """
    return _figure("f1", ("TP", "FP", "FN"), y, t, average, threshold, weight=2.0)
