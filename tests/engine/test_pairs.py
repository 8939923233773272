"""Rows and columns with labels: those that do not fit are refused, wherever data are paired."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import fluxlab as fl

FRAME = pd.DataFrame(
    {"a": [1.0, 2.0, 3.0, 4.0], "b": [0.0, 1.0, 5.0, 1.0], "y": [0.0, 1.0, 0.0, 1.0]},
    index=list("pqrs"),
)
X, Y = FRAME[["a", "b"]], FRAME["y"]
TURNED = Y.iloc[[2, 0, 1, 3]]
OTHER = Y.reset_index(drop=True)


def net(x: Any = X, y: Any = Y) -> Any:
    return fl.Network([fl.Dense(1)], x, y, seed=1)


PAIRED: dict[str, Callable[[Any, Any], Any]] = {
    "Network": net,
    "form_network": lambda x, y: fl.form_network([1], x, y),
    "evaluate": lambda x, y: net().evaluate(x, y),
    "fit": lambda x, y: net().fit(1, validation=(x, y)),
    "split": lambda x, y: fl.data.split(x, y, validation=0, test=0),
    "bagging": lambda x, y: fl.networks.bagging(
        lambda x, t, seed: net(x, t), x, y, count=1, epochs=1
    ),
    "perceptron": lambda x, y: fl.models.perceptron(x, y),
    "accuracy": lambda x, y: fl.metrics.accuracy(x[["a"]] * 0.1, y),
}


@pytest.mark.parametrize("name", PAIRED)
def test_the_same_rows_in_another_order_are_refused(name: str) -> None:
    with pytest.raises(fl.BadInput, match=rf"{name}: .*p, q, r, \.\.\., but r, p, q.*\.loc\["):
        PAIRED[name](X, TURNED)


@pytest.mark.parametrize("name", PAIRED)
def test_other_labels_are_told_of_in_the_students_line(name: str) -> None:
    with pytest.warns(UserWarning, match="name their rows differently") as told:
        PAIRED[name](X, OTHER)
    assert len(told) == 1
    assert told[0].filename == __file__


@pytest.mark.parametrize("name", PAIRED)
def test_the_same_labels_say_nothing(name: str, recwarn: pytest.WarningsRecorder) -> None:
    PAIRED[name](X, TURNED.loc[X.index])
    PAIRED[name](X, Y.to_numpy())
    assert not recwarn.list


def test_labels_of_one_trace() -> None:
    def error(x: Any, y: Any) -> Any:
        return fl.sum((x - y) ** 2)

    with pytest.raises(fl.BadInput, match=r"trace: x and y .*give y\.loc\[x\.index\]"):
        fl.trace(error, x=FRAME[["a"]], y=TURNED.to_frame())
    w = pd.DataFrame({"h": [1.0, 2.0]}, index=["a", "b"])  # other labels mean nothing here
    t = fl.trace(lambda x, w: x @ w, x=X, w=w)
    assert t["w"].labels == {0: ["a", "b"], 1: ["h"]}


def test_labels_that_stand_there_twice() -> None:
    net(X.set_axis([0, 0, 1, 1]), Y.set_axis([0, 0, 1, 1]))
    with pytest.raises(fl.BadInput, match="some labels stand there twice, so sort both alike"):
        net(X.set_axis([0, 0, 1, 1]), Y.set_axis([0, 1, 0, 1]))
    # 1 and "1" are two labels
    with pytest.warns(UserWarning, match="name their rows differently"):
        net(X.set_axis([0, 1, 2, 3]), Y.set_axis(["1", "0", "2", "3"]))


def test_columns_in_another_order_are_refused() -> None:
    made = net()
    for ask in (
        lambda x: made.predict(x), lambda x: made.evaluate(x, Y),
        lambda x: made.fit(1, validation=(x, Y)),
    ):  # fmt: skip
        with pytest.raises(
            fl.BadInput, match=r"are b, a, .*formed on a, b.*inputs\[\['a', 'b'\]\]"
        ):
            ask(FRAME[["b", "a"]])
    with pytest.warns(UserWarning, match="are a, y, and the network was formed on a, b"):
        made.predict(FRAME[["a", "y"]])
    np.testing.assert_array_equal(made.predict(X), made.predict(X.to_numpy()))


def test_a_split_keeps_the_names_of_columns() -> None:
    found = fl.data.split(X, Y.to_frame(), validation=0, test=0)
    assert (found.features, found.target) == (["a", "b"], ["y"])
    assert fl.data.split(X.to_numpy(), Y, validation=0, test=0).features == [
        "feature 0", "feature 1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("x", "y", "hint"),
    [
        ((2, 4), (1, 4), r"4 samples lie in columns.*inputs\.T and targets\.T"),
        ((4, 2), (1, 4), r"4 targets lie in a row.*give targets\.T"),
        ((2, 4), (4, 1), r"4 samples lie in columns.*give inputs\.T:"),
        ((2, 4), (4,), r"4 samples lie in columns.*give inputs\.T:"),
    ],
)
def test_what_would_fit_when_turned_gets_a_hint(x: Any, y: Any, hint: str) -> None:
    with pytest.raises(fl.BadInput, match=hint):
        net(np.ones(x), np.ones(y))
    if len(y) == 2:
        words = hint.replace("inputs", "X").replace("targets\\", "Y\\")
        with pytest.raises(fl.BadInput, match=words):
            fl.data.split(np.ones(x), np.ones(y))
    with pytest.raises(fl.BadInput, match=r"one row in both\.$"):
        net(np.ones((3, 1)), np.ones((5, 1)))


def test_samples_to_predict_that_lie_in_columns() -> None:
    with pytest.raises(fl.BadInput, match=r"Do samples lie in columns\? Give inputs\.T"):
        net().predict(np.ones((2, 5)))


# -- texts where numbers are needed -------------------------------------------------------------


@pytest.mark.parametrize(
    "targets",
    [
        ["no", "yes", "no", "yes"], np.array(["no", "yes", "no", "yes"]),
        pd.Series(["no", "yes"] * 2, index=X.index), [["no"], ["yes"], ["no"], ["yes"]],
        np.array(["no", "yes", "no", "yes"], dtype=object), ("no", "yes", "no", "yes"),
    ],
)  # fmt: skip
def test_texts_as_targets_of_whatever_kind(targets: Any) -> None:
    for ask in (lambda: net(X, targets), lambda: net().evaluate(X, targets)):
        with pytest.raises(fl.BadInput, match=r"holds texts, such as 'no'.*names\.index"):
            ask()


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([["a", 1], ["b", 2]], "the text 'a' in row 0, column 0"),
        ([[1, 2], [1, "b"]], "the text 'b' in row 1, column 1"),
        (pd.DataFrame({"n": [1, 2], "kind": ["u", "v"]}), "the text 'u' in row 0, column kind"),
    ],
)
def test_texts_among_inputs_are_named_with_their_place(inputs: Any, says: str) -> None:
    with pytest.raises(fl.BadInput, match=rf"inputs: data holds {says}.*fl\.data\.table"):
        net(inputs, [0, 1])
    if isinstance(inputs, pd.DataFrame):  # a column that is not asked for may hold texts
        assert fl.matrix_data_preprocessor(inputs, columns=["n"]).tolist() == [[1], [2]]


def test_dates_as_inputs() -> None:
    days = pd.DataFrame({"d": pd.to_datetime(["2024-01-01", "2024-01-02"])})
    with pytest.raises(fl.BadInput, match=r"inputs: data holds dates.*days since"):
        net(days, [0, 1])


class Frame:
    """A data frame of no library: columns, and its cells as an array."""

    columns = ("a", "kind")

    def __init__(self, cells: list[list[Any]]) -> None:
        self.cells = cells

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.cells, dtype=object)


def test_a_data_frame_of_any_library() -> None:
    frame = Frame([[1, 2], [3, 4.5], [True, 0]])
    made = net(frame, [0, 1, 0])
    assert made.trace["x"].labels[1] == ["a", "kind"]
    np.testing.assert_array_equal(made.trace["x"].value, [[1, 2], [3, 4.5], [1, 0]])
    found = fl.data.table(Frame([[1, "x"], [2, "y"], [3, "x"]]), "kind", test=0, validation=0)
    assert found.classes == ["x", "y"]


def test_polars() -> None:
    frame = pl.DataFrame({"a": [1, 2], "b": [3.5, 4.0]})
    made = net(frame, pl.Series([0, 1]))
    assert made.trace["x"].labels == {1: ["a", "b"]}
    with pytest.raises(fl.BadInput, match=r"inputs\[\['a', 'b'\]\]"):
        made.predict(frame[["b", "a"]])
    mixed = frame.with_columns(pl.Series("t", ["u", "v"]), pl.date(2024, 1, 5).alias("d"))
    with pytest.raises(fl.BadInput, match="the text 'u' in row 0, column t"):
        net(mixed, [0, 1])
    with pytest.raises(fl.BadInput, match="'d' is '2024-01-05', a date or a time"):
        fl.data.table(mixed, "t", ["d"], validation=0, test=0)
