"""Why an order is late, as its customer reads it: once, in their language, in the shop's words where it has some."""

from dataclasses import replace

import pytest

from models.policy.policy import GOOD_NEWS
from models.reasons import DelayReason
from templates.rendering import samples
from templates.rendering.check import find_problems
from templates.rendering.environment import TemplateError
from templates.rendering.messages import Renderer
from templates.rendering.reason_words import ReasonWords
from tests.templates.test_messages import SHOP, mail, text

LATE, CUSTOMS = DelayReason("supplier_late"), DelayReason("customs")
UNKNOWN = "We do not know the reason yet."


def plan(*reasons, message="fortnight", locale="en", ending="date known · none"):
    """Return a sample of two late items, the late ones with these reasons."""
    found = next(one for title, one in samples.sample_plans(message, locale) if title.endswith(ending))
    late = tuple(
        replace(late, line=replace(late.line, reason=reason))
        for late, reason in zip(found.delay.late, reasons, strict=True)
    )
    return replace(found, delay=replace(found.delay, late=late))


def own_words(folder, words, language="en"):
    file = folder / f"reasons/words.{language}.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(words)
    return file


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("en", "The reason for the delay: our supplier is late."),
        ("pt_BR", "O motivo do atraso: nosso fornecedor está"),
        ("de", "Der Grund für die Verspätung: ein Verzug bei unserem Lieferanten."),
        ("es", "El motivo del retraso: nuestro proveedor lleva retraso."),
        ("fr", "La cause du retard\xa0: notre fournisseur nous livre plus tard que prévu."),
    ],
)
def test_a_reason_that_all_late_items_share_is_said_once(locale, sentence):
    written = mail(Renderer(SHOP), plan(LATE, LATE, locale=locale))
    for body in (written.html, written.text):
        assert body.count(sentence) == 1
        assert body.count(ReasonWords().clause(LATE, locale)) == 1


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("en", UNKNOWN),
        ("pt_BR", "Ainda não sabemos o motivo."),
        ("de", "Den Grund kennen wir noch nicht."),
        ("es", "Todavía no conocemos el motivo."),
        ("fr", "Nous n’en connaissons pas encore la cause."),
    ],
)
def test_that_no_reason_is_known_is_said_once_and_plainly(locale, sentence):
    written = mail(Renderer(SHOP), plan(None, None, locale=locale))
    assert (written.html.count(sentence), written.text.count(sentence)) == (1, 1)


def test_items_that_are_late_for_different_reasons_name_their_own():
    written = mail(Renderer(SHOP), plan(LATE, CUSTOMS))
    for body in (written.html, written.text):
        items = body.partition("Late items")[2].lower()
        first, second = items.index("because our supplier is late"), items.index("because customs has")
        assert items.index("linen tablecloth") < first < items.index("oak bread board") < second
        assert "do not know the reason" not in body
        assert "The reason for the delay" not in body


def test_where_the_reason_is_known_for_part_of_it_the_mail_says_so():
    written = mail(Renderer(SHOP), plan(LATE, None))
    for body in (written.html, written.text):
        assert body.count("We do not know the reason for all of it yet.") == 1
        assert body.lower().count("because our supplier is late") == 1
        assert UNKNOWN not in body


def test_the_shops_own_words_in_the_customers_language_come_first():
    reason = DelayReason("supplier_late", {"en": "the kiln <broke>"})
    written = mail(Renderer(SHOP), plan(reason, reason))
    assert "The reason for the delay: the kiln &lt;broke&gt;." in written.html
    assert "The reason for the delay: the kiln <broke>." in written.text
    portuguese = mail(Renderer(SHOP), plan(reason, reason, locale="pt_BR"))
    assert "O motivo do atraso: nosso fornecedor está atrasado." in portuguese.text


@pytest.mark.parametrize("reason", [DelayReason("other", {"pt_BR": "o forno quebrou"}), DelayReason("alien_code")])
def test_a_reason_without_words_in_the_language_is_left_out_and_not_called_unknown(reason):
    written = mail(Renderer(SHOP), plan(reason, reason))
    for body in (written.html, written.text):
        assert "reason" not in body
        assert "alien_code" not in body
        assert "forno" not in body


def test_a_text_has_no_reason_and_good_news_need_none():
    assert "supplier" not in text(Renderer(SHOP), plan(LATE, LATE))
    written = mail(Renderer(SHOP), plan(None, None, message=GOOD_NEWS, ending="goods there · none"))
    assert "reason" not in written.html + written.text


@pytest.mark.parametrize("locale", samples.LOCALES)
def test_every_reason_has_words_in_every_built_in_language(locale):
    words = ReasonWords()
    for code in set(words.codes) - {"other", "unknown"}:
        clause = words.clause(DelayReason(code), locale)
        assert clause[0].islower()
        assert clause[-1].isalpha()
    assert words.clause(None, locale) is None
    assert words.clause(DelayReason("supplier_late"), locale.partition("_")[0])


def test_a_shop_replaces_and_adds_reasons_one_by_one(tmp_path):
    own_words(tmp_path, 'customs = "customs is slow"\nkiln = "our kiln broke"')
    renderer = Renderer(SHOP, tmp_path)
    assert "customs is slow" in mail(renderer, plan(CUSTOMS, CUSTOMS)).text
    assert "our kiln broke" in mail(renderer, plan(*[DelayReason("kiln")] * 2)).text
    assert "our supplier is late" in mail(renderer, plan(LATE, LATE)).text
    assert "kiln" in renderer.reasons.codes
    assert find_problems(SHOP, tmp_path) == []


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("customs = ", "not valid TOML"),
        ('customs = ""', "customs must be a text in quotes"),
        ("customs = 3", "customs must be a text in quotes"),
        ('"Customs late" = "x"', "'Customs late' cannot be a code"),
        ('unknown = "x"', "'unknown' cannot be a code"),
    ],
)
def test_a_file_of_reasons_that_is_wrong_is_named(tmp_path, words, what):
    file = own_words(tmp_path, words)
    with pytest.raises(TemplateError, match=what) as caught:
        mail(Renderer(SHOP, tmp_path), plan(LATE, LATE))
    assert caught.value.file == str(file)


def test_the_check_reports_a_file_of_reasons_that_is_wrong(tmp_path):
    file = own_words(tmp_path, "customs = 3")
    (problem,) = find_problems(SHOP, tmp_path)
    assert problem.file == str(file)
