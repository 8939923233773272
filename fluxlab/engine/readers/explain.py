"""Why is this number what it is? The terms of a cell, with numbers, and where it goes next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fluxlab.engine.core import formulas
from fluxlab.engine.core.errors import BadInput, NotComputed, size
from fluxlab.engine.core.formulas import latex_filled, latex_name
from fluxlab.engine.core.formulas import latex_number as tex
from fluxlab.engine.core.numbers import Array, Indices

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Matrix, Step

TERMS = 12  # terms listed one by one; the rest are summed up in one line
USES = 1000  # cells listed for one use

Mark = Callable[[int, str], str]  # (operand, LaTeX) -> LaTeX; a page marks what it lights up


@dataclass(frozen=True)
class Ref:
    """One cell of one matrix, and its number."""

    matrix: Matrix
    index: tuple[int, ...]
    value: float

    @property
    def name(self) -> str:
        return (
            f"{self.matrix.name}[{', '.join(map(str, self.index))}]"
            if self.index
            else self.matrix.name
        )


@dataclass(frozen=True)
class Term:
    """One term: its factors, and what they contribute."""

    factors: tuple[Ref, ...]
    value: float


@dataclass(frozen=True)
class Use:
    """A step that a cell enters, and the cells of its output that it changes."""

    step: Step
    matrix: Matrix
    count: int
    indices: Indices
    words: str


@dataclass(frozen=True)
class Explanation:
    """Why one cell has its value.

    Attributes
    ----------
    terms : the largest first, at most `limit`; `rest_count` more contribute `rest_total`.
    joined : how terms combine: sum, mean, prod, max, min, rule, moved, compared, or input.
    formula, numbers : LaTeX in symbols, and with the numbers put in.
    words, numpy, shapes : the rule in words, the line of NumPy, and why the shapes fit.
    goes_to : the steps that read this cell.
    """

    matrix: Matrix
    index: tuple[int, ...]
    value: float
    step: Step | None
    terms: list[Term]
    rest_count: int
    rest_total: float
    joined: str
    formula: str
    numbers: str
    words: str
    numpy: str
    shapes: str
    goes_to: list[Use]

    def recompute(self) -> float:
        """The value again, from the numbers of all its terms and the operation's rule alone."""
        return self.value if self.step is None else recompute(self.matrix, self.index)

    def __repr__(self) -> str:
        cell = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        lines = [f"{self.matrix.name}{cell} = {self.value:.6g}", f"  {self.words}"]
        between = ", " if self.joined == "rule" else " * "
        for term in self.terms:
            factors = between.join(f"{ref.name} ({ref.value:.6g})" for ref in term.factors)
            shown = f" = {term.value:.6g}" if len(term.factors) > 1 and self.joined == "sum" else ""
            lines.append(f"    {factors}{shown}")
        if self.rest_count:
            lines.append(f"    and {self.rest_count} smaller terms, together {self.rest_total:.6g}")
        if self.numpy:
            lines.append(f"  NumPy: {self.numpy}")
        if self.shapes:
            lines.append(f"  Shapes: {self.shapes}")
        lines += [f"  Goes to: {use.words}" for use in self.goes_to]
        return "\n".join(lines)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.formula} {self.numbers}$"


def recompute(matrix: Matrix, index: tuple[int, ...]) -> float:
    """A cell from its own explanation: the cells it is made of, and the rule on their numbers."""
    step = matrix.step
    if step is None:
        return float(matrix.buffer[index])
    cells = step.op.cells(index, step)
    with np.errstate(all="ignore"):
        return step.op.rule([_read(step.inputs[k], where) for k, where in cells], index, step)


def explain(
    matrix: Matrix, *index: int, limit: int = TERMS, mark: Mark = lambda _, latex: latex
) -> Explanation:
    """Explain one cell; `index` has one whole number per axis. `mark` writes the operands."""
    cell = _cell(matrix, index)
    with matrix.trace.lock:
        if not matrix.ready:
            assert matrix.step is not None
            raise NotComputed(
                f"{matrix.name} is not computed yet; step {matrix.step.number + 1} "
                f"({matrix.step.numpy()}) computes it."
            )
        value = float(matrix.buffer[cell])
        goes_to = _goes_to(matrix, cell)
        step = matrix.step
        left = latex_name(matrix, cell)
        if step is None:
            return Explanation(
                matrix, cell, value, None, [], 0, 0.0, "input", left, f"= {tex(value)}",
                _origin(matrix), "", f"{matrix.local} is {size(matrix.shape)}.", goes_to,
            )  # fmt: skip
        cells = step.op.cells(cell, step)
        values = [_read(step.inputs[k], where) for k, where in cells]
        joined = step.op.joined(step)
        terms, rest_count, rest_total = _terms(step, cells, values, joined, limit)
        numbers = _numbers(step, cell, cells, terms, rest_count, rest_total, joined, mark)
        words = formulas.words_line(step)
        note = step.op.note(values, step)
        words += f"; {note}" if note else ""
        if joined in ("max", "min") and terms:
            most = "largest" if joined == "max" else "smallest"
            words += f"; {_moved_from(terms[0].factors[0]).name} is the {most}"
        return Explanation(
            matrix, cell, value, step, terms, rest_count, rest_total, joined,
            f"{left} = {_symbols(step, cell, cells, mark)}", f"= {numbers} = {tex(value)}",
            words, formulas.numpy_line(step), formulas.shapes_fit(step), goes_to,
        )  # fmt: skip


