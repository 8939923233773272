"""Image augmentation: while learning, every image is shifted, turned, scaled, sheared, flipped."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.moving import move_images
from fluxlab.engine.catalogue.ops import add, greater, multiply, subtract
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix


@layer
class Augment:
    """Move every image by a new random amount in each iteration, while learning only.

    x is (samples, side * side). Each amount is drawn evenly between minus and plus its limit.

    shift : pixels, down and right. rotate : degrees. scale : 0.1 is up to 10 % larger or smaller.
    shear : pixels sideways per row. flip : half of the images have left and right exchanged.
    """

    shift: float = 1.0
    rotate: float = 10.0
    scale: float = 0.1
    shear: float = 0.1
    flip: bool = False

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        limits = {"shift": self.shift, "rotate": self.rotate, "scale": self.scale}
        for name, limit in (limits | {"shear": self.shear}).items():
            if not np.isfinite(limit) or limit < 0 or (name == "scale" and limit >= 1):
                below = " and below 1" if name == "scale" else ""
                raise BadInput(f"Augment: {name} must be 0 or more{below}, got {limit!r}.")
        spans = {
            "down": self.shift, "right": self.shift, "turn": float(np.deg2rad(self.rotate)),
            "zoom": self.scale, "shear": self.shear, "flip": float(self.flip),
        }  # fmt: skip
        chosen = [name for name, span in spans.items() if span]
        if not building.training or not chosen:
            return x
        # One row of amounts for each image, spread evenly around their middles.
        middles = np.array([[float(name == "zoom")] for name in chosen])
        span = np.array([[spans[name]] for name in chosen])
        draw = building.random((x.shape[0], len(chosen), 1)).named("draw")
        even = multiply(2.0, subtract(draw, 0.5).named("draw around 0")).named("draw from -1 to 1")
        most = x.trace.constant(span).named("largest amounts")
        usual = x.trace.constant(middles).named("usual amounts")
        drawn = add(multiply(even, most).named("drawn differences"), usual)
        drawn.named("amounts", axes=("sample", "amount", None))
        amounts = {name: drawn[:, i : i + 1].named(name) for i, name in enumerate(chosen)}
        if self.flip:
            turned = greater(amounts["flip"].named("flip draw"), 0.0).named("flipped")
            twice = multiply(2.0, turned).named("twice flipped")
            amounts["flip"] = subtract(1.0, twice).named("flip")
        h: Matrix = move_images(x, **amounts)
        return h.named("h", axes=x.axes)
