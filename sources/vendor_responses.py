"""Parse vendors' responses to purchase requests, from a CSV file, a JSON file or a message."""

import csv
import json
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, ValidationError

from models.errors import ForewarnError
from models.inventory import MAX_DAYS_AHEAD
from models.purchasing import VendorResponse
from sources.coercion import Day, Text, Zones, lower
from sources.connectors.staging import MAX_TEXT_SHOWN, stage_csv
from sources.contract import Fact, Key
from sources.reader import rejected_row
from sources.rows import RejectedRow, Row

TABLE = "answers"
"""The name of the list in JSON, and of the table in rejected rows. Vendors use it, so it stays."""
MAX_REASON_LENGTH = 500
REQUIRED_COLUMNS = ("request", "order", "line", "answer")
EXPECTED_LIST = 'expected a JSON list, as [{"request": "...", "order": "7", "line": "1", "answer": "accepted"}]'


class ResponseRow(Fact):
    """A vendor's response to one line of a purchase request, with the columns that vendors fill in."""

    request: Key = Field(description="the purchase request's id")
    order: Key = Field(description="the order, as the request names it")
    line: Key = Field(description="its line, as the request names it")
    answer: Annotated[Literal["accepted", "refused"], BeforeValidator(lower)] = Field(
        description="`accepted` or `refused`"
    )
    reason: Annotated[Text, Field(max_length=MAX_REASON_LENGTH)] | None = Field(None, description="why it is refused")
    promised_on: Day | None = Field(None, description="the day by which an accepted line leaves the vendor")


class ParsedResponse(NamedTuple):
    """A valid response, and the file or message and line that it comes from."""

    row: ResponseRow
    file: str
    line: int | None


def read_responses(file: Path) -> Iterator[Row | RejectedRow]:
    """Yield the rows of a CSV or JSON file of responses. Raises ForewarnError for a file that is neither."""
    if not file.is_file():
        raise ForewarnError(f"{file}: no such file")
    if file.suffix.lower() == ".json":
        yield from rows_of_json(file.read_bytes(), str(file))
        return
    rejected: list[RejectedRow] = []

    def reject_record(line: int, text: str, reason: str) -> None:
        rejected.append(RejectedRow(TABLE, str(file), line, "", text.strip()[:MAX_TEXT_SHOWN], reason))

    with tempfile.TemporaryDirectory(prefix="forewarn-") as folder:
        copy = Path(folder) / "copy.csv"
        try:
            names = stage_csv(file, str(file), copy, reject_record)
        except ValueError as error:
            raise ForewarnError(f"{file}: {error}") from error
        if missing := [name for name in REQUIRED_COLUMNS if name not in names]:
            raise ForewarnError(f"{file} has no column {missing[0]!r}; {', '.join(REQUIRED_COLUMNS)} are needed")
        yield from rejected
        with copy.open(newline="", encoding="utf-8") as stream:
            for *record, name, line in csv.reader(stream):
                yield Row.of(
                    {column: value or None for column, value in zip(names, record, strict=True)}, name, int(line)
                )


def rows_of_json(text: bytes, place: str) -> Iterator[Row | RejectedRow]:
    """Yield the rows of responses in JSON. Raises ForewarnError for anything else."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ForewarnError(f"{place}: not JSON ({error}); {EXPECTED_LIST}") from error
    yield from rows_of(content, place)


def rows_of(content: Any, place: str) -> Iterator[Row | RejectedRow]:
    """Yield the rows of a list, or of the list `answers` of an object. Raises ForewarnError without a list."""
    responses = content.get(TABLE) if isinstance(content, dict) else content
    if not isinstance(responses, list):
        raise ForewarnError(f"{place}: {EXPECTED_LIST}")
    for number, response in enumerate(responses, start=1):
        if isinstance(response, dict):
            values = {str(name): None if value == "" else value for name, value in response.items()}
            yield Row.of(values, place, number)
        else:
            yield RejectedRow(TABLE, place, number, "", str(response)[:MAX_TEXT_SHOWN], EXPECTED_LIST)


def parse_responses(
    rows: Iterable[Row | RejectedRow], zone: ZoneInfo, today: date
) -> Iterator[ParsedResponse | RejectedRow]:
    """Yield each row parsed or rejected. Rows whose response columns are all blank are skipped."""
    for row in rows:
        if isinstance(row, RejectedRow):
            yield row
            continue
        if all(row.values.get(name) is None for name in ("answer", "reason", "promised_on")):
            continue
        try:
            response = ResponseRow.model_validate(row.values, context=Zones(zone, zone))
        except ValidationError as error:
            yield rejected_row(TABLE, row, error)
            continue
        if VendorResponse(response.answer) is VendorResponse.REFUSED and not (response.reason or "").strip():
            yield _reject_value(row, "reason", None, "missing; say why it is refused, as 'discontinued'")
        elif response.promised_on is not None and response.promised_on < today:
            yield _reject_value(
                row, "promised_on", response.promised_on, f"the day has passed; use {today} or a later day"
            )
        elif response.promised_on is not None and (response.promised_on - today).days > MAX_DAYS_AHEAD:
            latest = today + timedelta(days=MAX_DAYS_AHEAD)
            yield _reject_value(
                row, "promised_on", response.promised_on, f"too far ahead; use {latest} or an earlier day"
            )
        else:
            yield ParsedResponse(response, row.file, row.line)


def _reject_value(row: Row, column: str, value: object, reason: str) -> RejectedRow:
    return RejectedRow(TABLE, row.file, row.line, column, "" if value is None else str(value), reason)
