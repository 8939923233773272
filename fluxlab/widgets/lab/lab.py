"""Everything about one network at once: step bar, curve, board and explanation."""

from __future__ import annotations

from typing import Any

import ipywidgets

from fluxlab.widgets.board.board import Board
from fluxlab.widgets.lab.curve import Curve
from fluxlab.widgets.lab.explain import Explain
from fluxlab.widgets.lab.knobs import Knobs
from fluxlab.widgets.lab.stepper import Stepper
from fluxlab.widgets.shared.base import with_fallback
from fluxlab.widgets.shared.session import session_of


class Lab(ipywidgets.VBox):
    """The step bar (with the cost curve, if it learns), the board, and the explain panel.

    Where the page is narrower than about 900 pixels, the panel stands below the board.

    Parameters
    ----------
    thing : a Network, a Trace, or the Session of another widget.
    names, ranges : knobs between the bar and the board, as `Knobs` takes them; without any,
        there are none.

    Attributes
    ----------
    stepper, board, explain : the widgets.
    curve : the cost curve; None for a trace that does not learn.
    knobs : the knobs; None if none were named.
    """

    def __init__(self, thing: Any, *names: str, **ranges: tuple[float, float]) -> None:
        self.session = session_of(thing)
        self.stepper = Stepper(thing)
        self.board = Board(thing)
        self.explain = Explain(thing)
        learns = self.session.trace.history is not None
        self.curve = Curve(thing, small=True) if learns else None
        self.knobs = Knobs(thing, *names, **ranges) if names or ranges else None
        rows = [
            _row("top", self.stepper, self.curve),
            _row("knobs", self.knobs),
            _row("main", self.board, self.explain),
        ]
        super().__init__([row for row in rows if row.children], layout={"width": "100%"})
        self.add_class("fl-lab")
        self.stepper.lab = self.model_id

    def dock(self) -> None:
        """Keep the lab in view, above the notebook, as its button does; `undock` ends it."""
        self.stepper.docked = True

    def undock(self) -> None:
        """Leave the lab in its cell."""
        self.stepper.docked = False

    def text(self) -> str:
        """What the widgets show, as text."""
        views = [self.stepper, self.curve, self.knobs, self.board, self.explain]
        return "\n".join(view.text() for view in views if view is not None)

    def picture(self) -> bytes | None:
        """The board's picture."""
        return self.board.picture()

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return with_fallback(super()._repr_mimebundle_(**kwargs), self)


def _row(name: str, *views: Any) -> ipywidgets.Box:
    """Widgets side by side; stepper.css says how, by the class `fl-lab-<name>`."""
    row = ipywidgets.Box([view for view in views if view is not None])
    return row.add_class(f"fl-lab-{name}")
