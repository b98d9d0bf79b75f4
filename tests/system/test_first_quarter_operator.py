"""An operator's first quarter of an hour, followed word by word."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.terminals import BASH
from tests.system.test_docs import blocks

PAGE = ROOT / "docs" / "first-quarter-operator.md"
MARK = "~ end of block ~"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@pytest.fixture(scope="module")
def followed(tmp_path_factory, warm_forewarn):
    """Return what each block of the page prints; only the port is another one, which may be taken here."""
    place, port = tmp_path_factory.mktemp("quarter"), str(free_port())
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("FOREWARN_", "PREFECT_"))}
    ours |= {"PATH": f"{warm_forewarn}:{Path(sys.executable).parent}:{ours['PATH']}", "COLUMNS": "100"}
    commands = [block.commands for block in blocks(PAGE.read_text())]
    script = "".join(f"{one}echo '{MARK}'\n" for one in commands).replace("8080", port)
    script = script.replace("forewarn serve", f"forewarn serve --port {port}")
    end = "set -m\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n"
    done = subprocess.run(  # noqa: S603 - what our own page says
        [*BASH, end + script], cwd=place, env=ours, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split(MARK), place


def test_the_page_can_be_followed_to_its_end(followed):
    said, place = followed
    assert len(said) == len(blocks(PAGE.read_text())) + 1
    assert (place / "forewarn.backup").is_file()


def test_each_step_answers_what_it_promises(followed):
    text = "\n".join(followed[0])
    for promised in (
        "Ana is an admin.",
        "alive",
        '"ready":false',
        '{"name":"held_runs","ok":false',
        '{"choices":[',
        "Backed up",
        "The ledger is consistent",
        "Restored",
    ):
        assert promised in text, promised


def test_every_page_for_operators_is_in_the_site_and_its_units_exist():
    nav = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs" / "operators").glob("*.md"):
        assert f"operators/{page.name}" in nav
    assert (ROOT / "docs" / "systemd" / "forewarn-backup.timer").is_file()
