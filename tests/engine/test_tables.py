"""Tables as students find them: a few lines of each, in the dress of the original files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fluxlab as fl

TITANIC = """PassengerId,Survived,Pclass,Name,Sex,Age,Fare,Cabin,Embarked
1,0,3,"Braund, Mr. Owen Harris",male,22,7.25,,S
2,1,1,"Cumings, Mrs. John Bradley (Florence Briggs Thayer)",female,38,71.2833,C85,C
3,1,3,"Heikkinen, Miss. Laina",female,26,7.925,,S
4,1,1,"Futrelle, Mrs. Jacques Heath (Lily May Peel)",female,35,53.1,C123,S
6,0,3,"Moran, Mr. James",male,,8.4583,,Q
7,0,1,"McCarthy, Mr. Timothy J",male,54,51.8625,E46,S
17,0,3,"Rice, Master. Eugene",male,2,29.125,,Q
62,1,1,"Icard, Miss. Amelie",female,38,80,B28,
"""
AUTO_MPG = (
    '18.0   8   307.0      130.0      3504.      12.0   70  1\t"chevrolet chevelle malibu"\n'
    '15.0   8   350.0      165.0      3693.      11.5   70  1\t"buick skylark 320"\n'
    '25.0   4   98.00      ?          2046.      19.0   71  1\t"ford pinto"\n'
    '24.0   4   113.0      95.00      2372.      15.0   70  3\t"toyota corona mark ii"\n'
)
ADULT = """|1x3 Cross validator
39, State-gov, 77516, Bachelors, 13, Never-married, Male, 2174, 40, United-States, <=50K.
50, Self-emp-not-inc, 83311, Bachelors, 13, Married-civ-spouse, Male, 0, 13, United-States, <=50K.
38, Private, 215646, HS-grad, 9, Divorced, Male, 0, 40, United-States, <=50K.
52, Self-emp-not-inc, 209642, HS-grad, 9, Married-civ-spouse, Male, 0, 45, United-States, >50K.
31, Private, 45781, Masters, 14, Never-married, Female, 14084, 50, ?, >50K.

