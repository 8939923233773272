"""How good is it? The figures by which a network is judged (S2 16).

Every figure takes what was said first and what is true second, as costs do: `precision(y, t)`.
Counts, ratios, n-grams and boxes are made of traced ops, so that
`fl.trace(lambda y, t: precision(y, t), y=..., t=...)` can be asked why. The curves, and mAP
with its matching of boxes, take plain numbers.
Imports: core, catalogue.
"""

from fluxlab.engine.metrics.boxes import box_precisions, iou, mean_average_precision
from fluxlab.engine.metrics.counts import (
    Counts,
    accuracy,
    confusion_matrix,
    counts,
    error_rate,
    f1,
    precision,
    predicted,
    recall,
    specificity,
)
from fluxlab.engine.metrics.curves import (
    ROC,
    PrecisionRecall,
    auc,
    average_precision,
    precision_recall_curve,
    roc_curve,
)
from fluxlab.engine.metrics.regression import mae, mse, r_squared, rmse
from fluxlab.engine.metrics.text import (
    Rouge,
    bleu,
    number_words,
    perplexity,
    rouge_l,
    rouge_n,
    spaced,
)

__all__ = [
    "ROC",
    "Counts",
    "PrecisionRecall",
    "Rouge",
    "accuracy",
    "auc",
    "average_precision",
    "bleu",
    "box_precisions",
    "confusion_matrix",
    "counts",
    "error_rate",
    "f1",
    "iou",
    "mae",
    "mean_average_precision",
    "mse",
    "number_words",
    "perplexity",
    "precision",
    "precision_recall_curve",
    "predicted",
    "r_squared",
    "recall",
    "rmse",
    "roc_curve",
    "rouge_l",
    "rouge_n",
    "spaced",
    "specificity",
]
