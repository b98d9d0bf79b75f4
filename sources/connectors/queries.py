"""Read the shop's SELECTs, `sources/*.sql`, and turn their results into rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from models.config.known_keys import RENAMED
from models.errors import BadShop
from sources.coercion import NULL_TEXTS
from sources.contract import CONTRACT, REQUIRED_TABLES
from sources.rows import RejectedRow, Row

EXCLUDED = "excluded"
PLACE_COLUMNS = ("_file", "_line")
DIGEST_COLUMN = "_forewarn_digest"
"""The last column, if there is one: a number of 64 bits without a sign, the same for the same values and types."""


@dataclass(frozen=True, slots=True)
class Select:
    """One SELECT: the table that it fills, its file and its text."""

    table: str
    file: Path
    sql: str


class Connector(Protocol):
    """Runs SELECTs over files or in a database."""

    def rows(self, select: Select) -> Iterator[Row | RejectedRow]:
        """Yield the rows of a SELECT, and rejected rows for unreadable records. Raises BadShop when it fails."""
        ...

    def close(self) -> None:
        """Close files and connections."""
        ...


def read_selects(folder: Path) -> dict[str, Select]:
    """Return a shop's SELECTs by table. Raises BadShop for a missing SELECT or an unknown table."""
    files = {file.stem: file for file in sorted(folder.glob("*.sql"))}
    for table in REQUIRED_TABLES:
        if table not in files:
            raise BadShop(
                f"{folder / table}.sql is missing; {', '.join(f'{name}.sql' for name in REQUIRED_TABLES)} are needed"
            )
    for name, file in files.items():
        if name == "left_out":
            raise BadShop(f"{file}: its name is {EXCLUDED}.sql now")
        if name not in CONTRACT and name != EXCLUDED:
            raise BadShop(f"{file}: no table of that name; {', '.join((*CONTRACT, EXCLUDED))} are right")
    return {name: Select(name, file, _text(file)) for name, file in files.items()}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip().rstrip(";")
    except UnicodeDecodeError as error:
        raise BadShop(f"{file}: not UTF-8 text at byte {error.start}") from error


def check_columns(select: Select, columns: list[str]) -> list[str]:
    """Return the column names in lower case. Raises BadShop when they do not follow the contract."""
    names = [name.lower() for name in columns]
    if select.table == EXCLUDED:
        known, required = {"reason", "count"}, ["reason", "count"]
    else:
        fields = CONTRACT[select.table].model_fields
        known, required = set(fields), [name for name, field in fields.items() if field.is_required()]
    missing = [name for name in required if name not in names]
    if missing:
        raise BadShop(f"{select.file}: returns no column {', '.join(missing)}; it returns {', '.join(names)}")
    if DIGEST_COLUMN in names:
        raise BadShop(f"{select.file}: column {DIGEST_COLUMN!r} is Forewarn's own; another name is right")
    for name in names:
        if name in RENAMED and RENAMED[name] in known:
            raise BadShop(f"{select.file}: the name of column {name!r} is {RENAMED[name]!r} now")
        # Otherwise the values of a misspelt column would be missing without a word.
        if name not in known and not name.startswith("_"):
            raise BadShop(
                f"{select.file}: column {name!r} is not known; {', '.join(sorted(known))} are right, "
                "and names that begin with _ are ignored"
            )
    return names


def to_rows(select: Select, names: list[str], rows: Iterator[tuple[Any, ...]]) -> Iterator[Row]:
    """Yield rows with their file and line, or else their number in the result.

    Rows without any value are skipped: spreadsheets fill up their sheets with them.
    """
    columns = tuple(names)
    file_at, line_at = (names.index(name) if name in names else None for name in PLACE_COLUMNS)
    end = len(columns) - columns.count(DIGEST_COLUMN)
    for number, record in enumerate(rows, start=1):
        if _is_blank(record[:end]):
            continue
        if file_at is None or line_at is None or record[line_at] is None:
            yield Row(record, columns, f"row {number} of {select.file.name}", None)
        else:
            yield Row(record, columns, str(record[file_at]), int(record[line_at]))


def _is_blank(values: tuple[Any, ...]) -> bool:
    for value in values:
        if value is not None and (type(value) is not str or value.strip() not in NULL_TEXTS):
            return False
    return True
