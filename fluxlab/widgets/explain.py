"""The panel that answers "Why this number?" for the selected cell."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from fluxlab.engine import formulas
from fluxlab.engine.errors import BadInput, size
from fluxlab.engine.explain import explain
from fluxlab.engine.op import fill
from fluxlab.widgets.base import View
from fluxlab.widgets.maths import formula, operand, pretty

Cell = tuple[Any, tuple[int, ...]]  # (Matrix, index)

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


def link(matrix: Any, index: tuple[int, ...], seen_from: str = "") -> dict[str, Any]:
    """A cell that a page can name and go to; layer 2 calls layer 1's h its x."""
    called = matrix.trace.called(matrix, seen_from)
    return {
        "matrix": matrix.name,
        "index": [int(i) for i in index],
        "symbol": pretty(called),
        "scope": matrix.scope if called == matrix.local else seen_from,
    }


def exact(value: float) -> float | str:
    """A number for JSON, which has no NaN and no infinity."""
    value = float(value)
    return value if math.isfinite(value) else str(value)


def computed(matrix: Any, explanation: Any) -> dict[str, Any]:
    """A cell that a step has computed: its terms, its formulas, where it goes."""
    step = matrix.step
    return {
        "state": "computed",
        "step": step.number,
        "phase": step.phase,
        "inputs": [source.name for source in step.inputs],
        "value": exact(explanation.value),
        "words": explanation.words,
        "joined": explanation.joined,
        "formula": formula(explanation.formula),
        "numbers": formula(explanation.numbers),
        **terms(matrix, explanation),
        "numpy": numpy_parts(step),
        "shapes": explanation.shapes,
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
        "meaning": step.words(),
    }


def marked(step: Any) -> str:
    """The step's formula, with its operands marked."""
    names = [operand(n, formulas.latex_name(m, scope=step.scope)) for n, m in enumerate(step.inputs)]
    right = fill(step.op.latex_template(step), names, step.params)
    return f"{formulas.latex_left(step)} = {right}"


def numpy_parts(step: Any) -> list[list[Any]]:
    """The NumPy line in pieces: [text, number of the operand or None]."""
    line = formulas.numpy_line(step)
    template = step.op.numpy_template(step)
    names = [formulas.numpy_name(m, step.scope) for m in step.inputs]
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
    inputs = list(matrix.step.inputs)
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
                "operand": inputs.index(ref.matrix) if ref.matrix in inputs else None,
            }
            for ref in term.factors
        ]
        label, name = row_label(term, varying)
        rows.append(
            {"label": label, "name": name, "factors": factors, "value": exact(term.value)}
        )
    return {
        "head": head,
        "rows": rows,
        "rest": explanation.rest_count,
        "rest_total": exact(explanation.rest_total),
    }


def varying_axes(indices: list[tuple[int, ...]]) -> list[int]:
    """The axes along which the terms differ; the first one if there is only one term."""
    if not indices:
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
                "words": formulas.words_line(use.step),
                "phase": use.step.phase,
                "symbol": pretty(use.matrix.local),
                "scope": use.matrix.scope,
                "ready": bool(use.matrix.ready),
                "count": int(use.count),
                "cells": [link(use.matrix, cell) for cell in cells],
            }
        )
    return found


# -- the path to the cost -------------------------------------------------------------------


def path(matrix: Any, index: tuple[int, ...]) -> dict[str, Any]:
    """The way to the cost: its two ends as links, and how many cells lie between."""
    way = list(towards_cost(matrix, index))
    if not way:
        return {"far": None, "hidden": 0, "near": None}
    return {
        "far": link(*way[-1]),
        "hidden": max(0, len(way) - 2),
        "near": link(*way[0]) if len(way) > 1 else None,
    }


def towards_cost(matrix: Any, index: tuple[int, ...]) -> Iterator[Cell]:
    """The cells from here (without it) to the cost: a value by its first use, a gradient by
    the largest of the gradients that it is made of."""
    cost = matrix.trace.cost
    for _ in range(1000):
        following = _gradient_before(matrix, index) if matrix.kind == "gradient" else None
        if matrix.kind == "gradient" and following is None:
            following = (cost, (0,) * len(cost.shape))
        if following is None:
            following = _value_after(matrix, index)
        if following is None or matrix is cost:
            return
        matrix, index = following
        if matrix.local == "dC_dC":
            matrix, index = cost, (0,) * len(cost.shape)
        yield matrix, index


