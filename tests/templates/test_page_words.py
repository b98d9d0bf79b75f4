"""The words of the order page: complete in each language, all of them used, and a shop's own in their place."""

import re
import tomllib
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from templates.rendering.check import find_errors
from templates.rendering.environment import BUILT_IN, TemplateError, make_environment
from templates.rendering.page_words import FOLDER, WordBook
from templates.rendering.samples import LOCALES
from tests.support.order_pages import NOW, SHOP
from tests.support.paths import ROOT

WORDS = {file.name.split(".")[1]: tomllib.loads(file.read_text()) for file in (BUILT_IN / FOLDER).glob("words.*.toml")}
PLACEHOLDER = re.compile(r"{{\s*(\w+)")
FORBIDDEN = re.compile(
    r"\b(bucket|revision|watch|verdict|gate|shard|suppression|ledger|fallback|remedy|unfortunately|please note"
    r"|infelizmente|leider|lamentablemente|malheureusement|valid e-mail|oops)\b|[!¡]",
    re.IGNORECASE,
)
"""Words of ours that no customer knows, and tones that design/pages leaves out."""


def book(own=None, shop=SHOP):
    return WordBook(shop, make_environment(own), own)


def words(*wanted, own=None, shop=SHOP, now=NOW):
    return book(own, shop).choose(wanted, now)


def own_words(tmp_path, text, language="en"):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / f"words.{language}.toml").write_text(text)
    return tmp_path


def test_every_built_in_language_is_there():
    assert set(WORDS) == set(LOCALES)


@pytest.mark.parametrize("language", WORDS)
def test_every_text_is_translated(language):
    assert WORDS[language].keys() == WORDS["en"].keys()
    same = {key for key, text in WORDS[language].items() if language != "en" and text == WORDS["en"][key]}
    assert {key for key in same if re.sub(r"{{.*?}}", "", WORDS["en"][key]).strip(" .,():×–")} == set()


@pytest.mark.parametrize("language", WORDS)
def test_a_translation_is_filled_in_with_the_same_values(language):
    different = {
        key
        for key, text in WORDS[language].items()
        if set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(WORDS["en"][key]))
    }
    assert different == set()


def test_every_text_is_used_and_every_used_one_exists():
    sources = [
        *(ROOT / "web").rglob("*.py"),
        *(ROOT / "web/templates").glob("*.html"),
        ROOT / "templates/rendering/page_words.py",
        ROOT / "templates/rendering/silence.py",
        ROOT / "templates/rendering/stop_words.py",
    ]
    code = "\n".join(file.read_text() for file in sources)
    quoted = set(re.findall(r'"([a-z][a-z0-9_]*)"', code))
    assert WORDS["en"].keys() - quoted == set()
    assert set(re.findall(r'\bsay\(\s*"(\w+)"', code)) - WORDS["en"].keys() == set()


@pytest.mark.parametrize("language", WORDS)
def test_no_text_has_a_word_that_only_we_use(language):
    assert {key: text for key, text in WORDS[language].items() if FORBIDDEN.search(text)} == {}


@pytest.mark.parametrize(
    ("wanted", "language", "locale"),
    [
        (["en_GB"], "en", "en_GB"),
        (["en"], "en", "en"),
        (["pt"], "pt_BR", "pt"),
        (["pt-BR"], "pt_BR", "pt_BR"),
        (["de_AT"], "de", "de_AT"),
        (["es_MX"], "es", "es_MX"),
        (["fr"], "fr", "fr"),
        (["it", "pt_BR"], "pt_BR", "pt_BR"),
        (["it"], "en", "en"),
        (["not a language"], "en", "en"),
        ([None, ""], "en", "en"),
    ],
)
def test_the_first_language_that_there_is_gives_the_words_and_its_locale_the_dates(wanted, language, locale):
    chosen = words(*wanted)
    assert (chosen.language, chosen.locale) == (language, locale)


def test_a_language_without_a_country_is_written_as_the_shop_writes_it():
    british = SHOP.model_copy(update={"locale": "en_GB"})
    assert words("en", shop=british).locale == "en_GB"
    assert words("en_US", shop=british).locale == "en_US"


