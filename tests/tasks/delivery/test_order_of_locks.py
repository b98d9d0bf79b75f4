"""Two transactions that change the same orders wait for one another in turn, never in a circle."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from sqlalchemy import event

from models.enums import SkipReason, State
from models.messages import DeliveryOutcome
from tasks.delivery.due_notices import recheck_orders
from tests.support.builders import DAY
from tests.support.shop_driver import customer

PATIENCE = 0.3


@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)
def test_turns_that_have_news_of_the_same_orders_end(driver):
    driver.order("a", customer=customer("c1"))
    driver.order("b", customer=customer("c2"))
    driver.evaluate()
    keys = [row["id"] for row in sorted(driver.notices, key=lambda row: row["order_id"])]
    both_hold_rows = Barrier(2)

    def stop_once(connection, _, statement, *__):
        if statement.startswith("UPDATE watch") and not connection.info.get("stopped"):
            connection.info["stopped"] = True
            with suppress(BrokenBarrierError):  # the other one waits for this one's rows
                both_hold_rows.wait(PATIENCE)

    event.listen(driver.context.engine, "after_cursor_execute", stop_once)

    def turn(skipped, rejected):
        outcomes = [
            DeliveryOutcome(skipped, State.SKIPPED, SkipReason.CHANGED),
            DeliveryOutcome(rejected, State.REJECTED),
        ]
        with driver.context.engine.begin() as connection:
            recheck_orders(connection, outcomes, DAY)

    with ThreadPoolExecutor(2) as threads:
        turns = [threads.submit(turn, *keys), threads.submit(turn, *reversed(keys))]
        for one in turns:
            one.result()
    assert driver.watch("a")["version"] == driver.watch("b")["version"]
