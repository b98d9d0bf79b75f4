"""Days of the promise clock for tests: deciding, delivering and the clock, one day after the other."""

from tasks.db.sql import read_only
from tasks.promise_clock.facts import load_line_clocks
from tasks.promise_clock.walk import PROMISE_CLOCK, check_orders, list_candidates, load_all_duties
from tasks.runs.records import finish_run, start_run
from tests.support.builders import day
from tests.support.shop_driver import noon


def live(driver, *days):
    """Live some days; return what was missed in them."""
    missed = []
    for on in days:
        driver.run_day(on)
        orders = list_candidates(context_on(driver, on))
        context = start_run(driver.context, PROMISE_CLOCK, day(on), noon(on))
        missed += [one.what for one in check_orders(context, orders).missed]
        finish_run(context, noon(on), "done", {})
    return missed


def context_on(driver, on):
    return driver.context.with_run("", day(on), noon(on))


def clock_of(driver, on=0, key="1041"):
    with read_only(driver.context.engine) as connection:
        (clock,) = load_line_clocks(driver.context, connection, [key], day(on))[key]
    return clock


def state(driver, on):
    standing = clock_of(driver, on).standing
    return standing.state, standing.deadline


def open_duties(driver):
    with read_only(driver.context.engine) as connection:
        return [duty.duty for duty in load_all_duties(connection)]
