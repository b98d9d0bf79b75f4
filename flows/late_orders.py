"""Find the orders that are newly late, decide what to say, and write down what is owed."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path

from prefect import flow
from prefect.runtime import flow_run
from prefect.states import Completed

from flows import showing
from flows.deeds import deed, publish, rename
from flows.house import House, clock, open_house
from flows.running import a_run
from models.errors import ForewarnError
from models.policy import Policy
from models.report import Report
from tasks.brakes import judge, judge_facts, yielded
from tasks.db import reading
from tasks.imports import import_all
from tasks.notices import Looked, look
from tasks.runs import LATE_ORDERS, Now
from tasks.shelves import Shelves
from tasks.survey import survey
from tasks.tallies import orders_by_bucket

Progress = Callable[[str, int], None]


def run_name() -> str:
    """Name a run by its flow and day, until its outcome is known."""
    return f"{flow_run.flow_name} {flow_run.parameters.get('as_of') or 'today'}"


@flow(name=LATE_ORDERS, flow_run_name=run_name, retries=0, validate_parameters=True)
async def late_orders(
    shop: str | None = None,
    policy: Policy | None = None,
    as_of: date | None = None,
    *,
    data: str | None = None,
    take_in: bool = True,
    dry_run: bool = False,
    limit: int | None = None,
) -> Report:
    """Tell the ledger who must be told of a late order; `deliver` then tells them.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        policy: another policy than the shop's own `policy.toml`, for this run.
        as_of: the day to live; today where none is given.
        data: where the shop's files lie, if not where its shop.toml says.
        take_in: whether to take the shop's facts in first.
        dry_run: stop after deciding, and write nothing.
        limit: tell at most so many orders; the others stay due.

    """
    with open_house(shop, policy, data=Path(data) if data else None) as house:
        report = await find_and_owe(house, as_of, take_in=take_in, dry_run=dry_run, limit=limit)
    if report.held:
        # Not a failure: the run did all it may do, and a person reads its name in Prefect's page.
        message = "; ".join(report.held.values())
        return Completed(name="Held", message=message, data=report)  # type: ignore[return-value] # callers get its data
    if report.problems:
        raise ForewarnError("; ".join(report.problems[:5]))
    return report


async def find_and_owe(
    house: House,
    as_of: date | None = None,
    *,
    take_in: bool = False,
    dry_run: bool = False,
    limit: int | None = None,
    progress: Progress = lambda _, __: None,
) -> Report:
    """Live one day of a shop: gather its facts, decide, and owe."""
    time = clock(house.folder.shop.zone, as_of, ahead=dry_run)
    if dry_run:
        return await _look_only(house, Now("", time.as_of, time.now()), limit, progress)
    async with a_run(house, LATE_ORDERS, time) as (now, report):
        if take_in:
            await deed("import", partial(_gather, house, now, report, progress))
        passed = await deed("brake: the facts", partial(judge_facts, house.desk, now, yielded(report.imported)))

        looked = Looked()
        if not passed:
            looked = await _decide_and_owe(house, now, limit, progress)
            passed = await deed("brake: the notices", partial(judge, house.desk, now, looked.wanted))
        report.held = {one.name: one.sentence for one in passed}

        await asyncio.to_thread(_tell, house, report, looked)
    await publish(
        LATE_ORDERS, showing.summary(report, house.folder.shop.name), showing.table(looked.plans), "Late orders"
    )
    await rename(showing.headline(LATE_ORDERS, report))
    return report


def _gather(house: House, now: Now, report: Report, progress: Progress) -> None:
    with house.source() as source:
        counts = import_all(house.desk.engine, source, now.as_of, house.rejects, progress=progress)
        report.left_out = {one.reason: one.count for one in source.left_out()}
    report.imported = {table: asdict(one) for table, one in counts.items()}
    if any(one.refused for one in counts.values()):
        report.rejects = str(house.rejects)


async def _decide_and_owe(house: House, now: Now, limit: int | None, progress: Progress) -> Looked:
    looked, after = Looked(), None
    shelves = Shelves()
    while True:
        left = None if limit is None else limit - sum(looked.news.values())
        begun = looked.orders + 1
        work = partial(look, house.desk, now, shelves, after, batch=house.settings.batch, limit=left)
        page = await deed(f"look: orders from {begun}", work)
        looked.add(page.looked)
        progress("orders", looked.orders)
        if page.last is None or left == 0:
            return looked
        after = page.last


async def _look_only(house: House, now: Now, limit: int | None, progress: Progress) -> Report:
    shown = partial(progress, "orders")
    work = partial(survey, house.desk, now, batch=house.settings.batch, limit=limit, progress=shown)
    found = await deed("look: every order", work)
    report = Report(as_of=now.as_of, dry_run=True)
    showing.fill(report, found.looked, found.orders, house.desk.policy)
    report.plans = showing.table(found.looked.plans)
    await publish(
        LATE_ORDERS, showing.summary(report, house.folder.shop.name), showing.table(found.looked.plans), "Dry run"
    )
    return report


def _tell(house: House, report: Report, looked: Looked) -> None:
    with reading(house.desk.engine) as connection:
        orders = orders_by_bucket(connection)
    showing.fill(report, looked, orders, house.desk.policy)
    report.fallbacks = dict(house.desk.words.fallbacks)
