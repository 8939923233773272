"""The backward pass, recorded as ordinary steps."""

from __future__ import annotations

from collections.abc import Sequence

from fluxlab.engine.catalogue.ops import add_all, concatenate, reshape, same
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.formulas import gradient_name
from fluxlab.engine.core.matrix import Matrix, Step
from fluxlab.engine.core.numbers import as_numbers
from fluxlab.engine.core.trace import Trace


def record_backward(trace: Trace) -> None:
    """Read the forward steps from the bottom up; record every gradient of the cost.

    A matrix that is used several times gets one partial gradient per use,
    `dC_dw[use 1]`, ..., and their sum `dC_dw` as a step of its own. Call it within
    `trace.recording`.
    """
    forward = list(trace.steps)
    reach = _reaches_cost(trace, forward)
    uses = _count_uses(forward, reach)
    cuts = _cuts(forward, reach, uses)
    parts: dict[Matrix, dict[int, Matrix]] = {}
    shares: dict[Matrix, list[Matrix]] = {}
    seed = trace.constant([[1.0]] if trace.cost.shape == (1, 1) else 1.0)
    seed.buffer = seed.buffer.reshape(trace.cost.shape)
    trace.rename(seed, "dC_dC")
    seed.of, seed.axes = trace.cost, trace.cost.axes
    gradients: dict[Matrix, Matrix] = {trace.cost: seed}
    for step in reversed(forward):
        dC_dout = gradients.get(step.output)
        if dC_dout is None:
            continue
        # The last input first: of x @ w, the weights' gradient, then what goes further down.
        for operand in reversed(range(len(step.inputs))):
            matrix = step.inputs[operand]
            if matrix not in reach or not step.op.differentiable(operand):
                continue
            if matrix in cuts:
                own = parts.setdefault(matrix, {})
                own[cuts[matrix][1].index(step)] = dC_dout
                if len(own) == uses[matrix]:
                    gradients[matrix] = _joined(trace, matrix, cuts[matrix][0], own)
                continue
            share = _share(trace, step, operand, dC_dout, uses[matrix], len(shares.get(matrix, ())))
            shares.setdefault(matrix, []).append(share)
            if len(shares[matrix]) == uses[matrix]:
                gradients[matrix] = _total(trace, matrix, shares[matrix])
    for name, matrix in trace.aliases.items():
        if matrix in gradients:
            head, _, tail = name.rpartition("/")
            trace.alias(f"{head}/dC_d{tail}" if head else f"dC_d{tail}", gradients[matrix])
    # y is the result only where nothing else is called y.
    if trace.result in gradients and "y" in trace and trace["y"] is trace.result:
        trace.alias("dC_dy", gradients[trace.result])


def _reaches_cost(trace: Trace, forward: list[Step]) -> set[Matrix]:
    """The matrices through which a gradient flows from the cost."""
    reach = {trace.cost}
    for step in reversed(forward):
        if step.output in reach:
            for operand, matrix in enumerate(step.inputs):
                wanted = matrix.wants_gradient and matrix.kind != "constant"
                if wanted and step.op.differentiable(operand):
                    reach.add(matrix)
    return reach


def _count_uses(forward: list[Step], reach: set[Matrix]) -> dict[Matrix, int]:
    uses: dict[Matrix, int] = {}
    for step in forward:
        if step.output in reach:
            for operand, matrix in enumerate(step.inputs):
                if matrix in reach and step.op.differentiable(operand):
                    uses[matrix] = uses.get(matrix, 0) + 1
    return uses


def _cuts(
    forward: list[Step], reach: set[Matrix], uses: dict[Matrix, int]
) -> dict[Matrix, tuple[int, list[Step]]]:
    """The matrices that are only cut into parts, each cell into one: (axis, parts in order).

    The gradient of such a matrix is the parts' gradients, joined; a share of its own for each
    part would be 0 nearly everywhere.
    """
    slices: dict[Matrix, list[Step]] = {}
    for step in forward:
        if step.op.name == "slice" and step.output in reach and step.inputs[0] in reach:
            slices.setdefault(step.inputs[0], []).append(step)
    found = {}
    for matrix, steps in slices.items():
        if len(steps) == uses[matrix] > 1 and (cut := _cut(matrix, steps)):
            found[matrix] = cut
    return found


def _cut(matrix: Matrix, steps: list[Step]) -> tuple[int, list[Step]] | None:
    """The one axis along which the slices lie side by side and fill the matrix."""
    ranges: list[list[range]] = []
    for step in steps:
        where = [
            slice(*p) if isinstance(p, tuple) else slice(p, p + 1 or None)
            for p in step.params["where"]
        ]
        where += [slice(None)] * (len(matrix.shape) - len(where))
        ranges.append([range(*p.indices(n)) for p, n in zip(where, matrix.shape, strict=True)])
    cut = [axis for axis, n in enumerate(matrix.shape) if any(r[axis] != range(n) for r in ranges)]
    if len(cut) != 1:
        return None
    (axis,) = cut
    order = sorted(range(len(steps)), key=lambda k: ranges[k][axis].start)
    seen = [i for k in order for i in ranges[k][axis]]
    return (axis, [steps[k] for k in order]) if seen == list(range(matrix.shape[axis])) else None


