"""When a line is expected, and who says so: of all who say anything, the one most worth believing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from models.inventory import LONGEST, Cover, DateSource, Expectation, Piece
from models.quantities import Quantity, plain
from rules.inventory.allocation import AT_HAND, ready
from rules.inventory.inbound_dates import Coming, basis
from rules.inventory.line_inputs import ACCEPTED, Awaited, Case
from rules.inventory.transit import Journey


def expect(
    line: Awaited, pieces: Sequence[Piece], coming: Mapping[str, Coming], journey: Journey, as_of: date
) -> Expectation | None:
    """Say when a line is expected; the order of DateSource is the order of belief. A date that has passed says nothing.

    `pieces` is what the line got, none where the shop keeps no stock of its product; `coming` are the deliveries by
    id. None: nobody says more than the shop's own date, which stays as it is.
    """
    case = Case(line, pieces, coming, journey, as_of)
    for source in DateSource:
        if (found := BELIEVED[source](case)) is not None:
            return found
    return _unknown(case) if line.stocked else None


def _staff(case: Case) -> Expectation | None:
    word = case.line.stands(DateSource.STAFF)
    if word is not None and word.expected_on is not None and word.expected_on >= case.as_of:
        return word
    return _said(case, DateSource.STAFF, "staff say so")


def _carrier(case: Case) -> Expectation | None:
    return _said(case, DateSource.CARRIER, "the carrier says so")


def _vendor(case: Case) -> Expectation | None:
    """Believe the vendor of the pieces it accepted; of those that lie in stock, or come otherwise, it knows nothing."""
    if case.line.drop_shipped:
        return _answered(case, case.line.quantity, [], direct=True)
    if ready(case.pieces):
        return None
    others = case.days(Cover.INBOUND) if case.how_many(*AT_HAND) + case.line.accepted < case.line.quantity else []
    missing = case.how_many(Cover.NOTHING)
    return _answered(case, missing, [*others, *case.days(*AT_HAND)])


def _answered(
    case: Case, asked: Quantity, others: Sequence[date | None], *, direct: bool = False
) -> Expectation | None:
    """Expect a line by the vendor's answer about so many pieces at least, and when the others do as was promised."""
    answer, accepted = case.answer(), case.line.accepted
    if answer is None or answer.ready_on is None or accepted < asked or None in others:
        return _said(case, DateSource.VENDOR, "the vendor says so")
    days = [case.day(answer.ready_on, direct=direct), *others]
    some = f"{plain(accepted)} of {plain(case.line.quantity)}" if accepted < case.line.quantity else "it"
    found = Expectation(
        DateSource.VENDOR,
        max(day for day in days if day is not None),
        f"the vendor accepted {some}, {answer.why}",
        case.day(answer.earliest_on, direct=direct),
        case.day(answer.latest_on, direct=direct),
        answer.chance,
        basis=basis({ACCEPTED: answer}),
    )
    return _steady(case, found)


def _stock(case: Case) -> Expectation | None:
    """Expect what lies in stock to go at once. Where it could have gone and did not, the promised day is what counts.

    So a line that lies ready has the same date day after day. Once that and the promised day have passed, nobody knows
    what keeps it, or whether it is there at all: a new day each morning would be broken each evening.
    """
    if not ready(case.pieces):
        return None
    soonest = max(day for day in case.days(*AT_HAND) if day is not None)
    in_time = max(soonest, case.line.promised_on)
    before, known = case.line.stands(DateSource.STOCK), f"in stock, to {case.line.promise} to {case.line.country}"
    if before is None or before.basis != known:
        return Expectation(DateSource.STOCK, soonest, case.words(), basis=known)
    if before.expected_on is not None and before.expected_on >= case.as_of:
        return Expectation(DateSource.STOCK, min(before.expected_on, in_time), case.words(), basis=known)
    if case.line.promised_on >= case.as_of:
        return Expectation(DateSource.STOCK, in_time, case.words(), basis=known)
    return Expectation(DateSource.STOCK, None, f"{case.words()}, and yet it has not left in time", basis=known)


def _inbound(case: Case) -> Expectation | None:
    days = case.days(Cover.INBOUND)
    if not days or None in days or case.how_many(Cover.NOTHING):
        return None
    their = [case.coming[one.inbound] for one in case.pieces if one.cover is Cover.INBOUND]
    chances = [one.chance for one in their if one.chance is not None]
    found = Expectation(
        DateSource.INBOUND,
        max(day for day in (*days, *case.days(*AT_HAND)) if day is not None),
        case.words(),
        _last(case, [one.earliest_on for one in their]),
        _last(case, [one.latest_on for one in their]),
        min(chances) if len(chances) == len(their) else None,
        basis=basis({one: case.coming[one] for one in case.inbounds()}),
    )
    return _steady(case, found)


def _steady(case: Case, found: Expectation) -> Expectation:
    """Say how likely a day was when it was first reckoned, as long as it is kept."""
    before = case.line.stands(found.source)
    return found if before is None or before.basis != found.basis else replace(found, chance=before.chance)


def _forecast(case: Case) -> Expectation | None:
    """Reckon by the vendor's usual lead time, once: the date stands until it has passed, and then nobody knows."""
    why = _lead_time(case)
    if why is None or case.line.lead_days is None:
        return None
    before = case.line.stands(DateSource.FORECAST)
    if before is None and case.line.foreseen is None:
        comes_on = case.as_of + timedelta(days=case.line.lead_days)
        day = case.day(case.journey.at_hand(comes_on, case.line.vendor_country))
    else:
        day = before.expected_on if before else case.line.foreseen
    return None if day is None or day < case.as_of else Expectation(DateSource.FORECAST, day, why)


def _lead_time(case: Case) -> str | None:
    """Say why the vendor's lead time is what a line waits for; None where it is not."""
    lead_days = case.line.lead_days
    if not case.how_many(Cover.NOTHING) or None in case.days(Cover.INBOUND):
        return None
    if lead_days is None or lead_days > LONGEST:
        return None
    return f"{case.words()}; the vendor takes {lead_days} days as a rule"


def _shop(case: Case) -> Expectation | None:
    return _said(case, DateSource.SHOP, f"{case.words()}; the shop's system says so") if case.line.stocked else None


BELIEVED: dict[DateSource, Callable[[Case], Expectation | None]] = {
    DateSource.STAFF: _staff,
    DateSource.CARRIER: _carrier,
    DateSource.VENDOR: _vendor,
    DateSource.STOCK: _stock,
    DateSource.INBOUND: _inbound,
    DateSource.FORECAST: _forecast,
    DateSource.SHOP: _shop,
}


def _said(case: Case, source: DateSource, why: str) -> Expectation | None:
    day = case.line.said.get(source)
    return None if day is None or day < case.as_of else Expectation(source, day, why)


def _unknown(case: Case) -> Expectation:
    if (why := _lead_time(case)) is not None:
        return Expectation(DateSource.FORECAST, None, f"{why}, and they are over")
    source = DateSource.INBOUND if case.how_many(Cover.INBOUND) else DateSource.STOCK
    return Expectation(source, None, case.words())


def _last(case: Case, ready_on: Sequence[date | None]) -> date | None:
    days = [case.day(day) for day in ready_on]
    return None if None in days else max(day for day in days if day is not None)