"""
MUSHROOM = """p,x,s,n,t,p,f,c,n,k
e,x,s,y,t,a,f,c,b,k
e,b,s,w,t,l,f,c,b,n
p,x,y,w,t,p,f,c,n,n
e,x,s,g,f,n,f,w,b,k
p,x,s,n,t,p,f,c,n,?
"""
WINE = """1,14.23,1.71,2.43,15.6,127,2.8
1,13.2,1.78,2.14,11.2,100,2.65
2,12.37,.94,1.36,10.6,88,1.98
2,12.33,1.1,2.28,16,101,2.05
3,12.86,1.35,2.32,18,122,1.51
3,12.88,2.99,2.4,20,104,1.3
"""
WHOLE: dict[str, Any] = {"validation": 0, "test": 0, "scaling": "none"}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read(text: str, target: str, features: Any = None, **more: Any) -> Any:
        path = tmp_path / "table.csv"
        path.write_text(text, "utf-8")
        return fl.data.table(path, target, features, **{**WHOLE, **more})

    return read


def test_titanic(read: Any) -> None:
    with pytest.raises(fl.BadInput, match=r"'PassengerId' numbers the rows.*features=.'Pclass'"):
        read(TITANIC, "Survived")
    some = ["Pclass", "Sex", "Age", "Fare", "Embarked"]
    with pytest.raises(fl.BadInput, match=r'line 6, column \'Age\' is empty.*missing="drop"'):
        read(TITANIC, "Survived", some)
    dropped = read(TITANIC, "Survived", some, missing="drop", classes=True)
    assert dropped.features == [
        "Pclass", "Sex = male", "Age", "Fare", "Embarked = C", "Embarked = Q", "Embarked = S",
    ]  # fmt: skip
    assert dropped.notes == ("2 rows with missing cells left out",)
    assert "2 rows with missing cells left out" in repr(dropped)
    np.testing.assert_array_equal(dropped.train.X[0], [3, 1, 22, 7.25, 0, 0, 1])
    assert dropped.classes == ["0", "1"]
    filled = read(TITANIC, "Survived", some, missing="mean")
    assert len(filled.train.X) == 8
    ages = [22, 38, 26, 35, 54, 2, 38]
    assert filled.train.X[4, 2] == pytest.approx(np.mean(ages))
    np.testing.assert_allclose(filled.train.X[7, 4:], [1 / 7, 2 / 7, 4 / 7])
    assert filled.notes[0].startswith("2 rows with missing cells: the mean of the training part")
    with pytest.raises(fl.BadInput, match=r"'Name' is 'Braund.*8 of 8 cells are different"):
        read(TITANIC, "Survived", ["Name"])


def test_the_mean_is_that_of_the_training_part(read: Any) -> None:
    lines = [f"{i},{'' if i % 5 == 0 else i * i},{i % 2}" for i in range(40)]
    found = read("a,b,y\n" + "\n".join(lines), "y", missing="mean", test=0.25, validation=0.25)
    train = found.rows["train"]
    mean = np.mean([i * i for i in train if i % 5])
    for part in ("train", "validation", "test"):
        for row, i in zip(getattr(found, part).X, found.rows[part], strict=True):
            assert row[1] == pytest.approx(mean if i % 5 == 0 else i * i)


def test_auto_mpg(read: Any) -> None:
    some = [f"column {i}" for i in range(2, 9)]
    found = read(AUTO_MPG, "column 1", some, missing="drop")
    assert found.notes == (
        "no line of names: they are column 1 to column 9", "1 row with missing cells left out",
    )  # fmt: skip
    np.testing.assert_array_equal(found.train.X[0], [8, 307, 130, 3504, 12, 70, 1])
    np.testing.assert_array_equal(found.train.Y, [[18], [15], [24]])
    with pytest.raises(fl.BadInput, match="'chevrolet chevelle malibu', not a finite number, and"):
        read(AUTO_MPG, "column 1", [*some, "column 9"], missing="drop")


def test_adult(read: Any) -> None:
    found = read(ADULT, "column 11", missing="drop")
    assert found.classes == ["<=50K.", ">50K."]
    assert found.features == [
        "column 1", "column 2 = Private", "column 2 = Self-emp-not-inc", "column 2 = State-gov",
        "column 3", "column 4 = HS-grad", "column 5", "column 6 = Divorced",
        "column 6 = Married-civ-spouse", "column 6 = Never-married", "column 7 = Male", "column 8",
        "column 9", "column 10 = United-States",
    ]  # fmt: skip
    np.testing.assert_array_equal(found.train.Y.ravel(), [0, 0, 0, 1])


def test_mushroom(read: Any) -> None:
    found = read(MUSHROOM, "column 1", ["column 2", "column 5", "column 10"], missing="drop")
    assert found.classes == ["e", "p"]
    assert found.features == ["column 2 = x", "column 5", "column 10 = n"]
    np.testing.assert_array_equal(found.train.Y.ravel(), [1, 0, 0, 1, 0])
    np.testing.assert_array_equal(found.train.X[:3], [[1, 1, 0], [1, 1, 0], [0, 1, 1]])


def test_wine(read: Any) -> None:
    found = read(WINE, "column 1", classes=True)
    assert found.classes == ["1", "2", "3"]
    assert found.train.X.shape == (6, 6)
    assert found.train.X[2, 1] == 0.94


@pytest.mark.parametrize(
    ("cells", "values", "name"),
    [
        (["yes", "no", "yes"], [1, 0, 1], "x"), (["True", "False", "False"], [1, 0, 0], "x"),
        (["N", "Y", "N"], [0, 1, 0], "x"), (["10%", "5 %", "0.5"], [0.1, 0.05, 0.5], "x"),
        (['"1,200"', "999", '"1,234,567.5"'], [1200, 999, 1234567.5], "x"),
        (["red", "blue", "red"], [1, 0, 1], "x = red"), (["+1", "-.5", "2e3"], [1, -0.5, 2e3], "x"),
    ],
)  # fmt: skip
def test_cells_of_every_kind(read: Any, cells: list[str], values: list[float], name: str) -> None:
    lines = [f"{cell},{i}" for i, cell in enumerate(cells)]
    found = read("x,y\n" + "\n".join(lines), "y")
    np.testing.assert_allclose(found.train.X.ravel(), values)
    assert found.features == [name]


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("a,y,\n1,2,\n3,4,\n", ["a"]), ("a;y;\n1;2;\n3;4;\n", ["a"]),
        ("# made by hand\n\na,y\n1,2\n% more\n3,4\n", ["a"]), ("a  y\n1   2\n3 4\n", ["a"]),
        ("1,2\n3,4\n", ["column 1"]), ("a\ty\t\n1\t2\t\n3\t4\t\n", ["a"]),
    ],
)  # fmt: skip
def test_dresses(read: Any, text: str, features: list[str]) -> None:
    found = read(text, "column 2" if features == ["column 1"] else "y")
    np.testing.assert_array_equal(found.train.X, [[1], [3]])
    np.testing.assert_array_equal(found.train.Y, [[2], [4]])
    assert found.features == features


@pytest.mark.parametrize(
    "dates",
    [
        ["2024-01-05", "2024-01-06"], ["5/1/2024", "6/1/2024"], ["12:30", "13:45"],
        ["2024-01-05 12:30", "2024-01-06 12:30"], ["Jan 5 2024", "6 January 2024"],
    ],
)  # fmt: skip
def test_dates_are_refused_with_what_to_do(read: Any, dates: list[str]) -> None:
    lines = "\n".join(f"{date},{i}" for i, date in enumerate(dates))
    with pytest.raises(fl.BadInput, match=r"line 2, column 'when'.*a date or a time.*features="):
        read("when,y\n" + lines, "y")


def test_a_stray_quotation_mark_swallows_nothing(read: Any) -> None:
    lines = [f"{i},{i % 3},{'cat' if i % 2 else 'dog'}" for i in range(200)]
    lines[5], lines[150] = '5,2,"Maine', '150,0,Siam"'
    with pytest.raises(fl.BadInput, match=r"line 7: a cell that begins there goes on to line 152"):
        read("a,b,kind\n" + "\n".join(lines), "kind")
    lines[150] = "150,0,Siam"
    with pytest.raises(fl.BadInput, match=r"line 7: a quotation mark opens a cell"):
        read("a,b,kind\n" + "\n".join(lines), "kind")
    with pytest.raises(fl.BadInput, match="line 3: a quotation mark"):
        read('a,kind\n1,x\n2,"y"z\n', "kind")
    path_free = read('a,kind\n1,5" pipe\n2,"say ""no"""\n', "kind")
    assert path_free.classes == ['5" pipe', 'say "no"']


