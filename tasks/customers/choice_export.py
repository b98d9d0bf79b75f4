"""Export choices for the shop's systems, as CSV that a spreadsheet can open or as JSON."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models.customers import Choice
from models.errors import ForewarnError
from rules.customers.choice_fields import choice_fields
from tasks.csv_files import open_csv

COLUMNS = (
    "id",
    "order",
    "number",
    "act",
    "state",
    "made_at",
    "made_by",
    "lines",
    "product",
    "quantity",
    "expected_on",
    "refund",
    "price_difference",
    "currency",
    "offer",
    "notice",
    "reserved_until",
    "undo_until",
    "changed_at",
)
"""The fields of a choice in the order of the CSV file's columns."""


def export_csv(choices: Iterable[Choice], file: Path) -> int:
    """Write choices as CSV, a row each and their lines separated by spaces; return how many.

    Raises ForewarnError if the file cannot be written.
    """
    written = 0
    try:
        with open_csv(file, COLUMNS) as write:
            for written, choice in enumerate(choices, 1):  # noqa: B007 - the last number is the count
                fields = choice_fields(choice)
                write(_cell(fields[name]) for name in COLUMNS)
    except OSError as error:
        raise _not_written(file, error) from error
    return written


def _cell(value: Any) -> Any:
    return " ".join(value) if isinstance(value, list) else value


def export_json(choices: Iterable[Choice], file: Path) -> int:
    """Write choices as a JSON list; return how many. Raises ForewarnError if the file cannot be written."""
    written = 0
    try:
        with file.open("w", encoding="utf-8") as stream:
            stream.write("[")
            for written, choice in enumerate(choices, 1):
                stream.write(",\n" if written > 1 else "\n")
                stream.write(json.dumps(choice_fields(choice)))
            stream.write("\n]\n")
    except OSError as error:
        raise _not_written(file, error) from error
    return written


def _not_written(file: Path, error: OSError) -> ForewarnError:
    return ForewarnError(f"{file} cannot be written: {error.strerror}")
