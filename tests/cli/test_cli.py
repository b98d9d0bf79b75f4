"""The commands, as a shop's script calls them."""

import csv
import json
from datetime import date

import pytest
from sqlalchemy import text

from app.health.doctor import examine
from sources.sample import write_sample
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tests.support.commands import run_command

DAY = "2026-06-15"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a sample shop in which one day was day_report by the command."""
    folder = tmp_path_factory.mktemp("cli")
    write_sample(folder / "shop", orders=400, seed=7, as_of=date.fromisoformat(DAY))
    return folder


def forewarn(place, *arguments, ok=True, **environment):
    done = run_command(place, *arguments, **environment)
    assert (done.returncode == 0) is ok, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def day_report(place):
    return json.loads(forewarn(place, "run", "--import", "--as-of", DAY, "--json").stdout)


def test_one_run_tells_every_late_customer_and_says_so_in_one_object(day_report):
    assert day_report["as_of"] == DAY
    assert day_report["imported"]["orders"]["inserted"] == 400
    assert set(day_report["late"]) == {"short", "week", "fortnight", "long"}
    assert day_report["open"] > sum(day_report["late"].values())
    assert day_report["changes"] == {name: n for name, n in day_report["late"].items() if name != "short"}
    assert sum(day_report["sent"].values()) + day_report["waiting"] == sum(day_report["notices"].values())
    assert {"opted_out", "bad_address", "no_address"} <= set(day_report["skipped"])
    assert (day_report["in_doubt"], day_report["problems"]) == (0, [])


def test_the_second_run_changes_and_owes_nothing(place, day_report):
    again = json.loads(forewarn(place, "run", "--import", "--as-of", DAY, "--json").stdout)
    assert all(counts["unchanged"] == counts["read"] for counts in again["imported"].values())
    assert (again["late"], again["open"]) == (day_report["late"], day_report["open"])
    assert (again["changes"], again["notices"], again["sent"]) == ({}, {}, {})


def test_an_import_says_when_nothing_changed(place, day_report):
    assert "400 rows: nothing changed" in forewarn(place, "import", "--as-of", DAY).stdout


def test_a_dry_run_says_what_would_be_told_and_writes_nothing(tmp_path):
    write_sample(tmp_path / "shop", orders=100, seed=7, as_of=date.fromisoformat(DAY))
    forewarn(tmp_path, "import", "--as-of", DAY)
    looks = [
        forewarn(tmp_path, "run", "--dry-run", "--as-of", DAY, "--json", PREFECT_API_URL=server)
        for server in ("", "http://127.0.0.1:9/api")
    ]
    dry = [json.loads(look.stdout) for look in looks]
    assert dry[0] == dry[1], "a server is not asked, and need not answer"
    assert [look.stderr for look in looks] == ["", ""]
    assert not (tmp_path / "var" / "lantern-loom" / "outbox").exists()
    wet = json.loads(forewarn(tmp_path, "run", "--as-of", DAY, "--json").stdout)
    same = ("open", "late", "changes", "notices", "offers")
    assert {name: dry[0][name] for name in same} == {name: wet[name] for name in same}


def test_a_past_day_can_be_seen_and_not_told(place, day_report):
    refused = forewarn(place, "run", "--as-of", "2026-06-12", ok=False)
    assert "--dry-run" in refused.stderr
    seen = json.loads(forewarn(place, "run", "--as-of", "2026-06-12", "--dry-run", "--json").stdout)
    assert sum(seen["changes"].values()) > 0


def test_explain_tells_the_whole_story_of_an_order(place, day_report):
    story = json.loads(forewarn(place, "explain", "1041", "--as-of", DAY, "--json").stdout)
    assert (story["bucket"], story["order"]) == ("long", "1041")
    assert [notice["revision"] for notice in story["told"]] == [1] * len(story["told"])
    in_a_trial = "the customer was told in a trial only: `forewarn go-live` tells them"
    assert story["now"] == {"message": None, "why": in_a_trial}
    told = forewarn(place, "explain", "1041", "--as-of", DAY).stdout
    assert "Told so far, as of now" in told
    assert f"Nothing would be sent: {in_a_trial}" in told
    assert "@example" in told
    assert story["customer"]["email"].startswith("n…@")


def test_status_and_doctor_say_where_everything_stands(place, day_report):
    status = json.loads(forewarn(place, "status", "--json").stdout)
    assert status["orders"]["fortnight"] == day_report["late"]["fortnight"]
    assert status["notices"]["sent in a trial"] == sum(day_report["sent"].values())
    checks = json.loads(forewarn(place, "doctor", "--json").stdout)["checks"]
    assert not any(check["bad"] for check in checks)
    assert {"database", "migrations", "clocks", "templates", "policy", "outbox"} <= {check["what"] for check in checks}


@pytest.mark.parametrize("command", ["offers export", "offers handling-dates", "preview --into"])
def test_a_place_that_cannot_be_written_is_named_in_a_sentence(place, day_report, command):
    (place / "a file").touch()
    refused = forewarn(place, *command.split(), str(place / "a file" / "x.csv"), ok=False)
    assert refused.stderr == f"forewarn: {place}/a file/x.csv: Not a directory\n"


def test_doctor_calls_a_ledger_of_a_newer_forewarn_wrong(place, tmp_path, monkeypatch):
    engine = connect(url := f"sqlite:///{tmp_path / 'newer.db'}")
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    monkeypatch.setenv("FOREWARN_DATABASE_URL", url)
    check = {one.what: one for one in examine(place / "shop")}["migrations"]
    assert (check.mark, check.remedy) == ("wrong", "install the newer Forewarn, which knows it")


def test_offers_are_exported_for_the_shop_system(place, day_report):
    said = forewarn(place, "offers", "export", "[red]offers.csv")
    with (place / "[red]offers.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert said.stdout == f"{len(rows)} offers in [red]offers.csv\n"
    kinds = {row["kind"] for row in rows}
    assert kinds <= {"substitute", "shipping_discount", "future_discount"}
    codes = [row["code"] for row in rows if row["code"]]
    assert len(codes) == len(set(codes))
    assert sum(day_report["offers"].values()) <= len(rows)


def test_short_delays_are_exported_as_handling_dates(place, day_report):
    forewarn(place, "offers", "handling-dates", "dates.csv", "--as-of", DAY)
    with (place / "dates.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len({row["order"] for row in rows}) == day_report["late"]["short"]
    assert all(1 <= int(row["days_late"]) <= 3 for row in rows)


def test_a_day_that_has_not_come_cannot_be_told(place, day_report):
    assert "is in the future" in forewarn(place, "run", "--as-of", "2999-01-01", ok=False).stderr


def test_a_suppressed_address_is_masked_and_kept(place, day_report):
    said = forewarn(place, "suppress", "someone@example.com", "--who", "mara").stdout
    assert "s…@example.com" in said
    assert "someone@" not in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("explain", "no-such-order"), "no order 'no-such-order' is known here"),
        (("run", "--shop", "nowhere"), "it has no shop.toml"),
        (("run", "--as-of", "28.11.2026"), "'28.11.2026' is not a date; write year, month and day, such as 2026-11-28"),
        (("posts", "approve", "ffff"), "none of the posts that `forewarn posts list` shows begins with 'ffff'"),
    ],
)
def test_a_mistake_is_one_sentence_and_a_non_zero_exit(place, day_report, arguments, said):
    done = forewarn(place, *arguments, ok=False)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_preview_writes_a_page_to_open(place, day_report):
    assert "index.html" in forewarn(place, "preview", "--into", "gallery").stdout
    assert "late_again" in (place / "gallery" / "index.html").read_text()
    forewarn(place, "preview", "--order", "1041", "--as-of", DAY, "--into", "one")
    assert "1041" in (place / "one" / "index.html").read_text()


def test_a_template_with_an_unknown_name_fails_the_check_with_file_and_line(place, day_report):
    own = place / "shop" / "templates" / "week"
    own.mkdir(parents=True)
    (own / "sms.en.txt").write_text("Order {{ order.id }}\n{{ order.promissed }}\n")
    try:
        done = forewarn(place, "templates", "check", ok=False)
    finally:
        (own / "sms.en.txt").unlink()
        own.rmdir()
        own.parent.rmdir()
    assert "sms.en.txt" in done.stdout
    assert "2" in done.stdout
    assert "promissed" in done.stdout


def test_one_message_is_checked_alone_and_an_unknown_one_is_a_sentence(place, day_report):
    assert "week renders." in forewarn(place, "templates", "check", "week", "--language", "en").stdout
    assert "did you mean 'week'" in forewarn(place, "templates", "check", "weak", ok=False).stderr
    said = forewarn(place, "templates", "check", "--language", "it", ok=False).stderr
    assert "available languages: en, pt_BR, de, es, fr" in said


def test_a_shop_whose_language_has_no_words_is_told_before_it_writes_to_anybody(tmp_path):
    write_sample(tmp_path / "shop", orders=50, seed=7, as_of=date.fromisoformat(DAY))
    toml = tmp_path / "shop" / "shop.toml"
    toml.write_text(toml.read_text().replace('locale = "en"', 'locale = "it"'))
    said = "locale 'it' has no templates: add short/subject.it.txt"
    assert said in forewarn(tmp_path, "shop", "check", "--as-of", DAY, ok=False).stdout.replace("\n", " ")
    forewarn(tmp_path, "import", "--as-of", DAY)
    assert said in forewarn(tmp_path, "run", "--dry-run", "--as-of", DAY, ok=False).stderr
    doctor = json.loads(forewarn(tmp_path, "doctor", "--json", ok=False).stdout)
    assert any(said in check["found"] for check in doctor["checks"]) if "checks" in doctor else said in str(doctor)


def test_after_a_plain_import_any_day_can_be_lived(tmp_path):
    write_sample(tmp_path / "shop", orders=100, seed=7, as_of=date.fromisoformat(DAY))
    forewarn(tmp_path, "import")
    days = [json.loads(forewarn(tmp_path, "run", "--as-of", day, "--json").stdout) for day in ("2026-06-02", DAY)]
    dry = json.loads(forewarn(tmp_path, "run", "--as-of", "2026-06-02", "--dry-run", "--json").stdout)
    assert (days[0]["open"], days[0]["late"]) == (dry["open"], dry["late"])
    assert days[1]["open"] != days[0]["open"] > 0


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_an_import_that_accepts_no_row_of_a_table_fails_in_a_sentence(tmp_path, how):
    forewarn(tmp_path, "shop", "init", "mine")
    file = tmp_path / "mine" / "data" / "orders.csv"
    head, *rows = file.read_text().splitlines()
    file.write_text("\n".join([head, *(row.replace("2026-", "tomorrow ").replace("2025-", "") for row in rows)]) + "\n")
    failed = forewarn(tmp_path, "import", "--shop", "mine", *how, ok=False)
    new_ledger, sentence = failed.stderr.splitlines()
    assert new_ledger.startswith("Created a new ledger")
    assert sentence.startswith("forewarn: every row of orders, lines was rejected; ")
    if how:
        assert json.loads(failed.stdout)["imported"]["orders"]["rejected"] == len(rows)


def test_a_new_shop_can_be_started_checked_and_run(tmp_path):
    forewarn(tmp_path, "shop", "init", "mine")
    forewarn(tmp_path, "shop", "check", "--shop", "mine")
    forewarn(tmp_path, "templates", "check", "--shop", "mine")
    report = json.loads(forewarn(tmp_path, "run", "--import", "--shop", "mine", "--json").stdout)
    assert report["changes"]["fortnight"] == 1  # its rows are of the last days, whenever that is
    listed = forewarn(tmp_path, "runs", "list", "--shop", "mine").stdout.splitlines()
    assert [line.split()[:2] for line in listed if "late-orders" in line] == [[report["run"][:8], "late-orders"]]
    refused = forewarn(tmp_path, "shop", "init", "mine", ok=False)
    assert refused.stderr.count("\n") == 1
