"""Read a shop's source row by row, and validate each row against the contract."""

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
from sources.coercion import EXPECTED_AMOUNT, EXPECTED_DAY, EXPECTED_FLAG, EXPECTED_MOMENT, EXPECTED_WHOLE, Zones
from sources.connectors.database import Database
from sources.connectors.files import Files
from sources.connectors.queries import EXCLUDED, Connector, Select, read_selects
from sources.contract import CONTRACT, PATTERN_MESSAGES, Fact
from sources.rows import AcceptedRow, ExcludedRows, RejectedRow, Row, Validator

MAX_VALUE_SHOWN = 200
"""Characters."""
ORDER_COLUMNS = {"orders": "id", "lines": "order_id"}
"""The column that names the order, by table."""
EXPECTED_BY_ERROR = {
    "date_type": EXPECTED_DAY,
    "datetime_type": EXPECTED_MOMENT,
    "decimal_type": EXPECTED_AMOUNT,
    "int_type": EXPECTED_WHOLE,
    "bool_type": EXPECTED_FLAG,
    "string_type": "text is right",
}
# The key of the limit in pydantic's error, and our words for it.
BOUNDS = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}


@dataclass(frozen=True, slots=True)
class Source:
    """A shop's facts. Close it, or use it in a `with` statement."""

    shop: ShopConfig
    selects: dict[str, Select]
    connector: Connector

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close files and connections."""
        self.connector.close()

    @property
    def tables(self) -> tuple[str, ...]:
        """Return the tables that the shop has a SELECT for, in the order of an import."""
        return tuple(table for table in CONTRACT if table in self.selects)

    def rows(self, table: str) -> Iterator[Row | RejectedRow]:
        """Yield a table's rows as read, and rejected rows for records that could not be read. Raises BadShop."""
        return self.connector.rows(self.selects[table])

    def read(self, table: str) -> Iterator[AcceptedRow | RejectedRow]:
        """Yield each row of a table, accepted or rejected. Raises BadShop when the SELECT fails."""
        validate = self.validator(table)
        for row in self.rows(table):
            yield row if isinstance(row, RejectedRow) else validate(row)

    def validator(self, table: str) -> Validator:
        """Return the function that accepts or rejects a row of a table."""
        adapter: TypeAdapter[Fact] = TypeAdapter(CONTRACT[table])
        zones = Zones(ZoneInfo(self.shop.source.zone or self.shop.zone), ZoneInfo(self.shop.zone))

        def validate(row: Row) -> AcceptedRow | RejectedRow:
            try:
                return AcceptedRow(adapter.validate_python(row.values, context=zones), row.file, row.line)
            except ValidationError as error:
                return rejected_row(table, row, error)

        return validate

    def excluded(self) -> list[ExcludedRows]:
        """Return what the SELECTs exclude on purpose, as excluded.sql counts it. Raises BadShop."""
        if EXCLUDED not in self.selects:
            return []
        rows = (row.values for row in self.rows(EXCLUDED) if isinstance(row, Row))
        try:
            return [ExcludedRows(str(values["reason"]), int(values["count"])) for values in rows]
        except (TypeError, ValueError) as error:
            raise BadShop(f"{self.selects[EXCLUDED].file}: count is a whole number, as count(*) gives it") from error


def open_source(folder: ShopFolder, data: Path | None = None, url: str | None = None) -> Source:
    """Open a shop's source. `data` replaces the folder of files in shop.toml; `url` is the address of its database.

    Raises BadShop when there is nothing to read or a SELECT is missing.
    """
    selects = read_selects(folder.selects)
    if folder.shop.source.kind == "files":
        return Source(folder.shop, selects, Files(data or folder.data, folder.shop.source.encoding))
    if url is None:
        raise BadShop(f"{folder.path / 'shop.toml'}: source.kind is 'database', so FOREWARN_SOURCE_URL must name it")
    return Source(folder.shop, selects, Database(url))


def rejected_row(table: str, row: Row, error: ValidationError) -> RejectedRow:
    """Return a row as rejected: its first wrong column, and the reasons of all."""
    first, *others = error.errors(include_url=False)
    column = str(first["loc"][0])
    other_reasons = "".join(f"; {other['loc'][0]}: {_reason(other)}" for other in others)
    value = row.values.get(column)
    shown = "" if value is None else str(value)[:MAX_VALUE_SHOWN]
    order = str(row.values.get(ORDER_COLUMNS[table]) or "") if table in ORDER_COLUMNS else ""
    return RejectedRow(table, row.file, row.line, column, shown, _reason(first) + other_reasons, order)


def _reason(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    message = error["msg"].removeprefix("Value error, ")
    if kind == "missing" or error["input"] is None:
        return f"missing; {message if kind == 'value_error' else EXPECTED_BY_ERROR.get(kind, 'a value is right')}"
    if kind == "string_pattern_mismatch":
        return PATTERN_MESSAGES[context["pattern"]]
    if kind in ("string_too_long", "too_long"):
        return f"at most {context['max_length']} characters are right"
    if kind in BOUNDS:
        bound, words = BOUNDS[kind]
        return f"{words} {context[bound]} is right"
    if kind == "literal_error":
        return f"{context['expected']} is right"
    return message
