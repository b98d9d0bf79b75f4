"""Orders to many countries, lived through the flows that a shop runs: from the first notice to the task to refund."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from app.composition import open_app
from flows.promise_clock import run_promise_clock
from models.customers import Act
from models.enums import Channel
from models.promise_clock import Duty
from sources.starter_folder import write_starter
from tasks.customers.order_page import load_order_page
from tasks.customers.record_choice import ChoiceRequest, record_choice
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.db.sql import read_only
from tasks.going_live.rollout import set_live
from tasks.promise_clock.evidence import load_evidence
from tasks.promise_clock.staff_records import record_refund
from tests.support.imports import StarterShop
from tests.support.ledgers import sqlite_ledger
from tests.support.provider import Answer

PROMISED, TOLD, CANCELLED = date(2026, 1, 12), date(2026, 1, 12), date(2026, 1, 13)
BY_CONTRACT = {"AU", "CA", "JP"}
"""Where the law gives no right to the money before the promised day has come: the shop refunds by its own word."""
REFUND_BY = {
    "US": date(2026, 1, 23),  # seven working days, of which the 19th is a holiday
    "IT": date(2026, 1, 27),
    "DE": date(2026, 1, 27),
    "FR": date(2026, 1, 27),
    "GB": date(2026, 1, 27),
    "BR": CANCELLED,
    **dict.fromkeys(BY_CONTRACT),
}
"""By country, when the money is due by law that a customer asks back on CANCELLED."""


@pytest.fixture
def shop(tmp_path, monkeypatch, provider):
    provider.answers = [Answer(202, headers={"X-Message-Id": "m1"})]
    monkeypatch.setenv("FOREWARN_EMAIL", "sendgrid")
    monkeypatch.setenv("FOREWARN_SENDGRID_API_KEY", "SG.key")
    monkeypatch.setenv("FOREWARN_SENDGRID_URL", provider.url)
    address = sqlite_ledger(tmp_path / "ledger.db")
    monkeypatch.setenv("FOREWARN_HOME", str(tmp_path))
    monkeypatch.setenv("FOREWARN_DATABASE_URL", address)
    folder = tmp_path / "shop"
    write_starter(folder)
    # One run tells all orders of this shop, which would be held otherwise.
    policy = folder / "policy.toml"
    policy.write_text(policy.read_text().replace("max_late_share = 0.3", "max_late_share = 1"))
    engine = connect(address)
    migrate(engine)
    found = StarterShop(folder, engine, tmp_path / "rejects.csv")
    customers = [f"{code},Kim {code},{code.lower()}@example.com,,{code},en,no,no\n" for code in REFUND_BY]
    found.write("customers.csv", "id,name,email,phone,country,locale,sms_consent,opted_out\n" + "".join(customers))
    orders = [f"{code}-1,{code},2026-01-05 10:00:00,,4.90\n" for code in REFUND_BY]
    found.write("orders.csv", "number,customer,placed,cancelled,shipping\n" + "".join(orders))
    lines = [f"{code}-1,1,MUG-1,1,60.00,{PROMISED},2026-01-30,\n" for code in REFUND_BY]
    found.write("lines.csv", "order,line,sku,quantity,price,promised,expected,shipped\n" + "".join(lines))
    with open_app(folder) as app:
        set_live(app.context, [Channel.EMAIL], "eva")
    yield found
    engine.dispose()


def clock(shop, on):
    """Run the flow of the promise clock; return its report."""
    with open_app(shop.folder) as app:
        return asyncio.run(run_promise_clock(app, on))


def on_day(app, day):
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return app.context.with_run("", day, noon), noon


async def test_an_order_of_each_country_goes_from_its_notice_to_its_refund(shop):
    await asyncio.to_thread(live_through_all, shop)


def live_through_all(shop):
    _, told = shop.live(TOLD)
    assert told == {f"{code}-1" for code in REFUND_BY}
    clock(shop, TOLD)
    with open_app(shop.folder) as app:
        context, noon = on_day(app, CANCELLED)
        for code in REFUND_BY:
            order = f"{code}-1"
            with read_only(context.engine) as connection:
                page = load_order_page(context, connection, order, CANCELLED, noon)
            record_choice(context, ChoiceRequest(order, Act.CANCEL, f"form {code}", page.version, "all"), noon)
    shop.live(CANCELLED)
    duties = {duty.order: duty for duty in clock(shop, CANCELLED).duties}
    assert {order[:2]: duty.deadline for order, duty in duties.items()} == REFUND_BY
    assert {order[:2] for order, duty in duties.items() if duty.duty == Duty.STAFF_REVIEW} == BY_CONTRACT
    assert {duty.duty for duty in duties.values()} == {Duty.CANCEL_AND_REFUND, Duty.STAFF_REVIEW}

    warned, missed = set(), set()
    for n in range(1, 17):
        report = clock(shop, CANCELLED + timedelta(days=n))
        warned |= {(duty.order[:2], duty.days_left(report.as_of)) for duty in report.warnings}
        missed |= {(one.order[:2], report.as_of) for one in report.missed}
    assert {("DE", 7), ("DE", 3), ("DE", 1), ("US", 7), ("US", 3), ("US", 1)} <= warned
    assert missed == {(code, by + timedelta(days=1)) for code, by in REFUND_BY.items() if by}

    paid_on = CANCELLED + timedelta(days=17)
    with open_app(shop.folder) as app:
        context, _ = on_day(app, paid_on)
        for code in REFUND_BY:
            record_refund(context, f"{code}-1", [], paid_on, "ben", "60.00 by card")
        assert clock(shop, paid_on).duties == []
        with read_only(context.engine) as connection:
            evidence = load_evidence(context, connection, "BR-1")
    whats = " ".join(entry["what"] for entry in evidence["lines"][0]["timeline"])
    parts = ("promised to arrive by", "Told: expected to arrive by", "The customer cancelled", "The money went back.")
    places = [whats.index(part) for part in parts]
    assert places == sorted(places)
