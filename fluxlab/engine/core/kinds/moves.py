"""The kinds of operation that move or choose cells: gather, scatter, selection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.kinds.elementwise import Elementwise, Local
from fluxlab.engine.core.kinds.strides import View
from fluxlab.engine.core.memory import like
from fluxlab.engine.core.numbers import Array, Indices, Shape
from fluxlab.engine.core.op import OPS, Call, Op, Params, bound, grid

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Matrix, Step


# -- gather and scatter -------------------------------------------------------------------


def _remembered(step: Step, selectors: Sequence[Array], make: Callable[[], Indices]) -> Indices:
    """A step's map of cells: made when first asked for, and anew once a selector has changed."""
    known = step.memo
    if known is None or not all(map(np.array_equal, known[0], selectors)):
        step.memo = known = [s.copy() for s in selectors], make()
    found: Indices = known[1]
    return found


def _places(found: Any) -> Indices:
    """Where `found` is true, as rows: np.argwhere, but quick with many axes."""
    if found.ndim < 2:
        return np.argwhere(found)
    return np.stack(np.unravel_index(np.flatnonzero(found), found.shape), axis=1)


class Gather(Op):
    """Cells that move, unchanged: transpose, slice, pad, patches, an embedding's rows.

    `take(array, *selectors, **params)` is written once. Applied to the numbers it computes;
    applied to an array of cell numbers it says where each cell came from. Cell number -1 is
    an empty cell (padding), worth 0. Selectors are inputs that choose cells, such as the row
    numbers of an embedding; no gradient flows to them. `calls(out, arrays, **params)` gives, where
    it is written, calls that fill the output without making new arrays.
    """

    kind = "gather"

    def __init__(
        self, name: str, take: Callable[..., Any], *, view: bool = False,
        sources: int | None = 1, vjp: Local | None = None,
        calls: Callable[..., list[tuple[Any, ...]]] | None = None, **texts: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, **texts)
        self.take, self._view, self._sources, self._vjp = take, view, sources, vjp
        self._calls = calls

    def sources(self, count: int) -> int:
        """How many of `count` inputs give cells; the rest are selectors."""
        return count if self._sources is None else self._sources

    def _moved(self, arrays: Sequence[Any], params: Params) -> Any:
        n = self.sources(len(arrays))
        first: Any = list(arrays[:n]) if self._sources is None else arrays[0]
        return self.take(first, *arrays[n:], **params)

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        return self._tried([np.broadcast_to(np.zeros(()), shape) for shape in shapes], params).shape

    def _tried(self, arrays: Sequence[Array], params: Params) -> Array:
        try:
            found = np.asarray(self._moved(arrays, params))
            if not found.size:
                raise ValueError("nothing would be left")
            return found
        except (ValueError, IndexError, TypeError) as problem:
            shapes = " and ".join(size(a.shape) for a in arrays)
            if "where" in params:
                raise BadInput(f"x[{place(params['where'])}] of {shapes}: {problem}.") from None
            how = ", ".join(f"{key}={value!r}" for key, value in params.items())
            raise BadInput(f"{self.name}: cannot be done on {shapes}, {how}: {problem}.") from None

    def output(self, arrays: Sequence[Array], params: Params) -> Array:
        if self._view:
            seen = self._tried(arrays, params)
            return seen if np.may_share_memory(seen, arrays[0]) else np.empty(seen.shape)
        shape = self.shape([a.shape for a in arrays], params)
        return like(arrays[0], shape) if len(shape) == arrays[0].ndim else np.empty(shape)

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        if self._view and np.shares_memory(out, arrays[0]):
            return []
        if self._calls is not None:
            return [bound(*call) for call in self._calls(out, arrays, **params)]

        def move() -> None:
            out[...] = self._moved(arrays, params)

        return [move]

    def view(self, shape: Shape, params: Params) -> View | None:
        """What is shown of an input of that shape, if this op gives views."""
        return View.of(lambda cells: self.take(cells, **params), shape) if self._view else None

    def source_map(self, step: Step) -> Indices:
        """For each output cell the number of the input cell it shows (-1: none).

        Cells are numbered through all source inputs, one after the other.
        """
        n = self.sources(len(step.inputs))
        selectors = [m.buffer for m in step.inputs[n:]]

        def make() -> Indices:
            numbers, start = [], 0
            for matrix in step.inputs[:n]:
                count = int(np.prod(matrix.shape))
                # 1 is added so that padding, which fills with 0, becomes -1 below.
                numbers.append(np.arange(start + 1, start + 1 + count).reshape(matrix.shape))
                start += count
            moved = np.asarray(self._moved([*numbers, *selectors], step.params))
            return moved.astype(np.intp, copy=False) - 1

        return _remembered(step, selectors, make)

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        view = self.view(step.inputs[0].shape, step.params)
        number = int(self.source_map(step)[index]) if view is None else view.origin(index)
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
        view = self.view(shape, step.params)
        return _places(self.source_map(step) == number) if view is None else view.places(number)

    def joined(self, step: Step) -> str:
        return "moved"

    def in_unit(self, step: Step) -> bool:
        return all(m.unit for m in step.inputs[: self.sources(len(step.inputs))])

    def latex_template(self, step: Step) -> str:
        cut = step.params.get("where")
        return super().latex_template(step) if cut is None else f"{{<0>}}_{{{place(cut)}}}"

    def numpy_template(self, step: Step) -> str:
        template = super().numpy_template(step)
        turned = tuple(reversed(range(len(step.inputs[0].shape))))
        if step.params.get("axes") == turned:
            return "<0>.T"
        return f"<0>[{brackets(step.params['where'])}]" if "where" in step.params else template

    def axes(self, step: Step) -> tuple[str | None, ...]:
        where, names = step.params.get("where"), step.inputs[0].axes
        if where is None:
            return super().axes(step)
        lost = [axis for axis, part in enumerate(where) if isinstance(part, int)]
        return tuple(name for axis, name in enumerate(names) if axis not in lost)

    def differentiable(self, operand: int) -> bool:
        return self._sources is None or operand < self._sources

    def vjp(self, operand: int, step: Step, dC_dout: Matrix) -> Matrix:
        if self._vjp is not None:
            return self._vjp(operand, step, dC_dout)  # type: ignore[no-any-return]
        selectors = step.inputs[self.sources(len(step.inputs)) :]
        source = step.inputs[operand]
        return OPS["scatter"](dC_dout, *selectors, of=self.name, shape=source.shape, **step.params)  # type: ignore[no-any-return]


