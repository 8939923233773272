"""Costs. Each returns one number, C, as steps of the trace; a new one is one function here.

`y` is what the network says and `target` what it should say, both (samples, outputs). Every
cost divides by what it averages over once, so its gradient at `y` is the true one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine.catalogue import ops
from fluxlab.engine.catalogue.activations import softplus
from fluxlab.engine.catalogue.rowwise import softmax_cross_entropy
from fluxlab.engine.core.errors import BadInput, size, unknown
from fluxlab.engine.core.kinds import Elementwise
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array, as_numbers, bounded, shape_of, whole

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Step

Average = Callable[[Any], Any]  # from (samples, ...) to one number; a short batch weighs its rows
Cost = Callable[..., Any]
TINY = np.array(1e-300)  # the smallest probability whose logarithm is taken


def _limited(y: float, t: float) -> str:
    """Said of a cell whose probability is too small for its logarithm."""
    if not (y < TINY and t):
        return ""
    return (
        f"{y:g} is below 1e-300, the least whose logarithm is taken here, so 1e-300 stands for it; "
        "a cost that is computed from the logits has no such limit"
    )


class Surprise(Elementwise):
    """An operation on probabilities; where the limit acts, its formula shows it."""

    def latex_template(self, step: Step) -> str:
        acts = step.output.ready and bool((step.inputs[0].buffer < TINY).any())
        return self._with_limit(acts)

    def cell_template(self, index: tuple[int, ...], step: Step) -> str:
        y = np.broadcast_to(step.inputs[0].buffer, step.output.shape)[index]
        return self._with_limit(bool(y < TINY)).replace(r"\odot", r"\cdot")

    def _with_limit(self, acts: bool) -> str:
        return self._latex.replace("<0>", r"\max(<0>, 10^{-300})") if acts else self._latex


# -- the ops that costs are made of ---------------------------------------------------------

surprise: Elementwise = Surprise(
    "surprise", lambda y, t: -t * np.log(np.maximum(y, 1e-300)),
    lambda out, y, t: [
        (np.maximum, y, TINY, out), (np.log, out, out), (np.multiply, out, t, out),
        (np.negative, out, out),
    ],
    (lambda out, y, t: surprise_slope(y, t), None),
    latex=r"-<1> \odot \ln <0>", numpy="-<1> * np.log(np.maximum(<0>, 1e-300))",
    words="how surprising <1> is if <0> is believed", note=_limited,
)  # fmt: skip
surprise_slope: Elementwise = Surprise(
    "surprise_slope", lambda y, t: -t / np.maximum(y, 1e-300),
    lambda out, y, t: [
        (np.maximum, y, TINY, out), (np.divide, t, out, out), (np.negative, out, out),
    ],
    (None, None), latex=r"-\frac{<1>}{<0>}", numpy="-<1> / np.maximum(<0>, 1e-300)",
    words="minus <1> divided by <0>", note=_limited,
)  # fmt: skip
one_minus: Elementwise = Elementwise(
    "one_minus", lambda u: 1.0 - u, lambda out, u: [(np.subtract, np.array(1.0), u, out)],
    ("-1",), latex="1 - <0>", numpy="1 - <0>", words="1 minus <0>",
)  # fmt: skip


# -- the costs ------------------------------------------------------------------------------


def mse(y: Any, target: Any, average: Average = ops.mean) -> Any:
    """The mean over all cells of (y - target) squared.

    Its gradient dC_dy = 2 (y - target) / N divides by the number of cells N once; nothing
    further down divides again.
    """
    _alike("mse", "target", y, target)
    return average(_named(ops.squared_error(y, target), "squared error"))


def mae(y: Any, target: Any, average: Average = ops.mean) -> Any:
    """The mean over all cells of |y - target|; its gradient is ±1/N, and 0 at y = target."""
    _alike("mae", "target", y, target)
    error = _named(ops.subtract(y, target), "error")
    return average(_named(ops.absolute(error), "absolute error"))


def binary_cross_entropy(y: Any, target: Any, average: Average = ops.mean) -> Any:
    """The mean of -t ln y - (1 - t) ln(1 - y), from probabilities y in 0..1."""
    _alike("binary_cross_entropy", "target", y, target)
    _check_input("binary_cross_entropy", target)
    yes = _summand(surprise(y, target), "surprise at yes")
    not_y = _named(one_minus(y), "chance of no")
    not_target = _named(one_minus(target), "target of no")
    no = _summand(surprise(not_y, not_target), "surprise at no")
    return average(_named(yes + no, "surprise"))


def binary_cross_entropy_logits(a: Any, target: Any, average: Average = ops.mean) -> Any:
    """The same from logits a, with y = sigmoid(a): the mean of ln(1 + e^a) - t a, without overflow.

    Its gradient at a is the short form (sigmoid(a) - t) / N.
    """
    _alike("binary_cross_entropy_logits", "target", a, target)
    _check_input("binary_cross_entropy_logits", target)
    at_no = _summand(softplus(a), "surprise at no")  # -ln(1 - y)
    less = _summand(ops.multiply(target, a), "target times a")
    return average(_named(at_no - less, "surprise"))


def cross_entropy(y: Any, target: Any, average: Average = ops.mean) -> Any:
    """The mean over samples of -sum_j t_j ln y_j, from probabilities (samples, classes).

    target: one-hot rows, or any rows of probabilities, or class numbers (samples,). dC_dy is
    -t / (y samples), the true derivative at y; the short form softmax - t belongs to the logits.
    """
    each = _named(surprise(y, _class_rows("cross_entropy", y, target)), "surprise at each class")
    each = _named(ops.sum(each, axis=-1, keepdims=True), "surprise")
    return average(each)


def cross_entropy_logits(a: Any, target: Any, average: Average = ops.mean) -> Any:
    """The same from logits, through a softmax that does not overflow.

    Its gradient at a is the short form (softmax(a) - t) / samples.
    """
    rows = _class_rows("cross_entropy_logits", a, target)
    return average(_named(softmax_cross_entropy(a, rows), "surprise"))


def hinge(y: Any, target: Any, average: Average = ops.mean) -> Any:
    """The mean of max(0, 1 - t y), for targets -1 and +1."""
    _alike("hinge", "target", y, target)
    _check_input("hinge", target)
    missing = _named(one_minus(_named(ops.multiply(target, y), "margin")), "missing to margin 1")
    return average(_named(ops.maximum(missing, 0.0), "margin missed"))


def multiclass_hinge(y: Any, target: Any, average: Average = ops.mean) -> Any:
    """The mean over samples and classes j of max(0, 1 - (y_t - y_j)), t the right class, j not t.

    y (samples, classes), any numbers; target as in `cross_entropy`, one-hot or class numbers. It
    is PyTorch's MultiMarginLoss (Weston and Watkins, 1999, divided by the number of classes).
    """
    rows = _class_rows("multiclass_hinge", y, target)
    own = _named(ops.multiply(rows, y), "target times y")
    right = _named(ops.sum(own, axis=-1, keepdims=True), "y of the right class")
    missing = _named(one_minus(_named(ops.subtract(right, y), "lead")), "missing to lead 1")
    one = _named(ops.sum(rows, axis=-1, keepdims=True), "is there a class")
    others = _named(ops.subtract(one, rows), "other classes")
    short = _named(ops.maximum(missing, 0.0), "lead missed")
    missed = _named(ops.multiply(others, short), "lead missed by each class")
    return average(_named(ops.mean(missed, axis=-1, keepdims=True), "lead missed by the others"))


def triplet(anchor: Any, positive: Any, negative: Any, margin: float = 1.0) -> Any:
    """The mean over samples of max(0, |a - p|^2 - |a - n|^2 + margin); all (samples, features)."""
    _alike("triplet", "positive", anchor, positive)
    _alike("triplet", "negative", anchor, negative)
    _margin("triplet", margin)
    near = _distance(anchor, positive, "squared distance to positive")
    far = _distance(anchor, negative, "squared distance to negative")
    missing = _named(_summand(near - far, "nearer by") + margin, "missing to the margin")
    return ops.mean(_named(ops.maximum(missing, 0.0), "margin missed"))


def contrastive(left: Any, right: Any, same: Any, margin: float = 1.0) -> Any:
    """The mean of s d^2 + (1 - s) max(0, margin - d)^2, d the distance of each pair of rows.

    left, right (samples, features); same (samples, 1): 1 for pairs that belong together, else 0
    (Hadsell, Chopra and LeCun, 2006, without their factor 1/2). A pair of equal rows has
    distance 0, where the distance has a kink; 1e-12 under the root keeps its slope finite.
    """
    _alike("contrastive", "right", left, right)
    _margin("contrastive", margin)
    pairs, wanted = shape_of("contrastive", "same", same), shape_of("contrastive", "left", left)
    if pairs and pairs != (*wanted[:-1], 1):
        raise BadInput(
            f"contrastive: same must hold one 0 or 1 for each pair, {size((*wanted[:-1], 1))}, got "
            f"{size(pairs)}."
        )
    if not isinstance(same, Matrix):
        same = as_numbers("contrastive", "same", same)
    squared = _distance(left, right, "squared distance")
    distance = _named(ops.sqrt(_summand(squared + 1e-12, "just above it")), "distance")
    missing = _named(margin - distance, "missing to the margin")
    missed = _named(ops.maximum(missing, 0.0), "margin missed")
    near = _summand(same * squared, "cost of same")
    apart = _named(one_minus(same), "others") * _named(missed**2, "margin missed squared")
    return ops.mean(_named(near + _summand(apart, "cost of others"), "pair cost"))


def _distance(left: Any, right: Any, name: str) -> Any:
    """The squared distance of each pair of rows, (samples, 1)."""
    squares = _named(ops.squared_error(left, right), f"{name} by feature")
    return _named(ops.sum(squares, axis=-1, keepdims=True), name)


def _alike(function: str, argument: str, y: Any, other: Any) -> None:
    """Refuse shapes that would be spread over each other; a single number fits everywhere."""
    first, second = shape_of(function, "y", y), shape_of(function, argument, other)
    if first != second and () not in (first, second):
        raise BadInput(
            f"{function}: y is {_shown(first)} and {argument} {_shown(second)}; they must have the "
            "same shape, rows are samples. A list becomes a column by np.reshape(list, (-1, 1))."
        )


def _shown(shape: tuple[int, ...]) -> str:
    return f"a list of {shape[0]}" if len(shape) == 1 else size(shape)


def _margin(function: str, margin: Any) -> None:
    if not isinstance(margin, Matrix):
        bounded(function, "margin", margin, least=0)


def _class_rows(function: str, y: Any, target: Any) -> Any:
    """The target; class numbers, which lack y's last axis, as one-hot rows."""
    shape, given = shape_of(function, "y", y), shape_of(function, "target", target)
    if shape[-1:] in ((), (1,)) or given not in (shape[:-1], (*shape[:-1], 1)):
        _alike(function, "target", y, target)
        _check_input(function, target)
        return target
    if isinstance(target, Matrix):
        if target.step is None:
            class_rows(function, "target", target.buffer, shape[-1])
        numbers = _named(ops.reshape(target, shape[:-1]), "class numbers")
        return _named(ops.rows(np.eye(shape[-1]), numbers), "one-hot target")
    return class_rows(function, "target", target, shape[-1]).reshape(shape)


