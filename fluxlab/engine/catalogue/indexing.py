"""`x[...]`: parts of a matrix by whole numbers, slices, lists and masks, as NumPy has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine.catalogue.axes import axis_of
from fluxlab.engine.catalogue.choosing import argsort
from fluxlab.engine.catalogue.shaping import cut, reshape
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.kinds import Gather
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array, Indices, is_whole, shape_of
from fluxlab.engine.core.op import Call, Params

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Step


class Chosen(Gather):
    """Cells of the first input that the others name, by their places along an axis.

    `item(x, places, params)` gives what stands in the brackets of `x[...]`, and `lengths` the
    length of the axis that each selector counts along.
    """

    def __init__(
        self, name: str, item: Callable[..., Any], lengths: Callable[..., list[int]], **texts: Any
    ) -> None:
        super().__init__(name, self._take, **texts)
        self._item, self._lengths = item, lengths

    def _take(self, x: Any, *numbers: Any, **params: Any) -> Any:
        return x[self._item(x.shape, [np.asarray(n).astype(np.intp) for n in numbers], **params)]

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        x, *numbers = arrays
        places: list[Indices] = [np.empty(n.shape, np.intp) for n in numbers]
        calls: list[Call] = []
        lengths = self._lengths(x.shape, **params)
        for given, place, n in zip(numbers, places, lengths, strict=True):
            calls += [
                partial(np.copyto, place, given, "unsafe"),
                partial(_check_places, self.name, given, place, n),
            ]
        return [*calls, partial(_move, out, x, self._item(x.shape, places, **params))]

    def words_template(self, step: Step) -> str:
        chosen = " and ".join(f"<{k}>" for k in range(1, len(step.inputs)))
        return f"the cells of <0> at the places that {chosen} give"

    def axes(self, step: Step) -> tuple[str | None, ...]:
        return (None,) * len(step.output.shape)


def _move(out: Array, x: Array, item: Any) -> None:
    out[...] = x[item]


def _check_places(name: str, numbers: Array, places: Indices, n: int) -> None:
    if (places != numbers).any() or places.max() >= n or places.min() < -n:
        bad = numbers[(places != numbers) | (places >= n) | (places < -n)]
        raise BadInput(
            f"{name}: places must be whole numbers from 0 to {n - 1}, for {n} there, or -{n} to "
            f"-1 counted from the end; got {bad.ravel()[0]:g}."
        )


def _inside(shape: Any, places: Sequence[Indices], where: Any) -> Any:
    """The inside of x[...]: `"<1>"` stands for the first selector."""
    return tuple(
        slice(*p) if isinstance(p, tuple) else places[int(p[1:-1]) - 1] if isinstance(p, str) else p
        for p in where
    )


def _lengths(shape: Any, where: Any) -> list[int]:
    axes = [p for p in where if p is not None]
    return [shape[axis] for axis, p in enumerate(axes) if isinstance(p, str)]


def _along(shape: Any, places: Sequence[Indices], axis: int) -> Any:
    """Every cell in its own place, but for the axis along which the places are given."""
    own: list[Any] = list(np.ogrid[tuple(slice(n) for n in places[0].shape)])
    own[axis] = places[0]
    return tuple(own)


_index = Chosen("index", _inside, _lengths, noun="part")
_take_along = Chosen(
    "take_along_axis", _along, lambda shape, axis: [shape[axis]],
    latex=r"{<0>}_{<1>}", numpy="np.take_along_axis(<0>, <1>.astype(int), axis=<axis>)",
    noun="chosen",
)  # fmt: skip


def take_along_axis(x: Any, places: Any, axis: int = -1) -> Any:
    """The cells of `x` along `axis` at the given places, as NumPy's function of that name."""
    shape, given = (
        shape_of("take_along_axis", "x", x),
        shape_of("take_along_axis", "places", places),
    )
    along = axis_of("take_along_axis", x, axis)
    rest = [i for i in range(len(shape)) if i != along]
    if len(given) != len(shape) or any(given[i] != shape[i] for i in rest):
        raise BadInput(
            f"take_along_axis: x is {size(shape)} and places {size(given)}; they must have the "
            f"same shape, but for axis {along}."
        )
    return _take_along(x, places, axis=along)


def sort(x: Any, axis: int | None = -1) -> Any:
    """The cells along `axis` in order, the smallest first; None: all cells, as one row."""
    x = flat(x) if axis is None else x
    along = axis_of("sort", x, -1 if axis is None else axis)
    order = argsort(x, along)
    if isinstance(order, Matrix):
        order.named("order")
    return take_along_axis(x, order, along)


