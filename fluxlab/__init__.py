"""FluxLab: see every number of backpropagation, and ask each one why.

What the lessons use stands right here: `fl.trace`, `fl.Network`, `fl.tanh`. The rest is grouped:
`fl.layers`, `fl.models`, `fl.optimizers`, `fl.costs`, `fl.text`, `fl.images`, `fl.networks`,
`fl.data`, `fl.metrics`. Everything is loaded when it is first used, so that `import fluxlab`
costs little.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

__version__ = "0.1.0"

# Where the names stand: {room or file: names}.
_LESSONS = {
    "engine.tracing": "trace Trace Matrix",
    "engine.core.matrix": "Step",
    "engine.core.scopes": "scope",
    "engine.core.errors": "BadInput UnknownName NotComputed NoGradient Diverged",
    "engine.readers.backward": "shares",
    "engine.catalogue.ops": (
        "absolute arctan argmax argmin argsort ceil clip concatenate cos cumsum dot einsum "
        "equal erf exp expand expm1 floor greater greater_equal hold less less_equal log log1p "
        "log_softmax logical_and logical_not logical_or logsumexp max maximum mean min minimum "
        "norm not_equal outer pad prod remainder reshape round rows sign sin sort sqrt square "
        "stack std sum take_along_axis tan top transpose uniform var where"
    ),
    "engine.catalogue.losses": "mse",
    "engine.data": "matrix_data_preprocessor",
    "engine.building.optimizers": "Adam",
    "engine.building.regularizers": "L2",
    "engine.layers.conv": "Conv",
    "engine.layers.dense": "Dense",
    "engine.layers.dropout": "Dropout",
    "engine.layers.flatten": "Flatten",
    "engine.layers.lstm": "LSTM",
    "engine.layers.pool": "MaxPool",
    "engine.networks.flux": "form_network forward_pass back_propagation learn predict",
    "engine.networks.network": "Network",
    "widgets.board.board": "Board",
    "widgets.lab.curve": "Curve",
    "widgets.lab.explain": "Explain",
    "widgets.lab.knobs": "Knobs",
    "widgets.lab.lab": "Lab",
    "widgets.lab.network": "NetworkPicture visualize_network",
    "widgets.lab.stepper": "Stepper",
    "widgets.questions.find_the_bug": "FindTheBug",
    "widgets.questions.progress": "progress",
    "widgets.questions.question": "Question",
    "plots": "plot_mse_vs_iterations",
}
_GROUPS = {
    "layers": {  # and every layer, which stands in a file of its own there
        "engine.layers.masks": "padding_mask causal_mask order_mask",
        "engine.layers.pytorch": "pytorch_weights",
        "engine.catalogue.activations": "ACTIVATIONS",
        "engine.catalogue.initializers": "INITIALIZERS",
        "engine.catalogue.rowwise": "masked_softmax",
    },
    "models": {
        "engine.models.anomaly": "anomaly anomaly_scores",
        "engine.models.autoencoder": "autoencoder encode decode",
        "engine.models.bert": "bert mask_words sentence_pairs fine_tune",
        "engine.models.denoising": "denoising_autoencoder",
        "engine.models.hebb": "hebb",
        "engine.models.lenet": "lenet",
        "engine.models.perceptron": "perceptron settle",
        "engine.models.stacked": "pretrain stack classifier",
        "engine.models.stdp": "stdp stdp_window",
        "engine.models.xlnet": "xlnet",
    },
    "optimizers": {
        "engine.building.optimizers": (
            "OPTIMIZERS GradientDescent Momentum Nesterov AdaGrad RMSprop Adam"
        ),
        "engine.building.schedules": "Constant StepDecay ExponentialDecay CosineDecay",
        "engine.building.regularizers": "L1 L2 ClipValue ClipNorm",
    },
    "costs": {
        "engine.catalogue.losses": (
            "COSTS mse mae binary_cross_entropy binary_cross_entropy_logits cross_entropy "
            "cross_entropy_logits hinge multiclass_hinge triplet contrastive one_hot"
        ),
    },
    "text": {
        "engine.text.tokenizer": (
            "CharacterTokenizer BytePairTokenizer padded PADDING START END MASK SEPARATOR CLASS"
        ),
        "engine.text.search": "beam_search greedy_search",
        "engine.networks.next_token": "next_token_of",
        "engine.networks.generate": "generate",
    },
    "images": {
        "engine.catalogue.moving": "move_images",
        "engine.catalogue.images": "output_size receptive_field",
        "engine.catalogue.windows": "patches",
    },
    "networks": {
        "engine.networks.ensembles": "Ensemble restarts bagging bootstrap average vote",
        "engine.networks.capacity": "separable count_separable cover capacity",
    },
}


def _homes(table: dict[str, str]) -> dict[str, str]:
    return {name: f"fluxlab.{home}" for home, names in table.items() for name in names.split()}


class _Group:
    """Public names of one kind, such as `fl.layers.GRU`; each is loaded when it is first used."""

    def __init__(self, name: str, homes: dict[str, str]) -> None:
        self._name, self._homes = name, homes

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            if self._name == "layers" and name not in self._homes:
                self._homes |= _layers()
            if name in self._homes:
                return getattr(importlib.import_module(self._homes[name]), name)
        raise AttributeError(_no_such(f"fl.{self._name}", name, dir(self)))

    def __dir__(self) -> list[str]:
        return sorted({*self._homes, *(_layers() if self._name == "layers" else ())})

    def __repr__(self) -> str:
        return f"fl.{self._name}: {', '.join(dir(self))}"


def _layers() -> dict[str, str]:
    """Each layer and its file: a new one is public without an entry here."""
    kinds = importlib.import_module("fluxlab.engine.layers").kinds()
    return {kind.__name__: kind.__module__ for kind in kinds}


def _activations() -> dict[str, Any]:
    """`fl.tanh` and the others: a new activation is public without an entry here."""
    home = importlib.import_module("fluxlab.engine.catalogue.activations")
    found: dict[str, Any] = home.ACTIVATIONS
    return found


def _no_such(where: str, name: str, known: list[str]) -> str:
    import difflib

    from fluxlab.engine.core.meaning import MEANING

    if name in MEANING:
        return f"{where} has no {name!r}. Write {MEANING[name]}."
    lower = {n.lower(): n for n in known}
    near = difflib.get_close_matches(name.lower(), lower, n=2, cutoff=0.75)
    names = " or ".join(f"{where}.{lower[n]}" for n in near)
    hint = f" Did you mean {names}?" if near and not name.startswith("_") else ""
    return f"{where} has no {name!r}.{hint}"


def _show(trace: Any) -> Any:
    """The board of a trace, and its steps as text: what a notebook shows of a bare `t`."""
    board = importlib.import_module("fluxlab.widgets.board.board")
    made = board.Board(trace)._repr_mimebundle_()
    bundle, more = made if isinstance(made, tuple) else (made, {})
    return {**bundle, "text/plain": repr(trace)}, more


def _show_traces() -> None:
    """Tell the notebook, if this is one; nothing is loaded before a trace is shown."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if shell is not None and hasattr(shell, "kernel"):
        shown = shell.display_formatter.mimebundle_formatter
        shown.for_type_by_name("fluxlab.engine.tracing", "Trace", _show)


_show_traces()
_WHERE = _homes(_LESSONS)
_ROOMS = {"data": "fluxlab.engine.data", "metrics": "fluxlab.engine.metrics"}


def __getattr__(name: str) -> Any:
    value = _found(name)
    globals()[name] = value
    return value


def _found(name: str) -> Any:
    if name in _GROUPS:
        return _Group(name, _homes(_GROUPS[name]))
    if name in _ROOMS:
        return importlib.import_module(_ROOMS[name])
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    if not name.startswith("_"):
        if name in _activations():
            return _activations()[name]
        for group in _GROUPS:  # fl.GRU, as it was before there were groups
            if name in dir(_found(group)):
                return getattr(_found(group), name)
    raise AttributeError(_no_such("fl", name, __dir__()))


def __dir__() -> list[str]:
    return sorted([*_WHERE, *_activations(), *_GROUPS, *_ROOMS, "__version__"])