def largest_terms(matrix: Matrix, index: tuple[int, ...], limit: int = TERMS) -> list[Term]:
    """The terms of `explain` alone, without its texts: for readers that follow a number far."""
    step = matrix.step
    if step is None:
        return []
    cells = step.op.cells(index, step)
    values = [_read(step.inputs[k], where) for k, where in cells]
    return _terms(step, cells, values, step.op.joined(step), limit)[0]


def _cell(matrix: Matrix, index: tuple[int, ...]) -> tuple[int, ...]:
    if len(index) != len(matrix.shape):
        raise BadInput(
            f"explain: {matrix.name} is {size(matrix.shape)}, so a cell has {len(matrix.shape)} "
            f"whole numbers, got {index}."
        )
    cell = []
    for i, n in zip(index, matrix.shape, strict=True):
        if not isinstance(i, int | np.integer) or not -n <= i < n:
            raise BadInput(
                f"explain: {matrix.name} is {size(matrix.shape)}; it has no cell {index}."
            )
        cell.append(int(i) % n)
    return tuple(cell)


def _read(matrix: Matrix, where: Indices) -> Array:
    return matrix.buffer[tuple(where.T)] if matrix.shape else np.full(len(where), matrix.buffer)


def _terms(
    step: Step, cells: list[tuple[int, Indices]], values: list[Array], joined: str, limit: int
) -> tuple[list[Term], int, float]:
    """The largest terms, and the number and total of the others."""
    if not cells:
        return [], 0, 0.0
    if joined == "rule" or (joined == "compared" and len(cells) > 1):
        refs = [
            Ref(step.inputs[k], tuple(map(int, place)), float(number))
            for (k, where), numbers in zip(cells, values, strict=True)
            for place, number in zip(where[:limit], numbers[:limit], strict=True)
        ]
        return (
            [Term((ref,), ref.value) for ref in refs]
            if joined == "compared"
            else [Term(tuple(refs), 0.0)],
            0,
            0.0,
        )
    with np.errstate(all="ignore"):
        worth = np.prod(values, axis=0)
        if joined == "mean":
            worth = worth / len(worth)
    weight = {"max": worth, "min": -worth}.get(joined, np.abs(worth))
    rank = np.nan_to_num(weight, nan=np.inf)
    first = _largest(rank, limit)
    terms = [
        Term(
            tuple(
                Ref(step.inputs[k], tuple(map(int, where[t])), float(numbers[t]))
                for (k, where), numbers in zip(cells, values, strict=True)
            ),
            float(worth[t]),
        )
        for t in first
    ]
    with np.errstate(all="ignore"):
        rest = np.delete(worth, first)
        total = np.prod(rest) if joined == "prod" else np.sum(rest)
        return terms, len(rest), float(total) if len(rest) else 0.0


def _largest(rank: Array, count: int) -> Indices:
    """The places of the `count` largest, the first of equals first; only these are sorted."""
    if 0 < count < len(rank):
        edge = np.partition(rank, -count)[-count]
        above = np.flatnonzero(rank > edge)
        ties = np.flatnonzero(rank == edge)[: count - len(above)]
        places = np.sort(np.concatenate([above, ties]))
    else:
        places = np.arange(min(count, len(rank)))
    return places[np.argsort(-rank[places], kind="stable")]


def _moved_from(ref: Ref) -> Ref:
    """The cell that was only moved to become this one, such as the pixel shown in a window."""
    step = ref.matrix.step
    while step is not None and step.op.joined(step) == "moved":
        cells = step.op.cells(ref.index, step)
        if not cells:
            break
        operand, where = cells[0]
        ref = Ref(step.inputs[operand], tuple(map(int, where[0])), ref.value)
        step = ref.matrix.step
    return ref


