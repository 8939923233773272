"""Networks saved before the engine had rooms: they load, predict and learn on as they did then."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import fluxlab as fl

SAVED = Path(__file__).parent / "saved"
TOLD = json.loads((SAVED / "told.json").read_text("utf-8"))


def test_there_is_a_file_of_every_kind() -> None:
    assert {path.stem for path in SAVED.glob("*.npz")} == TOLD.keys()
    assert len(TOLD) == 7


@pytest.mark.parametrize("name", TOLD)
def test_a_network_saved_earlier_goes_on(name: str) -> None:
    net = fl.Network.load(SAVED / f"{name}.npz")
    assert net.history.iteration == 7
    # Another machine's BLAS may round the last digit in another way.
    predicted = net.predict(net._data[0][:3])
    np.testing.assert_allclose(predicted, TOLD[name]["predicted"], rtol=1e-10, atol=1e-12)
    net.advance(5)
    cost = float(net.trace.cost.value.reshape(()))
    assert cost == pytest.approx(TOLD[name]["cost after 5 more"], rel=1e-10)
