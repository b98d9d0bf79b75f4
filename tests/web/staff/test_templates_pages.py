"""The editor of templates: checked before it is saved, shown, tested on oneself, approved by a second person."""

import re
from dataclasses import replace
from datetime import date

import pytest

from app.shop_edits import ShopEdits
from models.experiments import Outcome
from models.policy.experiments import ExperimentPolicy
from models.policy.policy import Policy
from models.policy.words import ApprovalPolicy, WordPolicy
from tasks.staff.audit import entries
from tasks.versions.history import versions
from tests.support.desk import desk_app, desk_client
from tests.support.ledgers import sqlite_ledger
from tests.support.shop_driver import noon, open_context
from web.staff.desk import Services
from web.staff.template_trial import MAX_TESTS

WEEK, EDITOR = "/desk/templates/week", "/desk/templates/week?lang=en&as=code"
SUBJECT = "templates/week/subject.en.txt"


class Marketing:
    """A shop's folder, and two people of marketing."""

    def __init__(self, tmp_path, *, needs_second=False, edits=None, trials=()):
        self.folder = tmp_path / "shop"
        self.folder.mkdir()
        policy = Policy(approval=ApprovalPolicy(words=needs_second), experiment=trials)
        self.context = replace(open_context(sqlite_ledger(tmp_path / "ledger.db")), policy=policy)
        self.sent = []
        self.services = Services(edits=edits or ShopEdits(self.folder), send_mail=self.sent.append)
        app = desk_app(self.context, noon(0), self.services)
        self.mara, self.jan = (
            desk_client(self.context, "marketing", now=noon(0), app=app, name=name) for name in ("Mara", "Jan")
        )
        self.reader = desk_client(self.context, "read", now=noon(0), app=app)

    def save(self, subject, *, client=None, **more):
        client = client or self.mara
        form = client.form(EDITOR)
        return client.send(form, {"subject_txt": subject, "do": "save", **more})

    def subject(self):
        return (self.folder / SUBJECT).read_text()

    def log(self):
        with self.context.engine.connect() as connection:
            return [each.what for each in entries(connection)]

    def versions(self):
        with self.context.engine.connect() as connection:
            return versions(connection, "words", "week/en")


@pytest.fixture
def shop(tmp_path):
    return Marketing(tmp_path)


def test_the_list_names_each_message_by_what_it_is(shop):
    page = shop.mara.get("/desk/templates")
    for words in ("4 to 7 days late", "Good news", "A product is back in stock", "Request to a vendor", "French"):
        assert words in page.text


def test_saved_words_are_in_the_file_and_only_what_was_changed_is_the_shops_own(shop):
    page = shop.save("Delayed: order {{ order.id }}\r\n", note="the fact first")
    assert page.status == 303
    assert shop.subject() == "Delayed: order {{ order.id }}\n"
    assert [file.name for file in (shop.folder / "templates" / "week").iterdir()] == ["subject.en.txt"]
    shown = shop.mara.follow(page)
    assert "You saved version 2 of “4 to 7 days late” in English" in shown.text
    assert "Version 2, in use since Mon 15 Jun, 12:00 (Mara)" in shown.text
    assert shop.log() == ["saved version 2 of “4 to 7 days late” in English"]
    assert [each.note for each in shop.versions()] == ["the fact first", ""]


def test_a_mistake_is_named_with_line_and_word_and_everything_typed_is_kept(shop):
    page = shop.save("Sorry\n{{ customer.name }}: {{ ordr.id }}, crap")
    assert page.status == 422
    for words in (
        "Subject: Line 2: there is no `customer.name`. Write `customer`.",
        "Line 2: there is no `ordr`. Did you mean `order`?",
        "Line 2: 'crap' may not be used.",
    ):
        assert words in page.text
    assert "{{ customer.name }}: {{ ordr.id }}, crap" in page.html.replace("&#39;", "'")
    assert not (shop.folder / SUBJECT).exists()


