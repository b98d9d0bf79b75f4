"""Share what there is among the open lines, and say when each is expected; `late-orders` then sees which are late."""

import asyncio
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from prefect import flow

from app.clock import clock
from app.composition import House, open_house
from app.prefect_tasks import deed, publish, rename
from app.reports.run import summary
from app.run_tracking import a_run, run_name
from app.safe_text import visible
from models.inventory import Stocked
from models.run_report import Report
from tasks.guardrails.run_days import check_not_before
from tasks.imports.guard import when_whole
from tasks.inventory.allocate import ALLOCATE, Allocated, allocate_page, begin_day, short
from tasks.inventory.expected_dates import end_sent
from tasks.inventory.in_transit import date_sent
from tasks.shipments.plan import choose_parcels
from tasks.storefront.publish import publish as publish_storefront

Progress = Callable[[str, int], None]


@flow(name=ALLOCATE, flow_run_name=run_name, retries=0)
async def allocate(shop: str | None = None, as_of: date | None = None) -> Report:
    """Allocate stock and deliveries to open lines, and write down what that makes of their dates.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        as_of: the day to live; today where none is given.

    """
    with open_house(shop) as house:
        report, _ = await share_out(house, as_of)
    return report


async def share_out(
    house: House, as_of: date | None = None, *, progress: Progress = lambda _, __: None
) -> tuple[Report, list[dict[str, Any]]]:
    """Allocate page after page of products; return the report, and the products that orders wait for.

    Should an import be under way, its end is waited for.
    """
    desk, time = house.desk, clock(house.folder.shop.zone, as_of)
    await asyncio.to_thread(check_not_before, desk, ALLOCATE, time.as_of)
    async with a_run(house, ALLOCATE, time) as (now, report):
        seen = await deed("learn: vendors", partial(begin_day, desk, now))

        done, after, pages = Allocated(), "", 0
        while True:
            work = partial(allocate_page, desk, now, seen, after, house.settings.batch)
            page, after = await deed(f"allocate: page {pages + 1}", partial(when_whole, work))
            done.add(page)
            pages += 1
            progress("lines", done.covered.total())
            if not after:
                break

        done.dates["changed"] += await deed("date: what was sent", partial(date_sent, desk, now))
        done.dates["ended"] += await deed("end: what was sent", partial(end_sent, desk, now))
        report.parcels = dict(await deed("choose: parcels", partial(choose_parcels, desk, now, house.settings.batch)))
        if folder := house.settings.storefront:
            await deed("publish: the storefront", partial(publish_storefront, desk, now.moment, folder))
        report.covered, report.products, report.dates = dict(done.covered), dict(done.products), dict(+done.dates)
    shortage = await asyncio.to_thread(short, desk)
    said = summary(report, house.folder.shop.name)
    await publish(ALLOCATE, said, shown(shortage), title="Products that orders wait for")
    await rename(f"{ALLOCATE} {report.as_of}: {report.dates.get('changed', 0)} dates changed")
    return report, shortage


def shown(shortage: list[dict[str, Any]]) -> list[dict[str, str | int]]:
    """Return what is short as rows for people: how many orders wait, and when a new order could leave."""
    return [
        {
            "product": visible(one["product_id"]),
            "name": visible(one["name"]),
            "orders": one["waiting"],
            "next": str(one["expected_on"] or "nobody knows") if one["state"] != Stocked.IN_STOCK else "now",
        }
        for one in shortage
    ]
