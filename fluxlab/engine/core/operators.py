"""Python's operators on traced matrices: `x @ w + b` records three steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.op import OPS, Traced

# np.tanh(matrix) works too: NumPy hands it over, and the op of that name takes it.
_UFUNCS = {
    "add": "add", "subtract": "subtract", "multiply": "multiply", "divide": "divide",
    "true_divide": "divide", "negative": "negate", "exp": "exp", "log": "log", "tanh": "tanh",
    "sqrt": "sqrt", "maximum": "maximum", "absolute": "absolute", "greater": "greater",
}  # fmt: skip
# What NumPy has and a trace has not, in words of a trace.
_INSTEAD = {
    "dot": "a @ b", "matmul": "a @ b", "inner": "a @ b.T", "square": "x ** 2", "power": "x ** 2",
    "abs": "abs(x)", "average": "fl.mean(x)", "amax": "fl.max(x)", "min": "-fl.max(-x)",
    "minimum": "-fl.maximum(-a, -b)", "trace": "fl.sum(x * np.eye(len(x)))",
    "where": "mask * a + (1 - mask) * b, with mask = fl.greater(x, 0)",
    "clip": "fl.maximum(x, low), and -fl.maximum(-x, -high)",
    "array": "fl.concatenate([a, b], axis=0)", "stack": "fl.concatenate([a, b], axis=0)",
    "vstack": "fl.concatenate([a, b], axis=0)", "hstack": "fl.concatenate([a, b], axis=1)",
    "size": "x.shape, such as x.shape[0] * x.shape[1]", "ndim": "len(x.shape)",
    "flatten": "fl.reshape(x, shape)", "ravel": "fl.reshape(x, shape)", "item": "x.value",
}  # fmt: skip
# What `fl.` has under the same name, beside the activations.
SAME = (
    "absolute", "argmax", "binary_cross_entropy", "binary_cross_entropy_logits", "concatenate",
    "contrastive", "cross_entropy", "cross_entropy_logits", "einsum", "exp", "expand", "greater",
    "hinge", "hold", "log", "mae", "masked_softmax", "max", "maximum", "mean", "mse", "one_hot",
    "outer", "pad", "patches", "reshape", "rows", "sin", "softmax", "sqrt", "sum", "top",
    "transpose", "triplet", "uniform",
)  # fmt: skip
_SUCH_AS = (
    "A trace takes + - * / ** @ and FluxLab's functions, such as fl.exp, fl.log, fl.sqrt, fl.tanh, "
    "fl.sigmoid, fl.relu, fl.maximum, fl.absolute, fl.sum, fl.mean, fl.max, fl.reshape, "
    "fl.concatenate."
)


def instead(name: str) -> str:
    """What to write in a trace for NumPy's function or attribute of that name."""
    if name in _INSTEAD:
        return f"Write {_INSTEAD[name]}."
    known = name in SAME or getattr(OPS.get(name), "activation", False)
    return f"Write fl.{name}(...)." if known else _SUCH_AS


class Operators(Traced):
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

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return OPS["absolute"](self)

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

    def __setitem__(self, where: Any, value: Any) -> None:
        raise BadInput(
            "x[...] = ... would overwrite a number, and a trace keeps them all. Compute a new "
            "matrix: with a mask of 0 and 1, x * (1 - mask) + new * mask; or fl.concatenate."
        )

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
            "A traced matrix cannot decide an `if`, a `while`, an `and` or an `or`, nor Python's "
            "max, min and sorted: a trace records one path. Compute with masks instead: "
            "fl.greater(a, 0) * a; or write fl.maximum(a, 0)."
        )

    def __float__(self) -> float:
        raise BadInput(
            "float(...), int(...), round(...) and math.exp(...) would leave the trace; use the "
            "matrix itself, and fl.exp(...) or np.exp(...)."
        )

    def __int__(self) -> int:
        return int(float(self))

    def __round__(self, digits: int | None = None) -> Any:
        return float(self)

    def __floordiv__(self, other: Any) -> Any:
        raise BadInput("A trace has + - * / ** @; // and % jump, so no gradient passes through.")

    __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __floordiv__

    def __and__(self, other: Any) -> Any:
        raise BadInput("For masks of 0 and 1: a * b is and, fl.maximum(a, b) or, 1 - a not.")

    __rand__ = __or__ = __ror__ = __and__

    def __invert__(self) -> Any:
        return self & self

    def __format__(self, spec: str) -> str:
        if spec:
            raise BadInput(f"A traced matrix has no format {spec!r}; format x.value instead.")
        return repr(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(f"A traced matrix has no .{name}. {instead(name)}")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise BadInput(
            "np.array(...) and np.asarray(...) would leave the trace; to join matrices write "
            "fl.concatenate([a, b], axis=0)."
        )

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in (np.shape, np.ndim, np.size, np.zeros_like, np.ones_like):
            return function(np.broadcast_to(0.0, self.shape), *args[1:], **kwargs)
        raise BadInput(f"np.{function.__name__} cannot be traced. {instead(function.__name__)}")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs and ufunc is np.matmul:
            return matmul(*inputs)
        if method != "__call__" or kwargs or ufunc.__name__ not in _UFUNCS:
            raise BadInput(f"np.{ufunc.__name__} cannot be traced. {instead(ufunc.__name__)}")
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
            what = "None" if part is None else type(part).__name__
            raise BadInput(
                f"x[...] in a trace takes whole numbers and slices, got {what}. To choose by a "
                "mask multiply: mask * x; to choose rows by their numbers use fl.rows(table, "
                "numbers); for another shape fl.reshape(x, shape)."
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
