"""FluxLab's peers on a convolution: 3 x 3, ReLU, 2 x 2 max pooling, forward and backward, float64.

Each peer is a function `peer(x, w, b, share)` with x (samples, channels, rows, columns),
w (filters, channels, 3, 3), b (filters,), and share (samples, filters, rows, columns of the
output). The cost is the sum of share * output. It gives `(run, results)`: `run(count)` does the
passes so many times, and `results()` lists the output, dC_dw and dC_db.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Peer = tuple[Callable[[int], None], Callable[[], list[Array]]]


def _windows(x: Array) -> Array:
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))


def plain_numpy(x: Array, w: Array, b: Array, share: Array) -> Peer:
    """Formulas as they stand, new arrays every time."""
    found: list[Array] = []
    (samples, channels), filters = x.shape[:2], len(b)

    def run(count: int) -> None:
        for _ in range(count):
            patches = _windows(x).transpose(0, 2, 3, 1, 4, 5).reshape(-1, channels * 9)
            a = patches @ w.reshape(filters, -1).T + b
            h = np.maximum(a, 0)
            down, right = share.shape[2:]
            cells = h.reshape(samples, down, 2, right, 2, filters).transpose(0, 1, 3, 5, 2, 4)
            cells = cells.reshape(samples, down, right, filters, 4)
            best = cells.argmax(axis=-1)[..., None]
            y = np.take_along_axis(cells, best, -1)[..., 0]
            dC_dcells = np.zeros_like(cells)
            np.put_along_axis(dC_dcells, best, share.transpose(0, 2, 3, 1)[..., None], -1)
            dC_dh = dC_dcells.reshape(samples, down, right, filters, 2, 2)
            dC_dh = dC_dh.transpose(0, 1, 4, 2, 5, 3).reshape(-1, filters)
            dC_da = dC_dh * (a > 0)
            found[:] = [
                y.transpose(0, 3, 1, 2), (dC_da.T @ patches).reshape(w.shape), dC_da.sum(axis=0)
            ]  # fmt: skip

    return run, lambda: found


def tight_numpy(x: Array, w: Array, b: Array, share: Array) -> Peer:
    """As fast as we can write NumPy by hand: only the answer counts, not the matrices between.

    The samples lie innermost, so that every copy takes long runs. Patches are ordered by their
    place in the pooling window: the four cells of a window are four tables, and their largest is
    three calls on them. Bias and ReLU come after the pooling, on a quarter of the cells (the
    largest of a + b is the largest a, plus b), and so does the ReLU's slope.
    """
    samples, channels, rows, columns = x.shape
    filters, (down, right) = len(b), share.shape[2:]
    quarter = down * right * samples
    inner, turned = np.empty((channels, rows, columns, samples)), x.transpose(1, 2, 3, 0)
    patches = np.empty((channels, 3, 3, 2, 2, down, right, samples))
    # (channel, i, j, sample, u, v), i and j split into (window, place in the window).
    seen = np.lib.stride_tricks.sliding_window_view(inner, (3, 3), axis=(1, 2))
    seen = seen[:, : 2 * down, : 2 * right]
    each = [
        (patches[:, u, v, p, q], seen[:, p::2, q::2, :, u, v])
        for u in range(3) for v in range(3) for p in (0, 1) for q in (0, 1)
    ]  # fmt: skip
    table = patches.reshape(channels * 9, 4 * quarter)
    table_T, weights_T = table.T, w.reshape(filters, -1).T
    a = np.empty((4 * quarter, filters))
    first, second, third, fourth = a.reshape(4, quarter, filters)
    largest, biased, y = (np.empty((quarter, filters)) for _ in range(3))
    # A bias for every sample of a place: long runs again.
    bias, largest_runs, biased_runs = (
        np.empty(samples * filters), largest.reshape(-1, samples * filters),
        biased.reshape(-1, samples * filters),
    )  # fmt: skip
    bias_each = bias.reshape(samples, filters)
    goal = np.ascontiguousarray(share.transpose(2, 3, 0, 1)).reshape(quarter, filters)
    alive, taken, equal, won = (np.empty((quarter, filters), np.bool_) for _ in range(4))
    dC_dlargest, dC_da = np.empty((quarter, filters)), np.empty((4 * quarter, filters))
    dC_d1, dC_d2, dC_d3, dC_d4 = dC_da.reshape(4, quarter, filters)
    dC_dw, dC_db, ones, zero = (
        np.empty((filters, channels * 9)),
        np.empty(filters),
        np.ones(quarter),
        np.array(0.0),
    )
    copyto, maximum, multiply = np.copyto, np.maximum, np.multiply
    is_equal, greater, either, neither = np.equal, np.greater, np.logical_or, np.logical_not
    product, total, turned_product = table_T.dot, ones.dot, dC_da.T.dot

    def run(count: int) -> None:
        for _ in range(count):
            copyto(inner, turned)
            for target, source in each:
                copyto(target, source)
            product(weights_T, a)
            maximum(first, second, out=largest)
            maximum(largest, third, out=largest)
            maximum(largest, fourth, out=largest)
            copyto(bias_each, b)
            np.add(largest_runs, bias, biased_runs)
            maximum(biased, zero, out=y)
            greater(biased, zero, alive)
            multiply(goal, alive, dC_dlargest)
            total(dC_dlargest, dC_db)
            is_equal(first, largest, taken)
            multiply(dC_dlargest, taken, dC_d1)
            is_equal(second, largest, equal)
            greater(equal, taken, won)
            multiply(dC_dlargest, won, dC_d2)
            either(taken, equal, taken)
            is_equal(third, largest, equal)
            greater(equal, taken, won)
            multiply(dC_dlargest, won, dC_d3)
            either(taken, equal, taken)
            neither(taken, won)
            multiply(dC_dlargest, won, dC_d4)
            turned_product(table_T, dC_dw)

    def results() -> list[Array]:
        pooled = y.reshape(down, right, samples, filters).transpose(2, 3, 0, 1)
        return [pooled, dC_dw.reshape(w.shape), dC_db]

    return run, results


def torch_eager(x: Array, w: Array, b: Array, share: Array) -> Peer:
    """PyTorch's own functions, one thread; ImportError where it is missing."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    inputs, goal = torch.from_numpy(x.copy()), torch.from_numpy(share.copy())
    weight, bias = (torch.from_numpy(p.copy()).requires_grad_() for p in (w, b))
    found: list[torch.Tensor] = []

    def run(count: int) -> None:
        for _ in range(count):
            weight.grad = bias.grad = None
            y = functional.max_pool2d(functional.relu(functional.conv2d(inputs, weight, bias)), 2)
            (y * goal).sum().backward()
            found[:] = [y]

    def results() -> list[Array]:
        assert weight.grad is not None
        assert bias.grad is not None
        return [t.detach().numpy() for t in (*found, weight.grad, bias.grad)]

    return run, results
