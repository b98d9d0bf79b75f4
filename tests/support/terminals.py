"""Do what a page of ours tells an operator to do: its `sh` blocks, as they stand, in one environment."""

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.paths import ROOT
from tests.support.prefect_database import migrated_database

SERVICES = ("prefect server start", "prefect worker start")
BASH = ("/bin/bash", "-euo", "pipefail", "-c")
DEADLINE = 180.0
ASKS = re.compile(r"^\W*\?|\[y/n\]|^>>? $", re.MULTILINE)
"""A line by which Prefect waits for an answer."""
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = iter(range(20_000 + 1_000 * _WORKER, 21_000 + 1_000 * _WORKER))
"""For each process of the tests its own."""
BEGUN = ["PENDING", "RUNNING", "PAUSED", "CANCELLING", "COMPLETED", "FAILED", "CRASHED", "CANCELLED"]
BUSY = 20
"""How often a server on SQLite is asked again that says it is too busy to write, as its own clients do."""


def blocks(markdown: str) -> list[str]:
    """Return the `sh` blocks of a page."""
    return re.findall(r"^```sh\n(.*?)^```$", markdown, re.MULTILINE | re.DOTALL)


def as_here(markdown: str, here: Mapping[str, str]) -> str:
    """Put what a test has where a page has the operator's: a port, a shop, a day."""
    for theirs, ours in here.items():
        assert theirs in markdown
        markdown = markdown.replace(theirs, ours)
    return markdown


def section(file: Path, name: str) -> str:
    """Return what stands between the comments `<!-- name -->` and `<!-- /name -->`."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", file.read_text(), re.DOTALL)
    assert found, f"{file.name} has no section between <!-- {name} --> and <!-- /{name} -->"
    return found[1]


def until(true: Callable[[], bool], what: str, seconds: float = DEADLINE) -> None:
    """Wait until something is true; fail with what it is after so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)