@pytest.mark.parametrize(
    ("locale", "day", "short", "money"),
    [
        ("en", "Tuesday, December 16", "December 16", "€1,290.50"),
        ("en_GB", "Tuesday, 16 December", "16 December", "€1,290.50"),
        ("pt_BR", "terça-feira, 16 de dezembro", "16 de dezembro", "€\xa01.290,50"),
        ("de", "Dienstag, 16. Dezember", "16. Dezember", "1.290,50\xa0€"),
        ("es", "martes 16 de diciembre", "16 de diciembre", "1.290,50\xa0€"),
        ("fr", "mardi 16 décembre", "16 décembre", "1\u202f290,50\xa0€"),
    ],
)
def test_days_and_amounts_are_written_as_the_locale_writes_them(locale, day, short, money):
    said = words(locale)
    assert said.day(date(2025, 12, 16)) == day
    assert said.short_day(date(2025, 12, 16)) == short
    assert said.money(Decimal("1290.50"), "EUR") == money


@pytest.mark.parametrize(
    ("locale", "day", "said"),
    [
        ("en", date(2025, 12, 31), "December 31"),
        ("en", date(2026, 1, 1), "January 1, 2026"),
        ("fr", date(2025, 12, 1), "1er décembre"),
        ("fr_CA", date(2026, 1, 1), "1er janvier 2026"),
    ],
)
def test_a_day_of_another_year_has_its_year_and_the_first_is_written_as_french_does(locale, day, said):
    assert words(locale).short_day(day) == said


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", "December 31, 23:30 (Berlin)"),
        ("pt_BR", "31 de dezembro, 23:30 (Berlim)"),
        ("de", "31. Dezember, 23:30 Uhr (Berlin)"),
        ("es", "31 de diciembre, 23:30 (Berlín)"),
        ("fr", "31 décembre à 23:30 (Berlin)"),
    ],
)
def test_a_moment_is_in_the_shops_zone_with_its_city(locale, said):
    assert words(locale).moment(datetime(2025, 12, 31, 22, 30, tzinfo=UTC)) == said


@pytest.mark.parametrize(
    ("names", "said"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_names_are_listed_as_in_a_sentence(names, said):
    assert words("en").listed(names) == said


def test_a_shop_replaces_single_texts(tmp_path):
    own = own_words(tmp_path, 'wait_row = "Wait, from {{ shop.name }}"\n')
    assert words("en", own=own).say("wait_row") == "Wait, from Lantern & Loom"
    assert words("en", own=own).say("swap_row") == WORDS["en"]["swap_row"]
    assert words("pt_BR", own=own).say("wait_row") == WORDS["pt_BR"]["wait_row"]


def test_a_language_of_a_shops_own_is_used_once_it_is_complete(tmp_path):
    own = own_words(tmp_path, 'wait_row = "Aspettare"\n', "it")
    assert words("it", own=own).language == "en"
    lines = (f"{key} = {text!r}\n" for key, text in (WORDS["en"] | {"wait_row": "Aspettare"}).items())
    (own / FOLDER / "words.it.toml").write_text("".join(lines).replace("\\'", "’"))
    assert words("it", own=own).say("wait_row") == "Aspettare"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('wait_rwo = "x"\n', "no text is named 'wait_rwo'; did you mean 'wait_row'?"),
        ("wait_row = 3\n", "wait_row must be a text in quotes"),
        ("wait_row = \n", "not valid TOML"),
        ('wait_row = "{{ nothing"\n', "words.en.toml"),
    ],
)
def test_a_mistake_in_a_shops_words_is_named(tmp_path, text, said):
    own = own_words(tmp_path, text)
    with pytest.raises(TemplateError, match=re.escape(said)):
        words("en", own=own).say("wait_row")


def test_a_value_that_a_text_does_not_get_is_named_with_the_text(tmp_path):
    own = own_words(tmp_path, 'wait_row = "{{ nobody }}"\n')
    with pytest.raises(TemplateError, match=r"wait_row.*'nobody' is undefined"):
        words("en", own=own).say("wait_row")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('wait_rwo = "x"', "no text is named 'wait_rwo'; did you mean 'wait_row'?"),
        ('wait_button = "Wait until {{ dat }}"', "wait_button has no 'dat'; did you mean 'date'?"),
        ('wait_row = "{{ 1 +"', "unexpected"),
    ],
)
def test_checking_a_shops_templates_names_the_mistakes_in_its_words(tmp_path, text, what):
    own = own_words(tmp_path, text)
    problems = [str(problem) for problem in find_errors(SHOP, own) if "words.en.toml" in str(problem)]
    assert len(problems) == 1
    assert what in problems[0]


def test_the_built_in_words_have_no_mistake():
    book().check()
