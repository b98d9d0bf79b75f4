"""The guardrails of a run: what is unusual for the shop waits for a person, and nothing of it is sent before."""

import asyncio
import csv
import json
import threading
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from app.composition import open_app
from cli.console import EXIT_WAITING
from cli.main import command_line
from flows.deliver import run_deliver
from flows.late_orders import late_orders, run_late_orders
from flows.release import release as release_form
from flows.restock import restock
from models.enums import SkipReason, State
from models.errors import ForewarnError
from models.policy.messaging import GuardrailPolicy
from models.policy.policy import BudgetPolicy, Policy
from rules.guardrails import DataStats, RunStats, data_breaches, run_breaches
from sources.sample import write_sample
from tasks.guardrails.check import check_data, check_run
from tasks.guardrails.release import ReviewDecision, release_or_drop_run
from tasks.notices.evaluate import evaluate_page
from tasks.offers.substitute_stock import SubstituteStock
from tasks.runs.liveness import hold_run_lock
from tasks.runs.records import LATE_ORDERS, start_run
from tasks.tables import EVENTS, RUNS
from tests.support.builders import DAY, day, line
from tests.support.shop_driver import SMALL_SHOP_POLICY, customer, noon, place_orders


def intake(orders=1000, before=1000, known=50, hours=1.0):
    return DataStats(orders, before, known, hours)


@pytest.mark.parametrize(
    ("found", "passed"),
    [
        (intake(), []),
        (intake(orders=None), []),
        (intake(orders=500), []),
        (intake(orders=499), ["min_order_share"]),
        (intake(orders=10, before=49), []),
        (intake(orders=0, before=2, known=2), ["min_order_share"]),
        (intake(orders=0, before=0, known=1), ["min_order_share"]),
        (intake(orders=0, before=0, known=0, hours=None), []),
        (intake(hours=96.0), []),
        (intake(hours=96.5), ["max_data_age_hours"]),
        (intake(hours=96.5, known=49), []),
        (intake(orders=0, hours=200.0), ["min_order_share", "max_data_age_hours"]),
    ],
)
def test_facts_that_are_too_few_or_too_old_pass_a_limit(found, passed):
    assert [one.name for one in data_breaches(found, Policy())] == passed


def load(told=0, open=1000, today=0, usual=None, **wanted):
    return RunStats(told, open, today, usual, {currency: Decimal(n) for currency, n in wanted.items()})


@pytest.mark.parametrize(
    ("found", "passed"),
    [
        (load(told=300), []),
        (load(told=301), ["max_late_share"]),
        (load(told=49, open=49), []),
        (load(told=50, open=50), ["max_late_share"]),
        (load(told=100, usual=20), []),
        (load(told=101, usual=20), ["max_median_multiple"]),
        (load(told=41, today=60, usual=20), ["max_median_multiple"]),
        (load(told=0, today=500, usual=20), []),
        (load(told=49, usual=0), []),
        (load(told=50, usual=0), ["max_median_multiple"]),
        (load(EUR=1000), []),
        (load(EUR=1001), ["max_discount_multiple"]),
        (load(CHF=1001), []),
        (load(told=900, usual=1, EUR=9000), ["max_late_share", "max_median_multiple", "max_discount_multiple"]),
    ],
)
def test_a_run_that_tells_or_gives_far_too_much_passes_a_limit(found, passed):
    assert [one.name for one in run_breaches(found, Policy())] == passed


def test_every_limit_can_be_switched_off():
    off = Policy(
        guardrails=GuardrailPolicy(
            min_order_share=0, max_data_age_hours=0, max_late_share=1, max_median_multiple=0, max_discount_multiple=0
        )
    )
    assert data_breaches(intake(orders=0, hours=9000.0), off) == ()
    assert run_breaches(load(told=1000, usual=1, EUR=99999), off) == ()


def test_a_limit_says_by_how_much_it_was_passed():
    (limit,) = run_breaches(load(told=812), Policy())
    assert (limit.limit, limit.value) == (0.3, 0.812)
    assert limit.sentence == "812 of 1,000 open orders would be told at once: 81%; 30% are allowed"


