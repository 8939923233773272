"""A network as a diagram: columns of neurons and the weights between them, read from a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST = 12  # neurons of a column that are drawn one by one
SHOWN = 10  # of a larger column: so many, the first and the last


@dataclass
class Column:
    """One column of neurons: the matrix whose row holds their values, and their bias, if any.

    `made_of`: what leads there from the product, such as `x @ w` and `a` to `h`, and itself.
    """

    matrix: Any
    size: int
    bias: Any = None
    made_of: tuple[Any, ...] = ()


@dataclass
class Link:
    """All connections between two columns: one weight matrix, (from, to)."""

    source: int
    target: int
    weights: Any


def is_weights(step: Any) -> bool:
    """`x @ w` in the forward pass, with a `w` that no step computes."""
    return (
        step.phase == "forward"
        and step.op.kind == "contraction"
        and step.params.get("signature") == "ij,jk->ik"
        and step.inputs[1].step is None
    )


def diagram(trace: Any) -> tuple[list[Column], list[Link]]:
    """Columns and links, read from the trace's own steps; layer names play no part."""
    products = [step for step in trace.steps if is_weights(step)]
    read = {id(step.inputs[0]) for step in products}
    columns: list[Column] = []
    place: dict[int, int] = {}
    links: list[Link] = []

    def column(made_of: list[Any], bias: Any = None) -> int:
        matrix = made_of[-1]
        if id(matrix) not in place:
            place[id(matrix)] = len(columns)
            columns.append(Column(matrix, matrix.shape[1], bias, tuple(made_of)))
        return place[id(matrix)]

    for step in products:
        source = column([step.inputs[0]])
        made_of, bias = _output(step.output, read)
        links.append(Link(source, column(made_of, bias), step.inputs[1]))
    return columns, links


def _output(matrix: Any, read: set[int]) -> tuple[list[Any], Any]:
    """What leads from `x @ w` to what its neurons give out, through `+ b` and the activation;
    and their bias."""
    made_of, bias = [matrix], None
    following = _next(matrix)
    if following is not None and following.op.name == "add":
        other = next((m for m in following.inputs if m is not matrix), None)
        # A bias: one row that one can set, and not a row of the data.
        row = other is not None and other.shape in (matrix.shape[1:], (1, *matrix.shape[1:]))
        if row and other.step is None and other.axes[:1] != ("sample",):
            bias, matrix = other, following.output
            made_of.append(matrix)
    # On to what the next product reads, however it is made; else to what the activation gives.
    ahead = [matrix]
    while id(ahead[-1]) not in read and (following := _next(ahead[-1])) is not None:
        ahead.append(following.output)
    if id(ahead[-1]) in read:
        return made_of + ahead[1:], bias
    following = _next(matrix)
    if following is not None and getattr(following.op, "activation", False):
        made_of.append(following.output)
    return made_of, bias


def _next(matrix: Any) -> Any:
    """The only forward step that reads `matrix`, if it works cell by cell; else None."""
    uses = [step for step in matrix.uses if step.phase == "forward"]
    if len(uses) != 1 or uses[0].op.kind != "elementwise" or uses[0].output.shape != matrix.shape:
        return None
    return uses[0]


def kin(trace: Any, *matrices: Any) -> list[str]:
    """The names of matrices and of their gradients, slopes and updates, which have their shape."""
    asked = set(matrices)
    return [
        m.name
        for m in trace.matrices.values()
        if m in asked or (m.of in asked and m.shape == m.of.shape)
    ]


def elided(size: int, wanted: set[int]) -> list[int]:
    """The neurons of a column that are drawn; `wanted` ones among them."""
    if size <= MOST:
        return list(range(size))
    head = SHOWN - SHOWN // 2
    shown = [*range(head), *range(size - SHOWN // 2, size)]
    for neuron in sorted(wanted - set(shown))[: head - 1]:
        shown[head - 1] = neuron
        head -= 1
    return sorted(shown)
