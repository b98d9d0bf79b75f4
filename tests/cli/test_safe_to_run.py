"""What an operator may rely on: private files, true totals, ids that mean one thing, and sentences for full disks."""

import json
import os
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from models.enums import PostState, State
from models.errors import ForewarnError
from sources.sample import write_sample
from tasks.db.sql import read_only
from tasks.guardrails.release import ReviewDecision, release_or_drop_run
from tasks.notices.suppressions import customers_with, list_suppressions, suppress, unsuppress
from tasks.posts.review import review_post
from tasks.purchasing.review import drop_request
from tests.support.builders import day
from tests.support.commands import run_command
from tests.support.shop_driver import SMALL_SHOP_POLICY, customer, noon, place_orders

DAY = "2026-06-15"
FOREWARN = Path(sys.executable).with_name("forewarn")


def forewarn(place, *arguments, code=0, **environment):
    done = run_command(place, *arguments, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("safe")
    write_sample(folder / "shop", orders=60, seed=7, as_of=date.fromisoformat(DAY))
    return folder


@pytest.fixture(scope="module")
def limited(place):
    return json.loads(forewarn(place, "run", "--import", "--as-of", DAY, "--limit", "2", "--json").stdout)


def test_a_limit_changes_no_total(place, limited):
    whole = json.loads(forewarn(place, "run", "--dry-run", "--as-of", DAY, "--json").stdout)
    assert sum(limited["changes"].values()) == 2
    assert (limited["open"], limited["late"]) == (whole["open"], whole["late"])
    assert limited["limited"] > 0
    status = json.loads(forewarn(place, "status", "--json").stdout)
    assert sum(status["orders"].values()) == limited["open"]
    rest = json.loads(forewarn(place, "run", "--as-of", DAY, "--json").stdout)
    assert sum(rest["changes"].values()) == limited["limited"]


def test_what_a_run_leaves_is_its_owners_alone(place, limited):
    state = next((place / "var").iterdir())
    kept = [path for path in (state, *state.rglob("*")) if "-run-" not in path.name]
    assert {path.suffix for path in kept} >= {".db", ".eml", ".json", ".html"}
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in kept}
    assert {modes[path] for path in kept if path.is_dir()} == {0o700}
    assert {modes[path] for path in kept if path.is_file()} == {0o600}
    assert limited["rejects"] is None or Path(limited["rejects"]) in modes


def test_a_state_folder_that_was_open_to_all_is_closed(place, limited):
    state = next((place / "var").iterdir())
    state.chmod(0o755)
    (state / "forewarn.db").chmod(0o644)
    forewarn(place, "status")
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "forewarn.db").stat().st_mode) == 0o600
    assert limited


def test_the_version_is_told():
    done = subprocess.run([FOREWARN, "--version"], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - our own command
    assert done.stdout.startswith("forewarn 0.")


@pytest.fixture
def held_post(driver):
    from models.enums import PostKind
    from models.orders import ProductFacts
    from models.posts import ProductStock
    from tasks.posts.compose import save_posts

    product = ProductFacts("p1", "Lamp", "lamps")
    save_posts(driver.context.with_run("r", day(0), noon(0)), [ProductStock(product, PostKind.LOW, 3)])
    (row,) = driver.posts
    return row


@pytest.mark.parametrize("beginning", ["", "a", "abc"])
def test_too_short_a_beginning_of_an_id_means_nothing_anywhere(driver, held_post, beginning):
    assert held_post["state"] == PostState.WAITS
    for decide in (
        lambda: review_post(driver.context.with_run("r", day(0), noon(0)), beginning, State.QUEUED, "mara"),
        lambda: release_or_drop_run(
            driver.context.with_run("r", day(0), noon(0)), beginning, ReviewDecision.RELEASE, "mara"
        ),
        lambda: drop_request(driver.context.with_run("r", day(0), noon(0)), beginning, "mara"),
    ):
        with pytest.raises(ForewarnError, match="too short"):
            decide()
    assert [row["state"] for row in driver.posts] == [PostState.WAITS]


def test_a_run_that_somebody_decided_on_says_who_and_when(with_policy):
    driver = with_policy(SMALL_SHOP_POLICY)
    place_orders(driver, late=4)
    driver.evaluate()
    (run,) = [row["run_id"] for row in driver.notices][:1]
    release_or_drop_run(driver.context.with_run("r", day(0), noon(0)), run[:8], ReviewDecision.DROP, "mara")
    with pytest.raises(ForewarnError, match=rf"mara dropped run {run[:8]} on 2026-06-15 at 10:00 UTC already"):
        release_or_drop_run(driver.context.with_run("r", day(0), noon(0)), run[:8], ReviewDecision.RELEASE, "otto")


def test_a_suppression_says_who_has_the_address_and_comes_off_again(driver):
    driver.order(customer=customer("c7", email="Mia@Example.com", phone="0151 123456-78", country="DE"))
    with driver.context.engine.begin() as connection:
        suppress(connection, {"mia@example.com": "asked"}, noon(0), "mara")
        assert customers_with(connection, "mia@example.com", "DE") == ["c7"]
        assert customers_with(connection, "+4915112345678", "DE") == ["c7"]
        assert customers_with(connection, "other@example.com", "DE") == []
        assert customers_with(connection, "+4915112345679", "DE") == []
        unsuppress(connection, "mia@example.com", noon(1), "mara", "asked again")
        with pytest.raises(ForewarnError, match="not on the list"):
            unsuppress(connection, "mia@example.com", noon(1), "mara", "")
    with read_only(driver.context.engine) as connection:
        assert list_suppressions(connection) == []


def test_staff_see_add_and_undo_suppressions_by_the_command(place, limited):
    added = forewarn(place, "suppress", "nobody.here@example.com", "--who", "mara").stdout
    assert "No customer here has it" in added
    listed = json.loads(forewarn(place, "suppressions", "list", "--json").stdout)["suppressions"]
    assert [(one["address"], one["who"]) for one in listed] == [("n…@example.com", "mara")]
    assert "may be written to again" in forewarn(place, "suppressions", "remove", "nobody.here@example.com").stdout
    assert json.loads(forewarn(place, "suppressions", "list", "--json").stdout) == {"suppressions": []}
    assert limited


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_at_the_outbox_is_a_sentence_and_loses_nothing(tmp_path):
    write_sample(tmp_path / "shop", orders=600, seed=7, as_of=date.fromisoformat(DAY))
    small = tmp_path / "outbox"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small)], check=True)  # noqa: S603, S607
    try:
        done = forewarn(tmp_path, "run", "--import", "--as-of", DAY, "--json", FOREWARN_OUTBOX_DIR=str(small))
        report = json.loads(done.stdout)
        ((why, later),) = report["retrying"].items()
        assert why == f"the outbox {small} cannot be written: No space left on device"
        # Some may have left while there was room; texts may wait for their hours besides.
        assert 0 < later <= report["waiting"]
        assert report["waiting"] + sum(report["sent"].values()) == sum(report["notices"].values())
        assert report["in_doubt"] == 0
        assert not list(small.rglob(".*.part"))
    finally:
        subprocess.run(["umount", str(small)], check=True)  # noqa: S603, S607
