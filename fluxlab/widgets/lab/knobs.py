"""Sliders and exact numbers for weights, biases, inputs and constants; choices for networks."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from fluxlab.engine.core.errors import BadInput, size, unknown
from fluxlab.widgets.lab.slider import Knob, rounded_up, ten_below
from fluxlab.widgets.lab.stepper import Button
from fluxlab.widgets.shared.base import View, in_words
from fluxlab.widgets.shared.maths import pretty
from fluxlab.widgets.shared.numbers import typed_anew

MOST = 24  # cells of one matrix that get a slider each
CHOICES = ("activation", "sample")
_CELL = re.compile(r"(?P<name>.+?)\s*\[(?P<index>[\d,\s]+)\]")


class Knobs(View):
    """Sliders that change numbers; everything that depends on them follows at once.

    Parameters
    ----------
    thing : a Network, a Trace, or the Session of another widget.
    names : matrices ("w", "layer 1/b": every cell gets a slider, up to 24), single cells
        ("w[0, 1]"), "learning rate", and, for a Network, the choices "activation" and "sample".
        Without names: whatever a Network lets one choose; all inputs of a small Trace.
    ranges : a name (a space written as _) and its (lowest, highest): `learning_rate=(0.001, 1)`.

    In code: `knobs["w", 0, 1] = 0.5`, `knobs["w", 0, 1]`, `knobs.set("w", (0, 1), 0.5)`,
    `knobs.choose("sample", 3)`, `knobs.reset.click()`.
    """

    name = "knobs"

    def __init__(self, thing: Any, *names: str, **ranges: tuple[float, float]) -> None:
        super().__init__(thing)
        self.network = thing if hasattr(thing, "layers") else getattr(self.session, "network", None)
        self.choices: list[str] = []
        self.knobs: list[Knob] = []
        self._own = False
        spans = {self._spelled(name): span for name, span in ranges.items()}
        for name in names or (self._usual() if not ranges else ()):
            self._add(name, spans.pop(name, None))
        for name, span in spans.items():
            self._add(name, span)
        self._first = {name: self.trace[name].buffer.copy() for name in self._names()}
        self._chosen = {name: self._choice(name) for name in self._choice_names()}
        self.reset = Button(self._reset)

    # -- what there is to turn ------------------------------------------------------------

    def _spelled(self, keyword: str) -> str:
        """`learning_rate=...` means "learning rate"."""
        spaced = keyword.replace("_", " ")
        return spaced if spaced in self.trace else keyword

    def _usual(self) -> list[str]:
        if self.network is not None:
            rate = ["learning rate"] if "learning rate" in self.trace else []
            return ["activation", *rate, "sample"]
        inputs = self.trace.inputs
        if sum(math.prod(m.shape) for m in inputs) > MOST:
            raise BadInput(
                f"Knobs: {self.session.title} has more than {MOST} numbers; say which to turn, "
                f"for example Knobs(..., {inputs[-1].name!r}). "
                f"There are: {', '.join(m.name for m in inputs)}."
            )
        return [m.name for m in inputs]

    def _add(self, name: str, span: tuple[float, float] | None) -> None:
        if not isinstance(name, str):
            raise BadInput(f"Knobs: a name must be text such as 'w' or 'w[0, 1]', got {name!r}.")
        if name in CHOICES and name not in self.trace:
            if self.network is None:
                raise BadInput(f"Knobs: {name!r} is chosen for a network (form_network), not here.")
            self.choices.append(name)
            return
        found = None if name in self.trace else _CELL.fullmatch(name)
        matrix = self.trace[found["name"] if found else name]
        if matrix.step is not None:
            known = ", ".join(m.name for m in self.trace.inputs)
            raise BadInput(
                f"Knobs: {matrix.name} is computed, so it has no knob. Turn what it is computed "
                f"from: {known}."
            )
        if found:
            index = tuple(int(i) for i in found["index"].split(",") if i.strip())
            self._check_index(matrix, index)
            cells = [index]
        else:
            cells = [tuple(int(i) for i in index) for index in np.ndindex(*matrix.shape)]
            if len(cells) > MOST:
                first = ", ".join("0" for _ in matrix.shape)
                raise BadInput(
                    f"Knobs: {matrix.name} is {size(matrix.shape)}, {len(cells)} numbers; at most "
                    f"{MOST} get a slider each. Name single cells: '{name}[{first}]'."
                )
        low, high, log = self._range(matrix, cells, span)
        self.knobs += [Knob(matrix.name, index, low, high, log) for index in cells]

    def _range(
        self, matrix: Any, cells: list[tuple[int, ...]], span: tuple[float, float] | None
    ) -> tuple[float, float, bool]:
        """Lowest and highest of a slider, and whether it is logarithmic."""
        rate = matrix.local == "learning rate"
        values = [float(matrix.buffer[index]) for index in cells]
        if span is not None:
            low, high = (float(bound) for bound in span)
            if not -math.inf < low < high < math.inf or (rate and low <= 0):
                raise BadInput(
                    f"Knobs: the range of {matrix.name} must be (lowest, highest), two finite "
                    f"numbers{' above 0' if rate else ''}, the smaller first; got {span!r}."
                )
            return low, high, rate
        largest = max(abs(value) for value in values)
        if rate:
            return min(1e-4, ten_below(largest)), max(10.0, rounded_up(largest)), True
        reach = rounded_up(max(1.5 * largest, 1.0))
        return -reach, reach, False

    def _check_index(self, matrix: Any, index: tuple[int, ...]) -> None:
        if len(index) != len(matrix.shape) or any(
            not 0 <= i < n for i, n in zip(index, matrix.shape, strict=True)
        ):
            raise BadInput(f"Knobs: {matrix.name} is {size(matrix.shape)}; it has no cell {index}.")

    def _names(self) -> list[str]:
        return list(dict.fromkeys(knob.matrix for knob in self.knobs))

    # -- turning, in code -----------------------------------------------------------------

    def set(self, name: str, index: tuple[int, ...], value: float) -> None:
        """Set one cell exactly; raises BadInput for what is not a finite number."""
        matrix = self.trace[name]
        self._check_index(matrix, tuple(index))
        with self.session.lock:
            self.session.edit(matrix.name, tuple(index), value)

    def __getitem__(self, key: str | tuple[Any, ...]) -> float:
        name, *index = key if isinstance(key, tuple) else (key,)
        matrix = self.trace[name]
        self._check_index(matrix, self._whole(matrix, index))
        return float(matrix.buffer[self._whole(matrix, index)])

    def __setitem__(self, key: str | tuple[Any, ...], value: float) -> None:
        name, *index = key if isinstance(key, tuple) else (key,)
        self.set(name, self._whole(self.trace[name], index), value)

    @staticmethod
    def _whole(matrix: Any, index: list[int]) -> tuple[int, ...]:
        """A matrix of one cell needs no index."""
        alone = not index and math.prod(matrix.shape) == 1
        return (0,) * len(matrix.shape) if alone else tuple(index)

    def _reset(self) -> None:
        with self.session.lock:
            for name, value in self._chosen.items():
                if self._choice(name) != value:
                    self._choose(name, value)
            for name, numbers in self._first.items():
                if not np.array_equal(self.trace[name].buffer, numbers):
                    self.trace.set(name, numbers)
            self.session.changed("layout" if self._chosen else "values")

    # -- choices of a network -------------------------------------------------------------

    def choose(self, name: str, value: Any) -> None:
        """`choose("sample", 3)` (None: all), `choose("layer 1/activation", "tanh")`."""
        with self.session.lock:
            self._choose(name, value)
            self.session.changed("layout")

    def _choose(self, name: str, value: Any) -> None:
        if not self._choice_names():
            raise BadInput(
                f"choose: these knobs have no choices. Name some: Knobs(net, {CHOICES[0]!r}, "
                f"{CHOICES[1]!r})."
            )
        if name not in self._choice_names():
            raise unknown("choice", name, self._choice_names())
        if name == "sample":
            self.network.set_samples(None if value is None else [value])
        else:
            self.network.set_activation(self._choice_names().index(name) + 1, value)
        chosen = self.session.selection
        if chosen is not None and not self._is_cell(*chosen):  # the trace is another one now
            self.session.clear()

    def _is_cell(self, name: str, index: tuple[int, ...]) -> bool:
        if name not in self.trace.matrices:
            return False
        return all(i < n for i, n in zip(index, self.trace[name].shape, strict=True))

    def _choice_names(self) -> list[str]:
        names = []
        if "activation" in self.choices:
            names += [f"layer {i + 1}/activation" for i in range(len(self.network.layers))]
        return names + (["sample"] if "sample" in self.choices else [])

    def _choice(self, name: str) -> Any:
        if name == "sample":
            rows = self.network.rows
            return None if rows is None or len(rows) != 1 else int(rows[0])
        return self.network.activations[self._choice_names().index(name)]

    # -- from the page --------------------------------------------------------------------

    def _knob(self, number: int) -> Knob:
        if not 0 <= number < len(self.knobs):
            raise BadInput(f"Knobs: there are knobs 0 to {len(self.knobs) - 1}, got {number}.")
        return self.knobs[number]

    def on_set(self, knob: int, value: float, seq: int) -> None:
        """A slider moved. Its own number is not sent back: the page has it."""
        turned = self._knob(knob)
        accepted = False
        try:
            self._own = True
            self.set(turned.matrix, turned.index, value)
            accepted = True
        except Exception as problem:
            self.send({"type": "refused", "knob": knob, "words": in_words(problem)})
        finally:
            self._own = False
            self.send({"type": "done", "seq": seq, "knob": knob, "accepted": accepted})

    def on_typed(self, knob: int, text: str) -> None:
        turned = self._knob(knob)
        try:
            self.set(turned.matrix, turned.index, typed_anew(text))
        except Exception as problem:
            self.send({"type": "refused", "knob": knob, "words": in_words(problem)})
        else:
            self.send({"type": "accepted", "knob": knob})

    def on_choose(self, name: str, value: Any) -> None:
        try:
            self.choose(name, value)
        finally:
            self.refresh("values")  # the page shows what holds, not what was asked for

    def on_reset(self) -> None:
        self._reset()

    def on_select(self, knob: int) -> None:
        turned = self._knob(knob)
        self.session.select(turned.matrix, turned.index)

    # -- to the page ----------------------------------------------------------------------

    def refresh(self, what: str) -> None:
        if not self._own:  # a slider's range stays while it is dragged
            for knob in self.knobs:
                knob.fit(float(self.trace[knob.matrix].buffer[knob.index]))
        if not self.shown or (self._own and what == "values"):
            return
        if what in ("all", "layout"):
            session, groups = str(self.session.id), self._groups()
            self.send(
                {"type": "layout", "session": session, "groups": groups, "choices": self._menus()}
            )
        values = [float(self.trace[knob.matrix].buffer[knob.index]) for knob in self.knobs]
        self.send(
            {
                "type": "values",
                "ranges": [[knob.low, knob.high] for knob in self.knobs],
                "chosen": {name: self._choice(name) for name in self._choice_names()},
                "selection": self.session.selection,
            },
            buffers=[np.array(values, dtype=float).tobytes()],
        )

    def _groups(self) -> list[dict[str, Any]]:
        """The sliders, matrix by matrix."""
        groups: dict[str, dict[str, Any]] = {}
        for number, knob in enumerate(self.knobs):
            matrix = self.trace[knob.matrix]
            group = groups.setdefault(
                knob.matrix,
                {
                    "matrix": knob.matrix,
                    "title": pretty(matrix.local),
                    "scope": matrix.scope,
                    "shape": list(matrix.shape),
                    "knobs": [],
                },
            )
            label = self._label(matrix, knob.index)
            alone = sum(other.matrix == knob.matrix for other in self.knobs) == 1
            label["place"] = " ".join(filter(None, [matrix.scope if alone else "", label["place"]]))
            own = {"number": number, "index": list(knob.index), "log": knob.log}
            group["knobs"].append(own | label)
        return list(groups.values())

    def _label(self, matrix: Any, index: tuple[int, ...]) -> dict[str, str]:
        if math.prod(matrix.shape) == 1:
            return {"label": pretty(matrix.local), "place": ""}
        place = ", ".join(str(i) for i in index)
        named = [matrix.labels[axis][i] for axis, i in enumerate(index) if axis in matrix.labels]
        return {"label": f"{pretty(matrix.local)}[{place}]", "place": " ".join(named)}

    def _menus(self) -> list[dict[str, Any]]:
        from fluxlab.engine.catalogue.activations import ACTIVATIONS

        menus = []
        for name in self._choice_names():
            if name == "sample":
                names = self.network.row_names
                rows = [[i, f"{i}  {row}" if row != str(i) else row] for i, row in enumerate(names)]
                options = [[None, "all samples"], *rows]
            else:
                options = [[key, key] for key in ACTIVATIONS]
            menus.append({"name": name, "label": name.replace("/", " "), "options": options})
        return menus

    # -- without a kernel -----------------------------------------------------------------

    def text(self) -> str:
        lines = [f"Knobs of {self.session.title}"]
        for name in self._names():
            numbers = ", ".join(
                f"{self.trace[name].buffer[k.index]:.4g}" for k in self.knobs if k.matrix == name
            )
            lines.append(f"  {name} = {numbers}")
        for name in self._choice_names():
            value = self._choice(name)
            lines.append(f"  {name.replace('/', ' ')}: {'all' if value is None else value}")
        return "\n".join(lines)
