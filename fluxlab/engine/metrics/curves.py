"""Every threshold at once: ROC, AUC and precision-recall (S2 16), by scikit-learn.

y holds the scores, one column or (samples, classes); t the truth, as in `counts`. Plain numbers.
Where positives are rare, precision-recall often tells more than ROC: false positives are then
few among the many negatives, but many among those called positive.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.metrics.shared import classes, plain


class ROC(NamedTuple):
    """One point per threshold, the largest first; the first, infinite, calls nothing positive."""

    false_positive_rate: Array
    true_positive_rate: Array
    thresholds: Array


class PrecisionRecall(NamedTuple):
    """One point per threshold, the smallest first, and a last one without: recall 0, precision 1.

    thresholds is one shorter than the others.
    """

    precision: Array
    recall: Array
    thresholds: Array


def _scores(here: str, y: Any, t: Any, single: bool) -> tuple[Array, Array]:
    y, t = classes(here, plain(here, "y", y), plain(here, "t", t))
    if single and y.shape[1] > 1:
        raise BadInput(
            f"{here}: y has {y.shape[1]} columns; a curve is that of one class. Give its column "
            "and its truth: y[:, [k]] and t[:, [k]]."
        )
    positive = t.sum(axis=0)
    for column, count in enumerate(positive):
        if count in (0, len(t)):
            which = f"class {column} has" if y.shape[1] > 1 else "t has"
            kind = "positive" if count == 0 else "negative"
            raise BadInput(
                f"{here}: {which} no {kind} sample, so no such rate exists. Give samples of both "
                "kinds."
            )
    return y, t


def roc_curve(y: Any, t: Any) -> ROC:
    """False positive rate and recall for every threshold: a sample is positive if y >= it."""
    from sklearn import metrics

    y, t = _scores("roc_curve", y, t, single=True)
    return ROC(*metrics.roc_curve(t.ravel(), y.ravel(), drop_intermediate=False))


def auc(y: Any, t: Any) -> float:
    """The area under the ROC curve: how often a positive scores above a negative (a tie is half).

    Several classes: the mean over classes of one against the rest.
    """
    from sklearn import metrics

    y, t = _scores("auc", y, t, single=False)
    each = [metrics.roc_auc_score(t[:, k], y[:, k]) for k in range(t.shape[1])]
    return float(np.mean(each))


def precision_recall_curve(y: Any, t: Any) -> PrecisionRecall:
    """Precision and recall for every threshold: a sample is positive if y >= it."""
    from sklearn import metrics

    y, t = _scores("precision_recall_curve", y, t, single=True)
    return PrecisionRecall(*metrics.precision_recall_curve(t.ravel(), y.ravel()))


def average_precision(y: Any, t: Any) -> float:
    """The sum over thresholds of (gain in recall) × precision; several classes: their mean."""
    from sklearn import metrics

    y, t = _scores("average_precision", y, t, single=False)
    each = [metrics.average_precision_score(t[:, k], y[:, k]) for k in range(t.shape[1])]
    return float(np.mean(each))
