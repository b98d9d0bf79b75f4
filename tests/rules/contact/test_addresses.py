"""Which addresses and numbers a message can reach, and how staff see them."""

import pytest
from phonenumbers import (
    SUPPORTED_REGIONS,
    PhoneNumberFormat,
    PhoneNumberType,
    example_number_for_type,
    format_number,
)

from rules.contact.addresses import BadAddress, email_address, phone_number, takes_texts, zones
from rules.contact.masking import mask_address


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
    ("given", "country", "found"),
    [
        ("4915112345678", "DE", "+4915112345678"),
        (" 49 (0)151 12345678", "DE", "+4915112345678"),
        ("62812345678", "ID", "+62812345678"),
        ("5511987654321", "BR", "+5511987654321"),
        ("55 99123-4567", "BR", "+5555991234567"),  # the area code of Santa Maria, which is Brazil's calling code too
        ("12125552368", "US", "+12125552368"),
        ("0491 5678901", "DE", "+494915678901"),  # Leer's area code: the leading 0 says that it is one
        ("447911123456", "GB", "+447911123456"),
    ],
)
def test_a_number_whose_plus_a_spreadsheet_dropped_is_nobody_elses(given, country, found):
    assert phone_number(given, country) == found


@pytest.mark.parametrize("country", sorted(SUPPORTED_REGIONS))
def test_a_mobile_number_of_any_country_is_read_with_and_without_its_plus(country):
    example = example_number_for_type(country, PhoneNumberType.MOBILE)
    if example is None:
        pytest.skip(f"phonenumbers has no example of a mobile number in {country}")
    number = format_number(example, PhoneNumberFormat.E164)
    assert phone_number(number[1:], country) == number
    for kind in (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL):
        assert phone_number(format_number(example, kind), country) == number
    assert takes_texts(number)


@pytest.mark.parametrize("country", sorted(SUPPORTED_REGIONS))
def test_every_kind_of_national_number_stays_what_it_is(country):
    kinds = PhoneNumberType.values()
    examples = filter(None, (example_number_for_type(country, kind) for kind in kinds))
    for example in examples:
        number = format_number(example, PhoneNumberFormat.E164)
        assert phone_number(format_number(example, PhoneNumberFormat.NATIONAL), country) == number


def test_the_same_digits_are_another_number_in_another_country():
    read = [phone_number("06 12 34 56 78", country) for country in ("FR", "IT", "FR")]
    assert read == ["+33612345678", "+390612345678", "+33612345678"]


def test_a_number_with_two_valid_readings_of_one_kind_is_refused_as_ambiguous():
    with pytest.raises(BadAddress, match=r"may be \+49\d+ or \+49\d+; a number that begins with \+ is right"):
        phone_number("4925930955", "DE")


@pytest.mark.parametrize(
    ("number", "takes"),
    [
        ("+4915112345678", True),
        ("+493023125000", False),
        ("+442079460018", False),
        ("+33199001234", False),
        ("+12125552368", True),  # North American numbers do not tell landlines and mobiles apart
        ("+18005550199", False),
        ("+445612345678", False),  # VoIP
        ("+5511987654321", True),
        ("+551123456789", False),
    ],
)
def test_a_landline_takes_no_texts_where_the_number_tells(number, takes):
    assert takes_texts(number) is takes


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
    assert mask_address(address) == shown
