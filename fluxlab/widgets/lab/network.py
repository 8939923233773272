"""FLUX's `visualizeNetwork` as a diagram: neurons, weighted connections, biases."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from fluxlab.engine.core.errors import BadInput, size, unknown
from fluxlab.widgets.board.scales import Largest
from fluxlab.widgets.lab.diagram import MOST, diagram, elided, kin
from fluxlab.widgets.shared.base import View
from fluxlab.widgets.shared.look import BACK, HIGH, LOW, MUTED
from fluxlab.widgets.shared.maths import pretty


class NetworkPicture(View):
    """Neurons and weighted connections of a network, linked to every other widget.

    Parameters
    ----------
    thing : a Network, a Trace with at least one `x @ w`, or the Session of another widget.
    show : "value" or "gradient": what colours and widens the connections.
    sample : the row whose values stand in the neurons.
    """

    name = "network"

    def __init__(self, thing: Any, show: str = "value", sample: int = 0) -> None:
        super().__init__(thing)
        self._show, self._sample = "value", 0
        self._drawn: list[list[int]] = []
        self._largest = Largest()
        self._read_trace()
        if not self.links:
            raise BadInput(
                f"NetworkPicture: {self.session.title} has no x @ w with a matrix w that one can "
                "set, so there are no connections to draw."
            )
        self.show = show
        self.sample = sample

    def _read_trace(self) -> None:
        self._of = self.trace.steps, len(self.trace.steps)
        self.columns, self.links = diagram(self.trace)
        self._kin = [kin(self.trace, *column.made_of) for column in self.columns]
        self._weights = [kin(self.trace, link.weights) for link in self.links]

    @property
    def show(self) -> str:
        return self._show

    @show.setter
    def show(self, value: str) -> None:
        if value not in ("value", "gradient"):
            raise unknown("show", value, ("value", "gradient"))
        self._show = value
        self.refresh("values")

    @property
    def samples(self) -> int:
        return int(self.columns[0].matrix.shape[0])

    @property
    def sample(self) -> int:
        return self._sample

    @sample.setter
    def sample(self, row: int) -> None:
        if not 0 <= row < self.samples:
            raise BadInput(f"sample got {row}; it expects a row from 0 to {self.samples - 1}.")
        self._sample = int(row)
        self.refresh("values")

    # -- from the page --------------------------------------------------------------------

    def on_show(self, value: str) -> None:
        self.show = value

    def on_sample(self, row: int) -> None:
        self.sample = row

    def on_select(self, matrix: str, index: list[int]) -> None:
        self.session.select(matrix, tuple(index))

    # -- to the page ----------------------------------------------------------------------

    def refresh(self, what: str) -> None:
        steps, count = self._of
        again = what in ("all", "layout") or steps is not self.trace.steps or count != len(steps)
        if again:
            self._read_trace()
            self._sample = min(self._sample, self.samples - 1)
        if what == "selection":
            self._follow_selection()
        if not self.shown:
            return
        drawn = [elided(column.size, self._wanted(i)) for i, column in enumerate(self.columns)]
        if again or drawn != self._drawn:
            self._drawn = drawn
            self.send({"type": "layout", "session": str(self.session.id), **self._layout()})
        state, numbers = self._values()
        self.send(state, buffers=[numbers.tobytes()])

    def _follow_selection(self) -> None:
        """A selected neuron's row becomes the sample."""
        chosen = self.session.selection
        if chosen is not None and any(chosen[0] in names for names in self._kin):
            self._sample = int(chosen[1][0])

    def _wanted(self, number: int) -> set[int]:
        """The neurons of a column that the selection names."""
        if self.session.selection is None:
            return set()
        name, index = self.session.selection
        wanted = {index[1]} if name in self._kin[number] else set()
        for link, names in zip(self.links, self._weights, strict=True):
            if name in names:
                wanted |= {index[0]} if link.source == number else set()
                wanted |= {index[1]} if link.target == number else set()
        return wanted

    def _gradient(self, matrix: Any) -> Any:
        """The matrix' whole gradient (the last one, if it is a sum of shares), or None."""
        found = [m for m in self.trace.matrices.values() if m.kind == "gradient" and m.of is matrix]
        return found[-1] if found else None

    def _layout(self) -> dict[str, Any]:
        def describe(matrix: Any) -> dict[str, Any] | None:
            if matrix is None:
                return None
            return {
                "name": matrix.name, "title": pretty(matrix.local), "scope": matrix.scope,
                "kin": kin(self.trace, matrix),
            }  # fmt: skip

        return {
            "columns": [
                {
                    **(describe(column.matrix) or {}),
                    "kin": names,
                    "size": column.size,
                    "drawn": drawn,
                    "labels": column.matrix.labels.get(1, []) if column.size <= MOST else [],
                    "bias": describe(column.bias),
                    "bias_rank": len(column.bias.shape) if column.bias is not None else 0,
                }
                for column, drawn, names in zip(self.columns, self._drawn, self._kin, strict=True)
            ],
            "links": [
                {
                    "source": link.source,
                    "target": link.target,
                    "weights": describe(link.weights),
                    "gradient": describe(self._gradient(link.weights)),
                }
                for link in self.links
            ],
            "samples": self.samples,
            "rows": self.columns[0].matrix.labels.get(0, []),
        }

    def _values(self) -> tuple[dict[str, Any], npt.NDArray[np.float64]]:
        """What is drawn, as numbers: each column's values and biases, then each link's weights.

        A matrix that is not computed yet sends nothing.
        """
        parts: list[npt.NDArray[np.float64]] = []
        ready: dict[str, list[bool]] = {"columns": [], "links": []}
        drawn_of: list[Any] = []
        for column, drawn in zip(self.columns, self._drawn, strict=True):
            ready["columns"].append(bool(column.matrix.ready))
            if column.matrix.ready:
                parts.append(column.matrix.buffer[self._sample, drawn])
            if column.bias is not None:
                parts.append(column.bias.buffer.reshape(-1)[drawn])
        for link in self.links:
            shown = link.weights if self._show == "value" else self._gradient(link.weights)
            ready["links"].append(shown is not None and bool(shown.ready))
            if ready["links"][-1]:
                cells = np.ix_(self._drawn[link.source], self._drawn[link.target])
                parts.append(shown.buffer[cells].ravel())
            if shown is not None:
                drawn_of.append(shown)
        why = ""
        if self._show == "gradient" and self.trace.end_of("forward") == len(self.trace.steps):
            why = "This trace has no backward pass, so no gradients. Record one with t.backward()."
        state = {
            "type": "values",
            "ready": ready,
            "scale": max(self._largest.take(drawn_of, self.trace.version), default=0.0) or 1.0,
            "show": self._show,
            "sample": self._sample,
            "selection": self.session.selection,
            "why": why,
        }
        return state, np.concatenate(parts) if parts else np.zeros(0)

    # -- without a kernel -----------------------------------------------------------------

    def text(self) -> str:
        sizes = "-".join(str(column.size) for column in self.columns)
        lines = [f"Network picture of {self.session.title}: {sizes} neurons, sample {self._sample}"]
        for link in self.links:
            ends = [self.columns[end].matrix.name for end in (link.source, link.target)]
            lines.append(
                f"  {' -> '.join(ends)} by {link.weights.name} ({size(link.weights.shape)})"
            )
        return "\n".join(lines)

    def picture(self) -> bytes:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.collections import LineCollection
        from matplotlib.colors import to_rgba
        from matplotlib.figure import Figure

        figure = Figure(figsize=(1.4 + 1.5 * len(self.columns), 2.6), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        drawn = [elided(column.size, set()) for column in self.columns]

        def at(column: int, place: int) -> tuple[float, float]:
            return column, -(place - (len(drawn[column]) - 1) / 2)

        weights = [link.weights for link in self.links]
        largest = max(self._largest.take(weights, self.trace.version)) or 1.0
        for link in self.links:
            numbers = link.weights.buffer
            lines, colours, widths = [], [], []
            for i, source in enumerate(drawn[link.source]):
                for j, target in enumerate(drawn[link.target]):
                    value = float(numbers[source, target])
                    strength = min(abs(value) / largest, 1.0) if math.isfinite(value) else 1.0
                    lines.append([at(link.source, i), at(link.target, j)])
                    colour = HIGH if value > 0 else LOW
                    colours.append(to_rgba(colour, 0.15 + 0.8 * strength))
                    widths.append(0.4 + 2.6 * strength)
            axes.add_collection(LineCollection(lines, colors=colours, linewidths=widths, zorder=1))
        for number, column in enumerate(self.columns):
            points = np.array([at(number, place) for place in range(len(drawn[number]))])
            axes.scatter(*points.T, s=110, color=BACK, edgecolors=MUTED, zorder=2)
            more = f"{column.size} neurons" if column.size > MOST else pretty(column.matrix.local)
            axes.annotate(more, (number, points[:, 1].min() - 0.9), ha="center", fontsize=8)
        axes.set_axis_off()
        axes.margins(0.12)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=80)
        return out.getvalue()


def visualize_network(network: Any) -> NetworkPicture:
    """FLUX's `visualizeNetwork`: the network as neurons and weighted connections."""
    return NetworkPicture(network)
