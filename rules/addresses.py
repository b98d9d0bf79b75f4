"""Addresses and numbers that a message can reach, spelt one way."""

from email_validator import EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, format_number, is_valid_number, parse
from phonenumbers.timezone import time_zones_for_number

UNKNOWN_ZONE = "Etc/Unknown"


class BadAddress(ValueError):
    """An address or number that nothing can be sent to; the text is one sentence that says why."""


def email_address(text: str) -> str:
    """Return a mail address as every mail server takes it: spaces around it gone, in lower case, its domain in ASCII.

    One spelling, so that an address that must not be written to is known however it is written. No name server is
    asked. Raises BadAddress.
    """
    try:
        found = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise BadAddress(f"{text[:80]!r} is no mail address: {error}") from error
    return (found.ascii_email or found.normalized).lower()


def phone_number(text: str, country: str | None) -> str:
    """Return a number in E.164, as +4915112345678; `country` is where one without a country code belongs.

    Raises BadAddress.
    """
    try:
        number = parse(text, country)
    except NumberParseException as error:
        raise BadAddress(f"{text[:40]!r} is no phone number; one such as '+49 151 12345678' is right") from error
    if not is_valid_number(number):
        raise BadAddress(f"{text[:40]!r} is no phone number that any network of its country gives out")
    return format_number(number, PhoneNumberFormat.E164)


def zones(number: str) -> tuple[str, ...]:
    """Return every time zone in which the owner of an E.164 number may plausibly be; none where it is unknown."""
    try:
        parsed: PhoneNumber = parse(number)
    except NumberParseException:
        return ()
    return tuple(zone for zone in time_zones_for_number(parsed) if zone != UNKNOWN_ZONE)
