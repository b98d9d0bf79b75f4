"""What holds for every input that can be thought of, as far as a machine can think of them."""

import csv
import tempfile
from datetime import UTC, date
from decimal import Decimal
from pathlib import Path

import pytest
import smsutil
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from models.config.shop import read_shop
from models.errors import BadShop
from rules.delays.buckets import bucket_for_days
from rules.delays.delays import delay_of, late_line
from sources.connectors.queries import Select
from sources.contract import CONTRACT
from sources.reader import Source, open_source
from sources.rows import AcceptedRow, RejectedRow, Row
from sources.starter_folder import write_starter
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.imports.fact_rows import TABLES
from tasks.imports.load import import_all
from tasks.imports.stats import ImportStats
from templates.rendering.formats import parse_locale
from templates.rendering.sms import BASIC, EXTENSION, SmsEncoding, count_segments
from tests.support.builders import CALENDAR, DAY, POLICY, day, line, order

AS_OF = date(2026, 1, 15)
QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
any_text = st.text(st.characters(codec="utf-8"), max_size=30)
half_text = st.text(st.characters(), max_size=10)
values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(), st.decimals(), half_text,
    st.binary(max_size=5),
    st.dates(), st.datetimes(), st.datetimes(timezones=st.just(UTC)), st.times(), st.timedeltas(), st.uuids(),
    st.lists(st.integers(), max_size=2), st.dictionaries(any_text, st.integers(), max_size=2),
    st.sampled_from(["1E+99999999999999999999", "1e9", Decimal("1E+40"), Decimal("Infinity"), "ship", "2026-01-09"]),
)  # fmt: skip


class Given:
    """A reader that yields the rows it was given."""

    def __init__(self, rows):
        self.given = rows

    def rows(self, select):
        yield from (Row.of(row, f"{select.table}.csv", n) for n, row in enumerate(self.given.get(select.table, []), 2))

    def close(self):
        pass


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop") / "shop"
    write_starter(folder)
    return folder


@pytest.fixture(scope="module")
def ledger_of_sqlite(tmp_path_factory):
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}")
    migrate(engine)
    yield engine
    engine.dispose()


def everything(engine):
    with engine.connect() as connection:
        return {name: sorted(map(repr, connection.execute(select(table)))) for name, table in TABLES.items()}


def balanced(counts: ImportStats) -> bool:
    taken = counts.inserted + counts.updated + counts.unchanged
    return counts.read == taken + counts.rejected + counts.duplicates + counts.superseded


rows_of = {
    table: st.lists(
        st.fixed_dictionaries(dict.fromkeys(model.model_fields, values | st.sampled_from(["1", "2"]))), max_size=4
    )
    for table, model in CONTRACT.items()
}


@QUICK
@given(st.fixed_dictionaries(rows_of))
@example({"customers": [{"id": "1", "name": "a\ud800"}], "products": [{"id": "x" * 9999, "name": "lamp"}]})
@example({"stock": [{"product_id": "1", "location": "1", "on_hand": Decimal("1E+40")}]})
@example({"stock": [{"product_id": "1", "location": "1", "on_hand": Decimal("Infinity")}]})
@example({"products": [{"id": "1", "name": "lamp", "price": "1E+99999999999999999999"}]})
def test_any_row_is_taken_in_or_refused_by_file_and_line_and_a_second_import_changes_nothing(
    shop, ledger_of_sqlite, rows
):
    source = Source(
        read_shop(shop).shop, {table: Select(table, Path(f"{table}.sql"), "") for table in CONTRACT}, Given(rows)
    )
    with tempfile.TemporaryDirectory() as folder:
        rejects = Path(folder) / "rejects.csv"
        first = import_all(ledger_of_sqlite, source, AS_OF, rejects)
        refused = sum(stats.rejected for stats in first.values())
        with rejects.open(newline="", encoding="utf-8") if refused else tempfile.TemporaryFile("r") as stream:
            found = list(csv.DictReader(stream))
    assert {table: one.read for table, one in first.items()} == {table: len(rows.get(table, [])) for table in CONTRACT}
    assert all(map(balanced, first.values()))
    assert len(found) == refused
    assert all(row["file"] == f"{row['table']}.csv" and int(row["line"]) >= 2 and row["reason"] for row in found)
    before = everything(ledger_of_sqlite)
    second = import_all(ledger_of_sqlite, source, AS_OF)
    assert everything(ledger_of_sqlite) == before
    assert all(one.inserted == one.updated == 0 for one in second.values())


