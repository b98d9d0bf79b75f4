"""Do what a page of ours tells an operator to do: its `sh` blocks, as they stand, in one environment."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SERVICES = ("prefect server start", "prefect worker start")
BASH = ("/bin/bash", "-euo", "pipefail", "-c")
DEADLINE = 180.0


def blocks(markdown: str) -> list[str]:
    """Return the `sh` blocks of a page."""
    return re.findall(r"^```sh\n(.*?)^```$", markdown, re.MULTILINE | re.DOTALL)


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


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(15)


@contextmanager
def terminals(exports: str, env: Mapping[str, str], logs: Path) -> Iterator[Terminals]:
    """Open the operator's terminals, and end everything in them whatever happens."""
    opened = Terminals(exports, env, logs)
    try:
        yield opened
    finally:
        opened.close()
