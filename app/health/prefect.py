"""What `forewarn doctor` looks at in Prefect: its server, a worker, the deployments, and whether their runs come."""

import asyncio
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import yaml
from sqlalchemy.exc import DBAPIError

from app.deployment_files import deployment_file, name_suffix
from app.health.check import Check
from app.health.ledger import open_existing_ledger
from models.config.settings import Settings
from models.config.shop import ShopFolder
from models.errors import ForewarnError
from tasks.db.migrations import newest, version
from tasks.runs.records import LATE_ORDERS, last_success_at, latest_run

if TYPE_CHECKING:  # a second of every command that looks at no Prefect
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

TIMEOUT = 5.0
"""Seconds that the server may take for one answer."""
MAX_MISSED_RUNS = 3
"""Runs of a schedule in a row that may be missing before it counts as a fault."""
MAX_DELAY = timedelta(hours=1)
"""How long one run may be missing before it counts as a fault."""
GRACE = timedelta(minutes=5)
"""Time that a run may take to start and to end, beyond its schedule."""
MAX_RUN_TIME = timedelta(hours=2)
"""A run under way for longer is no sign of life."""
FRESH = timedelta(minutes=3)
"""How long the scheduler may take for a new deployment."""
SCHEDULED_FLOWS = (LATE_ORDERS, "deliver")
NONE = (None, None)
DEPLOY = "`prefect --no-prompt deploy --all` in the checkout"


