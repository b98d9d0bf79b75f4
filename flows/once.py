"""Live one day from end to end: find, decide, owe, deliver; recorded by Prefect where a server is set."""

from collections.abc import Callable
from datetime import date

from flows.deliver import deliver, hand_over
from flows.house import House
from flows.late_orders import find_and_owe, late_orders
from models.report import Report

Progress = Callable[[str, int], None]
DELIVERED = ("sent", "rejected", "later", "waiting", "in_doubt", "down")


async def live(
    house: House,
    as_of: date | None = None,
    *,
    take_in: bool = False,
    dry_run: bool = False,
    limit: int | None = None,
    recorded: bool = False,
    progress: Progress = lambda _, __: None,
) -> Report:
    """Run `late-orders` and then `deliver`; `recorded` makes flow runs of them, which Prefect's page shows."""
    shop = str(house.folder.path)
    if recorded:
        found = await late_orders(shop, house.desk.policy, as_of, take_in=take_in, dry_run=dry_run, limit=limit)
    else:
        found = await find_and_owe(house, as_of, take_in=take_in, dry_run=dry_run, limit=limit, progress=progress)
    if dry_run:
        return found
    done = await deliver(shop, as_of) if recorded else await hand_over(house, as_of, progress=progress)
    return merged(found, done)


def merged(found: Report, done: Report) -> Report:
    """Return one report of both halves."""
    skipped = {
        reason: found.skipped.get(reason, 0) + done.skipped.get(reason, 0) for reason in found.skipped | done.skipped
    }
    return found.model_copy(update={"skipped": skipped, **{name: getattr(done, name) for name in DELIVERED}})
