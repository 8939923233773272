"""Bad input: refused with words that say what it got and what to do; nothing is changed."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fluxlab as fl

X, Y = fl.data.parity(3)
NAN, INF = float("nan"), float("inf")
Case = tuple[Callable[[Any], object], type[Exception], list[str]]


def cell(value: Any) -> np.ndarray:
    bad = np.array(X)
    bad[2, 1] = value
    return bad


def form(layers: Any = (4, 1), x: Any = X, y: Any = Y, **more: Any) -> fl.Network:
    return fl.form_network(list(layers) if isinstance(layers, tuple) else layers, x, y, **more)


def traced(function: Callable[..., Any], **matrices: Any) -> fl.Trace:
    return fl.trace(function, **matrices)


BAD, UNKNOWN = fl.BadInput, fl.UnknownName
OTHER = traced(lambda x: x * 3, x=1.0)["x"]
ONES = np.ones

FORMING: dict[str, Case] = {
    "zero neurons": (lambda _: form((4, 0, 1)), BAD, ["layers", "0", "whole number", "1 or more"]),
    "minus one": (lambda _: form((-1, 1)), BAD, ["layers", "-1"]),
    "two and a half": (lambda _: form((2.5, 1)), BAD, ["layers", "2.5"]),
    "True neurons": (lambda _: form((True, 1)), BAD, ["layers", "True"]),
    "text neurons": (lambda _: form(("4", 1)), BAD, ["layers", "'4'"]),
    "no layers": (lambda _: form(()), BAD, ["layers", "[8, 4, 1]"]),
    "a number": (lambda _: form(4), BAD, ["layers", "list", "4"]),
    "None": (lambda _: form(None), BAD, ["layers", "None"]),
    "rows differ": (lambda _: form(y=Y[:5]), BAD, ["8 rows", "5"]),
    "outputs differ": (lambda _: form((4, 2)), BAD, ["2 neurons", "1 column"]),
    "NaN": (lambda _: form(x=cell(NAN)), BAD, ["inputs", "NaN", "(2, 1)"]),
    "infinity": (lambda _: form(x=cell(-INF)), BAD, ["inputs", "infinite", "(2, 1)"]),
    "NaN target": (lambda _: form(y=Y * NAN), BAD, ["targets", "NaN", "8 cell"]),
    "text": (lambda _: form(x=[["1", "two"]], y=[[1]]), BAD, ["inputs", "numbers", "two"]),
    "text of numbers": (lambda _: form(x=[["1", "2"]], y=[[1]]), BAD, ["inputs", "numbers"]),
    "None in a cell": (lambda _: form(x=[[1, None]], y=[[1]]), BAD, ["inputs", "None"]),
    "complex": (lambda _: form(x=[[1j]], y=[[1]]), BAD, ["inputs", "numbers"]),
    "ragged": (lambda _: form(x=[[1, 2], [3]], y=[[1], [0]]), BAD, ["unequal", "[1, 2]"]),
    "empty": (lambda _: form(x=[], y=[]), BAD, ["inputs", "empty"]),
    "no columns": (lambda _: form(x=ONES((8, 0))), BAD, ["inputs", "empty"]),
    "three axes": (lambda _: form(x=ONES((8, 2, 2))), BAD, ["2×1", "target is 1"]),
    "a dictionary": (lambda _: form(x={"a": 1}), BAD, ["inputs", "dict"]),
    "rely": (lambda _: form(hidden_activation="rely"), UNKNOWN,
             ["activation 'rely'", "Did you mean 'relu'", "leaky_relu"]),
    "sigmoyd": (lambda _: form(output_activation="sigmoyd"), UNKNOWN, ["mean 'sigmoid'"]),
    "no activation": (lambda _: form(hidden_activation=None), UNKNOWN, ["None", "tanh"]),
    "rate 0": (lambda _: form(learning_rate=0), BAD, ["learning_rate", "above 0", "got 0"]),
    "rate -1": (lambda _: form(learning_rate=-1), BAD, ["learning_rate", "above 0", "-1"]),
    "rate NaN": (lambda _: form(learning_rate=NAN), BAD, ["learning_rate", "NaN"]),
    "rate infinite": (lambda _: form(learning_rate=INF), BAD, ["learning_rate", "infinite"]),
    "rate text": (lambda _: form(learning_rate="0.1"), BAD, ["learning_rate", "'0.1'"]),
    "rate True": (lambda _: form(learning_rate=True), BAD, ["learning_rate", "True"]),
    "two rates": (lambda _: form(learning_rate=[0.1, 0.2]), BAD, ["learning_rate", "one number"]),
    "seed": (lambda _: form(seed=-1), BAD, ["seed", "-1"]),
    "seed 1.5": (lambda _: form(seed=1.5), BAD, ["seed", "1.5"]),
    "gate": (lambda _: fl.data.gate("xnor"), UNKNOWN, ["gate 'xnor'", "Did you mean 'xor'"]),
    "bits": (lambda _: fl.data.parity(0), BAD, ["1 to 16", "0"]),
    "many bits": (lambda _: fl.data.parity(40), BAD, ["1 to 16", "40"]),
}  # fmt: skip

USING: dict[str, Case] = {
    "learn 0": (lambda n: fl.learn(n, iterations=0), BAD, ["iterations", "1 or more", "0"]),
    "learn -5": (lambda n: fl.learn(n, iterations=-5), BAD, ["iterations", "-5"]),
    "learn 2.5": (lambda n: fl.learn(n, iterations=2.5), BAD, ["iterations", "2.5"]),
    "learn True": (lambda n: fl.learn(n, iterations=True), BAD, ["iterations", "True"]),
    "set rate 0": (lambda n: n.trace.set("learning rate", 0), BAD, ["set:", "above 0", "got 0"]),
    "an argument C": (lambda _: fl.trace(lambda C: C * 2, C=[1.0]), BAD, ["C is the cost's"]),
    "learn rate 0": (lambda n: fl.learn(n, learning_rate=0), BAD, ["learn:", "above 0"]),
    "learn rate -1": (lambda n: fl.learn(n, learning_rate=-1), BAD, ["learn:", "-1"]),
    "learn rate NaN": (lambda n: fl.learn(n, learning_rate=NAN), BAD, ["learn:", "NaN"]),
    "advance -1": (lambda n: n.history.advance(-1), BAD, ["advance", "-1"]),
    "advance 1.5": (lambda n: n.history.advance(1.5), BAD, ["advance", "1.5"]),
    "travel": (lambda n: n.history.travel(99), BAD, ["travel", "99", "0 to 4"]),
    "predict columns": (lambda n: fl.predict(n, [[1, 2]]), BAD, ["2 columns", "3"]),
    "predict text": (lambda n: fl.predict(n, [["a", "b", "c"]]), BAD, ["predict: inputs"]),
    "predict NaN": (lambda n: fl.predict(n, [[1, 2, NAN]]), BAD, ["predict: inputs", "NaN"]),
    "predict ragged": (lambda n: fl.predict(n, [[1, 2, 3], [1]]), BAD, ["unequal"]),
    "set shape": (lambda n: n.trace.set("layer 1/w", ONES((4, 3))), BAD, ["3×4", "4×3"]),
    "set flat": (lambda n: n.trace.set("layer 1/w", ONES(12)), BAD, ["3×4", "12"]),
    "set one": (lambda n: n.trace.set("layer 1/w", 1.0), BAD, ["3×4", "one number"]),
    "set NaN": (lambda n: n.trace.set("layer 1/w", NAN, (0, 0)), BAD, ["layer 1/w", "NaN"]),
    "set inf": (lambda n: n.trace.set("layer 1/b", [[1, 2, INF, 4]]), BAD, ["infinite", "(0, 2)"]),
    "set text": (lambda n: n.trace.set("layer 1/w", "0.5", (0, 0)), BAD, ["numbers", "0.5"]),
    "set nothing": (lambda n: n.trace.set("layer 1/w", []), BAD, ["empty"]),
    "set outside": (lambda n: n.trace.set("layer 1/w", 1.0, (3, 0)), BAD, ["3×4", "(3, 0)"]),
    "set before": (lambda n: n.trace.set("layer 1/w", 1.0, (-1, 0)), BAD, ["no cell"]),
    "set a row": (lambda n: n.trace.set("layer 1/w", 1.0, (1,)), BAD, ["no cell", "(1,)"]),
    "set at 0.5": (lambda n: n.trace.set("layer 1/w", 1.0, (0.5, 0)), BAD, ["no cell"]),
    "set computed": (lambda n: n.trace.set("layer 1/a", ONES((8, 4))), BAD,
                     ["layer 1/a is computed", "layer 1/w"]),
    "set C": (lambda n: n.trace.set("C", 0.0), BAD, ["C is computed"]),
    "set dC_dC": (lambda n: n.trace.set("dC_dC", 2.0), BAD, ["dC_dC"]),
    "set unknown": (lambda n: n.trace.set("layer 1/weight", 1.0), UNKNOWN, ["layer 1/weight"]),
    "name": (lambda n: n.trace["layer 1/dC_dW"], UNKNOWN, ["mean 'layer 1/dC_dw'"]),
    "short name": (lambda n: n.trace["w"], UNKNOWN, ["2 matrices", "layer 1/w, layer 2/w"]),
    "move": (lambda n: n.trace.move(-1), BAD, ["move", "-1"]),
    "move far": (lambda n: n.trace.move(10_000), BAD, ["10000"]),
    "move half": (lambda n: n.trace.move(2.5), BAD, ["2.5"]),
    "phase": (lambda n: n.trace.end_of("backwards"), UNKNOWN, ["mean 'backward'"]),
    "check w": (lambda n: n.trace.check("layer 1/w"), BAD, ["neither", "layer 1/dC_dw"]),
    "check epsilon": (lambda n: n.trace.check("layer 1/dC_dw", epsilon=0), BAD, ["epsilon", "0"]),
    "check epsilon NaN": (lambda n: n.trace.check("layer 1/dC_dw", NAN), BAD, ["epsilon", "nan"]),
    "check cell": (lambda n: n.trace.check("layer 1/dC_dw", index=(9, 9)), BAD, ["(9, 9)"]),
    "explain cell": (lambda n: n.trace["layer 1/w"].explain(3, 0), BAD, ["3×4", "(3, 0)"]),
    "explain row": (lambda n: n.trace["layer 1/w"].explain(1), BAD, ["2 whole numbers"]),
    "explain half": (lambda n: n.trace["layer 1/w"].explain(0.5, 1), BAD, ["(0.5, 1)"]),
    "weights": (lambda n: setattr(n.layers[0], "weights_matrix", ONES((4, 3))), BAD, ["3×4"]),
    "activation": (lambda n: n.set_activation(1, "tahn"), UNKNOWN, ["mean 'tanh'"]),
    "no layer": (lambda n: n.set_activation(3, "tanh"), BAD, ["1 to 2", "3"]),
    "samples": (lambda n: n.set_samples([8]), BAD, ["0 to 7", "8"]),
    "no samples": (lambda n: n.set_samples([]), BAD, ["rows"]),
}  # fmt: skip

TRACING: dict[str, Case] = {
    "no function": (lambda _: traced(3, x=1.0), BAD, ["function", "int"]),  # type: ignore[arg-type]
    "argument lacks": (lambda _: traced(lambda x, w: x @ w, x=X), BAD, ["(x, w)", "'w'"]),
    "argument too many": (lambda _: traced(lambda x: x, x=X, w=X), BAD, ["'w'"]),
    "returns None": (lambda _: traced(lambda x: None, x=X), BAD, ["nothing (None)", "return"]),
    "returns a tuple": (lambda _: traced(lambda x: (x, x), x=X), BAD, ["tuple", "one matrix"]),
    "returns .value": (lambda _: traced(lambda x: x.value, x=X), BAD, ["ndarray", ".value"]),
    "returns another's": (lambda _: traced(lambda x: OTHER * 2, x=X), BAD, ["another trace"]),
    "returns its argument": (lambda _: traced(lambda x: x, x=1.0), BAD, ["x unchanged"]),
    "inner axes": (lambda _: traced(lambda x, w: x @ w, x=X, w=ONES((4, 2))), BAD,
                   ["8×3", "4×2", "rows are samples"]),
    "broadcast": (lambda _: traced(lambda x, w: x + w, x=X, w=ONES((8, 2))), BAD,
                  ["add", "8×3", "8×2", "length 1"]),
    "@ a number": (lambda _: traced(lambda x: x @ 3, x=X), BAD, ["single number", "*"]),
    "if": (lambda _: traced(lambda x: x if x > 0 else -x, x=1.0), BAD, ["`if`", "fl.greater"]),
    "while": (lambda _: traced(lambda x: x if x else 1, x=1.0), BAD, ["`while`"]),
    "max": (lambda _: traced(lambda x: max(0, x), x=1.0), BAD, ["max", "fl.maximum"]),
    "float": (lambda _: traced(lambda x: float(x), x=1.0), BAD, ["leave the trace"]),
    "int": (lambda _: traced(lambda x: int(x), x=1.0), BAD, ["int(...)", "leave the trace"]),
    "math.exp": (lambda _: traced(lambda x: math.exp(x), x=1.0), BAD, ["math.exp", "fl.exp"]),
    "x[0] = 1": (lambda _: traced(lambda x: x.__setitem__(0, 1), x=X), BAD, ["overwrite", "mask"]),
    "//": (lambda _: traced(lambda x: x // 2, x=X), BAD, ["//", "fl.floor(a / b)"]),
    "divmod": (lambda _: traced(lambda x: divmod(x, 2), x=X), BAD, ["//", "fl.floor"]),
    "&": (lambda _: traced(lambda x: (x > 0) & (x / 4), x=X), BAD, ["masks", "0.25", "brackets"]),
    "|": (lambda _: traced(lambda x: (x > 0) | [2.0], x=X), BAD, ["|", "masks", "got 2"]),
    "~": (lambda _: traced(lambda x: ~(x + 3), x=X), BAD, ["~ takes masks", "got 3"]),
    "x ^ 2": (lambda _: traced(lambda x: x ^ 2, x=X), BAD, ["x ** 2"]),
    ":.2f": (lambda _: traced(lambda x: f"{x:.2f}", x=X), BAD, ["x.value", "'.2f'"]),
    "x.sum(dim=0)": (lambda _: traced(lambda x: x.sum(dim=0), x=X), BAD, ["x.sum", "axis", "dim"]),
    "x.item": (lambda _: traced(lambda x: x.item(), x=X), AttributeError, [".item", "x.value"]),
    "x.nope": (lambda _: traced(lambda x: x.nope, x=X), AttributeError, [".nope", "fl.tanh"]),
    "np.sum out": (lambda _: traced(lambda x: np.sum(x, out=X[0]), x=X), BAD, ["np.sum", "axis"]),
    "total += x": (lambda _: traced(lambda x: ONES((8, 3)).__iadd__(x), x=X), BAD,
                   ["plain numbers", "total = total + x"]),
    "np.where": (lambda _: traced(lambda x: np.where(x > 0), x=X), BAD, ["where(mask, a, b)"]),
    "np.cross": (lambda _: traced(lambda x: np.cross(x, x), x=X), BAD, ["np.cross", "fl.einsum"]),
    "np.array": (lambda _: traced(lambda x: np.array([x, x]), x=X), BAD, ["fl.concatenate"]),
    "x[x > 0]": (lambda _: traced(lambda x: x[x > 0], x=X), BAD, ["mask * x"]),
    "x[1.5]": (lambda _: traced(lambda x: x[1.5], x=X), BAD, ["whole numbers", "float"]),
    "x[0, 0, 0]": (lambda _: traced(lambda x: x[0, 0, 0], x=X), BAD, ["3 places", "8×3"]),
    "x[..., ...]": (lambda _: traced(lambda x: x[..., ...], x=X), BAD, ["... once"]),
    "x[[]]": (lambda _: traced(lambda x: x[[]], x=X), BAD, ["empty", "nothing would be left"]),
    "x[no]": (lambda _: traced(lambda x: x[[False] * 8], x=X), BAD, ["False everywhere"]),
    "x[:y]": (lambda _: traced(lambda x: x[: x[0, 0]], x=X), BAD, ["slice", "traced matrix"]),
    "x[True]": (lambda _: traced(lambda x: x[True], x=X), BAD, ["whole numbers", "bool"]),
    "x[mask]": (lambda _: traced(lambda x, m: x[m], x=X, m=X[:, 0] > 0), BAD, ["fl.where(mask"]),
    "x[i] far": (lambda _: traced(lambda x, i: x[i], x=X, i=[0, 8]), BAD, ["0 to 7", "got 8"]),
    "x[i] back": (lambda _: traced(lambda x, i: x[i], x=X, i=[0, -9]), BAD, ["-8 to -1", "got -9"]),
    "x[i] half": (lambda _: traced(lambda x, i: x[i], x=X, i=[0.5]), BAD, ["whole", "got 0.5"]),
    "tanh of two": (lambda _: traced(lambda x: fl.tanh(x, x), x=X), BAD, ["fl.tanh(a)", "2 arg"]),
    "tanh of axis": (lambda _: traced(lambda x: fl.tanh(x, axis=1), x=X), BAD, ["fl.tanh", "axis"]),
    "tanh of none": (lambda _: traced(lambda x: fl.tanh(), x=X), BAD, ["0 arguments"]),
    "fl.sigmoyd": (lambda _: traced(lambda x: fl.sigmoyd(x), x=X), AttributeError, ["fl.sigmoid?"]),
    "== shapes": (lambda _: traced(lambda x: x == ONES(2), x=X), BAD, ["equal", "8×3 and 2"]),
    ">= shapes": (lambda _: traced(lambda x: x >= ONES(2), x=X), BAD, ["do not fit", "length"]),
    "inf ** x": (lambda _: traced(lambda x: INF**x, x=X), BAD, ["infinite"]),
    "x ** inf": (lambda _: traced(lambda x: x**INF, x=X), BAD, ["exponent", "inf"]),
    "np.sinh": (lambda _: traced(lambda x: np.sinh(x), x=X), BAD, ["np.sinh", "fl.exp(x)"]),
    "np.trace": (lambda _: traced(lambda x: np.trace(x), x=X), BAD, ["einsum", "lengths 3 and 8"]),
    "np.average": (lambda _: traced(lambda x: np.average(x, weights=x[0]), x=X), BAD,
                   ["average", "8×3", "weight for each"]),
    "np.arccos": (lambda _: traced(lambda x: np.arccos(x), x=X), BAD, ["np.arccos", "fl.tanh"]),
    "np.dot": (lambda _: traced(lambda x: np.dot(x, x), x=X), BAD, ["8×3", "as many columns"]),
    "constant text": (lambda _: traced(lambda x: x + "a", x=X), BAD, ["numbers", "'a'"]),
    "constant NaN": (lambda _: traced(lambda x: x * NAN, x=X), BAD, ["NaN"]),
    "argument text": (lambda _: traced(lambda x: x * 2, x="text"), BAD, ["x must be numbers"]),
    "argument NaN": (lambda _: traced(lambda x: x * 2, x=[1.0, NAN]), BAD, ["x has 1", "(1,)"]),
    "argument ragged": (lambda _: traced(lambda x: x, x=[[1], [2, 3]]), BAD, ["equal length"]),
    "index": (lambda _: traced(lambda x: x[9], x=X), BAD, ["x[9] of 8×3", "9"]),
    "empty slice": (lambda _: traced(lambda x: x[9:], x=X), BAD, ["nothing would be left"]),
    "fancy index": (lambda _: traced(lambda x: x[[0, 9]], x=X), BAD, ["axis 0", "0 to 7", "9"]),
    "axis": (lambda _: traced(lambda x: fl.sum(x, axis=2), x=X), BAD, ["axis 2", "8×3"]),
    "argmax axis": (lambda _: traced(lambda x: fl.argmax(x, axis=5), x=X), BAD, ["axis 5"]),
    "axis twice": (lambda _: traced(lambda x: fl.max(x, axis=(0, -2)), x=X), BAD, ["twice"]),
    "concatenate": (lambda _: traced(lambda x: fl.concatenate([x, x[:, 1:]], axis=0), x=X), BAD,
                    ["concatenate", "8×3", "8×2"]),
    "reshape": (lambda _: traced(lambda x: fl.reshape(x, (5, 5)), x=X), BAD, ["8×3", "(5, 5)"]),
    "window": (lambda _: traced(lambda x: fl.patches(x, (9, 9)), x=X), BAD, ["patches"]),
    "top": (lambda _: traced(lambda x: fl.top(x, 4), x=X), BAD, ["top", "k=4"]),
    "rows": (lambda _: traced(lambda t, n: fl.rows(t, n), t=X, n=[8.0]), BAD, ["0 to 7", "8"]),
    "rows -1": (lambda _: traced(lambda t, n: fl.rows(t, n), t=X, n=[-1.0]), BAD, ["-1"]),
    "rows 0.5": (lambda _: traced(lambda t, n: fl.rows(t, n), t=X, n=[0.5]), BAD, ["whole"]),
    "key": (lambda _: traced(lambda k: fl.uniform(k, (2,)), k=[-1.0]), BAD, ["key", "whole"]),
    "einsum letters": (lambda _: traced(lambda x: fl.einsum("ij->ijk", x), x=X), BAD,
                       ["ij->ijk", "ij,jk->ik"]),
    "einsum twice": (lambda _: traced(lambda x: fl.einsum("ij->ii", x), x=X), BAD, ["ij->ii"]),
    "einsum count": (lambda _: traced(lambda x: fl.einsum("ij,jk", x), x=X), BAD,
                     ["for 2 matr", "1"]),
    "einsum signs": (lambda _: traced(lambda x: fl.einsum("i*j", x), x=X), BAD,
                     ["letters, commas"]),
    "einsum sizes": (lambda _: traced(lambda x: fl.einsum("ij,jk->i", x, x), x=X), BAD,
                     ["ij,jk->i", "j", "3 and 8"]),
    "einsum number": (lambda _: traced(lambda x: fl.einsum(3, x), x=X), BAD, ["signature", "3"]),
    "clip": (lambda _: traced(lambda x: fl.clip(x), x=X), BAD, ["clip", "a lower bound"]),
    "clip turned": (lambda _: traced(lambda x: fl.clip(x, 1, 0), x=X), BAD, ["low", "1 and 0"]),
    "var ddof": (lambda _: traced(lambda x: fl.var(x, 0, ddof=8), x=X), BAD, ["ddof", "0 to 7"]),
    "std axis": (lambda _: traced(lambda x: fl.std(x, axis=2), x=X), BAD, ["std", "axis 2", "8×3"]),
    "norm ord": (lambda _: traced(lambda x: np.linalg.norm(x, 1), x=X), BAD, ["norm", "ord=1"]),
    "stack sizes": (lambda _: traced(lambda x: fl.stack([x, x[0]]), x=X), BAD, ["8×3 and 3"]),
    "stack axis": (lambda _: traced(lambda x: fl.stack([x], axis=3), x=X), BAD,
                   ["axis", "-3 to 2"]),
    "stack x": (lambda _: traced(lambda x: fl.stack(x), x=X), BAD, ["stack", "list of matrices"]),
    "round": (lambda _: traced(lambda x: fl.round(x, 0.5), x=X), BAD, ["decimals", "0.5"]),
    "sort axis": (lambda _: traced(lambda x: fl.sort(x, axis=2), x=X), BAD, ["sort: axis 2"]),
    "cumsum axis": (lambda _: traced(lambda x: fl.cumsum(x, axis=5), x=X), BAD, ["cumsum", "5"]),
    "softmax axis": (lambda _: traced(lambda x: fl.softmax(x, axis=5), x=X), BAD, ["softmax", "5"]),
    "softmax dim": (lambda _: traced(lambda x: fl.softmax(x, dim=1), x=X), BAD, ["softmax", "dim"]),
    "along": (lambda _: traced(lambda x: fl.take_along_axis(x, x[:2], 1), x=X), BAD,
              ["8×3", "2×3", "but for axis 1"]),
    "where shapes": (lambda _: traced(lambda x: fl.where(x, ONES(2), x), x=X), BAD,
                     ["where", "8×3"]),
    "mod shapes": (lambda _: traced(lambda x: x % ONES(2), x=X), BAD, ["remainder", "8×3"]),
    "squeeze": (lambda _: traced(lambda x: np.squeeze(x, 0), x=X), BAD, ["squeeze", "length 1"]),
    "einsum axes": (lambda _: traced(lambda x: fl.einsum("ijk,jk->ik", x, x), x=X), BAD,
                    ["3 axes", "8×3"]),
    "descend nothing": (lambda _: traced(lambda x: x * 2, x=X).descend(), BAD, ["descend"]),
    "descend C": (lambda _: traced(lambda x: x * 2, x=X).descend("C"), BAD, ["C is not an input"]),
    "descend rate": (lambda _: traced(lambda x: x * 2, x=X).descend("x", learning_rate=0), BAD,
                     ["descend", "above 0"]),
    "no influence": (lambda _: traced(lambda x, w: x * 2, x=X, w=X).descend("w"), BAD,
                     ["does not depend on w"]),
}  # fmt: skip


def fragments_of(case: Case, given: Any) -> None:
    call, error, fragments = case
    with pytest.raises(error) as caught:
        call(given)
    message = str(caught.value)
    for fragment in fragments:
        assert fragment in message, message
    assert len(message) > 25, "a sentence, not a grunt"


@pytest.mark.parametrize("name", FORMING)
def test_forming_a_network(name: str) -> None:
    fragments_of(FORMING[name], None)


@pytest.mark.parametrize("name", TRACING)
def test_tracing_a_function(name: str) -> None:
    fragments_of(TRACING[name], None)


@pytest.mark.parametrize("name", USING)
def test_a_refused_call_changes_nothing(name: str) -> None:
    net = fl.form_network([4, 1], X, Y, seed=1)
    fl.learn(net, learning_rate=0.5, iterations=4)
    net.trace.move(net.trace.end_of("backward"))
    before = state(net)
    fragments_of(USING[name], net)
    after = state(net)
    assert before.keys() == after.keys()
    for key, value in before.items():
        np.testing.assert_array_equal(after[key], value, err_msg=str(key))


def state(net: fl.Network) -> dict[str, Any]:
    trace = net.trace
    found: dict[str, Any] = {n: m.value for n, m in trace.matrices.items() if m.ready}
    return found | {
        "position": trace.position, "version": trace.version, "names": list(trace.matrices),
        "iteration": net.history.iteration, "iterations": net.history.iterations,
        "costs": net.history.costs, "activations": net.activations,
    }  # fmt: skip


def test_a_number_that_only_a_later_step_refuses_changes_nothing() -> None:
    trace = traced(lambda t, n, w: fl.rows(t, n) * w, t=X, n=[1.0, 7.0], w=2.0)
    trace.descend("w", learning_rate=0.01)
    assert trace.history is not None
    trace.history.advance(3)
    before = {n: m.value for n, m in trace.matrices.items()}
    records = trace.history.iterations
    with pytest.raises(fl.BadInput, match="0 to 7"):
        trace.set("n", 8.0, (0,))
    for n, value in before.items():
        np.testing.assert_array_equal(trace[n].value, value, err_msg=n)
    assert trace.history.iterations == records
    trace.history.advance(3)


# -- data and files ---------------------------------------------------------------------------


def test_csv_files(tmp_path: Path) -> None:
    read = fl.matrix_data_preprocessor
    file = tmp_path / "weather.csv"
    file.write_text("wind, rain,name\n1,0.5,a\n2,-1e3,b\n\n3,4,c\n", encoding="utf-8")
    np.testing.assert_array_equal(read(file, columns=["rain"]), [[0.5], [-1000.0], [4.0]])
    found = read(str(file), columns=["rain", "wind"], rows=2, first_row=1)
    np.testing.assert_array_equal(found, [[-1000.0, 2.0], [4.0, 3.0]])
    for columns, error, fragments in (
        (None, BAD, ["weather.csv", "line 2", "name", "'a'"]),
        (["name"], BAD, ["weather.csv", "'a'"]),
        (["rian"], UNKNOWN, ["column 'rian'", "mean 'rain'"]),
    ):
        with pytest.raises(error) as caught:
            read(file, columns=columns)
        assert all(f in str(caught.value) for f in fragments), str(caught.value)
    with pytest.raises(BAD, match=r"there is no file .*wether\.csv"):
        read(tmp_path / "wether.csv")
    (tmp_path / "empty.csv").write_text("\n", encoding="utf-8")
    with pytest.raises(BAD, match=r"empty\.csv has no rows"):
        read(tmp_path / "empty.csv")
    (tmp_path / "ragged.csv").write_text("1,2\n3\n", encoding="utf-8")
    with pytest.raises(BAD, match="unequal"):
        read(tmp_path / "ragged.csv")
    (tmp_path / "nan.csv").write_text("1,2\nnan,4\n", encoding="utf-8")
    with pytest.raises(BAD, match="line 2, column 1: 'nan' is not a number"):
        read(tmp_path / "nan.csv")
    (tmp_path / "plain.csv").write_text("1,2\n3,4\n5,6\n", encoding="utf-8")
    np.testing.assert_array_equal(read(tmp_path / "plain.csv"), [[1, 2], [3, 4], [5, 6]])
    net = fl.form_network([2, 1], tmp_path / "plain.csv", [[0], [1], [0]])
    assert net.sizes == [2, 2, 1]


def test_frames_arrays_lists_and_parts_of_them() -> None:
    import pandas as pd

    read = fl.matrix_data_preprocessor
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "c": ["x", "y", "z"]})
    np.testing.assert_array_equal(read(frame, columns=["b", "a"]), [[0.5, 1], [1.5, 2], [2.5, 3]])
    with pytest.raises(BAD, match="numbers"):
        read(frame)
    with pytest.raises(UNKNOWN, match="column 'd'"):
        read(frame, columns=["d"])
    np.testing.assert_array_equal(read([1, 2, 3]), [[1], [2], [3]])
    table = np.arange(20.0).reshape(4, 5)
    found = read(table, rows=2, columns=3, first_row=1, first_column=2)
    np.testing.assert_array_equal(found, table[1:3, 2:5])
    for more in ({"rows": 5}, {"columns": 6}, {"first_row": 4}, {"rows": 0}, {"rows": 1.5},
                 {"first_column": -1}, {"columns": ["a"]}):  # fmt: skip
        with pytest.raises(BAD):
            read(table, **more)
    found[...] = 0
    assert table[1, 2] == 7, "a copy"
