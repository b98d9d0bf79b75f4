from functools import partial

import pytest

from models.policy.words import WordPolicy
from templates.rendering import check
from templates.rendering.file_names import OWN_PARTS
from templates.rendering.template_sets import MESSAGES
from tests.templates.test_messages import SHOP

WITHOUT_RULES = WordPolicy(built_in=False)
find_problems = partial(check.find_problems, words=WITHOUT_RULES)
"""Of texts that are shorter than any real one: they need no word."""


def test_our_own_words_are_without_fault():
    assert find_problems(SHOP, None) == []


def test_a_shop_without_a_templates_folder_is_without_fault(tmp_path):
    assert find_problems(SHOP, tmp_path / "none") == []


@pytest.mark.parametrize(
    ("name", "source", "line", "what"),
    [
        ("week/body.en.txt", "Hi\n{{ ordr.id }}", 2, "'ordr' is undefined; did you mean 'order'"),
        ("week/body.en.txt", "{% if days_gone_by > 900 %}x{% endif %}", 1, "'days_gone_by' is undefined"),
        ("week/body.en.html", "Hi{% if not late %}\n{{ custmer }}{% endif %}", 2, "did you mean 'customer'"),
        ("long/body.pt_BR.html", "{{ order.nmber }}", 1, "no attribute 'nmber'"),
        ("long/sms.en.txt", "{{ order.id }}{{ subject }}", 1, "'subject' is undefined"),
        ("week/body.en.html", "a\n{{ order.id|mony }}", 2, "No filter named 'mony'"),
        ("week/body.en.html", "a\n{% endif %}", 2, "unknown tag 'endif'"),
        ("long/sms.en.txt", "{{ 'far too long ' * 40 }}", None, "the text needs more than 2 parts"),
        ("post/post.pt_BR.txt", "{{ 'longo demais ' * 40 }}", None, "has more than 280 characters"),
        ("week/sbject.en.txt", "x", None, "did you mean 'subject.txt'"),
        ("weak/subject.en.txt", "x", None, "no message is named 'weak'; did you mean 'week'"),
        ("week/subject.xx_yy_zz.txt", "x", None, "'xx_yy_zz' is not a locale"),
        ("week/subject.pt-BR.txt", "x", None, "'pt-BR' is not a locale"),
        ("subject.en.txt", "x", None, "belongs in the folder of its message"),
        ("post/subject.en.txt", "x", None, "post.txt with a locale"),
        ("storefront/text.en.txt", "{{ units_lft }}", 1, "'units_lft' is undefined; did you mean 'units_left'"),
        (
            "storefront/subject.en.txt",
            "x",
            None,
            "privacy.txt, text.txt, title.txt with a locale",
        ),
        ("storefront/title.it.txt", "x", None, "is not used without text.it.txt, date.it.txt in the same folder"),
        ("week/subject.it.txt", "x", None, "is not used without body.it.txt, body.it.html in the same folder"),
        ("layout/letter.en.txt", "\n{{ nothing }}", 2, "'nothing' is undefined"),
    ],
)
def test_a_mistake_in_the_shops_words_is_found_with_file_and_line(tmp_path, name, source, line, what):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(source)
    folder = name.partition("/")[0]
    only = folder if folder in {*MESSAGES, *OWN_PARTS} else None
    problems = find_problems(SHOP, tmp_path, only=only, language="en" if ".en." in name else None)
    assert [(problem.file, problem.line) for problem in problems] == [(str(file), line)] * len(problems)
    assert any(what in problem.what for problem in problems), problems


def test_two_mistakes_on_one_line_are_both_found_and_each_once(tmp_path):
    (tmp_path / "week").mkdir()
    (tmp_path / "week" / "body.en.txt").write_text("{{ ordr.id }} {{ lat }}")
    assert [problem.what.split("'")[1] for problem in find_problems(SHOP, tmp_path, language="en")] == ["lat", "ordr"]


def test_a_message_that_the_policy_names_must_have_words_and_a_text_only_where_it_is_sent(tmp_path):
    (problem,) = find_problems(SHOP, tmp_path, ["very_late"], language="en")
    assert problem.what.startswith("has no templates; add very_late/subject.en.txt")
    (tmp_path / "very_late").mkdir()
    for part in ("subject.en.txt", "body.en.txt", "body.en.html"):
        (tmp_path / "very_late" / part).write_text("{{ order.id }}")
    assert find_problems(SHOP, tmp_path, ["very_late"], language="en") == []
    (tmp_path / "very_late" / "sms.en.txt").write_text("{{ ordr.id }}")
    (problem,) = find_problems(SHOP, tmp_path, ["very_late"], language="en")
    assert problem.line == 1


def test_a_file_that_is_not_utf_8_is_named(tmp_path):
    (tmp_path / "week").mkdir()
    (tmp_path / "week" / "body.en.txt").write_bytes("Olá".encode("latin-1"))
    assert any(
        "body.en.txt" in problem.file and "utf-8" in problem.what.lower() for problem in find_problems(SHOP, tmp_path)
    )


def test_a_language_of_the_shops_own_is_rendered_too(tmp_path):
    (tmp_path / "week").mkdir()
    for part in ("subject.it.txt", "body.it.txt", "body.it.html"):
        (tmp_path / "week" / part).write_text("{{ order.id }}{% if substitutes %}{{ substitutes[0].itm }}{% endif %}")
    assert {problem.what for problem in find_problems(SHOP, tmp_path, language="it")} == {
        "a choice of substitutes has no attribute 'itm'; did you mean 'item'?"
    }


def test_notes_and_hidden_files_in_the_folder_are_nobodys_business(tmp_path):
    (tmp_path / "README.md").write_text("how we write")
    (tmp_path / ".DS_Store").write_text("")
    assert find_problems(SHOP, tmp_path, language="en") == []


def test_a_copy_beside_a_translation_stops_no_check(tmp_path):
    for name in ("week/sms.it.txt", "week/sms.backup.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("Il tuo ordine {{ order.id }} arriva presto da noi.")
    problems = find_problems(SHOP, tmp_path, only="week", language="it")
    assert not any("not translated" in problem.what for problem in problems if "sms.it" in problem.file)
