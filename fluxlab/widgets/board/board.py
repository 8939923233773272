"""The board: every matrix of a trace as a heatmap, values above, gradients right below."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from fluxlab.engine.core.errors import BadInput, size, unknown
from fluxlab.widgets.board.frame import Frame
from fluxlab.widgets.board.layout import Arrangement
from fluxlab.widgets.board.pixels import Layout, place
from fluxlab.widgets.board.scales import SCALES, Largest, role
from fluxlab.widgets.board.sizes import LEVELS, has_tools, is_literal, stepped
from fluxlab.widgets.shared.base import View
from fluxlab.widgets.shared.maths import pretty
from fluxlab.widgets.shared.numbers import typed_anew

WIDTH = 760
CELLS = 2000  # cells that are outlined one by one; more are outlined as the box around them


class Board(View):
    """Every matrix of a trace as a heatmap; a click on a cell selects it everywhere.

    Parameters
    ----------
    thing : a network, a trace, or the session that other widgets share.
    scale : what has one colour scale: all matrices of one role, such as gradients ("shared"),
        those of each "layer", or each "matrix". It stays while numbers change; see `rescale`.
    """

    name = "board"
    scripts = (
        "geometry",
        "state",
        "titles",
        "marks",
        "paint",
        "windows",
        "tools",
        "folds",
        "edits",
    )
    scale = traitlets.Enum(SCALES, "shared").tag(sync=True)

    def __init__(self, thing: Any, scale: str = "shared") -> None:
        if scale not in SCALES:
            raise BadInput(f"Board: scale must be one of {', '.join(SCALES)}; got {scale!r}.")
        self._arranged: Arrangement | None = None
        self._of: tuple[Any, int] | None = None  # the steps that it was arranged for
        self._largest = Largest()
        self._chosen: dict[str, bool] = {}  # what somebody folded (True) or opened
        super().__init__(thing)
        self.scale = scale
        self._width = WIDTH
        self._hidden: dict[str, tuple[int, int]] = {}  # name -> step, place that stands for it
        self._layout: Layout | None = None
        self._laid_out: Arrangement | None = None  # what the layout was made of
        self._frame: Frame | None = None
        self._version = self._seq = 0
        self._show_selected()

    def select(self, matrix: str, *index: int) -> None:
        """Select a cell, as a click does: `board.select("dC_dw", 2, 1)`."""
        self.session.select(matrix, index)

    def rescale(self) -> None:
        """Full colour is what is largest now, not what has been largest since the start."""
        with self.session.lock:
            self._largest.clear()
            self.refresh("values")

    # -- folding --------------------------------------------------------------------------

    def fold(self, name: str) -> None:
        """Show one matrix for many: `board.fold("layer 1/step 2")`.

        Of a scope its output stays, the last of its matrices that is used outside it; of a
        gradient of many uses, such as `board.fold("layer 1/dC_dw")`, the sum of its shares. Of
        "updates" and "constants", with which a board begins folded, nothing stays.
        """
        self._choose("fold", name, True)

    def unfold(self, name: str) -> None:
        """Show all of a folded scope, and of the scopes around it, or all shares of a gradient."""
        self._choose("unfold", name, False)

    def _choose(self, function: str, name: str, folded: bool) -> None:
        with self.session.lock:
            arranged = self._arrange()
            if not arranged.foldable:
                raise BadInput(f"{function}: this board has nothing to fold: all is in one scope.")
            if name not in arranged.foldable:
                raise BadInput(f"{function}: {unknown('scope', name, arranged.foldable)}")
            names = [name] if folded else arranged.around(name)
            self._chosen |= dict.fromkeys(names, folded)
            self.refresh("layout")

    def _arrange(self) -> Arrangement:
        """The arrangement of the trace's present steps."""
        steps, known = self.trace.steps, self._of
        if (
            self._arranged is None
            or known is None
            or known[0] is not steps
            or known[1] != len(steps)
        ):
            self._arranged, self._of = Arrangement(self.trace), (steps, len(steps))
        return self._arranged

    def _folded(self) -> set[str]:
        arranged = self._arrange()
        first = arranged.folded_at_first()
        return {name for name in arranged.foldable if self._chosen.get(name, name in first)}

    def _show_selected(self) -> bool:
        """Open what hides the selected cell's matrix; whether anything did."""
        chosen = self.session.selection
        return chosen is not None and self._open(self.trace[chosen[0]])

    def _show_step(self) -> bool:
        """Open what is folded away when a student steps into it; whether anything was."""
        steps, position = self.trace.steps, self.trace.position
        if not 0 < position < len(steps) or self.session.playing:
            return False
        made = steps[position - 1].output
        holders = self._arrange().holders(made)
        return any(name in self._arrange().apart for name in holders) and self._open(made)

    def _open(self, matrix: Any) -> bool:
        """Open what hides a matrix; whether anything did."""
        arranged, folded = self._arrange(), self._folded()
        holders = [name for name in arranged.holders(matrix) if name in folded]
        if not holders or matrix.name in arranged.seen(folded):
            return False
        self._chosen |= dict.fromkeys(holders, False)
        return True

    # -- sending --------------------------------------------------------------------------

    def refresh(self, what: str) -> None:
        again = what in ("all", "layout")
        if what == "selection" and self._show_selected():
            again = True
        if what == "position" and self._show_step():
            again = True
        if not self.shown:
            return
        fresh = self._lay_out(again=again)
        if fresh:
            self._send_layout()
        # The numbers are there already when a cell is selected, unless it is one of a window.
        if what != "selection" or self._reveal() or fresh:
            self._send_frame()
        if fresh or what == "selection":
            self._send_selection()

    def _lay_out(self, again: bool = False) -> bool:
        """Make the layout, if the trace has other steps now; whether it was made."""
        arranged = self._arrange()
        if not again and self._laid_out is arranged:
            return False
        layout = place(arranged.bands(self._folded()), self._width)
        # What stands in several places is sent once.
        views = list({place.view: place for place in layout.places}.values())
        self._frame = Frame(
            [view.slot.matrix for view in views],
            [(view.width, view.height) for view in views],
            self._frame,
            [view.tile for view in views],
        )
        self._views = {view.view: number for number, view in enumerate(views)}
        self._layout, self._laid_out = layout, arranged
        self._hidden = arranged.hidden(layout.places)
        self._version += 1
        return True

    def _send_layout(self) -> None:
        layout, frame, arranged = self._layout, self._frame, self._laid_out
        assert layout is not None
        assert frame is not None
        assert arranged is not None
        folded = self._folded()
        self.send(
            {
                "type": "layout",
                "session": str(self.session.id),
                "title": self.session.title,
                "version": self._version,
                "width": layout.width,
                "height": layout.height,
                "levels": LEVELS,
                "bands": [
                    {
                        "title": at.band.title, "detail": at.band.detail, "y": at.y, "x": at.x,
                        "width": at.width, "inner": at.band.depth > 0,
                        "foldable": at.band.foldable,
                    }
                    for at in layout.bands
                ],
                "labels": [
                    {"lane": lane, "x": x, "y": y, "height": h} for lane, x, y, h in layout.labels
                ],
                "folds": [vars(fold) for fold in layout.folds],
                "rules": layout.rules,
                "apart": [[name, name not in folded] for name in arranged.apart],
                "steps": len(self.trace.steps),
                "hidden": [[name, step, at] for name, (step, at) in self._hidden.items()],
                "matrices": [
                    {"key": key, **_describe(m)}
                    for key, m in zip(frame.keys, frame.matrices, strict=True)
                ],
                "places": [
                    {
                        "matrix": self._views[p.view], "local": p.slot.local, "tile": p.tile,
                        "title": pretty(p.slot.local),
                        "lane": p.lane, "band": p.band,
                        "x": p.x, "y": p.y, "cell": p.cell, "width": p.width,
                        "height": p.height, "room": p.room, "window": p.window,
                        "literal": is_literal(p.slot.matrix),
                        "role": role(p.slot.matrix, p.lane, self.trace, arranged.fixed),
                        "tools": has_tools(p.slot.matrix.shape),
                        "stepped": stepped(p.slot.matrix.shape),
                    }
                    for p in layout.places
                ],
            }
        )  # fmt: skip

    def _send_frame(self) -> None:
        trace, frame = self.trace, self._frame
        assert frame is not None
        self._seq += 1
        selection = self.session.selection
        picked = trace[selection[0]].buffer[selection[1]] if selection is not None else 0.0
        packed = frame.pack(picked)
        self.send(
            {
                "type": "frame",
                "seq": self._seq,
                "version": self._version,
                "position": trace.position,
                "running": self._running(),
                "windows": frame.moved(),
                "largest": self._largest.take(frame.matrices, trace.version),
            },
            [packed],
        )

    def _running(self) -> dict[str, Any] | None:
        """The step that was taken last: what it made, and of what; None where none stands out.

        At the end of an iteration all matrices are new.
        """
        steps, position = self.trace.steps, self.trace.position
        if position == 0 or (position == len(steps) and self.trace.history is not None):
            return None
        step = steps[position - 1]
        made = list(dict.fromkeys(matrix.name for matrix in step.inputs))
        return {"matrix": step.output.name, "from": made}

    def _send_selection(self) -> None:
        selection = self.session.selection
        message: dict[str, Any] = {"type": "selection", "matrix": None, "from": [], "to": []}
        if selection is not None:
            name, index = selection
            matrix = self.trace[name]
            message |= {"matrix": matrix.name, "index": index, **links(matrix, index)}
        self.send(message)

    def _reveal(self) -> bool:
        """Bring the selected cell into its window; whether its matrix has one."""
        if self.session.selection is None or self._frame is None:
            return False
        name, index = self.session.selection
        return self._frame.reveal(self.trace[name], index)

    # -- what the page asks -----------------------------------------------------------------

    def on_ready(self, width: float = WIDTH) -> None:
        self._width = _sensible(width)
        super().on_ready()

    def on_width(self, width: float) -> None:
        """The page has another width."""
        if _sensible(width) != self._width:
            self._width = _sensible(width)
            self.refresh("layout")

    def on_select(self, matrix: str, index: list[int], seq: int = 0) -> None:
        try:
            self.session.select(matrix, tuple(index))
        finally:
            self.send({"type": "done", "of": "select", "seq": seq})

    def on_edit(self, matrix: str, index: list[int], value: float, seq: int = 0) -> None:
        """A number was dragged on the board."""
        try:
            self.session.edit(matrix, tuple(index), value)
        finally:
            self.send({"type": "done", "of": "edit", "seq": seq})

    def on_typed(self, matrix: str, index: list[int], text: str) -> None:
        self.session.edit(matrix, tuple(index), typed_anew(text))

    def on_clear(self) -> None:
        self.session.clear()

    def on_rescale(self) -> None:
        self.rescale()

    def on_fold(self, name: str, folded: bool) -> None:
        self._choose("fold" if folded else "unfold", name, folded)

    def on_window(
        self, matrix: str, lead: list[int], row: int, column: int, level: int, seq: int = 0
    ) -> None:
        """Show another part of a matrix."""
        try:
            if self._frame is not None:
                moved = self.trace[matrix]
                if len(lead) != max(len(moved.shape) - 2, 0):
                    raise BadInput(f"window: {matrix} is {size(moved.shape)}; got lead {lead}.")
                self._frame.move_together(moved, tuple(lead), row, column, level)
                self._send_frame()
        finally:
            self.send({"type": "done", "of": "window", "seq": seq})

    # -- without a kernel ---------------------------------------------------------------------

    def picture(self) -> bytes | None:
        from fluxlab.widgets.board.picture import board_picture

        return board_picture(
            self.trace, self.scale, self.session.selection, self._folded(), self._largest
        )

    def text(self) -> str:
        steps, position = self.trace.steps, self.trace.position
        where = f"step {position} of {len(steps)}"
        if position:
            step = steps[position - 1]
            parts = [step.phase, step.scope] if step.scope else [step.phase]
            where += f" ({', '.join(parts)}: {step.numpy()})"
        return f"Board of {self.session.title}: {where}"