@pytest.mark.parametrize(
    ("hours", "allowed", "sentence"),
    [
        (8880, 96, "the newest order was placed 370 days before the run; 4 days are allowed"),
        (47, 12, "the newest order was placed 47 hours before the run; 12 hours are allowed"),
        (60, 48, "the newest order was placed 2.5 days before the run; 2 days are allowed"),
    ],
)
def test_how_old_the_facts_are_is_said_in_days(hours, allowed, sentence):
    (limit,) = data_breaches(intake(hours=hours), Policy(guardrails=GuardrailPolicy(max_data_age_hours=allowed)))
    assert limit.sentence == sentence


def beyond_the_cap(with_policy):
    """Return a driver at which four discounts are wanted, far beyond what one run may give."""
    caps = {"EUR": 5}
    driver = with_policy(Policy(budget=BudgetPolicy(per_run=caps, per_month=caps)))
    for n in range(4):
        driver.order(f"{n}", line(promised=-20), customer=customer(f"c{n}"))
    return driver


def run_of(driver):
    return next(row for row in driver.rows(RUNS) if row["state"] == "held")


def states(driver):
    return sorted({row["state"] for row in driver.notices})


def say(driver, verdict, who="mara", on=0):
    return release_or_drop_run(
        driver.context.with_run("", day(on), noon(on)), run_of(driver)["id"][:8], verdict, who, "looked at it"
    )


def test_a_normal_day_passes_and_is_told(with_policy):
    driver = with_policy(SMALL_SHOP_POLICY)
    place_orders(driver, late=4, on_time=16)
    assert len(driver.run_day()) == 4
    assert driver.breaches == ()


def test_of_a_held_run_nothing_leaves(held_run):
    assert [one.name for one in held_run.breaches] == ["max_late_share"]
    assert states(held_run) == [State.HELD]
    held_run.deliver()
    held_run.run_day(1)
    assert held_run.transport.taken == []


def test_a_held_run_that_is_released_is_told_once_and_the_ledger_knows_who_said_so(held_run):
    assert say(held_run, ReviewDecision.RELEASE).notices == 4
    held_run.deliver()
    assert len(held_run.transport.taken) == 4
    assert held_run.run_day(1) == []
    (event,) = [row for row in held_run.rows(EVENTS) if row["kind"] == "released"]
    assert (event["who"], event["why"]) == ("mara", "looked at it")


def test_a_dropped_run_is_not_told_and_its_orders_come_up_again_when_a_fact_changes(held_run):
    assert say(held_run, ReviewDecision.DROP).notices == 4
    assert {(row["state"], row["reason"]) for row in held_run.notices} == {(State.SKIPPED, SkipReason.DROPPED)}
    assert held_run.told_revision("1") is None
    assert held_run.run_day(1) == []
    held_run.change("1", on=2, expected_on=day(9))
    assert [message.category for message in held_run.run_day(2)] == ["long"]


def test_a_held_order_whose_facts_change_waits_for_the_verdict_and_is_then_told_what_is_true(held_run):
    held_run.change("1", on=1, expected_on=day(9))
    assert held_run.run_day(1) == []
    say(held_run, ReviewDecision.RELEASE, on=1)
    held_run.deliver(1)
    assert len(held_run.transport.taken) == 3
    assert len(held_run.run_day(1)) == 1


def test_a_run_is_decided_on_once(held_run):
    say(held_run, ReviewDecision.RELEASE)
    with pytest.raises(StopIteration):
        run_of(held_run)
    key = held_run.rows(RUNS)[0]["id"]
    with pytest.raises(ForewarnError, match="mara released run"):
        release_or_drop_run(held_run.context.with_run("", DAY, noon(0)), key, ReviewDecision.DROP, "tom")


@pytest.mark.parametrize("beginning", ["", "%", "%%%%"])
def test_a_run_that_is_not_plainly_meant_is_not_let_go(held_run, beginning):
    with pytest.raises(ForewarnError, match=r"none of the held runs|too short"):
        release_or_drop_run(held_run.context.with_run("", DAY, noon(0)), beginning, ReviewDecision.RELEASE, "mara")
    assert states(held_run) == [State.HELD]


