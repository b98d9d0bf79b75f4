"""From the ledger's orders to what is said of open ones, and to whether it came so."""

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest
from sqlalchemy import insert, select, update

from models.early_warning import PastOrder, Source
from models.enums import Promise
from models.policy.policy import Policy
from models.policy.warning import WarningPolicy
from tasks.db.sql import read_only
from tasks.early_warning.forecasts import load_said_and_came
from tasks.early_warning.history import load_open_orders, load_past_orders
from tasks.early_warning.learn import learn_from, read_past
from tasks.early_warning.relearn import learn_changed
from tasks.early_warning.store import USED_DAYS, load_model, load_state
from tasks.tables import CUSTOMERS, LEARNT_MODELS, ORDER_FORECASTS, ORDER_LINES, ORDERS, PRODUCTS, SHIPMENTS
from tests.support.waiting_orders import LATE_DAYS, WITHIN_DAYS, day, past_orders

COUNT, SPAN = 900, 150


def moment(on, hour=10):
    return None if on is None else datetime.combine(on, time(hour), UTC)


def on_day(context, n):
    return context.with_run("", day(n), moment(day(n)))


def add(context, table, *rows):
    with context.engine.begin() as connection:
        connection.execute(insert(table), list(rows))


def order_row(one, **facts):
    return {"id": one, "customer_id": "c", "placed_at": moment(day(0)), "done": False, "unpaid": False} | facts


def line_row(one, number="1", **facts):
    row = {"order_id": one, "number": number, "product_id": "lamp", "quantity": 1, "promise": Promise.DELIVER}
    names = (
        "shipped_at",
        "delivered_at",
        "cancelled_at",
        "ship_by",
        "ships_from",
        "carrier",
        "tracked_at",
        "tracked_status",
    )
    return row | {"promised_on": day(WITHIN_DAYS)} | dict.fromkeys(names) | facts


@pytest.fixture
def shop(context):
    add(context, CUSTOMERS, {"id": "c", "name": "Ann", "country": "DE"})
    add(context, PRODUCTS, {"id": "lamp", "name": "Lamp", "vendor_id": "v1"})
    return context


@pytest.fixture
def history(shop):
    past = past_orders(COUNT, SPAN)
    add(shop, ORDERS, *(order_row(one.order_id, placed_at=moment(one.placed_on), region=one.region) for one in past))
    add(
        shop,
        ORDER_LINES,
        *(
            line_row(
                one.order_id,
                promised_on=one.promised_on,
                shipped_at=moment(one.shipped_on),
                delivered_at=moment(one.ended_on),
            )
            for one in past
        ),
    )
    return shop


def past_of(context):
    with read_only(context.engine) as connection:
        return {(each.order_id, each.promised_on): each for each in load_past_orders(context, connection)}


def test_an_order_is_read_with_its_parcels_its_ends_and_what_the_carrier_says(shop):
    add(
        shop,
        ORDERS,
        order_row("1", postcode="20095", region=None),
        order_row("2", postcode=None, region="RJ"),
        order_row("3", postcode=None, region=None),
    )
    add(
        shop,
        ORDER_LINES,
        line_row("1", "1", quantity=3, ship_by=day(2), ships_from="north"),
        line_row("1", "2", promised_on=day(20), shipped_at=moment(day(3)), delivered_at=moment(day(5))),
        line_row("2", carrier="dhl", shipped_at=moment(day(1)), tracked_at=moment(day(4)), tracked_status="hub"),
        line_row("3", promise=Promise.SHIP, shipped_at=moment(day(6)), cancelled_at=moment(day(9))),
    )
    parcel = {"order_id": "1", "number": "1", "cancelled_at": None, "carrier": "ups"}
    add(
        shop,
        SHIPMENTS,
        {**parcel, "id": "a", "quantity": 1, "shipped_at": moment(day(1)), "delivered_at": moment(day(3))},
        {**parcel, "id": "b", "quantity": 2, "shipped_at": moment(day(4)), "delivered_at": moment(day(7))},
    )
    found = past_of(on_day(shop, 30))
    first = PastOrder(
        order_id="1",
        promised_on=day(WITHIN_DAYS),
        placed_on=day(0),
        shipped_on=day(4),
        ship_by=day(2),
        region="20",
        country="DE",
        carrier="ups",
        ships_from="north",
        vendor="v1",
        pieces=3,
        ended_on=day(7),
    )
    assert found.pop(("1", day(WITHIN_DAYS))) == first
    assert found.pop(("1", day(20))).ended_on == day(5)
    moving = found.pop(("2", day(WITHIN_DAYS)))
    assert (moving.region, moving.carrier, moving.last_scan_on, moving.scan_status) == ("RJ", "dhl", day(4), "hub")
    assert (moving.shipped_on, moving.ended_on) == (day(1), None)
    (shipped,) = found.values()
    assert (shipped.promise, shipped.ended_on, shipped.cancelled_on) == (Promise.SHIP, day(6), None)


