"""Names and formulas of matrices and steps: LaTeX, NumPy and plain words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fluxlab.engine.core.errors import counted, size
from fluxlab.engine.core.op import Params, fill

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Matrix, Step

GREEK = {
    "learning rate": r"\eta", "alpha": r"\alpha", "beta": r"\beta", "gamma": r"\gamma",
    "epsilon": r"\varepsilon",
}  # fmt: skip
USE = re.compile(r"(.*)\[use (\d+)\]$")
NAME = re.compile(r"[A-Za-z_]\w*")
NUMBER = re.compile(r"-?[\d.]+(e[+-]?\d+)?")
# A function's operand that needs brackets: a fraction, or a name of several words.
WIDE = re.compile(r"\\frac|\\text\{[^}]* [^}]*\}")
FUNCTION = re.compile(
    r"(\\(?:operatorname\{\w+\}(?:_\{[^}]*\})?|max|min|sum|ln|tanh|sin|cos)) <(\d+)>"
)
SEVERAL_WORDS = re.compile(r"\\text\{[^}]* [^}]*\}")


def latex_symbol(local: str, index: tuple[int, ...] | None = None) -> str:
    """One letter or word as LaTeX, with the index of a cell: `w1` at (2, 0) is `w_{1;2,0}`."""
    cell = ",".join(map(str, index)) if index else ""
    if local in GREEK:
        base, under = GREEK[local], ""
    elif local.endswith("[new]"):
        return rf"{latex_symbol(local[:-5], index)}^{{\text{{new}}}}"
    elif match := re.fullmatch(r"([A-Za-z])(?:_?(\d+)|_([a-z]{1,2}))", local):
        base, under = match[1], match[2] or match[3]
    elif re.fullmatch(r"[A-Za-z]", local):
        base, under = local, ""
    elif NUMBER.fullmatch(local):
        return latex_number(float(local))
    else:
        base, under = rf"\text{{{_escape(local)}}}", ""
    both = ";".join(part for part in (under, cell) if part)
    return f"{base}_{{{both}}}" if both else base


def latex_name(matrix: Matrix, index: tuple[int, ...] | None = None, scope: str = "") -> str:
    """The matrix, or one of its cells, as LaTeX: `\\frac{\\partial C}{\\partial w_{2,1}}`."""
    local = matrix.trace.called(matrix, scope)
    if local != matrix.local and "d" not in local:
        return latex_symbol(local, index)
    local = matrix.local
    if matrix.kind == "constant" and not matrix.shape:
        return latex_symbol(role(matrix), index)
    use = ""
    if match := USE.match(local):
        local, use = match[1], rf"^{{(\text{{use }}{match[2]})}}"
    if local.startswith("dC_d") and matrix.of is not None:
        return rf"\frac{{\partial C}}{{\partial {_of(matrix.of, index)}}}{use}"
    if matrix.kind == "slope":
        step, operand = matrix.trace.slopes[matrix]
        upper, lower = _of(step.output, index), latex_name(step.inputs[operand], index, step.scope)
        return rf"\frac{{\partial {upper}}}{{\partial {lower}}}"
    return _of(matrix, index) + use


def _of(matrix: Matrix, index: tuple[int, ...] | None) -> str:
    step = matrix.step
    if _by_formula(matrix) and step is not None and len(matrix.local) > 2:
        inner = latex_right(step)
        cell = ",".join(map(str, index)) if index else ""
        if cell:
            return rf"({inner})_{{{cell}}}"
        return f"({inner})" if _loose(step) else inner
    head, gradient, tail = matrix.local.partition("dC_d")
    if not gradient:
        return latex_symbol(matrix.local, index)
    # Words around a gradient: `shares of dC_dw`, `dC_dC per cell`.
    of = _first_name(matrix, tail)
    words = [rf"\text{{{_escape(part)}}}" if part else "" for part in (head, tail[len(of) :])]
    return words[0] + rf"\frac{{\partial C}}{{\partial {latex_symbol(of, index)}}}" + words[1]


def _first_name(matrix: Matrix, text: str) -> str:
    """The longest beginning of the text that is a matrix's name; else its first word."""
    if text.startswith("("):
        return text[: text.rfind(")") + 1]
    words = text.split(" ")
    within = f"{matrix.scope}/" if matrix.scope else ""
    for count in range(len(words), 1, -1):
        name = " ".join(words[:count])
        if f"{within}{name}" in matrix.trace:
            return name
    return words[0]


def role(matrix: Matrix) -> str:
    """What a matrix is called; the second `1` or `exponent` of its scope is no `exponent_2`."""
    number = matrix.kind == "constant" and not matrix.shape
    return re.sub(r"_\d+$", "", matrix.local) if number else matrix.local


