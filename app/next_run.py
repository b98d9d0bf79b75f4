"""When runs start next, by the schedule in the shop's `prefect.yaml`."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache, reduce
from pathlib import Path
from zoneinfo import ZoneInfo

from app.deployment_files import deployment_file
from models.config.settings import Settings
from models.config.shop import ShopConfig
from models.schedules import ScheduledStart
from tasks.runs.records import LATE_ORDERS

CHECKS = (LATE_ORDERS, "restock")
"""The flows that check late orders: `restock` does all that `late-orders` does."""


def scheduled_starts(settings: Settings, shop: ShopConfig, now: datetime) -> dict[str, ScheduledStart]:
    """Return the last and the next start by flow; without the flows that have no schedule, or none that can be read.

    `late-orders` has the starts of all flows that check late orders.
    """
    local = now.astimezone(ZoneInfo(shop.zone))
    found = {
        flow: reduce(ScheduledStart.joined, [_around(cron, local) for cron in crons])
        for flow, crons in _crons(deployment_file(settings, shop)).items()
    }
    checks = [found[flow] for flow in CHECKS if flow in found]
    return found | ({LATE_ORDERS: reduce(ScheduledStart.joined, checks)} if checks else {})


def next_check(settings: Settings, shop: ShopConfig, now: datetime, succeeded_at: datetime | None) -> datetime | None:
    """Return when late orders are checked next, in UTC; None where no schedule is known, or its last run was missed."""
    check = scheduled_starts(settings, shop, now).get(LATE_ORDERS)
    return None if check is None or check.is_missed(succeeded_at, now) else check.next_at


def _crons(file: Path | None) -> Mapping[str, tuple[str, ...]]:
    try:
        return _read(file, file.stat().st_mtime_ns) if file else {}
    except OSError:
        return {}


@lru_cache(maxsize=4)
def _read(file: Path, _changed: int) -> Mapping[str, tuple[str, ...]]:
    # Here, because a command that shows no schedule needs it not.
    import yaml

    try:
        deployments = yaml.safe_load(file.read_text())["deployments"]
        flows = {_flow(one): tuple(_valid(one.get("schedules") or ())) for one in deployments}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return {}
    return {flow: crons for flow, crons in flows.items() if crons}


def _flow(deployment: dict[str, object]) -> str:
    return str(deployment.get("entrypoint", "")).rpartition(":")[2].replace("_", "-")


def _valid(schedules: Iterable[dict[str, object]]) -> Iterator[str]:
    from cronsim import CronSim, CronSimError

    for each in schedules:
        if "cron" not in each or each.get("active") is False:
            continue
        try:
            CronSim(str(each["cron"]), datetime.now(UTC))
        except CronSimError:
            continue
        yield str(each["cron"])


def _around(cron: str, local: datetime) -> ScheduledStart:
    from cronsim import CronSim

    last, following = next(CronSim(cron, local, reverse=True)), next(CronSim(cron, local))
    return ScheduledStart(last.astimezone(UTC), following.astimezone(UTC))
