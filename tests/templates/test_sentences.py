"""Templates as plain sentences: shown by Jinja's own parser, and written back byte for byte."""

import pytest

from templates.rendering.environment import BUILT_IN
from templates.rendering.sentences.document import document_of
from templates.rendering.sentences.parts import UnknownPlaceholder
from templates.rendering.sentences.reading import Unreadable

FILES = sorted(
    path
    for path in BUILT_IN.glob("*/*.*")
    if path.suffix in (".txt", ".html") and path.parent.name not in ("layout", "order_page")
)


def read(path):
    return path.read_text(encoding="utf-8")


def sentences(document):
    return [(each.about, each.text) for each in document.sentences]


def id_of(document, text):
    return next(each.id for each in document.sentences if each.text == text)


def edited(source, changes, *, is_html=False, roots=()):
    document = document_of(source, is_html=is_html, roots=frozenset(roots))
    return document.write({id_of(document, old): new for old, new in changes.items()})


def test_each_built_in_part_is_written_back_as_it_was():
    changed = []
    for path in FILES:
        document = document_of(read(path), is_html=path.suffix == ".html")
        given = {each.id: f"\r\n{each.text}\r\n" for each in document.sentences}
        if document.write(given) != read(path) or document.write({}) != read(path):
            changed.append(path.name)
    assert changed == []


def test_a_sentence_changed_and_changed_back_is_the_source_again():
    differ = []
    for path in FILES:
        is_html, source = path.suffix == ".html", read(path)
        document = document_of(source, is_html=is_html)
        there = document.write({each.id: f"Now. {each.text}" for each in document.sentences})
        other = document_of(there, is_html=is_html)
        back = {each.id: each.text.removeprefix("Now. ") for each in other.sentences}
        if other.write(back) != source:
            differ.append(str(path.relative_to(BUILT_IN)))
    assert differ == []


def test_a_mail_is_a_list_of_its_sentences_with_what_is_filled_in_by_name():
    shown = sentences(document_of(read(BUILT_IN / "week" / "body.en.html"), is_html=True))
    first = (
        "{Part of your order or Your order} {order number} will not {ship or arrive} by the date we promised, and we "
        "are sorry. We now expect {the late part or it} to {ship or arrive} by {new date}."
    )
    assert shown[0] == ("Heading", "Later than promised")
    assert shown[1] == ("Opening, when the new date is known", first)
    assert ("{ship or arrive}, when a day of shipping was promised", "ship") in shown
    assert shown[-1] == ("Closing words", "With apologies,")


def test_words_that_share_a_line_with_a_condition_stay_in_their_sentence():
    shown = sentences(document_of(read(BUILT_IN / "week" / "subject.en.txt"), is_html=False))
    assert shown == [
        ("", "Late: {words 1} (order {order number})"),
        ("{words 1}, when the new date is known", "now expected {new date, short}"),
        ("{words 1}, otherwise, when the date of some items is known", "no date yet for part of it"),
        ("{words 1}, otherwise", "no new date yet"),
    ]


@pytest.mark.parametrize(
    ("source", "changes", "written"),
    [
        ("Late: {{ order.id }}.\n", {"Late: {order number}.": "{Order  number} is late."}, "{{ order.id }} is late.\n"),
        ("Late: {{ order.id }}.\n", {"Late: {order number}.": "It is late."}, "It is late.\n"),
        (
            'It will {{ "ship" if ships else "come" }}. It may {{ "ship" if ships else "come" }}.',
            {"ship": 'leave "us"'},
            r'It will {{ "leave \"us\"" if ships else "come" }}. It may {{ "leave \"us\"" if ships else "come" }}.',
        ),
        (
            "{% if silence %}  {{ silence }} Sorry.{%- endif +%}\nBye: {{ order.url }}\n",
            {"{what no answer means} Sorry.": "So sorry."},
            "{% if silence %}  So sorry.{%- endif +%}\nBye: {{ order.url }}\n",
        ),
        (
            "Order{% if item %} ({{ item }}){% endif %} is late.",
            {"({product})": "of {product}", "Order{words 1} is late.": "Late is the order{words 1}."},
            "Late is the order{% if item %} of {{ item }}{% endif %}.",
        ),
    ],
)
def test_an_edited_sentence_is_written_into_its_place(source, changes, written):
    assert edited(source, changes) == written