def test_what_ended_on_a_day_that_nobody_knows_teaches_nothing(shop):
    ids = ("done", "unpaid", "virtual", "gone", "cancelled")
    add(shop, ORDERS, *(order_row(one, done=one == "done", unpaid=one == "unpaid") for one in ids))
    rows = [line_row(one, virtual=one == "virtual", cancelled=1 if one == "gone" else 0) for one in ids[:-1]]
    add(shop, ORDER_LINES, *rows)
    add(shop, ORDER_LINES, line_row("cancelled", cancelled_at=moment(day(3))))
    (only,) = past_of(on_day(shop, 30)).values()
    assert (only.order_id, only.ended_on, only.cancelled_on) == ("cancelled", None, day(3))


def test_open_orders_are_read_as_past_ones_are_and_a_scan_of_today_is_one_of_yesterday(shop):
    add(shop, ORDERS, order_row("1"), order_row("2"))
    scan = {"tracked_at": moment(day(6)), "tracked_status": "hub"}
    add(shop, ORDER_LINES, line_row("1", **scan), line_row("2", delivered_at=moment(day(5)), **scan))
    context = on_day(shop, 6)
    with read_only(context.engine) as connection:
        found = load_open_orders(context, connection, ["1", "2", "3"])
    (order,) = found["1"]
    assert found.keys() == {"1"}
    assert order == replace(past_of(context)[order.order_id, order.promised_on], last_scan_on=day(5))


def test_each_night_a_version_is_stored_open_orders_are_foretold_and_ended_ones_scored(history):
    tonight = on_day(history, 120)
    learnt = learn_from(tonight, read_past(tonight), LATE_DAYS)
    assert (learnt.source, learnt.scored, learnt.tenths) == (Source.MODEL, 0, [])
    assert learnt.orders == COUNT * 120 // SPAN
    with read_only(history.engine) as connection:
        rows = connection.execute(select(ORDER_FORECASTS)).all()
        model = load_model(connection, day(121), LATE_DAYS)
        open_orders = load_open_orders(tonight, connection, [row.order_id for row in rows])
        assert load_model(connection, day(121), LATE_DAYS + 1) is None
        assert load_model(connection, day(121 + USED_DAYS), LATE_DAYS) is None
        assert load_state(connection, day(119)) is None
    assert len(rows) == learnt.foretold > 20
    assert {row.late for row in rows} == {None}
    said = {row.order_id: row.probability for row in rows}
    for order, (known,) in open_orders.items():
        (again,) = model.likelihoods([known], day(120))
        assert said[order] == again.probability
        assert again.model_version == learnt.version

    later = on_day(history, 120 + WITHIN_DAYS + LATE_DAYS)
    scored = learn_from(later, read_past(later), LATE_DAYS)
    assert scored.scored == len(rows)
    with read_only(history.engine) as connection:
        ended = connection.execute(select(ORDER_FORECASTS).where(ORDER_FORECASTS.c.morning == day(120))).all()
    past = {order.order_id: order for order in past_orders(COUNT, SPAN)}
    assert [row.late for row in ended] == [
        (past[row.order_id].ended_on - row.promised_on).days >= LATE_DAYS for row in ended
    ]
    assert sum(each.cases for each in scored.tenths) > 0


def test_learning_twice_on_a_day_changes_nothing(history):
    tonight = on_day(history, 120)
    once = learn_from(tonight, read_past(tonight), LATE_DAYS)
    again = learn_from(tonight, read_past(tonight), LATE_DAYS)
    assert again.version == once.version
    assert again.foretold == once.foretold
    with read_only(history.engine) as connection:
        assert len(connection.execute(select(LEARNT_MODELS.c.version)).all()) == 1


def test_a_changed_policy_is_learnt_by_the_next_run_and_not_again_after_it(history):
    tonight, today = on_day(history, 120), on_day(history, 121)
    assert learn_changed(today) is None
    learn_from(tonight, read_past(tonight), LATE_DAYS)
    assert learn_changed(today) is None
    changed = replace(today, policy=Policy(warning=WarningPolicy(late_days=LATE_DAYS + 2)))
    assert learn_changed(changed).late_days == LATE_DAYS + 2
    assert learn_changed(changed) is None
    with read_only(history.engine) as connection:
        assert load_model(connection, day(121), LATE_DAYS + 2).late_days == LATE_DAYS + 2
    assert learn_changed(replace(today, policy=Policy(warning=WarningPolicy(on=False)))) is None