@QUICK
@given(st.text(st.characters(codec="utf-8") | st.sampled_from(',"\n\r;\t'), max_size=120), st.booleans())
@example("C1,a\0b,a@example.com,,,,,\n", True)
@example('C1,"open,a@example.com,,,,,\nC2,b,,,,,,\n', True)
def test_any_customers_file_is_read_record_by_record_or_refused_in_one_sentence(shop, text, with_header):
    file = shop / "data" / "customers.csv"
    header = "id,name,email,phone,country,locale,sms_consent,opted_out\n" if with_header else ""
    file.write_bytes((header + text).encode())
    try:
        with open_source(read_shop(shop)) as source:
            found = list(source.read("customers"))
    except BadShop as error:
        refused, found = str(error), []
    else:
        refused = ""
    assert bool(refused) <= (not with_header)
    assert "\n" not in refused
    assert all(isinstance(one, AcceptedRow | RejectedRow) and one.line and one.file == "customers.csv" for one in found)


@given(half_text)
@example("../../etc/passwd")
@example("en_" * 4000)
def test_any_language_that_a_customer_may_have_is_a_locale_or_none(name):
    assert parse_locale(name) is None or parse_locale(name).language


promised_days, expected_days = st.integers(-40, 40), st.none() | st.integers(-40, 60)


def days_late_by_hand(promised, expected, today):
    """Count from the promised day to the expected one, or to today where none is known or it has passed."""
    return max(0, (today if expected is None or expected < today else expected) - promised)


@given(promised_days, expected_days, st.integers(0, 60))
def test_a_line_is_late_by_the_days_from_its_promise_to_its_expected_day_or_today(promised, expected, today):
    late = late_line(line(promised=promised, expected=expected), day(today), CALENDAR)
    assert (late.days if late else 0) == days_late_by_hand(promised, expected, today)


def bucket_by_hand(days):
    return next(
        (name for least, name in ((15, "long"), (8, "fortnight"), (4, "week"), (1, "short")) if days >= least), None
    )


@given(st.integers(0, 400))
def test_days_late_fall_into_the_buckets_of_the_default_policy(days):
    bucket = bucket_for_days(days, POLICY)
    assert (bucket.name if bucket else None) == bucket_by_hand(days)


@given(st.lists(st.tuples(promised_days, expected_days), min_size=1, max_size=4))
def test_an_order_is_as_late_as_its_latest_line(dates):
    lines = [line(str(n), promised=promised, expected=expected) for n, (promised, expected) in enumerate(dates, 1)]
    delay = delay_of(order(*lines), DAY, POLICY, CALENDAR)
    late_by = [days_late_by_hand(promised, expected, 0) for promised, expected in dates]
    assert (delay.days if delay else 0) == max(late_by)
    assert (delay.bucket if delay else None) == bucket_by_hand(max(late_by))
    late_lines = {late.line.number: late.days for late in delay.late} if delay else {}
    assert late_lines == {str(n): days for n, days in enumerate(late_by, 1) if days}


ESCAPE = "\x1b"
billed = st.text(st.sampled_from(sorted(BASIC | EXTENSION)) | st.characters(codec="utf-8"), min_size=1, max_size=400)


@settings(max_examples=300, deadline=None)
@given(billed | st.text(st.sampled_from(sorted(BASIC | EXTENSION)), min_size=1, max_size=400))
def test_a_text_costs_what_an_independent_counter_says(text):
    ours, theirs = count_segments(text), smsutil.split(text.replace(ESCAPE, "\x1c"))
    assert ours.encoding is (SmsEncoding.GSM7 if theirs.encoding == "gsm0338" else SmsEncoding.UCS2)
    assert ours.parts == len(theirs.parts)
    assert ours.units == theirs.total_bytes // (1 if ours.encoding is SmsEncoding.GSM7 else 2)


def test_where_the_two_counters_differ_the_standard_is_on_our_side():
    # 3GPP TS 23.038, 6.2.1, note 1: place 1B is the escape to the extension table, and stands for no character.
    assert smsutil.split(ESCAPE).encoding == "gsm0338"
    assert count_segments(ESCAPE).encoding is SmsEncoding.UCS2
    # A text of no characters needs none outside the default alphabet (6.2.1), so nothing calls for UCS2 (6.2.3).
    assert smsutil.split("").encoding == "utf_16_be"
    assert count_segments("").encoding is SmsEncoding.GSM7