def test_classes_are_called_as_they_are_written(read: Any) -> None:
    text = "size,agent\n1,007\n2,7\n3,1e3\n4,Inf\n5,Nan\n6,NA\n7,?\n"
    found = read(text, "agent", classes=True)
    assert found.classes == ["7", "007", "1e3", "?", "Inf", "NA", "Nan"] or found.classes == [
        "007", "7", "1e3", "?", "Inf", "NA", "Nan",
    ]  # fmt: skip
    assert found.train.Y.sum() == 7
    with pytest.raises(fl.BadInput, match="line 3, column 'agent' is empty"):
        read("size,agent\n1,007\n2,\n", "agent", classes=True)
    found = read("size,agent\n1,007\n2,\n3,8\n", "agent", classes=True, missing="drop")
    assert found.notes == ("1 row without a target left out",)
    assert found.classes == ["007", "8"]


def test_a_long_name_of_a_class_is_cut_where_it_is_shown(read: Any) -> None:
    found = read("a,kind\n1," + "x" * 500 + "\n2,y\n", "kind")
    assert len(repr(found)) < 300
    assert len(found.classes[0]) == 500
    lines = "".join(f"{i},{'y' if i else 'z' * 500}\n" for i in range(10))
    with pytest.raises(fl.BadInput, match=r"class 'z{39}…' has 1 sample"):
        read("a,kind\n" + lines, "kind", validation=0.4, test=0.5)


@pytest.mark.parametrize("missing", ["mode", True, 0, "Mean"])
def test_missing_is_one_of_three(read: Any, missing: Any) -> None:
    with pytest.raises(fl.BadInput, match='missing must be "drop", "mean" or None'):
        read("a,y\n1,2\n3,4\n", "y", missing=missing)


def test_nothing_left(read: Any) -> None:
    with pytest.raises(fl.BadInput, match="none is left"):
        read("a,b,y\n1,,2\n,3,4\n", "y", missing="drop")
    with pytest.raises(fl.BadInput, match="'b' has no number in the training part"):
        read("a,b,y\n1,,2\n2,,4\n", "y", missing="mean")


# -- data frames ------------------------------------------------------------------------------


def frames() -> list[Any]:
    """The same table as a data frame of each library that is here."""
    content = {
        "age": [3.0, None, 5.0, 1.0], "sex": ["f", "m", "f", "m"], "big": [True, False, True, True],
        "plot": ["007", "7", "7", "007"],
    }  # fmt: skip
    found = []
    for library in ("pandas", "polars"):
        try:
            found.append(__import__(library).DataFrame(content))
        except ImportError:
            continue
    assert found, "pandas is among the tests' packages"
    return found