def check_prefect(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    """Check the server of PREFECT_API_URL, its worker, and the deployments of `prefect.yaml` with their runs."""
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        remedy = "README, 'Run it every day', sets one up"
        yield Check("prefect", "no server is set: `forewarn run` works without one", remedy)
        return
    shown = re.sub(r"//[^/@]*@", "//...@", url)
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY

    try:
        # By the address itself: without one in its own settings, Prefect would start a server and find that healthy.
        with SyncPrefectClient(
            url,
            auth_string=PREFECT_API_AUTH_STRING.value(),
            api_key=PREFECT_API_KEY.value(),
            httpx_settings={"timeout": TIMEOUT},
        ) as client:
            client.hello()
            yield Check("prefect", f"the server answers at {shown}")
            yield from _installed(client, settings, folder)
    except (httpx.HTTPError, httpx.InvalidURL, RuntimeError, ValueError) as error:
        found = f"no server of Prefect answers as it should at {shown}: {type(error).__name__}"
        yield Check("prefect", found, "run `prefect server start`, or correct PREFECT_API_URL", bad=True)


def _installed(client: "SyncPrefectClient", settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    file = deployment_file(settings, folder.shop)
    if file is None:
        yield Check("deployments", "there is no prefect.yaml to compare with", "set FOREWARN_HOME to the checkout")
        return
    try:
        wanted = {one["name"]: one for one in yaml.safe_load(file.read_text())["deployments"]}
        pools = sorted({one["work_pool"]["name"] for one in wanted.values()})
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        found = f"{file} cannot be read, or a deployment lacks its name or pool: {type(error).__name__}"
        yield Check("deployments", found, "compare it with Forewarn's own prefect.yaml", bad=True)
        return
    for pool in pools:
        yield _worker(client, pool)
    deployed = {one.name: one for one in client.read_deployments() if one.name in wanted}
    wrong = [check for name, one in wanted.items() for check in _deployment(client, one, deployed.get(name))]
    yield from wrong or [Check("deployments", f"{len(wanted)} as in {file}, and their runs are scheduled")]
    ending = name_suffix(file, folder.shop)
    yield from _last_run_check(settings, folder, {name.removesuffix(ending): one for name, one in deployed.items()})


def _worker(client: "SyncPrefectClient", name: str) -> Check:
    from prefect.client.schemas.objects import WorkerStatus
    from prefect.exceptions import ObjectNotFound

    what, start = f"pool {name}", f"`prefect worker start --pool {name}`"
    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        return Check(what, "there is no such pool", f"`prefect work-pool create {name} --type process`", bad=True)
    alive = [one for one in client.read_workers_for_work_pool(name) if one.status is WorkerStatus.ONLINE]
    if pool.is_paused:
        return Check(what, "paused: no run starts", f"`prefect work-pool resume {name}`", bad=True)
    if not alive:
        return Check(what, "no worker polls it: no run starts", start, bad=True)
    return Check(what, f"{len(alive)} {'worker polls' if len(alive) == 1 else 'workers poll'} it")


def _deployment(
    client: "SyncPrefectClient", wanted: Mapping[str, Any], deployment: "DeploymentResponse | None"
) -> Iterator[Check]:
    what = f"deployment {wanted['name']}"
    if deployment is None:
        yield Check(what, "not deployed", DEPLOY, bad=True)
        return
    due = [one for one in wanted.get("schedules") or () if one.get("active", True)]
    resume = "switch it on again on the page of the deployment in Prefect"
    if due and deployment.paused:
        yield Check(what, "its schedules are paused", resume, bad=True)
        return
    for schedule in due:
        known = [one for one in deployment.schedules if _is_same_schedule(schedule, one.schedule)]
        if not known:
            yield Check(what, f"not scheduled as prefect.yaml says: {_describe_schedule(schedule)}", DEPLOY, bad=True)
        elif not any(one.active for one in known):
            yield Check(what, f"its schedule {_describe_schedule(schedule)} is paused", resume, bad=True)
    if due and any(one.active for one in deployment.schedules) and not _next_run(client, deployment):
        remedy = "look for errors of the scheduler in the server's log, and start the server again"
        yield Check(what, "the server has scheduled no run of it", remedy, bad=True)


def _describe_schedule(schedule: Mapping[str, Any]) -> str:
    return ", ".join(str(value) for key, value in schedule.items() if key in ("cron", "interval", "rrule", "timezone"))


def _is_same_schedule(wanted: Mapping[str, Any], schedule: object) -> bool:
    """Compare what can be compared as it is written: an interval is a number in one and a span of time in the other."""
    keys = [key for key in ("cron", "rrule", "timezone") if key in wanted]
    return all(getattr(schedule, key, None) == wanted[key] for key in keys)


def _next_run(client: "SyncPrefectClient", deployment: "DeploymentResponse") -> bool:
    from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter

    # Not by `updated`: each poll of a worker counts as an update.
    if deployment.created is not None and datetime.now(UTC) - deployment.created < FRESH:
        return True
    after = {"expected_start_time": {"after_": datetime.now(UTC) - GRACE}, "state": {"type": {"any_": ["SCHEDULED"]}}}
    found = client.read_flow_runs(
        deployment_filter=DeploymentFilter.model_validate({"id": {"any_": [deployment.id]}}),
        flow_run_filter=FlowRunFilter.model_validate(after),
        limit=1,
    )
    return bool(found)


def _last_run_check(
    settings: Settings, folder: ShopFolder, deployed: Mapping[str, "DeploymentResponse"]
) -> Iterator[Check]:
    try:
        with open_existing_ledger(settings, folder) as engine:
            ready = version(engine) == newest()
            runs = {
                flow: (last_success_at(engine, flow), latest_run(engine, flow)) if ready else NONE
                for flow in SCHEDULED_FLOWS
            }
    except (DBAPIError, ForewarnError):  # check_ledger reports it
        return
    for flow in SCHEDULED_FLOWS:
        if flow in deployed:
            yield last_run(deployed[flow], *runs[flow], datetime.now(UTC))


def last_run(
    deployment: "DeploymentResponse", ended: datetime | None, newest_run: Mapping[str, Any] | None, now: datetime
) -> Check:
    """Check that a flow runs on schedule: its last run ended without an error, and few runs were due since."""
    what, since = f"last {deployment.name}", ended or deployment.created or now
    said = f"ended without a fault at {ended:%Y-%m-%d %H:%M} UTC" if ended else "none has ended without a fault yet"
    if newest_run and newest_run["state"] == "running" and now - newest_run["started_at"] < MAX_RUN_TIME:
        return Check(what, f"under way since {newest_run['started_at']:%Y-%m-%d %H:%M} UTC")
    if now <= _overdue(deployment, since):
        return Check(what, said)
    remedy = f"look at the runs of {deployment.name} on Prefect's page, and at whether its worker uses this ledger"
    return Check(what, f"{said}; since then a run was due that is missing", remedy, bad=True)


def _overdue(deployment: "DeploymentResponse", since: datetime) -> datetime:
    """Return the moment after which a run has been missing for too long, by the deployment's own schedules."""
    from prefect.server.schemas import schedules

    due: list[datetime] = []
    for one in deployment.schedules:
        if one.active:
            kind = getattr(schedules, type(one.schedule).__name__)
            dates = kind.model_validate(one.schedule.model_dump()).get_dates(n=MAX_MISSED_RUNS, start=since)
            due += asyncio.run(dates)
    if not due:
        return datetime.max.replace(tzinfo=UTC)
    first, *_, last = sorted(due)[:MAX_MISSED_RUNS]
    return min(last, first + MAX_DELAY) + GRACE
