"""CSV files that somebody will open in a spreadsheet: no text in them becomes a formula."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FORMULA = re.compile(r"\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that a spreadsheet may run: OWASP, "CSV Injection", and the full-width kin of those signs."""
NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


@contextmanager
def sheet(file: Path, columns: Sequence[str], *, add: bool = False) -> Iterator[Callable[[Iterable[Any]], object]]:
    """Open a CSV file and give a function that writes a row; `add` keeps the rows that are there."""
    # Text is quoted throughout, for a spreadsheet that splits at another sign would find cells of its own in it.
    with file.open("a" if add else "w", newline="", encoding="utf-8", errors="backslashreplace") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC)
        if stream.tell() == 0:
            writer.writerow(columns)
        yield lambda row: writer.writerow([inert(value) for value in row])


def inert(value: Any) -> Any:
    """Return a cell that is no formula: an apostrophe before whatever begins like one, save a plain number."""
    if isinstance(value, str) and FORMULA.match(value) and not NUMBER.fullmatch(value):
        return f"'{value}"
    return value