def test_a_warning_asks_for_a_tick(shop):
    page = shop.save("A free lamp: order {{ order.id }}")
    assert page.status == 422
    assert "Subject: Line 1: 'free' may put people off, or send a mail to spam." in page.text
    assert shop.save("A free lamp: order {{ order.id }}", sure="yes").status == 303


def test_a_mail_changed_without_its_plain_text_asks_for_a_tick(shop):
    form = shop.mara.form(EDITOR)
    (mail,) = form.fields["body_html"]
    (plain,) = form.fields["body_txt"]
    said = "You changed Mail and not Plain text; both should say the same."
    fields = {"body_html": f"{mail}<p>We are sorry.</p>", "do": "save"}
    page = shop.mara.send(form, fields)
    assert page.status == 422
    assert said in page.text
    assert shop.mara.send(form, fields | {"sure": "yes"}).status == 303
    form = shop.mara.form(EDITOR)
    fields = {"body_html": f"{mail}<p>Truly sorry.</p>", "body_txt": f"{plain}Truly sorry.\n", "do": "save"}
    assert shop.mara.send(form, fields).status == 303
    form = shop.mara.form(EDITOR)
    assert shop.mara.send(form, fields | {"body_html": f"{mail}<p><b>Truly</b> sorry.</p>"}).status == 303


def test_a_mail_about_a_delay_must_say_how_to_cancel(shop):
    page = shop.save("Late", body_txt="It is late. {{ order.url }}")
    assert page.status == 422
    assert "Plain text: A mail about a delay must say how to cancel" in page.text


def test_who_saves_second_is_told_and_keeps_what_they_typed(shop):
    form = shop.jan.form(EDITOR)
    shop.save("From Mara {{ order.id }}")
    page = shop.jan.send(form, {"subject_txt": "From Jan {{ order.id }}", "do": "save"})
    assert page.status == 422
    assert "Mara saved version 2 meanwhile. Compare it with yours, and save again." in page.text
    assert "From Jan {{ order.id }}" in page.html
    assert shop.subject() == "From Mara {{ order.id }}\n"


def test_a_form_sent_twice_saves_once(shop):
    form = shop.mara.form(EDITOR)
    fields = {"subject_txt": "Once {{ order.id }}", "do": "save"}
    first, again = shop.mara.send(form, fields), shop.mara.send(form, fields)
    assert (first.status, again.status) == (303, 303)
    assert len(shop.versions()) == 2


def test_a_second_person_approves_and_never_the_author(tmp_path):
    shop = Marketing(tmp_path, needs_second=True)
    shop.save("Delayed: {{ order.id }}")
    assert not (shop.folder / SUBJECT).exists()
    assert "changed by Mara, waits for a second person" in shop.jan.get("/desk/templates").text
    difference = f"{WEEK}/versions/1..2?lang=en"
    own = shop.mara.get(difference)
    assert "You wrote this version, so somebody else must approve it." in own.text
    form = shop.jan.form(difference, f"{WEEK}/approve")
    assert {"lang": ["en"], "number": ["2"], "compared_with": ["1"]}.items() <= form.fields.items()
    page = shop.jan.send(form)
    assert shop.subject() == "Delayed: {{ order.id }}\n"
    assert "You approved version 2 of “4 to 7 days late” in English by Mara" in shop.jan.follow(page).text
    assert shop.versions()[0].approver == "Jan"


def test_an_author_cannot_approve_by_a_form_of_somebody_else(tmp_path):
    shop = Marketing(tmp_path, needs_second=True)
    shop.save("Delayed: {{ order.id }}")
    shop.save("Also: {{ order.id }}", client=shop.jan)
    form = shop.mara.form(f"{WEEK}/versions/1..3?lang=en", f"{WEEK}/approve")
    form.fields["number"] = ["2"]
    page = shop.mara.send(form)
    assert page.status == 409
    assert not (shop.folder / SUBJECT).exists()


