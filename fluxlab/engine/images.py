"""Sizes of images on their way through convolution and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fluxlab.engine.errors import BadInput, size
from fluxlab.engine.trace import Matrix
from fluxlab.engine.windows import Pair, pair

AXES = ("sample", "channel", "row", "column")


def border(function: str, padding: Any, n: int, kernel: int, stride: int) -> Pair:
    """Rows (or columns) of zeros before and after: "valid" none, "same" so that n / stride remain.

    Where "same" needs an odd number, one more comes after, as in TensorFlow and PyTorch.
    """
    if padding == "valid":
        return 0, 0
    if padding == "same":
        every = max((-(-n // stride) - 1) * stride + kernel - n, 0)
        return every // 2, every - every // 2
    if not isinstance(padding, int) or isinstance(padding, bool) or padding < 0:
        raise BadInput(
            f'{function}: padding must be "valid", "same" or a whole number, 0 or more, got '
            f"{padding!r}."
        )
    return padding, padding


def output_size(n: int, kernel: int, stride: int = 1, padding: str | int = "valid") -> int:
    """How many places a window of `kernel` cells has along n cells, in steps of `stride`.

    floor((n + border - kernel) / stride) + 1: what is left over at the end is not read.
    """
    wide = n + sum(border("output_size", padding, n, kernel, stride))
    if min(n, kernel, stride) < 1 or kernel > wide:
        raise BadInput(
            f"output_size: a window of {kernel} in steps of {stride} does not fit into {n} cells "
            f"with a border of {wide - n}. Take a smaller window or a wider border."
        )
    return (wide - kernel) // stride + 1


def receptive_field(layers: Sequence[Any]) -> Pair:
    """Rows and columns of the input that one cell after `layers` depends on.

    layers : convolutions and poolings, the first one first, or (kernel, stride) pairs. A layer
        without windows, such as Dropout, changes nothing. Each kernel adds kernel - 1 cells of
        the layer below, which lie as far apart as all strides before it multiplied.
    """
    field, apart = [1, 1], [1, 1]
    for layer in layers:
        kernel, stride = layer if isinstance(layer, tuple) else getattr(layer, "window", (1, 1))
        kernels = pair("receptive_field", "kernel", kernel)
        strides = pair("receptive_field", "stride", stride)
        for axis in (0, 1):
            field[axis] += (kernels[axis] - 1) * apart[axis]
            apart[axis] *= strides[axis]
    return field[0], field[1]


def whole(function: str, **counts: Any) -> None:
    """Refuse what is not a whole number, 1 or more."""
    for name, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise BadInput(f"{function}: {name} must be a whole number, 1 or more, got {value!r}.")


def as_image(layer: str, x: Matrix) -> Matrix:
    """Refuse what is not (samples, channels, rows, columns)."""
    if len(x.shape) != 4:
        raise BadInput(
            f"{layer}: x must be (samples, channels, rows, columns), got {size(x.shape)}. Put "
            "Image(channels, rows, columns) before it to make images of flat rows."
        )
    return x
