"""The demo as the pages for the desk begin with it, made once for all of them: each gets a copy of its own."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

COMMAND = "forewarn demo --as-of 2025-11-24"
PORT = 8080
"""To which the links of the one that is made lead."""
WITH_LINKS = (".toml", ".sql", ".html", ".json", ".txt", ".eml")


def copied_demo(shared: Path, place: Path, port: int) -> None:
    """Let a folder be as the command leaves it with a port; all processes of the tests share the one that is copied."""
    whole = shared / "demo" / "demo"
    whole.parent.mkdir(exist_ok=True)
    with (shared / "demo" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            _make(whole.parent)
    shutil.copytree(whole, place / "demo")
    for file in (place / "demo").rglob("*"):
        if file.suffix in WITH_LINKS:
            file.write_bytes(file.read_bytes().replace(b"127.0.0.1:%d" % PORT, b"127.0.0.1:%d" % port))


def _make(folder: Path) -> None:
    command = [Path(sys.executable).with_name("forewarn"), *COMMAND.split()[1:]]
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("FOREWARN_", "PREFECT_"))}
    done = subprocess.run(command, cwd=folder, env=ours, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(folder / "demo" / "prefect")  # what was recorded there is read by nobody
