"""What is old is deleted in small batches, and what an open order or a law needs is kept."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from models.policy.policy import Policy
from models.policy.retention import RetentionPolicy
from rules.retention import cutoff_days
from tasks.db.sql import read_only
from tasks.reporting.explain_order import explain_order
from tasks.reporting.status import load_status
from tasks.retention import prune as pruning
from tasks.retention.prune import count_prunable, prune_records
from tasks.retention.records import PRUNABLE
from tasks.runs.records import HELD, last_run_date
from tasks.staff.audit import record
from tasks.tables import AUDIT_ENTRIES, EVENTS, EXPECTED_DATES, NOTICES, OFFERS, OUTBOX, RUNS, SUPPRESSIONS
from tests.support.builders import day
from tests.support.shop_driver import customer, noon

KEPT = RetentionPolicy(
    message_days=30, evidence_days=100, event_days=50, offer_days=60, run_days=70, expected_date_days=40
)
NOTHING = {kind.name: 0 for kind in PRUNABLE}


@pytest.fixture
def told(with_policy):
    """Return a shop in which two customers were told; the order `closed` is complete since, and `open` is not."""
    driver = with_policy(Policy(retention=KEPT))
    for key in ("closed", "open"):
        driver.order(key, customer=customer(key))
    driver.run_day()
    driver.change("closed", shipped_at=noon(0))
    driver.evaluate(1)
    driver.deliver(1)
    assert [driver.watch(key)["bucket"] for key in ("closed", "open")] == ["closed", "fortnight"]
    return driver


def at(driver, on):
    return driver.context.with_run("", day(on), noon(on))


def prune(driver, on):
    """Delete what may go on a day; return the counts that are not 0, after they were foreseen."""
    context = at(driver, on)
    cutoffs = cutoff_days(context.policy.retention, context.as_of)
    foreseen = count_prunable(context, cutoffs)
    deleted = {kind.name: prune_records(context, cutoffs, kind) for kind in PRUNABLE}
    assert deleted == foreseen
    assert count_prunable(context, cutoffs) == NOTHING
    return {name: n for name, n in deleted.items() if n}


def notices_of(driver, key):
    return [notice for notice in driver.notices if notice["order_id"] == key]


def add(driver, table, **row):
    with driver.context.engine.begin() as connection:
        connection.execute(insert(table).values(**row))


def keys(driver, column):
    with read_only(driver.context.engine) as connection:
        return set(connection.execute(select(column)).scalars())


def test_the_reasons_of_acts_go_and_the_acts_stay(told):
    with told.context.engine.begin() as connection:
        for kind, subject in (("order", "closed"), ("order", "open"), ("run", "closed")):
            given = {"at": noon(0), "who": "Mara", "kind": "hold", "what": "held it", "why": "Nora rang"}
            record(connection, **given, subject_kind=kind, subject=subject)
    assert "acts" not in prune(told, 30)
    assert prune(told, 31)["acts"] == 1
    reasons = {(row["subject_kind"], row["subject"]): row["why"] for row in told.rows(AUDIT_ENTRIES)}
    assert reasons == {("order", "closed"): "", ("order", "open"): "Nora rang", ("run", "closed"): "Nora rang"}


def test_refused_sign_ins_go_and_every_other_entry_of_the_log_stays(told):
    given = {"at": noon(0), "who": "Forewarn", "subject_kind": "person", "subject": "p1", "what": "signed in"}
    with told.context.engine.begin() as connection:
        for kind in ("sign_in", "sign_in_refused", "sign_in_refused"):
            record(connection, **given, kind=kind)
    assert "refused_sign_ins" not in prune(told, 30)
    assert prune(told, 31)["refused_sign_ins"] == 2
    assert [row["kind"] for row in told.rows(AUDIT_ENTRIES)] == ["sign_in"]
    with pytest.raises(DBAPIError, match="only grows"), told.context.engine.begin() as connection:
        connection.execute(delete(AUDIT_ENTRIES))


def test_the_words_go_and_what_was_told_stays(told):
    (before,) = notices_of(told, "closed")
    assert before["text"]
    assert prune(told, 30) == {}
    assert prune(told, 31) == {"words": 1}
    (after,) = notices_of(told, "closed")
    gone = {name for name in before if before[name] != after[name]}
    assert gone == {"subject", "text", "html", "to_name", "address"}
    assert [after[name] for name in sorted(gone)] == [None, "", "", "", ""]
    assert prune(told, 32) == {}


def test_an_open_order_keeps_all_that_was_told(told):
    before, last = notices_of(told, "open"), told.told("open")
    offers = [offer for offer in told.rows(OFFERS) if offer["order_id"] == "open"]
    assert offers
    assert set(prune(told, 2000)) == {"notices", "offers", "runs"}
    assert notices_of(told, "open") == before
    assert told.told("open") == last
    assert told.rows(OFFERS) == offers


def test_the_row_goes_with_its_outbox_row_when_it_is_no_evidence_any_more(told):
    (notice,) = notices_of(told, "closed")
    assert "notices" not in prune(told, 100)
    assert prune(told, 101)["notices"] == 1
    assert notices_of(told, "closed") == []
    assert notice["id"] not in keys(told, OUTBOX.c.id)
    assert told.told("closed") is None
    with read_only(told.context.engine) as connection:
        assert load_status(connection).notices == {"sent": 1}


def test_an_order_that_is_to_be_checked_again_counts_as_open(told):
    told.change("closed", on=101, shipped_at=None)
    assert "notices" not in prune(told, 101)


@pytest.mark.parametrize(
    "unfinished", [{"settled_at": None, "state": "in_doubt"}, {"state": "bounced", "awaits_fallback": True}]
)
def test_a_notice_that_is_not_settled_or_waits_for_another_channel_is_kept(told, unfinished):
    (before,) = notices_of(told, "closed")
    with told.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).where(OUTBOX.c.id == before["id"]).values(**unfinished))
    assert not {"words", "notices"} & set(prune(told, 2000))
    assert notices_of(told, "closed") == [before | unfinished]


def test_events_go_but_not_those_of_an_open_order_or_of_its_notices(told):
    (of_closed,), (of_open,) = notices_of(told, "closed"), notices_of(told, "open")
    for subject in ("closed", "open", of_closed["id"], of_open["id"], "hello@example.com"):
        add(told, EVENTS, at=noon(0), kind="planted", subject=subject, who="eva", why="")
    add(told, EVENTS, at=noon(1), kind="planted", subject="later", who="eva", why="")
    assert prune(told, 51)["events"] == 3
    assert keys(told, EVENTS.c.subject) == {"open", of_open["id"], "later"}


def test_an_offer_goes_unless_its_order_is_open_or_its_discount_is_valid(told):
    offers = {
        "old": {}, "of open": {"order_id": "open"}, "new": {"created_at": noon(1)},
        "valid": {"expires_on": day(61)}, "expired": {"expires_on": day(60)},
    }  # fmt: skip
    for n, (key, facts) in enumerate(offers.items()):
        row = {"id": key, "run_id": "r", "order_id": "closed", "kind": "future_discount", "revision": n}
        add(told, OFFERS, **row | {"currency": "EUR", "created_at": noon(0), "products": [], "value": 1} | facts)
    prune(told, 61)
    assert offers.keys() & keys(told, OFFERS.c.id) == {"of open", "valid", "new"}


def test_a_run_goes_unless_it_is_held_or_the_last_of_its_flow(told):
    for n, (flow, state) in enumerate(
        [("deliver", "done"), ("deliver", HELD), ("deliver", "done"), ("late-orders", HELD)]
    ):
        add(told, RUNS, id=f"r{n}", flow=flow, as_of=day(0), policy="p", started_at=noon(0), state=state, counts={})
    before = last_run_date(told.context.engine)
    assert prune(told, 71)["runs"] == 2
    assert {"r1", "r2", "r3"} <= keys(told, RUNS.c.id)
    assert "r0" not in keys(told, RUNS.c.id)
    assert last_run_date(told.context.engine) == before == day(0)


def test_an_expected_date_goes_when_it_was_replaced_long_ago_and_the_current_one_stays(told):
    for order, line, ended in (("closed", "1", 0), ("closed", "2", 1), ("closed", "3", None), ("open", "1", 0)):
        row = {"order_id": order, "line": line, "source": "vendor", "why": "", "set_by": "r", "set_at": noon(0)}
        add(told, EXPECTED_DATES, **row, ended_at=None if ended is None else noon(ended))
    assert prune(told, 41)["expected_dates"] == 1
    with read_only(told.context.engine) as connection:
        left = connection.execute(select(EXPECTED_DATES.c.order_id, EXPECTED_DATES.c.line)).all()
    assert sorted(map(tuple, left)) == [("closed", "2"), ("closed", "3"), ("open", "1")]


def test_who_must_not_be_written_to_is_never_forgotten(told):
    add(told, SUPPRESSIONS, address="x@example.com", reason="stop", who="eva", created_at=noon(0))
    prune(told, 3000)
    assert keys(told, SUPPRESSIONS.c.address) == {"x@example.com"}


def test_explain_says_that_the_words_are_deleted(told):
    prune(told, 31)
    with read_only(told.context.engine) as connection:
        said = {key: explain_order(at(told, 31), connection, key)["told"] for key in ("closed", "open")}
    assert [(one["words"], one["address"]) for one in said["closed"]] == [("deleted after 30 days", None)]
    assert {one["words"] for one in said["open"]} == {"kept"}
    assert said["closed"][0]["state"] == "sent"


def test_a_run_that_is_killed_leaves_whole_batches_and_the_next_one_does_the_rest(told, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH_ROWS", 2)
    monkeypatch.setattr(pruning, "FOUND_ROWS", 4)
    for n in range(7):
        add(told, EVENTS, at=noon(0) - timedelta(days=1), kind="planted", subject=f"s{n}", who="eva", why="")
    context, (events,) = at(told, 50), [kind for kind in PRUNABLE if kind.name == "events"]
    cutoffs = cutoff_days(context.policy.retention, context.as_of)

    def die(what, deleted):
        if deleted == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune_records(context, cutoffs, events, die)
    assert len(keys(told, EVENTS.c.id)) == 3
    assert prune_records(context, cutoffs, events) == 3
    assert keys(told, EVENTS.c.id) == set()


def test_a_batch_looks_again_whether_its_records_may_still_go(told, monkeypatch):
    """An order that is found open after it was looked for keeps its notice."""
    monkeypatch.setattr(pruning, "BATCH_ROWS", 1)
    told.change("open", on=2, shipped_at=noon(1))
    told.evaluate(2)
    context, (notices,) = at(told, 101), [kind for kind in PRUNABLE if kind.name == "notices"]

    def reopen(what, deleted):
        for order in keys(told, NOTICES.c.order_id):
            told.change(order, on=101, shipped_at=None)

    assert prune_records(context, cutoff_days(context.policy.retention, context.as_of), notices, reopen) == 1
    assert len(keys(told, NOTICES.c.order_id)) == 1
