"""Whatever is given to a public function: it works, or it is refused in FluxLab's own words.

Each argument of each function is exchanged for things that it was not made for. An error that
rises from inside NumPy or Python says nothing about what to do, so none may come through.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fluxlab as fl

ODD: list[Any] = [
    float("nan"), float("inf"), -1, 0, 2.5, "text", "", None, [], {}, True, [[1, 2], [3]],
    np.ones((3, 2)), np.array(["a"]), np.zeros((0, 3)), object(), 1j, [None], (1, 2),
    lambda *given, **named: None,
]  # fmt: skip
OURS = (fl.BadInput, fl.UnknownName, fl.NotComputed, fl.NoGradient, fl.Diverged)
X, Y = fl.data.parity(3)
P, T = np.array([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]]), np.array([1, 0, 1])
SCORES, TRUE = np.array([0.2, 0.7, 0.6, 0.1]), np.array([0, 1, 0, 1])
BOX = [[0.0, 0.0, 1.0, 1.0]]
FOUND, TRUTH = [(BOX, [0.5], [0])], [(BOX, [0])]
LAYERS = [fl.Dense(2, "tanh"), fl.Dense(1)]
Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def network() -> fl.Network:
    return fl.Network(LAYERS, X, Y, optimizer="gradient_descent")


def traced() -> fl.Trace:
    made = fl.trace(lambda x, w: fl.tanh(x @ w), x=P, w=np.ones((2, 2)))
    made.backward()
    return made


def on(make: Callable[[], Any], method: str) -> Callable[..., Any]:
    return lambda *given, **named: getattr(make(), method)(*given, **named)


def calls() -> Iterator[tuple[str, Call]]:
    m, d = fl.metrics, fl.data
    for name in fl.ACTIVATIONS:
        yield name, (fl.ACTIVATIONS[name], (P,), {})
    for name, cost in fl.COSTS.items():
        yield name, (cost, (P, P), {})
    for name in ("accuracy", "error_rate", "confusion_matrix", "counts", "roc_curve", "auc",
                 "precision_recall_curve", "average_precision", "mse", "rmse", "mae",
                 "r_squared"):  # fmt: skip
        yield f"{name} of one column", (getattr(m, name), (SCORES, TRUE), {})
        yield f"{name} of classes", (getattr(m, name), (P, T), {})
    for name in ("precision", "recall", "specificity", "f1"):
        yield name, (getattr(m, name), (SCORES, TRUE), {"average": "macro", "threshold": 0.5})
    for name in ("absolute", "argmax", "exp", "log", "max", "mean", "sqrt", "sum", "transpose"):
        yield f"fl.{name}", (getattr(fl, name), (P,), {})
    for name in ("argmax", "max", "mean", "sum"):
        yield f"fl.{name} along", (getattr(fl, name), (P,), {"axis": 0})
    yield from {
        "Network": (fl.Network, (LAYERS, X, Y), {
            "cost": "mse", "optimizer": "adam", "schedule": None, "regularizers": (), "clip": None,
            "batch": None, "seed": 0,
        }),
        "form_network": (fl.form_network, ([2, 1], X, Y), {
            "hidden_activation": "tanh", "output_activation": "sigmoid", "learning_rate": 0.1,
            "seed": 0,
        }),
        "fit": (on(network, "fit"), (), {
            "epochs": 1, "validation": (X, Y), "patience": 2, "progress": False,
        }),
        "evaluate": (on(network, "evaluate"), (X, Y), {}),
        "predict": (on(network, "predict"), (X,), {}),
        "load": (fl.Network.load, ("no such file",), {}),
        "to_numpy": (on(network, "to_numpy"), (1,), {}),
        "set_activation": (on(network, "set_activation"), (1, "tanh"), {}),
        "set_samples": (on(network, "set_samples"), ([1, 2],), {}),
        "learn": (fl.learn, (network(),), {"learning_rate": 0.1, "iterations": 1}),
        "forward_pass": (fl.forward_pass, (network(),), {}),
        "back_propagation": (fl.back_propagation, (network(),), {}),
        "predicted": (m.predicted, (SCORES,), {"threshold": 0.5}),
        "perplexity": (m.perplexity, (P, T), {}),
        "bleu": (m.bleu, ("a b c", "a b c d"), {"order": 2}),
        "rouge_n": (m.rouge_n, ("a b c", "a b c d"), {"n": 2}),
        "rouge_l": (m.rouge_l, ("a b c", "a b c d"), {}),
        "iou": (m.iou, (BOX, BOX), {}),
        "box_precisions": (m.box_precisions, (FOUND, TRUTH), {"threshold": 0.5}),
        "boxes, scores, classes": (
            lambda *part: m.box_precisions([part], TRUTH), (BOX, [0.5], [0]), {}),
        "spirals": (d.spirals, (), {"samples": 9, "turns": 1.5, "noise": 0.1, "seed": 0}),
        "moons": (d.moons, (), {"samples": 9, "noise": 0.1, "seed": 0}),
        "circles": (d.circles, (), {"samples": 9, "noise": 0.1, "seed": 0}),
        "blobs": (d.blobs, (), {"samples": 9, "classes": 3, "spread": 1.0, "seed": 0}),
        "polynomial": (d.polynomial, (), {
            "coefficients": (1.0, 2.0), "samples": 9, "noise": 0.1, "seed": 0,
        }),
        "bits": (d.bits, (3,), {}),
        "gate": (d.gate, ("and",), {}),
        "split": (d.split, (np.arange(20.0).reshape(10, 2), np.arange(10)), {
            "validation": 0.2, "test": 0.2, "scaling": "standard", "seed": 0,
        }),
        "table": (d.table, ("no.csv", "a"), {"features": ["b"], "classes": None}),
        "matrix_data_preprocessor": (fl.matrix_data_preprocessor, (X,), {
            "rows": 2, "columns": 2, "first_row": 0, "first_column": 0,
        }),
        "perceptron": (fl.perceptron, (X, Y), {"learning_rate": 1.0, "w": ((0.0,),) * 3, "b": 0.0}),
        "settle": (lambda trace, most: fl.settle(trace, most), (
            fl.perceptron(*d.gate("and")), 10), {}),
        "hebb": (fl.hebb, (X, np.ones((3, 2))), {"learning_rate": 0.1}),
        "stdp": (fl.stdp, ([1.0, 2.0], [3.0]), {
            "w": 0.5, "learning_rate": 1.0, "strengthen": 0.1, "weaken": 0.1, "tau": 20.0,
        }),
        "stdp_window": (fl.stdp_window, ([1.0],), {"strengthen": 0.1, "weaken": 0.1, "tau": 20.0}),
        "separable": (fl.separable, (X, Y), {}),
        "count_separable": (fl.count_separable, (X,), {}),
        "cover": (fl.cover, (3, 2), {}),
        "capacity": (fl.capacity, (2,), {"most": 3, "seed": 0}),
        "restarts": (fl.restarts, (lambda seed: network(), 1), {"epochs": 1, "seed": 0}),
        "bagging": (fl.bagging, (lambda x, t, seed: network(), X, Y, 1), {"epochs": 1, "seed": 0}),
        "bootstrap": (fl.bootstrap, (5, 0), {}),
        "average": (fl.average, ([P, P],), {}),
        "average with": (lambda y: fl.average([P, y]), (P,), {}),
        "vote": (fl.vote, ([P, P],), {}),
        "Ensemble": (lambda members: fl.Ensemble(members).predict(X), ((network(),),), {}),
        "move_images": (fl.move_images, (np.ones((2, 9)),), {
            "down": 1.0, "right": 1.0, "turn": 0.1, "zoom": 1.1, "shear": 0.1, "flip": 1.0,
        }),
        "triplet": (fl.triplet, (P, P, P), {"margin": 1.0}),
        "contrastive": (fl.contrastive, (P, P, np.ones((3, 1))), {"margin": 1.0}),
        "one_hot": (fl.one_hot, (T, 2), {}),
        "concatenate": (fl.concatenate, ([P, P],), {"axis": 0}),
        "expand": (fl.expand, (P, (3, 2)), {}),
        "reshape": (fl.reshape, (P, (2, 3)), {}),
        "transpose": (fl.transpose, (P, (1, 0)), {}),
        "pad": (fl.pad, (P, [(1, 0), (0, 0)]), {}),
        "rows": (fl.rows, (P, T), {}),
        "top": (fl.top, (SCORES, 2), {"axis": 0}),
        "uniform": (fl.uniform, (0.0, (2,)), {"seed": 0}),
        "einsum": (fl.einsum, ("ij,jk->ik", P, P.T), {}),
        "outer": (fl.outer, (SCORES, SCORES), {}),
        "maximum": (fl.maximum, (P, 0.0), {}),
        "patches": (fl.patches, (np.ones((4, 4)), (2, 2)), {}),
        "trace.set": (on(traced, "set"), ("w", 1.0, (0, 0)), {}),
        "trace.descend": (on(traced, "descend"), ("w",), {"learning_rate": 0.1}),
        "trace.check": (on(traced, "check"), ("dC_dw",), {"epsilon": 1e-5, "index": (0, 0)}),
        "trace.move": (on(traced, "move"), (1,), {}),
        "trace.end_of": (on(traced, "end_of"), ("forward",), {}),
        "trace[...]": (on(traced, "__getitem__"), ("w",), {}),
        "explain": (lambda *index: traced()["w"].explain(*index), (0, 0), {}),
    }.items()  # fmt: skip


CALLS = dict(calls())


@pytest.mark.parametrize("name", CALLS)
def test_it_works_or_says_what_is_wrong(name: str) -> None:
    function, arguments, named = CALLS[name]
    for place in [*range(len(arguments)), *named]:
        for odd in ODD:
            given, more = list(arguments), dict(named)
            if isinstance(place, int):
                given[place] = odd
            else:
                more[place] = odd
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    warnings.filterwarnings("ignore", "form_network: the input layer")
                    function(*given, **more)
            except OURS as problem:
                if len(str(problem)) <= 25:
                    pytest.fail(f"{name}, argument {place}, given {odd!r}: a grunt, {problem}")
            except Exception as problem:
                pytest.fail(f"{name}, argument {place}, given {odd!r}: {problem!r}")
