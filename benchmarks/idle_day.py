"""What a day costs on which nothing becomes due, by the schedule of commit a497e40 and by ours.

Runs of every deployment are started one after another on a real server with a real worker, and what each uses beyond
the two alone is measured. A second server has Prefect's own settings, and starts runs as Prefect does by itself, as
that commit's did; it runs beside the first one, with today's code. A day is put together from that by the schedules:
it is extrapolated from minutes.
"""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from benchmarks.asked import Asked
from benchmarks.prefect_server import ROOT, PrefectServer, Usage, prefect_server
from sources.sample import sample_day, write_sample
from tasks.db.engine import connect
from tasks.db.migrations import migrate

MINUTES_A_DAY = 24 * 60
ORDERS = 150
DELIVER_TIMES = 3
"""How often `deliver` is run; every other deployment is run once."""
MEASURED_SECONDS, QUICKLY_SECONDS = 120.0, 20.0
"""How long the server and the worker are measured alone, and with a run that watches."""
BEGUN_SECONDS = 60
"""How long the server and the worker are still busy with their start and the first runs."""
SETTLED_SECONDS = 12
"""How long the server still works on a run that has ended."""
STARTED_SECONDS = 90
"""How long after its start a run that stays has taken over and only watches."""
DELIVER = "deliver"
EARLIER = {"late-orders": 96, "allocate": 96, "restock": 24, "forward-to-vendors": 24}
"""How often a day commit a497e40 started what starts less often since, beside `deliver`."""
SERVER_UNIT = ROOT / "docs" / "systemd" / "forewarn-server.service"


def run_idle_day(asked: Asked) -> Iterator[dict[str, Any]]:
    """Measure once, and report a day by each schedule: with deliver runs that end at once, and with those that stay."""
    (at_once, staying), starts = asked.sizes, _starts_a_day()
    earlier = starts | EARLIER
    measured = QUICKLY_SECONDS if asked.quick else MEASURED_SECONDS
    ours, theirs = asked.folder / "ours", asked.folder / "theirs"
    settings = _idle_shop(ours)
    theirs.mkdir()
    with (
        prefect_server(ours, settings | _server_settings()) as server,
        prefect_server(theirs, settings, prepares_runs=True) as default,
    ):
        for name in (*earlier, DELIVER):  # does what is due, so that the next runs find nothing
            for one in (server, default):
                one.wait(one.start(name), "COMPLETED")
        time.sleep(BEGUN_SECONDS)
        alone, default_alone = _alone(server, default, measured)
        used = {name: _runs(server, name, 1).beyond(alone) for name in starts}
        earlier_used = {name: _runs(default, name, 1).beyond(default_alone) for name in earlier}
        at_once_used = _runs(default, DELIVER, DELIVER_TIMES).beyond(default_alone)
        again, default_again = _alone(server, default, measured)
        alone, default_alone = alone + again, default_alone + default_again
        watching, taking_over = _watch(server, measured)
    each_at_once, none = at_once_used * (1 / DELIVER_TIMES), alone * 0
    days = [
        (at_once, earlier, earlier_used, default_alone, none, each_at_once),
        (staying, starts, used, alone, _day(watching) - _day(alone), taking_over),
    ]
    first = None
    for n, others, used, idle, watched, each in days:
        prefect, deliver = _day(idle), watched + each * n
        day = prefect + deliver + sum((used[name] * times for name, times in others.items()), start=none)
        first = first or (day, deliver)
        yield {
            "deliver runs": n,
            "a run, cpu s": each.cpu_seconds,
            "watching a minute, cpu s": watched.cpu_seconds / MINUTES_A_DAY,
            "deliver, cpu s": deliver.cpu_seconds,
            "share": deliver.cpu_seconds / first[1].cpu_seconds,
            "Prefect alone, cpu s": prefect.cpu_seconds,
            "late-orders, cpu s": used["late-orders"].cpu_seconds,
            "runs": n + sum(others.values()),
            "day, cpu s": day.cpu_seconds,
            "of it": day.cpu_seconds / first[0].cpu_seconds,
            "rows": day.rows,
            "MB": day.size / 1e6,
        }


def _server_settings() -> dict[str, str]:
    """Return the settings that the unit gives to Prefect's server."""
    return dict(re.findall(r"^Environment='?(\w+)=(.*?)'?$", SERVER_UNIT.read_text(), re.MULTILINE))


def _starts_a_day() -> dict[str, int]:
    """Return how often a day the schedules start each deployment but `deliver`."""
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    crons = {one["name"]: [schedule["cron"] for schedule in one["schedules"]] for one in deployments}
    return {name: sum(map(_times_a_day, due)) for name, due in crons.items() if due and name != DELIVER}


def _times_a_day(cron: str) -> int:
    minute, hour, *days = cron.split()
    assert days == ["*", "*", "*"], cron
    return _times(minute, "0-59") * _times(hour, "0-23")


def _times(due: str, whole: str) -> int:
    """Return how often a part of a cron line is due: `5`, `*`, `*/4` or `2-22/4`."""
    span, _, step = due.replace("*", whole).partition("/")
    first, _, last = span.partition("-")
    return len(range(int(first), int(last or first) + 1, int(step or 1)))


def _idle_shop(folder: Path) -> dict[str, str]:
    """Make a shop whose late orders are all told; return the settings of its flows."""
    today = sample_day(datetime.now(UTC))
    folder.mkdir(parents=True)
    write_sample(folder / "shop", orders=ORDERS, seed=7, as_of=today)
    database = f"sqlite:///{folder / 'ledger.db'}"
    engine = connect(database)
    migrate(engine)
    engine.dispose()
    return {
        "FOREWARN_SHOP": str(folder / "shop"),
        "FOREWARN_DATABASE_URL": database,
        "FOREWARN_OUTBOX_DIR": str(folder / "outbox"),
    }


def _alone(server: PrefectServer, default: PrefectServer, seconds: float) -> tuple[Usage, Usage]:
    """Measure two servers during the same time, which other work on the machine slows alike."""
    before = server.usage(), default.usage()
    time.sleep(seconds)
    return server.usage() - before[0], default.usage() - before[1]


def _over(server: PrefectServer, seconds: float) -> Usage:
    before = server.usage()
    time.sleep(seconds)
    return server.usage() - before


def _runs(server: PrefectServer, name: str, times: int) -> Usage:
    """Run a deployment a few times, one after another; return what all use together."""
    before = server.usage()
    for _ in range(times):
        server.wait(server.start(name), "COMPLETED")
        time.sleep(SETTLED_SECONDS)
    return server.usage() - before


def _watch(server: PrefectServer, measured: float) -> tuple[Usage, Usage]:
    """Return what a run that watches uses, with the server and the worker, and what it costs to take over from it."""
    first = server.start(DELIVER, watch_minutes=60)
    server.wait(first, "RUNNING")
    time.sleep(STARTED_SECONDS)
    watching = _over(server, measured)
    before = server.usage()
    second = server.start(DELIVER, watch_minutes=60)
    server.wait(first, "COMPLETED")
    time.sleep(STARTED_SECONDS)
    taking_over = (server.usage() - before).beyond(watching)
    server.cancel(second)
    return watching, taking_over


def _day(rate: Usage) -> Usage:
    return rate * (60 * MINUTES_A_DAY / rate.seconds)
