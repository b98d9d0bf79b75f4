"""`forewarn staff`: the first admin, who may sign in, a link for a forgotten password, and a person who leaves."""

import io
import json
import sys

import pytest

from tests.support.commands import run_command
from tests.support.shop_driver import SHOP_TOML

PASSWORD = "correct horse battery"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "shop.toml").write_text(SHOP_TOML)
    return tmp_path


def init(place, monkeypatch, *more, password=PASSWORD):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
    given = ("--name", "Ana", "--mail", "Ana@lamps.example.com", "--password-stdin")
    return run_command(place, "staff", "init", *given, *more)


def listed(place):
    return json.loads(run_command(place, "staff", "list", "--json").stdout)["people"]


def test_the_first_admin_is_made_and_only_the_first(place, monkeypatch):
    made = init(place, monkeypatch)
    assert made.returncode == 0, made.stderr
    assert "Ana is an admin." in made.stdout
    assert PASSWORD not in made.stdout + made.stderr
    (ana,) = listed(place)
    assert (ana["mail"], ana["roles"], ana["sign_in"]) == ("ana@lamps.example.com", "admin", "password")
    again = init(place, monkeypatch)
    assert again.returncode == 1
    assert "Ana is an admin already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("init", "--name", "Ana"), "--mail is missing"),
        (("init", "--name", "Ana", "--mail", "ana@"), "cannot be a mail address"),
        (("init", "--name", "Ana", "--mail", "ana@lamps.example.com"), "--password-stdin"),
    ],
)
def test_without_a_terminal_nothing_is_asked_for(place, monkeypatch, arguments, said):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    done = run_command(place, "staff", *arguments)
    assert done.returncode == 1
    *_, last = done.stderr.splitlines()
    assert said in last


def test_a_short_password_is_refused(place, monkeypatch):
    assert "12 characters" in init(place, monkeypatch, password="short").stderr


def test_a_link_for_a_forgotten_password_is_printed(place, monkeypatch):
    init(place, monkeypatch)
    link = run_command(place, "staff", "reset", "ana@lamps.example.com", FOREWARN_DESK_URL="https://desk.example.com/")
    assert link.stdout.startswith("https://desk.example.com/desk/password/")
    as_json = json.loads(run_command(place, "staff", "reset", "ANA@lamps.example.com", "--json").stdout)
    assert as_json["url"].startswith("http://127.0.0.1:8080/desk/password/")


def test_the_last_admin_is_not_removed_and_nobody_unknown_either(place, monkeypatch):
    init(place, monkeypatch)
    assert "the last admin" in run_command(place, "staff", "remove", "ana@lamps.example.com").stderr
    unknown = run_command(place, "staff", "remove", "jan@lamps.example.com")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1)
    assert "nobody on the desk" in unknown.stderr
