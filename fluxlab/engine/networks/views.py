"""FLUX's eleven matrices of a layer, by FLUX's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fluxlab.engine.core.errors import UnknownAttribute
from fluxlab.engine.core.numbers import Array, shown
from fluxlab.engine.layers.dense import Dense

if TYPE_CHECKING:
    from fluxlab.engine.networks.network import Network

# FLUX's eleven matrices of a layer, and what they are called in the trace.
FLUX_MATRICES = {
    "weights_matrix": "w", "bias_matrix": "b", "input_matrix": "x",
    "weight_and_input_matrix": "x @ w", "weight_input_bias_matrix": "a",
    "activated_output_matrix": "h", "dC_dy_matrix": "dC_dh", "dC_da_matrix": "dC_da",
    "dC_dw_matrix": "dC_dw", "dC_db_matrix": "dC_db", "dh_da_matrix": "dh_da",
}  # fmt: skip


class LayerView:
    """FLUX's eleven matrices of one layer, as copies: `layer.dC_dw_matrix`, (inputs, neurons).

    `weights_matrix` and `bias_matrix` can also be set. In FLUX's words `dC_dy_matrix` is the
    cost's derivative with respect to the layer's output; for the last layer that is y.
    """

    network: Network
    number: int
    name: str

    def __init__(self, network: Network, number: int) -> None:
        vars(self).update(network=network, number=number, name=f"layer {number}")

    def __getattr__(self, name: str) -> Array:
        if name not in FLUX_MATRICES:
            raise UnknownAttribute(
                f"A layer has no {name!r}. Its matrices: {', '.join(FLUX_MATRICES)}."
            )
        numbers = self.network.trace[self._full(name)].value.view(np.ndarray)
        settable = name in ("weights_matrix", "bias_matrix")
        how = (
            f"net.layers[{self.number - 1}].{name} = numbers sets all of it."
            if settable
            else f"{name} is computed; set weights_matrix or bias_matrix."
        )
        return shown(numbers, how)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("weights_matrix", "bias_matrix"):
            raise UnknownAttribute(f"{name} cannot be set; weights_matrix and bias_matrix can.")
        self.network.trace.set(self._full(name), value)

    def _full(self, name: str) -> str:
        return f"{self.name}/{FLUX_MATRICES[name]}"

    def __dir__(self) -> list[str]:
        return [*FLUX_MATRICES]

    def __repr__(self) -> str:
        trace, layer = self.network.trace, self.network.design.layers[self.number - 1]
        if not isinstance(layer, Dense):
            return f"<{self.name}: {layer!r}>"
        inputs, neurons = trace[f"{self.name}/w"].shape
        return f"<{self.name}: {inputs} → {neurons}, {layer.activation}>"
