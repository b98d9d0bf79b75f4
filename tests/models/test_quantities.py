"""Quantities, whole and fractional, and how many pieces of a line are owed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import Column, MetaData, Table, create_engine, func, select

from models.config.shop import read_shop
from models.enums import Promise
from models.orders import NoticeLine, ProductFacts, Shipment
from models.policy.policy import CalendarPolicy, Policy, PromisePolicy
from models.quantities import normalized
from models.tables.column_types import Pieces
from rules.delays.assess import assess_order
from rules.delays.buckets import get_bucket
from rules.delays.delays import notice_lines, still_true
from rules.delays.promised_dates import Promises
from rules.offers.remedies import substitutes_for_delay
from rules.offers.substitutes import Candidate, SubstituteIndex
from sources.reader import open_source
from sources.starter_folder import write_starter
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.imports.load import import_all
from tasks.imports.stats import ImportStats
from tests.support.builders import CALENDAR, DAY, POLICY, day, line, order


@pytest.mark.parametrize(
    ("value", "right"),
    [(3, 3), (3.0, 3), (Decimal("2.500"), Decimal("2.5")), (0.1 + 0.2, Decimal("0.3")), (Decimal(-3), -3)],
)
def test_a_quantity_is_an_int_where_it_is_whole(value, right):
    found = normalized(value)
    assert (found, type(found)) == (right, type(right))


@pytest.mark.parametrize("value", [Decimal("0.0001"), 1.2345, Decimal("1E-9")])
def test_a_quantity_has_at_most_three_decimals(value):
    with pytest.raises(ValueError, match="at most three decimals"):
        normalized(value)


def test_a_database_keeps_adds_and_compares_quantities_exactly(database):
    engine, meta = create_engine(database.replace("postgresql://", "postgresql+psycopg://")), MetaData()
    kept = Table("kept", meta, Column("n", Pieces))
    with engine.begin() as connection:
        meta.create_all(connection)
        connection.execute(kept.insert(), [{"n": Decimal("0.1")}, {"n": Decimal("0.2")}, {"n": 3}, {"n": -1}])
        assert connection.execute(select(func.sum(kept.c.n))).scalar_one() == Decimal("2.3")
        found = connection.execute(select(kept.c.n).where(kept.c.n > Decimal("0.1")).order_by(kept.c.n)).scalars()
        assert [(one, type(one)) for one in found] == [(Decimal("0.2"), Decimal), (3, int)]
    engine.dispose()


def parcel(n, **days):
    return Shipment("P", n, **{name: day(on) for name, on in days.items()})


@pytest.mark.parametrize("promise", [Promise.SHIP, Promise.DELIVER])
@pytest.mark.parametrize(
    ("facts", "shipped", "delivered"),
    [
        ({}, 3, 3),
        ({"shipped": 1}, 2, 3),
        ({"cancelled": 1}, 2, 2),
        ({"shipped": 2, "returned": 1}, 1, 2),
        ({"shipped": 5}, 0, 3),
        ({"cancelled": 5}, 0, 0),
        ({"shipments": (parcel(1, shipped_on=0), parcel(1, shipped_on=1))}, 2, 3),
        ({"shipments": (parcel(1, shipped_on=-1, delivered_on=0), parcel(2, shipped_on=0))}, 0, 2),
        ({"shipments": (parcel(3, delivered_on=0),)}, 0, 0),
        ({"shipments": (parcel(3, shipped_on=-2, cancelled_on=-1),)}, 3, 3),
        ({"shipped": 1, "shipments": (parcel(2, shipped_on=0),)}, 1, 3),
        ({"shipped_on": day(0)}, 0, 3),
        ({"delivered_on": day(0)}, 0, 0),
        ({"cancelled_on": day(0)}, 0, 0),
    ],
)
def test_pieces_are_owed_until_what_was_promised_of_them_has_happened(promise, facts, shipped, delivered):
    one = replace(line(quantity=3, promise=promise), **facts)
    assert one.owed(DAY) == (shipped if promise is Promise.SHIP else delivered)


def test_packed_pieces_are_those_that_have_not_left():
    assert replace(line(quantity=3), packed=2).packed_by(DAY) == 2
    assert replace(line(quantity=3), packed=2, shipped=2).packed_by(DAY) == 1
    assert replace(line(quantity=3), shipments=(parcel(2, packed_on=0), parcel(1))).packed_by(DAY) == 2
    assert replace(line(quantity=3), shipments=(parcel(2, packed_on=0, shipped_on=0),)).packed_by(DAY) == 0


def test_what_was_told_remembers_how_many_pieces_are_owed_and_older_words_still_hold():
    late = replace(order(line(promised=-5, quantity=3)), lines=(replace(line(promised=-5, quantity=3), shipped=1),))
    said = notice_lines(assess_order(late, DAY, POLICY, CALENDAR).delay, POLICY)
    assert said[0].owed == 2
    again = NoticeLine.from_data(said[0].as_data())
    assert again == said[0]
    assert still_true([again], late, DAY)
    fewer = replace(late, lines=(replace(late.lines[0], shipped=2),))
    assert not still_true([again], fewer, DAY)
    older = NoticeLine.from_data(said[0].as_data()[:4])
    assert older.owed is None
    assert still_true([older], fewer, DAY)
    half = replace(again, owed=Decimal("1.5"), ready=True)
    assert NoticeLine.from_data(half.as_data()) == half


def test_words_about_an_order_that_is_not_paid_do_not_hold():
    late = order(line(promised=-5))
    said = notice_lines(assess_order(late, DAY, POLICY, CALENDAR).delay, POLICY)
    assert not still_true(said, replace(late, unpaid=True), DAY)


FRIDAY, SATURDAY = date(2026, 6, 5), date(2026, 6, 6)
GERMAN = Policy(
    days=CalendarPolicy(country="DE"), promise=PromisePolicy(ship_within={"Express": 1, "standard": 3, "pick-up": 0})
)


@pytest.mark.parametrize(
    ("placed", "paid", "method", "promised"),
    [
        (FRIDAY, None, "express", date(2026, 6, 8)),
        (SATURDAY, None, "express", date(2026, 6, 8)),
        (FRIDAY, None, "standard", date(2026, 6, 10)),
        (date(2026, 5, 22), None, "express", date(2026, 5, 26)),  # Whit Monday between
        (FRIDAY, date(2026, 6, 12), "standard", date(2026, 6, 17)),
        (FRIDAY, date(2026, 6, 1), "standard", date(2026, 6, 10)),
        (FRIDAY, None, "pick-up", FRIDAY),
        (FRIDAY, None, "pigeon", date(2026, 7, 5)),
        (FRIDAY, date(2026, 6, 8), None, date(2026, 7, 8)),
    ],
)
def test_the_policy_gives_a_promise_by_shipping_method(placed, paid, method, promised):
    assert Promises(GERMAN).day(None, placed, paid, method) == promised


def test_a_promise_to_deliver_leaves_the_carrier_its_days():
    assert Promises(GERMAN).day(None, FRIDAY, None, "express", Promise.DELIVER, "DE") == date(2026, 6, 10)


@pytest.mark.parametrize("on", [date(2026, 6, n) for n in range(1, 15)])
def test_the_last_day_whose_promise_has_passed_is_just_that(on):
    promises = Promises(GERMAN)
    by_method, otherwise = promises.lapsed(on)
    for method, last in (*by_method.items(), (None, otherwise)):
        after = date.fromordinal(last.toordinal() + 1)
        assert promises.day(None, last, None, method) < on <= promises.day(None, after, None, method)


@pytest.mark.parametrize(
    ("facts", "free", "offered"),
    [
        ({}, 3, True),
        ({}, 2, False),
        ({"shipped": 1}, 2, True),
        ({"in_stock": True}, 9, False),
    ],
)
def test_a_substitute_is_offered_for_the_pieces_owed_and_never_for_what_lies_in_stock(facts, free, offered):
    late = order(replace(line(promised=-9, quantity=3), **facts))
    shelf = SubstituteIndex([Candidate(ProductFacts("other", "Lamp 2", "lamps", Decimal(40)), free)])
    delay = assess_order(late, DAY, POLICY, CALENDAR).delay
    found = substitutes_for_delay(delay, get_bucket(delay.bucket, POLICY), POLICY, shelf, set(), "EUR")
    assert bool(found) is offered


def test_a_refused_parcel_takes_none_away(tmp_path, ledger):
    folder, row = tmp_path / "shop", "P1,1001,1,{},2026-06-12\n"
    write_starter(folder)
    (folder / "sources" / "shipments.sql").write_text("SELECT * FROM 'shipments.csv'")
    engine = connect(ledger)
    migrate(engine)

    def take_in(*rows):
        (folder / "data" / "shipments.csv").write_text("id,order_id,number,quantity,shipped_at\n" + "".join(rows))
        with open_source(read_shop(folder)) as source:
            return import_all(engine, source, date(2026, 6, 15))["shipments"]

    second = row.replace("P1", "P2")
    assert take_in(row.format(1), second.format(1)).inserted == 2
    assert take_in(row.format("x"), second.format(1)) == ImportStats(read=2, unchanged=1, rejected=1)
    assert take_in(second.format(1)) == ImportStats(read=1, unchanged=1, removed=1)
    engine.dispose()
