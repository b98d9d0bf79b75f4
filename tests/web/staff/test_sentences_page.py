"""The editor shows mails as plain sentences: what is typed is checked, shown and saved as the code it stands for."""

import pytest

from app.shop_edits import ShopEdits
from models.versions import Area
from tasks.versions.history import versions
from templates.rendering.environment import BUILT_IN
from tests.support.desk import desk_app, desk_client
from tests.support.ledgers import sqlite_ledger
from tests.support.shop_driver import noon, open_context
from web.staff.desk import Services

WEEK = "/desk/templates/week?lang=en"
FOLDER = "templates/week"


class Marketing:
    """A shop's folder, and somebody of marketing."""

    def __init__(self, tmp_path):
        self.folder = tmp_path / "shop"
        self.folder.mkdir()
        self.context = open_context(sqlite_ledger(tmp_path / "ledger.db"))
        app = desk_app(self.context, noon(0), Services(edits=ShopEdits(self.folder)))
        self.mara = desk_client(self.context, "marketing", now=noon(0), app=app)
        self.reader = desk_client(self.context, "read", now=noon(0), app=app)

    def send(self, changes, do="save", path=WEEK, **more):
        form = self.mara.form(path)
        fields = {name: new for old, new in changes.items() for name in [self.field(form, old)]}
        return self.mara.send(form, {**fields, "do": do, **more})

    @staticmethod
    def field(form, text):
        return next(name for name, given in form.fields.items() if "-s" in name and given[0].strip() == text)

    def files(self):
        return {path.name: path.read_text() for path in (self.folder / FOLDER).glob("*")}

    def versions(self):
        with self.context.engine.connect() as connection:
            return versions(connection, Area.WORDS, "week/en")


@pytest.fixture
def shop(tmp_path):
    return Marketing(tmp_path)


def test_a_mail_is_shown_as_sentences_and_its_code_only_where_it_is_asked_for(shop):
    page = shop.mara.get(WEEK)
    assert "We now expect {the late part or it} to {ship or arrive} by {new date}." in page.text
    assert "Opening, when the new date is known" in page.text
    assert 'class="code"' not in page.html
    code = shop.mara.get(f"{WEEK}&as=code")
    assert 'class="code"' in code.html
    assert "Edit as sentences" in code.text
    assert "Show as code" in shop.reader.get(WEEK).text


def test_one_sentence_is_changed_in_the_mail_and_its_plain_text_and_nothing_else(shop):
    old = "With apologies,"
    assert shop.send({old: "We are sorry & hope to hear from you,"}).status == 303
    files = shop.files()
    assert set(files) == {"body.en.html", "body.en.txt"}
    for name, new in (
        ("body.en.html", "We are sorry &amp; hope to hear from you,"),
        ("body.en.txt", "We are sorry & hope to hear from you,"),
    ):
        built_in = (BUILT_IN / "week" / name).read_text()
        assert files[name] == built_in.replace(old, new)


def test_a_form_in_which_nothing_was_changed_changes_nothing(shop):
    page = shop.send({})
    assert page.status == 422
    assert "Nothing was changed" in page.text
    assert shop.files() == {}


def test_what_stands_in_braces_and_means_nothing_is_named_and_what_was_typed_stays(shop):
    page = shop.send({"Later than promised": "Late, {customer.name}", "With apologies,": "Sorry,"})
    assert page.status == 422
    assert "Mail: There is no {customer.name} here. In braces stand" in page.text
    assert "Late, {customer.name}" in page.text
    assert "Sorry," in page.text
    assert shop.files() == {}
    seen = shop.send({"Later than promised": "Late, {customer.name}"}, do="preview")
    assert "There is no {customer.name} here." in seen.text


def test_the_preview_shows_what_is_typed_and_a_checks_problem_names_no_line_of_code(shop):
    seen = shop.send({"Later than promised": "Late, {customer name}: {order number}"}, do="preview")
    assert "10427" in seen.html
    page = shop.send({"Later than promised": "Crap, late"})
    assert "Mail: 'Crap' may not be used." in page.text
    assert "Line " not in page.text


def test_what_was_typed_goes_along_to_the_code_and_back(shop):
    changed = shop.send({"With apologies,": "Yours,"}, do="as_code")
    assert changed.status == 200
    assert "{% block closing %}Yours,{% endblock %}" in changed.html
    form = shop.mara.form(f"{WEEK}&as=code")
    (mail,) = form.fields["body_html"]
    back = shop.mara.send(form, {"body_html": mail.replace("With apologies", "Bye"), "do": "as_sentences"})
    assert "Bye," in back.text
    assert 'class="code"' not in back.html
    assert len(shop.versions()) == 1


def test_a_part_that_cannot_be_shown_as_sentences_stays_and_the_others_can_be_edited(shop):
    own = shop.folder / FOLDER
    own.mkdir(parents=True)
    raw = '{% extends "layout/letter.en.html" %}{% block opening %}{% raw %}<p>Hi</p>{% endraw %}{% endblock %}\n'
    (own / "body.en.html").write_text(raw)
    page = shop.mara.get(WEEK)
    assert "It is written so that only its code can be edited" in page.text
    assert shop.send({"no new date yet": "no new date"}, sure="yes").status == 303
    assert shop.files()["body.en.html"] == raw
    assert "{% else %}no new date{% endif %}" in shop.files()["subject.en.txt"]


def test_narrow_spaces_stay_and_a_part_with_signs_that_no_form_has_is_untouched(shop):
    own = shop.folder / FOLDER
    own.mkdir(parents=True)
    (own / "sms.en.txt").write_text("Bonjour\u202f!\n\nCeci change.\n", encoding="utf-8")
    subject = "Late\u202f: A\u2060B\n"
    (own / "subject.en.txt").write_text(subject, encoding="utf-8")
    assert shop.send({"Ceci change.": "Voil\u00e0\u202f!"}, sure="yes").status == 303
    assert shop.files() == {"sms.en.txt": "Bonjour\u202f!\n\nVoil\u00e0\u202f!\n", "subject.en.txt": subject}


def test_sentences_may_not_be_longer_than_code(shop):
    page = shop.send({"With apologies,": "x" * 30_000})
    assert page.status == 422
    assert "Mail: at most 30,000 characters are possible." in page.text
    form = shop.mara.form(WEEK)
    page = shop.mara.send(form, {"base_sms_txt": "x" * 30_001, "do": "save"})
    assert "Text message: at most 30,000 characters are possible." in page.text
    assert shop.files() == {}
