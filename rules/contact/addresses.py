"""Addresses and numbers that a message can reach, spelt one way."""

from collections.abc import Callable

from email_validator import EmailNotValidError, validate_email
from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    country_code_for_region,
    format_number,
    is_valid_number,
    normalize_digits_only,
    number_type,
    parse,
)
from phonenumbers.timezone import time_zones_for_number

UNKNOWN_ZONE = "Etc/Unknown"
TEXTED = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
"""Kinds of numbers that take texts. In North America and some other countries a number does not tell its kind."""


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

    Spreadsheets drop a leading plus. A number without one that begins with the calling code of `country` is read both
    ways. If both are valid numbers, the only mobile number of the two is meant; without one, the text is ambiguous.
    Raises BadAddress.
    """
    try:
        readings = [parse(text, country), *_without_plus(text, country)]
    except NumberParseException as error:
        raise BadAddress(f"{text[:40]!r} is no phone number; one such as '+49 151 12345678' is right") from error
    found = {format_number(one, PhoneNumberFormat.E164): one for one in readings if is_valid_number(one)}
    if not found:
        raise BadAddress(f"{text[:40]!r} is no phone number that any network of its country gives out")
    if len(found) > 1:
        mobile = {key: one for key, one in found.items() if number_type(one) in TEXTED}
        if len(mobile) != 1:
            raise BadAddress(f"{text[:40]!r} may be {' or '.join(found)}; a number that begins with + is right")
        found = mobile
    return next(iter(found))


def readable(read: Callable[[str], str], address: str | None) -> str | None:
    """Return an address as `read` spells it; None where there is none that can be read."""
    try:
        return read(address) if address else None
    except BadAddress:
        return None


def _without_plus(text: str, country: str | None) -> list[PhoneNumber]:
    """Return the number that a text means if it begins with the calling code of `country` and lacks its plus."""
    code = country_code_for_region(country) if country else 0
    if not code or text.lstrip().startswith(("+", "\uff0b")) or not normalize_digits_only(text).startswith(str(code)):
        return []
    try:
        return [parse(f"+{text.strip()}")]
    except NumberParseException:
        return []


def takes_texts(number: str) -> bool:
    """Say whether an E.164 number can receive texts; landlines, pagers, VoIP and service numbers cannot."""
    return number_type(parse(number)) in TEXTED


def zones(number: str) -> tuple[str, ...]:
    """Return every time zone in which the owner of an E.164 number may plausibly be; none where it is unknown."""
    try:
        parsed: PhoneNumber = parse(number)
    except NumberParseException:
        return ()
    return tuple(zone for zone in time_zones_for_number(parsed) if zone != UNKNOWN_ZONE)