@pytest.mark.parametrize("frame", frames(), ids=lambda frame: type(frame).__module__)
def test_a_data_frame(frame: Any) -> None:
    found = fl.data.table(frame, "plot", missing="drop", classes=True, **WHOLE)
    assert found.features == ["age", "sex = m", "big"]
    assert found.classes == ["007", "7"]
    np.testing.assert_array_equal(found.train.X, [[3, 0, 1], [5, 0, 1], [1, 1, 1]])
    np.testing.assert_array_equal(found.train.Y.ravel(), [0, 1, 0])


# -- labels of rows and columns, given to a network or a trace ----------------------------------


def pandas_frame(order: list[int] | None = None) -> Any:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"a": [1.0, 2.0, 3.0], "b": [0.5, 0.25, 0.125], "y": [1.0, 0.0, 1.0]}, index=list("pqr")
    )
    return frame if order is None else frame.iloc[order]


def test_rows_in_another_order_are_refused() -> None:
    frame, turned = pandas_frame(), pandas_frame([2, 0, 1])
    with pytest.raises(fl.BadInput, match=r"p, q, r, but r, p, q.*targets\.loc\[inputs\.index\]"):
        fl.Network([fl.Dense(1)], frame[["a", "b"]], turned["y"])
    net = fl.Network([fl.Dense(1)], frame[["a", "b"]], turned.y.loc[frame.index])
    np.testing.assert_array_equal(net.trace["target"].value.ravel(), [1, 0, 1])


def test_other_names_of_rows_are_told_of() -> None:
    frame = pandas_frame()
    targets = frame[["y"]].reset_index(drop=True)
    with pytest.warns(UserWarning, match=r"p, q, r and 0, 1, 2\. Rows are paired by position"):
        fl.Network([fl.Dense(1)], frame[["a", "b"]], targets)


def test_the_same_rows_and_plain_arrays_say_nothing(recwarn: pytest.WarningsRecorder) -> None:
    frame = pandas_frame()
    fl.Network([fl.Dense(1)], frame[["a", "b"]], frame["y"])
    fl.Network([fl.Dense(1)], frame[["a", "b"]], [1, 0, 1])
    fl.Network([fl.Dense(1)], np.ones((3, 2)), frame["y"])
    assert not recwarn.list


def test_a_trace_keeps_the_names_of_rows_and_columns() -> None:
    frame = pandas_frame()
    t = fl.trace(lambda x, w: x @ w, x=frame[["a", "b"]], w=np.ones((2, 1)))
    assert t["x"].labels == {0: ["p", "q", "r"], 1: ["a", "b"]}
    assert t["y"].labels == {0: ["p", "q", "r"]}
    t = fl.trace(lambda x, z: x - z, x=frame[["a", "b"]], z=frame[["b", "y"]])
    assert t["x"].labels[1] == ["a", "b"]
    assert t["z"].labels == {0: ["p", "q", "r"], 1: ["b", "y"]}
    t = fl.trace(lambda y: fl.sum(y), y=frame["y"])
    assert t["y"].labels == {0: ["p", "q", "r"]}


@pytest.mark.parametrize("targets", [["no", "yes", "no"], [["no"], ["yes"], ["no"]]])
def test_texts_as_targets_are_told_what_to_do(targets: Any) -> None:
    with pytest.raises(fl.BadInput, match=r"targets: data holds texts, such as .*no.*names\.index"):
        fl.Network([fl.Dense(1)], np.ones((3, 2)), targets)


def test_samples_in_columns_get_a_hint() -> None:
    with pytest.raises(fl.BadInput, match=r"Do your 4 samples lie in columns\?.*inputs\.T"):
        fl.Network([fl.Dense(1)], np.ones((2, 4)), np.ones((1, 4)))
    with pytest.raises(fl.BadInput, match="one row in both") as found:
        fl.Network([fl.Dense(1)], np.ones((2, 4)), np.ones((3, 1)))
    assert "columns" not in str(found.value)


