"""Python's operators on traced matrices: `x @ w + b` records three steps."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import partial
from math import prod
from types import FrameType
from typing import Any

import numpy as np

from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.meaning import MEANING
from fluxlab.engine.core.numbers import Array
from fluxlab.engine.core.op import OPS, Traced

# What the catalogue has for NumPy's own functions and methods; it fills these, see `learn`.
_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {}
_UFUNCS: dict[np.ufunc, Callable[..., Any]] = {}
_METHODS: dict[str, Callable[..., Any]] = {}
_OWN: dict[str, Callable[..., Any]] = {}  # x[...], x ** y and round(x)
# Without numbers: these look at the shape alone.
_OF_SHAPE = (np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.full_like)
# What `fl.` has under the same name, beside the activations.
SAME = (
    "absolute", "arctan", "argmax", "argmin", "argsort", "binary_cross_entropy",
    "binary_cross_entropy_logits", "ceil", "clip", "concatenate", "contrastive", "cos",
    "cross_entropy", "cross_entropy_logits", "cumsum", "dot", "einsum", "equal", "erf", "exp",
    "expand", "expm1", "floor", "greater", "greater_equal", "hinge", "hold", "less", "less_equal",
    "log", "log1p", "log_softmax", "logical_and", "logical_not", "logical_or", "logsumexp", "mae",
    "masked_softmax", "max", "maximum", "mean", "min", "minimum", "mse", "multiclass_hinge", "norm",
    "not_equal", "one_hot", "outer", "pad", "patches", "prod", "remainder", "reshape", "round",
    "rows", "sign", "sin", "softmax", "sort", "sqrt", "square", "stack", "std", "sum",
    "take_along_axis", "tan", "top", "transpose", "triplet", "uniform", "var", "where",
)  # fmt: skip
_SUCH_AS = (
    "A trace takes Python's operators and FluxLab's functions, also by NumPy's names, such as "
    "fl.exp, fl.log, fl.sqrt, fl.tanh, fl.sigmoid, fl.relu, fl.maximum, fl.absolute, fl.sum, "
    "fl.mean, fl.max, fl.where, fl.reshape, fl.concatenate."
)


def learn(
    functions: dict[Callable[..., Any], Callable[..., Any]],
    ufuncs: dict[np.ufunc, Callable[..., Any]],
    methods: dict[str, Callable[..., Any]],
    **own: Callable[..., Any],
) -> None:
    """Take over what the catalogue has for NumPy's functions, and for x[...] and the like."""
    _FUNCTIONS.update(functions)
    _UFUNCS.update(ufuncs)
    _METHODS.update(methods)
    _OWN.update(own)


def instead(name: str) -> str:
    """What to write in a trace for NumPy's function or attribute of that name."""
    if name in MEANING:
        return f"Write {MEANING[name]}."
    known = name in SAME or getattr(OPS.get(name), "activation", False)
    return f"Write fl.{name}(...)." if known else _SUCH_AS