def test_a_version_is_sent_back_with_a_note_and_its_author_starts_from_it(tmp_path):
    shop = Marketing(tmp_path, needs_second=True)
    shop.save("Delayed: {{ order.id }}")
    difference, act = f"{WEEK}/versions/1..2?lang=en", f"{WEEK}/send-back"
    assert "Say what should be different." in shop.jan.send(shop.jan.form(difference, act)).text
    shop.jan.send(shop.jan.form(difference, act), {"reply": "Say the date"})
    assert "Say the date" in shop.mara.get(f"{WEEK}/versions?lang=en").text
    assert "Delayed: {{ order.id }}" in shop.mara.get(f"{EDITOR}&from=2").html


def test_versions_are_compared_and_an_earlier_one_is_used_again(shop):
    shop.save("First {{ order.id }}")
    shop.save("Second {{ order.id }}")
    page = shop.mara.get(f"{WEEK}/versions/2..3?lang=en")
    assert "-First {{ order.id }}" in page.text.replace("- ", "-")
    assert "+Second {{ order.id }}" in page.text.replace("+ ", "+")
    for number in (2, 3):
        assert f'src="/desk/templates/week/preview?lang=en&amp;version={number}"' in page.html
    assert "<del>First</del>" in page.html
    assert "<ins>Second</ins>" in page.html
    listed = shop.mara.get(f"{WEEK}/versions?lang=en")
    assert f'href="{WEEK}/versions/2..3?lang=en">with the one before' in listed.html
    assert "<button>Use" not in listed.html  # it is looked at first
    assert f'href="{WEEK}/versions/3..1?lang=en">Use version 1 again' in listed.html
    form = shop.mara.form(f"{WEEK}/versions/3..1?lang=en", f"{WEEK}/again")
    shop.mara.send(form)
    assert not (shop.folder / SUBJECT).exists()
    newest = shop.versions()[0]
    assert (newest.number, newest.note) == (4, "version 1 again")


def test_an_earlier_version_that_no_message_can_be_made_of_is_not_used_again(shop):
    shop.mara.get(EDITOR)
    (shop.folder / "templates" / "week").mkdir(parents=True)
    (shop.folder / SUBJECT).write_text("Late: {{ ordr.id }}\n")
    shop.mara.get(EDITOR)
    shop.save("Good {{ order.id }}")
    page = shop.mara.send(shop.mara.form(f"{WEEK}/versions/3..2?lang=en", f"{WEEK}/again"))
    assert page.status == 409
    assert "Version 2 cannot be used any more. Subject: Line 1: there is no `ordr`." in page.text
    assert shop.subject() == "Good {{ order.id }}\n"


def test_what_waits_is_checked_again_as_it_is_approved(tmp_path):
    shop = Marketing(tmp_path, needs_second=True)
    shop.save("A cosy lamp: {{ order.id }}")
    form = shop.jan.form(f"{WEEK}/versions/1..2?lang=en", f"{WEEK}/approve")
    # A word is forbidden meanwhile.
    policy = shop.context.policy.model_copy(update={"words": WordPolicy(forbidden={"any": ("cosy",)})})
    context = replace(shop.context, policy=policy)
    jan = desk_client(context, "marketing", now=noon(0), name="Ana", app=desk_app(context, noon(0), shop.services))
    form.fields["form"] = jan.form(f"{WEEK}/versions/1..2?lang=en", f"{WEEK}/approve").fields["form"]
    page = jan.send(form)
    assert page.status == 409
    assert "'cosy' may not be used" in page.text
    assert not (shop.folder / SUBJECT).exists()


def test_what_is_changed_in_the_files_becomes_a_version_on_the_next_look(shop):
    shop.save("Mine {{ order.id }}")
    (shop.folder / SUBJECT).write_text("By an editor {{ order.id }}\n")
    assert "Version 3, as the shop's files had it" in shop.mara.get(EDITOR).text
    assert [each.author for each in shop.versions()] == ["files", "Mara", "files"]


