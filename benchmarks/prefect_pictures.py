"""Remake the pictures of Prefect's page by `python -m benchmarks.prefect_pictures`; needs Debian's chromium-driver.

A server of its own runs the flows on the sample shop's day.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
DAY = date(2025, 11, 24)
PORT = 4977
URL = f"http://127.0.0.1:{PORT}"
WIDTH = 1400
WAIT_SECONDS = 120
SETTLE_SECONDS = 5.0
"""Seconds until the page has read and drawn everything."""


def main() -> None:
    """Run a server, run the flows, and picture the list of runs, a run and its table."""
    browser = shutil.which("chromium")
    if browser is None:
        sys.exit("no chromium on this machine: apt-get install chromium chromium-driver")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        place = Path(scratch)
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("FOREWARN_", "PREFECT_"))}
        env = ours | {
            "DO_NOT_TRACK": "1",
            "FOREWARN_SHOP": str(place / "shop"),
            "PREFECT_API_URL": f"{URL}/api",
            "PREFECT_HOME": str(place / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_API_URL": f"{URL}/api",
        }
        with _server(env):
            # In a process of its own: Prefect reads its settings when it is imported.
            subprocess.run([sys.executable, "-m", __spec__.name, "flows"], env=env, check=True)  # noqa: S603 - this file
            _shoot(browser)


@contextmanager
def _server(env: dict[str, str]) -> Iterator[None]:
    prefect = Path(sys.executable).with_name("prefect")
    command = [str(prefect), "server", "start", "--port", str(PORT)]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, start_new_session=True) as server:  # noqa: S603
        try:
            yield
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def run_flows() -> None:
    """Run a few days of the sample shop against the server."""
    from flows.daily_digest import digest
    from flows.deliver import deliver
    from flows.late_orders import late_orders
    from flows.promise_clock import promise_clock
    from flows.restock import restock
    from sources.sample import write_sample

    _wait_for_server()
    write_sample(Path(os.environ["FOREWARN_SHOP"]), orders=400, seed=7, as_of=DAY)

    async def live() -> None:
        for day in (DAY - timedelta(days=n) for n in range(14, -1, -1)):
            await late_orders(as_of=day)
            await deliver(as_of=day)
        await promise_clock(as_of=DAY)
        await restock(as_of=DAY)
        await digest(as_of=DAY)

    asyncio.run(live())


def _wait_for_server() -> None:
    import httpx

    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        try:
            if httpx.get(f"{URL}/api/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    sys.exit("the server does not answer")


def _shoot(browser: str) -> None:
    import httpx
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--lang=en"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    runs = httpx.post(f"{URL}/api/flow_runs/filter", json={"sort": "START_TIME_DESC"}).json()
    found = [one for one in runs if re.fullmatch(r"late-orders .*: \d+ to tell", one["name"])]
    run = max(found, key=lambda one: int(one["name"].split(": ")[1].split()[0]))
    try:
        for name, path, height, below in (
            ("prefect-runs", "/runs", 1000, 640),
            ("prefect-run", f"/runs/flow-run/{run['id']}", 1250, 0),
            (
                "prefect-late-orders",
                f"/artifacts/artifact/{_artifact('lantern-loom-late-orders-orders', run['id'])}",
                720,
                0,
            ),
        ):
            driver.set_window_size(WIDTH, height)
            driver.get(f"{URL}{path}")
            time.sleep(SETTLE_SECONDS)
            if below:
                driver.execute_script(
                    "for (const each of document.querySelectorAll('*'))"
                    " if (each.scrollHeight > each.clientHeight + 100) each.scrollTop = arguments[0]",
                    below,
                )
                time.sleep(1)
            driver.save_screenshot(str(PICTURES / f"{name}.png"))
            print(PICTURES / f"{name}.png")
    finally:
        driver.quit()


def _artifact(key: str, run: str) -> str:
    """Return the id of a run's artifact."""
    import httpx

    which = {"key": {"any_": [key]}, "flow_run_id": {"any_": [run]}}
    found = httpx.post(f"{URL}/api/artifacts/filter", json={"artifacts": which, "sort": "UPDATED_DESC"}).json()
    return str(found[0]["id"])


if __name__ == "__main__":
    run_flows() if sys.argv[1:] == ["flows"] else main()
