"""What is compiled into templates changes no character of a message, and no line that an error names."""

from datetime import date
from decimal import Decimal

import jinja2
import markupsafe
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.runtime import StrictUndefined

from models.enums import Channel, RemedyKind
from templates.rendering import samples
from templates.rendering.environment import TemplateError, make_environment
from templates.rendering.escaping import escape_piece
from templates.rendering.messages import Renderer
from templates.rendering.palette import DARK, LIGHT
from templates.rendering.template_sets import MESSAGES
from tests.templates.test_messages import EVERY_REMEDY_IN, SHOP

PLAIN_JINJA = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
HOSTILE = "<b>&\"'"


def write(folder, name, source):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    return file


def mails(renderer, message, locale):
    return [
        renderer.render_message(plan, contact, id="n-1")
        for _, plan in samples.sample_plans(message, locale)
        for contact in plan.contacts
        if contact.channel is Channel.EMAIL
    ]


@pytest.mark.parametrize("locale", EVERY_REMEDY_IN)
@pytest.mark.parametrize("message", MESSAGES)
def test_a_mail_is_the_same_with_colours_looked_up_and_compiled_in(tmp_path, message, locale):
    # A file that no message uses, but that could set the palette of another: all colours are looked up.
    write(tmp_path, "other/note.en.txt", "{% set dark = 1 %}")
    assert mails(Renderer(SHOP, tmp_path), message, locale) == mails(Renderer(SHOP), message, locale)


@pytest.mark.parametrize("name", ["layout/mail.html", "layout/parts.html", "layout/storefront.html"])
def test_a_compiled_layout_looks_up_no_colour(name):
    jinja = make_environment()
    source, *_ = jinja.loader.get_source(jinja, name)
    code = jinja.compile(source, name, name, raw=True)
    assert "light." in source
    assert LIGHT.line in code
    assert "'light'" not in code
    assert "'dark'" not in code


@pytest.mark.parametrize("statement", ["{% set light = mine %}", "{%- set a, light = 1, mine -%}"])
def test_a_shop_may_give_a_palettes_name_its_own_colours(tmp_path, statement):
    fields = dict.fromkeys(LIGHT.__slots__, "#123456")
    letter = '{% extends "layout/letter.en.html" %}\n{% set mine = ' + repr(fields) + " %}\n" + statement
    write(tmp_path, "week/body.en.html", letter)
    (mail, *_) = mails(Renderer(SHOP, tmp_path), "week", "en")
    assert "#123456" in mail.html
    assert f'bgcolor="{LIGHT.page}"' not in mail.html
    assert DARK.page in mail.html


@pytest.mark.parametrize(
    ("words", "line", "what"),
    [
        ("{{ light.page }}\n{{ dark.ink }} {{ light.pagee }}", 2, "did you mean 'page'?"),
        ("{{ light.page }}\n\n{{ light.ink }}\n{{ nobody }}", 4, "'nobody' is undefined"),
        ("{{ light.page }}\n{{ light }}", 2, "a palette as a whole"),
    ],
)
def test_an_error_behind_colours_names_its_own_line(tmp_path, words, line, what):
    file = write(tmp_path, "week/body.en.html", words)
    with pytest.raises(TemplateError) as caught:
        mails(Renderer(SHOP, tmp_path), "week", "en")
    assert (caught.value.file, caught.value.line) == (str(file), line)
    assert what in caught.value.what


@given(st.one_of(st.text(), st.text().map(markupsafe.Markup), st.integers(), st.decimals(), st.dates(), st.floats()))
def test_a_piece_is_escaped_as_jinja_escapes_it(value):
    assert str(escape_piece(value)) == str(markupsafe.escape(value))


@pytest.mark.parametrize("value", [RemedyKind.SUBSTITUTE, Decimal("1.50"), date(2026, 6, 1), "it's", "a&b"])
def test_a_value_of_a_template_is_escaped_as_jinja_escapes_it(value):
    assert str(escape_piece(value)) == str(markupsafe.escape(value))


@pytest.mark.parametrize("value", [None, [], {}, True, LIGHT])
def test_what_cannot_be_printed_is_refused_in_html(value):
    with pytest.raises(TypeError, match="cannot be printed"):
        escape_piece(value)


def test_a_missing_variable_is_refused_in_html():
    with pytest.raises(jinja2.UndefinedError):
        escape_piece(StrictUndefined(name="x"))


@pytest.mark.parametrize(
    "source",
    [
        "{{ x }}{{ x|safe }}{{ x|e }}{{ (x|e)|e }}",
        "{% macro m(y) %}<i>{{ y }}</i>{% endmacro %}{{ m(x) }}{{ m(m(x)) }}{{ m(x|safe) }}{{ m(x)|upper }}",
        "{% macro m(y) %}{{ y }}{% endmacro %}{{ m(plain) ~ x }}{{ (m(plain) ~ x)|e }}{{ [m(x), x]|join('<br>') }}",
        "{% macro m() %}<p>{{ caller(x) }}</p>{% endmacro %}{% call(y) m() %}{{ y }}{{ y|safe }}{% endcall %}",
        "{% set y %}<u>{{ x }}</u>{% endset %}{{ y }}{{ y|length }}{{ y|replace('<', x) }}",
        "{% set y %}{{ plain }}{% endset %}{{ y + x }}{{ x + y }}{{ y|string|e }}",
        "{% filter upper %}{{ x }}{{ plain }}{% endfilter %}",
        "{% filter replace('&', x) %}{{ x }}{% endfilter %}",
        "{% block a %}{{ x }}{% endblock %}{{ self.a() }}{{ self.a()|e }}",
        "{% for y in [x, x|safe, 1, 1.5] %}{{ loop.index }}{{ y }}{% else %}{{ x }}{% endfor %}",
        "{% autoescape false %}{{ x }}{% macro m(y) %}{{ y }}{% endmacro %}{{ m(x) }}{% endautoescape %}{{ x }}",
        "{% set on = plain == 'b' %}{% autoescape on %}{{ x }}{{ x|safe }}{% endautoescape %}{{ x }}",
        "{{ '<b>' }}{{ '<b>'|safe }}{{ \"it's\" }}{{ '<' ~ plain ~ '>' }}{{ x|truncate(3, true, '<') }}",
        "<a href='{{ x|urlencode }}'>{{ x|wordwrap(2) }}{{ x|striptags }}{{ (x|safe)|striptags }}</a>",
        "{{ x if plain else '' }}{{ '' or x }}{{ x[0] }}{{ x.upper() }}{{ (x|safe).upper() }}{{ x|list|join }}",
    ],
)
def test_a_template_escapes_as_jinja_does(source):
    values = {"x": HOSTILE, "plain": "b"}
    assert make_environment().from_string(source).render(values) == PLAIN_JINJA.from_string(source).render(values)


def test_two_orders_in_turn_keep_their_own_facts():
    renderer = Renderer(SHOP)
    one, other = (plan for message in ("week", "long") for _, plan in list(samples.sample_plans(message, "en"))[:1])
    contacts = {contact.channel: contact for contact in one.contacts}
    texts = [
        renderer.render_message(plan, contacts[channel], id="n-1")
        for channel in (Channel.EMAIL, Channel.SMS)
        for plan in (one, other)
    ]
    alone = [
        Renderer(SHOP).render_message(plan, contacts[channel], id="n-1")
        for channel in (Channel.EMAIL, Channel.SMS)
        for plan in (one, other)
    ]
    assert texts == alone
    assert texts[2] != texts[3]