def test_in_a_mail_what_is_typed_is_words_and_never_markup():
    source = "<p>Tea &amp; <strong>cake</strong> for {{ customer }}</p>\n"
    shown = "Tea & {bold}cake{end of bold} for {customer name}"
    assert edited(source, {shown: "5 < 6 & {bold}{customer name}{end of bold}\n\nBye"}, is_html=True) == (
        "<p>5 &lt; 6 &amp; <strong>{{ customer }}</strong><br>\n<br>\nBye</p>\n"
    )


def test_a_name_of_the_message_can_be_added_where_it_was_not():
    added = edited("Sorry.\n", {"Sorry.": "Sorry, {customer name}."}, roots=("customer", "order"))
    assert added == "Sorry, {{ customer }}.\n"


@pytest.mark.parametrize("typed", ["{customer name}", "{{ order.id }}", "{% if x %}", "a } b", "{# no #}"])
def test_braces_that_mean_nothing_are_refused(typed):
    with pytest.raises(UnknownPlaceholder):
        edited("Sorry: {{ order.id }}", {"Sorry: {order number}": typed})


@pytest.mark.parametrize("typed", ["{order number}", "}}"])
def test_the_words_inside_of_braces_have_none(typed):
    with pytest.raises(UnknownPlaceholder):
        edited('{{ "Part" if on_time else "All" }} of it', {"Part": typed})


@pytest.mark.parametrize(
    "source", ["{% if x %}", "{% endif %}", "{{ x", "{% raw %}{{ x }}{% endraw %}", "{% if x y %}a{% endif %} b"]
)
def test_what_cannot_be_followed_is_said_and_not_guessed(source):
    with pytest.raises(Unreadable):
        document_of(source, is_html=False)


@pytest.mark.parametrize(
    "source",
    [
        "<style>p { color: red }</style><p>Hello</p>\n",
        '<a href="{{ order.url }}" class="x">See it</a>\n',
        '<a{% if x %} class="y"{% endif %}>See it</a>\n',
        "{# a note #}\n{% set part = ready == 'part' %}\nHello\n",
        "Line one\r\nHello\t\n\n\n",
    ],
)
def test_what_is_no_sentence_stays_byte_for_byte(source):
    source = source.replace("\r\n", "\n")
    document = document_of(source, is_html="<" in source)
    assert document.write({each.id: each.text for each in document.sentences}) == source
    word = "See it" if "See it" in source else "Hello"
    (whole,) = [each for each in document.sentences if word in each.text]
    assert document.write({whole.id: whole.text.replace(word, "Good day")}) == source.replace(word, "Good day")


def test_a_sentence_cannot_stand_within_itself():
    source = "Order{% if item %} of one{% else %} of some{% endif %} is late."
    with pytest.raises(UnknownPlaceholder):
        edited(source, {"of one": "a {words 1}"})
    with pytest.raises(UnknownPlaceholder):
        edited(source, {"Order{words 1} is late.": "{words 1}" * 3_000})


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("(on_time or note) and silence", "a part of the order is on time or somebody wrote a note, and the law says"),
        ("answer.price_difference > 0", "the difference in price is more than 0"),
        ("late|length > 3", "the number of late products is more than 3"),
    ],
)
def test_a_condition_is_said_without_its_code(condition, words):
    ((about, _),) = sentences(document_of(f"{{% if {condition} %}}Yes, indeed{{% endif %}}", is_html=False))
    assert about.startswith(f"when {words}")
