"""CSV files as they come from spreadsheets: read alike in whatever dress, or refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fluxlab as fl

SIZES = [1.5, -0.25, 1000.0, 0.0, 3e-2, 7.0]
KINDS = ["cat", "dog", "cat, large", "dog", "cat", "cat, large"]


def text(separator: str = ",", end: str = "\n", decimal: str = ".") -> str:
    def quoted(cell: str) -> str:
        return f'"{cell}"' if separator in cell else cell

    sizes = [str(size).replace(".", decimal) for size in SIZES]
    lines = [("size", "age", "kind"), *zip(sizes, "123456", KINDS, strict=True)]
    return end.join(separator.join(map(quoted, line)) for line in lines) + end


DRESSES: dict[str, bytes] = {
    "plain": text().encode(),
    "with a byte order mark": text().encode("utf-8-sig"),
    "UTF-16, as Excel's Unicode text": text("\t").encode("utf-16"),
    "Windows line ends": text(end="\r\n").encode(),
    "old Macintosh line ends": text(end="\r").encode(),
    "semicolons": text(";").encode(),
    "semicolons and decimal commas": text(";", decimal=",").encode(),
    "tabs": text("\t").encode(),
    "commas and quoted decimal points": text().replace("1.5", '"1.5"').encode(),
    "blank lines and spaces": text(";").replace("\n", "  \n\n ; ;\n").encode(),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_a_table_is_read_alike_in_every_dress(dress: str, tmp_path: Path) -> None:
    path = tmp_path / "cats.csv"
    path.write_bytes(DRESSES[dress])
    found = fl.matrix_data_preprocessor(path, columns=["size", "age"])
    np.testing.assert_array_equal(found, np.column_stack([SIZES, np.arange(1.0, 7.0)]))
    split = fl.data.table(path, "kind", scaling="none", validation=0, test=0)
    np.testing.assert_array_equal(split.train.X, found)
    assert split.classes == ["cat", "cat, large", "dog"]
    np.testing.assert_array_equal(split.train.Y.argmax(axis=1), [0, 2, 1, 2, 0, 1])


REFUSED: list[tuple[bytes, str]] = [
    (b"", "has no rows"),
    (b"\n  \n,,\n", "has no rows"),
    (b"size,kind\n", "line of names"),
    ("größe,kind\n1,x\n".encode("latin-1"), "cannot be read as CSV in UTF-8.*'CSV UTF-8'"),
    (bytes(range(128, 256)), "cannot be read as CSV in UTF-8"),
    (b"size,kind\n1.5,x\n,y\n", "line 3, .*size"),
    (b"size,kind\n1.5,x\nNA,y\n", "line 3, .*'NA'"),
    (b"size,kind\n1_0,x\n2,y\n", "line 2, .*'1_0'"),
    (b'size,kind\n"1,5",x\n2,y\n', "line 2, .*'1,5'"),  # 1.5 or 15? nobody knows
    (b"size;kind\n1.234,5;x\n2;y\n", "line 2, .*'1.234,5'"),
    (b"size;kind\n1,234,567;x\n2;y\n", "line 2, .*'1,234,567'"),
    (b"size,kind\n2024-01-05,x\n2,y\n", "line 2, .*'2024-01-05'"),
    (b"size,size,kind\n1,2,x\n2,3,y\n", "size"),
    (b"size,kind\n1,x\n2\n", "cells?|unequal"),
    (b"size;kind\n1;x\n2;y;z\n", "line 3.* 3 cells|line 3, column 3"),
]


@pytest.mark.parametrize(("content", "says"), REFUSED)
def test_what_is_not_clear_is_refused_with_its_place(
    content: bytes, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "cats.csv"
    path.write_bytes(content)
    for read in (
        lambda: fl.data.table(path, "kind"),
        lambda: fl.matrix_data_preprocessor(path, columns="size"),
    ):
        with pytest.raises(fl.BadInput, match=says):
            read()


@pytest.mark.parametrize("path", ["no.csv", "n" * 3000, "a\0b", "1,2\n3,4", ".", ""])
def test_what_is_no_file_is_said_in_a_line(path: str) -> None:
    for read in (lambda: fl.data.table(path, "kind"), lambda: fl.matrix_data_preprocessor(path)):
        with pytest.raises(fl.BadInput, match="there is no file") as caught:
            read()
        assert len(str(caught.value)) < 300


def test_a_matrix_without_names_and_with_decimal_commas(tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text("1,5;2,5\n-3,25;4\n", encoding="utf-8")
    np.testing.assert_array_equal(fl.matrix_data_preprocessor(path), [[1.5, 2.5], [-3.25, 4.0]])
    path.write_text("1.5,2\n-3.25,4\n", encoding="utf-8")
    np.testing.assert_array_equal(fl.matrix_data_preprocessor(path), [[1.5, 2.0], [-3.25, 4.0]])


def test_a_comma_file_may_hold_semicolons(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("size,note; remark,kind\n1,good; new,x\n2,old,y\n", encoding="utf-8")
    found = fl.data.table(path, "kind", ["size"], validation=0, test=0, scaling="none")
    np.testing.assert_array_equal(found.train.X, [[1.0], [2.0]])


@pytest.mark.parametrize("names", [None, 2.5, object(), {"a": 1}])
def test_column_names_that_are_none(names: Any, tmp_path: Path) -> None:
    path = tmp_path / "cats.csv"
    path.write_text(text(), encoding="utf-8")
    with pytest.raises(fl.BadInput, match="table: target must be the name of a column"):
        fl.data.table(path, names)
    if names is not None:
        with pytest.raises(fl.BadInput, match="table: features must be the name of a column"):
            fl.data.table(path, "kind", names)


def test_large_class_numbers_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "plots.csv"
    path.write_text("size,plot\n1,12345671\n2,12345672\n", encoding="utf-8")
    found = fl.data.table(path, "plot", classes=True, validation=0, test=0)
    assert found.classes == ["12345671", "12345672"]
