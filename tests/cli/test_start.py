"""A command loads no library that it does not use: each would make every start slower."""

import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from sources.sample import write_sample
from tests.support.commands import run_command

pytestmark = pytest.mark.server

FOREWARN = Path(sys.executable).with_name("forewarn")
DAY = "2026-06-15"
SETTINGS_OF_A_SHOP = {"babel", "email_validator"}
"""What checks the languages and the mail addresses of shop.toml."""
WORDS_AND_REMEDIES = {"anyascii", "jinja2", "phonenumbers", "rapidfuzz", "regex", "stamina"}
"""What decides and writes the notice that an order would get now."""
DEADLINES = {"holidays"}
"""What counts the working days of a law."""
LARGE = {
    *("aiohttp", "alembic", "asyncssh", "duckdb", "httpx", "matplotlib", "numpy", "prefect"),
    *("pymysql", "scipy", "sendgrid", "starlette", "tweepy", "twilio", "twitter_text", "uvicorn"),
    *SETTINGS_OF_A_SHOP,
    *WORDS_AND_REMEDIES,
    *DEADLINES,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    write_sample(folder / "shop", orders=60, seed=7, as_of=date.fromisoformat(DAY))
    assert run_command(folder, "import", "--as-of", DAY).returncode == 0
    return folder


@pytest.mark.parametrize(
    ("arguments", "used"),
    [
        (["--help"], set()),
        (["doctor", "--help"], set()),
        (["status"], SETTINGS_OF_A_SHOP),
        (["explain", "1041"], SETTINGS_OF_A_SHOP | WORDS_AND_REMEDIES | DEADLINES),
    ],
    ids=["help", "doctor help", "status", "explain"],
)
def test_a_command_loads_only_what_it_uses(place, arguments, used):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FOREWARN_", "PREFECT_"))}
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-X", "importtime", FOREWARN, *arguments],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE)}
    assert {"sqlalchemy", "pydantic"} <= loaded
    assert loaded & LARGE <= used
