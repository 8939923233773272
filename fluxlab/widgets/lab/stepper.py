"""The step bar: one operation, layer, pass or iteration at a time, on and back; play and stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import traitlets

from fluxlab.engine.core.errors import BadInput, unknown
from fluxlab.engine.core.formulas import latex_name
from fluxlab.widgets.lab.cursor import UNITS, Cursor
from fluxlab.widgets.shared.base import View, in_words
from fluxlab.widgets.shared.maths import mathml, pretty
from fluxlab.widgets.shared.session import CHUNK, FRAME

FASTEST = math.inf
DONE = {
    "forward": "The forward pass is complete.",
    "backward": "The backward pass is complete.",
    "update": "The update is complete.",
}


class Button:
    """One button, for code: `stepper.forward.click()`.

    What goes wrong is raised in the cell that clicks; from the page it is shown in the widget.
    """

    def __init__(self, press: Callable[[], None]) -> None:
        self._press = press

    def click(self) -> None:
        """Press the button."""
        self._press()


class Stepper(View):
    """Steps through the operations of a network or a trace.

    Parameters
    ----------
    thing : a Network, a Trace, or the Session of another widget.

    Buttons, each with `click()`: `operation`, `layer`, `forward`, `backward`, `update` and
    `iteration` go on; `back_operation`, `back_layer`, ... go back; `play` and `stop`.
    `to(matrix)` goes to one step, from wherever it stands.

    Attributes
    ----------
    speed : steps per second while it plays; `float("inf")`: as fast as it goes.
    unit : what one step of play is: "operation" or "iteration".
    """

    name = "stepper"
    scripts = ("dock",)
    lab = traitlets.Unicode("").tag(sync=True)  # the lab that it belongs to, by its model's id
    docked = traitlets.Bool(False).tag(sync=True)

    def __init__(self, thing: Any) -> None:
        self._speed, self._unit = 2.0, "operation"
        self._clock, self._owed = 0.0, 0.0
        super().__init__(thing)
        self.cursor = Cursor(self.trace)
        for unit in UNITS:
            setattr(self, unit, Button(partial(self._step, unit, "on")))
            setattr(self, f"back_{unit}", Button(partial(self._step, unit, "back")))
        self.play = Button(self._play)
        self.stop = Button(self._stop)

    # -- going ----------------------------------------------------------------------------

    def _step(self, unit: str, way: str) -> None:
        self.session.stop()
        with self.session.lock:
            if why := self.cursor.why_not(unit):
                raise BadInput(why)
            target = self.cursor.on(unit) if way == "on" else self.cursor.back(unit)
            if target is None:
                return
            try:
                self.cursor.go(target)
            finally:
                self.session.changed("position")

    def to(self, matrix: str, iteration: int | None = None) -> None:
        """Go, on or back, to where `matrix` has just been computed.

        It leads to the same place from wherever it starts, so a cell may run twice.

        Parameters
        ----------
        matrix : its name, such as "layer 2/dC_da"; a step of the trace must compute it.
        iteration : the iteration, 0 the first; the present one if not given.
        """
        step = self.trace[matrix].step
        if step is None:
            raise BadInput(f"to: {matrix} is given, not computed; it expects a step's result.")
        history = self.trace.history
        last = 0 if history is None else history.iterations[-1]
        if iteration is not None and not 0 <= iteration <= last:
            raise BadInput(f"to: iteration got {iteration!r}; it expects 0 to {last}.")
        self.session.stop()
        with self.session.lock:
            now = self.cursor.iteration if iteration is None else iteration
            try:
                self.cursor.go((now, step.number + 1))
            finally:
                self.session.changed("position")

    def _play(self) -> None:
        self._clock, self._owed = time.perf_counter(), 1.0
        self.session.play(self._tick, self._pause, self._failed)

    def _stop(self) -> None:
        self.session.stop()
        self.session.changed("position")

    def _tick(self) -> bool:
        """What is due now, at most CHUNK seconds of it; False at the end."""
        now = time.perf_counter()
        until = now + CHUNK
        if self._speed == FASTEST:
            self._owed = FASTEST
        else:  # what was missed is not caught up
            due = self._owed + (now - self._clock) * self._speed
            self._owed = min(due, 1 + self._speed * FRAME)
        self._clock = now
        history = self.trace.history
        while self._owed >= 1:
            target = self.cursor.on(self._unit)
            if target is None:
                return False
            left = until - time.perf_counter()
            new = history is not None and history.iteration >= history.iterations[-1]
            if self._unit == "iteration" and self.cursor.position == self.cursor.total and new:
                most = 1_000_000 if self._speed == FASTEST else int(self._owed)
                self._owed -= history.advance(most, seconds=max(left, 0.0) / 2)
            else:
                self.cursor.go(target)
                self._owed -= 1
            if time.perf_counter() >= until:
                break
        return True

    def _pause(self) -> float:
        if self._speed == FASTEST:
            return 0.0
        return max((1 - self._owed) / self._speed, 0.0)

    def _failed(self, problem: Exception) -> None:
        self.error = in_words(problem)

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        if not isinstance(value, int | float) or not value > 0:
            raise BadInput(
                f"speed got {value!r}; it expects steps per second above 0, for example 2."
            )
        self._speed = float(value)
        self._owed = min(self._owed, 1.0)
        self.refresh("position")

    @property
    def unit(self) -> str:
        return self._unit

    @unit.setter
    def unit(self, value: str) -> None:
        if value not in ("operation", "iteration"):
            raise unknown("unit", value, ("operation", "iteration"))
        self._unit = value
        self.refresh("position")

    # -- from the page --------------------------------------------------------------------

    def _receive(self, widget: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        if isinstance(content, dict) and content.get("type") == "press":
            self.session.halt()  # at once, even while another thread holds the lock
        super()._receive(widget, content, buffers)

    def on_press(self, button: str) -> None:
        try:
            found = getattr(self, button, None)
            if not isinstance(found, Button):
                buttons = [name for name, b in vars(self).items() if isinstance(b, Button)]
                raise unknown("button", button, buttons)
            found.click()
        finally:
            self.send({"type": "done"})

    def on_speed(self, value: float | None) -> None:
        self.speed = FASTEST if value is None else value

    def on_unit(self, value: str) -> None:
        self.unit = value

    def on_select(self, matrix: str, index: list[int]) -> None:
        self.session.select(matrix, tuple(index))

    # -- to the page ----------------------------------------------------------------------

    def refresh(self, what: str) -> None:
        if self.shown:
            self.send({"type": "state", "session": str(self.session.id), **self.state()})

    def state(self) -> dict[str, Any]:
        """What the bar and the step line show now."""
        position, total, history = self.cursor.position, self.cursor.total, self.trace.history
        return {
            "position": position,
            "total": total,
            "iteration": None if history is None else history.iteration,
            "playing": self.session.playing,
            "speed": None if self._speed == FASTEST else self._speed,
            "unit": self._unit,
            "buttons": {unit: self._buttons(unit) for unit in UNITS},
            **self._line(),
        }

    def _buttons(self, unit: str) -> dict[str, Any]:
        """Where the two buttons of a unit lead, and why not where they do not."""
        missing = self.cursor.why_not(unit)
        on, back = self.cursor.on(unit) is not None, self.cursor.back(unit) is not None
        done = DONE.get(unit, "This is the last step.")
        return {
            "on": on and not missing,
            "back": back and not missing,
            "why": missing or ("" if on else done),
            "why_back": missing or ("" if back else "This is the start."),
        }

    def where(self) -> str:
        """`iteration 3 · step 41 of 58 · backward · layer 2`."""
        position, history = self.cursor.position, self.trace.history
        parts = [] if history is None else [f"iteration {history.iteration}"]
        parts.append(f"step {position} of {self.cursor.total}")
        if position:
            step = self.trace.steps[position - 1]
            parts += [step.phase, *([step.scope] if step.scope else [])]
        return " · ".join(parts)

    def _line(self) -> dict[str, Any]:
        where, position = self.where(), self.cursor.position
        if position == 0:
            words = "Nothing is computed yet. The first operation fills the first matrix."
            return {"where": where, "words": words, "step": None}
        step = self.trace.steps[position - 1]
        index = self._cell(step.output)
        return {
            "where": where,
            "words": pretty(step.words()),
            "step": step.number,
            "matrix": step.output.name,
            "cell": index,
            "title": pretty(step.output.local) + (f" of {step.scope}" if step.scope else ""),
            "formula": mathml(step.latex()),
            "symbol": "" if index is None else mathml(latex_name(step.output, index)),
            "numbers": "" if index is None else mathml(step.output.explain(*index).numbers),
            "numpy": step.numpy(),
        }

    def _cell(self, matrix: Any) -> tuple[int, ...] | None:
        """The cell that the line shows in numbers: the selected one, else the largest."""
        chosen = self.session.selection
        if chosen is not None and chosen[0] == matrix.name:
            return tuple(chosen[1])
        values = np.abs(matrix.buffer)
        if values.size == 0:
            return None
        largest = int(np.argmax(np.where(np.isnan(values), np.inf, values)))
        return tuple(int(i) for i in np.unravel_index(largest, values.shape))

    # -- without a kernel -----------------------------------------------------------------

    def text(self) -> str:
        position = self.cursor.position
        if position == 0:
            return f"Stepper of {self.session.title}: {self.where()}"
        return (
            f"Stepper of {self.session.title}: {self.where()}: "
            f"{self.trace.steps[position - 1].numpy()}"
        )
