"""The five kinds of operation: elementwise, contraction, reduction, gather (and scatter), selection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine.errors import BadInput, size
from fluxlab.engine.op import OPS, Array, Call, Indices, Op, Params, Shape, bound

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
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            raise BadInput(
                f"{self.name}: shapes {' and '.join(map(size, shapes))} do not fit. Two matrices "
                "fit cell by cell if each axis has the same length in both, or length 1 in one."
            ) from None

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        if isinstance(self._calls, np.ufunc):
            return [bound(self._calls, *arrays, out)]
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
            if len(trace.steps) > made:
                trace.call_slope(local, step.output, source)
            share = OPS["multiply"](dC_dout, local)
        return unbroadcast(share, source.shape)

    def axes(self, step: Step) -> tuple[str | None, ...]:
        found: list[str | None] = [None] * len(step.output.shape)
        for matrix in step.inputs:
            for back in range(1, len(matrix.shape) + 1):
                if matrix.shape[-back] == step.output.shape[-back]:
                    found[-back] = found[-back] or matrix.axes[-back]
        return tuple(found)


def unbroadcast(share: Matrix, shape: Shape) -> Matrix:
    """Sum a gradient over the axes along which its matrix was repeated."""
    lead = len(share.shape) - len(shape)
    repeated = tuple(
        lead + axis for axis, n in enumerate(shape) if n == 1 and share.shape[lead + axis] != 1
    )
    if repeated:
        share = OPS["sum"](share, axes=repeated, keepdims=True)
    if lead:
        share = OPS["sum"](share, axes=tuple(range(lead)), keepdims=False)
    return share


# -- contraction --------------------------------------------------------------------------


class Contraction(Op):
    """Products summed over the letters that the output lacks: `ij,jk->ik` is a matrix product.

    The signature is einsum's, for two inputs; a letter may not repeat within one input, and
    each letter stands in the output or in both inputs.
    """

    kind = "contraction"

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        (left, right), out = letters(params["signature"])
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

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        (left, right), target = letters(params["signature"])
        a, b = arrays
        shared = [c for c in left if c in right]
        summed = [c for c in shared if c not in target]
        batch = [c for c in shared if c in target]
        if len(summed) == 1 and not batch and max(a.ndim, b.ndim) <= 2:
            (k,) = summed
            free_left, free_right = left.replace(k, ""), right.replace(k, "")
            a = a if left == free_left + k else a.T
            b = b if right == k + free_right else b.T
            if target == free_left + free_right:
                return [partial(a.dot, b, out)]
            return [partial(b.T.dot, a.T, out)]
        rows = [c for c in left if c not in right]
        columns = [c for c in right if c not in left]
        if len(summed) == 1 and len(rows) <= 1 and len(columns) <= 1 and rows + columns:
            return [_matmul(out, a, b, left, right, target, batch, rows, columns, summed)]
        return [partial(np.einsum, params["signature"], a, b, out=out, optimize=len(summed) > 0)]

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
            return self(dC_dout, step.inputs[1], signature=f"{target},{right}->{left}")
        return self(step.inputs[0], dC_dout, signature=f"{left},{target}->{right}")

    # texts

    def latex_template(self, step: Step) -> str:
        (left, right), target = letters(step.params["signature"])
        form = product_form(left, right, target)
        if form is None:
            return rf"{self._sum(step)} <0>_{{{left}}}\,<1>_{{{right}}}"
        return form.replace(".T", r"^{\top}").replace("@", r"\,")

    def numpy_template(self, step: Step) -> str:
        (left, right), target = letters(step.params["signature"])
        form = product_form(left, right, target)
        return form or f'np.einsum("{step.params["signature"]}", <0>, <1>)'

    def words_template(self, step: Step) -> str:
        summed = self.summed(step)
        if not summed:
            return "every cell of <0> times every cell of <1>"
        return f"<0> times <1>, summed over {' and '.join(f'the {n} {what}' for n, what in summed)}"

    def summed(self, step: Step) -> list[tuple[int, str]]:
        """(how many, of what) is summed away: `(16, "samples")`."""
        (left, right), target = letters(step.params["signature"])
        found = []
        for c in left:
            if c in right and c not in target:
                axis = left.index(c)
                name = step.inputs[0].axes[axis] or step.inputs[1].axes[right.index(c)]
                found.append((step.inputs[0].shape[axis], f"{name}s" if name else "products"))
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


def letters(signature: str) -> tuple[tuple[str, str], str]:
    """`ij,jk->ik` as (("ij", "jk"), "ik")."""
    inputs, _, target = signature.partition("->")
    left, _, right = inputs.partition(",")
    return (left, right), target


def product_form(left: str, right: str, target: str) -> str | None:
    """The contraction as a matrix product with transposes, if it is one."""
    shared = [c for c in left if c in right and c not in target]
    if len(shared) != 1 or max(len(left), len(right)) > 2:
        return None
    k = shared[0]
    free_left, free_right = left.replace(k, ""), right.replace(k, "")
    a = "<0>" if left == free_left + k else "<0>.T"
    b = "<1>" if right == k + free_right else "<1>.T"
    if target == free_left + free_right:
        return f"{a} @ {b}"
    return f"({a} @ {b}).T"


def _matmul(
    out: Array, a: Array, b: Array, left: str, right: str, target: str,
    batch: list[str], rows: list[str], columns: list[str], summed: list[str],
) -> Call:  # fmt: skip
    """A batched product as one matmul on transposed views."""

    def view(array: Array, names: str, order: list[str]) -> Array:
        return array.transpose([names.index(c) for c in order if c in names])

    a = view(a, left, batch + rows + summed)
    b = view(b, right, batch + summed + columns)
    seen = view(out, target, batch + rows + columns)
    if not rows:
        a, seen = a[..., None, :], seen[..., None, :] if columns else seen[..., None]
    if not columns:
        b, seen = b[..., None], seen[..., None]
    return partial(np.matmul, a, b, seen)


# -- reduction ----------------------------------------------------------------------------


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

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        (array,), axes = arrays, params["axes"]
        flat, count = array.flags.c_contiguous, int(np.prod([array.shape[i] for i in axes]))
        calls: list[Call]
        if self._ufunc is np.add and flat and axes == tuple(range(len(axes))) and out.size > 0:
            # A product with a row of ones sums the leading axes six times as fast as np.sum.
            table = array.reshape(count, -1)
            row = out.reshape(-1)
            calls = [partial(np.ones(count).dot, table, row)]
        else:
            calls = [partial(self._ufunc.reduce, array, axes, None, out, params["keepdims"])]
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
        return f"np.{self.name}(<0>, axis={axes}{', keepdims=True' if step.params['keepdims'] else ''})"

    def words_template(self, step: Step) -> str:
        matrix = step.inputs[0]
        over = " and ".join(
            f"the {matrix.shape[i]} {matrix.axes[i]}s"
            if matrix.axes[i]
            else f"{matrix.shape[i]} cells"
            for i in step.params["axes"]
        )
        return f"the {self.name} of <0> over {over}" if over else "<0>, as one number"

    def axes(self, step: Step) -> tuple[str | None, ...]:
        axes, keep = step.params["axes"], step.params["keepdims"]
        source = enumerate(step.inputs[0].axes)
        return tuple(None if i in axes else a for i, a in source if keep or i not in axes)


# -- gather and scatter -------------------------------------------------------------------


class Gather(Op):
    """Cells that move, unchanged: transpose, slice, pad, patches, an embedding's rows.

    `take(array, *selectors, **params)` is written once. Applied to the numbers it computes;
    applied to an array of cell numbers it says where each cell came from. Cell number -1 is
    an empty cell (padding), worth 0. Selectors are inputs that choose cells, such as the row
    numbers of an embedding; no gradient flows to them.
    """

    kind = "gather"

    def __init__(
        self, name: str, take: Callable[..., Any], *, view: bool = False,
        sources: int | None = 1, vjp: Local | None = None, **texts: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, **texts)
        self.take, self._view, self._sources, self._vjp = take, view, sources, vjp

    def sources(self, count: int) -> int:
        """How many of `count` inputs give cells; the rest are selectors."""
        return count if self._sources is None else self._sources

    def _moved(self, arrays: Sequence[Any], params: Params) -> Any:
        n = self.sources(len(arrays))
        first: Any = list(arrays[:n]) if self._sources is None else arrays[0]
        return self.take(first, *arrays[n:], **params)

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        empty = [np.broadcast_to(np.zeros(()), shape) for shape in shapes]
        try:
            return tuple(np.shape(self._moved(empty, params)))
        except (ValueError, IndexError, TypeError) as problem:
            raise BadInput(
                f"{self.name}: cannot be done on {' and '.join(map(size, shapes))} with {params}: {problem}."
            ) from None

    def output(self, arrays: Sequence[Array], params: Params) -> Array:
        if self._view:
            seen: Array = self._moved(arrays, params)
            if np.shares_memory(seen, arrays[0]):
                return seen
        return super().output(arrays, params)

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        if self._view and np.shares_memory(out, arrays[0]):
            return []

        def move() -> None:
            out[...] = self._moved(arrays, params)

        return [move]

    def source_map(self, step: Step) -> Indices:
        """For each output cell the number of the input cell it shows (-1: none).

        Cells are numbered through all source inputs, one after the other.
        """
        n = self.sources(len(step.inputs))
        numbers, start = [], 0
        for matrix in step.inputs[:n]:
            count = int(np.prod(matrix.shape))
            # 1 is added so that padding, which fills with 0, becomes -1 below.
            numbers.append(np.arange(start + 1, start + 1 + count).reshape(matrix.shape))
            start += count
        moved = self._moved([*numbers, *(m.buffer for m in step.inputs[n:])], step.params)
        found: Indices = np.asarray(moved).astype(np.intp) - 1
        return found

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        number = int(self.source_map(step)[index])
        if number < 0:
            return []
        for operand, matrix in enumerate(step.inputs):
            count = int(np.prod(matrix.shape))
            if number < count:
                place = np.unravel_index(number, matrix.shape) if matrix.shape else ()
                return [(operand, np.array([place], dtype=np.intp).reshape(1, -1))]
            number -= count
        raise AssertionError("a cell that came from nowhere")

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        return float(values[0][0]) if values else 0.0

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        if operand >= self.sources(len(step.inputs)):
            return np.zeros((0, len(step.output.shape)), dtype=np.intp)
        start = sum(int(np.prod(m.shape)) for m in step.inputs[:operand])
        shape = step.inputs[operand].shape
        number = start + (int(np.ravel_multi_index(index, shape)) if shape else 0)
        return np.argwhere(self.source_map(step) == number)

    def joined(self, step: Step) -> str:
        return "moved"

    def differentiable(self, operand: int) -> bool:
        return self._sources is None or operand < self._sources

    def vjp(self, operand: int, step: Step, dC_dout: Matrix) -> Matrix:
        if self._vjp is not None:
            return self._vjp(operand, step, dC_dout)  # type: ignore[no-any-return]
        selectors = step.inputs[self.sources(len(step.inputs)) :]
        source = step.inputs[operand]
        return OPS["scatter"](dC_dout, *selectors, of=self.name, shape=source.shape, **step.params)  # type: ignore[no-any-return]


class Scatter(Op):
    """The reverse of a gather: each cell goes back to where it came from, and adds up there."""

    kind = "gather"

    def _gather(self, params: Params) -> tuple[Gather, Params]:
        op = OPS[params["of"]]
        assert isinstance(op, Gather)
        return op, {k: v for k, v in params.items() if k not in ("of", "shape")}

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        return tuple(params["shape"])

    def _map(self, selectors: Sequence[Array], params: Params) -> Indices:
        op, own = self._gather(params)
        shape = params["shape"]
        numbers = np.arange(1, 1 + int(np.prod(shape))).reshape(shape)
        return np.asarray(op.take(numbers, *selectors, **own)).astype(np.intp) - 1

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        moved, *selectors = arrays
        fixed = None if selectors else self._map([], params).ravel()

        def add_up() -> None:
            target = self._map(selectors, params).ravel() if fixed is None else fixed
            # Slot 0 takes what came from padding; bincount equals np.add.at, and is faster.
            sums = np.bincount(target + 1, weights=moved.ravel(), minlength=out.size + 1)
            out[...] = sums[1:].reshape(out.shape)

        return [add_up]

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        number = int(np.ravel_multi_index(index, step.output.shape)) if index else 0
        target = self._map([m.buffer for m in step.inputs[1:]], step.params)
        return [(0, np.argwhere(target == number).reshape(-1, len(step.inputs[0].shape)))]

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        return float(np.sum(values[0]))

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        if operand:
            return np.zeros((0, len(step.output.shape)), dtype=np.intp)
        number = int(self._map([m.buffer for m in step.inputs[1:]], step.params)[index])
        if number < 0:
            return np.zeros((0, len(step.output.shape)), dtype=np.intp)
        place = np.unravel_index(number, step.output.shape)
        return np.array([place], dtype=np.intp).reshape(1, -1)

    def joined(self, step: Step) -> str:
        return "sum"


# -- selection ----------------------------------------------------------------------------


class Selection(Op):
    """Cells compared, or drawn at random: argmax, top-k, masks. No gradient.

    Parameters
    ----------
    choose : `choose(*arrays, **params)` gives the whole output.
    axis_of : `axis_of(params)`: the axis along which cells are compared; None: cell by cell.
    """

    kind = "selection"

    def __init__(
        self,
        name: str,
        choose: Callable[..., Any],
        along: bool,
        everything: bool = False,
        **texts: Any,
    ) -> None:
        super().__init__(name, **texts)
        self.choose, self._along, self._everything = choose, along, everything

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        try:
            return tuple(np.shape(self.choose(*(np.zeros(shape) for shape in shapes), **params)))
        except (ValueError, IndexError) as problem:
            raise BadInput(
                f"{self.name}: cannot be done on {' and '.join(map(size, shapes))} with {params}: {problem}."
            ) from None

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        def choose() -> None:
            out[...] = self.choose(*arrays, **params)

        return [choose]

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        found = []
        for operand, matrix in enumerate(step.inputs):
            if self._everything:
                ranges: list[Sequence[int]] = [range(n) for n in matrix.shape]
            elif self._along:
                axis = step.params["axis"] % len(matrix.shape)
                place = list(index)
                if len(index) < len(matrix.shape):
                    place.insert(axis, 0)
                ranges = [range(n) if i == axis else [place[i]] for i, n in enumerate(matrix.shape)]
            else:
                own = index[len(index) - len(matrix.shape) :]
                ranges = [[0 if n == 1 else i] for i, n in zip(own, matrix.shape, strict=True)]
            found.append((operand, grid(ranges)))
        return found

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        """Choose again among the cells compared, and look up this output cell."""
        if self._everything:
            shapes = [m.shape for m in step.inputs]
            whole = [v.reshape(s) for v, s in zip(values, shapes, strict=True)]
            return float(np.asarray(self.choose(*whole, **step.params))[index])
        if not self._along:
            return float(np.ravel(self.choose(*values, **step.params))[0])
        params = {**step.params, "axis": 0}
        chosen = np.atleast_1d(self.choose(*values, **params))
        axis = step.params["axis"] % len(step.inputs[0].shape)
        same_rank = len(step.output.shape) == len(step.inputs[0].shape)
        return float(chosen[index[axis] if same_rank else 0])

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        out = step.output.shape
        if self._everything:
            return grid([range(n) for n in out])
        if not self._along:
            return Elementwise.uses(self, index, operand, step)  # type: ignore[arg-type]
        axis = step.params["axis"] % len(step.inputs[operand].shape)
        if len(out) < len(index):
            return np.array([[i for a, i in enumerate(index) if a != axis]], dtype=np.intp)
        return grid([range(n) if a == axis else [index[a]] for a, n in enumerate(out)])

    def joined(self, step: Step) -> str:
        return "compared"

    def differentiable(self, operand: int) -> bool:
        return False
