"""Multi-head attention: several attentions side by side, each with an eye for something else."""

from __future__ import annotations

from fluxlab.engine.building.building import Building
from fluxlab.engine.building.fields import layer
from fluxlab.engine.catalogue.ops import reshape
from fluxlab.engine.core.errors import BadInput
from fluxlab.engine.core.matrix import Matrix
from fluxlab.engine.layers.attention import attend, check_sequences, project, projection


@layer
class MultiHead:
    """Several attentions side by side, each on its own share of the features.

    x (samples, queries, features) looks at memory (samples, keys, features), by default at
    itself. The projections' columns are dealt out to the heads, so q, k and v are
    (samples, steps, heads, features / heads) and scores and weights (samples, heads, queries,
    keys). The heads' contexts stand side by side again and go through weights of scope "output".
    `mask` broadcasts to (samples, heads, queries, keys). (Vaswani and others, 2017, 3.2.2.)
    """

    heads: int

    def __call__(
        self, x: Matrix, building: Building, memory: Matrix | None = None,
        mask: Matrix | None = None,
    ) -> Matrix:  # fmt: skip
        check_sequences("MultiHead", x, memory)
        n, heads = x.shape[-1], int(self.heads)
        if n % heads:
            raise BadInput(
                f"MultiHead: the {n} features must be dealt out to the heads evenly, got "
                f"heads={self.heads!r}. Take a number that divides {n}."
            )
        q, k, v = (
            reshape(m, (*m.shape[:-1], heads, n // heads)).named(
                name, axes=(m.axes[0], place, "head", "feature")
            )
            for m, name, place in zip(
                project(x, x if memory is None else memory, n, building),
                "qkv",
                ("query", "key", "key"),
                strict=True,
            )
        )
        context = attend(q, k, v, mask, "sqhd,skhd->shqk", "shqk,skhd->sqhd").named("context")
        joined = reshape(context, x.shape).named("heads side by side", axes=x.axes)
        return projection("output", joined, n, building)