def _joined(trace: Trace, matrix: Matrix, axis: int, parts: dict[int, Matrix]) -> Matrix:
    """The gradient of a matrix that was cut along `axis`."""
    trace.enter(matrix.scope)
    pieces = [parts[k] for k in range(len(parts))]
    lost = any(len(piece.shape) < len(matrix.shape) for piece in pieces)
    if lost:  # x[:, 2] has no axis 1: side by side along the next one, then one reshape
        wide = (*matrix.shape[:axis], -1, *matrix.shape[axis + 2 :])
        pieces = [
            p if len(p.shape) == len(wide) else reshape(p, wide).named(f"{p.local} reshaped")
            for p in pieces
        ]
    total: Matrix = concatenate(pieces, axis=axis)
    if total.shape != matrix.shape:
        total = reshape(total.named(f"parts of {gradient_name(matrix)}"), matrix.shape)
    trace.rename(total, gradient_name(matrix), matrix.scope)
    total.kind, total.of, total.axes = "gradient", matrix, matrix.axes
    return total


def _share(
    trace: Trace, step: Step, operand: int, dC_dout: Matrix, uses: int, before: int
) -> Matrix:
    """One use's share of a gradient, named."""
    matrix = step.inputs[operand]
    made = len(trace.steps)
    trace.enter(matrix.scope if uses == 1 else step.output.scope)
    share = step.op.vjp(operand, step, dC_dout)
    if len(trace.steps) == made:  # nothing was computed: the gradient passes unchanged
        if uses == 1 and matrix.temporary:
            trace.alias(_full_name(matrix), share)
            return share
        share = same(share)
    # Uses are numbered in forward order; the backward pass meets the last one first.
    use = "" if uses == 1 else f"[use {uses - before}]"
    trace.rename(share, f"{gradient_name(matrix)}{use}", matrix.scope)
    _name_helpers(trace.steps[made:], matrix)
    share.kind, share.of, share.axes = "gradient", matrix, matrix.axes
    return share


def _name_helpers(steps: Sequence[Step], matrix: Matrix) -> None:
    """Name what is still to be summed on the way to the gradient of a matrix."""
    for step in steps:
        if step.output.temporary and any(use.op.name == "sum" for use in step.output.uses):
            what = "partial sums" if step.op.name == "sum" else "shares"
            step.output.named(f"{what} of {gradient_name(matrix)}")


def _total(trace: Trace, matrix: Matrix, shares: Sequence[Matrix]) -> Matrix:
    if len(shares) == 1:
        return shares[0]
    trace.enter(matrix.scope)
    total: Matrix = add_all(*reversed(shares))
    trace.rename(total, gradient_name(matrix), matrix.scope)
    total.kind, total.of, total.axes = "gradient", matrix, matrix.axes
    return total


def _full_name(matrix: Matrix) -> str:
    local = gradient_name(matrix)
    return f"{matrix.scope}/{local}" if matrix.scope else local


def gradient_of(trace: Trace, matrix: Matrix) -> Matrix:
    """The gradient of a matrix; BadInput if the cost does not depend on it."""
    try:
        return trace[_full_name(matrix)]
    except LookupError:
        raise BadInput(
            f"The cost does not depend on {matrix.name}, so it has no gradient."
        ) from None


def shares(trace: Trace, name: str) -> list[Matrix]:
    """The partial gradients that add up to the gradient of `trace[name]`, in the order of use.

    In a recurrent layer that is one per time step: `shares(trace, "layer 1/w")[0]` is step 1's
    share (the last step's in a layer that reads backwards, which starts there). A matrix that is
    used once has one: its gradient.
    """
    if not hasattr(trace, "steps"):
        raise BadInput(f"shares: the first argument must be a trace, got {type(trace).__name__}.")
    total = gradient_of(trace, trace[name])
    step = total.step
    return list(step.inputs) if step is not None and step.op is add_all else [total]


def check_learning_rate(function: str, value: object) -> float:
    """A learning rate is one finite number above 0."""
    numbers = as_numbers(function, "learning_rate", value)
    if numbers.ndim or numbers <= 0 or isinstance(value, bool):
        raise BadInput(
            f"{function}: learning_rate must be one number above 0, got {value!r}. "
            "Common values lie between 0.001 and 1."
        )
    return float(numbers)