def _named(matrix: Any, name: str) -> Any:
    return matrix.named(name) if isinstance(matrix, Matrix) and matrix.temporary else matrix


def _summand(matrix: Any, name: str) -> Any:
    return matrix.summand(name) if isinstance(matrix, Matrix) and matrix.temporary else matrix


binary_cross_entropy_logits.link = "sigmoid"  # type: ignore[attr-defined]
cross_entropy_logits.link = "softmax"  # type: ignore[attr-defined]
COSTS: dict[str, Cost] = {
    f.__name__: f
    for f in (
        mse, mae, binary_cross_entropy, binary_cross_entropy_logits, cross_entropy,
        cross_entropy_logits, hinge, multiclass_hinge,
    )
}  # fmt: skip

# Those whose targets may be class numbers, and where a row without a class does not count.
CLASS_COSTS = ("cross_entropy", "cross_entropy_logits", "multiclass_hinge")

# What targets must be, where a cost would be nonsense with others, and what to do.
TARGETS: dict[str, tuple[Callable[[Array], Any], str]] = {
    "hinge": (lambda t: np.isin(t, (-1.0, 1.0)), "-1 or +1; for 0 and 1 give 2 * targets - 1"),
    **dict.fromkeys(
        (
            "binary_cross_entropy", "binary_cross_entropy_logits", "cross_entropy",
            "cross_entropy_logits", "multiclass_hinge",
        ),
        (lambda t: (t >= 0) & (t <= 1), "probabilities, 0 to 1; scale them, or take mse"),
    ),
}  # fmt: skip