@pytest.mark.parametrize(
    "given", [[1, 0, 1], np.array([1, 0, 1]), np.array([True, False, True]), [[1], [0], [1]]]
)
def test_one_target_for_each_sample_is_a_column(given: Any) -> None:
    for x in (np.ones((3, 2)), np.ones((3, 2), dtype=int), np.ones((3, 2), dtype=bool)):
        net = fl.Network([fl.Dense(1)], x, given)
        np.testing.assert_array_equal(net.trace["target"].value, [[1], [0], [1]])


# -- shapes of files ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("#,y\n1,2\n3,4\n", ["#"]), ("# a,y\n1,2\n3,4\n", ["a"]),
        ("# by me, in May\na,y\n1,2\n# 5,6\n3,4\n", ["a"]), ("a,y\n1,2,\n3,4,\n", ["a"]),
        ("a,y,,\n1,2,,\n3,4,,\n", ["a"]), ("a,y,\n1,2,\n3,4\n", ["a"]),
        ('# the "best, of all\na,y\n1,2\n3,4\n', ["a"]),
    ],
)  # fmt: skip
def test_comments_and_separators_at_the_end(read: Any, text: str, kinds: list[str]) -> None:
    found = read(text, "y")
    np.testing.assert_array_equal(found.train.X, [[1], [3]])
    np.testing.assert_array_equal(found.train.Y, [[2], [4]])
    assert found.features == kinds


def test_rows_that_begin_like_a_comment_are_kept(read: Any) -> None:
    found = read("colour,y\n#ff0000,1\n#00ff00,2\n#ff0000,3\n", "y")
    assert found.features == ["colour = #ff0000"]
    np.testing.assert_array_equal(found.train.X.ravel(), [1, 0, 1])


def test_a_first_line_that_is_data(read: Any, tmp_path: Path) -> None:
    found = read("cat,x\ndog,z\n", "column 2")  # it looks like names; who asks for it knows better
    assert found.classes == ["x", "z"]
    assert found.notes == ("no line of names: they are column 1 to column 2",)
    with pytest.raises(fl.BadInput, match=r"no line of names, and so no column 'y'.*'column 1'"):
        read("1,2\n3,4\n", "y")
    for first in ("?,2", ",2", "NA,2"):  # never taken for names in silence
        (tmp_path / "a.csv").write_text(f"{first}\n3,4\n", "utf-8")
        with pytest.raises(fl.BadInput, match=r"line 1, column 1: '.*' is not a number"):
            fl.matrix_data_preprocessor(tmp_path / "a.csv")


def test_columns_with_blanks_between_them_and_a_hole(read: Any) -> None:
    with pytest.raises(fl.BadInput, match="line 3 has 2 cells, but the first line has 3"):
        read("a   b   y\n1   2   3\n1       3\n", "y")


def test_na_among_texts_is_missing_in_a_feature(read: Any) -> None:
    text = "sex,y\nmale,1\nNA,2\nfemale,3\nmale,4\n"
    with pytest.raises(fl.BadInput, match=r"line 3, column 'sex' is 'NA': missing"):
        read(text, "y")
    assert read(text, "y", missing="drop").features == ["sex = male"]


def test_names_that_come_twice_now_and_then_are_names(read: Any) -> None:
    lines = [f"ticket {max(i, 1)},{i}" for i in range(12)]
    with pytest.raises(fl.BadInput, match="11 of 12 cells are different texts"):
        read("ticket,y\n" + "\n".join(lines), "y")


def test_dates_with_one_that_is_unknown(read: Any) -> None:
    with pytest.raises(fl.BadInput, match="a date or a time"):
        read("d,y\n2024-01-05,1\n2024-02-05,2\nunknown,3\n", "y")


def test_a_column_without_any_cell_is_named(read: Any) -> None:
    with pytest.raises(fl.BadInput, match=r"none is left \(column 'b' is empty in all of them\)"):
        read("a,b,y\n1,,2\n3,,4\n", "y", missing="drop")


def test_large_numbers_as_classes_of_a_data_frame() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2, 3], "y": [2**60, 2**60 + 1, 3]})
    found = fl.data.table(frame, "y", classes=True, **WHOLE)
    assert found.classes == ["3", str(2**60), str(2**60 + 1)]


def test_names_with_markup_are_plain_text(read: Any) -> None:
    found = read("<script>x</script>,y\n1,<b>a</b>\n2,<img onerror=alert(1)>\n", "y")
    assert found.classes == ["<b>a</b>", "<img onerror=alert(1)>"]
    assert found.features == ["<script>x</script>"]
    assert not any(hasattr(found, f"_repr_{kind}_") for kind in ("html", "markdown", "mimebundle"))
