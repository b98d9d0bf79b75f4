"""What mails share, edited on the desk: the frame around all of them, and the words that several have."""

import pytest

from tests.web.staff.test_templates_pages import Marketing

ALL, DELAYS = "/desk/templates/all-mails", "/desk/templates/delay-mails?lang=en"


@pytest.fixture
def shop(tmp_path):
    return Marketing(tmp_path)


def coloured(shop, path=ALL):
    form = shop.mara.form(path)
    (frame,) = form.fields["mail_html"]
    return form, {"mail_html": frame.replace("border-radius:10px", "border-radius:3px"), "do": "save"}


def test_the_frame_of_all_mails_is_listed_looked_at_and_saved_with_a_second_person(tmp_path):
    shop = Marketing(tmp_path, needs_second=True)
    assert "Around all mails: header, footer, colours" in shop.mara.get("/desk/templates").text
    form, changed = coloured(shop)
    shown = shop.mara.send(form, changed | {"do": "preview"})
    assert "border-radius:3px" in shown.html
    assert shop.mara.send(form, changed).status == 303
    file = shop.folder / "templates" / "layout" / "mail.html"
    assert not file.exists()
    shop.jan.send(shop.jan.form(f"{ALL}/versions/1..2?lang=en", f"{ALL}/approve"))
    assert "border-radius:3px" in file.read_text()
    assert not file.with_name("parts.html").exists()
    for message in ("week", "choice_received"):
        assert "border-radius:3px" in shop.mara.get(f"/desk/templates/{message}/preview?lang=de").html


def test_a_frame_of_which_no_mail_can_be_made_is_not_saved(shop):
    form = shop.mara.form(ALL)
    (frame,) = form.fields["mail_html"]
    page = shop.mara.send(form, {"mail_html": frame.replace("light.page", "lihgt.page"), "do": "save"})
    assert page.status == 422
    assert "there is no `lihgt`" in page.text


@pytest.mark.parametrize(
    ("path", "field", "left_out", "put_in", "said"),
    [
        (ALL, "mail_html", "{% block heading %}{% endblock %}", "", "Keep `{% block heading %}`"),
        (f"{DELAYS}&as=code", "letter_html", "{% block opening %}{% endblock %}", "", "Keep `{% block opening %}`"),
        (ALL, "mail_html", "</body>", "<p>What crap</p></body>", "'crap' may not be used"),
    ],
)
def test_a_frame_keeps_the_places_that_mails_fill_and_has_no_forbidden_word(shop, path, field, left_out, put_in, said):
    form = shop.mara.form(path)
    (frame,) = form.fields[field]
    assert left_out in frame
    page = shop.mara.send(form, {field: frame.replace(left_out, put_in), "do": "save"})
    assert page.status == 422
    assert said in page.text
    assert not (shop.folder / "templates" / "layout").exists()


def test_a_sentence_that_all_mails_about_delays_share_is_changed_in_mail_and_plain_text(shop):
    form = shop.mara.form(DELAYS)
    field = next(name for name, given in form.fields.items() if given[0].strip() == "We do not know the reason yet.")
    page = shop.mara.send(form, {field: "The reason is not known so far.", "do": "save"})
    assert page.status == 303, page.text
    layout = shop.folder / "templates" / "layout"
    assert sorted(file.name for file in layout.iterdir()) == ["letter.en.html", "letter.en.txt"]
    assert all("The reason is not known so far." in file.read_text() for file in layout.iterdir())


@pytest.mark.parametrize("path", ["delay-mails", "answer-mails", "all-mails"])
def test_each_frame_has_a_preview_of_each_case(shop, path):
    page = shop.mara.get(f"/desk/templates/{path}?lang=fr")
    cases = [tag["value"] for tag in page.tags("option") if tag.get("value", "").isidentifier()]
    known = [case for case in cases if case in ("known", "offer", "choice_received", "new_link")]
    assert known
    for case in known:
        shown = shop.mara.get(f"/desk/templates/{path}/preview?lang=fr&case={case}")
        assert "cannot be shown" not in shown.text
        assert "iframe" in shown.html
