"""Sizes of images on their way through convolution and pooling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fluxlab.engine.catalogue.windows import Pair, must_fit, pair, patches
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import is_whole, whole

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
    if not is_whole(padding) or padding < 0:
        raise BadInput(
            f'{function}: padding must be "valid", "same" or a whole number, 0 or more, got '
            f"{padding!r}."
        )
    return int(padding), int(padding)


def output_size(n: int, kernel: int, stride: int = 1, padding: str | int = "valid") -> int:
    """How many places a window of `kernel` cells has along n cells, in steps of `stride`.

    floor((n + border - kernel) / stride) + 1: what is left over at the end is not read.
    """
    for name, value in (("n", n), ("kernel", kernel), ("stride", stride)):
        whole("output_size", name, value, 1)
    wide = n + sum(border("output_size", padding, n, kernel, stride))
    if kernel > wide:
        raise BadInput(
            f"output_size: a window of {kernel} in steps of {stride} does not fit into {n} cells "
            f"with a border of {wide - n}. Take a smaller window or a wider border."
        )
    return (wide - kernel) // stride + 1


def receptive_field(layers: Sequence[Any]) -> Pair:
    """Rows and columns of the input that one cell after `layers` depends on.

    layers : convolutions and poolings, the first one first, or (kernel, stride) pairs; of a
        residual block what is inside counts. A layer without windows, such as Dropout, changes
        nothing; Flatten is refused, as what comes behind it sees the whole image. Each kernel
        adds kernel - 1 cells of the layer below, which lie as far apart as all strides before it
        multiplied.
    """
    if not isinstance(layers, list | tuple) or any(not _windowed(layer) for layer in layers):
        raise BadInput(
            "receptive_field: layers must be a list of layers, or of (kernel, stride) pairs, such "
            f"as [Conv(8, 3), MaxPool(2)] or [(3, 1), (2, 2)], got {layers!r}."
        )
    field, apart = [1, 1], [1, 1]
    for layer in _inside(layers):
        kernel, stride = layer if isinstance(layer, tuple) else getattr(layer, "window", (1, 1))
        kernels = pair("receptive_field", "kernel", kernel)
        strides = pair("receptive_field", "stride", stride)
        for axis in (0, 1):
            field[axis] += (kernels[axis] - 1) * apart[axis]
            apart[axis] *= strides[axis]
    return field[0], field[1]


def _inside(layers: Sequence[Any]) -> Iterator[Any]:
    """The layers, and in place of a residual block what is in it."""
    for layer in layers:
        yield from _inside(layer.inside) if hasattr(layer, "inside") else [layer]


def _windowed(layer: Any) -> bool:
    return callable(layer) or (isinstance(layer, tuple) and len(layer) == 2)


def as_image(layer: str, x: Matrix) -> Matrix:
    """Refuse what is not (samples, channels, rows, columns)."""
    if len(x.shape) != 4:
        raise BadInput(
            f"{layer}: x must be (samples, channels, rows, columns), got {size(x.shape)}. Put "
            "Image(channels, rows, columns) before it to make images of flat rows."
        )
    return x


def windows(layer: str, x: Matrix, window: Pair, stride: Pair) -> Matrix:
    """Every window of the images, which must hold one."""
    advice = f". Take a smaller window{', or padding=' + repr('same') if layer == 'Conv' else ''}."
    must_fit(layer, window, x.shape, f"an image of {size(x.shape[2:])}{advice}")
    seen: Matrix = patches(x, window, stride)
    return seen
