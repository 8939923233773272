"""CSV files as students have them: cells separated by commas, semicolons, tabs or blanks."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fluxlab.engine.core.errors import BadInput

PLAIN = re.compile(r"[-+]?\d+,\d+")  # 1,5; but 1.234,5 and 1,234,567 may mean several things
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
COMMENT = re.compile(r"\s*(#(?!\d)|%|\|)")  # but #1 is a number of something


@dataclass
class Sheet:
    """The rows that are not blank, as texts without spaces around them.

    places : "line 3" for each row. separator : ",", ";", a tab or a blank. Spreadsheets write
    semicolons where a comma marks the decimals, so there, and only there, 1,5 is a number; among
    commas and tabs 1,200 is one thousand two hundred.
    """

    rows: list[list[str]]
    places: list[str]
    separator: str

    def number(self, cell: str) -> float | None:
        """The number in a cell, or None. 10% is 0.1."""
        if cell.endswith("%"):
            share = self.number(cell[:-1].rstrip())
            return None if share is None else share / 100
        if self.separator == ";" and PLAIN.fullmatch(cell):
            cell = cell.replace(",", ".")
        elif THOUSANDS.fullmatch(cell) and self.separator != ";":
            cell = cell.replace(",", "")
        return number_in(cell)


def number_in(text: str) -> float | None:
    """The number that a text is, or None. To Python 1_000, nan and infinity are numbers, too."""
    return float(text) if NUMBER.fullmatch(text.strip()) else None


def read_csv(function: str, path: Path) -> Sheet:
    """The file's cells; BadInput if it is missing, is not text, or has no cells.

    Lines that begin with #, % or | are comments. A separator at the end of every line is none.
    """
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
    except (OSError, UnicodeError) as problem:
        raise BadInput(
            f"{function}: {path.name} cannot be read as CSV in UTF-8 ({problem}). Save it as such; "
            "spreadsheets call it 'CSV UTF-8'."
        ) from None
    sheets, problems = [], {}
    for separator in ("\t", ";", ","):
        try:
            sheets.append(_split(text, separator))
        except _Quotes as problem:
            problems[separator] = str(problem)
    for sheet in sheets:
        widths = {len(row) for row in sheet.rows}
        alone = all(len(s.rows[0]) == 1 for s in sheets if s.rows and s is not sheet)
        if sheet.rows and len(sheet.rows[0]) > 1 and (len(widths) == 1 or alone):
            # Columns set by blanks, with a tab before the last, as in a famous table of cars.
            in_blanks = all(any("  " in cell for cell in row) for row in sheet.rows)
            return (_split_at_blanks(text) if in_blanks else None) or sheet
    if problems:
        likely = max(problems, key=lambda mark: text.partition("\n")[0].count(mark))
        raise BadInput(f"{function}: {path.name}, {problems[likely]}")
    last = sheets[-1]
    if not last.rows:
        raise BadInput(f"{function}: the file {path.name} has no rows.")
    if all(len(row) == 1 for row in last.rows):
        return _split_at_blanks(text) or last
    return last


class _Quotes(Exception):
    """A quotation mark too many, and where."""


def _lines(text: str) -> Iterator[str]:
    """The lines, ends included; comments are blank, so that lines keep their numbers."""
    for line in re.split(r"(?<=\n)|(?<=\r)(?!\n)", text):
        yield "\n" if COMMENT.match(line) else line


def _split(text: str, separator: str) -> Sheet:
    sheet = Sheet([], [], separator)
    reader = csv.reader(_lines(text), delimiter=separator, strict=True, skipinitialspace=True)
    begins = 1
    try:
        for row in reader:
            for cell in row:
                if "\n" in cell or "\r" in cell:
                    raise _Quotes(
                        f"line {begins}: a cell that begins there goes on to line "
                        f"{reader.line_num}. Is there a quotation mark too many?"
                    )
            if any(cell.strip() for cell in row):
                sheet.rows.append([cell.strip() for cell in row])
                sheet.places.append(f"line {begins}")
            begins = reader.line_num + 1
    except csv.Error:
        raise _Quotes(
            f"line {begins}: a quotation mark opens a cell and does not close it, or stands in "
            "the middle of one. Take it away, or write two of them."
        ) from None
    if sheet.rows and len(sheet.rows[0]) > 2 and not any(row[-1] for row in sheet.rows):
        sheet.rows = [row[:-1] for row in sheet.rows]
    return sheet


def _split_at_blanks(text: str) -> Sheet | None:
    """The file as columns with blanks between them, if that gives equally many in every line."""
    tidy = "\n".join(re.sub(r"[ \t]+", " ", line).strip() for line in text.splitlines())
    try:
        sheet = _split(tidy, " ")
    except _Quotes:
        return None
    widths = {len(row) for row in sheet.rows}
    return sheet if len(widths) == 1 and widths != {1} else None
