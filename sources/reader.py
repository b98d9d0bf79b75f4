"""A shop's source: its facts, row by row, each accepted or refused."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from models.config.shop import ShopConfig, ShopFolder
from models.errors import BadShop
from sources.coercion import A_DAY, A_FLAG, A_MOMENT, A_WHOLE, AN_AMOUNT, Zones
from sources.connectors.database import Database
from sources.connectors.files import Files
from sources.connectors.queries import LEFT_OUT, Reader, Select, read_selects
from sources.contract import CONTRACT, RIGHT, Fact
from sources.rows import AcceptedRow, ExcludedRows, RejectedRow, Row

FOUND_SHOWN = 200
ORDER = {"orders": "id", "lines": "order_id"}
BY_TYPE = {
    "date_type": A_DAY,
    "datetime_type": A_MOMENT,
    "decimal_type": AN_AMOUNT,
    "int_type": A_WHOLE,
    "bool_type": A_FLAG,
    "string_type": "text is right",
}
# What pydantic says of a number that is too small or too large, in our words.
BOUNDS = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}


@dataclass(frozen=True, slots=True)
class Source:
    """A shop's facts. Close it, or use it in a `with`."""

    shop: ShopConfig
    selects: dict[str, Select]
    reader: Reader

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give back files and connections."""
        self.reader.close()

    @property
    def tables(self) -> tuple[str, ...]:
        """Return the tables that the shop has a SELECT for, in the order to take them in."""
        return tuple(table for table in CONTRACT if table in self.selects)

    def rows(self, table: str) -> Iterator[Row | RejectedRow]:
        """Yield a table's rows as found, and those that could not be read; raises BadShop."""
        return self.reader.rows(self.selects[table])

    def read(self, table: str) -> Iterator[AcceptedRow | RejectedRow]:
        """Yield a table's rows, each accepted or refused; raises BadShop where the SELECT itself cannot run."""
        check: TypeAdapter[Fact] = TypeAdapter(CONTRACT[table])
        zones = Zones(ZoneInfo(self.shop.source.zone or self.shop.zone), ZoneInfo(self.shop.zone))
        for row in self.rows(table):
            if isinstance(row, RejectedRow):
                yield row
                continue
            try:
                yield AcceptedRow(check.validate_python(row.values, context=zones), row.file, row.line)
            except ValidationError as error:
                yield reject(table, row, error)

    def left_out(self) -> list[ExcludedRows]:
        """Return what the SELECTs leave out on purpose, as left_out.sql counts it."""
        if LEFT_OUT not in self.selects:
            return []
        found = (row.values for row in self.rows(LEFT_OUT) if isinstance(row, Row))
        try:
            return [ExcludedRows(str(values["reason"]), int(values["count"])) for values in found]
        except (TypeError, ValueError) as error:
            raise BadShop(f"{self.selects[LEFT_OUT].file}: count is a whole number, as count(*) gives it") from error


def open_source(folder: ShopFolder, data: Path | None = None, url: str | None = None) -> Source:
    """Open a shop's source; `data` says where its files lie when not where shop.toml says, `url` its database.

    Raises BadShop where there is nothing to read, or a SELECT is missing.
    """
    selects = read_selects(folder.selects)
    if folder.shop.source.kind == "files":
        return Source(folder.shop, selects, Files(data or folder.data, folder.shop.source.encoding))
    if url is None:
        raise BadShop(f"{folder.path / 'shop.toml'}: source.kind is 'database', so FOREWARN_SOURCE_URL must say which")
    return Source(folder.shop, selects, Database(url))


def reject(table: str, row: Row, error: ValidationError) -> RejectedRow:
    """Say what is wrong with a row, first of all, and what would be right."""
    first, *others = error.errors(include_url=False)
    column = str(first["loc"][0])
    also = "".join(f"; {other['loc'][0]}: {_reason(other)}" for other in others)
    value = row.values.get(column)
    shown = "" if value is None else str(value)[:FOUND_SHOWN]
    order = str(row.values.get(ORDER[table]) or "") if table in ORDER else ""
    return RejectedRow(table, row.file, row.line, column, shown, _reason(first) + also, order)


def _reason(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    said = error["msg"].removeprefix("Value error, ")
    if kind == "missing" or error["input"] is None:
        return f"missing; {said if kind == 'value_error' else BY_TYPE.get(kind, 'a value is right')}"
    if kind == "string_pattern_mismatch":
        return RIGHT[context["pattern"]]
    if kind in ("string_too_long", "too_long"):
        return f"at most {context['max_length']} characters are right"
    if kind in BOUNDS:
        bound, words = BOUNDS[kind]
        return f"{words} {context[bound]} is right"
    if kind == "literal_error":
        return f"{context['expected']} is right"
    return said
