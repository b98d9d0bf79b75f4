"""An order in the source has all of its lines there; what the source no longer has ends in the ledger."""

import threading
from dataclasses import asdict
from datetime import date

import pytest
from sqlalchemy import select

from app.clock import make_clock
from app.composition import open_app
from app.reports.run import imported, lines
from models.errors import BadShop
from models.policy.policy import Policy
from rules.guardrails import DataStats, data_breaches
from sources.check_report import Finding
from sources.connectors.newest_file import Newest
from sources.starter_folder import write_starter
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.db.sql import read_only
from tasks.guardrails.check import check_data
from tasks.guardrails.release import ReviewDecision, release_or_drop_run
from tasks.imports.endings import DELETED, DONE, GONE, NO_LINES, NOT_OPEN, VIRTUAL, ZERO
from tasks.imports.guard import ConcurrentImport, ImportIncomplete, ensure_import_complete, import_guard
from tasks.imports.stats import ImportStats
from tasks.reporting.explain_order import explain_order
from tasks.runs.records import LATE_ORDERS, start_run
from tasks.tables import CUSTOMERS, EVENTS, ORDER_LINES
from tests.support.imports import NEXT, StarterShop

pytestmark = pytest.mark.sqlite_suffices(
    "what rows mean; that lines end, reopen, wait for another import and are held is tested on both databases"
)
LATER = date(2026, 1, 30)
FIRST_LINE = "1001,1,MUG-1,2,14.00,2026-01-09,2026-01-20,\n"
ORDER_2 = "1002,C2,2026-01-06 16:40:00,,9.90\n"
LINE_2 = "1002,1,MUG-1,1,14.00,2026-01-12,,\n"


@pytest.fixture
def shop(tmp_path, ledger, monkeypatch):
    monkeypatch.setenv("FOREWARN_HOME", str(tmp_path))
    monkeypatch.setenv("FOREWARN_DATABASE_URL", ledger)
    folder = tmp_path / "shop"
    write_starter(folder)
    engine = connect(ledger)
    migrate(engine)
    yield StarterShop(folder, engine, tmp_path / "rejects.csv")
    engine.dispose()


@pytest.mark.both_databases
def test_a_line_of_quantity_zero_is_cancelled_without_a_notice(shop):
    shop.take_in()
    shop.change("lines.csv", "1002,1,MUG-1,1,", "1002,1,MUG-1,0,")
    assert shop.take_in(NEXT)["lines"] == ImportStats(read=4, updated=1, unchanged=3)
    assert shop.lines("1002") == {"1": (True, False, ZERO)}
    assert shop.take_in(LATER)["lines"] == ImportStats(read=4, unchanged=4)
    _, told = shop.live(LATER)
    assert "1002" not in told
    shop.change("lines.csv", "1002,1,MUG-1,0,", "1002,1,MUG-1,1,")
    _, told = shop.live(LATER)
    assert "1002" in told


@pytest.mark.both_databases
@pytest.mark.parametrize("batch", [100, 1])
def test_a_line_missing_from_its_order_is_cancelled_and_reopened_when_it_returns(shop, batch):
    shop.change("lines.csv", "1001,2,TEA-1,1,8.90,2026-01-09,,2026-01-08 11:30:00", "1001,2,TEA-1,1,8.90,2026-02-09,,")
    shop.take_in()
    shop.change("lines.csv", FIRST_LINE, "")
    found = shop.take_in(NEXT, batch=batch)["lines"]
    assert found == ImportStats(read=3, unchanged=3, removed=1)
    assert imported(asdict(found)) == "3 rows: 1 removed"
    assert shop.lines("1001") == {"1": (True, False, GONE), "2": (False, False, None)}
    events = select(EVENTS.c.kind, EVENTS.c.subject, EVENTS.c.who, EVENTS.c.why)
    assert ("gone", "1001", "import", "line 1: gone from the source") in shop.ask(events)
    assert shop.take_in(LATER, batch=batch)["lines"] == ImportStats(read=3, unchanged=3)
    with open_app(shop.folder) as app, read_only(shop.engine) as connection:
        story = explain_order(make_clock("Europe/Berlin", NEXT).snapshot(app.context), connection, "1001")
    assert [line["state"] for line in story["lines"]] == ["cancelled 2026-01-16: gone from the source", "on time"]
    assert "1001" not in shop.live(LATER)[1]
    shop.write("lines.csv", (shop.folder / "data" / "lines.csv").read_text() + FIRST_LINE)
    assert shop.take_in(LATER, batch=batch)["lines"] == ImportStats(read=4, updated=1, unchanged=3)
    assert shop.lines("1001")["1"] == (False, False, None)
    assert "1001" in shop.live(LATER)[1]


