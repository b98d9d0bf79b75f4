"""`forewarn promise-clock` and `forewarn evidence` on a shop of the sample."""

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from app.composition import open_app
from cli.main import command_line
from flows.daily_digest import digest_markdown, load_totals
from models.errors import ForewarnError
from models.policy.policy import Policy
from sources.sample import write_sample

DAY, NEXT_DAY = "2026-06-15", "2026-06-16"


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """Return the folder of a shop in which one day was lived."""
    folder = tmp_path_factory.mktemp("clock")
    write_sample(folder / "shop", orders=120, seed=7, as_of=date.fromisoformat(DAY))
    with (folder / "shop" / "policy.toml").open("a") as policy:
        policy.write("\n[guardrails]\nmax_data_age_hours = 0\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        forewarn("run", "--import", "--as-of", DAY)
    return folder


@pytest.fixture(autouse=True)
def _in_its_folder(lived, monkeypatch):
    monkeypatch.chdir(lived)


def forewarn(*arguments):
    done = CliRunner().invoke(command_line, arguments)
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_a_run_lists_the_duties_by_deadline_reports_what_was_missed_once_and_masks(lived):
    first = json.loads(forewarn("promise-clock", "run", "--as-of", DAY, "--json"))
    assert first["checked"] > 0
    assert first["missed"]
    deadlines = [duty["deadline"] for duty in first["duties"] if duty["deadline"]]
    assert deadlines == sorted(deadlines) != []
    assert "@" not in json.dumps(first)
    again = json.loads(forewarn("promise-clock", "run", "--as-of", DAY, "--json"))
    assert (again["missed"], again["warnings"]) == ([], [])
    assert again["duties"] == first["duties"]
    with open_app() as app:
        page = digest_markdown("Lamps", date.today(), load_totals(app, date.fromisoformat(DAY)), Policy())  # noqa: DTZ011
    assert f"| Legal deadlines missed: `promise-clock-summary` | {len(first['missed'])} |" in page
    shown = forewarn("promise-clock", "run", "--as-of", NEXT_DAY)
    assert "looked at" in shown
    with pytest.raises(ForewarnError, match=f"promise-clock was run for {NEXT_DAY} already"):
        forewarn("promise-clock", "run", "--as-of", DAY)


def test_a_refund_is_recorded_for_known_lines_only_and_stands_in_the_evidence(lived):
    order = json.loads(forewarn("promise-clock", "run", "--as-of", NEXT_DAY, "--json"))["duties"][0]["order"]
    with pytest.raises(ForewarnError, match=f"order {order} has no line 'x'; its lines are 1"):
        forewarn("promise-clock", "refunded", order, "--line", "x", "--on", DAY)
    with pytest.raises(ForewarnError, match="no order 'none' is known"):
        forewarn("promise-clock", "refunded", "none", "--on", DAY)
    with pytest.raises(ForewarnError, match="in the future"):
        forewarn("promise-clock", "refunded", order, "--on", "2999-01-01")
    forewarn("promise-clock", "refunded", order, "--on", DAY, "--who", "ben", "--why", "by card")
    found = json.loads(forewarn("evidence", order, "--as-of", NEXT_DAY, "--json"))
    assert {(one["what"], one["who"]) for one in found["refunded"]} == {(f"{DAY} by card", "ben")}
    assert {line["state"] for line in found["lines"]} == {"closed"}
    assert "The money went back." in forewarn("explain", order, "--as-of", NEXT_DAY)


def test_the_evidence_page_is_written_for_its_owner_alone(lived):
    (order, *_) = [
        duty["order"] for duty in json.loads(forewarn("promise-clock", "run", "--as-of", NEXT_DAY, "--json"))["duties"]
    ]
    said = forewarn("evidence", order, "--as-of", NEXT_DAY, "--html", "order.html")
    assert "it names the customer" in said
    assert f"<h1>Order {order}" in (lived / "order.html").read_text()
    assert (lived / "order.html").stat().st_mode & 0o777 == 0o600
    assert "Line 1" in forewarn("evidence", order, "--as-of", NEXT_DAY)
