"""The day in one artifact, for whoever opens the shop in the morning."""

from dataclasses import asdict
from datetime import date, timedelta
from functools import partial

from prefect import flow

from app.clock import clock
from app.composition import House, open_house
from app.prefect_tasks import deed, publish, rename
from app.reports.run import counted
from app.run_tracking import run_name
from app.safe_text import cell
from tasks.db.sql import reading
from tasks.reporting.status import Day, day

DIGEST = "digest"


@flow(name=DIGEST, flow_run_name=run_name, retries=0)
async def digest(shop: str | None = None, as_of: date | None = None) -> dict[str, object]:
    """Say what happened on a day: yesterday, where none is given.

    Args:
        shop: the shop's folder; FOREWARN_SHOP where none is given.
        as_of: the day to tell of.

    """
    with open_house(shop) as house:
        on = as_of or clock(house.folder.shop.zone, None).as_of - timedelta(days=1)

        found = await deed("count the day", partial(_count, house, on))

        await publish(DIGEST, told(house.folder.shop.name, on, found), title="The day")
        await rename(f"{DIGEST} of {on}")
    return {"as_of": on, **asdict(found)}


def _count(house: House, on: date) -> Day:
    with reading(house.desk.engine) as connection:
        return day(house.desk, connection, on)


def told(shop: str, on: date, found: Day) -> str:
    """Return a day as markdown; what wants a person comes first."""
    rows = (
        ("In doubt, for people to settle: `forewarn settle list`", str(found.for_people)),
        ("In doubt, still asked about", str(found.in_doubt - found.for_people)),
        ("Posts that wait for approval", str(found.held)),
        ("Customers told, by delay", counted(found.told)),
        ("Messages sent, by channel", counted(found.sent)),
        *([("Of them in a trial, to no customer", str(found.trial))] if found.trial else []),
        ("Not sent, by reason", counted(found.skipped)),
        ("Refused by a provider", counted(found.rejected)),
        ("Runs", counted(found.runs)),
    )
    table = "\n".join(f"| {word} | {cell(said)} |" for word, said in rows)
    return f"# {cell(shop)}: {on:%A, %d %B %Y}\n\n| | |\n|---|---|\n{table}\n"