def _symbols(
    step: Step, cell: tuple[int, ...], cells: list[tuple[int, Indices]], mark: Mark
) -> str:
    """The right side for one cell, in symbols."""
    letters = "ijkmnpq"
    names = []
    by_input = dict(cells)
    varying: dict[int, str] = {}
    for k, matrix in enumerate(step.inputs):
        where = by_input.get(k)
        if where is None or not len(where):
            names.append(latex_name(matrix, scope=step.scope))
            continue
        parts = []
        for axis in range(where.shape[1]):
            column = where[:, axis]
            if (column == column[0]).all():
                parts.append(str(int(column[0])))
            else:
                key = hash(column.tobytes())
                parts.append(varying.setdefault(key, _letter(matrix, axis, letters, varying)))
        # Placeholders keep latex_name's index rules; any text may stand for an index there.
        names.append(latex_name(matrix, tuple(parts), step.scope))  # type: ignore[arg-type]
    template = step.op.cell_template(cell, step)
    if step.op.kind == "contraction":
        head, _, tail = template.rpartition("}" if template.startswith(r"\sum") else "\0")
        over = ",".join(dict.fromkeys(varying.values()))
        template = (rf"\sum_{{{over}}}" if over else "") + (tail or head)
    elif step.op.kind == "reduction" and step.op.name in ("sum", "mean"):
        over = ",".join(dict.fromkeys(varying.values()))
        count = len(cells[0][1])
        share = rf"\frac{{1}}{{{count}}}" if step.op.name == "mean" and count > 1 else ""
        template = rf"{share}\sum_{{{over}}} <0>" if over else "<0>"
    return latex_filled(template, [mark(k, name) for k, name in enumerate(names)], step.params)


def _letter(matrix: Matrix, axis: int, letters: str, used: dict[int, str]) -> str:
    name = matrix.axes[axis]
    taken = set(used.values())
    if name and name[0] not in taken:
        return name[0]
    return next(c for c in letters if c not in taken)


def _numbers(
    step: Step, cell: tuple[int, ...], cells: list[tuple[int, Indices]], terms: list[Term],
    rest_count: int, rest_total: float, joined: str, mark: Mark,
) -> str:  # fmt: skip
    """The right side with the numbers put in."""
    if not terms:
        return {"sum": "0", "prod": "1"}.get(joined, r"\text{an empty cell}")
    if joined == "rule":
        numbers = [mark(k, tex(ref.value, True)) for k, ref in enumerate(terms[0].factors)]
        return latex_filled(step.op.cell_template(cell, step), numbers, step.params)
    if joined == "compared":
        return rf"\text{{of }} {', '.join(tex(t.value) for t in terms)}"
    if joined == "moved":
        return tex(terms[0].value)
    if joined in ("max", "min"):
        listed = [tex(t.factors[0].value) for t in terms] + ["..."] * bool(rest_count)
        return rf"\{joined}({', '.join(listed)})"
    if joined == "prod":
        factors = [tex(t.value, True) for t in terms] + [tex(rest_total, True)] * bool(rest_count)
        return r" \cdot ".join(factors)
    shown = " + ".join(
        r" \cdot ".join(
            mark(k, tex(ref.value, True)) for (k, _), ref in zip(cells, term.factors, strict=True)
        )
        for term in terms[:4]
    )
    hidden = len(terms) - 4 + rest_count
    if hidden > 0:
        others = sum(t.value for t in terms[4:]) + rest_total
        if joined == "mean":
            others *= len(terms) + rest_count
        shown += rf" + \underbrace{{{tex(others, True)}}}_{{\text{{{hidden} more}}}}"
    if joined == "mean" and len(terms) + rest_count > 1:
        return rf"\frac{{1}}{{{len(terms) + rest_count}}}({shown})"
    return shown


def _goes_to(matrix: Matrix, cell: tuple[int, ...]) -> list[Use]:
    found = []
    for step in matrix.uses:
        for operand, source in enumerate(step.inputs):
            if source is not matrix:
                continue
            where = step.op.uses(cell, operand, step)
            if not len(where):
                continue
            out = step.output
            one = f"[{', '.join(map(str, where[0]))}]" if out.shape else ""
            cells = f"{out.name}{one}" if len(where) == 1 else f"{len(where)} cells of {out.name}"
            found.append(
                Use(step, out, len(where), where[:USES], f"{cells}: {formulas.words_line(step)}")
            )
    return found


def _origin(matrix: Matrix) -> str:
    """Why an input has its value: nobody computed it."""
    if matrix.local == "dC_dC":
        return "the cost's change with itself: always 1; here the backward pass starts"
    return {
        "constant": "a number written in the formula",
        "parameter": "a parameter: you or learning chose it; no step computes it",
    }.get(matrix.kind, "an input: it was given; no step computes it")
