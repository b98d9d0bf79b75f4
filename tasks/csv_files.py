"""Write CSV files whose texts a spreadsheet does not execute as formulas."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, TextIO

from models.errors import ForewarnError

FORMULA = re.compile(r"\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that a spreadsheet may run: OWASP, "CSV Injection", and the full-width forms of those signs."""
NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


@contextmanager
def open_csv(file: Path, columns: Sequence[str]) -> Iterator[Callable[[Iterable[Any]], object]]:
    """Open a CSV file, write its header, and yield a function that writes a row."""
    with file.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream:
        yield _writer(stream, columns)


def write_csv(file: Path, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a CSV file. Raises ForewarnError if the file cannot be written."""
    try:
        with open_csv(file, columns) as write:
            for row in rows:
                write(row)
    except OSError as error:
        raise ForewarnError(f"{file} cannot be written: {error.strerror}") from error


def csv_text(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a CSV file as text."""
    stream = StringIO()
    write = _writer(stream, columns)
    for row in rows:
        write(row)
    return stream.getvalue()


def _writer(stream: TextIO, columns: Sequence[str]) -> Callable[[Iterable[Any]], object]:
    # All text is quoted: a spreadsheet that splits at another delimiter would otherwise find more cells in it.
    writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(columns)
    return lambda row: writer.writerow([escape_formula(value) for value in row])


def escape_formula(value: Any) -> Any:
    """Return a cell that is no formula: text that begins like one, except a plain number, gets an apostrophe."""
    if isinstance(value, str) and FORMULA.match(value) and not NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def unescape_formula(text: str) -> str:
    """Return the text of a cell as it was before `escape_formula`."""
    return text[1:] if text.startswith("'") and escape_formula(text[1:]) == text else text
