"""What a day costs on which nothing becomes due, with a deliver run a minute and with one that stays.

Runs of every deployment are started one after another on a real server with a real worker, and what each uses beyond
the two alone is measured. A day is put together from that by the schedules in `prefect.yaml`: it is extrapolated from
minutes.
"""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from benchmarks.asked import Asked
from benchmarks.prefect_server import ROOT, PrefectServer, Usage, prefect_server
from sources.sample import write_sample
from tasks.db.engine import connect
from tasks.db.migrations import migrate

MINUTES_A_DAY = 24 * 60
ORDERS, SAMPLE_ZONE = 150, "Europe/Berlin"
DELIVER_TIMES = 3
"""How often `deliver` is run; every other deployment is run once."""
MEASURED_SECONDS, QUICKLY_SECONDS = 120.0, 20.0
"""How long the server and the worker are measured alone, and with a run that watches."""
BEGUN_SECONDS = 60
"""How long the server and the worker are still busy with their start and the first runs."""
SETTLED_SECONDS = 12
"""How long the server still works on a run that has ended."""
STARTED_SECONDS = 40
"""How long after its start a run that stays has taken over and only watches."""
DELIVER = "deliver"


def run_idle_day(asked: Asked) -> Iterator[dict[str, Any]]:
    """Measure once, and report a day for each number of deliver runs: the first ends at once, the second stays."""
    (at_once, staying), starts = asked.sizes, _starts_a_day()
    measured = QUICKLY_SECONDS if asked.quick else MEASURED_SECONDS
    asked.folder.mkdir(parents=True)
    with prefect_server(asked.folder, _idle_shop(asked.folder)) as server:
        for run in [server.start(name) for name in (*starts, DELIVER)]:
            server.wait(run, "COMPLETED")  # does what is due, so that the next runs find nothing
        time.sleep(BEGUN_SECONDS)
        alone = _over(server, measured)
        used = {name: _runs(server, name, 1) for name in starts}
        at_once_used = _runs(server, DELIVER, DELIVER_TIMES)
        alone += _over(server, measured)
        watching, taking_over = _watch(server, measured)
    others = sum((used[name].beyond(alone) * n for name, n in starts.items()), start=alone * 0)
    sums = {at_once: (alone, at_once_used.beyond(alone) * (1 / DELIVER_TIMES)), staying: (watching, taking_over)}
    first = None
    for n in asked.sizes:
        rate, each = sums[n]
        prefect, deliver = _day(alone), _day(rate) - _day(alone) + each * n
        day = prefect + others + deliver
        first = first or (day, deliver)
        yield {
            "deliver runs": n,
            "a run, cpu s": each.cpu_seconds,
            "watching a minute, cpu s": (_day(rate) - _day(alone)).cpu_seconds / MINUTES_A_DAY,
            "deliver, cpu s": deliver.cpu_seconds,
            "share": deliver.cpu_seconds / first[1].cpu_seconds,
            "Prefect alone, cpu s": prefect.cpu_seconds,
            "runs": n + sum(starts.values()),
            "day, cpu s": day.cpu_seconds,
            "of it": day.cpu_seconds / first[0].cpu_seconds,
            "rows": day.rows,
            "MB": day.size / 1e6,
        }


def _starts_a_day() -> dict[str, int]:
    """Return how often a day the schedules start each deployment but `deliver`."""
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    crons = {one["name"]: [schedule["cron"] for schedule in one["schedules"]] for one in deployments}
    return {name: sum(map(_times_a_day, due)) for name, due in crons.items() if due and name != DELIVER}


def _times_a_day(cron: str) -> int:
    minute, hour, *days = cron.split()
    assert days == ["*", "*", "*"], cron
    span, _, step = minute.replace("*", "0-59").partition("/")
    first, _, last = span.partition("-")
    return len(range(int(first), int(last or first) + 1, int(step or 1))) * (24 if hour == "*" else 1)


def _idle_shop(folder: Path) -> Mapping[str, str]:
    """Make a shop whose late orders are all told; return the settings of its flows."""
    today = datetime.now(ZoneInfo(SAMPLE_ZONE)).date()
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
