"""CSV files as students have them: cells separated by commas, semicolons, tabs or blanks."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from fluxlab.engine.core.errors import BadInput

MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "<NA>", "NaT", "null")
PLAIN = re.compile(r"[-+]?\d+,\d+")  # 1,5; but 1.234,5 and 1,234,567 may mean several things
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
MARKED = re.compile(r"\s*[#%|]")


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

    Lines that begin with #, % or | are comments, unless they have as many cells as the others: a
    column may be called "#", and NumPy writes its names as "# size,age". A separator at the end
    of every line is none.
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


def _split(text: str, separator: str) -> Sheet:
    """The cells between separators; _Quotes if a quotation mark is in the way."""
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    marked = [i for i, line in enumerate(lines) if MARKED.match(line)]
    sheet = _cells(lines, marked, separator)
    widths = Counter(map(len, sheet.rows)).most_common(1)
    rows = [i for i in marked if _is_wide(lines[i], separator, widths[0][0] if widths else None)]
    if rows:
        first = int(sheet.places[0].removeprefix("line ")) - 1 if sheet.rows else len(lines)
        names = [i for i in rows if i < first][-1:]
        if not any(number_in(cell) is not None for row in sheet.rows[:1] for cell in row):
            names = []  # the line below is that of the names
        kept = {i for i in rows if i in names or not re.match(r"\s*. ", lines[i])}
        sheet = _cells(lines, [i for i in marked if i not in kept], separator)
        if sheet.rows and names:
            sheet.rows[0][0] = re.sub(r"^# +(?=.)", "", sheet.rows[0][0])
    while len(sheet.rows) > 1 and (cut := _without_empty_ends(sheet.rows)):
        sheet.rows = cut
    return sheet


def _is_wide(line: str, separator: str, usual: int | None) -> bool:
    """Whether a line that begins like a comment has as many cells as most of the others."""
    if separator not in line:
        return False
    try:
        width = len(_cells([line], [], separator).rows[0])
    except _Quotes:
        return False
    return width > 1 and usual in (width, None)


def _without_empty_ends(rows: list[list[str]]) -> list[list[str]] | None:
    """The rows without their last cells, if those are all empty: a separator ends each line.

    The line of names, or any other, may do without that separator.
    """
    longest = max(map(len, rows))
    ends = [len(row) == longest for row in rows]
    fits = all(
        not row[-1] if end else len(row) == longest - 1 for row, end in zip(rows, ends, strict=True)
    )
    return [row[: longest - 1] for row in rows] if fits and longest > 1 else None


def _cells(lines: list[str], comments: list[int], separator: str) -> Sheet:
    """The rows of all lines but the comments."""
    sheet = Sheet([], [], separator)
    blank = set(comments)
    kept = ("\n" if i in blank else line for i, line in enumerate(lines))
    reader = csv.reader(kept, delimiter=separator, strict=True, skipinitialspace=True)
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
    return sheet


def _split_at_blanks(text: str) -> Sheet | None:
    """The file as columns with blanks between them, if that makes sense.

    It does if it gives equally many in every line, or several numbers in the second.
    """
    tidy = "\n".join(re.sub(r"[ \t]+", " ", line).strip() for line in text.splitlines())
    try:
        sheet = _split(tidy, " ")
    except _Quotes:
        return None
    widths = {len(row) for row in sheet.rows}
    second = sheet.rows[:2][-1] if sheet.rows else []
    several = len(second) > 1 and all(number_in(c) is not None or c in MISSING for c in second)
    return sheet if several or (len(widths) == 1 and widths != {1}) else None
