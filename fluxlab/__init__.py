"""FluxLab: see every number of backpropagation, and ask each one why.

Everything is loaded when it is first used, so that `import fluxlab` costs little.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "fluxlab.engine.tracing": ("trace",),
    "fluxlab.engine.backward": ("shares",),
    "fluxlab.engine.trace": ("scope", "Trace", "Matrix", "Step"),
    "fluxlab.engine.flux": (
        "form_network", "forward_pass", "back_propagation", "learn", "predict",
    ),
    "fluxlab.engine.network": ("Network",),
    "fluxlab.engine.models.perceptron": ("perceptron", "settle"),
    "fluxlab.engine.models.hebb": ("hebb",),
    "fluxlab.engine.models.anomaly": ("anomaly", "anomaly_scores"),
    "fluxlab.engine.models.autoencoder": ("autoencoder", "encode", "decode"),
    "fluxlab.engine.models.denoising": ("denoising_autoencoder",),
    "fluxlab.engine.models.bert": ("bert", "mask_words", "sentence_pairs", "fine_tune"),
    "fluxlab.engine.models.xlnet": ("xlnet",),
    "fluxlab.engine.layers.bert": ("BertEncoder", "BertHeads", "ClassPlace"),
    "fluxlab.engine.layers.xlnet": ("XLNet",),
    "fluxlab.engine.models.lenet": ("lenet",),
    "fluxlab.engine.models.stacked": ("pretrain", "stack", "classifier"),
    "fluxlab.engine.models.stdp": ("stdp", "stdp_window"),
    "fluxlab.engine.capacity": ("separable", "count_separable", "cover", "capacity"),
    "fluxlab.engine.ensembles": (
        "Ensemble", "restarts", "bagging", "bootstrap", "average", "vote",
    ),
    "fluxlab.engine.layers.augment": ("Augment",),
    "fluxlab.engine.moving": ("move_images",),
    "fluxlab.engine.images": ("output_size", "receptive_field"),
    "fluxlab.engine.layers.attention": ("Attention", "SelfAttention"),
    "fluxlab.engine.layers.bidirectional": ("Bidirectional",),
    "fluxlab.engine.layers.captioner": ("Captioner",),
    "fluxlab.engine.layers.conv": ("Conv",),
    "fluxlab.engine.layers.decoder": ("DecoderLayer",),
    "fluxlab.engine.layers.dense": ("Dense",),
    "fluxlab.engine.layers.dropout": ("Dropout",),
    "fluxlab.engine.layers.embedding": ("Embedding",),
    "fluxlab.engine.layers.encoder": ("Encoder", "EncoderLayer"),
    "fluxlab.engine.layers.encoder_decoder": ("EncoderDecoder",),
    "fluxlab.engine.layers.feedforward": ("FeedForward",),
    "fluxlab.engine.layers.flatten": ("Flatten", "Image"),
    "fluxlab.engine.layers.generate": ("Generate",),
    "fluxlab.engine.layers.gru": ("GRU",),
    "fluxlab.engine.layers.highway": ("Highway",),
    "fluxlab.engine.layers.inception": ("Inception",),
    "fluxlab.engine.layers.lstm": ("LSTM",),
    "fluxlab.engine.layers.masks": ("padding_mask", "causal_mask", "order_mask"),
    "fluxlab.engine.layers.multihead": ("MultiHead",),
    "fluxlab.engine.layers.noise": ("Noise",),
    "fluxlab.engine.layers.norm": ("BatchNorm", "LayerNorm"),
    "fluxlab.engine.layers.onehot": ("OneHot",),
    "fluxlab.engine.layers.peephole": ("PeepholeLSTM", "FullPeepholeLSTM"),
    "fluxlab.engine.layers.pool": ("MaxPool", "AveragePool"),
    "fluxlab.engine.layers.positions": ("Sinusoidal", "LearnedPositions", "sin"),
    "fluxlab.engine.layers.residual": ("Residual",),
    "fluxlab.engine.layers.rnn": ("RNN",),
    "fluxlab.engine.layers.stochastic": ("StochasticBinary",),
    "fluxlab.engine.layers.temperature": ("Temperature",),
    "fluxlab.engine.layers.transformer": ("Transformer",),
    "fluxlab.engine.optimizers": (
        "OPTIMIZERS", "GradientDescent", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam",
    ),
    "fluxlab.engine.schedules": ("Constant", "StepDecay", "ExponentialDecay", "CosineDecay"),
    "fluxlab.engine.regularizers": ("L1", "L2", "ClipValue", "ClipNorm"),
    "fluxlab.engine.initializers": ("INITIALIZERS",),
    "fluxlab.engine.rowwise": ("masked_softmax",),
    "fluxlab.engine.data": ("matrix_data_preprocessor",),
    "fluxlab.engine.activations": ("ACTIVATIONS",),  # and each of them; see `_activations`
    "fluxlab.engine.losses": (
        "COSTS", "mse", "mae", "binary_cross_entropy", "binary_cross_entropy_logits",
        "cross_entropy", "cross_entropy_logits", "hinge", "triplet", "contrastive", "one_hot",
    ),
    "fluxlab.engine.search": ("beam_search", "greedy_search", "next_token_of"),
    "fluxlab.engine.data.tokenizer": (
        "CharacterTokenizer", "BytePairTokenizer", "padded",
        "PADDING", "START", "END", "MASK", "SEPARATOR", "CLASS",
    ),
    "fluxlab.engine.errors": ("BadInput", "UnknownName", "NotComputed", "NoGradient", "Diverged"),
    "fluxlab.engine.ops": (
        "absolute", "argmax", "concatenate", "einsum", "exp", "expand", "greater", "hold", "log",
        "max", "maximum", "mean", "outer", "pad", "reshape", "rows", "sqrt", "sum",
        "top", "transpose", "uniform",
    ),
    "fluxlab.engine.windows": ("patches",),
    "fluxlab.widgets.board": ("Board",),
    "fluxlab.widgets.stepper": ("Stepper",),
    "fluxlab.widgets.explain": ("Explain",),
    "fluxlab.widgets.knobs": ("Knobs",),
    "fluxlab.widgets.network": ("NetworkPicture", "visualize_network"),
    "fluxlab.widgets.curve": ("Curve",),
    "fluxlab.widgets.lab": ("Lab",),
    "fluxlab.widgets.question": ("Question",),
    "fluxlab.widgets.find_the_bug": ("FindTheBug",),
    "fluxlab.widgets.progress": ("progress",),
    "fluxlab.plots": ("plot_mse_vs_iterations",),
}  # fmt: skip
_WHERE = {name: module for module, names in _HOME.items() for name in names}


def _activations() -> dict[str, Any]:
    """`fl.tanh` and the others: a new activation is public without an entry here."""
    found: dict[str, Any] = importlib.import_module("fluxlab.engine.activations").ACTIVATIONS
    return found


def __getattr__(name: str) -> Any:
    if name in ("data", "metrics"):
        return importlib.import_module(f"fluxlab.engine.{name}")
    if name in _WHERE:
        value = getattr(importlib.import_module(_WHERE[name]), name)
    elif not name.startswith("_") and name in _activations():
        value = _activations()[name]
    else:
        import difflib

        near = difflib.get_close_matches(name, __dir__(), n=1)
        hint = f" Did you mean fl.{near[0]}?" if near and not name.startswith("_") else ""
        raise AttributeError(f"module 'fluxlab' has no attribute {name!r}.{hint}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_WHERE, *_activations(), "data", "metrics", "__version__"])
