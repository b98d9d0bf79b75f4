"""When a line is expected, and who says so: of all who say anything, the one most worth believing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from models.inventory import MAX_DAYS_AHEAD, AllocationPart, Coverage, DateSource, ExpectedDate
from models.quantities import Quantity, plain
from rules.inventory.allocation import IN_STOCK, ready
from rules.inventory.inbound_dates import InboundDate, basis
from rules.inventory.line_inputs import ACCEPTED, DateCase, DateInputs
from rules.inventory.transit import TransitTimes


def expected_date_for(
    line: DateInputs,
    pieces: Sequence[AllocationPart],
    coming: Mapping[str, InboundDate],
    journey: TransitTimes,
    as_of: date,
) -> ExpectedDate | None:
    """Say when a line is expected; the order of DateSource is the order of belief. A date that has passed says nothing.

    `pieces` is what the line got, none where the shop keeps no stock of its product; `coming` are the deliveries by
    id. None: nobody says more than the shop's own date, which stays as it is.
    """
    case = DateCase(line, pieces, coming, journey, as_of)
    for source in DateSource:
        if (found := RULES_BY_SOURCE[source](case)) is not None:
            return found
    return _unknown(case) if line.stocked else None


def _staff(case: DateCase) -> ExpectedDate | None:
    word = case.line.stands(DateSource.STAFF)
    if word is not None and word.expected_on is not None and word.expected_on >= case.as_of:
        return word
    return _stated(case, DateSource.STAFF, "staff say so")


def _carrier(case: DateCase) -> ExpectedDate | None:
    return _stated(case, DateSource.CARRIER, "the carrier says so")


def _vendor(case: DateCase) -> ExpectedDate | None:
    """Believe the vendor of the pieces it accepted; of those that lie in stock, or come otherwise, it knows nothing."""
    if case.line.drop_shipped:
        return _vendor_response(case, case.line.quantity, [], direct=True)
    if ready(case.pieces):
        return None
    others = case.days(Coverage.INBOUND) if case.how_many(*IN_STOCK) + case.line.accepted < case.line.quantity else []
    missing = case.how_many(Coverage.NOTHING)
    return _vendor_response(case, missing, [*others, *case.days(*IN_STOCK)])


def _vendor_response(
    case: DateCase, asked: Quantity, others: Sequence[date | None], *, direct: bool = False
) -> ExpectedDate | None:
    """Expect a line by the vendor's answer about so many pieces at least, and when the others do as was promised."""
    answer, accepted = case.answer(), case.line.accepted
    if answer is None or answer.ready_on is None or accepted < asked or None in others:
        return _stated(case, DateSource.VENDOR, "the vendor says so")
    days = [case.day(answer.ready_on, direct=direct), *others]
    some = f"{plain(accepted)} of {plain(case.line.quantity)}" if accepted < case.line.quantity else "it"
    found = ExpectedDate(
        DateSource.VENDOR,
        max(day for day in days if day is not None),
        f"the vendor accepted {some}, {answer.why}",
        case.day(answer.earliest_on, direct=direct),
        case.day(answer.latest_on, direct=direct),
        answer.probability,
        basis=basis({ACCEPTED: answer}),
    )
    return _keep_confidence(case, found)


def _stock(case: DateCase) -> ExpectedDate | None:
    """Expect what lies in stock to go at once. Where it could have gone and did not, the promised day is what counts.

    So a line that lies ready has the same date day after day. Once that and the promised day have passed, nobody knows
    what keeps it, or whether it is there at all: a new day each morning would be broken each evening.
    """
    if not ready(case.pieces):
        return None
    soonest = max(day for day in case.days(*IN_STOCK) if day is not None)
    in_time = max(soonest, case.line.promised_on)
    before, known = case.line.stands(DateSource.STOCK), f"in stock, to {case.line.promise} to {case.line.country}"
    if before is None or before.basis != known:
        return ExpectedDate(DateSource.STOCK, soonest, case.words(), basis=known)
    if before.expected_on is not None and before.expected_on >= case.as_of:
        return ExpectedDate(DateSource.STOCK, min(before.expected_on, in_time), case.words(), basis=known)
    if case.line.promised_on >= case.as_of:
        return ExpectedDate(DateSource.STOCK, in_time, case.words(), basis=known)
    return ExpectedDate(DateSource.STOCK, None, f"{case.words()}, and yet it has not left in time", basis=known)


def _inbound(case: DateCase) -> ExpectedDate | None:
    days = case.days(Coverage.INBOUND)
    if not days or None in days or case.how_many(Coverage.NOTHING):
        return None
    their = [case.coming[one.inbound] for one in case.pieces if one.cover is Coverage.INBOUND]
    probabilities = [one.probability for one in their if one.probability is not None]
    found = ExpectedDate(
        DateSource.INBOUND,
        max(day for day in (*days, *case.days(*IN_STOCK)) if day is not None),
        case.words(),
        _last(case, [one.earliest_on for one in their]),
        _last(case, [one.latest_on for one in their]),
        min(probabilities) if len(probabilities) == len(their) else None,
        basis=basis({one: case.coming[one] for one in case.inbounds()}),
    )
    return _keep_confidence(case, found)


def _keep_confidence(case: DateCase, found: ExpectedDate) -> ExpectedDate:
    """Say how likely a day was when it was first reckoned, as long as it is kept."""
    before = case.line.stands(found.source)
    return found if before is None or before.basis != found.basis else replace(found, probability=before.probability)


def _forecast(case: DateCase) -> ExpectedDate | None:
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
    return None if day is None or day < case.as_of else ExpectedDate(DateSource.FORECAST, day, why)


def _lead_time(case: DateCase) -> str | None:
    """Say why the vendor's lead time is what a line waits for; None where it is not."""
    lead_days = case.line.lead_days
    if not case.how_many(Coverage.NOTHING) or None in case.days(Coverage.INBOUND):
        return None
    if lead_days is None or lead_days > MAX_DAYS_AHEAD:
        return None
    return f"{case.words()}; the vendor takes {lead_days} days as a rule"


def _shop(case: DateCase) -> ExpectedDate | None:
    return _stated(case, DateSource.SHOP, f"{case.words()}; the shop's system says so") if case.line.stocked else None


RULES_BY_SOURCE: dict[DateSource, Callable[[DateCase], ExpectedDate | None]] = {
    DateSource.STAFF: _staff,
    DateSource.CARRIER: _carrier,
    DateSource.VENDOR: _vendor,
    DateSource.STOCK: _stock,
    DateSource.INBOUND: _inbound,
    DateSource.FORECAST: _forecast,
    DateSource.SHOP: _shop,
}


def _stated(case: DateCase, source: DateSource, why: str) -> ExpectedDate | None:
    day = case.line.said.get(source)
    return None if day is None or day < case.as_of else ExpectedDate(source, day, why)


def _unknown(case: DateCase) -> ExpectedDate:
    if (why := _lead_time(case)) is not None:
        return ExpectedDate(DateSource.FORECAST, None, f"{why}, and they are over")
    source = DateSource.INBOUND if case.how_many(Coverage.INBOUND) else DateSource.STOCK
    return ExpectedDate(source, None, case.words())


def _last(case: DateCase, ready_on: Sequence[date | None]) -> date | None:
    days = [case.day(day) for day in ready_on]
    return None if None in days else max(day for day in days if day is not None)
