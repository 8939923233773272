"""Data sets against where they come from; tables and splits against pandas and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import Lazily

import fluxlab as fl
from fluxlab.engine import data

sk = Lazily("sklearn.datasets")
preprocessing = Lazily("sklearn.preprocessing")

MADE = {
    "spirals": (data.spirals, 2, 1),
    "moons": (data.moons, 2, 1),
    "circles": (data.circles, 2, 1),
    "blobs": (data.blobs, 2, 3),
    "polynomial": (data.polynomial, 1, 1),
}


# -- scikit-learn's ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "load", "times", "more"),
    [
        (data.iris, sk.load_iris, 1, {}),
        (data.digits, sk.load_digits, 16, {}),
        (data.breast_cancer, sk.load_breast_cancer, 1, {}),
        (data.diabetes, sk.load_diabetes, 1, {"scaled": False}),
    ],
)
def test_the_small_sets_are_scikit_learns(made: Any, load: Any, times: float, more: Any) -> None:
    X, Y = made()
    theirs, numbers = load(return_X_y=True, **more)
    assert X.dtype == Y.dtype == np.float64
    assert (X * times == theirs).all()
    found = Y.argmax(axis=1) if Y.shape[1] > 1 else Y[:, 0]
    assert found.tolist() == numbers.tolist()
    if Y.shape[1] > 1:
        assert Y.shape[1] == numbers.max() + 1
        assert set(Y.sum(axis=1)) == set(np.unique(Y)) - {0.0} == {1.0}


# -- made -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MADE)
def test_made_sets_have_their_shapes_and_their_seed(name: str) -> None:
    make, features, outputs = MADE[name]
    X, Y = make(samples=37, seed=3)
    assert X.shape == (37, features)
    assert Y.shape == (37, outputs)
    assert X.dtype == Y.dtype == np.float64
    again, other = make(samples=37, seed=3), make(samples=37, seed=4)
    assert (again[0] == X).all()
    assert (again[1] == Y).all()
    assert (other[0] != X).any()
    if name != "polynomial":
        totals = Y.sum(axis=0) if outputs > 1 else np.array([Y.sum(), (1 - Y).sum()])
        assert totals.max() - totals.min() <= 1


def test_spirals_are_one_another_turned_by_half() -> None:
    X, Y = data.spirals(samples=40, turns=2, noise=0)
    zero, one = X[Y[:, 0] == 0], X[Y[:, 0] == 1]
    assert np.allclose(zero, -one)
    radius = np.hypot(*zero.T)
    assert np.allclose(radius, np.arange(1, 21) / 20)
    winding = np.unwrap(np.arctan2(zero[:, 1], zero[:, 0]))
    assert winding[-1] - winding[0] == pytest.approx(2 * np.pi * 2 * 19 / 20)
    noisy, _ = data.spirals(samples=4000, turns=2, noise=0.05, seed=1)
    clean, _ = data.spirals(samples=4000, turns=2, noise=0)
    assert np.std(noisy - clean) == pytest.approx(0.05, rel=0.05)


def test_circles_have_their_radii_and_blobs_their_spread() -> None:
    X, Y = data.circles(samples=60, noise=0)
    assert np.allclose(np.hypot(*X.T), np.where(Y[:, 0] == 1, 0.5, 1.0))
    X, Y = data.blobs(samples=6000, classes=4, spread=0.3, seed=2)
    assert Y.shape == (6000, 4)
    for k in range(4):
        assert np.std(X[Y[:, k] == 1], axis=0) == pytest.approx([0.3, 0.3], rel=0.1)
    assert data.blobs(samples=10, classes=2)[1].shape == (10, 1)


def test_a_polynomial_is_its_coefficients_and_noise() -> None:
    c = (0.5, -2.0, 0.0, 3.0)
    X, Y = data.polynomial(c, samples=3000, noise=0)
    assert np.allclose(Y, np.polynomial.polynomial.polyval(X, c))
    assert (np.diff(X[:, 0]) >= 0).all()
    assert -1 <= X.min() < -0.99 < 0.99 < X.max() <= 1
    _, noisy = data.polynomial(c, samples=3000, noise=0.2)
    assert np.std(noisy - Y) == pytest.approx(0.2, rel=0.05)


# -- splitting --------------------------------------------------------------------------------


@given(
    st.lists(st.integers(3, 40), min_size=2, max_size=5), st.integers(0, 999),
    st.sampled_from([(0.2, 0.2), (0.0, 0.3), (0.25, 0.1)]),
)  # fmt: skip
def test_every_part_gets_its_share_of_every_class(
    each: list[int], seed: int, shares: tuple[float, float]
) -> None:
    numbers = np.repeat(np.arange(len(each)), each)
    X = np.arange(len(numbers) * 2.0).reshape(-1, 2)
    Y = np.eye(len(each))[numbers]
    found = data.split(X, Y, validation=shares[0], test=shares[1], scaling="none", seed=seed)
    parts = {"train": found.train, "validation": found.validation, "test": found.test}
    assert sorted(np.concatenate(list(found.rows.values()))) == list(range(len(X)))
    for name, share in (("validation", shares[0]), ("test", shares[1])):
        assert len(found.rows[name]) == round(share * len(X))
    for name, part in parts.items():
        rows = found.rows[name]
        assert (X[rows] == part.X).all()
        assert (Y[rows] == part.Y).all()
        assert (np.abs(part.Y.sum(axis=0) - np.array(each) * len(rows) / len(X)) < 2).all()
    assert (np.abs(found.test.Y.sum(axis=0) - np.array(each) * shares[1]) <= 1).all()
    assert (found.train.Y.sum(axis=0) > 0).all()


def test_a_split_comes_from_its_seed_and_is_shuffled() -> None:
    X, Y = data.diabetes()
    one, again, other = (data.split(X, Y, seed=seed) for seed in (1, 1, 2))
    assert (one.train.X == again.train.X).all()
    assert one.rows["test"].tolist() == again.rows["test"].tolist() != other.rows["test"].tolist()
    assert one.classes is None
    assert one.rows["test"].max() > 400
    assert one.rows["test"].min() < 40


@pytest.mark.parametrize(
    ("scaling", "scaler"), [("standard", "StandardScaler"), ("min-max", "MinMaxScaler")]
)
def test_scaling_is_scikit_learns_and_fitted_on_the_training_part(
    scaling: str, scaler: Any
) -> None:
    scaler = getattr(preprocessing, scaler)()
    X, Y = data.breast_cancer()
    X = np.hstack([X, np.full((len(X), 1), 7.0)])  # a column that never changes
    found = data.split(X, Y, scaling=scaling, seed=5)
    scaler.fit(X[found.rows["train"]])
    for part in ("train", "validation", "test"):
        wanted = scaler.transform(X[found.rows[part]])
        assert np.allclose(getattr(found, part).X, wanted, rtol=1e-12, atol=1e-12)
    assert np.allclose(found.scaling.undo(found.test.X), X[found.rows["test"]])
    assert np.allclose(found.scaling.apply(X[:3]), scaler.transform(X[:3]))
    with pytest.raises(fl.BadInput, match=r"apply: X must be \(samples, 31\), got 569×30"):
        found.scaling.apply(X[:, :30])


def test_parts_are_named_and_counted_and_may_be_left_out() -> None:
    found = data.split(*data.iris(), validation=0, test=1 / 3, scaling="none")
    assert str(found).startswith("150 samples: 100 train, 0 validation, 50 test")
    assert "not scaled" in str(found)
    assert "classes 0, 1, 2" in str(found)
    assert found.validation.X.shape == (0, 4)
    assert found.validation.Y.shape == (0, 3)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"test": 1.0}, "test must be a share of the samples"),
        ({"test": 30}, "test must be a share"),
        ({"validation": -0.1}, "validation must be a share"),
        ({"validation": 0.5, "test": 0.5}, "need at least one sample"),
        ({"validation": 0.001}, "would give 0 and 2"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"Y": np.zeros(9)}, "X has 10 samples and Y 9"),
        ({"X": np.zeros((10, 2, 2))}, "rows are samples"),
        ({"X": [["a", 1]] * 10}, "X must be numbers"),
        ({"X": np.full((10, 2), np.nan)}, "not finite"),
        ({"Y": np.eye(10)[0], "test": 0.5, "validation": 0.4}, "class '1' has 1 sample"),
    ],
)
def test_what_cannot_be_split_is_refused_in_words(more: dict[str, Any], message: str) -> None:
    given = {"X": np.ones((10, 2)), "Y": np.arange(10.0), **more}
    with pytest.raises(fl.BadInput, match=message):
        data.split(given.pop("X"), given.pop("Y"), **given)


def test_a_class_of_one_stays_in_training() -> None:
    found = data.split(np.ones((10, 2)), np.eye(10)[0], validation=0.2, test=0.2)
    assert found.train.Y.sum() == 1


def test_an_unknown_scaling_is_refused_with_the_nearest() -> None:
    with pytest.raises(fl.UnknownName, match="Did you mean 'min-max'"):
        data.split(np.ones((9, 2)), np.arange(9), scaling="minmax")


# -- a student's table ------------------------------------------------------------------------


@pytest.fixture
def cats() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "name": [f"cat {i}" for i in range(40)],
            "weight": draw.normal(4, 1, size=40),
            "age": draw.integers(0, 15, size=40),
            "breed": np.array(["tabby", "siamese", "manx"])[np.arange(40) % 3],
            "indoors": np.array(["yes", "no"])[np.arange(40) % 2],
            "paws": np.where(np.arange(40) % 5 == 0, 3, 4),
        }
    )


def test_a_table_is_what_pandas_reads(cats: pd.DataFrame, tmp_path: Any) -> None:
    path = tmp_path / "cats.csv"
    cats.to_csv(path, index=False)
    for source in (cats, path, str(path)):
        found = fl.data.table(source, "breed", ["age", "weight"], scaling="none", seed=2)
        assert found.classes == ["manx", "siamese", "tabby"]
        assert found.features == ["age", "weight"]
        assert found.target == ["breed manx", "breed siamese", "breed tabby"]
        for part in ("train", "validation", "test"):
            rows = cats.iloc[found.rows[part]]
            assert np.allclose(getattr(found, part).X, rows[["age", "weight"]], rtol=1e-15)
            assert (
                getattr(found, part).Y.tolist()
                == pd.get_dummies(rows["breed"])
                .reindex(columns=found.classes, fill_value=False)
                .to_numpy(float)
                .tolist()
            )
    assert [len(found.rows[part]) for part in found.rows] == [8, 8, 24]


def test_two_classes_are_a_column_and_numbers_are_numbers(cats: pd.DataFrame) -> None:
    two = fl.data.table(cats, "indoors", ["weight"])
    assert two.classes == ["no", "yes"]
    rows = cats.iloc[two.rows["train"]]
    assert two.train.Y[:, 0].tolist() == (rows["indoors"] == "yes").astype(float).tolist()
    assert two.train.X.mean() == pytest.approx(0)
    number = fl.data.table(cats, ["age", "paws"], ["weight"])
    assert number.classes is None
    assert (
        number.train.Y.tolist() == cats.iloc[number.rows["train"]][["age", "paws"]].values.tolist()
    )
    paws = fl.data.table(cats, "paws", ["weight"], classes=True)
    assert paws.classes == ["3", "4"]
    assert paws.train.Y.ravel().tolist() == (cats.iloc[paws.rows["train"]]["paws"] == 4).tolist()


def test_all_other_columns_are_features_by_default(cats: pd.DataFrame) -> None:
    found = fl.data.table(cats[["weight", "breed", "age"]], "breed")
    assert found.features == ["weight", "age"]


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("a,b\n1,2\n3,x\n", {}, "line 3, column 'b' is 'x', not a finite number"),
        ("a,b\n1,2\n3,\n", {}, "line 3, column 'b' is empty"),
        ("a,b\n1,2\n\n3,inf\n", {}, "line 4, column 'b' is 'inf', not a finite"),
        ("a,b\n1,2\n3,nan\n", {}, "column 'b' is 'nan': missing"),
        ("a,b\n1,2\n3\n", {}, "line 3 has 1 cell, but the first line has 2 cells"),
        ("a,a\n1,2\n", {}, "each a different one"),
        ("1,2\n3,4\n", {}, "no line of names, and so no column .a."),
        ("a,b\n", {}, "a line of names and at least one of data"),
        ("", {}, "has no rows"),
        ("a,b\nx,1\nx,2\n", {}, "one class only"),
        ("a,b\nx,1\n,2\n", {}, "line 3, column 'a' is empty"),
        ("a,b\n1,2\n", {"features": ["a", "b"]}, "give the answer away"),
        ("a,b\n1,2\n", {"features": []}, "at least one column for each"),
        ("a,b\n1,2\n", {"features": ["b", "b"]}, "features names a column twice"),
        ("a,b,c\n1,2,3\n", {"target": ["a", "b"], "classes": True}, "classes are named by one"),
        ("a,b\n1,2\n", {}, "1 sample with"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(
    text: str, more: Any, message: str, tmp_path: Any
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        fl.data.table(path, **{"target": "a", **more})


def test_other_bad_sources(cats: pd.DataFrame, tmp_path: Any) -> None:
    with pytest.raises(fl.UnknownName, match="Did you mean 'weight'"):
        fl.data.table(cats, "breed", ["wieght"])
    with pytest.raises(fl.BadInput, match="no file"):
        fl.data.table(tmp_path / "dogs.csv", "breed")
    with pytest.raises(fl.BadInput, match=r"take split\(X, Y\)"):
        fl.data.table(np.ones((3, 2)), "breed")
    with pytest.raises(fl.BadInput, match="no rows"):
        fl.data.table(cats[:0], "breed")
    with pytest.raises(fl.BadInput, match="row 5, column 'age' is empty"):
        fl.data.table(
            cats.assign(age=cats["age"].astype("Int64").mask(cats.index == 5)), "age", ["weight"]
        )
    (tmp_path / "latin.csv").write_bytes("a,b\n1,\xe9\n".encode("latin-1"))
    with pytest.raises(fl.BadInput, match="UTF-8"):
        fl.data.table(tmp_path / "latin.csv", "b")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.spirals(samples=3), "spirals: samples must be a whole number, 4 or more"),
        (lambda: data.spirals(turns=0), "turns must be a number above 0"),
        (lambda: data.moons(noise=-1), "moons: noise must be a number, 0 or more, got -1"),
        (lambda: data.circles(samples=10.5), "circles: samples"),
        (lambda: data.blobs(classes=1), "classes must be a whole number, 2 or more"),
        (lambda: data.blobs(spread=np.nan), "spread must be a number"),
        (lambda: data.blobs(samples=2), "3 or more"),
        (lambda: data.moons(seed=-1), "seed must be a whole number"),
        (lambda: data.moons(seed=True), "seed must be a whole number"),
        (lambda: data.polynomial([[1, 2]]), "in one list"),
        (lambda: data.polynomial(["x"]), "coefficients must be numbers"),
    ],
)
def test_bad_arguments_are_refused_in_words(call: Any, message: str) -> None:
    with pytest.raises(fl.BadInput, match=message):
        call()