def test_a_draft_is_shown_in_a_frame_that_runs_nothing(shop):
    form = shop.mara.form(EDITOR)
    fields = {"subject_txt": "Draft <b>{{ order.id }}", "do": "preview", "dark": "yes", "images": "off"}
    page = shop.mara.send(form, fields)
    assert page.status == 200
    assert "Draft &lt;b&gt;10427" in page.html
    policy = page.headers["content-security-policy"]
    assert policy.startswith("sandbox ")
    assert "default-src 'none'; img-src 'none';" in policy
    assert "script-src" not in policy
    assert not (shop.folder / SUBJECT).exists()
    assert (
        "cannot be shown yet: 'ordr' is undefined" in shop.mara.send(form, fields | {"subject_txt": "{{ ordr }}"}).text
    )


def test_the_preview_has_the_text_with_how_to_stop_texts_and_counts_its_parts(shop):
    seen = shop.mara.get("/desk/templates/week/preview?lang=en")
    assert "Text message to United States, Canada and Puerto Rico, with how to stop texts" in seen.text
    assert "Reply STOP to opt out." in seen.text
    assert re.search(r"1 part \(\d+ characters\); \d parts? \(\d+ characters\) with how to stop texts", seen.text)
    policy = shop.context.policy.model_copy(
        update={"contact": shop.context.policy.contact.model_copy(update={"say_stop": ()})}
    )
    context = replace(shop.context, policy=policy)
    jan = desk_client(context, "marketing", now=noon(0), name="Ana", app=desk_app(context, noon(0), shop.services))
    assert "how to stop texts" not in jan.get("/desk/templates/week/preview?lang=en").text


@pytest.mark.parametrize("message", ["post", "choice_received", "purchase", "storefront", "good_news"])
def test_every_kind_of_message_can_be_shown_and_saved(shop, message):
    part = {"post": "post_txt", "storefront": "title_txt"}.get(message, "subject_txt")
    assert shop.mara.get(f"/desk/templates/{message}/preview?lang=en").status == 200
    form = shop.mara.form(f"/desk/templates/{message}?lang=en&as=code")
    page = shop.mara.send(form, {part: "About {{ shop.name }}", "do": "save"})
    assert page.status == 303, page.text


def test_a_test_goes_to_the_person_alone_and_not_too_often(shop):
    form = shop.mara.form(EDITOR)
    page = shop.mara.send(form, {"subject_txt": "Draft {{ order.id }}", "do": "test"})
    assert f"A test was sent to {shop.mara.person.mail}. Nothing was saved." in page.text
    assert "Draft {{ order.id }}" in page.html
    (mail,) = shop.sent
    assert (mail.to, mail.subject) == (shop.mara.person.mail, "[Test] Draft 10427")
    assert shop.log() == [f"sent a test of “4 to 7 days late” in English to {shop.mara.person.mail}"]
    for _ in range(MAX_TESTS - 1):
        shop.mara.send(shop.mara.form(EDITOR), {"do": "test"})
    page = shop.mara.send(shop.mara.form(EDITOR), {"do": "test"})
    assert f"You sent {MAX_TESTS} tests within an hour." in page.text
    assert len(shop.sent) == MAX_TESTS


def test_a_test_that_is_kept_is_not_called_sent(shop):
    client = desk_client(
        shop.context,
        "marketing",
        now=noon(0),
        app=desk_app(shop.context, noon(0), replace(shop.services, keeps_mails=True)),
        name="Ana",
    )
    assert "The test is kept here and not sent" in client.get(EDITOR).text
    page = client.send(client.form(EDITOR), {"subject_txt": "Draft {{ order.id }}", "do": "test"})
    assert "Kept here, not sent: no mail leaves this shop" in page.text
    assert "A test was sent" not in page.text
    assert page.html.index("<noscript>") < page.html.index("These are the words in use.")
    assert shop.log() == [f"kept a test of “4 to 7 days late” in English for {client.person.mail}"]


