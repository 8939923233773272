"""Attention between a recurrent decoder and its encoder: each word looks back at what was read."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.catalogue.losses import one_hot
from fluxlab.engine.layers.encoder_decoder import EncoderDecoder
from fluxlab.engine.layers.gru import GRU
from fluxlab.engine.models.transformer import side_by_side
from fluxlab.engine.networks.design import Design, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """Two samples of three tokens, one of them padded, and answers of two, learned when told."""
    source, answer = [[2, 4, 3], [3, 2, 0]], np.array([[3, 4], [2, 3]])
    layer = EncoderDecoder(GRU(3), 5, source=3, features=4, attention=True)
    design = Design([layer], "cross_entropy_logits", GradientDescent(0.5), seed=3)
    target = one_hot(answer, 5).reshape(2, 2, 5)
    return learning(
        design, side_by_side(source, answer), target, {}, "encoder and decoder with attention"
    )