def free_port() -> int:
    """Return a port for a server that starts later.

    It is below those that the system gives away by itself: one of those may be another test's by then.
    """
    for port in _PORTS:
        with socket.socket() as listening, suppress(OSError):
            listening.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def alone(place: Path, port: int) -> dict[str, str]:
    """Return the environment of a Prefect that has its folder and its port to itself, and a database in it."""
    (place / "prefect").mkdir()
    shutil.copyfile(migrated_database(), place / "prefect" / "prefect.db")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "FOREWARN_"))}
    return ours | {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(place / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        # A run at the tick of the real clock would come between the runs that are counted.
        "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    }


def answers(api: httpx.Client) -> bool:
    try:
        return api.get("health").is_success
    except httpx.TransportError:
        return False


@dataclass(frozen=True)
class Page:
    """What Prefect's page shows, and its buttons."""

    api: httpx.Client

    def runs(self, deployment: str) -> list[dict[str, Any]]:
        """Return the runs of a deployment that have begun, oldest first."""
        return self._runs(deployment, BEGUN)

    def to_come(self, deployment: str) -> list[dict[str, Any]]:
        """Return the runs of a deployment that are to come: a hundred, where it has a schedule."""
        return self._runs(deployment, ["SCHEDULED"])

    def _runs(self, deployment: str, states: list[str]) -> list[dict[str, Any]]:
        asked = {"deployments": {"name": {"any_": [deployment]}}, "flow_runs": {"state": {"type": {"any_": states}}}}
        return self._post("flow_runs/filter", asked | {"sort": "EXPECTED_START_TIME_ASC"})

    def artifacts(self, key: str) -> list[Any]:
        """Return what was published under a key, oldest first."""
        found = self._post("artifacts/filter", {"artifacts": {"key": {"any_": [key]}}, "sort": "UPDATED_DESC"})
        read = [one["data"] if one["type"] == "markdown" else json.loads(one["data"]) for one in found]
        return read[::-1]

    def trigger(self, *deployments: str, **parameters: Any) -> None:
        """Start runs as the page's button does, and wait for their end."""
        runs = [self.start(name, **parameters) for name in deployments]
        until(lambda: all(self._ended(run) for run in runs), f"the end of {' and '.join(deployments)}")

    def start(self, deployment: str, **parameters: Any) -> str:
        """Start a run as the page's button does; return its id."""
        key = self.api.get(f"deployments/name/{deployment}/{deployment}").raise_for_status().json()["id"]
        asked = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self._post(f"deployments/{key}/create_flow_run", asked)["id"])

    def _ended(self, run: str) -> bool:
        return self._state_of(run) in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")

    def _state_of(self, run: str) -> str:
        return str(self.api.get(f"flow_runs/{run}").raise_for_status().json()["state_type"])

    def change(self, path: str, asked: dict[str, Any]) -> None:
        """Change something, as a switch on the page does."""
        self._ask("PATCH", path, asked)

    def _post(self, path: str, asked: dict[str, Any]) -> Any:
        return self._ask("POST", path, asked).json()

    def _ask(self, method: str, path: str, asked: dict[str, Any]) -> httpx.Response:
        for _ in range(BUSY):
            answer = self.api.request(method, path, json=asked)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(1)
        return answer.raise_for_status()

    def everything_prefect_keeps(self) -> str:
        """Return all that Prefect's page could show: artifacts, runs with their parameters, task runs, states, logs."""
        return json.dumps([self._all(kind) for kind in ("artifacts", "flow_runs", "task_runs", "logs")])

    def _all(self, kind: str) -> list[Any]:
        """Return all of a kind; the server gives a page at a time."""
        found: list[Any] = []
        while page := self._post(f"{kind}/filter", {"offset": len(found)}):
            found += page
        return found


class Terminals:
    """The operator's terminals: each begins with the same exports, in the folder of the checkout."""

    def __init__(self, exports: str, env: Mapping[str, str], logs: Path) -> None:
        self._exports, self._logs = exports, logs
        self._there: dict[str, Any] = {"cwd": ROOT, "env": env, "stdin": subprocess.DEVNULL}
        self._running: list[subprocess.Popen[bytes]] = []

    def run(self, commands: str) -> None:
        """Run a block to its end; fail with its output where any command does."""
        done = subprocess.run(  # noqa: S603 - what our own page says
            [*BASH, self._exports + commands],
            **self._there,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}\n{self.said()}"

    def run_at_a_terminal(self, commands: str) -> None:
        """Run a block to its end where it sees a terminal, at which nobody types; fail where it asks something."""
        ours, theirs = os.openpty()
        there = {**self._there, "stdin": theirs, "stdout": theirs, "stderr": theirs}
        started = subprocess.Popen([*BASH, self._exports + commands], **there, start_new_session=True)  # noqa: S603
        os.close(theirs)
        shown, end = "", time.monotonic() + 2 * DEADLINE
        try:
            while (part := _read(ours, end)) and not ASKS.search(shown):
                shown += part
            assert not ASKS.search(shown), f"{commands}\nasks where a person would have to answer:\n{shown}"
            assert time.monotonic() < end, f"{commands}\nnever ends:\n{shown}"
            assert started.wait(15) == 0, f"{commands}\n{shown}\n{self.said()}"
        finally:
            os.close(ours)
            _kill(started)

    def keep(self, command: str) -> None:
        """Start a command that runs on, in a session of its own."""
        with (self._logs / f"{len(self._running)}.log").open("wb") as log:
            started = subprocess.Popen(  # noqa: S603 - what our own page says
                [*BASH, f"{self._exports}exec {command}"], **self._there, stdout=log, stderr=log, start_new_session=True
            )
        self._running.append(started)

    def said(self) -> str:
        """Return what the commands that run on have written."""
        return "\n".join(log.read_text() for log in sorted(self._logs.glob("*.log")))

    def close(self) -> None:
        """End what was started, the last first: asked once, then killed with all of its session."""
        for one in reversed(self._running):
            one.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                one.wait(15)
            _kill(one)


def _read(screen: int, end: float) -> str:
    """Return what a terminal shows next; nothing when all that wrote to it has ended, or the time is up."""
    if not select.select([screen], [], [], max(0, end - time.monotonic()))[0]:
        return ""
    try:
        return os.read(screen, 65536).decode(errors="replace")
    except OSError:  # so Linux says that the other side is closed
        return ""


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(15)


def follow(opened: Terminals, page: Iterable[str], api: httpx.Client) -> None:
    """Do what a page says, block after block: what runs on keeps a terminal of its own, and the rest ends in one."""
    for block in page:
        if not block.startswith(SERVICES):
            opened.run_at_a_terminal(block)
            continue
        opened.keep(block)
        if block.startswith("prefect server"):
            until(lambda: answers(api), f"an answer of the server\n{opened.said()}")


@contextmanager
def terminals(exports: str, env: Mapping[str, str], logs: Path) -> Iterator[Terminals]:
    """Open the operator's terminals, and end everything in them whatever happens."""
    opened = Terminals(exports, env, logs)
    try:
        yield opened
    finally:
        opened.close()