def test_a_run_that_is_let_go_after_days_is_told(held_run):
    say(held_run, ReviewDecision.RELEASE, on=4)
    assert held_run.deliver(4).sent == {"email": 4}


def test_of_two_who_decide_at_once_one_wins(held_run):
    run, ready, said = run_of(held_run)["id"], threading.Barrier(2), []

    def decide(verdict):
        ready.wait()
        try:
            said.append(release_or_drop_run(held_run.context.with_run("", DAY, noon(0)), run, verdict, verdict).notices)
        except ForewarnError as error:
            said.append(str(error))

    both = [threading.Thread(target=decide, args=(verdict,)) for verdict in ReviewDecision]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(map(str, said))[0] == "4"
    assert len([one for one in said if one != 4]) == 1
    assert len(states(held_run)) == 1


def begun(driver):
    return start_run(driver.context, LATE_ORDERS, DAY, noon(0))


def killed(driver):
    """Decide, and die before the end: nothing was judged."""
    evaluate_page(begun(driver), SubstituteStock(), None, batch=500)


def test_what_a_killed_run_owed_leaves_with_the_next_run(driver):
    place_orders(driver, late=4, on_time=1)
    killed(driver)
    driver.deliver()
    assert driver.transport.taken == []
    assert len(driver.run_day()) == 4


def test_what_a_killed_run_owed_is_judged_by_the_next_run(with_policy):
    driver = with_policy(SMALL_SHOP_POLICY)
    place_orders(driver, late=4)
    killed(driver)
    assert driver.run_day() == []
    assert [one.value for one in driver.breaches] == [1]
    say(driver, ReviewDecision.RELEASE)
    driver.deliver()
    assert len(driver.transport.taken) == 4


def test_the_discounts_of_a_killed_run_are_judged_by_the_next_run(with_policy):
    driver = beyond_the_cap(with_policy)
    killed(driver)
    driver.evaluate()
    assert [(one.name, one.value) for one in driver.breaches] == [("max_discount_multiple", 80)]
    driver.evaluate(1)
    assert driver.breaches == ()


def test_those_discounts_are_still_known_when_the_run_that_judged_them_died_as_well(with_policy):
    driver = beyond_the_cap(with_policy)
    killed(driver)
    check_run(begun(driver))
    driver.evaluate()
    assert [(one.name, one.value) for one in driver.breaches] == [("max_discount_multiple", 80)]


def test_what_a_run_owes_that_still_decides_is_judged_by_itself_and_as_a_whole(with_policy):
    driver = with_policy(SMALL_SHOP_POLICY)
    place_orders(driver, late=4)
    slow = begun(driver)
    with hold_run_lock(driver.context.engine, slow.run_id):
        evaluate_page(slow, SubstituteStock(), None, batch=2)
        assert check_run(begun(driver)) == ()
        assert states(driver) == [State.HELD]
        evaluate_page(slow, SubstituteStock(), None, batch=2)
        assert [one.value for one in check_run(slow)] == [1]
    assert [one.value for one in check_run(begun(driver))] == [1]
    assert states(driver) == [State.HELD]


def test_a_day_unlike_the_last_weeks_is_held(with_policy):
    driver = with_policy(Policy(guardrails=GuardrailPolicy(min_orders=3, max_late_share=1)))
    for n in range(6):
        driver.order(f"d{n}", line(promised=n - 15), customer=customer(f"d{n}"))
        assert len(driver.run_day(n)) == 1
    for n in range(6):
        driver.order(f"x{n}", line(promised=2), customer=customer(f"x{n}"))
    assert driver.run_day(6) == []
    assert [(one.name, one.value, one.limit) for one in driver.breaches] == [("max_median_multiple", 6, 5)]


def test_discounts_far_beyond_the_cap_are_held_and_the_cap_holds_as_well(with_policy):
    driver = beyond_the_cap(with_policy)
    assert driver.evaluate().over_cap > 0
    assert [one.name for one in driver.breaches] == ["max_discount_multiple"]