@pytest.mark.parametrize(
    "bad",
    ["1001,2,TEA-1,one,8.90,2026-01-09,,\n", "1001,2,CUP-9,1,8.90,2026-01-09,,\n", '1001,"2,TEA-1,1,8.90\n'],
    ids=["value", "reference", "record"],
)
def test_no_line_ends_in_an_order_with_a_rejected_line(shop, bad):
    shop.take_in()
    more = "1001,3,MUG-2,1,14.00,2026-02-09,,\n"
    text = (shop.folder / "data" / "lines.csv").read_text()
    shop.write("lines.csv", text.replace(FIRST_LINE, more) + bad)
    found = shop.take_in(NEXT)["lines"]
    assert (found.removed, found.rejected > 0) == (0, True)
    assert shop.lines("1001")["1"] == (False, False, None)


def test_a_rejected_line_of_one_order_does_not_keep_lines_of_another_open(shop):
    shop.take_in()
    shop.change("lines.csv", "1003,1,MUG-2,1,", "1003,1,MUG-2,one,")
    shop.change("lines.csv", FIRST_LINE, "")
    assert shop.take_in(NEXT)["lines"].removed == 1
    assert shop.lines("1003") == {"1": (False, False, None)}


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("lines_left", "ended"),
    [("whole", (False, True, NO_LINES)), ("refused", (False, False, None)), ("empty", (False, False, None))],
)
def test_an_order_without_any_line_left_is_done_if_no_line_was_rejected(shop, lines_left, ended):
    shop.take_in()
    shop.change("lines.csv", LINE_2, "")
    if lines_left == "refused":
        shop.change("lines.csv", "1003,1,MUG-2,1,", "1003,1,MUG-2,one,")
    if lines_left == "empty":
        shop.write("lines.csv", (shop.folder / "data" / "lines.csv").read_text().partition("\n")[0] + "\n")
    shop.take_in(NEXT)
    assert shop.lines("1002") == {"1": ended}
    if lines_left == "whole":
        assert "1002" not in shop.live(LATER)[1]


def lose_order_2(shop):
    shop.change("orders.csv", ORDER_2, "")
    shop.change("lines.csv", LINE_2, "")


def test_an_open_order_missing_from_the_source_stays_open_and_is_reported(shop):
    shop.take_in()
    lose_order_2(shop)
    found = shop.take_in(NEXT)
    assert (found["orders"].missing, list(found.missing)) == (1, ["1002"])
    report, told = shop.live(NEXT)
    assert "1002" in told
    assert ("Not named", "1 open order was not in this import, and stays open: 1002") in lines(report)


@pytest.mark.both_databases
@pytest.mark.parametrize("batch", [100, 1])
@pytest.mark.parametrize(("scope", "ended"), [("all", (True, False, GONE)), ("open", (False, True, NOT_OPEN))])
def test_a_source_of_all_or_all_open_orders_ends_the_missing_ones(shop, scope, ended, batch):
    shop.says(f'orders = "{scope}"')
    shop.take_in()
    lose_order_2(shop)
    found = shop.take_in(NEXT, batch=batch)
    assert (found["orders"].removed, found["orders"].missing) == (1, 0)
    assert shop.order("1002") == ended
    assert shop.take_in(NEXT)["orders"].removed == 0
    assert "1002" not in shop.live(LATER)[1]
    shop.write("orders.csv", (shop.folder / "data" / "orders.csv").read_text() + ORDER_2)
    shop.write("lines.csv", (shop.folder / "data" / "lines.csv").read_text() + LINE_2)
    assert "1002" in shop.live(LATER)[1]
    assert shop.order("1002") == (False, False, None)


