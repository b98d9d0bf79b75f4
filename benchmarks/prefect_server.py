"""A Prefect of the benchmark's own, with this checkout's deployments: a server, a worker, and what they use up."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
PREFECT = Path(sys.executable).with_name("prefect")
PATIENCE = 600.0
"""Seconds after which a server that does not answer and a run that does not end are given up."""
BUSY_TIMES = 20
"""How often a server on SQLite is asked again that is too busy to write, as its own clients do."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used up to a moment, or between two: seconds, CPU seconds of all processes, Prefect's rows and bytes."""

    seconds: float
    cpu_seconds: float
    rows: float
    size: float

    def __sub__(self, other: "Usage") -> "Usage":
        return self + other * -1

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(ours + theirs for ours, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, times: float) -> "Usage":
        return Usage(*(value * times for value in astuple(self)))

    def beyond(self, rate: "Usage") -> "Usage":
        """Return what it is more than a rate would have used in the same time."""
        return self - rate * (self.seconds / rate.seconds)


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """A server and a worker that run, with every schedule switched off."""

    api: httpx.Client
    processes: tuple["subprocess.Popen[bytes]", ...]
    database: Path
    prepares_runs: bool = False
    """Whether another process of Prefect prepares each run, as it does without the command in `prefect.yaml`."""

    def usage(self) -> Usage:
        """Return what both have used since they began, with all the runs that have ended."""
        cpu = sum(_cpu_seconds(process.pid) for process in self.processes)
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=60)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = sum(database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables)  # noqa: S608
            (pages,), (size,) = (database.execute(f"PRAGMA {of}").fetchone() for of in ("page_count", "page_size"))
        return Usage(time.monotonic(), cpu, rows, pages * size)

    def start(self, deployment: str, **parameters: object) -> str:
        """Start a run now, and return its id."""
        key = self._asked("GET", f"deployments/name/{deployment}/{deployment}")["id"]
        begun: dict[str, Any] = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        begun |= {"job_variables": {"command": None}} if self.prepares_runs else {}
        return str(self._asked("POST", f"deployments/{key}/create_flow_run", begun)["id"])

    def state(self, run: str) -> str:
        """Return the type of a run's state."""
        return str(self._asked("GET", f"flow_runs/{run}")["state_type"])

    def wait(self, run: str, *states: str) -> None:
        """Wait until a run is in one of the states."""
        end = time.monotonic() + PATIENCE
        while (state := self.state(run)) not in states:
            assert state in ("SCHEDULED", "PENDING", "RUNNING", "CANCELLING"), f"run {run} is {state}"
            assert time.monotonic() < end, f"run {run} stays {state}"
            time.sleep(1)

    def cancel(self, run: str) -> None:
        """Cancel a run that is under way, and wait for its end."""
        self._asked("POST", f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
        self.wait(run, "CANCELLED")

    def pause_all(self) -> None:
        """Switch off every schedule, which also removes the runs that it planned."""
        for deployment in self._asked("POST", "deployments/filter", {}):
            for schedule in deployment["schedules"]:
                self._asked("PATCH", f"deployments/{deployment['id']}/schedules/{schedule['id']}", {"active": False})

    def _asked(self, method: str, path: str, content: Any = None) -> Any:
        for _ in range(BUSY_TIMES):
            answer = self.api.request(method, path, json=content)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(1)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def _cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process, of its children, and of all that have ended. Linux only."""
    try:
        # The command's name, in brackets, may contain blanks.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = {
            child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
        }
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS + sum(_cpu_seconds(int(child)) for child in children)


@contextmanager
def prefect_server(
    folder: Path, settings: Mapping[str, str], *, prepares_runs: bool = False
) -> Iterator[PrefectServer]:
    """Start a server, deploy every flow, pause every schedule, and start a worker; end both whatever happens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    env = os.environ | dict(settings) | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        "FOREWARN_HOME": str(ROOT),
    }  # fmt: skip
    with httpx.Client(base_url=f"{url}/", timeout=60) as api, closing_all() as started:
        started.append(_begin([str(PREFECT), "server", "start", "--port", str(port)], env))
        _wait_for(api)
        for command in ("work-pool create forewarn --type process", "deploy --all"):
            subprocess.run(  # noqa: S603 - commands of ours
                [str(PREFECT), "--no-prompt", *command.split()], cwd=ROOT, env=env, check=True, capture_output=True
            )
        PrefectServer(api, (), folder).pause_all()
        started.append(_begin([str(PREFECT), "worker", "start", "--pool", "forewarn", "--limit", "4"], env))
        yield PrefectServer(api, tuple(started), folder / "prefect" / "prefect.db", prepares_runs)


def _begin(command: list[str], env: dict[str, str]) -> "subprocess.Popen[bytes]":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a worker that inherits an ignored one cannot be stopped
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=quiet, stderr=quiet, start_new_session=True)  # noqa: S603


def _wait_for(api: httpx.Client) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(httpx.TransportError):
            if api.get("health").is_success:
                return
        time.sleep(0.5)
    raise TimeoutError("Prefect's server does not answer")


@contextmanager
def closing_all() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Yield a list for processes, and end those in it, the last first, with all that they started."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        yield started
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(15)
