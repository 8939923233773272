"""The kinds of operation that compute: elementwise, contraction, reduction."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine.errors import BadInput, counted, size
from fluxlab.engine.memory import LARGE, aligned, is_flat, like, order_of, split
from fluxlab.engine.op import OPS, Array, Call, Indices, Op, Params, Shape, bound
from fluxlab.engine.products import product_calls, product_storage

if TYPE_CHECKING:
    from fluxlab.engine.trace import Matrix, Step

Local = Callable[..., Any]  # (output, *inputs, **params) -> slope as a Matrix, or ONE, or MINUS_ONE
ONE, MINUS_ONE = "1", "-1"


def grid(ranges: Sequence[Sequence[int] | range]) -> Indices:
    """Every combination of the ranges, as rows: shape (combinations, len(ranges))."""
    if not ranges:
        return np.zeros((1, 0), dtype=np.intp)
    axes = np.meshgrid(*[np.asarray(r, dtype=np.intp) for r in ranges], indexing="ij")
    return np.stack([a.ravel() for a in axes], axis=1)


# -- elementwise --------------------------------------------------------------------------


class Elementwise(Op):
    """Cell by cell; smaller inputs are repeated (broadcast) as NumPy does.

    Parameters
    ----------
    rule : the same operation on single numbers, `rule(*numbers, **params)`.
    calls : `calls(out, *arrays, **params)` gives (function, *arguments) tuples that fill out;
        a NumPy ufunc may stand for itself.
    slopes : one entry per input: the local derivative d(output)/d(input), as a function
        `(output, *inputs, **params)` of matrices, or ONE or MINUS_ONE; None: no gradient.
    """

    kind = "elementwise"

    def __init__(
        self,
        name: str,
        rule: Callable[..., float],
        calls: np.ufunc | Callable[..., list[tuple[Any, ...]]],
        slopes: Sequence[Local | str | None],
        **texts: Any,
    ) -> None:
        super().__init__(name, **texts)
        self._rule, self._calls, self.slopes = rule, calls, tuple(slopes)

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        different = {*shapes} - {()}
        if len(different) < 2:
            return different.pop() if different else ()
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            raise BadInput(
                f"{self.name}: shapes {' and '.join(map(size, shapes))} do not fit. Two matrices "
                "fit cell by cell if each axis has the same length in both, or length 1 in one."
            ) from None

    def output(self, arrays: Sequence[Array], params: Params) -> Array:
        shape = self.shape([a.shape for a in arrays], params)
        # Cell by cell is fastest where all matrices lie in memory alike.
        for array in arrays:
            if not array.flags.c_contiguous and array.shape == shape and 0 not in array.strides:
                return like(array)
        return np.empty(shape)

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        if isinstance(self._calls, np.ufunc):
            return ufunc_calls(self._calls, out, [one_number(a) for a in arrays])
        return [bound(*call) for call in self._calls(out, *arrays, **params)]

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        found = []
        for operand, matrix in enumerate(step.inputs):
            own = index[len(index) - len(matrix.shape) :]
            place = [0 if n == 1 else i for i, n in zip(own, matrix.shape, strict=True)]
            found.append((operand, np.array([place], dtype=np.intp).reshape(1, -1)))
        return found

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        return float(self._rule(*(v[0] for v in values), **step.params))

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        shape, out = step.inputs[operand].shape, step.output.shape
        lead = len(out) - len(shape)
        ranges: list[Sequence[int]] = [range(n) for n in out[:lead]]
        for i, n, m in zip(index, shape, out[lead:], strict=True):
            ranges.append(range(m) if n == 1 and m > 1 else [i])
        return grid(ranges)

    def differentiable(self, operand: int) -> bool:
        return self.slopes[min(operand, len(self.slopes) - 1)] is not None

    def vjp(self, operand: int, step: Step, dC_dout: Matrix) -> Matrix:
        slope = self.slopes[min(operand, len(self.slopes) - 1)]
        source = step.inputs[operand]
        if slope == ONE:
            share = dC_dout
        elif slope == MINUS_ONE:
            share = OPS["negate"](dC_dout)
        else:
            assert callable(slope)
            trace = step.output.trace
            made = len(trace.steps)
            local = slope(step.output, *step.inputs, **step.params)
            recorded = len(trace.steps) > made
            if recorded and dC_dout.kind == "constant" and local.shape == source.shape:
                share = local  # dC_dC is 1: the cost's own slope is the gradient
            else:
                if recorded:
                    trace.call_slope(local, step, operand)
                share = OPS["multiply"](dC_dout, local)
        return unbroadcast(share, source.shape)

    def axes(self, step: Step) -> tuple[str | None, ...]:
        found: list[str | None] = [None] * len(step.output.shape)
        for matrix in step.inputs:
            for back in range(1, len(matrix.shape) + 1):
                if matrix.shape[-back] == step.output.shape[-back]:
                    found[-back] = found[-back] or matrix.axes[-back]
        return tuple(found)


def one_number(array: Array) -> Array:
    """A matrix that shows one number everywhere as a 0-d view of it, which ufuncs read fastest."""
    if not array.ndim or (array.shape[-1] > 1 and array.strides[-1]):
        return array
    sides = zip(array.shape, array.strides, strict=True)
    if any(n > 1 and step for n, step in sides):
        return array
    return array[(slice(1),) * array.ndim].reshape(())


def ufunc_calls(ufunc: np.ufunc, out: Array, arrays: Sequence[Array]) -> list[Call]:
    """One call; two where copying the repeated operand first is faster, as in `x @ w + b`."""
    repeated = [a for a in arrays if a.ndim and a.shape != out.shape]
    if len(repeated) == 1 and 1 < out.size <= 4096:
        whole = [a for a in arrays if a.shape == out.shape]
        if len(whole) == 1:
            spread = [out if a is repeated[0] else a for a in arrays]
            return [partial(out.__setitem__, ..., repeated[0]), bound(ufunc, *spread, out)]
    if out.size <= LARGE:
        return [bound(ufunc, *arrays, out)]
    out, arrays = split(out, arrays)
    pairs = [aligned(a, out) for a in arrays]
    copies = [call for _, calls in pairs for call in calls]
    return [*copies, bound(ufunc, *(a for a, _ in pairs), out)]


def unbroadcast(share: Matrix, shape: Shape) -> Matrix:
    """Sum a gradient over the axes along which its matrix was repeated."""
    lead = len(share.shape) - len(shape)
    if lead:  # first: leading axes are summed fastest
        share = OPS["sum"](share, axes=tuple(range(lead)), keepdims=False)
    repeated = tuple(i for i, n in enumerate(shape) if n == 1 and share.shape[i] != 1)
    if repeated:
        share = OPS["sum"](share, axes=repeated, keepdims=True)
    return share


# -- contraction --------------------------------------------------------------------------


class Contraction(Op):
    """Products summed over the letters that the output lacks: `ij,jk->ik` is a matrix product.

    The signature is einsum's, for two inputs; a letter may not repeat within one input, and
    each letter stands in the output or in both inputs.
    """

    kind = "contraction"

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        (left, right), out = checked_letters(params["signature"])
        sizes: dict[str, int] = {}
        for names, shape in zip((left, right), shapes, strict=True):
            if len(names) != len(shape):
                raise BadInput(
                    f"{params['signature']}: {names!r} names {len(names)} axes, but the matrix "
                    f"is {size(shape)}."
                )
            for letter, n in zip(names, shape, strict=True):
                if sizes.setdefault(letter, n) != n:
                    raise BadInput(
                        f"Shapes {size(shapes[0])} and {size(shapes[1])} do not fit: the axis "
                        f"that is summed has length {sizes[letter]} in the first matrix and {n} "
                        "in the second. They must be equal (rows are samples: x @ w needs as "
                        "many columns in x as rows in w)."
                    )
        return tuple(sizes[letter] for letter in out)

    def output(self, arrays: Sequence[Array], params: Params) -> Array:
        (left, right), target = letters(params["signature"])
        self.shape([a.shape for a in arrays], params)
        return product_storage(left, right, target, arrays[0], arrays[1])

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        (left, right), target = letters(params["signature"])
        a, b = arrays
        return product_calls(left, right, target, a, b, out)

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        (left, right), target = letters(step.params["signature"])
        fixed = dict(zip(target, index, strict=True))
        summed = [c for c in left if c not in fixed]
        sizes = dict(zip(left, step.inputs[0].shape, strict=True))
        terms = grid([range(sizes[c]) for c in summed])
        column = {c: terms[:, i] for i, c in enumerate(summed)}
        for letter, i in fixed.items():
            column[letter] = np.full(len(terms), i)
        return [
            (operand, np.stack([column[c] for c in names], axis=1).astype(np.intp))
            if names
            else (operand, np.zeros((len(terms), 0), dtype=np.intp))
            for operand, names in enumerate((left, right))
        ]

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        return float(np.sum(values[0] * values[1]))

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        inputs, target = letters(step.params["signature"])
        fixed = dict(zip(inputs[operand], index, strict=True))
        return grid(
            [
                [fixed[c]] if c in fixed else range(n)
                for c, n in zip(target, step.output.shape, strict=True)
            ]
        )

    def joined(self, step: Step) -> str:
        return "sum"

    def vjp(self, operand: int, step: Step, dC_dout: Matrix) -> Matrix:
        (left, right), target = letters(step.params["signature"])
        if operand == 0:
            share = self(dC_dout, step.inputs[1], signature=f"{target},{right}->{left}")
        else:
            share = self(step.inputs[0], dC_dout, signature=f"{left},{target}->{right}")
        return share  # type: ignore[no-any-return]

    # texts

    def latex_template(self, step: Step) -> str:
        (left, right), target = letters(step.params["signature"])
        form = product_form(left, right, target)
        if form is None:
            return rf"{self._sum(step)} {{<0>}}_{{{left}}}\,{{<1>}}_{{{right}}}"
        turned = re.sub(r"(<\d>|\))\.T", r"{\1}^{\\top}", form)
        return turned.replace("@", r"\,")

    def numpy_template(self, step: Step) -> str:
        (left, right), target = letters(step.params["signature"])
        form = product_form(left, right, target)
        return form or f'np.einsum("{step.params["signature"]}", <0>, <1>)'

    def words_template(self, step: Step) -> str:
        summed = self.summed(step)
        if not summed:
            return "every cell of <0> times every cell of <1>"
        over = " and ".join(f"the {counted(n, what)}" for n, what in summed)
        return f"<0> times <1>, summed over {over}"

    def summed(self, step: Step) -> list[tuple[int, str]]:
        """(how many, of what) is summed away: `(16, "sample")`."""
        (left, right), target = letters(step.params["signature"])
        found = []
        for c in left:
            if c in right and c not in target:
                axis = left.index(c)
                name = step.inputs[0].axes[axis] or step.inputs[1].axes[right.index(c)]
                found.append((step.inputs[0].shape[axis], name or "product"))
        return found

    def _sum(self, step: Step) -> str:
        (left, _), target = letters(step.params["signature"])
        summed = "".join(c for c in left if c not in target)
        return rf"\sum_{{{','.join(summed)}}}" if summed else ""

    def cell_template(self, index: tuple[int, ...], step: Step) -> str:
        return rf"{self._sum(step)} <0>\,<1>"

    def axes(self, step: Step) -> tuple[str | None, ...]:
        (left, right), target = letters(step.params["signature"])
        named: dict[str, str | None] = {}
        for names, matrix in zip((left, right), step.inputs, strict=True):
            for letter, axis in zip(names, matrix.axes, strict=True):
                named[letter] = named.get(letter) or axis
        return tuple(named.get(c) for c in target)


@cache
def letters(signature: str) -> tuple[tuple[str, str], str]:
    """`ij,jk->ik` as (("ij", "jk"), "ik")."""
    inputs, _, target = signature.partition("->")
    left, _, right = inputs.partition(",")
    return (left, right), target


@cache
def checked_letters(signature: str) -> tuple[tuple[str, str], str]:
    """The letters of a signature that can be used; else BadInput."""
    (left, right), out = letters(signature)
    both = set(left) & set(right)
    known = (set(left) | set(right)) >= set(out) and both | set(out) >= set(left) | set(right)
    if not known or any(len(set(names)) < len(names) for names in (left, right, out)):
        raise BadInput(
            f"einsum: the signature {signature!r} cannot be used. Write it as 'ij,jk->ik': two "
            "inputs, no letter twice within one, and each letter in the output or in both inputs."
        )
    return (left, right), out


def product_form(left: str, right: str, target: str) -> str | None:
    """The contraction as a matrix product with transposes, if it is one.

    The first matrix may have more axes in front, as `x @ w` of sequences x.
    """
    shared = [c for c in left if c in right and c not in target]
    if len(shared) != 1 or len(right) > 2:
        return None
    k = shared[0]
    free_left, free_right = left.replace(k, ""), right.replace(k, "")
    b = "<1>" if right == k + free_right else "<1>.T"
    if len(left) > 2:
        fits = left.endswith(k) and target == free_left + free_right
        return f"<0> @ {b}" if fits else None
    a = "<0>" if left == free_left + k else "<0>.T"
    if target == free_left + free_right:
        return f"{a} @ {b}"
    return f"({a} @ {b}).T"


# -- reduction ----------------------------------------------------------------------------

FEW, SMALL = 32, 32  # measured: below `SMALL` cells per call NumPy's own reduction is faster
WIDE = 128  # cells of a row from which on a product with ones is as fast as it can be


def places(array: Any, axes: Sequence[int]) -> list[Any]:
    """For each place along `axes` the view of the cells there; these axes stay, of length 1."""
    every = [range(n) if axis in axes else range(1) for axis, n in enumerate(array.shape)]
    return [
        array[
            tuple(slice(i, i + 1) if axis in axes else slice(None) for axis, i in enumerate(where))
        ]
        for where in itertools.product(*every)
    ]


def sum_calls(table: Array, row: Array) -> list[Call]:
    """The sum of a table's rows; short rows are taken several as one, and these summed at last."""
    count, width = table.shape
    part = next((k for k in range(-(-WIDE // width), count) if count % k == 0), count)
    if table.size <= LARGE or width >= WIDE or part == count:
        return [partial(np.ones(count).dot, table, row)]
    wide = np.empty(part * width)
    first = partial(np.ones(count // part).dot, table.reshape(-1, wide.size), wide)
    return [first, partial(np.ones(part).dot, wide.reshape(part, width), row)]


def few_calls(ufunc: np.ufunc, array: Array, axes: Sequence[int], out: Array) -> list[Call]:
    """Reduce few cells each, for many: place by place, which walks through memory in long runs.

    Axis by axis, the slowest first, as the runs are then longest. `out` keeps its axes.
    """
    axis, *rest = axes
    shape = tuple(1 if a == axis else n for a, n in enumerate(array.shape))
    target = like(array, shape) if rest else out
    first, *others = places(array, [axis])
    calls = [bound(np.positive, first, target)] if not others else []
    for number, other in enumerate(others):
        calls.append(bound(ufunc, target if number else first, other, target))
    return calls + (few_calls(ufunc, target, rest, out) if rest else [])


class Reduction(Op):
    """Sum, mean or maximum over `axes` (a tuple; `keepdims` keeps them with length 1)."""

    kind = "reduction"

    def __init__(self, name: str, ufunc: np.ufunc, average: bool, vjp: Local, **texts: Any) -> None:
        super().__init__(name, **texts)
        self._ufunc, self._average, self._vjp = ufunc, average, vjp

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        (shape,), axes = shapes, params["axes"]
        if any(not 0 <= axis < len(shape) for axis in axes):
            raise BadInput(
                f"{self.name}: axes {axes} do not exist in a matrix that is {size(shape)}."
            )
        if params["keepdims"]:
            return tuple(1 if axis in axes else n for axis, n in enumerate(shape))
        return tuple(n for axis, n in enumerate(shape) if axis not in axes)

    def output(self, arrays: Sequence[Array], params: Params) -> Array:
        (array,), axes = arrays, params["axes"]
        shape = self.shape([array.shape], params)
        if array.flags.c_contiguous:
            return np.empty(shape)
        if not params["keepdims"]:
            array = array[tuple(0 if i in axes else slice(None) for i in range(array.ndim))]
        return like(array, shape)

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        (array,), axes = arrays, params["axes"]
        count = prod(array.shape[i] for i in axes)
        whole = out if params["keepdims"] else np.expand_dims(out, axes)
        order, calls = order_of(array), list[Call]()
        table, row = array.transpose(order), whole.transpose(order)
        slowest = sorted(order[: len(axes)]) == sorted(axes)
        if self._ufunc is np.add and slowest and table.flags.c_contiguous and is_flat(row):
            # A product with a row of ones sums the slowest axes six times as fast as np.sum.
            calls = sum_calls(table.reshape(count, -1), row.reshape(-1))
        elif 1 < count <= FEW and out.size > SMALL * count:
            calls = few_calls(self._ufunc, array, [a for a in order if a in axes], whole)
        else:
            reduce: Any = self._ufunc.reduce
            calls = [partial(reduce, array, axes, None, out, params["keepdims"])]
        if self._average:
            calls.append(bound(np.divide, out, np.array(float(count)), out))
        return calls

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        shape, axes = step.inputs[0].shape, step.params["axes"]
        rest = iter(index)
        ranges: list[Sequence[int]] = []
        for axis, n in enumerate(shape):
            if axis in axes:
                ranges.append(range(n))
                if step.params["keepdims"]:
                    next(rest)
            else:
                ranges.append([next(rest)])
        return [(0, grid(ranges))]

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        (cells,) = values
        if self._average:
            return float(np.sum(cells) / len(cells))
        return float(self._ufunc.reduce(cells))

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        axes, keep = step.params["axes"], step.params["keepdims"]
        place = [
            0 if axis in axes else i for axis, i in enumerate(index) if keep or axis not in axes
        ]
        return np.array([place], dtype=np.intp).reshape(1, -1)

    def joined(self, step: Step) -> str:
        return self.name

    def vjp(self, operand: int, step: Step, dC_dout: Matrix) -> Matrix:
        matrix = self._vjp(step, dC_dout)
        assert not isinstance(matrix, str)
        return matrix  # type: ignore[no-any-return]

    def numpy_template(self, step: Step) -> str:
        axes: Any = step.params["axes"]
        if len(axes) == len(step.inputs[0].shape) and not step.params["keepdims"]:
            return f"np.{self.name}(<0>)"
        axes = axes[0] if len(axes) == 1 else axes
        keep = ", keepdims=True" if step.params["keepdims"] else ""
        return f"np.{self.name}(<0>, axis={axes}{keep})"

    def words_template(self, step: Step) -> str:
        matrix, axes = step.inputs[0], step.params["axes"]
        plain = ["row", "column"] if len(matrix.shape) == 2 else ["cell"] * len(matrix.shape)
        over = " and ".join(
            f"the {counted(matrix.shape[i], matrix.axes[i] or plain[i])}"
            for i in axes
            if matrix.shape[i] > 1 or len(axes) == 1
        )
        return f"the {self.name} of <0> over {over}" if over else "<0>, as one number"

    def axes(self, step: Step) -> tuple[str | None, ...]:
        axes, keep = step.params["axes"], step.params["keepdims"]
        source = enumerate(step.inputs[0].axes)
        return tuple(None if i in axes else a for i, a in source if keep or i not in axes)
