"""Products that are summed: `x @ w`, and every other einsum of two matrices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from fluxlab.engine.core.errors import BadInput, counted, size
from fluxlab.engine.core.kinds.products import product_calls, product_storage
from fluxlab.engine.core.numbers import Array, Indices, Shape
from fluxlab.engine.core.op import Call, Op, Params, grid

if TYPE_CHECKING:
    from fluxlab.engine.core.matrix import Matrix, Step


class Contraction(Op):
    """Products summed over the letters that the output lacks: `ij,jk->ik` is a matrix product.

    The signature is einsum's, for two inputs; a letter may not repeat within one input, and
    each letter stands in the output or in both inputs.
    """

    kind = "contraction"

    def shape(self, shapes: Sequence[Shape], params: Params) -> Shape:
        (left, right), out = checked_letters(params["signature"])
        sizes: dict[str, int] = {}
        for names, shape in zip((left, right), shapes, strict=True):
            if len(names) != len(shape):
                raise BadInput(
                    f"{params['signature']}: {names!r} names {len(names)} axes, but the matrix "
                    f"is {size(shape)}."
                )
            for letter, n in zip(names, shape, strict=True):
                if sizes.setdefault(letter, n) != n:
                    raise BadInput(
                        f"Shapes {size(shapes[0])} and {size(shapes[1])} do not fit: the axis "
                        f"that is summed has length {sizes[letter]} in the first matrix and {n} "
                        "in the second. They must be equal (rows are samples: x @ w needs as "
                        "many columns in x as rows in w)."
                    )
        return tuple(sizes[letter] for letter in out)

    def output(self, arrays: Sequence[Array], params: Params) -> Array:
        (left, right), target = letters(params["signature"])
        self.shape([a.shape for a in arrays], params)
        return product_storage(left, right, target, arrays[0], arrays[1])

    def bind(self, out: Array, arrays: Sequence[Array], params: Params) -> list[Call]:
        (left, right), target = letters(params["signature"])
        a, b = arrays
        return product_calls(left, right, target, a, b, out)

    def cells(self, index: tuple[int, ...], step: Step) -> list[tuple[int, Indices]]:
        (left, right), target = letters(step.params["signature"])
        fixed = dict(zip(target, index, strict=True))
        summed = [c for c in left if c not in fixed]
        sizes = dict(zip(left, step.inputs[0].shape, strict=True))
        terms = grid([range(sizes[c]) for c in summed])
        column = {c: terms[:, i] for i, c in enumerate(summed)}
        for letter, i in fixed.items():
            column[letter] = np.full(len(terms), i)
        return [
            (operand, np.stack([column[c] for c in names], axis=1).astype(np.intp))
            if names
            else (operand, np.zeros((len(terms), 0), dtype=np.intp))
            for operand, names in enumerate((left, right))
        ]

    def rule(self, values: list[Array], index: tuple[int, ...], step: Step) -> float:
        return float(np.sum(values[0] * values[1]))

    def uses(self, index: tuple[int, ...], operand: int, step: Step) -> Indices:
        inputs, target = letters(step.params["signature"])
        fixed = dict(zip(inputs[operand], index, strict=True))
        return grid(
            [
                [fixed[c]] if c in fixed else range(n)
                for c, n in zip(target, step.output.shape, strict=True)
            ]
        )

    def joined(self, step: Step) -> str:
        return "sum"

    def vjp(self, operand: int, step: Step, dC_dout: Matrix) -> Matrix:
        (left, right), target = letters(step.params["signature"])
        if operand == 0:
            share = self(dC_dout, step.inputs[1], signature=f"{target},{right}->{left}")
        else:
            share = self(step.inputs[0], dC_dout, signature=f"{left},{target}->{right}")
        return share  # type: ignore[no-any-return]

    # texts

    def latex_template(self, step: Step) -> str:
        (left, right), target = letters(step.params["signature"])
        form = product_form(left, right, target)
        if form is None:
            return rf"{self._sum(step)} {{<0>}}_{{{left}}}\,{{<1>}}_{{{right}}}"
        turned = re.sub(r"(<\d>|\))\.T", r"{\1}^{\\top}", form)
        return turned.replace("@", r"\,")

    def numpy_template(self, step: Step) -> str:
        (left, right), target = letters(step.params["signature"])
        form = product_form(left, right, target)
        return form or f'np.einsum("{step.params["signature"]}", <0>, <1>)'

    def words_template(self, step: Step) -> str:
        summed = self.summed(step)
        if not summed:
            return "every cell of <0> times every cell of <1>"
        over = " and ".join(f"the {counted(n, what)}" for n, what in summed if n != 1)
        if not over:  # a sum of one product is that product
            return f"<0> times <1>; there is one {' and one '.join(w for _, w in summed)} only"
        return f"<0> times <1>, summed over {over}"

    def summed(self, step: Step) -> list[tuple[int, str]]:
        """(how many, of what) is summed away: `(16, "sample")`."""
        (left, right), target = letters(step.params["signature"])
        found = []
        for c in left:
            if c in right and c not in target:
                axis = left.index(c)
                name = step.inputs[0].axes[axis] or step.inputs[1].axes[right.index(c)]
                found.append((step.inputs[0].shape[axis], name or "product"))
        return found

    def _sum(self, step: Step) -> str:
        (left, _), target = letters(step.params["signature"])
        summed = "".join(c for c in left if c not in target)
        return rf"\sum_{{{','.join(summed)}}}" if summed else ""

    def cell_template(self, index: tuple[int, ...], step: Step) -> str:
        return rf"{self._sum(step)} <0>\,<1>"

    def axes(self, step: Step) -> tuple[str | None, ...]:
        (left, right), target = letters(step.params["signature"])
        named: dict[str, str | None] = {}
        for names, matrix in zip((left, right), step.inputs, strict=True):
            for letter, axis in zip(names, matrix.axes, strict=True):
                named[letter] = named.get(letter) or axis
        return tuple(named.get(c) for c in target)


@cache
def letters(signature: str) -> tuple[tuple[str, str], str]:
    """`ij,jk->ik` as (("ij", "jk"), "ik")."""
    inputs, _, target = signature.partition("->")
    left, _, right = inputs.partition(",")
    return (left, right), target


@cache
def checked_letters(signature: str) -> tuple[tuple[str, str], str]:
    """The letters of a signature that can be used; else BadInput."""
    (left, right), out = letters(signature)
    both = set(left) & set(right)
    known = (set(left) | set(right)) >= set(out) and both | set(out) >= set(left) | set(right)
    if not known or any(len(set(names)) < len(names) for names in (left, right, out)):
        raise BadInput(
            f"einsum: the signature {signature!r} cannot be used. Write it as 'ij,jk->ik': two "
            "inputs, no letter twice within one, and each letter in the output or in both inputs."
        )
    return (left, right), out


def product_form(left: str, right: str, target: str) -> str | None:
    """The contraction as a matrix product with transposes, if it is one.

    The first matrix may have more axes in front, as `x @ w` of sequences x.
    """
    shared = [c for c in left if c in right and c not in target]
    if len(shared) != 1 or len(right) > 2:
        return None
    k = shared[0]
    free_left, free_right = left.replace(k, ""), right.replace(k, "")
    b = "<1>" if right == k + free_right else "<1>.T"
    if len(left) > 2:
        fits = left.endswith(k) and target == free_left + free_right
        return f"<0> @ {b}" if fits else None
    a = "<0>" if left == free_left + k else "<0>.T"
    if target == free_left + free_right:
        return f"{a} @ {b}"
    return f"({a} @ {b}).T"
