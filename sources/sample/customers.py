"""The sample shop's customers: their number alone says who they are."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

OPTED_OUT, BAD_MAIL, NO_ADDRESS = 1, 2, 3
"""The first customers of each kind that cannot be written to; a larger shop has more of them."""

SHOWN = 18
"""A customer with every way to be reached, who is awaiting the order that trials look at."""

PREFERS = {4: "sms", 9: "email"}
SITES = ("com", "org", "net")


def customers_rows(count: int, countries: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the rows of customers.csv; each country has its share of them, and neighbours live apart."""
    homes = [(country, place) for country in countries for place in range(country["share"])]
    for number in range(count):
        again, place = divmod(number, len(homes))
        country, nth = homes[place * 7 % len(homes)]  # 7 and 20 share no factor, so that every home is met
        yield _row(number, country, again * country["share"] + nth)


def _row(number: int, country: dict[str, Any], nth: int) -> str:
    name, again = _name(country["first"].split(), country["last"].split(), nth)
    zone = country["zones"][nth % len(country["zones"])]
    email, phone = f"{_plain(name)}{again or ''}@example.{SITES[number % len(SITES)]}", _phone(country["phones"], nth)
    if number % 211 == BAD_MAIL:
        email, phone = email.replace("@", " at "), ""
    if number % 307 == NO_ADDRESS:
        email, phone = "", ""
    marks = (number % 5 in (0, 3), number % 3 == 0, number % 97 == OPTED_OUT)
    said = ",".join("yes" if mark else "no" for mark in marks)
    prefers = PREFERS.get(number % 13, "")
    return f"C{number + 1},{name},{email},{phone},{country['code']},{country['locale']},{zone},{prefers},{said}\n"


def _name(first: list[str], last: list[str], nth: int) -> tuple[str, int]:
    """Return the nth pair of names, and how often all pairs were used up before it."""
    again, pair = divmod(nth, len(first) * len(last))
    turn, place = divmod(pair, len(first))
    return f"{first[place]} {last[(place * 5 + turn) % len(last)]}", again


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode().replace(" ", ".")


def _phone(forms: list[str], nth: int) -> str:
    """Return a number of the country; a large shop has fewer of them than people."""
    if not forms:
        return ""
    phone, digits = forms[nth % len(forms)], 37 * nth + 11
    while "#" in phone:
        digits, digit = divmod(digits, 10)
        phone = phone.replace("#", str(digit), 1)
    return phone
