"""Words that messages and posts may not have, should not have, or must: found in a draft, with the line."""

import pytest

from models.policy.words import WordPolicy
from templates.rendering.check import ERROR, WARNING, find_problems
from templates.rendering.word_rules import find_word_problems, missing_words
from tests.templates.test_messages import SHOP

POLICY = WordPolicy()


def found(text, language="en", policy=POLICY):
    return [
        (each.line, each.what.split("'")[1], each.is_forbidden) for each in find_word_problems(text, language, policy)
    ]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Sorry!\nWhat crap", "en", [(2, "crap", True)]),
        ("Scrap metal, freedom, carefree", "en", []),
        ("a FREE gift", "en", [(1, "FREE", False)]),
        ("now 100%  free", "en", [(1, "100% free", True)]),
        ("So eine Scheiße, gratis", "de", [(1, "Scheiße", True), (1, "gratis", False)]),
        ("Uma porra grátis", "pt_BR", [(1, "porra", True), (1, "grátis", False)]),
        ("LATE ORDERS AGAIN, sorry!!!", "en", [(1, "!!!", False), (1, "LATE ORDERS AGAIN", False)]),
        ("The EU and the UK, 250 CM", "en", []),
    ],
)
def test_words_are_found_whole_in_any_case_with_their_line(text, language, expected):
    assert found(text, language) == expected


def test_a_shop_adds_its_own_words_and_may_do_without_the_built_in_ones():
    own = WordPolicy(forbidden={"any": ("Acme*",)}, careful={"en": ("cheap",)})
    assert found("Acmes free and cheap", policy=own) == [(1, "Acmes", True), (1, "free", False), (1, "cheap", False)]
    only = own.model_copy(update={"built_in": False})
    assert found("Acmes free and cheap!!!", policy=only) == [(1, "Acmes", True), (1, "cheap", False)]


def test_a_mail_about_a_delay_must_say_how_to_cancel():
    assert missing_words("You can cancel it.", "en", POLICY) == []
    assert missing_words("Sie können stornieren.", "de", POLICY) == []
    says = "a mail about a delay must say how to cancel: it has none of 'cancel'..., 'withdraw'..."
    assert missing_words("It is late.", "en", POLICY) == [says]
    own = WordPolicy(built_in=False, required={"en": ("refund|money back",)})
    assert missing_words("Your money back", "en", own) == []
    assert missing_words("cancel", "en", own) == [
        "a mail about a delay lacks a word: it has none of 'refund', 'money back'"
    ]


def test_the_check_of_templates_names_file_line_and_word(tmp_path):
    (tmp_path / "week").mkdir()
    (tmp_path / "week" / "subject.en.txt").write_text("SHIT HAPPENS!!! TODO fix lorem ipsum 100% FREE")
    (tmp_path / "long").mkdir()
    (tmp_path / "long" / "body.en.html").write_text("<p>It is late.</p>")
    problems = [each for name in ("week", "long") for each in find_problems(SHOP, tmp_path, only=name, language="en")]
    said = {(problem.file.rpartition("/")[2], problem.line, problem.level, problem.what) for problem in problems}
    assert ("subject.en.txt", 1, ERROR, "'SHIT' may not be used") in said
    assert ("subject.en.txt", 1, ERROR, "'100% FREE' may not be used") in said
    assert ("subject.en.txt", 1, WARNING, "'!!!' looks like an advertisement") in said
    assert ("subject.en.txt", 1, ERROR, "contains the placeholder 'TODO'") in said
    assert any(file == "body.en.html" and "must say how to cancel" in what for file, _, _, what in said)
