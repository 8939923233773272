"""Boxes found in images: intersection over union (traceable), and mean average precision.

A box is (left, top, right, bottom) in any unit; its area is width × height, without the one
more pixel that some count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fluxlab.engine.catalogue import ops
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.metrics.shared import named, numbers, plain, values

RECALLS = np.linspace(0.0, 1.0, 101)  # where COCO reads the precision


def iou(boxes: Any, others: Any) -> Any:
    """Area of the intersection / area of the union, for each pair.

    boxes (n, 4) and others (m, 4) give (n, m); two single boxes (4,) give one number.
    """
    boxes, others = numbers("iou", "boxes", boxes), numbers("iou", "others", others)
    single = len(boxes.shape) == len(others.shape) == 1
    a, b = _table("boxes", boxes), _table("others", others)
    b = ops.transpose(b)  # one box per column, so that rows and columns make all pairs
    left, top = ops.maximum(a[:, 0:1], b[0:1]), ops.maximum(a[:, 1:2], b[1:2])
    right, bottom = _smaller(a[:, 2:3], b[2:3]), _smaller(a[:, 3:4], b[3:4])
    width = named(ops.maximum(ops.subtract(right, left), 0.0), "width")
    height = named(ops.maximum(ops.subtract(bottom, top), 0.0), "height")
    common = named(ops.multiply(width, height), "intersection")
    area = named((a[:, 2:3] - a[:, 0:1]) * (a[:, 3:4] - a[:, 1:2]), "area of boxes")
    area_b = named((b[2:3] - b[0:1]) * (b[3:4] - b[1:2]), "area of others")
    union = named(area + area_b - common, "union")
    found = named(ops.divide(common, union), "IoU")
    return found[0, 0] if single else found


def _smaller(u: Any, v: Any) -> Any:
    return ops.negate(ops.maximum(ops.negate(u), ops.negate(v)))


def _table(argument: str, boxes: Any) -> Any:
    if len(boxes.shape) == 1:
        boxes = ops.reshape(boxes, (1, -1))
    if len(boxes.shape) != 2 or boxes.shape[1] != 4:
        raise BadInput(
            f"iou: {argument} must be (boxes, 4) with left, top, right, bottom; got "
            f"{size(boxes.shape)}."
        )
    corners = values(boxes)
    empty = np.flatnonzero((corners[:, 2] <= corners[:, 0]) | (corners[:, 3] <= corners[:, 1]))
    if len(empty):
        raise BadInput(
            f"iou: box {empty[0]} of {argument}, {corners[empty[0]].tolist()}, has no area. A box "
            "is (left, top, right, bottom) with left < right and top < bottom."
        )
    return boxes


def mean_average_precision(
    found: Sequence[tuple[Any, Any, Any]], truth: Sequence[tuple[Any, Any]], threshold: float = 0.5
) -> float:
    """mAP: the mean over classes of the average precision of the boxes found.

    Parameters
    ----------
    found : for each image (boxes, scores, classes): (n, 4), (n,) and (n,); n may be 0.
    truth : for each image (boxes, classes): (m, 4) and (m,); m may be 0.
    threshold : a box is a hit from this IoU on. COCO's headline figure is the mean of ten such
        numbers, for thresholds 0.5, 0.55, ..., 0.95.

    The mean is over the classes that occur in `truth`; see `box_precisions`.
    """
    return float(np.mean(list(box_precisions(found, truth, threshold).values())))


def box_precisions(
    found: Sequence[tuple[Any, Any, Any]], truth: Sequence[tuple[Any, Any]], threshold: float = 0.5
) -> dict[int, float]:
    """The average precision of each class that occurs in `truth`, as COCO computes it.

    The boxes found, best score first, each look for the free true box of their class and image
    that they overlap most. If the IoU is at least `threshold` they take it: a hit. Precision,
    made to fall with recall, is read at the recalls 0, 0.01, ..., 1, and averaged (Lin et al.,
    2014, "Microsoft COCO"). A class of which nothing is found has 0.
    """
    for argument, given in (("found", found), ("truth", truth)):
        if not isinstance(given, list | tuple):
            raise BadInput(
                f"box_precisions: {argument} must be a list with an entry for each image, got "
                f"{type(given).__name__}."
            )
    if len(found) != len(truth):
        raise BadInput(
            f"box_precisions: found has {len(found)} images and truth {len(truth)}; give both "
            "for the same images."
        )
    if not isinstance(threshold, int | float) or not 0 < threshold <= 1:
        raise BadInput(
            f"box_precisions: threshold is an IoU above 0 and up to 1, got {threshold!r}."
        )
    images = [
        (_part("found", i, f, ("boxes", "scores", "classes")), _part("truth", i, t, _TRUE))
        for i, (f, t) in enumerate(zip(found, truth, strict=True))
    ]
    known = sorted({int(k) for _, (_, kinds) in images for k in kinds})
    if not known:
        raise BadInput("box_precisions: truth has no box in any image, so there is no recall.")
    return {kind: _average_precision(images, kind, threshold) for kind in known}


_TRUE = ("boxes", "classes")


def _part(argument: str, image: int, given: Any, names: tuple[str, ...]) -> tuple[Array, ...]:
    where = f"{argument}, image {image}"
    if not isinstance(given, tuple | list) or len(given) != len(names):
        raise BadInput(f"box_precisions: {where} must be ({', '.join(names)}).")
    arrays = [
        np.zeros(0) if _none(part) else plain("box_precisions", f"{name} of {where}", part)
        for name, part in zip(names, given, strict=True)
    ]
    count = arrays[1].size
    if arrays[0].size != 4 * count or any(part.size != count for part in arrays[1:]):
        raise BadInput(
            f"box_precisions: {where}: {' and '.join(size(a.shape) for a in arrays)} do not fit; "
            f"expected (n, 4) boxes and n {' and '.join(names[1:])}."
        )
    return (arrays[0].reshape(count, 4), *(part.reshape(count) for part in arrays[1:]))


def _none(part: Any) -> bool:
    """Whether an image has no boxes: an empty list or array."""
    return hasattr(part, "__len__") and not isinstance(part, str | dict) and len(part) == 0


def _average_precision(images: list[Any], kind: int, threshold: float) -> float:
    scores, hits, wanted = [], [], 0
    for (boxes, score, kinds), (true_boxes, true_kinds) in images:
        chosen = np.flatnonzero(kinds == kind)
        chosen = chosen[np.argsort(-score[chosen], kind="stable")]
        true_chosen = true_boxes[true_kinds == kind]
        wanted += len(true_chosen)
        scores.append(score[chosen])
        hits.append(_hits(boxes[chosen], true_chosen, threshold))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hit = np.concatenate(hits)[order]
    if not len(hit):
        return 0.0
    right = np.cumsum(hit)
    recall, precision = right / wanted, right / np.arange(1, len(hit) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(recall, RECALLS, side="left")
    return float(np.mean(np.append(falling, 0.0)[place]))


def _hits(boxes: Array, true_boxes: Array, threshold: float) -> Array:
    """1 for each box, best first, that takes a free true box."""
    hit = np.zeros(len(boxes))
    if not len(boxes) or not len(true_boxes):
        return hit
    overlap = np.asarray(iou(boxes, true_boxes))
    for place, row in enumerate(overlap):
        best = int(np.argmax(row))
        if row[best] >= threshold:
            hit[place] = 1.0
            overlap[:, best] = -1.0
    return hit
