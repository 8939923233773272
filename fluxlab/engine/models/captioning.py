"""Captioning: words about an image, each written while looking at some of its patches."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.optimizers import GradientDescent
from fluxlab.engine.catalogue.losses import one_hot
from fluxlab.engine.layers.captioner import Captioner
from fluxlab.engine.models.transformer import side_by_side
from fluxlab.engine.networks.design import Design, learning
from fluxlab.engine.tracing import Trace


def EXAMPLE() -> Trace:
    """Two images of 2 x 6 pixels, cut into three patches; captions of two words; two heads."""
    images = np.random.default_rng(5).normal(size=(2, 12))
    caption = np.array([[2, 4], [3, 2]])
    layer = Captioner(5, rows=2, columns=6, patch=2, features=4, heads=2, hidden=3)
    design = Design([layer], "cross_entropy_logits", GradientDescent(0.5), seed=4)
    target = one_hot(caption, 5).reshape(2, 2, 5)
    return learning(design, side_by_side(images, caption), target, {}, "captions by attention")