def flat(x: Any) -> Any:
    """All cells as one row."""
    return reshape(x, (-1,))


def item(x: Matrix, where: Any) -> Any:
    """`x[where]`, as NumPy reads it."""
    parts = _parts(where if isinstance(where, tuple) else (where,))
    wide = sum(1 for p in parts if p is not None and p is not Ellipsis)
    if wide > len(x.shape) or sum(p is Ellipsis for p in parts) > 1:
        raise BadInput(
            f"x[...]: {wide} places for a matrix that is {size(x.shape)}; give one for each axis "
            "at most, and ... once."
        )
    if any(p is Ellipsis for p in parts):
        at = next(i for i, p in enumerate(parts) if p is Ellipsis)
        parts[at : at + 1] = [slice(None)] * (len(x.shape) - wide)
    if any(isinstance(p, Matrix | np.ndarray) for p in parts):
        return _chosen(x, parts)
    plain = tuple(
        (p.start, p.stop, p.step) if isinstance(p, slice) else p for p in parts if p is not None
    )
    found = x if None in parts and all(p == (None,) * 3 for p in plain) else cut(x, where=plain)
    if not any(p is None for p in parts):
        return found
    rest = iter(found.shape)
    kept = [p for p in parts if not is_whole(p)]
    return reshape(found, [1 if p is None else next(rest) for p in kept] + list(rest))


def _parts(where: tuple[Any, ...]) -> list[Any]:
    """What stands in the brackets, one by one: numbers, slices, None, ..., arrays, matrices."""
    parts: list[Any] = []
    for p in where:
        if p is None or p is Ellipsis or isinstance(p, Matrix):
            parts.append(p)
        elif isinstance(p, slice):
            parts.append(slice(*(_bound(end) for end in (p.start, p.stop, p.step))))
        elif is_whole(p):
            parts.append(int(p))
        else:
            parts += _array(p)
    return parts


def _bound(end: Any) -> int | None:
    if end is None:
        return None
    if not is_whole(end):
        what = "a traced matrix" if isinstance(end, Matrix) else repr(end)
        raise BadInput(
            f"x[...]: a slice takes plain whole numbers, got {what}: a trace keeps its shapes."
        )
    return int(end)


def _array(p: Any) -> list[Any]:
    """A list or an array of places; of a mask the places of True, one array for each axis."""
    if any(isinstance(cell, Matrix) for cell in p) if isinstance(p, list) else False:
        raise BadInput("x[...]: a list of places holds plain numbers; join matrices by fl.stack.")
    try:
        found = np.asarray(p)
    except ValueError:
        found = np.array("ragged")
    if not found.size:
        raise BadInput("x[...]: an empty list of places; nothing would be left.")
    if found.dtype == np.bool_ and found.ndim:
        if not found.any():
            raise BadInput("x[...]: the mask is False everywhere; nothing would be left.")
        return list(np.nonzero(found))
    if found.dtype.kind not in "iu":
        raise BadInput(
            f"x[...] takes whole numbers, slices, None, ..., lists and masks of True and False; "
            f"got {type(p).__name__}{f' of {found.dtype}' if found.dtype.kind in 'fb' else ''}."
        )
    return [found]


def _chosen(x: Matrix, parts: Sequence[Any]) -> Any:
    where: list[Any] = []
    selectors: list[Any] = []
    for p in parts:
        if isinstance(p, Matrix | np.ndarray):
            selectors.append(_selector(x, p, sum(q is not None for q in where)))
            where.append(f"<{len(selectors)}>")
        else:
            where.append((p.start, p.stop, p.step) if isinstance(p, slice) else p)
    return _index(x, *selectors, where=tuple(where))


def _selector(x: Matrix, places: Any, axis: int) -> Matrix:
    if isinstance(places, Matrix):
        if places.unit or places in x.trace.masks:
            raise BadInput(
                "x[mask] in a trace: with other numbers the mask would choose more or fewer cells, "
                "and a trace keeps its shapes. Write mask * x or fl.where(mask, x, 0)."
            )
        return places
    n = x.shape[axis]
    if places.min() < -n or places.max() >= n:
        raise BadInput(
            f"x[...]: axis {axis} has the places 0 to {n - 1}, got {places.min()} to "
            f"{places.max()}."
        )
    names = ("row numbers", "column numbers") if len(x.shape) == 2 else ()
    made = x.trace.constant(places)
    return made.named(names[axis] if names else "cell numbers")