def test_forecasts_of_cancelled_orders_go_and_what_was_off_lets_the_base_rate_decide(history):
    tonight = on_day(history, 110)
    learn_from(tonight, read_past(tonight), LATE_DAYS)
    with history.engine.begin() as connection:
        (first, *_) = connection.execute(
            select(ORDER_FORECASTS.c.order_id).order_by(ORDER_FORECASTS.c.order_id)
        ).scalars()
        connection.execute(update(ORDERS).where(ORDERS.c.id == first).values(cancelled_at=moment(day(110), 20)))
        connection.execute(update(ORDER_LINES).where(ORDER_LINES.c.order_id == first).values(delivered_at=None))
        same = select(ORDER_FORECASTS)
        (row, *_) = [each._mapping for each in connection.execute(same) if each.order_id != first]
        off = {"by_model": 0.95, "late": False, "known_on": day(112), "morning": day(105), "promised_on": day(107)}
        connection.execute(insert(ORDER_FORECASTS), [{**row, **off, "order_id": f"x{n}"} for n in range(60)])
    later = on_day(history, 125)
    learnt = learn_from(later, read_past(later), LATE_DAYS)
    assert learnt.drift.drifted
    assert learnt.source is Source.BASE_RATE
    with read_only(history.engine) as connection:
        state = load_state(connection, day(125))
        left = set(connection.execute(select(ORDER_FORECASTS.c.order_id)).scalars())
        todays = connection.execute(select(ORDER_FORECASTS).where(ORDER_FORECASTS.c.morning == day(125))).all()
    assert state.drifted
    assert state.off_points > 10
    assert first not in left
    assert {each.source for each in todays} == {Source.BASE_RATE}
    assert any(each.by_model != each.probability for each in todays)


def forecast_row(one, on, **values):
    facts = {"promised_on": day(on + 2), "promise": Promise.DELIVER, "known_on": day(on + 6), "late": None}
    said = {"probability": 0.5, "by_model": 0.5, "source": "model", "version": "v", "last_scan_on": None}
    return {"order_id": one, "morning": day(on)} | facts | said | {"scan_status": None} | values


def test_tenths_and_months_compare_what_was_said_with_what_came(shop):
    groups = ((0.12, 10, 1), (0.88, 20, 18), (1.0, 5, 5))
    rows = [
        forecast_row(f"{said} {n}", 40, by_model=said, late=n < late)
        for said, count, late in groups
        for n in range(count)
    ]
    ignored = [
        forecast_row("too early", 40, promised_on=day(46), late=True),
        forecast_row("not known yet", 40),
        forecast_row("in the future", 40, known_on=day(61), late=True),
    ]
    add(shop, ORDER_FORECASTS, *rows, forecast_row("0.12 0", 39, by_model=0.12, late=True), *ignored)
    with read_only(shop.engine) as connection:
        found = load_said_and_came(connection, day(60))
        (long_ago,) = load_said_and_came(connection, day(46 + 60)).months
        assert load_said_and_came(connection, day(46 + 60)).lately.orders == 1
    low, high, top = found.tenths
    assert (low.key, low.cases, low.orders, low.said) == ("10 to 20", 11, 10, pytest.approx(0.12))
    assert (high.key, high.off, top.key, top.orders) == ("80 to 90", pytest.approx(-2), "90 to 100", 5)
    assert [(month.key, month.cases) for month in found.months] == [(f"{day(40):%Y-%m}", 36)]
    assert long_ago.cases == 37
    assert (found.lately.cases, found.lately.orders, found.lately.late) == (36, 35, 25)


def test_a_scan_is_kept_from_the_first_morning_that_knew_it(shop):
    add(shop, ORDERS, order_row("1"), order_row("long ago", placed_at=moment(day(-2000))))
    add(shop, ORDER_LINES, line_row("1"), line_row("long ago"))
    seen = [(3, 2, "hub"), (4, 2, "hub"), (5, 2, "lost"), (6, 5, "lost"), (7, 5, "lost")]
    add(
        shop,
        ORDER_FORECASTS,
        *(
            forecast_row(one, on, promised_on=day(WITHIN_DAYS), last_scan_on=day(scan), scan_status=status)
            for one in ("1", "long ago")
            for on, scan, status in seen
        ),
        forecast_row("1", 2, promised_on=day(WITHIN_DAYS)),
    )
    ((_, past),) = past_of(on_day(shop, 30)).items()
    assert [(scan.morning, scan.last_scan_on, scan.status) for scan in past.seen] == [
        (day(3), day(2), "hub"),
        (day(5), day(2), "lost"),
        (day(6), day(5), "lost"),
    ]
