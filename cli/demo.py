"""The demo: make a sample shop from a seed, and run one day of it, from its files to its outbox."""

import asyncio
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from cli import console as printing
from cli.demo_marketing import prepare_marketing
from cli.demo_service import hold_a_run, leave_in_doubt
from cli.demo_site import use_local_links
from cli.serve import PORT
from models.errors import ForewarnError
from models.run_report import Report
from sources.sample import sample_day, write_sample

OURS = {"shop", "var", "prefect"}
STARTUP_SECONDS = 180
DEFAULT = Path("demo")


@dataclass(frozen=True, slots=True)
class DemoDay:
    """What one day of the sample shop came to."""

    report: Report
    posts: int
    """Posts that wait for approval."""
    doubts: int
    """Messages that may or may not have left."""
    held: Mapping[str, str]
    """Why the last run waits for approval, by the policy's keys; empty where it does not."""
    startup_seconds: float
    outbox: Path


def is_demo(into: Path) -> bool:
    """Return whether a folder has a demo that came to its end."""
    return (into / "shop" / "shop.toml").is_file() and any(into.glob("var/*/outbox/index.html"))


def run_demo(into: Path, orders: int, seed: int, as_of: date | None, port: int) -> None:
    """Make the sample shop, run one day of it, by default its today, and print the results and the file to open."""
    started_at, as_of = time.monotonic(), as_of or sample_day(datetime.now(UTC))
    into = _cleared(into).resolve()
    write_sample(into / "shop", orders=orders, seed=seed, as_of=as_of)
    use_local_links(into / "shop", port)
    prepare_marketing(into / "shop", as_of)
    printing.out.print(f"Made a shop with {orders:,} orders in {into / 'shop'}", markup=False)

    _embed_prefect(into / "prefect")
    printing.out.print("Starting Prefect's own server, up to half a minute, longer the first time ...")
    day = asyncio.run(_run_day(into, as_of))

    _print_messages(day, into / "shop")
    arguments = [] if into == DEFAULT.resolve() else ["--into", str(_relative_path(into))]
    arguments += [] if port == PORT else ["--port", str(port)]
    command = " ".join([_command(), "demo", "--serve", *arguments])
    printing.out.print(f"See what its customers, customer service and marketing see: {command}", markup=False)
    spent = time.monotonic() - started_at
    printing.out.print(f"\nDone in {spent:.0f} s; {day.startup_seconds:.0f} s of them were Prefect's own start.")


def _cleared(into: Path) -> Path:
    """Remove an earlier demo. Raises ForewarnError if the folder contains anything else."""
    if into.exists():
        foreign = sorted({path.name for path in into.iterdir()} - OURS)
        if foreign:
            raise ForewarnError(
                f"{into} contains {foreign[0]}, which is not of a demo; choose an empty folder with --into"
            )
        shutil.rmtree(into)
    return into


def _embed_prefect(home: Path) -> None:
    # Read by Prefect when it is first imported, which happens after this.
    os.environ.update(
        PREFECT_HOME=str(home),
        PREFECT_SERVER_EPHEMERAL_ENABLED="true",
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS=str(STARTUP_SECONDS),
        # A database of another server, which the environment or a `.env` may name, gets no run of the demo.
        PREFECT_SERVER_DATABASE_CONNECTION_URL=f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
        PREFECT_LOGGING_LEVEL="ERROR",
        PREFECT_PROFILES_PATH=str(home / "profiles.toml"),
    )


async def _run_day(into: Path, as_of: date) -> DemoDay:
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY, PREFECT_API_URL, temporary_settings

    from app.clock import make_clock
    from app.composition import isolated_settings, open_app
    from cli.run_day import run_day
    from flows.post_delays import post_delays
    from models.config.settings import GivenSettings
    from tasks.reporting.result_days import count_results

    started_at = time.monotonic()
    # Prefect reads a `.env` as well as the environment: no server that either names gets a run of the demo.
    own_server = temporary_settings(restore_defaults={PREFECT_API_URL, PREFECT_API_KEY, PREFECT_API_AUTH_STRING})
    with own_server:
        async with get_client() as client:
            await client.hello()
            startup_seconds = time.monotonic() - started_at
            doubts = await leave_in_doubt(into, as_of)
            with (
                isolated_settings(GivenSettings(shop=into / "shop", home=into)),
                open_app() as app,
                printing.progress("Running one day", quiet=False) as progress,
            ):
                report = await run_day(app, as_of, import_first=True, recorded=True, progress=progress)
                posts = await post_delays(str(into / "shop"), as_of)
                # They are counted by each check of late orders, before what it tells has left.
                day = make_clock(app.folder.shop.zone, as_of).snapshot(app.context)
                count_results(day, [as_of], day.started_at)
            held = await hold_a_run(into, as_of)
            return DemoDay(report, len(posts), doubts, held, startup_seconds, app.outbox)


def _print_messages(day: DemoDay, shop: Path) -> None:
    from app.reports.counts import counted

    report = day.report
    read = Counter({table: counts["read"] for table, counts in report.imported.items()})
    printing.print_pairs(
        [
            ("Read", f"{read['orders']:,} orders with {read['lines']:,} lines; {report.open:,} are open"),
            ("Late", counted(report.late)),
            ("Changes", counted(report.changes)),
            ("Remedies", counted(report.offers)),
            ("Outbox", counted(report.trial)),
            ("Skipped", counted(report.skipped)),
            ("Waiting", f"{report.waiting} for the end of quiet hours"),
            ("Posts", f"{day.posts} wait for approval"),
            ("In doubt", f"{day.doubts}, for a person to find out" if day.doubts else "none"),
            ("Held", f"a later run: {'; '.join(day.held.values())}" if day.held else "no run"),
        ]
    )
    printing.out.print(f"\nOpen {day.outbox / 'index.html'} to read what customers would get.", markup=False)
    printing.out.print(f"Then try: {_command()} explain 1041 --shop {_relative_path(shop)}", markup=False)


def _relative_path(path: Path) -> Path:
    """Return a path as somebody in this folder would write it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _command() -> str:
    """Return how to call the command from here: by its name where the shell would find it."""
    command = Path(sys.argv[0]).resolve()
    known = shutil.which("forewarn")
    return "forewarn" if known and Path(known).resolve() == command else str(_relative_path(command))
