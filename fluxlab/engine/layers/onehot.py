"""Token numbers as rows of zeros with a single one."""

from __future__ import annotations

import numpy as np

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.ops import rows
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.layers.embedding import check_tokens


@layer
class OneHot:
    """Tokens 1 to `tokens`, (samples, steps), to h (samples, steps, tokens).

    Token 0 is padding: a row of zeros.
    """

    tokens: int

    def __call__(self, x: Matrix, building: Building) -> Matrix:
        building.read(check_tokens("OneHot", x, self.tokens + 1))
        table = np.eye(self.tokens + 1)[:, 1:]
        h: Matrix = rows(x.trace.constant(table).named("table", axes=("token", "feature")), x)
        return h.named("h", axes=(x.axes[0], "step", "feature"))
