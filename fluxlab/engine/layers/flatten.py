"""Between images and rows: the same cells in another shape."""

from __future__ import annotations

from typing import Any

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.images import AXES
from fluxlab.engine.catalogue.ops import reshape
from fluxlab.engine.core.errors import BadInput, size
from fluxlab.engine.core.matrix import Matrix


@layer
class Flatten:
    """Each sample becomes one row: (samples, ...) to (samples, features)."""

    @property
    def window(self) -> Any:
        """Refused: a layer behind it sees the whole image."""
        raise BadInput(
            "receptive_field: what comes behind Flatten depends on the whole image; give only the "
            "layers before it."
        )

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        h: Matrix = reshape(x, (x.shape[0], -1))
        return h.named("h", axes=("sample", "feature"))


@layer
class Image:
    """Each row becomes an image: (samples, features) to (samples, channels, rows, columns)."""

    channels: int
    rows: int
    columns: int

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        shape = (self.channels, self.rows, self.columns)
        cells = self.channels * self.rows * self.columns
        if len(x.shape) != 2 or x.shape[1] != cells:
            raise BadInput(
                f"Image: x must be (samples, {cells}) to become images of {size(shape)}, got "
                f"{size(x.shape)}."
            )
        h: Matrix = reshape(x, (x.shape[0], *shape))
        return h.named("h", axes=AXES)