def _called(name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call the catalogue's function as NumPy's; arguments that it lacks are refused in words."""
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError as problem:
        takes = ", ".join(inspect.signature(function).parameters)
        hint = " Here dim is called axis, and keepdim keepdims." if "dim" in kwargs else ""
        raise BadInput(f"{name}: {problem}. In a trace it takes {takes}.{hint}") from None
    return function(*args, **kwargs)


class Operators(Traced):
    """The operators of a traced matrix; each records one step."""

    __slots__ = ()
    shape: tuple[int, ...]
    buffer: Array

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
        return _OWN["power"](self, exponent)

    def __rpow__(self, base: Any) -> Any:
        return OPS["raised"](base, self)

    def __mod__(self, other: Any) -> Any:
        return OPS["remainder"](self, other)

    def __rmod__(self, other: Any) -> Any:
        return OPS["remainder"](other, self)

    def __matmul__(self, other: Any) -> Any:
        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return matmul(other, self)

    def __gt__(self, other: Any) -> Any:
        return OPS["greater"](self, other)

    def __lt__(self, other: Any) -> Any:
        return OPS["greater"](other, self)

    def __ge__(self, other: Any) -> Any:
        return OPS["greater_equal"](self, other)

    def __le__(self, other: Any) -> Any:
        return OPS["greater_equal"](other, self)

    # Masks, as in NumPy. The engine itself asks `is`: sets and dictionaries find a matrix by its
    # identity first, and no two of them have the same hash; a list of matrices is searched by `is`.

    def __eq__(self, other: object) -> Any:
        return _UFUNCS[np.equal](self, other) if _comparable(other) else NotImplemented

    def __ne__(self, other: object) -> Any:
        return _UFUNCS[np.not_equal](self, other) if _comparable(other) else NotImplemented

    __hash__ = object.__hash__

    def __and__(self, other: Any) -> Any:
        return _UFUNCS[np.logical_and](self, other)

    def __rand__(self, other: Any) -> Any:
        return _UFUNCS[np.logical_and](other, self)

    def __or__(self, other: Any) -> Any:
        return _UFUNCS[np.logical_or](self, other)

    def __ror__(self, other: Any) -> Any:
        return _UFUNCS[np.logical_or](other, self)

    def __invert__(self) -> Any:
        return _UFUNCS[np.logical_not](self)

    def __xor__(self, other: Any) -> Any:
        raise BadInput("^ is no power in Python: write x ** 2. For masks, a != b is either or.")

    __rxor__ = __xor__

    # `h += 1` makes a new matrix; NumPy would change the old one, under all its names.

    def __iadd__(self, other: Any) -> Any:
        return self._in_place("+", self + other)

    def __isub__(self, other: Any) -> Any:
        return self._in_place("-", self - other)

    def __imul__(self, other: Any) -> Any:
        return self._in_place("*", self * other)

    def __itruediv__(self, other: Any) -> Any:
        return self._in_place("/", self / other)

    def __ipow__(self, other: Any) -> Any:
        return self._in_place("**", self**other)

    def __imod__(self, other: Any) -> Any:
        return self._in_place("%", self % other)

    def __imatmul__(self, other: Any) -> Any:
        return self._in_place("@", self @ other)

    def __iand__(self, other: Any) -> Any:
        return self._in_place("&", self & other)

    def __ior__(self, other: Any) -> Any:
        return self._in_place("|", self | other)

    def _in_place(self, sign: str, made: Any) -> Any:
        """The new matrix, unless NumPy's same line would change another one, too."""
        names = second_names(self, sys._getframe(2))
        if names:
            raise BadInput(
                f"{sign}= on a matrix that has other names as well: {' and '.join(names)} show the "
                "same numbers. NumPy would change them all; a trace keeps every number, and would "
                f"change the one name only. Write h = h {sign} ... if that is meant."
            )
        if made.shape != self.shape:
            raise BadInput(
                f"{sign}= cannot make a matrix that is {size(self.shape)} into one that is "
                f"{size(made.shape)}; write h = h {sign} ... if that is meant."
            )
        return made

    def __getitem__(self, where: Any) -> Any:
        return _OWN["item"](self, where)

    def __setitem__(self, where: Any, value: Any) -> None:
        raise BadInput(
            "x[...] = ... would overwrite a number, and a trace keeps them all. Compute a new "
            "matrix: with a mask of 0 and 1, fl.where(mask, new, x); or fl.concatenate."
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

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

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
        return _OWN["round"](self, digits or 0)

    def __floordiv__(self, other: Any) -> Any:
        raise BadInput("A trace has no //: write fl.floor(a / b). No gradient passes through it.")

    __rfloordiv__ = __divmod__ = __rdivmod__ = __floordiv__

    def __format__(self, spec: str) -> str:
        if spec:
            raise BadInput(f"A traced matrix has no format {spec!r}; format x.value instead.")
        return repr(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in _METHODS:
            return partial(_method, name, self)
        raise AttributeError(f"A traced matrix has no .{name}. {instead(name)}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_METHODS})

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise BadInput(
            "np.array(...) and np.asarray(...) would leave the trace. To join matrices write "
            "fl.stack([a, b]), or fl.concatenate([a, b], axis=0). An array cannot be filled cell "
            "by cell with traced matrices: collect them in a list, then fl.stack(list)."
        )

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in _OF_SHAPE:
            return function(np.broadcast_to(0.0, self.shape), *args[1:], **kwargs)
        if function in _FUNCTIONS:
            return _called(f"np.{function.__name__}", _FUNCTIONS[function], args, kwargs)
        raise BadInput(f"np.{function.__name__} cannot be traced. {instead(function.__name__)}")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = ufunc.__name__
        if method == "__call__" and "out" in kwargs:
            raise BadInput(
                f"np.{name} cannot write a traced result into an array of plain numbers, as "
                "total += x does. Write total = total + x."
            )
        op = _UFUNCS.get(ufunc, OPS.get(name) if name == "tanh" else None)
        if method != "__call__" or op is None:
            raise BadInput(f"np.{name} cannot be traced. {instead(name)}")
        return _called(f"np.{name}", op, inputs, kwargs) if kwargs else op(*inputs)


def _method(name: str, matrix: Operators, *args: Any, **kwargs: Any) -> Any:
    return _called(f"x.{name}", _METHODS[name], (matrix, *args), kwargs)


def _comparable(other: object) -> bool:
    return isinstance(other, Operators | int | float | np.ndarray | np.number | list)


def second_names(matrix: Any, frame: FrameType | None) -> list[str]:
    """The names of what shares a matrix's numbers where += is applied to it; none if it is alone.

    Looked at are the variables of the frame and of those that called it, up to the traced
    function, and the lists, tuples and dictionaries among them.
    """
    found: list[str] = []
    first, follow = frame, matrix.trace._follow
    while frame is not None:
        where = "" if frame is first else f" in {frame.f_code.co_name}"
        for name, value in frame.f_locals.items():
            held = value.values() if isinstance(value, dict) else value
            several = isinstance(value, list | tuple | dict)
            found += [
                f"{name}{where}"
                for thing in (held if several else [value])
                if isinstance(thing, Operators) and np.shares_memory(thing.buffer, matrix.buffer)
            ]
        if follow is None or frame.f_code is follow:
            break
        frame = frame.f_back
    return found if len(found) > 1 else []


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
