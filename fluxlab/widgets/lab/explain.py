"""The panel that answers "Why this number?" for the selected cell."""

from __future__ import annotations

import re
from typing import Any

from fluxlab.engine.core import formulas
from fluxlab.engine.core.errors import size
from fluxlab.engine.core.op import fill
from fluxlab.engine.readers.explain import explain
from fluxlab.widgets.lab.cell_check import check, checkable
from fluxlab.widgets.lab.reach import exact, link, origin, path
from fluxlab.widgets.shared.base import View
from fluxlab.widgets.shared.maths import formula, operand, pretty

MORE = 12  # terms that one press of "show more" adds
LINKS = 6  # cells that "Goes on to" names one by one
OPERAND = re.compile(r"<(\d+)>")


class Explain(View):
    """Why is the selected cell what it is, and where does it go?"""

    name = "explain"

    def __init__(self, thing: Any) -> None:
        super().__init__(thing)
        self._limit = MORE
        self._epsilon: float | None = None  # None: the check was not asked for
        self._checked: tuple[Any, ...] | None = None

    # -- what the page asks -----------------------------------------------------------------

    def on_select(self, matrix: str, index: list[int]) -> None:
        """A link inside the panel: go there, and remember where we came from."""
        self.session.select(matrix, tuple(index), follow=True)

    def on_back(self) -> None:
        if len(self.session.trail) > 1:
            self.session.select(*self.session.trail[-2], follow=True)

    def on_more(self) -> None:
        self._limit += MORE
        self.refresh("layout")

    def on_compute(self) -> None:
        """Run up to the step that computes the selected cell."""
        if self.session.selection is not None:
            matrix = self.trace[self.session.selection[0]]
            if not matrix.ready:
                self.trace.move(matrix.step.number + 1)
                self.session.changed("position")

    def on_check(self, epsilon: float | None = None) -> None:
        """Show the gradient check with this epsilon; None puts it away."""
        self._epsilon, self._checked = epsilon, None
        self._send_check()

    # -- what the page gets -----------------------------------------------------------------

    def refresh(self, what: str) -> None:
        if not self.shown:
            return
        if what == "selection":
            self._limit = MORE
        self.send(self.payload())
        self._send_check()

    def payload(self) -> dict[str, Any]:
        """Everything that the panel shows of the selected cell, nothing rounded."""
        base = {"type": "explanation", "session": str(self.session.id)}
        if self.session.selection is None:
            return {**base, "state": "nothing"}
        name, index = self.session.selection
        matrix = self.trace[name]
        before = self.session.trail[-2] if len(self.session.trail) > 1 else None
        about = {
            **base,
            **link(matrix, index),
            "place": matrix.scope,
            "shape": size(matrix.shape),
            "back": None if before is None else link(self.trace[before[0]], before[1]),
            "path": path(matrix, index),
            "checkable": checkable(matrix),
            "of": None if matrix.of is None else pretty(matrix.of.local),
            "moves": matrix.local[1:].rpartition("_d")[0] if matrix.kind == "slope" else "C",
        }
        if not matrix.ready:
            return {**about, **waiting(matrix)}
        explanation = explain(matrix, *index, limit=self._limit, mark=operand)
        if matrix.step is None:
            return {**about, **chosen(matrix, explanation)}
        return {**about, **computed(matrix, explanation)}

    def _send_check(self) -> None:
        if self._epsilon is None or self.session.selection is None or not self.shown:
            return
        name, index = self.session.selection
        matrix = self.trace[name]
        if not checkable(matrix) or not matrix.ready:
            return
        key = (name, index, self._epsilon, self.trace.version)
        if key == self._checked or self.session.playing:
            return
        self._checked = key
        self.send(check(self.trace, name, index, self._epsilon))

    def text(self) -> str:
        if self.session.selection is None:
            return f"Explanation of {self.session.title}: no cell is selected"
        name, index = self.session.selection
        matrix = self.trace[name]
        if not matrix.ready:
            return f"Explanation of {place(matrix, index)}: not computed yet"
        return f"Explanation of {place(matrix, index)}\n{matrix.explain(*index)}"


def place(matrix: Any, index: tuple[int, ...]) -> str:
    """`layer 2/dC_dw[2, 1]`."""
    return f"{matrix.name}[{', '.join(map(str, index))}]" if index else matrix.name


def computed(matrix: Any, explanation: Any) -> dict[str, Any]:
    """A cell that a step has computed: its terms, its formulas, where it goes."""
    step = matrix.step
    return {
        "state": "computed",
        "step": step.number,
        "phase": step.phase,
        "inputs": [source.name for source in step.inputs],
        "value": exact(explanation.value),
        "words": pretty(explanation.words),
        "joined": explanation.joined,
        "formula": formula(explanation.formula),
        "numbers": formula(explanation.numbers),
        **terms(matrix, explanation),
        "numpy": numpy_parts(step),
        "shapes": pretty(explanation.shapes),
        "origin": origin(matrix, explanation.index),
        "goes": goes(explanation),
    }


