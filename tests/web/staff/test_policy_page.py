"""The policy on the desk: a changed number shows what the next run does, is saved with its author, and can go back."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from app.composition import open_app
from cli.demo_site import demo_service
from flows.late_orders import run_late_orders
from models.enums import State
from models.policy.policy import Policy
from models.versions import VersionState
from sources.sample import write_sample
from tasks.db.counters import get_counter
from tasks.db.sql import read_only
from tasks.policy.document import change_policy, policy_data
from tasks.staff.audit import entries
from tasks.tables import NOTICES, OUTBOX
from tasks.versions.history import versions
from tests.support.at_once import run_at_once
from tests.support.desk import desk_client, forms_of
from tests.support.web_client import Page
from web.live_service import LiveService
from web.service import build_service
from web.staff.policy.changes import changes_between
from web.staff.policy.reading import fields_of, value_at
from web.staff.policy.sentences import CHAPTERS, DAYS_LATE, OPERATORS_OWN, SENTENCES, TRIAL

POLICY = "/desk/policy"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Return the folder of a shop in which the run of today is over."""
    for name in ("FOREWARN_DATABASE_URL", "PREFECT_API_URL", "FOREWARN_SHOP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    # Without a schedule the next run is now: not tomorrow, where a test is run before midnight.
    (tmp_path / "prefect.yaml").write_text("deployments: []\n")
    monkeypatch.setenv("FOREWARN_HOME", str(tmp_path))
    write_sample(tmp_path / "shop", orders=150, seed=7, as_of=datetime.now(UTC).date())
    run(tmp_path / "shop", import_first=True)
    return tmp_path / "shop"


def run(folder, **options):
    """Do what the schedule does: open the shop with the policy that it has now, and run."""
    with open_app(folder) as app:
        return run_at_once(run_late_orders(app, None, **options))


class Desk:
    """The desk of a shop's folder, and a marketer at it."""

    def __init__(self, app, served=None):
        self.app = app
        self.served = served or LiveService(app, lambda live: build_service(live, lambda: datetime.now(UTC)))
        self.mara = self.person("Mara")

    def person(self, name, role="marketing"):
        return desk_client(self.app.context, role, now=lambda: datetime.now(UTC), name=name, app=self.served)

    def see(self, changes, who=None) -> Page:
        """Change numbers of the form, and look at what that does."""
        return (who or self.mara).post(POLICY, changes)

    def save(self, page, why="", who=None) -> Page:
        (form,) = [
            one for one in forms_of(page) if "/save" in one.action or "/approve" in one.action or "/use" in one.action
        ]
        return (who or self.mara).send(form, {"why": why})

    def versions(self):
        with read_only(self.app.context.engine) as connection:
            return versions(connection, "policy", "policy")

    @property
    def text(self):
        return (self.app.folder.path / "policy.toml").read_text()


@pytest.fixture
def desk(shop):
    with open_app(shop) as app:
        yield Desk(app)


KINDS = {
    "an earlier threshold": {"bucket.1.from_days": "2"},
    "other channels": {"bucket.0.notify": ["yes"], "bucket.0.channels": ["email", "sms"]},
    "an offer for more": {"bucket.0.notify": ["yes"], "bucket.0.remedies": ["future_discount"]},
    "a budget that is too small": {
        "bucket.0.notify": ["yes"],
        "bucket.0.remedies": ["future_discount"],
        "budget.per_run": "EUR 25",
        "guardrails.max_discount_multiple": "0",
    },
    "a limit that is exceeded": {
        "bucket.0.notify": ["yes"],
        "guardrails.min_orders": "1",
        "guardrails.max_late_share": "0.5",
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_run_does_what_the_page_said(desk, kind):
    seen = desk.see(KINDS[kind])
    assert seen.status == 200, seen.text
    figures = read_figures(seen)
    assert figures != read_figures(seen, column=1), "the change shows"
    before = spent(desk.app)
    assert desk.save(seen, "a trial").status == 303

    report = run(desk.app.folder.path)

    assert figures["Orders whose customer is told"] == str(orders_told(desk.app))
    mails_and_texts = f"{report.notices.get('email', 0)} / {report.notices.get('sms', 0)}"
    assert figures["Messages: mails / texts"] == mails_and_texts
    assert figures["Discounts, at most"] == euros(spent(desk.app) - before)
    assert figures["Would the run wait for a person?"] == ("yes" if report.held else "no")
    for said in report.held.values():
        assert said[1:] in seen.text


def read_figures(page, column=2):
    """Return a column of the table by the row's name."""
    rows = page.html.split('class="stacks effect"')[1].split("</table>")[0].split("<tr>")[2:]
    cells = [[cell.split(">", 1)[1].split("<")[0] for cell in row.replace("</th>", "").split("<t")[1:]] for row in rows]
    return {row[0]: row[column] for row in cells}


def spent(app):
    with read_only(app.context.engine) as connection:
        return Decimal(get_counter(connection, f"offered:{app.context.as_of:%Y-%m}:EUR")) / 10_000


def euros(amount):
    return f"{amount:,.2f}".removesuffix(".00") + "\N{NO-BREAK SPACE}EUR"


def orders_told(app):
    """Return the orders of the last run whose customer gets a message."""
    last = select(NOTICES.c.run_id).order_by(NOTICES.c.created_at.desc()).limit(1).scalar_subquery()
    query = select(func.count(NOTICES.c.order_id.distinct())).join(OUTBOX, OUTBOX.c.id == NOTICES.c.id)
    with read_only(app.context.engine) as connection:
        return connection.execute(query.where(NOTICES.c.run_id == last, OUTBOX.c.state != State.SKIPPED)).scalar()


def test_looking_writes_nothing_and_saving_keeps_comments_and_defaults(desk):
    before = desk.text
    seen = desk.see({"contact.minimum_gap_days": "4", "posts.days": "6"})
    assert "Leave at least … days between two messages about one order 2 4" in seen.text
    assert (desk.text, desk.versions()) == (before, [])

    done = desk.save(seen, "fewer mails")

    assert "You saved version 2 of the policy." in desk.mara.follow(done).text
    after = desk.text
    assert after == change_policy(before, {"contact.minimum_gap_days": 4, "posts.days": 6})
    lost = set(before.splitlines()) - set(after.splitlines())
    assert lost == {"minimum_gap_days = 2"}
    (entry,) = [one for one in entries_of(desk) if one.kind == "policy_saved"]
    assert (entry.why, entry.after["version"]) == ("fewer mails", 2)
    assert [(one.number, one.author, one.state) for one in desk.versions()] == [
        (2, desk.mara.person.name, VersionState.IN_USE),
        (1, "files", VersionState.REPLACED),
    ]
    listed = desk.mara.get(f"{POLICY}/versions").text
    assert "as found in the shop's folder when the desk first looked" in listed
    assert "changed in the shop's folder" not in listed
    form = desk.mara.form(POLICY)
    assert form.fields["contact.minimum_gap_days"] == ["4"], "a running server has the new number"


@pytest.mark.parametrize("is_demo", [False, True], ids=["serve", "demo"])
def test_every_page_of_a_running_server_names_the_days_late_of_the_saved_policy(shop, is_demo):
    with open_app(shop, follows_words=True) as app:
        desk = Desk(app, demo_service(app, "http://127.0.0.1:8080") if is_demo else None)
        paths = (POLICY, "/desk/templates", "/desk/templates/week", "/desk/orders", "/desk/orders?late=short")
        paths += ("/desk/numbers", "/desk/results", "/desk", "/desk/queue", "/desk/runs")
        assert "4 to 7 days late" in "".join(desk.mara.get(path).text for path in paths)
        desk.save(desk.see({"bucket.1.from_days": "3"}))

        answers = {path: desk.mara.get(path) for path in paths}

    assert {answer.status for answer in answers.values()} == {200}
    pages = {path: answer.text for path, answer in answers.items()}
    for path, text in pages.items():
        for earlier in ("4 to 7 days late", "1 to 3 days late", "from 4 days on"):
            assert earlier not in text, path
    for path in (POLICY, "/desk/templates", "/desk/orders"):
        assert "3 to 7 days late" in pages[path], path
    assert "1 to 2 days late (nobody is told)" in pages["/desk/templates"]
    assert "from 3 days on" in pages["/desk/orders?late=short"]


def entries_of(desk):
    with read_only(desk.app.context.engine) as connection:
        return entries(connection)


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_is_kept(desk):
    wrong = {
        "guardrails.max_late_share": "140",
        "contact.slip_days": "soon",
        "shipping_discount.amount": "EUR 5",
        "bucket.2.from_days": "4",
        "budget.per_run": "EUR 9000",
    }
    seen = desk.see(wrong)
    assert seen.status == 422
    for text in (
        "Enter 100 or less.",
        "Enter a whole number.",
        "fill in one, and empty the other",
        "Two rows begin at 4 days late",
    ):
        assert text in seen.text
    assert "ucket" not in seen.text
    (form,) = [one for one in forms_of(seen) if one.action == POLICY]
    for name, text in wrong.items():
        assert form.fields[name] == [text]
    across = desk.see({"budget.per_run": "EUR 9000"})
    assert "One run may cost more EUR than a whole month" in across.text


def test_an_earlier_version_is_compared_used_again_and_an_act_undone(desk):
    desk.save(desk.see({"bucket.1.from_days": "3"}))
    compared = desk.mara.get(f"{POLICY}/versions/1..2").text
    assert "Write to customers from this many days late on 4 3" in compared

    first = desk.mara.post(f"{POLICY}/versions/1", {})
    assert "Use version 1 again, as version 3" in first.text
    desk.save(first)
    assert "from_days = 4" in desk.text
    (last, *_) = entries_of(desk)
    desk.mara.post(f"/desk/log/{last.id}/undo", {})
    assert "from_days = 3" in desk.text
    assert [one.number for one in desk.versions()] == [4, 3, 2, 1]


def test_a_second_person_approves_where_the_policy_asks_for_it(desk):
    with (desk.app.folder.path / "policy.toml").open("a") as policy:
        policy.write("\n[approval]\npolicy = true\n")
    asked = desk.save(desk.see({"contact.minimum_gap_days": "5"}))
    assert "You asked for approval of version 2" in desk.mara.follow(asked).text
    assert "minimum_gap_days = 2" in desk.text
    own = desk.mara.post(f"{POLICY}/versions/2", {})
    assert "a second person approves it" in own.text
    assert not [one for one in forms_of(own) if one.action.endswith("/approve")]

    jan = desk.person("Jan")
    desk.save(jan.post(f"{POLICY}/versions/2", {}), who=jan)

    assert "minimum_gap_days = 5" in desk.text
    assert "approved by Jan" in desk.mara.get(f"{POLICY}/versions").text


def test_a_form_that_was_opened_before_another_change_does_not_change_it_back(desk):
    jan = desk.person("Jan")
    form = desk.mara.form(POLICY)
    desk.save(desk.see({"posts.days": "7"}, jan), who=jan)
    answer = desk.mara.send(form, {"posts.orders": "9"})
    assert answer.status == 409
    assert "The policy was changed meanwhile, by Jan." in answer.text


def test_a_marketer_lets_a_second_person_approve_and_needs_one_to_switch_it_off(desk):
    on = {"posts.second_person": "yes", "approval.words": "yes", "approval.policy": "yes"}
    seen = desk.see(on)
    assert "A second person approves this policy no yes" in seen.text
    desk.save(seen)
    policy = Policy.model_validate(policy_data(desk.text))
    assert (policy.posts.second_person, policy.approval.words, policy.approval.policy) == (True, True, True)

    asked = desk.save(desk.see(dict.fromkeys(on, "no")))

    assert "You asked for approval of version 3" in desk.mara.follow(asked).text
    assert Policy.model_validate(policy_data(desk.text)) == policy, "nobody switches it off alone"
    jan = desk.person("Jan")
    desk.save(jan.post(f"{POLICY}/versions/3", {}), who=jan)
    assert not Policy.model_validate(policy_data(desk.text)).approval.policy


def test_a_changed_meaning_of_late_is_learnt_by_the_next_run_and_the_page_says_so(desk):
    seen = desk.see({"warning.late_days": "6"})
    assert "the next run first learns how many end so late" in seen.text
    assert "0 / 0 / 0" in seen.text


def test_a_forbidden_word_is_added_and_counts(desk):
    typed = "Acme, cheap; de: billig*"
    assert desk.save(desk.see({"words.forbidden": typed}), "the rival").status == 303
    policy = Policy.model_validate(policy_data(desk.text))
    assert policy.words.forbidden == {"any": ("Acme", "cheap"), "de": ("billig*",)}
    assert desk.mara.form(POLICY).fields["words.forbidden"] == [typed]
    wrong = desk.see({"words.forbidden": "de: ; x: y: z"})
    assert "Enter words with commas between them" in wrong.text
    assert desk.save(desk.see({"words.forbidden": ""}), "again").status == 303
    assert Policy.model_validate(policy_data(desk.text)).words.forbidden == {}


def test_words_with_commas_and_long_lists_stay_as_they_are(desk):
    words = ("Sorry, but", "re: your order", '15" lamp', *(f"forbidden-word-{n}" for n in range(200)))
    (desk.app.folder.path / "policy.toml").write_text(
        change_policy(desk.text, {"words.forbidden": {"any": list(words)}})
    )
    assert desk.save(desk.see({"warning.likely": "41"}), "other").status == 303
    assert Policy.model_validate(policy_data(desk.text)).words.forbidden == {"any": words}
    (typed,) = desk.mara.form(POLICY).fields["words.forbidden"]
    assert typed.startswith('"Sorry, but", "re: your order", "15"" lamp", forbidden-word-0')
    assert desk.save(desk.see({"words.forbidden": f"{typed}, last"}), "one more").status == 303
    assert Policy.model_validate(policy_data(desk.text)).words.forbidden == {"any": (*words, "last")}
    assert "Close each quotation mark." in desk.see({"words.forbidden": 'a, "b'}).text


def test_a_change_of_days_is_said_with_what_they_are_today(desk):
    seen = desk.see({"bucket.1.from_days": "2"})
    assert re.search(r"\d more: 2 to 7 days late \(today: 4 to 7 days late\)", seen.text)


def test_the_cost_of_messages_is_shown_or_said_to_be_unknown(desk):
    without = desk.see({"bucket.1.from_days": "3"})
    assert "No price of a mail or a text is set, so their cost is not shown." in without.text
    assert 'href="/desk/policy#costs.email"' in without.html
    assert 'id="costs.email"' in desk.mara.get(POLICY).html
    priced = desk.see({"costs.email": "EUR 1", "costs.sms": "EUR 1"})
    assert "No price" not in priced.text
    mails, texts = read_figures(priced)["Messages: mails / texts"].split(" / ")
    assert read_figures(priced)["Cost of these messages"] == euros(int(mails) + int(texts))
    assert read_figures(priced, column=1)["Cost of these messages"] == euros(0)


def test_the_form_is_sent_from_each_chapter_and_a_row_is_removed_apart_from_its_values(desk):
    html = desk.mara.get(POLICY).html
    for chapter in html.split("<h2>")[1:]:
        assert ">See what changes</button>" in chapter, chapter.partition("<")[0]
    rows = html.split('<fieldset class="late-row')[1:]
    assert rows[0].index('.message"') < rows[0].index('class="box removal"')


def test_somebody_who_was_faster_is_named(desk):
    jan = desk.person("Jan")
    late, soon = desk.see({"posts.days": "6"}), desk.see({"posts.days": "7"}, jan)
    desk.save(soon, who=jan)
    answer = desk.save(late)
    assert answer.status == 409
    assert "version 2 was saved meanwhile, by Jan" in answer.text.replace("Version", "version")


def test_a_folder_in_git_is_read_only_and_says_so(desk):
    (desk.app.folder.path / ".git").mkdir()
    assert "kept in git" in desk.mara.get(POLICY).text
    seen = desk.see({"contact.minimum_gap_days": "4"})
    assert "+minimum_gap_days = 4" in seen.text
    assert not [one for one in forms_of(seen) if one.action.endswith("/save")]


def test_each_number_of_the_policy_has_a_sentence_or_is_the_operators():
    leaves = [
        f"{section}.{key}".rstrip(".")
        for section, field in Policy.model_fields.items()
        for key in getattr(type(field.default), "model_fields", [""])
    ]
    for path in leaves:
        own = path in OPERATORS_OWN or path.partition(".")[0] in OPERATORS_OWN
        assert (path in SENTENCES or path in (DAYS_LATE, TRIAL)) != own, path
    assert set(OPERATORS_OWN) <= {*leaves, *Policy.model_fields}
    texts = [sentence.text for chapter in CHAPTERS for sentence in chapter.sentences]
    assert len(set(texts)) == len(texts)
    for sentence in SENTENCES.values():
        assert sentence.text.count("[]") == len(sentence.kind.fields), sentence.path


def plain(value):
    """Return a value without the difference between 0.3 as a fraction and as a decimal, or a list and a tuple."""
    if isinstance(value, Decimal | float):
        return round(float(value), 9)
    return list(value) if isinstance(value, list | tuple) else value


def test_a_form_that_nobody_changed_changes_nothing():
    policy = Policy()
    fields = fields_of(policy)
    for sentence in SENTENCES.values():
        typed = [fields[f"{sentence.path}{ending}"][0] for ending in sentence.kind.fields]
        value = value_at(policy, sentence.path)
        read = sentence.kind.read(typed) if any(typed) else sentence.kind.empty
        assert list(sentence.kind.show(value)) == typed
        if sentence.path != "contact.quiet":
            assert plain(read) == plain(value), sentence.path
    assert changes_between(policy, policy) == []


def test_a_marketer_starts_a_trial_of_wordings(desk):
    trial = {
        "experiment.0.name": "shorter subject",
        "experiment.0.message": "week",
        "experiment.0.begins": "2030-03-01",
        "experiment.0.ends": "2030-02-01",
    }
    refused = desk.see(trial)
    assert "The last day is before the first one." in refused.text
    seen = desk.see(trial | {"experiment.0.ends": "2030-04-01", "experiment.0.share": "30"})
    assert "The trial “shorter subject”" in seen.text
    assert desk.save(seen).status == 303
    (begun,) = Policy.model_validate(policy_data(desk.text)).experiment
    assert (begun.message, begun.wording, begun.share, begun.outcome) == ("week", "week_b", 0.3, "waited")
    page = desk.mara.get(POLICY)
    assert 'value="shorter subject"' in page.html
    kept = desk.see({"contact.minimum_gap_days": "4"})
    assert "shorter subject" not in kept.text, "an unchanged trial is no change"