def _check_input(function: str, target: Any) -> None:
    """Refuse targets that are given and make no sense; those that are computed are not known."""
    if not isinstance(target, Matrix):
        check_targets(function, function, as_numbers(function, "target", target))
    elif target.step is None:
        check_targets(function, function, target.buffer)


def check_targets(function: str, name: str, target: Array) -> None:
    """Refuse targets that make no sense with the cost of that name."""
    if name not in TARGETS:
        return
    fits, wanted = TARGETS[name]
    bad = target[~fits(target)]
    if bad.size:
        with_cost = "" if function == name else f"with {name} "
        raise BadInput(f"{function}: {with_cost}targets must be {wanted}. Got {bad[0]:g}.")


def cost(name: object) -> Cost:
    """The cost of that name; UnknownName with the nearest one otherwise."""
    if not isinstance(name, str) or name not in COSTS:
        raise unknown("cost", name, COSTS)
    return COSTS[name]


def one_hot(numbers: Any, classes: int) -> Array:
    """Class numbers 0 to classes - 1, (samples,) or (samples, 1), as one-hot rows."""
    whole("one_hot", "classes", classes, 1)
    return class_rows("one_hot", "numbers", numbers, classes)


def class_rows(function: str, argument: str, numbers: Any, classes: int) -> Array:
    """`one_hot` of another function's argument, which its errors name."""
    found = as_numbers(function, argument, numbers).reshape(-1)
    bad = found[(found != np.floor(found)) | (found < 0) | (found >= classes)]
    if bad.size:
        from_1 = found.min() >= 1 and found.max() == classes
        raise BadInput(
            f"{function}: {argument} must hold class numbers, whole and 0 to {classes - 1}, for "
            f"{classes} columns; got {bad[0]:g} in a matrix that is {size(np.shape(numbers))}."
            + (f" They are counted from 1 here: give {argument} - 1." if from_1 else "")
        )
    rows: Array = np.eye(classes)[found.astype(np.intp)]
    return rows