def latex_number(value: float, brackets: bool = False) -> str:
    """A number with four digits; a negative one in brackets, if it stands behind a sign."""
    if value != value:
        return r"\text{NaN}"
    if value in (float("inf"), -float("inf")):
        return r"\infty" if value > 0 else r"-\infty"
    text = f"{value:.4g}"
    if "e" in text:
        head, _, power = text.partition("e")
        times = "" if head == "1" else rf"{head} \times "
        text = rf"{times}10^{{{int(power)}}}"
    return f"({text})" if brackets and value < 0 else text


def latex_filled(template: str, operands: Sequence[str], params: Params) -> str:
    """A template with its operands and parameters; what a function is of stands in brackets."""

    def of(match: re.Match[str]) -> str:
        operand = operands[int(match[2])]
        return f"{match[1]}({operand})" if WIDE.search(operand) else f"{match[1]} {operand}"

    if r"\," in template:  # a product without a sign: where does a name of two words end?
        operands = [f"({o})" if SEVERAL_WORDS.fullmatch(o) else o for o in operands]

    numbers = {
        key: latex_number(value) if type(value) is float else value for key, value in params.items()
    }
    return fill(FUNCTION.sub(of, template), operands, numbers)


def _loose(step: Step) -> bool:
    """Whether a formula needs brackets where it stands for its result in another."""
    if step.op.kind == "contraction":
        return True
    outside, template = "", step.op.latex_template(step)
    while outside != template:  # away with all that is within brackets, the innermost first
        outside, template = template, re.sub(r"\{[^{}]*\}|\([^()]*\)", "", template)
    return bool(re.search(r"[-+]|\\odot|\\cdot|\\bmod| \\text ", outside))


def latex_right(step: Step) -> str:
    """The right side of a step's formula."""
    names = [latex_name(m, scope=step.scope) for m in step.inputs]
    return latex_filled(step.op.latex_template(step), names, step.params)


def latex_line(step: Step) -> str:
    """The whole formula; a matrix that is called by its formula shows that formula once."""
    right = latex_right(step)
    return right if _by_formula(step.output) else f"{latex_name(step.output)} = {right}"


def numpy_name(matrix: Matrix, scope: str = "") -> str:
    """The matrix as a Python name; an expression stands for itself, in brackets."""
    local = matrix.trace.called(matrix, scope)
    if matrix.kind == "constant" and not matrix.shape and local != "dC_dC":
        return f"{float(matrix.buffer):g}"  # two constants of one value differ in name only
    if NAME.fullmatch(local):
        return local
    if _by_formula(matrix):
        return local if re.fullmatch(r"[\w.]+(\(.*\)|\.T)", local) else f"({local})"
    return re.sub(r"\W+", "_", local).strip("_")


def numpy_operands(step: Step) -> list[str]:
    """The step's inputs as they stand in its line of NumPy."""
    names = [numpy_name(m, step.scope) for m in step.inputs]
    if step.op.name == "add":  # a sum needs no brackets around what it adds
        names = [name[1:-1] if name.startswith("(") else name for name in names]
    return names


def numpy_line(step: Step) -> str:
    """`dC_dw = x.T @ dC_da`; a step whose result is called by its formula stands alone."""
    right = fill(step.op.numpy_template(step), numpy_operands(step), step.params)
    name = numpy_name(step.output)
    alone = _by_formula(step.output) and not name.isidentifier()
    text = right if alone else f"{name} = {right}"
    foreign = _foreign(step)
    return f"{text}  # {foreign}" if foreign else text


def _by_formula(matrix: Matrix) -> bool:
    return matrix.step is not None and matrix.local == _short_formula(matrix.step)


def _foreign(step: Step) -> str:
    """Which inputs come from another layer: `dC_da and w of layer 2`."""
    by_scope: dict[str, list[str]] = {}
    for m in step.inputs:
        own = m.trace.called(m, step.scope) != m.local
        if m.scope != step.scope and m.scope and step.scope and not own:
            by_scope.setdefault(m.scope, []).append(m.local)
    return "; ".join(f"{' and '.join(names)} of {scope}" for scope, names in by_scope.items())


def expression(step: Step) -> str:
    """A short name for a result that nobody named: its own formula, or what its op makes."""
    return _short_formula(step) or step.op.noun


def _short_formula(step: Step) -> str:
    """The step's formula, as far as it can be read as a name; else ""."""
    operands = []
    for i, m in enumerate(step.inputs):
        name = numpy_name(m, step.scope)
        tight = step.op.name == "add" or (step.op.name == "subtract" and i == 0)
        operands.append(name[1:-1] if tight and name.startswith("(") else name)
    text = fill(step.op.numpy_template(step), operands, step.params).replace("np.", "")
    return text if len(text) <= 24 else ""