def chosen(matrix: Any, explanation: Any) -> dict[str, Any]:
    """A cell that nothing computes."""
    if matrix.kind == "parameter":
        kind = {"w": "a weight", "b": "a bias"}.get(matrix.local[:1], "a parameter")
        words = f"{kind}: nothing computes it. You chose it, or learning did."
    elif matrix.kind == "constant":
        words = "a constant: it stands in the formula itself."
    else:
        words = "an input: nothing computes it. It comes from the data, or from you."
    return {
        "state": "input",
        "value": exact(explanation.value),
        "words": words[0].upper() + words[1:],
        "label": " · ".join(
            f"{matrix.axes[axis] or 'row'} {names[explanation.index[axis]]}"
            for axis, names in sorted(matrix.labels.items())
        ),
        "goes": goes(explanation),
    }


def waiting(matrix: Any) -> dict[str, Any]:
    """A cell that no step has computed yet."""
    step = matrix.step
    where = f", {step.scope}" if step.scope else ""
    return {
        "state": "waiting",
        "step": step.number,
        "inputs": [source.name for source in step.inputs],
        "words": f"Not computed yet. Step {step.number + 1} ({step.phase}{where}) computes it:",
        "formula": formula(marked(step)),
        "numpy": numpy_parts(step),
        "meaning": pretty(step.words()),
    }


def marked(step: Any) -> str:
    """The step's formula, with its operands marked."""
    names = [
        operand(n, formulas.latex_name(m, scope=step.scope)) for n, m in enumerate(step.inputs)
    ]
    right = formulas.latex_filled(step.op.latex_template(step), names, step.params)
    return f"{formulas.latex_name(step.output)} = {right}"


def numpy_parts(step: Any) -> list[list[Any]]:
    """The NumPy line in pieces: [text, number of the operand or None]."""
    line = formulas.numpy_line(step)
    template = step.op.numpy_template(step)
    names = formulas.numpy_operands(step)
    right = fill(template, names, step.params)
    before, _, after = line.partition(right)
    parts: list[list[Any]] = [[before, None]]
    end = 0
    for found in OPERAND.finditer(template):
        parts.append([fill(template[end : found.start()], [], step.params), None])
        parts.append([names[int(found[1])], int(found[1])])
        end = found.end()
    parts.append([fill(template[end:], [], step.params) + after, None])
    return [part for part in parts if part[0]]


def terms(matrix: Any, explanation: Any) -> dict[str, Any]:
    """The table of terms: heads, rows, and what the rest comes to."""
    shown = explanation.terms
    inputs = {m: k for k, m in reversed([*enumerate(matrix.step.inputs)])}
    varying = varying_axes([term.factors[0].index for term in shown if term.factors])
    head = "term"
    if shown and shown[0].factors:
        axes = shown[0].factors[0].matrix.axes
        head = ", ".join(axes[i] or "place" for i in varying) or "term"
    rows = []
    for term in shown:
        factors = [
            {
                **link(ref.matrix, ref.index, matrix.scope),
                "value": exact(ref.value),
                "operand": inputs.get(ref.matrix),
            }
            for ref in term.factors
        ]
        label, name = row_label(term, varying)
        rows.append({"label": label, "name": name, "factors": factors, "value": exact(term.value)})
    return {
        "head": head,
        "rows": rows,
        "rest": explanation.rest_count,
        "rest_total": exact(explanation.rest_total),
    }


def varying_axes(indices: list[tuple[int, ...]]) -> list[int]:
    """The axes along which the terms differ; none if they are cells of unlike matrices."""
    if len({len(index) for index in indices}) != 1:
        return []
    return [i for i in range(len(indices[0])) if len({index[i] for index in indices}) > 1]


def row_label(term: Any, varying: list[int]) -> tuple[str, str]:
    """A term's place and, if its row has a name, that name: ("10", "1010")."""
    if not term.factors:
        return "", ""
    ref = term.factors[0]
    axes = [i for i in varying if i < len(ref.index)]
    names = [ref.matrix.labels[i][ref.index[i]] for i in axes if i in ref.matrix.labels]
    return ", ".join(str(ref.index[i]) for i in axes), " ".join(names)


def goes(explanation: Any) -> list[dict[str, Any]]:
    """Where the number goes next."""
    found = []
    for use in explanation.goes_to:
        cells = [tuple(int(i) for i in row) for row in use.indices[:LINKS]]
        found.append(
            {
                "words": pretty(formulas.words_line(use.step)),
                "phase": use.step.phase,
                "symbol": pretty(use.matrix.local),
                "scope": use.matrix.scope,
                "ready": bool(use.matrix.ready),
                "count": int(use.count),
                "cells": [link(use.matrix, cell) for cell in cells],
            }
        )
    return found
