"""Which addresses and numbers a message can reach, and how staff see them."""

import pytest

from rules.addresses import BadAddress, email_address, phone_number, zones
from rules.masking import masked


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("anna@example.com", "anna@example.com"),
        (" Anna@Example.COM\n", "anna@example.com"),
        ("anna+late@example.com", "anna+late@example.com"),
        ("anna@münchen.de", "anna@xn--mnchen-3ya.de"),
    ],
)
def test_a_mail_address_is_spelt_as_every_mail_server_takes_it(given, found):
    assert email_address(given) == found


@pytest.mark.parametrize(
    "given",
    [
        "",
        "no",
        "a@b",
        "a@@example.com",
        "Anna <a@example.com>",
        "jürgen@example.com",
        "a@example.com\nBcc: b@x.de",
        "a b@x.de",
    ],
)
def test_what_is_no_mail_address_is_refused_in_one_sentence(given):
    with pytest.raises(BadAddress, match=r"is no mail address: .+"):
        email_address(given)


@pytest.mark.parametrize(
    ("given", "country", "found"),
    [
        ("0151 12345678", "DE", "+4915112345678"),
        ("+49 (0)151 12345678", "US", "+4915112345678"),
        ("+55 11 98765-4321", None, "+5511987654321"),
        ("(212) 555-2368", "US", "+12125552368"),
    ],
)
def test_a_number_is_spelt_in_e164_by_the_country_it_belongs_to(given, country, found):
    assert phone_number(given, country) == found


@pytest.mark.parametrize(
    ("given", "country"),
    [("", "DE"), ("123", "US"), ("call me", "US"), ("0151 12345678", None), ("0151 12345678", "XX"), ("9" * 400, "US")],
)
def test_what_is_no_number_is_refused_in_one_sentence(given, country):
    with pytest.raises(BadAddress, match="is no phone number") as raised:
        phone_number(given, country)
    assert len(str(raised.value)) < 150


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("+4915112345678", {"Europe/Berlin"}),
        ("+12125552368", {"America/New_York"}),
        ("+61412345678", {"Australia/Sydney", "Australia/Perth"}),
        ("+88213300655", set()),
        ("nonsense", set()),
    ],
)
def test_a_number_tells_every_zone_its_owner_may_be_in(number, found):
    assert found <= set(zones(number))
    assert bool(found) is bool(zones(number))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("anna@example.com", "a…@example.com"),
        ("@example.com", "…@example.com"),
        ("+4915112345642", "+49…42"),
        ("12345", "…"),
        ("", "…"),
    ],
)
def test_staff_recognise_an_address_that_they_cannot_write_to(address, shown):
    assert masked(address) == shown
