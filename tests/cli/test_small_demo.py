"""What the demo prepares for customer service, in a shop that is too small for it."""

import asyncio
from datetime import date

from cli.demo_service import hold_a_run, leave_in_doubt
from sources.sample import write_sample

DAY = date(2025, 11, 24)


def test_a_shop_of_one_order_has_nothing_in_doubt_and_no_run_that_waits(tmp_path):
    write_sample(tmp_path / "shop", orders=1, seed=7, as_of=DAY)
    assert asyncio.run(leave_in_doubt(tmp_path, DAY)) == 0
    assert asyncio.run(hold_a_run(tmp_path, DAY)) == {}
