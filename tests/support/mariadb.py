"""Start a MariaDB server for tests: Debian's server, in a temporary folder, on a free port."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pymysql

from tests.support.postgres import GUARD, PATIENCE
from tests.support.terminals import free_port

HOST = "127.0.0.1"
# As an old shop's server is set up: latin1 where a table does not say otherwise, and zero dates are allowed.
SETTINGS = ("--character-set-server=latin1", "--sql-mode=", "--skip-log-bin", "--innodb-buffer-pool-size=32M")


def programs():
    """Return the paths of the server and of the program that creates its folder; None if they are not installed."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    found = [shutil.which(name, path=path) for name in ("mariadbd", "mariadb-install-db")]
    return found if all(found) else None


@contextmanager
def started():
    """Yield the port of a running server and how to connect as root. Always stops the server."""
    server, install = programs()
    with tempfile.TemporaryDirectory(prefix="forewarn-mariadb-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), free_port()
        as_user = ["--user=mysql"] if os.geteuid() == 0 else []
        if as_user:
            shutil.chown(folder, "mysql")
        made = [install, "--no-defaults", f"--datadir={folder}/data", "--auth-root-authentication-method=normal"]
        subprocess.run([*made, *as_user], cwd=folder, check=True, capture_output=True)  # noqa: S603 - our own server
        runs = [server, "--no-defaults", f"--datadir={folder}/data", f"--socket={folder}/socket", f"--port={port}"]
        guarded = ["/bin/sh", "-c", GUARD, "guard", folder, *runs, f"--bind-address={HOST}", *as_user, *SETTINGS]
        with (folder / "log").open("w") as log:
            guard = subprocess.Popen(  # noqa: S603 - our own server
                guarded, cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )
        try:
            _wait(folder)
            yield port, lambda: _root(folder)
        finally:
            guard.stdin.close()
            guard.wait(PATIENCE)


def _root(folder):
    return pymysql.connect(unix_socket=str(folder / "socket"), user="root", charset="utf8mb4", autocommit=True)


def _wait(folder):
    over = time.monotonic() + PATIENCE
    while True:
        try:
            # PyMySQL leaves its socket open when the server does not listen yet.
            with socket.socket(socket.AF_UNIX) as asking:
                return asking.connect(str(folder / "socket"))
        except OSError as error:
            if time.monotonic() > over:
                raise RuntimeError((folder / "log").read_text()) from error
            time.sleep(0.05)
