"""`forewarn` and `prefect` for scripts of tests, begun warm: each command is a process, forked from a warm one.

A page of commands costs a second and a half of a processor for each command otherwise, before the command begins.
What stays, as `serve` does, and what Prefect starts a server for, is the real command. What may ask a person must be
real, too: whether it sees a terminal is found out once, while it begins.
"""

import fcntl
import gc
import json
import os
import socket
import sys
import time
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path

from tests.support.checked_templates import remember_checks, share_checks
from tests.support.paths import ROOT

COMMANDS = ("forewarn", "prefect")
REAL = Path(sys.executable).parent
"""Where the real commands are."""
SECONDS = 60.0
"""Until it is ready, on a busy machine."""
LOOKS = 2.0
"""Seconds after which it looks whether the tests still run."""
LATE = (
    "cli.main",
    *("app.health.doctor", "app.reports.run", "flows.deliver", "flows.late_orders", "templates.rendering.check"),
    *("tasks.reporting.check_ledger", "tasks.reporting.explain_order", "duckdb", "numpy"),
    *(f"prefect.cli.{name}" for name in ("automation", "deploy", "deployment", "flow_run", "work_pool")),
)
SHIM = """#!{python} -IS
import json, os, socket, sys
real = {real!r} + "/" + os.path.basename(sys.argv[0])
if sys.argv[1:2] in (["serve"], ["demo"], ["deliver"], ["server"], ["worker"]):
    os.execv(real, [real, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({address!r})
    socket.send_fds(asked, [b"-"], [0, 1, 2])
    asked.sendall(json.dumps([real, sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
    asked.shutdown(socket.SHUT_WR)
    code = asked.recv(16)
sys.exit(int(code or b"70"))
"""


def warm_commands(shared: Path) -> Path:
    """Return the folder of a `forewarn` for a PATH; all processes of the tests share what is behind it."""
    folder = shared / "warm"
    folder.mkdir(exist_ok=True)
    address = folder / "asked"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not address.exists():
            for name in COMMANDS:
                shim = folder / name
                shim.write_text(SHIM.format(python=sys.executable, real=str(REAL), address=str(address)))
                shim.chmod(0o755)
            _start(address)
    return folder


def _start(address: Path) -> None:
    """Start the process that is forked, for as long as the tests run: in a part of xdist, its controller's life."""
    tests = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("FOREWARN_", "PREFECT_"))}
    ours |= {"PREFECT_HOME": str(address.parent)}
    command = [sys.executable, "-m", "tests.support.warm_commands", str(address), str(tests)]
    nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1)]
    ours |= {"PYTHONPATH": str(ROOT)}
    os.posix_spawn(sys.executable, command, ours, file_actions=nowhere, setsid=True)  # it ends by itself
    end = time.monotonic() + SECONDS
    while not address.exists():
        assert time.monotonic() < end, "no warm command"
        time.sleep(0.05)


def serve(address: str, tests: int) -> None:
    """Fork for each command that is asked for, until the tests have ended."""
    remember_checks()  # before those that use what it replaces are imported
    share_checks(Path(address).parent.with_name("checked"))
    _import_all()
    gc.freeze()
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(f"{address}.new")
        listening.listen(16)
        listening.settimeout(LOOKS)
        Path(f"{address}.new").rename(address)
        while _alive(tests):
            with suppress(TimeoutError):
                asked, _ = listening.accept()
                with asked:
                    if os.fork() == 0:
                        listening.close()
                        _be_command(asked)
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _import_all() -> None:
    """Import what a command may need: what only some import late, too."""
    for name in LATE:
        import_module(name)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _be_command(asked: socket.socket) -> None:
    """Be the command that is asked for: in its folder, with its environment, and with its caller's input and output."""
    code = 70
    try:
        _, fds, *_ = socket.recv_fds(asked, 1, 3)
        for number, fd in enumerate(fds):
            os.dup2(fd, number)
            os.close(fd)
        asked.settimeout(None)
        said = b"".join(iter(lambda: asked.recv(65536), b""))
        code = _run(*json.loads(said))
    finally:
        asked.send(str(code).encode())
        os._exit(code)


def _run(command: str, arguments: list[str], folder: str, environment: dict[str, str]) -> int:
    import prefect.cli
    import prefect.context

    from cli.main import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    prefect.context.refresh_global_settings_context()
    sys.modules["__main__"].__package__ = None  # else a usage would name this module
    sys.argv = [command, *arguments]
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, closefd=False)  # noqa: SIM115 - until the process ends
        for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    try:
        main() if Path(command).name == "forewarn" else prefect.cli.app()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        return 1 if isinstance(ended.code, str) else ended.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
