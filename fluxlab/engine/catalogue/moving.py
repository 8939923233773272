"""Images shifted, turned, scaled, sheared or flipped, as steps that can be asked why.

Each pixel of the new image looks back to the place in the old one that it comes from, and takes
the weighted mean of the four pixels around that place (bilinear interpolation). Places outside
the image are 0. So a new pixel is a sum of four products, and can be asked why.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np

from fluxlab.engine.catalogue.ops import add, einsum, expand, multiply, reshape, subtract
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.kinds import Elementwise
from fluxlab.engine.core.kinds.moves import Gather
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import Array, as_numbers

# -- the ops that it is made of -------------------------------------------------------------


def _turn(name: str, rule: Any, latex: str, numpy: str, words: str) -> Elementwise:
    def calls(out: Array, *arrays: Array) -> list[tuple[Any, ...]]:
        def compute() -> None:
            out[...] = rule(*arrays)

        return [(compute,)]

    return Elementwise(name, rule, calls, (None,) * 4, latex=latex, numpy=numpy, words=words)


turned_row = _turn(
    "turned_row", lambda r, c, angle, zoom: (r * np.cos(angle) + c * np.sin(angle)) / zoom,
    r"\frac{<0>\cos <2> + <1>\sin <2>}{<3>}",
    "(<0> * np.cos(<2>) + <1> * np.sin(<2>)) / <3>",
    "the row at which (<0>, <1>) lay before it was turned by <2> and enlarged by <3>",
)  # fmt: skip
turned_column = _turn(
    "turned_column", lambda r, c, angle, zoom: (c * np.cos(angle) - r * np.sin(angle)) / zoom,
    r"\frac{<1>\cos <2> - <0>\sin <2>}{<3>}",
    "(<1> * np.cos(<2>) - <0> * np.sin(<2>)) / <3>",
    "the column at which (<0>, <1>) lay before it was turned by <2> and enlarged by <3>",
)  # fmt: skip


def _number(r: Any, c: Any, down: Any, right: Any, side: int) -> Any:
    row, column = np.floor(r) + down, np.floor(c) + right
    inside = (row >= 0) & (row < side) & (column >= 0) & (column < side)
    return np.where(inside, row * side + column, -1.0)


def _weight(r: Any, c: Any, down: Any, right: Any) -> Any:
    return (1 - np.abs(r - np.floor(r) - down)) * (1 - np.abs(c - np.floor(c) - right))


pixel_number = Elementwise(
    "pixel_number", lambda r, c, down, right, side: float(_number(r, c, down, right, side)),
    lambda out, r, c, down, right, side: [
        (lambda: np.copyto(out, _number(r, c, down, right, side)),)
    ],
    (None,) * 4, latex=r"<side>\,(\lfloor <0> \rfloor + <2>) + \lfloor <1> \rfloor + <3>",
    numpy=(
        "np.where((np.floor(<0>) + <2> >= 0) & (np.floor(<0>) + <2> < <side>)"
        " & (np.floor(<1>) + <3> >= 0) & (np.floor(<1>) + <3> < <side>),"
        " (np.floor(<0>) + <2>) * <side> + np.floor(<1>) + <3>, -1)"
    ),
    words="the number of the pixel at a corner around (<0>, <1>), counted row by row; -1: outside",
)  # fmt: skip
pixel_weight = Elementwise(
    "pixel_weight", lambda r, c, down, right: float(_weight(r, c, down, right)),
    lambda out, r, c, down, right: [(lambda: np.copyto(out, _weight(r, c, down, right)),)],
    (None,) * 4, unit=True,
    latex=r"(1 - |<0> - \lfloor <0> \rfloor - <2>|)\,(1 - |<1> - \lfloor <1> \rfloor - <3>|)",
    numpy=(
        "(1 - np.abs(<0> - np.floor(<0>) - <2>)) * (1 - np.abs(<1> - np.floor(<1>) - <3>))"
    ),
    words="how near (<0>, <1>) is to that corner; the four weights sum to 1",
)  # fmt: skip


def _take(x: Array, numbers: Array) -> Array:
    # Number -1 is the last column, which is the border of zeros.
    bordered = np.pad(x, ((0, 0), (0, 1)))
    found: Array = bordered[np.arange(len(x))[:, None, None], np.asarray(numbers).astype(np.intp)]
    return found


take_pixels = Gather(
    "take_pixels", _take, latex=r"{<0>}_{<1>}",
    numpy="np.pad(<0>, ((0, 0), (0, 1)))[np.arange(len(<0>))[:, None, None], <1>.astype(int)]",
    words="the pixels of <0> that <1> names, image by image; outside the image 0",
)  # fmt: skip
DOWN, RIGHT = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])


def move_images(
    x: Any, *, down: Any = 0.0, right: Any = 0.0, turn: Any = 0.0, zoom: Any = 1.0,
    shear: Any = 0.0, flip: Any = 1.0,
) -> Any:  # fmt: skip
    """Flat square images (samples, side * side), each moved; the same shape.

    Every amount is one number, or (samples, 1) with one for each image, traced or not. The
    moves happen about the middle of the image, in this order:

    flip : -1 exchanges left and right, 1 does not.
    shear : each row moves right by `shear` times its distance below the middle.
    zoom : 2 is twice as large.
    turn : radians, to the left (counter-clockwise).
    down, right : pixels.
    """
    x = x if isinstance(x, Matrix) else as_numbers("move_images", "x", x)
    side = isqrt(x.shape[-1]) if len(x.shape) == 2 else 0
    if side == 0 or side * side != x.shape[1]:
        raise BadInput(
            "move_images: x must hold one flat square image per row, such as (samples, 64) for "
            f"8 x 8 pixels; got {size(x.shape)}."
        )
    down, right, turn, zoom, shear, flip = (
        _per_image(amount, name, x.shape[0])
        for name, amount in [
            ("down", down), ("right", right), ("turn", turn), ("zoom", zoom), ("shear", shear),
            ("flip", flip),
        ]
    )  # fmt: skip
    middle, pixels = (side - 1) / 2, np.arange(side * side, dtype=np.float64)
    row = _constant(x, "row", (pixels // side - middle)[None, :, None])
    column = _constant(x, "column", (pixels % side - middle)[None, :, None])
    row = _named(subtract(row, down), "row before the shift")
    column = _named(subtract(column, right), "column before the shift")
    up = _named(turned_row(row, column, turn, zoom), "turned row")
    along = _named(turned_column(row, column, turn, zoom), "turned column")
    sheared = _named(multiply(shear, up), "sheared by")
    along = _named(subtract(along, sheared), "column before the shear")
    along = _named(multiply(flip, along), "column before the flip")
    row = _named(add(up, middle), "source row")
    column = _named(add(along, middle), "source column")
    # One more axis, the four corners around each place: (samples or 1, pixels, 1) meets (4,).
    corner = [_constant(x, "corner down", DOWN), _constant(x, "corner right", RIGHT)]
    numbers = _named(pixel_number(row, column, *corner, side=side), "pixel numbers")
    weights = _named(pixel_weight(row, column, *corner), "pixel weights")
    corners = _named(take_pixels(x, numbers), "corners")
    if isinstance(weights, Matrix):
        weights.wants_gradient = False
    if weights.shape != corners.shape:  # the same move for all images
        weights = expand(weights, corners.shape)
    return einsum("spk,spk->sp", corners, weights)


def _per_image(amount: Any, name: str, samples: int) -> Any:
    """An amount as one number, or (samples, 1, 1)."""
    amount = amount if isinstance(amount, Matrix) else as_numbers("move_images", name, amount)
    if amount.shape == (samples, 1):
        return _named(reshape(amount, (samples, 1, 1)), f"{name} of each image")
    if amount.shape not in ((), (samples, 1, 1)):
        raise BadInput(
            f"move_images: {name} must be one number or one for each of the {samples} images, "
            f"({samples}, 1); got {size(amount.shape)}."
        )
    return amount


def _constant(x: Any, name: str, numbers: Any) -> Any:
    return x.trace.constant(numbers).named(name) if isinstance(x, Matrix) else numbers


def _named(matrix: Any, name: str) -> Any:
    return matrix.named(name) if isinstance(matrix, Matrix) else matrix
