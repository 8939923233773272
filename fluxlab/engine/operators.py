"""Python's operators on traced matrices: `x @ w + b` records three steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from fluxlab.engine.errors import BadInput
from fluxlab.engine.op import OPS

# np.tanh(matrix) works too: NumPy hands it over, and the op of that name takes it.
_UFUNCS = {
    "add": "add", "subtract": "subtract", "multiply": "multiply", "divide": "divide",
    "true_divide": "divide", "negative": "negate", "exp": "exp", "log": "log", "tanh": "tanh",
    "sqrt": "sqrt", "maximum": "maximum", "absolute": "absolute", "greater": "greater",
}  # fmt: skip


class Operators:
    """The operators of a traced matrix; each records one step."""

    __slots__ = ()
    shape: tuple[int, ...]

    def __add__(self, other: Any) -> Any:
        return OPS["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return OPS["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return OPS["subtract"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return OPS["subtract"](other, self)

    def __mul__(self, other: Any) -> Any:
        return OPS["multiply"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return OPS["multiply"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return OPS["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return OPS["divide"](other, self)

    def __neg__(self) -> Any:
        return OPS["negate"](self)

    def __pow__(self, exponent: Any) -> Any:
        if not isinstance(exponent, int | float):
            raise BadInput(
                f"power: the exponent must be a plain number, got {type(exponent).__name__}. "
                "For a traced exponent write fl.exp(exponent * fl.log(x))."
            )
        return OPS["power"](self, exponent=exponent)

    def __matmul__(self, other: Any) -> Any:
        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return matmul(other, self)

    def __gt__(self, other: Any) -> Any:
        return OPS["greater"](self, other)

    def __lt__(self, other: Any) -> Any:
        return OPS["greater"](other, self)

    def __ge__(self, other: Any) -> Any:
        raise BadInput("A trace compares with > and < only; for a >= b write 1 - fl.greater(b, a).")

    __le__ = __ge__

    def __eq__(self, other: object) -> bool:
        # Two matrices are the same one or they are not; dictionaries and `in` need that.
        if isinstance(other, int | float | np.ndarray):
            raise BadInput("A trace compares with > and < only, such as fl.greater(x, 0); not ==.")
        return self is other

    __hash__ = object.__hash__

    def __rpow__(self, base: Any) -> Any:
        raise BadInput("A traced exponent: write fl.exp(x * np.log(base)) for base ** x.")

    def __getitem__(self, where: Any) -> Any:
        return OPS["slice"](self, where=plain_slice(where))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("One number has no length.")
        return self.shape[0]

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    @property
    def T(self) -> Any:
        return OPS["transpose"](self, axes=tuple(reversed(range(len(self.shape)))))

    def __bool__(self) -> bool:
        raise BadInput(
            "A traced matrix cannot decide an `if` or a `while`: a trace records one path. "
            "Compute with masks instead: fl.greater(a, 0) * a."
        )

    def __float__(self) -> float:
        raise BadInput("float(...) would leave the trace; use the matrix itself, or its .value.")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise BadInput(
            "NumPy cannot trace this function; use FluxLab's own, such as fl.tanh, fl.sum."
        )

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs and ufunc is np.matmul:
            return matmul(*inputs)
        if method != "__call__" or kwargs or ufunc.__name__ not in _UFUNCS:
            raise BadInput(
                f"np.{ufunc.__name__} cannot be traced; use FluxLab's functions: {', '.join(OPS)}."
            )
        return OPS[_UFUNCS[ufunc.__name__]](*inputs)


def plain_slice(where: Any) -> tuple[Any, ...]:
    """`x[1:, 2]` as plain, comparable data: ((1, None, None), 2)."""
    parts = where if isinstance(where, tuple) else (where,)
    plain: list[Any] = []
    for part in parts:
        if isinstance(part, slice):
            plain.append((part.start, part.stop, part.step))
        elif isinstance(part, int | np.integer):
            plain.append(int(part))
        else:
            raise BadInput(
                f"x[...] in a trace takes whole numbers and slices, got {type(part).__name__}. To "
                "choose rows by a matrix of numbers use fl.rows(table, numbers)."
            )
    return tuple(plain)


def matmul(left: Any, right: Any) -> Any:
    """`left @ right` for 1, 2 or more axes, as one contraction."""
    a, b = (
        len(np.shape(left) if not isinstance(left, Operators) else left.shape),
        len(np.shape(right) if not isinstance(right, Operators) else right.shape),
    )
    if a == 0 or b == 0:
        raise BadInput("@ multiplies matrices; one side is a single number. Use * for that.")
    extra = max(a, b, 2) - 2
    batch = "abcdefgh"[:extra]
    first = "j" if a == 1 else batch[len(batch) - (a - 2) :] + "ij"
    second = "j" if b == 1 else batch[len(batch) - (b - 2) :] + "jk"
    out = batch + ("" if a == 1 else "i") + ("" if b == 1 else "k")
    lacking = [c for c in batch if (c not in first) and (c not in second)]
    assert not lacking
    return OPS["contract"](left, right, signature=f"{first},{second}->{out}")