def _sensible(width: float) -> int:
    return max(240, min(int(width), 2000))


def _describe(matrix: Any) -> dict[str, Any]:
    """What the page knows about a matrix, but for its numbers."""
    step = matrix.step
    return {
        "name": matrix.name,
        "pretty": " · ".join(filter(None, (matrix.scope, pretty(matrix.local)))),
        "shape": matrix.shape,
        "kind": matrix.kind,
        "axes": matrix.axes,
        "labels": {str(axis): names for axis, names in matrix.labels.items()},
        "unit": bool(matrix.unit),
        "edits": step is None and matrix.kind in ("input", "parameter"),
        "log": matrix.local == "learning rate",
        "step": -1 if step is None else step.number,
    }


def links(matrix: Any, index: tuple[int, ...]) -> dict[str, list[dict[str, Any]]]:
    """The cells that a cell is made of, and those that it goes on to, to be outlined."""
    found: dict[str, list[dict[str, Any]]] = {"from": [], "to": []}
    step = matrix.step
    if step is not None:
        for operand, cells in step.op.cells(index, step):
            found["from"].append(outlined(step.inputs[operand], cells))
    for use in dict.fromkeys(matrix.uses):
        for operand, source in enumerate(use.inputs):
            if source is matrix:
                found["to"].append(outlined(use.output, use.op.uses(index, operand, use)))
    return {key: [item for item in items if item is not None] for key, items in found.items()}


def outlined(matrix: Any, cells: Any) -> dict[str, Any] | None:
    """Cells, (count, axes), as the box that they fill, or as a list; None if there are none."""
    cells = np.asarray(cells)
    if not len(cells):
        return None
    low, high = cells.min(axis=0), cells.max(axis=0)
    message: dict[str, Any] = {"matrix": matrix.name}
    if np.prod(high - low + 1) != len(cells):
        cells = np.unique(cells, axis=0)
        if len(cells) <= CELLS and np.prod(high - low + 1) != len(cells):
            return message | {"cells": cells.tolist()}
    return message | {"box": np.stack([low, high], axis=1).tolist()}