def test_stale_facts_are_seen_and_may_be_vouched_for(with_policy):
    driver = with_policy(SMALL_SHOP_POLICY)
    place_orders(driver, late=4)
    context = start_run(driver.context, LATE_ORDERS, DAY, noon(0))
    (limit,) = check_data(context, None)
    assert (limit.name, limit.value) == ("max_data_age_hours", 20 * 24)
    fresh = replace(context, as_of=day(-19), started_at=noon(-19))
    assert check_data(fresh, None) == ()


def test_an_import_is_measured_by_the_last_that_was_right(driver):
    place_orders(driver, late=1)
    context = driver.context.with_run("r", day(-20), noon(-20))
    found = [[one.name for one in check_data(context, n)] for n in (100, 40, 60, 35, 0, 17)]
    assert found == [[], ["min_order_share"], [], [], ["min_order_share"], []]


def test_nothing_owed_passes_quietly(driver):
    assert check_run(driver.context.with_run("r", DAY, noon(0))) == ()


LIVED = date(2026, 6, 15)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return the folder of a sample shop in which a day was lived; it keeps no stock, so its dates are the feed's."""
    for name in ("FOREWARN_DATABASE_URL", "FOREWARN_HOME", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    write_sample(tmp_path / "shop", orders=400, seed=7, as_of=LIVED)
    for name in ("stock", "deliveries"):
        edited(tmp_path, name, lambda _, __: None)
    monkeypatch.chdir(tmp_path)
    assert live(tmp_path, LIVED)[0].held == {}
    return tmp_path


def live(place, on):
    with open_app(place / "shop") as app:
        return asyncio.run(run_late_orders(app, on, import_first=True)), asyncio.run(run_deliver(app, on))


def edited(place, name, change):
    """Rewrite one of the shop's files, row by row; None leaves a row out."""
    (file,) = (place / "shop").rglob(f"{name}.csv")
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept for n, row in enumerate(rows) if (kept := change(n, row)) is not None)


def a_year_later(n, row):
    return {name: _later(value) if "expected" in name else value for name, value in row.items()}


def _later(value):
    try:
        return str(date.fromisoformat(value[:10]) + timedelta(days=365))
    except ValueError:
        return value


def test_a_feed_that_dates_everything_a_year_later_tells_nobody(place):
    edited(place, "order_lines", a_year_later)
    found, done = live(place, LIVED)
    assert "max_late_share" in found.held
    assert sum(found.notices.values()) > 200
    assert done.sent == {}

    said = CliRunner().invoke(command_line, ["status", "--shop", "shop", "--json"])
    (run,) = json.loads(said.stdout)["held"]
    assert (run["run"], "open orders would be told at once" in run["why"]) == (found.run[:8], True)
    assert run["run"] in CliRunner().invoke(command_line, ["status", "--shop", "shop"]).stdout

    dropped = CliRunner().invoke(command_line, ["release", run["run"], "--drop", "--who", "mara", "--shop", "shop"])
    assert (dropped.exit_code, "are dropped" in dropped.stdout) == (0, True)
    assert json.loads(CliRunner().invoke(command_line, ["status", "--shop", "shop", "--json"]).stdout)["held"] == []


@pytest.mark.parametrize("command", ["run", "restock"])
def test_a_held_run_exits_with_a_code_of_its_own_and_says_which_limit(place, command):
    edited(place, "order_lines", a_year_later)
    done = CliRunner().invoke(command_line, [command, "--import", "--as-of", str(LIVED), "--shop", "shop"])
    assert done.exit_code == EXIT_WAITING
    assert "open orders would be told at once" in done.stdout
    assert "forewarn release" in done.stdout


@pytest.mark.parametrize("share", [0, 0.4])
def test_a_source_that_yields_nothing_or_far_fewer_orders_decides_nothing_and_mends_itself(place, share):
    (file,) = (place / "shop").rglob("orders.csv")
    whole = file.read_bytes()
    edited(place, "orders", lambda n, row: row if n < 400 * share else None)
    held_run, _ = live(place, LIVED + timedelta(days=1))
    assert (set(held_run.held), held_run.notices, held_run.changes) == ({"min_order_share"}, {}, {})
    file.write_bytes(whole)
    mended, _ = live(place, LIVED + timedelta(days=1))
    assert mended.held == {}
    assert mended.changes


