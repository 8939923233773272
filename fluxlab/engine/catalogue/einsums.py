"""`einsum` of any signature: sums, diagonals and products of two, one after the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from fluxlab.engine.catalogue.arithmetic import contract
from fluxlab.engine.catalogue.indexing import item
from fluxlab.engine.catalogue.reducing import sum
from fluxlab.engine.catalogue.shaping import same, transpose
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.core.numbers import as_numbers, shape_of


def einsum(signature: str, *matrices: Any) -> Any:
    """Products summed over the letters that the output lacks, as in `np.einsum`.

    `"ij,jk->ik"` is a matrix product, `"ii->i"` a diagonal, `"ij->j"` a sum, `"...ij,jk"` a product
    of the last two axes. Of three matrices or more, the first two are multiplied first.
    """
    if not isinstance(signature, str):
        raise BadInput(f"einsum: signature must be a text such as 'ij,jk->ik', got {signature!r}.")
    if not any(isinstance(m, Matrix) for m in matrices):
        matrices = tuple(as_numbers("einsum", "a matrix", m) for m in matrices)
    inputs, target = _letters(signature.replace(" ", ""), [_shape(m) for m in matrices])
    tables = [
        _alone(names, m, _others(inputs, k) | set(target))
        for k, (names, m) in enumerate(zip(inputs, matrices, strict=True))
    ]
    names, whole = tables[0]
    for k, (more, matrix) in enumerate(tables[1:], 1):
        left = {c for other, _ in tables[k + 1 :] for c in other} | set(target)
        both = [*names, *(c for c in more if c not in names)]
        out = target if k == len(tables) - 1 else "".join(c for c in both if c in left)
        whole = contract(whole, matrix, signature=f"{names},{more}->{out}")
        names = out
    if names == target:
        return whole if len(tables) > 1 or whole is not matrices[0] else same(whole)
    return transpose(whole, [names.index(c) for c in target])


def _shape(matrix: Any) -> tuple[int, ...]:
    return shape_of("einsum", "a matrix", matrix)


def _others(inputs: Sequence[str], k: int) -> set[str]:
    return {c for number, names in enumerate(inputs) if number != k for c in names}


def _letters(signature: str, shapes: Sequence[tuple[int, ...]]) -> tuple[list[str], str]:
    """The letters of each input and of the output, in full; BadInput if they cannot be used."""
    given, arrow, target = signature.partition("->")
    inputs = given.split(",")
    if not re.fullmatch(r"[A-Za-z.,]*", given) or not re.fullmatch(r"[A-Za-z.]*", target):
        raise _unusable(signature, "It has letters, commas, ... and one ->")
    if len(inputs) != len(shapes):
        raise _unusable(signature, f"It is for {len(inputs)} matrices, and got {len(shapes)}")
    free = [c for c in ascii_letters if c not in signature]
    most = max(
        (len(s) - len(n) + 3 for n, s in zip(inputs, shapes, strict=True) if "." in n), default=0
    )
    dots = "".join(free[: max(most, 0)])
    full = []
    for names, shape in zip(inputs, shapes, strict=True):
        own = len(shape) - len(names.replace("...", ""))
        found = names.replace("...", dots[len(dots) - own :] if own > 0 else "")
        if "." in found or len(found) != len(shape):
            raise BadInput(
                f"einsum: in {signature!r}, {names!r} names {len(names.replace('...', ''))} axes, "
                f"but the matrix is {size(shape)}."
            )
        full.append(found)
    if arrow:
        out = target.replace("...", dots)
    else:  # as NumPy: the letters that stand once, in the order of the alphabet
        text = "".join(full)
        out = dots + "".join(sorted(c for c in set(text) if text.count(c) == 1 and c not in dots))
    if "." in out or len(set(out)) < len(out) or not set(out) <= set("".join(full)):
        raise _unusable(signature, "Each letter of the output stands there once, and in an input")
    lengths: dict[str, set[int]] = {}
    for names, shape in zip(full, shapes, strict=True):
        for letter, n in zip(names, shape, strict=True):
            lengths.setdefault(letter, set()).add(n)
    for letter, sides in lengths.items():
        if len(sides) > 1:
            what = f"{letter} names" if letter in signature else "... stands for"
            raise BadInput(
                f"einsum: in {signature!r}, {what} axes of lengths "
                f"{' and '.join(map(str, sorted(sides)))}; they must be equal."
            )
    return full, out


def _unusable(signature: str, why: str) -> BadInput:
    return BadInput(
        f"einsum: the signature {signature!r} cannot be used. {why}; write it as 'ij,jk->ik'."
    )


def _alone(names: str, matrix: Any, wanted: set[str]) -> tuple[str, Any]:
    """A matrix without letters that stand twice in it, or in it alone."""
    for letter in dict.fromkeys(names):
        if names.count(letter) > 1:
            names, matrix = _diagonal(names, matrix, letter)
    lonely = [axis for axis, c in enumerate(names) if c not in wanted]
    if lonely:
        matrix = sum(matrix, axis=lonely)
    return "".join(c for c in names if c in wanted), matrix


def _diagonal(names: str, matrix: Any, letter: str) -> tuple[str, Any]:
    axes = [axis for axis, c in enumerate(names) if c == letter]
    numbers = np.arange(_shape(matrix)[axes[0]])
    where = tuple(numbers if c == letter else slice(None) for c in names)
    found = item(matrix, where) if isinstance(matrix, Matrix) else matrix[where]
    # As NumPy has it: places side by side stay there, others come first.
    rest = names.replace(letter, "")
    at = axes[0] if axes[-1] - axes[0] == len(axes) - 1 else 0
    return rest[:at] + letter + rest[at:], found