def _gradient_before(matrix: Any, index: tuple[int, ...]) -> Cell | None:
    if matrix.step is None or not matrix.ready:
        return None
    for term in explain(matrix, *index, limit=1).terms:
        for ref in term.factors:
            if ref.matrix.kind == "gradient":
                return ref.matrix, ref.index
    return None


def _value_after(matrix: Any, index: tuple[int, ...]) -> Cell | None:
    for step in matrix.uses:
        if step.phase == "forward":
            for number, source in enumerate(step.inputs):
                if source is matrix:
                    found = step.op.uses(index, number, step)
                    if len(found):
                        return step.output, tuple(int(i) for i in found[0])
    return None


# -- numbers that are not finite ------------------------------------------------------------


def origin(matrix: Any, index: tuple[int, ...]) -> dict[str, Any] | None:
    """Where a NaN or an infinity first came from: follow the terms back to finite numbers."""
    here, at = matrix, index
    seen = 0
    value = float(here.buffer[at])
    if math.isfinite(value):
        return None
    while here.step is not None and seen < 10_000:
        seen += 1
        explanation = explain(here, *at, limit=1)
        bad = next(
            (
                ref
                for term in explanation.terms
                for ref in term.factors
                if not math.isfinite(ref.value)
            ),
            None,
        )
        if bad is None:
            break
        here, at = bad.matrix, bad.index
    first = float(here.buffer[at])
    what = "is not a number" if math.isnan(first) else "is infinite: too large for a float64"
    if here is matrix and at == index:
        words = "All numbers that it is made of are finite; it starts here, and " + (
            "the rule has no result for them."
            if math.isnan(first)
            else "the result is too large for a float64 (about 1.8e308)."
        )
    else:
        words = f"It came along {seen - 1 or 1} step{'s' * (seen > 2)} from a cell that {what}:"
    return {**link(here, at), "words": words, "value": exact(first), "here": here is matrix}


# -- the gradient check of one cell -----------------------------------------------------------


def checkable(matrix: Any) -> bool:
    """Central differences exist for it: a gradient or slope, but not one use's share."""
    return (
        matrix.kind in ("gradient", "slope") and matrix.of is not None and "[use " not in matrix.local
    )


def check(trace: Any, name: str, index: tuple[int, ...], epsilon: float) -> dict[str, Any]:
    """Analytic against numeric for one cell, with words on what the difference says."""
    if not 1e-13 < epsilon <= 1:
        raise BadInput(f"The check got epsilon {epsilon:g}; it expects 1e-12 to 1e-1.")
    matrix = trace[name]
    analytic, numeric, kink = _both(trace, name, index, epsilon)
    good = agree(analytic, numeric)
    if good:
        words = _digits(analytic, numeric, epsilon)
    elif kink:
        words = (
            "The curve has a corner exactly here (as ReLU has at 0): its slope is one number to "
            "the left and another to the right. Neither number is wrong."
        )
    elif any(agree(*_both(trace, name, index, other)[:2]) for other in (1e-4, 1e-5, 1e-6)):
        words = (
            "Truncation: the step is so wide that the curve bends within it. A smaller ε is better."
            if epsilon > 1e-5
            else "Round-off: C has 16 digits, and so small a step changes only the last ones. "
            "A larger ε is better."
        )
    else:
        words = "They differ for every ε: this gradient is wrong."
    return {
        "type": "check",
        "matrix": name,
        "index": list(index),
        "epsilon": epsilon,
        "analytic": exact(analytic),
        "numeric": exact(numeric),
        "difference": exact(analytic - numeric),
        "good": good,
        "words": words,
        "of": f"{pretty(matrix.of.local)}[{', '.join(map(str, index))}]",
    }


def agree(analytic: float, numeric: float) -> bool:
    """Whether the two are equal but for what a good epsilon leaves: 1e-6 of their size."""
    return abs(analytic - numeric) <= 1e-6 * max(abs(analytic), abs(numeric)) + 1e-10


def _digits(analytic: float, numeric: float, epsilon: float) -> str:
    size = max(abs(analytic), abs(numeric))
    if analytic == numeric or size == 0:
        return "They agree."
    digits = int(-math.log10(abs(analytic - numeric) / size))
    left = "truncation" if epsilon > 1e-5 else "round-off"
    return f"They agree to {max(digits, 1)} digits; what is left is {left}."


def _both(
    trace: Any, name: str, index: tuple[int, ...], epsilon: float
) -> tuple[float, float, bool]:
    found = trace.check(name, epsilon, index=index)
    return float(found.analytic), float(found.numeric), bool(found.kinks)
