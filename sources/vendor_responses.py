"""What vendors answer to purchase requests: rows of a CSV or JSON file, or of a message, each accepted or refused."""

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
from sources.connectors.staging import SHOWN, stage_csv
from sources.contract import Fact, Key
from sources.reader import reject
from sources.rows import RejectedRow, Row

TABLE = "answers"
LONGEST_REASON = 500
NEEDED = ("request", "order", "line", "answer")
A_LIST = 'a JSON list of answers, as [{"request": "...", "order": "7", "line": "1", "answer": "accepted"}], is right'


class ResponseRow(Fact):
    """A vendor's answer about one line of a purchase request."""

    request: Key = Field(description="the purchase request's id")
    order: Key = Field(description="the order, as the request names it")
    line: Key = Field(description="its line, as the request names it")
    answer: Annotated[Literal["accepted", "refused"], BeforeValidator(lower)] = Field(
        description="`accepted` or `refused`"
    )
    reason: Annotated[Text, Field(max_length=LONGEST_REASON)] | None = Field(None, description="why it is refused")
    promised_on: Day | None = Field(None, description="the day by which an accepted line leaves the vendor")


class ParsedResponses(NamedTuple):
    """An answer that can be one, and where it stands."""

    row: ResponseRow
    file: str
    line: int | None


def read_responses(file: Path) -> Iterator[Row | RejectedRow]:
    """Yield the rows of an answers file; raises ForewarnError where it is none."""
    if not file.is_file():
        raise ForewarnError(f"{file}: no such file")
    if file.suffix.lower() == ".json":
        yield from rows_in(file.read_bytes(), str(file))
        return
    bad: list[RejectedRow] = []

    def refuse(line: int, text: str, why: str) -> None:
        bad.append(RejectedRow(TABLE, str(file), line, "", text.strip()[:SHOWN], why))

    with tempfile.TemporaryDirectory(prefix="forewarn-") as folder:
        copy = Path(folder) / "copy.csv"
        try:
            names = stage_csv(file, str(file), copy, refuse)
        except ValueError as error:
            raise ForewarnError(f"{file}: {error}") from error
        if lacking := [name for name in NEEDED if name not in names]:
            raise ForewarnError(f"{file} has no column {lacking[0]!r}; {', '.join(NEEDED)} are needed")
        yield from bad
        with copy.open(newline="", encoding="utf-8") as stream:
            for *record, name, line in csv.reader(stream):
                yield Row({column: value or None for column, value in zip(names, record, strict=True)}, name, int(line))


def rows_in(text: bytes, place: str) -> Iterator[Row | RejectedRow]:
    """Yield the rows of answers written as JSON; raises ForewarnError where there are none."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ForewarnError(f"{place}: not JSON ({error}); {A_LIST}") from error
    yield from rows_of(told, place)


def rows_of(told: Any, place: str) -> Iterator[Row | RejectedRow]:
    """Yield the rows of a list of answers, or of an object that holds one; raises ForewarnError where it is none."""
    answers = told.get(TABLE) if isinstance(told, dict) else told
    if not isinstance(answers, list):
        raise ForewarnError(f"{place}: {A_LIST}")
    for number, one in enumerate(answers, start=1):
        if isinstance(one, dict):
            yield Row({str(name): None if value == "" else value for name, value in one.items()}, place, number)
        else:
            yield RejectedRow(TABLE, place, number, "", str(one)[:SHOWN], A_LIST)


def checked(rows: Iterable[Row | RejectedRow], zone: ZoneInfo, today: date) -> Iterator[ParsedResponses | RejectedRow]:
    """Yield each row accepted or refused; one whose answer is left blank, as the request was sent, is passed over."""
    for row in rows:
        if isinstance(row, RejectedRow):
            yield row
            continue
        if all(row.values.get(name) is None for name in ("answer", "reason", "promised_on")):
            continue
        try:
            answer = ResponseRow.model_validate(row.values, context=Zones(zone, zone))
        except ValidationError as error:
            yield reject(TABLE, row, error)
            continue
        if VendorResponse(answer.answer) is VendorResponse.REFUSED and not (answer.reason or "").strip():
            yield _wrong(row, "reason", None, "missing; why it is refused, as 'discontinued', is right")
        elif answer.promised_on is not None and answer.promised_on < today:
            yield _wrong(row, "promised_on", answer.promised_on, f"the day has passed; {today} or a later one is right")
        elif answer.promised_on is not None and (answer.promised_on - today).days > MAX_DAYS_AHEAD:
            latest = today + timedelta(days=MAX_DAYS_AHEAD)
            yield _wrong(
                row, "promised_on", answer.promised_on, f"nobody waits so long; {latest} or an earlier day is right"
            )
        else:
            yield ParsedResponses(answer, row.file, row.line)


def _wrong(row: Row, column: str, value: object, reason: str) -> RejectedRow:
    return RejectedRow(TABLE, row.file, row.line, column, "" if value is None else str(value), reason)