@pytest.mark.parametrize("scope", ["all", "open"])
@pytest.mark.parametrize("orders_left", ["empty", "refused"])
def test_an_empty_or_partly_rejected_source_ends_no_order(shop, scope, orders_left):
    shop.says(f'orders = "{scope}"')
    shop.take_in()
    shop.change("orders.csv", ORDER_2, "")
    if orders_left == "refused":
        shop.change("orders.csv", "1003,C1,2026-01-07 09:03:00", "1003,C1,never")
    else:
        shop.write("orders.csv", (shop.folder / "data" / "orders.csv").read_text().partition("\n")[0] + "\n")
    found = shop.take_in(NEXT)["orders"]
    assert (found.removed, found.missing > 0) == (0, True)
    assert shop.order("1002") == (False, False, None)


def test_another_word_for_the_sources_orders_is_refused(shop):
    shop.says('orders = "some"')
    with pytest.raises(BadShop, match=r"source\.orders"):
        shop.take_in()


@pytest.mark.parametrize(("column", "ended"), [("deleted", (True, False, DELETED)), ("done", (False, True, DONE))])
def test_an_order_or_a_line_ends_by_a_column_of_its_own(shop, column, ended):
    shop.take_in()
    shop.select("orders", "SELECT", f"SELECT number = '1002' AS {column}, ")
    shop.select("lines", "SELECT", f"SELECT \"order\" = '1003' AS {column}, ")
    for _ in range(2):
        shop.take_in(NEXT)
        assert shop.order("1002") == ended
        assert shop.lines("1003") == {"1": ended}
    assert shop.live(LATER)[1] == {"1001"}
    assert shop.check(LATER).open_orders == 1


@pytest.mark.parametrize("by", ["products", "lines"])
def test_virtual_lines_are_never_late(shop, by):
    tables = {"products": ("products", "sku = 'MUG-1'"), "lines": ("lines", "sku = 'MUG-1'")}
    table, which = tables[by]
    shop.select(table, "SELECT", f"SELECT {which} AS virtual, ")
    report, told = shop.live(LATER)
    assert told == {"1003"}
    assert report.open == 1
    assert shop.lines("1002") == {"1": (False, False, VIRTUAL)}
    checked = shop.check(LATER)
    assert (checked.findings, checked.open_orders) == ({}, 1)
    shop.select(table, which, "FALSE")
    assert "1002" in shop.live(LATER)[1]


@pytest.mark.parametrize("zero", ["0000-00-00", "0000-00-00 00:00:00"])
def test_the_zero_date_is_no_date(shop, zero):
    shop.change("orders.csv", "16:40:00,,", f"16:40:00,{zero},")
    shop.change("lines.csv", LINE_2, f"1002,1,MUG-1,1,14.00,2026-01-12,{zero},{zero}\n")
    shop.take_in()
    assert shop.refused() == []
    assert shop.ask(
        select(ORDER_LINES.c.expected_on, ORDER_LINES.c.shipped_at).where(ORDER_LINES.c.order_id == "1002")
    ) == [(None, None)]
    shop.change("orders.csv", "1003,C1,2026-01-07 09:03:00", f"1003,C1,{zero}")
    shop.take_in()
    (_, _, column, reason), *_ = shop.refused()
    assert (column, reason.partition(";")[0]) == ("placed_at", "missing")


# Several rows of one key


@pytest.mark.parametrize(
    ("one", "other", "newer"),
    [
        ("orders-2026-01-10.csv", "orders-2026-01-09.csv", True),
        ("orders-2026-1-9.csv", "orders-2026-01-10.csv", False),
        ("orders-10.csv", "orders-9.csv", True),
        ("orders-9.csv.gz", "orders-10.csv", False),
        ("orders-2.csv", "orders-2.csv", None),
        ("orders-2.csv", "others.csv", None),
    ],
)
def test_of_a_patterns_files_the_one_whose_name_sorts_last_by_its_numbers_is_the_newest(one, other, newer):
    assert Newest("SELECT * FROM 'orders-*.csv'").newer(one, other) is newer


def dumps(shop, *files):
    for table in ("orders", "lines"):
        shop.select(table, f"'{table}.csv'", f"'{table}-*.csv'")
    head_o = "number,customer,placed,cancelled,shipping\n"
    head_l = "order,line,sku,quantity,price,promised,expected,shipped\n"
    for day, orders, rows in files:
        shop.write(f"orders-{day}.csv", head_o + orders)
        shop.write(f"lines-{day}.csv", head_l + rows)


