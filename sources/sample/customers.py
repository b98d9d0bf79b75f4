"""Generate the sample shop's customers. Each one depends on its number alone."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

OPTED_OUT, BAD_MAIL, NO_ADDRESS = 1, 2, 3
"""The numbers of the first customers of each kind that cannot be contacted. A larger shop has more of them."""

REFERENCE_CUSTOMER = 18
"""A customer with every contact channel, who waits for REFERENCE_ORDER."""

PREFERRED_CHANNELS = {4: "sms", 9: "email"}
TOP_LEVEL_DOMAINS = ("com", "org", "net")


def customers_rows(count: int, countries: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the rows of customers.csv. Each country has its share, and consecutive customers differ in country."""
    homes = [(country, place) for country in countries for place in range(country["share"])]
    for number in range(count):
        repetition, place = divmod(number, len(homes))
        country, nth = homes[place * 7 % len(homes)]  # 7 and 20 have no common factor, so every home is used
        yield _row(number, country, repetition * country["share"] + nth)


def _row(number: int, country: dict[str, Any], nth: int) -> str:
    name, repetition = _name(country["first"].split(), country["last"].split(), nth)
    zone = country["zones"][nth % len(country["zones"])]
    email, phone = (
        f"{_plain(name)}{repetition or ''}@example.{TOP_LEVEL_DOMAINS[number % len(TOP_LEVEL_DOMAINS)]}",
        _phone(country["phones"], nth),
    )
    if number % 211 == BAD_MAIL:
        email, phone = email.replace("@", " at "), ""
    if number % 307 == NO_ADDRESS:
        email, phone = "", ""
    flags = (number % 5 in (0, 3), number % 3 == 0, number % 97 == OPTED_OUT)
    flag_cells = ",".join("yes" if flag else "no" for flag in flags)
    preferred = PREFERRED_CHANNELS.get(number % 13, "")
    return (
        f"C{number + 1},{name},{email},{phone},{country['code']},{country['locale']},{zone},{preferred},{flag_cells}\n"
    )


def _name(first: list[str], last: list[str], nth: int) -> tuple[str, int]:
    """Return the nth full name, and how many times all combinations were used before it."""
    repetition, pair = divmod(nth, len(first) * len(last))
    row, place = divmod(pair, len(first))
    return f"{first[place]} {last[(place * 5 + row) % len(last)]}", repetition


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode().replace(" ", ".")


def _phone(forms: list[str], nth: int) -> str:
    """Return a phone number of the country. In a large shop numbers repeat."""
    if not forms:
        return ""
    phone, digits = forms[nth % len(forms)], 37 * nth + 11
    while "#" in phone:
        digits, digit = divmod(digits, 10)
        phone = phone.replace("#", str(digit), 1)
    return phone
