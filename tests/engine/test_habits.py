"""What people of other tools write: it works as meant, or says what to write here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fluxlab as fl

X, Y = fl.data.parity(2)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: fl.Dense(3, "ReLU"), "relu"), (lambda: fl.Dense(3, fl.tanh), "tanh"),
        (lambda: fl.Dense(3, fl.softmax), "softmax"),
        (lambda: fl.Dense(3, "Leaky_ReLU"), "leaky_relu"),
        (lambda: fl.Conv(4, 3, activation="ReLU"), "relu"),
        (lambda: fl.layers.RNN(3, activation=fl.relu), "relu"),
        (lambda: fl.layers.Highway("Tanh"), "tanh"),
    ],
)  # fmt: skip
def test_an_activation_in_any_case_or_the_function_itself(make: Any, name: str) -> None:
    layer = make()
    assert layer.activation == name
    assert layer == make()
    assert fl.Dense(2, initializer="HE_Normal").initializer == "he_normal"


def test_the_function_itself_learns_and_is_saved_by_its_name(tmp_path: Any) -> None:
    net = fl.Network([fl.Dense(3, fl.tanh), fl.Dense(1)], X, Y)
    net.fit(2)
    net.save(tmp_path / "net.npz")
    assert fl.Network.load(tmp_path / "net.npz").activations == ("tanh", "linear")


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "None": (lambda: fl.Dense(3, None), "Unknown activation None.*mean 'linear'"),
    "identity": (lambda: fl.Dense(3, "identity"), "mean 'linear'"),
    "none": (lambda: fl.Dense(3, "None"), "mean 'linear'"),
    "silu": (lambda: fl.Dense(3, "SiLU"), "mean 'swish'"),
    "max": (lambda: fl.Dense(3, np.maximum), "Unknown activation"),
    "conv": (lambda: fl.Conv(4, 3, activation="rely"), "mean 'relu'"),
    "initializer": (lambda: fl.Dense(3, "relu", "he"), "initializer 'he'.*mean 'he_normal'"),
    "glorot": (lambda: fl.Dense(3, "relu", "glorot"), "mean 'xavier_uniform'"),
    "dropout 50": (lambda: fl.Dropout(50), "Dropout: p must be a share, 0 to 1"),
    "dropout 1": (lambda: fl.Dropout(1.0), r"\(1 excluded\), got 1\.0"),
    "dropout -": (lambda: fl.Dropout(-0.1), "got -0.1"),
    "bce": (lambda: fl.Network([fl.Dense(1)], X, Y, cost="bce"), "mean 'binary_cross_entropy'"),
    "categorical": (
        lambda: fl.Network([fl.Dense(1)], X, Y, cost="categorical_crossentropy"),
        "mean 'cross_entropy'",
    ),
    "mean squared": (
        lambda: fl.Network([fl.Dense(1)], X, Y, cost="mean squared error"), "mean 'mse'",
    ),
    "sgd": (
        lambda: fl.Network([fl.Dense(1)], X, Y, optimizer="SGD"), "mean 'gradient_descent'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_name_is_refused_where_it_is_given(case: str) -> None:
    call, told = REFUSED[case]
    with pytest.raises(ValueError, match=told):
        call()


def network() -> fl.Network:
    return fl.Network([fl.Dense(2, "tanh"), fl.Dense(1)], X, Y)


ASKED: list[tuple[Callable[[fl.Network], Any], str]] = [
    (lambda net: net.summary(), r"net\.layers"),
    (lambda net: net.parameters(), r"net\.values\(\)"),
    (lambda net: net.weights, "weights_matrix"),
    (lambda net: net(X), r"net\.predict\(inputs\)"),
    (lambda net: net.fit(X, Y), r"given to fl\.Network.*net\.fit\(100\)"),
    (lambda net: net.fit(X.tolist()), r"given to fl\.Network"),
    (lambda net: net.fit(3, batch_size=2), r"fl\.Network\(\.\.\., batch=32\)"),
    (lambda net: net.fit(3, verbose=1), "progress=True"),
    (lambda net: net.fit(3, flavour=1), "no flavour here; it takes epochs"),
    (lambda net: net.compile("adam"), "cost=, optimizer="),
    (lambda net: net.forward(X), "predict"),
    (lambda net: net.predictions, "Did you mean .predict"),
    (lambda net: net.zzz, "no .zzz.$"),
    (lambda net: net.cost, r"net\.trace\.cost"),
    (lambda net: net.learning_rate, "learning rate"),
    (lambda net: net.trace["layer 1/w"].grad, r"t\.backward\(\), then t\['dC_dw'\]"),
    (lambda net: net.trace.cost.backward(), r"t\.backward\(\), then t\['dC_dw'\]"),
]


@pytest.mark.parametrize(("ask", "told"), ASKED)
def test_a_network_says_what_to_write(ask: Callable[[fl.Network], Any], told: str) -> None:
    with pytest.raises((AttributeError, fl.BadInput), match=told) as found:
        ask(network())
    assert len(str(found.value)) < 300


@pytest.mark.parametrize(
    "name",
    ["Value", "grad", "Sequential", "ReLU", "SGD", "MSELoss", "accuracy", "load", "Tensor", "nn"],
)
def test_names_of_other_tools(name: str) -> None:
    with pytest.raises(AttributeError, match=r"Write .*(fl\.|t\.|net)"):
        getattr(fl, name)


def test_the_input_layer_is_implicit() -> None:
    x = np.ones((4, 3))
    with pytest.warns(
        UserWarning, match=r"\[3, 8, 1\] makes a 3-3-8-1 network\. For 3-8-1 give \[8, 1\]"
    ):
        net = fl.form_network([3, 8, 1], x, np.ones((4, 1)))
    assert net.sizes == [3, 3, 8, 1]


@pytest.mark.parametrize("layers", [[8, 1], [1], [3]])
def test_other_sizes_say_nothing(layers: list[int], recwarn: pytest.WarningsRecorder) -> None:
    fl.form_network(layers, np.ones((4, 3)), np.ones((4, layers[-1])))
    assert not recwarn.list


def test_one_target_for_a_whole_sequence_asks_for_sequence_false() -> None:
    x = np.ones((5, 4, 2))
    with pytest.raises(fl.BadInput, match=r"each sample is 4×1, .*sequence=False"):
        fl.Network([fl.LSTM(3), fl.Dense(1)], x, np.ones((5, 1)))
    net = fl.Network([fl.LSTM(3, sequence=False), fl.Dense(1)], x, np.ones((5, 1)))
    assert net.predict(x).shape == (5, 1)
    with pytest.raises(fl.BadInput, match="same shape") as found:
        fl.Network([fl.LSTM(3), fl.Dense(1)], x, np.ones((5, 7, 2)))
    assert "sequence=False" not in str(found.value)


@pytest.mark.parametrize(
    "fit",
    [
        lambda net: net.fit(X, Y), lambda net: net.fit(X, Y, 3), lambda net: net.fit(epochs=X),
        lambda net: net.fit(X, Y, epochs=3), lambda net: net.fit([[0, 1]], [[1]], epochs=3),
    ],
)  # fmt: skip
def test_data_given_to_fit_are_refused_in_words(fit: Callable[[fl.Network], Any]) -> None:
    with pytest.raises(fl.BadInput, match=r"fit: the data are given to fl\.Network\("):
        fit(fl.Network([fl.Dense(1)], X, Y))
