"""Validate mail addresses and phone numbers, and write each in one normal form.

What was read is kept: a run reads an address for each order of a customer, and again before a message is sent. The
libraries are imported where they are used, because a command that reads no address need not load all numbering plans.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

UNKNOWN_ZONE = "Etc/Unknown"
_CACHE_SIZE = 4096
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
"""The part before an @ that is right beside any domain."""
_MAX_EMAIL = 254
"""The most characters of an address, by RFC 5321."""


class BadAddress(ValueError):
    """An address or number to which nothing can be sent; the message says why in one sentence."""


def email_address(text: str) -> str:
    """Return a mail address in its normal form: without spaces around it, in lower case, its domain in ASCII.

    A suppressed address is recognised by this form however it is written. DNS is not queried. Raises BadAddress.
    """
    return _email_address(text.strip())


@lru_cache(_CACHE_SIZE)
def _email_address(text: str) -> str:
    # Most customers of a shop share a few domains.
    local, _, domain = text.rpartition("@")
    if _PLAIN_LOCAL.fullmatch(local) and (known := _ascii_domain(domain)):
        address = f"{local.lower()}@{known}"
        if max(len(address), len(text)) <= _MAX_EMAIL:
            return address
    return _validated(text)


@lru_cache(_CACHE_SIZE)
def _ascii_domain(domain: str) -> str | None:
    """Return the domain of mail addresses in its normal form; None where it is invalid."""
    try:
        return _validated(f"x@{domain}").rpartition("@")[2]
    except BadAddress:
        return None


def _validated(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        valid = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise BadAddress(f"{text[:80]!r} is no mail address: {error}") from error
    return (valid.ascii_email or valid.normalized).lower()


def phone_number(text: str, country: str | None) -> str:
    """Return a number in E.164, as +4915112345678; `country` is that of a number without a country code.

    Spreadsheets drop a leading plus, so a number that begins with the calling code of `country` is read both with and
    without one. If both are valid, the only mobile number of the two is returned. Raises BadAddress, also where both
    or none is mobile.
    """
    return _phone_number(text, country)


@lru_cache(_CACHE_SIZE)
def _phone_number(text: str, country: str | None) -> str:
    from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, is_valid_number, parse

    try:
        readings = [parse(text, country), *_without_plus(text, country)]
    except NumberParseException as error:
        raise BadAddress(f"{text[:40]!r} is no phone number; one such as '+49 151 12345678' is right") from error
    valid = {
        format_number(reading, PhoneNumberFormat.E164): reading for reading in readings if is_valid_number(reading)
    }
    if not valid:
        raise BadAddress(f"{text[:40]!r} is no phone number that any network of its country gives out")
    if len(valid) > 1:
        mobile = {number: reading for number, reading in valid.items() if _is_textable(reading)}
        if len(mobile) != 1:
            raise BadAddress(f"{text[:40]!r} may be {' or '.join(valid)}; a number that begins with + is right")
        valid = mobile
    return next(iter(valid))


def readable(read: Callable[[str], str], address: str | None) -> str | None:
    """Return an address in the normal form that `read` gives it; None where it is missing or invalid."""
    try:
        return read(address) if address else None
    except BadAddress:
        return None


def _without_plus(text: str, country: str | None) -> "list[PhoneNumber]":
    """Return the number of a text that begins with the calling code of `country` and lacks its plus; else nothing."""
    from phonenumbers import NumberParseException, country_code_for_region, normalize_digits_only, parse

    code = country_code_for_region(country) if country else 0
    if not code or text.lstrip().startswith(("+", "\uff0b")) or not normalize_digits_only(text).startswith(str(code)):
        return []
    try:
        return [parse(f"+{text.strip()}")]
    except NumberParseException:
        return []


@lru_cache(_CACHE_SIZE)
def _parse(number: str) -> "PhoneNumber":
    """Return an E.164 number as the library has it; it must not be changed."""
    from phonenumbers import parse

    return parse(number)


def _is_textable(number: "PhoneNumber") -> bool:
    """Return whether numbers of this type receive texts. In North America and elsewhere a number has no clear type."""
    from phonenumbers import PhoneNumberType, number_type

    return number_type(number) in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


@lru_cache(_CACHE_SIZE)
def takes_texts(number: str) -> bool:
    """Return whether an E.164 number can receive texts; landlines, pagers, VoIP and service numbers cannot."""
    return _is_textable(_parse(number))


@lru_cache(_CACHE_SIZE)
def country_of(number: str) -> str:
    """Return the ISO code of the country whose number an E.164 number is; empty where it is not known."""
    from phonenumbers import NumberParseException, region_code_for_number

    try:
        return str(region_code_for_number(_parse(number)) or "")
    except NumberParseException:
        return ""


def zones(number: str) -> tuple[str, ...]:
    """Return every time zone in which the phone of an E.164 number may be; none where it is unknown."""
    from phonenumbers import NumberParseException
    from phonenumbers.timezone import time_zones_for_number

    try:
        parsed = _parse(number)
    except NumberParseException:
        return ()
    return tuple(zone for zone in time_zones_for_number(parsed) if zone != UNKNOWN_ZONE)
