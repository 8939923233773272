"""The cost as it falls, live, with a handle to travel back to any recorded iteration."""

from __future__ import annotations

import io
import time
from bisect import bisect_left
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from fluxlab.engine.core.errors import BadInput, unknown
from fluxlab.widgets.shared.base import View
from fluxlab.widgets.shared.look import ACCENT, INK
from fluxlab.widgets.shared.session import FRAME

MOST = 2000  # points sent at once; more are thinned, and every peak is kept

Numbers = npt.NDArray[np.float64]


def thinned(iterations: Numbers, costs: Numbers, most: int = MOST) -> tuple[Numbers, Numbers]:
    """At most about `most` points of a curve: each stretch keeps its lowest and its highest.

    The first and the last point stay, and so does the first that is not a finite number.
    """
    count = len(costs)
    if count <= most:
        return iterations, costs
    keep = {0, count - 1}
    broken = np.flatnonzero(~np.isfinite(costs))
    keep.update(int(i) for i in broken[:1])
    low = np.where(np.isfinite(costs), costs, np.inf)
    high = np.where(np.isfinite(costs), costs, -np.inf)
    edges = np.linspace(0, count, most // 2 + 1).astype(int)
    for start, stop in pairwise(edges):
        keep.add(int(start + np.argmin(low[start:stop])))
        keep.add(int(start + np.argmax(high[start:stop])))
    chosen = np.array(sorted(keep))
    return iterations[chosen], costs[chosen]


class Curve(View):
    """The cost over the iterations of a network or a trace that learns.

    Parameters
    ----------
    thing : a Network, a Trace with `descend(...)`, or the Session of another widget.
    scale : "linear" or "log", the scale of the cost.
    small : the compact form that stands beside the step bar.
    """

    name = "curve"

    def __init__(self, thing: Any, scale: str = "linear", small: bool = False) -> None:
        if scale not in ("linear", "log"):
            raise unknown("scale", scale, ("linear", "log"))
        self._scale, self._small = scale, small
        self._sent: tuple[int, float, float] = (0, 0.0, 0.0)  # count, last iteration, last cost
        self._told = 0.0
        super().__init__(thing)
        if self.trace.history is None:
            raise BadInput(
                f"Curve: {self.session.title} does not learn, so its cost has no curve. Record an "
                "update first: t.backward(), then t.descend(...)."
            )

    def travel(self, iteration: int) -> None:
        """Go back (or on) to a recorded iteration: every matrix is as it was then."""
        self.session.stop()
        with self.session.lock:
            self.trace.history.travel(iteration)
            self.session.changed("values")

    def follow(self, iteration: int, cost: float) -> None:
        """Show how far learning is, here and in every other widget of this network.

        For a loop of your own; `fl.learn` tells the widgets of its network by itself.
        """
        self.session.changed("values")

    @property
    def scale(self) -> str:
        return self._scale

    @scale.setter
    def scale(self, value: str) -> None:
        if value not in ("linear", "log"):
            raise unknown("scale", value, ("linear", "log"))
        self._scale = value
        self.refresh("scale")

    # -- from the page --------------------------------------------------------------------

    def on_travel(self, iteration: int, seq: int) -> None:
        try:
            self.travel(iteration)
        finally:
            self.send({"type": "done", "seq": seq})

    def on_scale(self, value: str) -> None:
        self.scale = value

    # -- to the page ----------------------------------------------------------------------

    def refresh(self, what: str) -> None:
        if not self.shown or what == "selection":
            return
        now = time.perf_counter()
        if self.session.playing and what == "values" and now - self._told < FRAME:
            return
        self._told = now
        history = self.trace.history
        count, *last = self._sent
        recorded, costs = history.iterations, history.costs
        known = len(recorded)
        fresh = (
            what in ("all", "layout")
            or not 0 < count <= known
            or [float(recorded[count - 1]), float(costs[count - 1])] != last
        )
        start = 0 if fresh else count
        xs, ys = thinned(np.array(recorded[start:], float), np.array(costs[start:], float))
        self._sent = (known, float(recorded[-1]), float(costs[-1]))
        self.send(
            {
                "type": "points",
                "fresh": fresh,
                "small": self._small,
                "scale": self._scale,
                **self._state(),
            },
            buffers=[xs.tobytes(), ys.tobytes()],
        )

    def _state(self) -> dict[str, Any]:
        history = self.trace.history
        iteration = int(history.iteration)
        cost = self._cost(iteration)
        return {
            "session": str(self.session.id),
            "iteration": iteration,
            "cost": cost if cost is not None and np.isfinite(cost) else None,
            "stopped": self._stopped(),
        }

    def _cost(self, iteration: int) -> float | None:
        """The cost at an iteration: as recorded, or as computed now."""
        history = self.trace.history
        place = bisect_left(history.iterations, iteration)
        if place < len(history.iterations) and history.iterations[place] == iteration:
            return float(history.costs[place])
        cost = self.trace.cost
        return float(cost.buffer.ravel()[0]) if cost.ready else None

    def _stopped(self) -> str:
        """Why learning stopped, in words; "" if it did not."""
        return str(getattr(self.trace.history, "stopped", None) or "")

    # -- without a kernel -----------------------------------------------------------------

    def text(self) -> str:
        history = self.trace.history
        cost = self._cost(history.iteration)
        said = "not computed yet" if cost is None else f"C = {cost:.4g}"
        known = history.iterations
        recorded = f"{len(known)} iteration{'' if len(known) == 1 else 's'}"
        if len(known) <= known[-1] - known[0]:  # thinned; how many are left depends on the clock
            recorded = f"iterations {known[0]} to {known[-1]}"
        return (
            f"Cost curve of {self.session.title}: iteration {history.iteration}, {said}; "
            f"{recorded} recorded" + (f". {self._stopped()}" if self._stopped() else "")
        )

    def picture(self) -> bytes:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        history = self.trace.history
        xs, ys = thinned(np.array(history.iterations, float), np.array(history.costs, float))
        figure = Figure(figsize=(5, 2.2), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.plot(xs, ys, color=ACCENT, linewidth=1.2)
        cost = self._cost(history.iteration)
        if cost is not None:
            axes.plot([history.iteration], [cost], "o", color=INK, markersize=4)
        axes.set(xlabel="iteration", ylabel="C", yscale=self._scale)
        axes.spines[["top", "right"]].set_visible(False)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=80)
        return out.getvalue()