@pytest.mark.both_databases
@pytest.mark.parametrize("batch", [100, 1])
def test_the_row_of_the_newest_daily_file_counts(shop, batch):
    late = "1001,1,MUG-1,1,14.00,2026-01-05,,{}\n1001,2,TEA-1,1,14.00,2026-01-05,,\n"
    dumps(
        shop,
        ("9", "1001,C1,2026-01-02,,\n1002,C2,2026-01-02,,\n", late.format("") + LINE_2),
        ("10", "1001,C1,2026-01-02,,\n1002,C2,2026-01-02,2026-01-04,\n", "1001,1,MUG-1,1,14,2026-01-05,,2026-01-04\n"),
    )
    found = shop.take_in(batch=batch)
    assert found["orders"] == ImportStats(read=4, inserted=2, superseded=2)
    assert found["lines"] == ImportStats(read=4, inserted=2, superseded=2)
    assert shop.order("1002")[0]
    # Line 2 of order 1001 is not in the newest file that names the order: it is in the order no more.
    assert list(shop.lines("1001")) == ["1"]
    assert shop.live(LATER)[1] == set()
    assert shop.check().findings == {}


def test_contradicting_rows_of_the_newest_file_are_rejected_and_the_older_row_is_not_used(shop):
    dumps(
        shop,
        ("1", "1001,C1,2026-01-02,,\n1002,C1,2026-01-02,,\n", ""),
        ("2", "1001,C1,2026-01-02,,\n1001,C2,2026-01-02,,\n", ""),
    )
    assert shop.take_in()["orders"] == ImportStats(read=4, inserted=1, rejected=2, superseded=1)
    assert [row[:3] for row in shop.refused()] == [("orders", "2", "customer_id"), ("orders", "3", "customer_id")]


def guests(shop, *emails, customers="SELECT DISTINCT customer AS id, name, email FROM 'orders.csv'"):
    (shop.folder / "sources" / "customers.sql").write_text(customers)
    rows = [f"100{at},0,2026-01-02,,4.90,Guest {mail},{mail}@example.com" for at, mail in enumerate(emails, start=1)]
    shop.write("orders.csv", "number,customer,placed,cancelled,shipping,name,email\n" + "\n".join(rows) + "\n")


def test_orders_whose_customer_has_several_addresses_wait_and_are_named(shop):
    guests(shop, "anna", "bert", "cleo")
    report, told = shop.live(LATER)
    assert (told, report.imported["orders"]["rejected"], report.imported["customers"]["rejected"]) == (set(), 3, 3)
    with open_app(shop.folder) as app:
        rejects = app.rejects.read_text()
    assert rejects.count("its rows name different addresses (row ") == 3
    found = shop.check(LATER).findings
    assert found[("customers", Finding.DUPLICATE)] == found[("orders", Finding.ORPHAN)] == 3


@pytest.mark.both_databases
def test_a_known_customer_is_not_notified_while_its_rows_name_several_addresses(shop):
    guests(shop, "anna")
    shop.take_in(date(2026, 1, 3))
    guests(shop, "anna", "bert")
    assert shop.live(LATER)[1] == set()
    assert shop.ask(select(CUSTOMERS.c.email, CUSTOMERS.c.phone)) == [(None, None)]
    guests(shop, "anna")
    assert shop.live(LATER)[1] == {"1001"}


def test_two_spellings_of_a_name_leave_the_known_customer_and_its_orders_as_they_were(shop):
    shop.take_in()
    text = (shop.folder / "data" / "customers.csv").read_text()
    shop.write("customers.csv", text + "C2,Maria da Silva,maria@example.com,,BR,pt_BR,no,no\n")
    found = shop.take_in(NEXT)
    assert (found["customers"].rejected, found["orders"].rejected) == (2, 0)
    assert shop.ask(select(CUSTOMERS.c.email).where(CUSTOMERS.c.id == "C2")) == [("maria@example.com",)]


# One import at a time


@pytest.mark.both_databases
def test_a_second_import_waits_for_the_first_and_is_refused_before_it_reads(shop):
    entered, leave = threading.Event(), threading.Event()

    def first():
        with import_guard(shop.engine):
            entered.set()
            leave.wait(30)

    running = threading.Thread(target=first)
    running.start()
    assert entered.wait(30)
    with (
        pytest.raises(ConcurrentImport, match="another import of this ledger is running"),
        import_guard(shop.engine, 0.6),
    ):
        pytest.fail("the second import was not refused")
    leave.set()
    with import_guard(shop.engine, 30):
        pass
    running.join()


