"""People who are no developers write templates: what they do wrong harms nobody, and is said with file and line."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest

from models.enums import Channel
from models.policy.words import WordPolicy
from templates.rendering import check, samples
from templates.rendering import render_limits as limits
from templates.rendering import size_limits as fit
from templates.rendering.check import ERROR, WARNING
from templates.rendering.environment import TemplateError
from templates.rendering.gallery_entries import gallery_entries
from templates.rendering.messages import Renderer
from templates.rendering.names import MAX_NAME_CHARACTERS
from tests.templates.test_messages import SHOP

WITHOUT_RULES = WordPolicy(built_in=False)
find_problems = partial(check.find_problems, words=WITHOUT_RULES)
"""Of texts that are shorter than any real one: they need no word."""


def write(folder, name, source):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(source if isinstance(source, bytes) else source.encode())
    return file


def rendered(folder, message="week", channel=Channel.EMAIL, locale="en"):
    plan = next(plan for _, plan in samples.sample_plans(message, locale))
    contact = next(contact for contact in plan.contacts if contact.channel is channel)
    return Renderer(SHOP, folder).render_message(plan, contact, id="n-1")


def refused(folder, name, source, what, line=1):
    """Check that `check templates` and the render both refuse a template, with file and line, in the same renderer."""
    file = write(folder, name, source)
    message, part = name.split("/")
    problems = find_problems(SHOP, folder, only=message, language="en")
    assert (str(file), line) in {(problem.file, problem.line) for problem in problems if what in problem.what}, problems
    assert all(problem.file == str(file) for problem in problems), problems
    with pytest.raises(TemplateError) as caught:
        rendered(folder, message, Channel.SMS if part.startswith("sms") else Channel.EMAIL)
    assert (caught.value.file, caught.value.line) == (str(file), line)
    assert what in caught.value.what
    assert "jinja2" not in str(caught.value)
    return problems


def test_a_template_joins_and_alternates_with_jinjas_own_helpers(tmp_path):
    begin, turn = "{% set comma = joiner('-') %}{% set row = cycler('a', 'b') %}", "{{ comma() }}{{ row.next() }}"
    write(tmp_path, "week/subject.en.txt", begin + "{% for _ in range(3) %}" + turn + "{% endfor %}")
    assert rendered(tmp_path).subject == "a-b-a"


@pytest.mark.parametrize(
    "source",
    [
        "{{ joiner.__init__.__globals__.os.popen('id').read() }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ ''.__class__.__mro__[1].__subclasses__()|length }}",
        "{{ shop.__class__ }}",
        "{{ order['__class__'] }}",
        "{{ range.__self__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ ''|attr('__class__') }}",
        "{{ [''.format]|map('attr', '__globals__')|list }}",
        "{{ '{0.__class__}'.format(order) }}",
        "{{ '{0.__class__}'|format(order) }}x{{ order.__class__ }}",
        "{% set _ = late.append(1) %}x",
        "{{ shop.model_dump() }}",
        "{{ shop.vendor }}",
        "{{ shop.source }}",
        "{{ lipsum(5) }}",
    ],
)
def test_a_template_reaches_nothing_but_what_it_is_given(tmp_path, source):
    file = write(tmp_path, "week/subject.en.txt", source)
    assert {problem.file for problem in find_problems(SHOP, tmp_path, only="week", language="en")} == {str(file)}
    with pytest.raises(TemplateError, match=r"subject\.en\.txt, line 1"):
        rendered(tmp_path)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("{% for i in range(10**9) %}x{% endfor %}", "a list of more than 10,000 items"),
        ("{{ 'x' * 10**9 }}", "more than 1,000,000 characters"),
        ("{{ late * 10**9 }}", "a list of more than 10,000 items"),
        ("{{ 'x'|center(10**9) }}", "more than 1,000,000 characters"),
        ("{{ 'x'.ljust(10**9) }}", "more than 1,000,000 characters"),
        ("{{ 'x'.zfill(999999999) }}", "more than 1,000,000 characters"),
        ("{{ [1]|batch(10**9, 'x')|list }}", "more than 1,000,000 characters"),
        ("{{ range(9999)|join('x' * 9999) }}", "more than 1,000,000 characters"),
        ("{{ ('x' * 9999).join(['a'] * 9999) }}", "more than 1,000,000 characters"),
        ("{{ ('x' * 9999)|replace('x', 'y' * 9999) }}", "more than 1,000,000 characters"),
        ("{{ '%999999999d'|format(1) }}", "a format width of more than three digits"),
        ("{{ '%*d' % (10**9, 1) }}", "a format width"),
        ("{{ '{:999999999}'.format(1) }}", "a format width of more than three digits"),
        ("{{ '{:{}}'.format(1, 10**9) }}", "comes from a value"),
        ("{{ 2**(10**9) }}", "more than 1000 bits"),
        ("{% set x = 'x' * 99999 %}" + "{% set x = x ~ x %}" * 30 + "{{ x }}", "more than 1,000,000 characters"),
        ("{% set x = 'x' * 99999 %}" + "{% set x = x + x %}" * 30 + "{{ x }}", "more than 1,000,000 characters"),
        (
            "{% set x = 'x' * 99999 %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 30 + "{{ x }}",
            "1,000,000 characters",
        ),
        ("{% for i in range(200) %}{{ 'x' * 9999 }}{% endfor %}", "more than 1,000,000 characters"),
        ("{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}x", "takes longer than"),
        ("{{ range(9999)|map('center', 99)|list|length }}" * 40, "takes longer than"),
        (
            "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(99) }}",
            "takes longer than",
        ),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "calls itself endlessly"),
        ("{% block b %}{{ self.b() }}{% endblock %}", "calls itself endlessly"),
    ],
)
def test_a_render_ends_whatever_it_is_asked_on_whatever_thread(tmp_path, monkeypatch, source, what):
    monkeypatch.setattr(limits, "MAX_SECONDS", 0.2)
    file = write(tmp_path, "week/subject.en.txt", source)
    with ThreadPoolExecutor(1) as pool:
        begun = time.process_time()
        error = pool.submit(rendered, tmp_path).exception()
    assert isinstance(error, TemplateError)
    assert (error.file, error.line) == (str(file), None if "range(200)" in source else 1)
    assert what in error.what
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("source", ['{% extends "week/subject.en.txt" %}', '{% include "week/subject.en.txt" %}'])
def test_a_file_that_includes_itself_is_named_and_the_others_are_rendered(tmp_path, source):
    refused(tmp_path, "week/subject.en.txt", source, "includes itself")
    assert rendered(tmp_path, "long").subject.startswith("Long delay")


def test_a_layout_that_builds_on_the_built_in_one_of_its_name_is_told_why_it_cannot(tmp_path):
    file = write(tmp_path, "layout/letter.en.html", '\n{% extends "layout/letter.en.html" %}')
    problems = {(problem.file, problem.line, problem.what) for problem in find_problems(SHOP, tmp_path, language="en")}
    assert problems == {(str(file), 2, "includes itself: a file cannot extend the built-in file of the same name")}


def test_two_files_that_include_each_other_are_found(tmp_path):
    one = write(tmp_path, "layout/a.txt", '{% include "layout/b.txt" %}')
    other = write(tmp_path, "layout/b.txt", '{% include "layout/a.txt" %}')
    write(tmp_path, "week/subject.en.txt", 'x {% include "layout/a.txt" %}')
    problems = find_problems(SHOP, tmp_path, language="en")
    assert {(problem.file, problem.line) for problem in problems} == {(str(one), 1), (str(other), 1)}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("week/subject.en.txt", ""),
        ("week/subject.en.txt", "{% if late|length > 99 %}x{% endif %}\n \n"),
        ("week/body.en.txt", "\n"),
        ("week/body.en.html", ""),
        ("week/body.en.html", "<html><head><title>x</title><style>p{}</style></head><body><p>&nbsp;</p></body></html>"),
        ("week/sms.en.txt", "  "),
    ],
)
def test_an_empty_part_is_refused(tmp_path, name, source):
    refused(tmp_path, name, source, "renders to nothing", line=None)


@pytest.mark.parametrize("name", ["post/post.en.txt", "storefront/title.en.txt", "purchase/subject.en.txt"])
def test_an_empty_post_page_or_request_is_found_too(tmp_path, name):
    file = write(tmp_path, name, "{# nothing #}")
    problems = find_problems(SHOP, tmp_path, language="en")
    assert {(problem.file, problem.what) for problem in problems} == {
        (str(file), "renders to nothing, so the message would be empty")
    }


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("<p>Hi</p>\n<script>alert(1)</script>", "a script"),
        ("<p>Hi</p>\n<p onclick='x()'>Hi</p>", "an event handler"),
        ("<p>Hi</p>\n<img alt='x'\tonerror = \"x()\">", "an event handler"),
        ("<p>Hi</p>\n<iframe src='https://example.com'></iframe>", "a frame"),
        ("<p>Hi</p>\n<a href='JavaScript:x()'>Hi</a>", "a javascript: link"),
        ("<p>Hi</p>\n<form action='https://example.com'></form>", "a form"),
        ("<p>Hi</p>\n{{ '<script>'|safe }}", "a script"),
        ("<p>Hi</p>\n<p>TODO: say why</p>", "the placeholder 'TODO'"),
        ("<p>Hi</p>\nLorem\n ipsum dolor", "the placeholder 'Lorem ipsum'"),
        ("<p>Hi</p>\n{{ 'xxx' }}", "the placeholder 'xxx'"),
        ("<p>Hi</p>\nFIXME", "the placeholder 'FIXME'"),
        ("<p>Hi</p>\n{{ shop }}", "the shop as a whole"),
        ("<p>Hi</p>\n{{ late }}", "a list cannot be printed"),
        ("<p>Hi</p>\n{{ 'Late: ' ~ late }}", "a list cannot be printed"),
        ("<p>Hi</p>\n{{ late|string }}", "a list cannot be printed"),
        ("<p>Hi</p>\n{{ late|join(', ') }}", "cannot be printed as a whole"),
        ("<p>Hi</p>\n{{ order }}", "an order as a whole (it has id, placed_on, url) cannot be printed"),
        ("<p>Hi</p>\n{{ told_date }}", "no value (none) cannot be printed"),
        ("<p>Hi</p>\n{{ range }}", "cannot be printed"),
        ("<p>Hi</p>\n{{ today|date('blah') }}", "date has no format 'blah'"),
        ("<p>Hi</p>\n{{ today|date('Hm') }}", "the value has no time"),
        ("<p>Hi</p>\n{{ late[0].product.price|money(none) }}", "money needs a currency"),
        ("<p>Hi</p>\n{{ none|money('EUR') }}", "money needs a number, not no value"),
        ("<p>Hi</p>\n{{ 'x'|percent }}", "percent needs a number, not a text"),
        ("<p>Hi</p>\n{{ late|plural(one='x') }}", "plural needs a number, not a list"),
        ("<p>Hi</p>\n{{ 2|plural(one='x') }}", "plural needs the form `other`"),
        ("<p>Hi</p>\n{{ 1 / 0 }}", "divides by zero"),
        ("<p>Hi</p>\n{{ customer.name }}", "a text has no attribute 'name': write the variable's name alone"),
        ("<p>Hi</p>\n{{ order.nubmer }}", "an order has no attribute 'nubmer'; it has id, placed_on, url"),
        ("<p>Hi</p>\n{{ shop.help.phoen }}", "shop.help has no attribute 'phoen'; did you mean 'phone'?"),
        ("<p>Hi</p>\n{{ late[0].product.nmae }}", "a product has no attribute 'nmae'; did you mean 'name'?"),
        ("<p>Hi</p>\nOl\u00e1".encode("latin-1"), "is not UTF-8: unexpected end of data at byte 12"),
    ],
)
def test_what_no_customer_should_read_is_found_by_the_check_and_by_the_render(tmp_path, source, what):
    problems = refused(tmp_path, "week/body.en.html", source, what, line=2)
    assert len(problems) == 1, problems
    assert "templates." not in problems[0].what


@pytest.mark.parametrize(
    "source",
    [
        "{# TODO: ask Mara #}Hi",
        "Hi, the todo list, size XXXL, based on = this",
        "<p>On load = 4 kg; conclick=no</p>",
        "Hi {{ late[0].product.name.upper() }} {{ '%.2f'|format(2) }} {{ today.year }} {{ ['a', 'b']|join(' ') }}",
        "Hi {{ late|map(attribute='product.name')|join(', ') }}{% for one in late %}{{ loop.index }}{% endfor %}",
        "Hi {% set n = namespace(n=0) %}{% for one in late %}{% set n.n = n.n + one.quantity %}{% endfor %}{{ n.n }}",
        "Hi {{ today|date }} {{ today|date('yMMMd') }} {{ today|date('EEEEMMMMd') }}",
    ],
)
def test_what_is_no_mistake_is_not_taken_for_one(tmp_path, source):
    write(tmp_path, "week/body.en.html", source)
    assert find_problems(SHOP, tmp_path, only="week") == []


def test_todo_is_a_word_in_portuguese(tmp_path):
    write(tmp_path, "week/body.pt_BR.txt", "TODO o pedido {{ order.id }}")
    assert find_problems(SHOP, tmp_path, only="week") == []
    write(tmp_path, "week/body.pt_BR.txt", "TODO: escrever {{ order.id }}")
    (problem,) = find_problems(SHOP, tmp_path, only="week")
    assert "placeholder 'TODO:'" in problem.what


def test_every_mistake_of_a_line_is_reported(tmp_path):
    write(
        tmp_path, "week/body.en.txt", "{{ custmer }} {{ order.nubmer }} {% for x in late %}{{ x.quanttiy }}{% endfor %}"
    )
    assert sorted(problem.what for problem in find_problems(SHOP, tmp_path, only="week")) == [
        "'custmer' is undefined; did you mean 'customer'?",
        "an item has no attribute 'quanttiy'; did you mean 'quantity'?",
        "an order has no attribute 'nubmer'; it has id, placed_on, url",
    ]


def test_a_byte_order_mark_is_not_sent(tmp_path):
    write(tmp_path, "week/subject.en.txt", b"\xef\xbb\xbfOrder late")
    assert rendered(tmp_path).subject == "Order late"
    assert find_problems(SHOP, tmp_path, only="week") == []


def test_a_long_subject_is_a_warning_and_a_very_long_one_does_not_leave(tmp_path):
    write(tmp_path, "week/subject.en.txt", "x" + " word" * 16)
    (problem,) = find_problems(SHOP, tmp_path, only="week")
    assert (problem.level, problem.what) == (WARNING, "the subject has 81 characters; mail programs show 78")
    assert rendered(tmp_path).subject
    refused(
        tmp_path, "week/subject.en.txt", "word " * 60, "the subject has 299 characters; the limit is 250", line=None
    )
    assert fit.MAX_SUBJECT >= MAX_NAME_CHARACTERS


def test_a_body_that_gmail_cuts_is_found_and_leaves_all_the_same_for_a_long_order(tmp_path):
    file = write(tmp_path, "week/body.en.html", "<p>{{ 'word ' * 25000 }}</p>")
    (problem,) = find_problems(SHOP, tmp_path, only="week")
    assert (problem.file, problem.level) == (str(file), ERROR)
    assert "has 125,007 bytes; Gmail cuts mails off at 100,000" in problem.what
    assert len(rendered(tmp_path).html) > 100_000
    refused(
        tmp_path, "week/body.en.html", "<p>{{ 'word ' * 110000 }}</p>", "550,007 bytes; the limit is 500,000", line=None
    )


def test_one_message_in_one_language_is_checked_alone(tmp_path):
    write(tmp_path, "week/subject.en.txt", "{{ ordr }}")
    write(tmp_path, "week/subject.pt_BR.txt", "{{ ordr }}")
    write(tmp_path, "long/subject.en.txt", "{{ ordr }}")
    assert len(find_problems(SHOP, tmp_path)) == 3
    assert len(find_problems(SHOP, tmp_path, only="week")) == 2
    assert len(find_problems(SHOP, tmp_path, language="en")) == 2
    (problem,) = find_problems(SHOP, tmp_path, only="week", language="en")
    assert problem.file.endswith("week/subject.en.txt")


def of_a_shop_with_italian_and_a_bucket(folder):
    for message in ("week", "endless"):
        for part in ("subject.it.txt", "body.it.txt", "body.it.html"):
            write(folder, f"{message}/{part}", "Ordine {{ order.id }} {{ shop.help.hours or '' }}")
    return [(message.category, message.locale) for _, message in gallery_entries(SHOP, folder, ["endless"])]


def test_the_gallery_shows_the_shops_own_languages_and_buckets(tmp_path):
    shown = of_a_shop_with_italian_and_a_bucket(tmp_path)
    assert {("week", "it"), ("endless", "it"), ("week", "en"), ("purchase", "en"), ("storefront", "pt_BR")} <= set(
        shown
    )
    assert ("long", "it") not in shown
    assert ("endless", "en") not in shown


def test_hours_are_said_in_the_customers_language_or_not_at_all():
    hours = {"en": "Monday to Friday", "pt-BR": "segunda a sexta"}
    help_ = SHOP.help.model_validate(SHOP.help.model_dump() | {"hours": hours, "phone": {"en": "1", "pt": "2"}})
    renderer = Renderer(SHOP.model_copy(update={"help": help_}))

    def said(locale):
        plan = next(plan for _, plan in samples.sample_plans("week", locale))
        return renderer.render_message(plan, plan.contacts[0], id="n").text

    assert "call 1 (Monday to Friday)" in said("en")
    assert "segunda a sexta" in said("pt_BR")
    assert "Monday" not in said("pt_BR")
    only = SHOP.help.model_validate(SHOP.help.model_dump() | {"hours": {"en": "Monday to Friday"}})
    renderer = Renderer(SHOP.model_copy(update={"help": only}))
    assert "Monday" not in said("pt_BR")
    assert "+1 202 555 0100" in said("pt_BR")


def test_the_preheaders_filler_costs_no_spam_points(tmp_path):
    # SpamAssassin's LONG_INVISIBLE_TEXT took a point for 60 of them, and none for 40; RFC 5322 has lines below 998.
    html = rendered(tmp_path, "long").html
    assert 20 <= html.count("&#847;") <= 40
    assert max(map(len, html.splitlines())) < 998


def test_a_locale_without_words_is_an_error_that_names_the_files(tmp_path):
    shop = SHOP.model_copy(update={"locale": "it"})
    (problem,) = [
        candidate for candidate in find_problems(shop, tmp_path, language="en") if candidate.file == "shop.toml"
    ]
    lacking = "short/subject.it.txt, short/body.it.txt, short/body.it.html"
    assert problem.what.startswith(f"locale 'it' has no templates: add {lacking}, and the same files")
    assert (
        "in week, fortnight, long, late_again, new_date, good_news, may_be_late, or set locale to one of "
        in problem.what
    )
    assert problem.what.endswith("de, en, es, fr, pt_BR") or "de, en, es, fr, pt_BR" in problem.what
    assert find_problems(SHOP.model_copy(update={"locale": "en_GB"}), None, language="en") == []


def test_a_long_order_is_rendered_in_time(tmp_path):
    plan = next(plan for _, plan in samples.sample_plans("week", "en"))
    late = plan.delay.late * 300
    written = Renderer(SHOP).render_message(
        replace(plan, delay=replace(plan.delay, late=late)), plan.contacts[0], id="n"
    )
    assert written.html.count("Linen tablecloth") > 24
    assert "more items" in written.text