def test_a_shop_in_git_is_read_only_and_says_so(tmp_path):
    (tmp_path / ".git").mkdir()
    shop = Marketing(tmp_path)
    page = shop.mara.get(EDITOR)
    assert "The files of this shop are kept in git" in page.text
    assert "Check and save" not in page.text
    assert shop.versions() == []
    form = shop.mara.form(EDITOR)
    assert shop.mara.send(form, {"subject_txt": "No", "do": "save"}).status == 409


def test_somebody_who_only_reads_sees_words_and_no_button(shop):
    page = shop.reader.get(EDITOR)
    assert page.status == 200
    assert "Check and save" not in page.text
    assert shop.reader.send(shop.reader.form(EDITOR), {"do": "save"}).status == 403


TRIAL = ExperimentPolicy(
    name="shorter subject",
    message="week",
    wording="week_b",
    begins=date(2026, 6, 1),
    ends=date(2026, 7, 31),
    outcome=Outcome.WAITED,
)
SECOND = "/desk/templates/week_b?lang=en&as=code"


def test_a_second_wording_begins_with_the_first_ones_parts_and_keeps_only_its_own(tmp_path):
    shop = Marketing(tmp_path, trials=(TRIAL,))
    assert "4 to 7 days late, wording B of “shorter subject”" in shop.mara.get("/desk/templates").text
    shop.save("Delayed: order {{ order.id }}")
    form = shop.mara.form(SECOND)
    assert form.fields["subject_txt"][0].strip() == "Delayed: order {{ order.id }}"
    refused = shop.mara.send(form, {"subject_txt": "Late: {{ ordr.id }}", "do": "save"})
    assert "Did you mean `order`?" in refused.text
    page = shop.mara.send(shop.mara.form(SECOND), {"subject_txt": "Late: {{ order.id }}", "do": "save"})
    assert page.status == 303, page.text
    assert [file.name for file in (shop.folder / "templates" / "week_b").iterdir()] == ["subject.en.txt"]
    assert "As wording A has it." in shop.mara.get(SECOND).text
    seen = shop.mara.get("/desk/templates/week_b/preview?lang=en")
    assert "Late: " in seen.html
    assert "Delayed" not in seen.html
    used = shop.mara.form(f"{EDITOR}&wording=week_b", WEEK)
    assert used.fields["subject_txt"][0].strip() == "Late: {{ order.id }}"
    assert shop.mara.send(used, {"do": "save"}).status == 303
    assert shop.subject() == "Late: {{ order.id }}\n"


def test_a_second_wording_must_say_how_to_cancel_too(tmp_path):
    shop = Marketing(tmp_path, trials=(TRIAL,))
    page = shop.mara.send(shop.mara.form(SECOND), {"body_txt": "It is late. {{ order.url }}", "do": "save"})
    assert "Plain text: A mail about a delay must say how to cancel" in page.text


def test_a_language_is_added_with_the_shops_own_words_to_begin_with(shop):
    assert "Dutch" in shop.mara.get(EDITOR).text
    dutch = f"{WEEK}?lang=nl&as=code"
    assert "You begin with those in English: translate them, and save." in shop.mara.get(dutch).text
    form = shop.mara.form(dutch, WEEK)
    assert form.fields["subject_txt"] == shop.mara.form(EDITOR, WEEK).fields["subject_txt"]
    page = shop.mara.send(form, {"subject_txt": "Bestelling {{ order.id }}", "do": "save", "sure": "yes"})
    assert page.status == 303, page.text
    assert "Dutch 3 parts with words in English" in " ".join(shop.mara.get("/desk/templates").text.split())
    again = shop.mara.form(dutch, WEEK)
    page = shop.mara.send(again, {"subject_txt": "Uw bestelling {{ order.id }}", "do": "save"})
    assert page.status == 422
    assert "Text message: 5 sentences not translated: the same as in English." in page.text, page.text
    assert "Mail: Its greeting, items and choices are in English: translate layout/letter.nl.html" in page.text
    (shop.folder / "templates" / "week" / "body.nl.html").unlink()
    assert "Dutch 1 part missing" in " ".join(shop.mara.get("/desk/templates").text.split())
    assert "Not written yet." in shop.mara.get(dutch).text