def test_what_another_command_took_in_is_judged_by_the_run_that_decides(place):
    edited(place, "orders", lambda n, row: row if n < 100 else None)
    taken, decided = ([command, "--as-of", str(LIVED), "--shop", "shop"] for command in ("import", "run"))
    assert CliRunner().invoke(command_line, taken).exit_code == 0
    look = json.loads(CliRunner().invoke(command_line, [*decided, "--dry-run", "--json"]).stdout)
    for _ in range(2):
        done = CliRunner().invoke(command_line, [*decided, "--json"])
        assert (done.exit_code, json.loads(done.stdout)["held"].keys()) == (EXIT_WAITING, look["held"].keys())
    assert look["held"].keys() == {"min_order_share"}


def test_a_shop_that_has_fallen_silent_is_held_until_somebody_vouches_for_it(place):
    later = LIVED + timedelta(days=6)
    held_run, _ = live(place, later)
    assert (set(held_run.held), held_run.notices) == ({"max_data_age_hours"}, {})
    with open_app(place / "shop") as app:
        moment = app.context.start_of(later) + timedelta(hours=12)
        context = app.context.with_run("", later, moment)
        result = release_or_drop_run(context, held_run.run, ReviewDecision.RELEASE, "mara")
        assert (result.notices, result.data_accepted) == (0, True)
    assert live(place, later)[0].held == {}


@pytest.mark.parametrize(
    ("feed", "limits"), [(None, set()), (a_year_later, {"max_late_share", "max_discount_multiple"})]
)
def test_a_dry_run_foresees_whether_the_brake_would_hold_the_run_and_why(place, feed, limits):
    if feed:
        edited(place, "order_lines", feed)
        assert CliRunner().invoke(command_line, ["import", "--as-of", str(LIVED), "--shop", "shop"]).exit_code == 0
    look = ["run", "--dry-run", "--as-of", str(LIVED), "--shop", "shop"]
    people, scripts = CliRunner().invoke(command_line, look), CliRunner().invoke(command_line, [*look, "--json"])
    assert (people.exit_code, scripts.exit_code) == (0, 0)
    foreseen = json.loads(scripts.stdout)["held"]
    assert set(foreseen) == limits
    assert ("Would be held" in people.stdout) is bool(feed)
    with open_app(place / "shop") as app:
        assert asyncio.run(run_late_orders(app, LIVED)).held == foreseen


def test_a_dry_run_foresees_facts_too_old_but_not_those_of_a_day_to_come(place):
    ahead = date.today() + timedelta(days=9)  # noqa: DTZ011 - in any zone it has not come yet
    for on, limits in ((LIVED + timedelta(days=6), {"max_data_age_hours"}), (ahead, set())):
        with open_app(place / "shop") as app:
            assert asyncio.run(run_late_orders(app, on, dry_run=True)).held.keys() & {"max_data_age_hours"} == limits


@pytest.mark.parametrize("flow", [late_orders, restock], ids=lambda flow: flow.name)
def test_in_prefect_a_held_run_is_completed_under_a_name_of_its_own(place, flow):
    edited(place, "order_lines", a_year_later)
    state = asyncio.run(flow.fn(str(place / "shop"), as_of=LIVED))
    assert (state.name, state.is_completed()) == ("Held", True)
    assert "open orders would be told at once" in state.message


def test_a_held_run_is_released_by_the_form(place):
    edited(place, "order_lines", a_year_later)
    found, _ = live(place, LIVED)
    done = asyncio.run(
        release_form.fn(found.run[:8], "mara", ReviewDecision.RELEASE, "the vendor burned down", str(place / "shop"))
    )
    assert done.data["notices"] == sum(found.notices.values())
    assert sum(live(place, LIVED)[1].sent.values()) > 0
