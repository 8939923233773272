"""Static pictures of what the widgets show, for pages without a kernel and for reports.

Matplotlib without pyplot: importing it is quick, and no figure stays behind in a list.

Imports: widgets.shared, widgets.board, widgets.lab.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from fluxlab.widgets.board.picture import board_image, coloured
from fluxlab.widgets.lab.diagram import diagram, elided
from fluxlab.widgets.shared.look import ACCENT, BACK, INK, LINE, MUTED


class Picture(Figure):
    """A figure that a notebook shows by itself, without pyplot."""

    def __init__(self, width: float, height: float, **more: Any) -> None:
        """`width` and `height` are in pixels."""
        super().__init__(figsize=(width / 100, height / 100), dpi=100, facecolor=BACK, **more)
        FigureCanvasAgg(self)

    def png(self) -> bytes:
        """The figure as a PNG."""
        out = io.BytesIO()
        self.savefig(out, format="png", dpi=self.dpi)
        return out.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png()


def board_figure(
    trace: Any,
    scale: str = "matrix",
    selection: tuple[str, tuple[int, ...]] | None = None,
    width: int = 760,
) -> Picture:
    """The board of a trace, as `fluxlab.Board` draws it.

    Parameters
    ----------
    scale : what has one colour scale: each "matrix", each "layer", or all ("shared").
    selection : a cell to outline, (matrix name, index).
    width : pixels at most.
    """
    image = board_image(trace, scale, selection, width)
    figure = Picture(*image.size)
    figure.figimage(np.asarray(image), origin="upper")
    return figure


def heatmap(
    array: Any, title: str = "", labels: dict[int, list[str]] | None = None, unit: bool = False
) -> Picture:
    """A matrix as a heatmap with its colour bar.

    Parameters
    ----------
    array : one or two axes; a vector is one row.
    labels : names of rows (key 0) and columns (key 1).
    unit : the values lie in 0..1.
    """
    values = np.atleast_2d(np.asarray(array, dtype=np.float64))
    if values.ndim != 2:
        raise ValueError(f"heatmap: array must have one or two axes, got shape {values.shape}.")
    rows, columns = values.shape
    side = max(3, min(26, 480 // max(rows, columns)))
    figure = Picture(max(260, columns * side + 150), max(110, rows * side + 70))
    axes = figure.add_axes((0.14, 0.14, 0.68, 0.70))
    finite = values[np.isfinite(values)]
    scale = float(np.abs(finite).max()) if finite.size else 1.0
    axes.imshow(coloured(values, scale, unit, shades=0), interpolation="nearest")
    _quiet(axes)
    axes.set_title(title, fontsize=10, family="DejaVu Serif", style="italic", loc="left")
    for axis, (count, known) in enumerate(((rows, axes.yaxis), (columns, axes.xaxis))):
        names = (labels or {}).get(axis)
        known.set_ticks(range(count) if count <= 24 else [0, count - 1])
        if names is not None and count <= 24:
            known.set_ticklabels(names)
        known.set_tick_params(labelsize=7, length=0)
    bar = figure.add_axes((0.88, 0.2, 0.03, 0.6))
    ends = (0.0, 1.0) if unit else (-scale, scale)
    bar.imshow(coloured(np.linspace(*ends, 101)[::-1, None], scale, unit, shades=0), aspect="auto",
               extent=(0, 1, *ends))  # fmt: skip
    bar.set_xticks([])
    bar.yaxis.tick_right()
    bar.tick_params(labelsize=7, length=2)
    return figure


def cost_figure(history: Any, log: bool = False, width: int = 560, height: int = 300) -> Picture:
    """The cost C over the iterations of a history; `log` for a logarithmic axis."""
    iterations, costs = list(history.iterations), list(history.costs)
    figure = Picture(width, height)
    axes = figure.add_axes((0.12, 0.16, 0.84, 0.78))
    axes.plot(iterations, costs, color=ACCENT, linewidth=1.4)
    if len(costs) == 1:
        axes.plot(iterations, costs, "o", color=ACCENT, markersize=4)
    if log and min(costs, default=0) > 0:
        axes.set_yscale("log")
    axes.set_xlabel("iteration", fontsize=9, color=MUTED)
    axes.set_ylabel("cost C (mean squared error)", fontsize=9, color=MUTED)
    axes.grid(color=LINE, linewidth=0.6)
    axes.tick_params(labelsize=8, colors=MUTED)
    for side in axes.spines.values():
        side.set_color(LINE)
    return figure


def plot_mse_vs_iterations(history: Any, log: bool = False) -> Picture:
    """The mean squared error over the iterations: what `learn` returned, or a network."""
    history = getattr(history, "history", history)
    if not hasattr(history, "costs"):
        raise TypeError(
            f"plot_mse_vs_iterations: history must be what learn(...) returned, or the network; "
            f"got {type(history).__name__}."
        )
    return cost_figure(history, log)


def network_figure(net: Any, width: int = 520, height: int = 300) -> Picture:
    """Neurons and weighted connections: blue negative, orange positive, thick large."""
    trace = getattr(net, "trace", net)
    columns, links = diagram(trace)
    if not links:
        raise ValueError("network_figure: this trace has no weights that neurons are linked by.")
    figure = Picture(width, height)
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.96))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")
    spots: list[dict[int, tuple[float, float]]] = []
    for number, column in enumerate(columns):
        shown = elided(column.size, set())
        x = 40 + number * (width - 80) / max(1, len(columns) - 1)
        step = min(34.0, (height - 30) / len(shown))
        start = height / 2 - step * (len(shown) - 1) / 2
        spots.append({neuron: (x, start + i * step) for i, neuron in enumerate(shown)})
    with trace.lock:
        for link in links:
            weights = link.weights.buffer
            scale = float(np.abs(weights).max()) or 1.0
            lines, ink, thick = [], [], []
            for i, begin in spots[link.source].items():
                for j, end in spots[link.target].items():
                    lines.append([begin, end])
                    ink.append(coloured(weights[i, j], scale, shades=0) / 255)
                    thick.append(0.4 + 2.6 * abs(weights[i, j]) / scale)
            axes.add_collection(LineCollection(lines, colors=ink, linewidths=thick, zorder=1))
    for column in spots:
        xs, ys = zip(*column.values(), strict=True)
        axes.scatter(xs, ys, s=130, c=BACK, edgecolors=INK, linewidths=1, zorder=2)
    return figure


def _quiet(axes: Any) -> None:
    for side in axes.spines.values():
        side.set_visible(False)
