"""CSV files as students have them: cells separated by commas, semicolons or tabs."""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from fluxlab.engine.core.errors import BadInput

PLAIN = re.compile(r"[-+]?\d+,\d+")  # 1,5; but 1.234,5 and 1,234,567 may mean several things


@dataclass
class Sheet:
    """The rows that are not blank, as texts without spaces around them.

    places : "line 3" for each row. separator : ",", ";" or a tab. Spreadsheets write semicolons
    where a comma marks the decimals, so there, and only there, 1,5 is a number.
    """

    rows: list[list[str]]
    places: list[str]
    separator: str

    def number(self, cell: str) -> float | None:
        """The number in a cell, or None."""
        if self.separator == ";" and PLAIN.fullmatch(cell):
            cell = cell.replace(",", ".")
        return number_in(cell)


def number_in(text: str) -> float | None:
    """The number that a text is, or None. Python also takes 1_000 for one; tables do not."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def read_csv(function: str, path: Path) -> Sheet:
    """The file's cells; BadInput if it is missing, is not text, or has no cells."""
    try:
        found = path.is_file()
    except (OSError, ValueError):  # no name of a file at all
        found = False
    if not found:
        name = repr(str(path))
        name = name if len(name) < 200 else f"{name[:197]}...'"
        raise BadInput(f"{function}: there is no file {name}; check the name and the folder.")
    try:
        raw = path.read_bytes()
        wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = raw.decode("utf-16" if wide else "utf-8-sig")
        sheets = [_split(text, separator) for separator in ("\t", ";", ",")]
    except (OSError, UnicodeError, csv.Error) as problem:
        raise BadInput(
            f"{function}: {path.name} cannot be read as CSV in UTF-8 ({problem}). Save it as such; "
            "spreadsheets call it 'CSV UTF-8'."
        ) from None
    *rare, commas = sheets
    if not commas.rows:
        raise BadInput(f"{function}: the file {path.name} has no rows.")
    for sheet in rare:
        first = len(sheet.rows[0])
        everywhere = all(len(row) == first for row in sheet.rows)
        if first > 1 and (everywhere or len(commas.rows[0]) == 1):
            return sheet
    return commas


def _split(text: str, separator: str) -> Sheet:
    sheet = Sheet([], [], separator)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    for row in reader:
        if any(cell.strip() for cell in row):
            sheet.rows.append([cell.strip() for cell in row])
            sheet.places.append(f"line {reader.line_num}")
    return sheet