def place(where: Sequence[Any]) -> str:
    """The inside of x[...]: ((0, 1, None), 2) is `0:1, 2`."""

    def part(p: Any) -> str:
        if not isinstance(p, tuple):
            return str(p)
        start, stop, by = ("" if i is None else str(i) for i in p)
        return f"{start}:{stop}" + (f":{by}" if by else "")

    return ", ".join(part(p) for p in where)


def brackets(where: Sequence[Any]) -> str:
    """The same in NumPy, where places are whole numbers: `:, y.astype(int)`."""
    return place(where).replace(">", ">.astype(int)")


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
        return np.asarray(op.take(numbers, *selectors, **own)).astype(np.intp, copy=False) - 1

    def _view(self, step: Step) -> View | None:
        """The view of the output that the gather gives, if it gives views."""
        op, own = self._gather(step.params)
        return op.view(step.output.shape, own)

    def target_map(self, step: Step) -> Indices:
        """For each cell of the input the number of the output cell it goes to (-1: none)."""
        selectors = [m.buffer for m in step.inputs[1:]]
        return _remembered(step, selectors, lambda: self._map(selectors, step.params))

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        moved, *selectors = arrays
        op, own = self._gather(params)
        numbers = np.arange(1, 1 + out.size).reshape(params["shape"])
        fixed = None if selectors else self._map([], params).ravel() + 1

        def add_up() -> None:
            target = fixed
            if target is None:
                target = np.asarray(op.take(numbers, *selectors, **own)).astype(np.intp).ravel()
            # Slot 0 takes what came from padding; bincount equals np.add.at, and is faster.
            sums = np.bincount(target, weights=moved.ravel(), minlength=out.size + 1)
            out[...] = sums[1:].reshape(out.shape)

        return [add_up]

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        number = int(np.ravel_multi_index(index, step.output.shape)) if index else 0
        view = self._view(step)
        if view is not None:
            return [(0, view.places(number))]
        return [(0, _places(self.target_map(step) == number))]

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        return float(np.sum(values[0]))

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        if operand:
            return np.zeros((0, len(step.output.shape)), dtype=np.intp)
        view = self._view(step)
        number = int(self.target_map(step)[index]) if view is None else view.origin(index)
        if number < 0:
            return np.zeros((0, len(step.output.shape)), dtype=np.intp)
        place = np.unravel_index(number, step.output.shape)
        return np.array([place], dtype=np.intp).reshape(1, -1)

    def joined(self, step: Step) -> str:
        return "sum"

    def numpy_template(self, step: Step) -> str:
        there = f"np.zeros({step.params['shape']})"
        if step.params["of"] == "index":
            return f"{there}; np.add.at(it, np.s_[{brackets(step.params['where'])}], <0>)"
        if "where" in step.params:
            return f"{there}; it[{place(step.params['where'])}] += <0>"
        if step.params["of"] == "rows":
            return f"{there}; np.add.at(it, <1>.astype(int), <0>)"
        return super().numpy_template(step)


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
            chosen = tuple(np.shape(self.choose(*(np.zeros(shape) for shape in shapes), **params)))
            if 0 in chosen:
                raise ValueError("nothing would be left")
            return chosen
        except (ValueError, IndexError) as problem:
            how = ", ".join(f"{key}={value!r}" for key, value in params.items())
            raise BadInput(
                f"{self.name}: cannot be done on {' and '.join(map(size, shapes))}, {how}: "
                f"{problem}."
            ) from None

    def branch(self, arrays: Sequence[Array], params: Params) -> Array | None:
        # What is drawn at random follows its key, a whole number that nobody nudges.
        return None if self._everything else np.asarray(self.choose(*arrays, **params)) * 1.0

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
