"""What of an expected date is known, and what is only an estimate: an estimate tells no customer of a delay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from models.date_basis import DateBasis, InboundBasis, InStockBasis
from models.enums import Promise
from models.inventory import DateSource
from models.orders import LineFacts

OF_THIS_LINE = (DateSource.STAFF, DateSource.CARRIER)
"""Who speaks of this very line and sees where it is: what they say is on time needs no warning."""


@dataclass(frozen=True, slots=True)
class DateStanding:
    """How far an expected date can be relied on."""

    estimated: bool = False
    """Whether nobody states it: it is computed from how things usually go."""
    stated_on: date | None = None
    """Of an estimate: the day that a vendor states, before its usual lateness is added; None: none is stated."""
    assured: bool = False
    """Whether the carrier or staff state it of this line."""


def date_standing(source: DateSource, basis: DateBasis | None, promise: Promise) -> DateStanding:
    """Return how far an expected date can be relied on.

    | source   | basis                   | standing                                                              |
    |----------|-------------------------|-----------------------------------------------------------------------|
    | staff    | any                     | a fact, and assured                                                   |
    | carrier  | any                     | a fact, and assured                                                   |
    | vendor   | none                    | a fact: the vendor's word for this line                               |
    | vendor   | the vendor's response   | an estimate; the vendor's own day is a fact                           |
    | stock    | in stock, to ship       | a fact: the next day on which the warehouse sends                     |
    | stock    | in stock, to deliver    | an estimate by the table of transit days                              |
    | stock    | it left                 | an estimate by the table of transit days                              |
    | stock    | none                    | no date                                                               |
    | inbound  | deliveries              | an estimate by the vendor's usual lateness; the vendor's day is a fact |
    | forecast | any                     | a fact: nothing is in stock and nothing is coming                     |
    | shop     | any                     | a fact: the shop's own system says so                                 |

    Goods for the warehouse cannot leave before they were received and packed: whoever loads a line adds those days to
    the vendor's own. Whatever the date is, a promise that has passed is a fact.
    """
    if source in OF_THIS_LINE:
        return DateStanding(assured=True)
    if isinstance(basis, InboundBasis):
        return DateStanding(estimated=True, stated_on=_last_stated(basis))
    if source is DateSource.INBOUND:
        return DateStanding(estimated=True)
    if source is DateSource.STOCK:
        is_fact = isinstance(basis, InStockBasis) and promise is Promise.SHIP
        return DateStanding(estimated=not is_fact)
    return DateStanding()


def _last_stated(basis: InboundBasis) -> date | None:
    days = [promise.promised_on for promise in basis.promises]
    return None if None in days else max((day for day in days if day is not None), default=None)


def known_date(line: LineFacts) -> date | None:
    """Return the expected date of a line as far as it is known; None where it is only an estimate, or unknown."""
    return line.stated_on if line.estimated else line.expected_on


def known_with_parcels(lines: Sequence[LineFacts], held_until: Mapping[str, date | None]) -> tuple[LineFacts, ...]:
    """Return an order's lines; those whose date is that of their parcel are known as far as what they wait for is."""
    free = [line for line in lines if line.number not in held_until and line.shipped_on is None]
    return tuple(
        _known_as(line, free) if free and _is_by_parcel(line, held_until.get(line.number)) else line for line in lines
    )


def _is_by_parcel(line: LineFacts, held_until: date | None) -> bool:
    return held_until is not None and line.shipped_on is None and line.expected_on == held_until


def _known_as(line: LineFacts, free: Sequence[LineFacts]) -> LineFacts:
    """Return a line as far known as those of its day; else, because it is promised otherwise, as the last to come."""
    last = max(one.expected_on or date.max for one in free)
    awaited = [one for one in free if one.expected_on == line.expected_on] or [
        one for one in free if (one.expected_on or date.max) == last
    ]
    if not all(one.estimated for one in awaited):
        return replace(line, estimated=False, stated_on=None, assured=False)
    stated_on = max((one.stated_on for one in awaited if one.stated_on is not None), default=None)
    return replace(line, estimated=True, stated_on=stated_on, assured=False)


def dated_by_staff(line: LineFacts, day: date) -> LineFacts:
    """Return a line as if staff had set its date."""
    return replace(line, expected_on=day, estimated=False, stated_on=None, assured=True)


def is_dated(line: LineFacts, as_of: date) -> bool:
    """Return whether the carrier or staff say when an open line comes; a day that has passed says nothing any more."""
    return line.assured and line.expected_on is not None and as_of <= line.expected_on


def is_assured(line: LineFacts, as_of: date) -> bool:
    """Return whether the carrier or staff say of an open line that it comes as promised."""
    return is_dated(line, as_of) and line.expected_on is not None and line.expected_on <= line.promised_on
