"""When the next run finds late orders, by the schedule in the shop's `prefect.yaml`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from app.deployment_files import deployment_file
from models.config.settings import Settings
from models.config.shop import ShopConfig


def next_late_orders(settings: Settings, shop: ShopConfig, now: datetime) -> datetime:
    """Return the moment of the next run in UTC; `now` where no schedule can be read."""
    local = now.astimezone(ZoneInfo(shop.zone))
    return min((_following(cron, local) for cron in _crons(settings, shop)), default=now).astimezone(UTC)


def _crons(settings: Settings, shop: ShopConfig) -> Iterator[str]:
    # Here, because a command that shows no page of the policy needs neither.
    import yaml
    from cronsim import CronSim, CronSimError

    file = deployment_file(settings, shop)
    try:
        content = yaml.safe_load(file.read_text()) if file else {}
        deployments = [one for one in content["deployments"] if _is_late_orders(one)]
        crons = [str(each["cron"]) for one in deployments for each in one.get("schedules", ()) if "cron" in each]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return
    for cron in crons:
        try:
            CronSim(cron, datetime.now(UTC))
        except CronSimError:
            continue
        yield cron


def _is_late_orders(deployment: dict[str, object]) -> bool:
    return str(deployment.get("entrypoint", "")).endswith(":late_orders")


def _following(cron: str, local: datetime) -> datetime:
    from cronsim import CronSim

    return next(CronSim(cron, local))