@pytest.mark.both_databases
def test_older_facts_never_overwrite_newer_ones(shop, monkeypatch):
    """An import that another one took over from writes nothing more."""
    monkeypatch.setattr("tasks.imports.guard.HEARTBEAT_SECONDS", 60)

    def taken_over():
        with import_guard(shop.engine) as guard:
            monkeypatch.setattr("tasks.imports.guard.TAKEOVER_SECONDS", 0)
            shop.take_in()
            with shop.engine.begin() as connection:
                guard.heartbeat(connection)

    with pytest.raises(ConcurrentImport, match="took over"):
        taken_over()


@pytest.mark.both_databases
def test_a_failed_import_blocks_no_other_import_but_leaves_the_facts_incomplete(shop):
    with pytest.raises(ZeroDivisionError), import_guard(shop.engine):
        raise ZeroDivisionError
    with shop.engine.begin() as connection, pytest.raises(ImportIncomplete):
        ensure_import_complete(connection)
    with import_guard(shop.engine, 0):
        pass
    with shop.engine.begin() as connection:
        ensure_import_complete(connection)


# The guardrails


@pytest.mark.parametrize(
    ("gone", "still", "passed"),
    [(49, 0, []), (50, 449, ["max_gone_share"]), (50, 450, []), (50, 0, ["max_gone_share"]), (0, 0, [])],
)
def test_a_large_share_of_gone_lines_holds_a_run(gone, still, passed):
    intake = DataStats(500, 500, 500, 1.0, gone, still)
    assert [one.name for one in data_breaches(intake, Policy())] == passed


def many(shop, lines_of_each):
    numbers = [str(2000 + n) for n in range(60)]
    shop.write(
        "orders.csv",
        "number,customer,placed,cancelled,shipping\n" + "".join(f"{n},C1,2026-01-14 10:00,,\n" for n in numbers),
    )
    shop.write(
        "lines.csv",
        "order,line,sku,quantity,price,promised,expected,shipped\n"
        + "".join(f"{n},{line},MUG-1,1,14.00,2026-01-20,,\n" for n in numbers for line in lines_of_each),
    )


@pytest.mark.both_databases
def test_a_run_whose_source_lost_lines_is_held_until_they_are_back_or_a_person_lets_it_go(shop):
    with open_app(shop.folder) as app:
        clocked = make_clock("Europe/Berlin", NEXT)

        def judged():
            context = start_run(app.context, LATE_ORDERS, NEXT, clocked.now())
            return [one.name for one in check_data(context, None)]

        many(shop, "12")
        shop.take_in()
        assert judged() == []
        many(shop, "2")
        for _ in range(2):
            shop.take_in(NEXT)
            assert judged() == ["max_gone_share"]
        many(shop, "12")
        shop.take_in(NEXT)
        assert judged() == []
        many(shop, "2")
        report, _ = shop.live(NEXT)
        assert report.held == {"max_gone_share": "60 of 120 open lines are gone from the source: 50%; 10% are allowed"}
        release_or_drop_run(clocked.snapshot(app.context), report.run, ReviewDecision.RELEASE, "anna")
        assert judged() == []


# What a check says, and what a source is spared


def test_the_check_counts_by_reason_and_continues_after_a_failed_select(shop):
    (shop.folder / "sources" / "products.sql").write_text("SELECT nothing FROM 'nowhere.csv'")
    text = (shop.folder / "data" / "customers.csv").read_text()
    shop.write("customers.csv", text + ",,,,,,,\n" * 30 + "C9,Bo,,,,,maybe,no\n")
    report = shop.check()
    (broken,) = report.failed_selects
    assert "products.sql: there is no file nowhere.csv" in broken
    reasons = {(one.table, one.column, one.reason): (one.rows, len(one.examples)) for one in report.reasons.values()}
    assert reasons[("customers", "sms_consent", "yes or no is right (also true or false, 1 or 0)")] == (1, 1)
    assert all(examples <= 5 for _, examples in reasons.values())
    assert report.rows["lines"] == 4
    assert ("lines", Finding.ORPHAN) not in report.findings
    assert not report.ok
