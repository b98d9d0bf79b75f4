"""Whose a text is that the source got wrong: an export of one person must not hold another's."""

import pytest

from rules.contact.scrub import is_of_person

CONTACTS = ["a@example.com", "+4930123456", "0171 2345"]
WORDS = ["Käthe D'Angelo", "Mill Lane 1"]


@pytest.mark.parametrize(
    "text",
    [
        "55;Käthe;D'Angelo;A@example.com;DE",
        "<a@example.com>",
        "call +4930123456.",
        "käthe d'angelo",
        " Mill Lane 1 ",
    ],
)
def test_a_text_with_an_address_or_with_nothing_else_is_the_persons(text):
    assert is_of_person(text, CONTACTS, WORDS)


@pytest.mark.parametrize(
    "text",
    [
        "60;François;D'Angelo;francois@example.com;Mill Lane 1",
        "60;Käthe D'Angelo;namesake@example.com",
        "mari-a@example.com",
        "maria@example.com",
        "a@example.com.br",
        "+49301234567",
        "zwei",
        "",
    ],
)
def test_a_text_of_somebody_else_is_not(text):
    assert not is_of_person(text, CONTACTS, WORDS)


def test_a_person_without_an_address_owns_no_longer_text():
    assert not is_of_person("zwei", [], [])
