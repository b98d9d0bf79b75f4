"""The shop's own SELECTs: `sources/*.sql`, one a table of facts."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from models.config.known_keys import RENAMED
from models.errors import BadShop
from sources.coercion import NOTHING
from sources.contract import CONTRACT, NEEDED
from sources.rows import RejectedRow, Row

LEFT_OUT = "left_out"
PLACE = ("_file", "_line")


@dataclass(frozen=True, slots=True)
class Select:
    """One SELECT: the table it fills, the file it stands in, its text."""

    table: str
    file: Path
    sql: str


class Reader(Protocol):
    """Runs SELECTs: over files, or in a database."""

    def rows(self, select: Select) -> Iterator[Row | RejectedRow]:
        """Yield the SELECT's rows, and those that could not be read at all; raises BadShop where it cannot run."""
        ...

    def close(self) -> None:
        """Give back files and connections."""
        ...


def read_selects(folder: Path) -> dict[str, Select]:
    """Read a shop's SELECTs by table; raises BadShop where a needed one is missing or one has an unknown name."""
    found = {file.stem: file for file in sorted(folder.glob("*.sql"))}
    for table in NEEDED:
        if table not in found:
            raise BadShop(f"{folder / table}.sql is missing; {', '.join(f'{name}.sql' for name in NEEDED)} are needed")
    for name, file in found.items():
        if name not in CONTRACT and name != LEFT_OUT:
            raise BadShop(f"{file}: no table of that name; {', '.join((*CONTRACT, LEFT_OUT))} are right")
    return {name: Select(name, file, _text(file)) for name, file in found.items()}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip().rstrip(";")
    except UnicodeDecodeError as error:
        raise BadShop(f"{file}: not UTF-8 text at byte {error.start}") from error


def columns(select: Select, found: list[str]) -> list[str]:
    """Return the SELECT's column names in lower case; raises BadShop where they do not keep the contract."""
    names = [name.lower() for name in found]
    if select.table == LEFT_OUT:
        right, needed = {"reason", "count"}, ["reason", "count"]
    else:
        fields = CONTRACT[select.table].model_fields
        right, needed = set(fields), [name for name, field in fields.items() if field.is_required()]
    missing = [name for name in needed if name not in names]
    if missing:
        raise BadShop(f"{select.file}: yields no column {', '.join(missing)}; it yields {', '.join(names)}")
    for name in names:
        # A misspelt column would otherwise be a fact that silently never arrives.
        if name in RENAMED and RENAMED[name] in right:
            raise BadShop(f"{select.file}: the name of column {name!r} is {RENAMED[name]!r} now")
        if name not in right and not name.startswith("_"):
            raise BadShop(
                f"{select.file}: column {name!r} is not known here; {', '.join(sorted(right))} are right, "
                "and a name that begins with _ is left aside"
            )
    return names


def placed(select: Select, names: list[str], rows: Iterator[tuple[Any, ...]]) -> Iterator[Row]:
    """Name each row's file and line, or else which row of the SELECT's result it is.

    Blank text is no value, and a row of none is no row.
    """
    file_at, line_at = (names.index(name) if name in names else None for name in PLACE)
    for number, row in enumerate(rows, start=1):
        values = {
            name: (None if (text := value.strip()) in NOTHING else text) if type(value) is str else value
            for name, value in zip(names, row, strict=True)
        }
        # A row without any value is what a spreadsheet fills its sheet up with.
        if not any(values.values()) and all(value is None for name, value in values.items() if name not in PLACE):
            continue
        if file_at is None or line_at is None or row[line_at] is None:
            yield Row(values, f"row {number} of {select.file.name}", None)
        else:
            yield Row(values, str(row[file_at]), int(row[line_at]))