def gradient_name(matrix: Matrix) -> str:
    """`dC_dw`; `dC_d(x - y)` for a matrix that is called by its formula."""
    return f"dC_d{within(matrix)}"


def within(matrix: Matrix, scope: str = "") -> str:
    """The name as a part of a longer one: `w`, but `(x - y)` if that is its formula."""
    local = matrix.trace.called(matrix, scope)
    by_formula = matrix.temporary and local == matrix.local
    return f"({local})" if by_formula and re.search(r"[^\w ]", local) else local


def words_line(step: Step) -> str:
    """The step in plain words, with its share in the story: forward, backward or update."""
    names = [_spoken(m, step) for m in step.inputs]
    text = fill(step.op.words_template(step), names, step.params)
    foreign = _foreign(step)
    text = f"{text} ({foreign})" if foreign else text
    out = step.output
    if out.kind == "gradient" and out.of is not None:
        if USE.match(out.local):
            return f"one use of {out.of.local} and its share of the gradient: {text}"
        return f"how the cost changes with {out.of.local}: {text}"
    if out.kind == "slope" and out.of is not None:
        return f"how steeply it changes with {out.of.local}: {text}"
    return text


def _spoken(matrix: Matrix, step: Step) -> str:
    """What a matrix is called; a sum that is multiplied stands in brackets."""
    name = matrix.trace.called(matrix, step.scope)
    name = role(matrix) if name == matrix.local else name
    factor = step.op.name in ("multiply", "divide") or step.op.kind == "contraction"
    made = matrix.step
    if factor and name == matrix.local and made is not None and _by_formula(matrix):
        return f"({name})" if made.op.kind == "elementwise" and _loose(made) else name
    return name


def shapes_fit(step: Step) -> str:
    """Why the shapes fit: why this transpose, why this sum."""
    out, inputs = step.output, step.inputs
    op = step.op
    target = ""
    if out.kind == "gradient" and out.of is not None:
        of = out.of
        target = f"{of.local} is {size(of.shape)}, so its gradient is {size(of.shape)}. "
    if op.kind == "contraction":
        template = op.numpy_template(step)
        shown = template.replace("@", "·").replace(".T", "ᵀ")
        shown = fill(shown, [f"({size(m.shape)})" for m in inputs]).replace("np.einsum(", "einsum(")
        summed = op.summed(step)  # type: ignore[attr-defined]
        gone = " and ".join(f"the {counted(n, what)}" for n, what in summed if n != 1)
        away = f" {gone[0].upper()}{gone[1:]} are summed away." if gone else " Nothing is summed."
        turned = [
            m.trace.called(m, step.scope) for i, m in enumerate(inputs) if f"<{i}>.T" in template
        ]
        why = f" {turned[0]} is transposed so that the summed axes meet." if turned else ""
        return f"{target}{shown} = {size(out.shape)}.{away}{why}"
    if op.kind == "reduction":
        axes = step.params["axes"]
        shape = inputs[0].shape
        several = [i for i in axes if shape[i] > 1] or axes
        lost = " and ".join(_axis(inputs[0], i) for i in several)
        if target:
            assert out.of is not None
            return (
                f"{target}{out.of.local} was used once for each of {lost}, so as many gradients "
                "are summed."
            )
        return f"{size(inputs[0].shape)} becomes {size(out.shape)}: {lost} become one."
    if op.kind == "elementwise":
        smaller = [m for m in inputs if m.shape != out.shape]
        if not smaller:
            return f"{target}Cell by cell: every matrix here is {size(out.shape)}."
        repeated = " and ".join(f"{m.local} ({size(m.shape)})" for m in smaller)
        many = "are" if len(smaller) > 1 else "is"
        return f"{target}{repeated} {many} repeated to fill {size(out.shape)}."
    if op.kind == "gather":
        moved = f"{inputs[0].local} ({size(inputs[0].shape)})"
        return f"{target}The cells of {moved} move; none is computed."
    return f"{target}The result is {size(out.shape)}."


def _axis(matrix: Matrix, axis: int) -> str:
    count, name = matrix.shape[axis], matrix.axes[axis]
    if not name and len(matrix.shape) == 2:
        name = ("row", "column")[axis]
    return (
        f"the {counted(count, name)}" if name else f"the {counted(count, 'place')} of axis {axis}"
    )


def _escape(text: str) -> str:
    return text.replace("_", r"\_").replace("#", r"\#").replace("%", r"\%").replace("^", r"\^{}")
