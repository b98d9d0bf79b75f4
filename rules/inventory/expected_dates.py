"""The expected date of an open line, and which source it comes from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from models.date_basis import InStockBasis
from models.inventory import MAX_DAYS_AHEAD, AllocationPart, Coverage, DateSource, ExpectedDate
from models.quantities import plain
from rules.inventory.allocation import IN_STOCK, is_all_in_stock
from rules.inventory.inbound_dates import InboundDate, inbound_basis
from rules.inventory.line_inputs import ACCEPTED, DateCase, DateInputs, all_dated
from rules.inventory.transit import TransitTimes


def expected_date_for(
    line: DateInputs,
    parts: Sequence[AllocationPart],
    inbound_dates: Mapping[str, InboundDate],
    transit: TransitTimes,
    as_of: date,
) -> ExpectedDate | None:
    """Return when a line is expected, by the first source of DateSource that has a date which has not passed.

    `parts` is what the line was allocated, empty where the shop keeps no stock of its product; `inbound_dates` are the
    deliveries by id. None: no source knows more than the shop's own date, which stands.
    """
    case = DateCase(line, parts, inbound_dates, transit, as_of)
    for source in DateSource:
        if (expected := RULES_BY_SOURCE[source](case)) is not None:
            return expected
    return _unknown(case) if line.stocked else None


def _staff(case: DateCase) -> ExpectedDate | None:
    override = case.line.previous_from(DateSource.STAFF)
    if override is not None and override.expected_on is not None and override.expected_on >= case.as_of:
        return override
    return _stated(case, DateSource.STAFF, "staff say so")


def _carrier(case: DateCase) -> ExpectedDate | None:
    return _stated(case, DateSource.CARRIER, "the carrier says so")


def _vendor(case: DateCase) -> ExpectedDate | None:
    """Expect a line by its vendor's response, where that and the line's other parts cover all of it.

    | line                            | the response must cover | and these other parts must have dates        |
    |---------------------------------|-------------------------|----------------------------------------------|
    | sent by the vendor itself       | all pieces              | none                                         |
    | all in stock                    | (stock decides)         |                                              |
    | stock and accepted cover all    | the uncovered pieces    | those in stock                               |
    | else                            | the uncovered pieces    | those in stock and those with deliveries     |

    Where they do not, or the response has no date, the date that the shop's data has from the vendor counts.
    """
    line, response = case.line, case.shown_vendor_response()
    if is_all_in_stock(case.parts) and not line.drop_shipped:
        return None
    to_cover, other_dates = line.quantity, list[date | None]()
    if not line.drop_shipped:
        to_cover, other_dates = case.quantity_by(Coverage.UNCOVERED), case.fulfilment_dates(*IN_STOCK)
        if case.quantity_by(*IN_STOCK) + line.accepted < line.quantity:
            other_dates += case.fulfilment_dates(Coverage.INBOUND)
    if response is None or response.available_on is None or line.accepted < to_cover or not all_dated(other_dates):
        return _stated(case, DateSource.VENDOR, "the vendor says so")
    return _by_vendor_response(case, response, other_dates)


def _by_vendor_response(case: DateCase, response: InboundDate, other_dates: Sequence[date]) -> ExpectedDate:
    line, direct = case.line, case.line.drop_shipped
    dates = [case.fulfilment_date(response.available_on, direct=direct), *other_dates]
    accepted = f"{plain(line.accepted)} of {plain(line.quantity)}" if line.accepted < line.quantity else "it"
    expected = ExpectedDate(
        DateSource.VENDOR,
        max(day for day in dates if day is not None),
        f"the vendor accepted {accepted}, {response.why}",
        case.fulfilment_date(response.earliest_on, direct=direct),
        case.fulfilment_date(response.latest_on, direct=direct),
        response.probability,
        basis=inbound_basis({ACCEPTED: response}),
    )
    return _keep_probability(case, expected)


def _stock(case: DateCase) -> ExpectedDate | None:
    """Expect a line that is all in stock, by these four cases; `soonest` is as if it was packed today.

    | shown date (same promise and destination) | promised day    | expected                                      |
    |-------------------------------------------|-----------------|-----------------------------------------------|
    | none                                      | any             | soonest                                       |
    | has not passed                            | any             | the shown date, or earlier: by the promised   |
    |                                           |                 | day, or soonest where that is later           |
    | has passed                                | has not passed  | the promised day, or soonest if that is later |
    | has passed                                | has passed      | no date                                       |

    In the last case it is unknown what delays the line. A new day each morning would be broken each evening.
    """
    if not is_all_in_stock(case.parts):
        return None
    soonest = max(day for day in case.fulfilment_dates(*IN_STOCK) if day is not None)
    in_time = max(soonest, case.line.promised_on)
    basis = InStockBasis(case.line.promise, case.line.country)
    shown, why = case.line.previous_from(DateSource.STOCK), case.describe_coverage()
    if shown is None or shown.basis != basis:
        return ExpectedDate(DateSource.STOCK, soonest, why, basis=basis)
    if shown.expected_on is not None and shown.expected_on >= case.as_of:
        return ExpectedDate(DateSource.STOCK, min(shown.expected_on, in_time), why, basis=basis)
    if case.line.promised_on >= case.as_of:
        return ExpectedDate(DateSource.STOCK, in_time, why, basis=basis)
    return ExpectedDate(DateSource.STOCK, None, f"{why}, and yet it has not left in time", basis=basis)


def _inbound(case: DateCase) -> ExpectedDate | None:
    parts, dates = case.inbound_parts(), case.fulfilment_dates(Coverage.INBOUND)
    if not dates or not all_dated(dates) or case.quantity_by(Coverage.UNCOVERED):
        return None
    deliveries = {part.inbound: case.inbound_dates[part.inbound] for part in parts}
    probabilities = [delivery.probability for delivery in deliveries.values() if delivery.probability is not None]
    expected = ExpectedDate(
        DateSource.INBOUND,
        max(day for day in (*dates, *case.fulfilment_dates(*IN_STOCK)) if day is not None),
        case.describe_coverage(),
        _last_fulfilment_date(case, [delivery.earliest_on for delivery in deliveries.values()]),
        _last_fulfilment_date(case, [delivery.latest_on for delivery in deliveries.values()]),
        min(probabilities) if len(probabilities) == len(deliveries) else None,
        basis=inbound_basis(deliveries),
    )
    return _keep_probability(case, expected)


def _keep_probability(case: DateCase, expected: ExpectedDate) -> ExpectedDate:
    """Keep the probability of the day on which a date was first computed, as long as its basis stays."""
    shown = case.line.previous_from(expected.source)
    if shown is None or shown.basis != expected.basis:
        return expected
    return replace(expected, probability=shown.probability)


def _forecast(case: DateCase) -> ExpectedDate | None:
    """Expect a line by its vendor's usual lead time. The date is computed once, and unknown after it has passed."""
    why = _why_lead_time(case)
    if why is None or case.line.lead_days is None:
        return None
    shown = case.line.previous_from(DateSource.FORECAST)
    if shown is None and case.line.first_forecast is None:
        due_on = case.as_of + timedelta(days=case.line.lead_days)
        day = case.fulfilment_date(case.transit.available_date(due_on, case.line.vendor_country))
    else:
        day = shown.expected_on if shown else case.line.first_forecast
    return None if day is None or day < case.as_of else ExpectedDate(DateSource.FORECAST, day, why)


def _why_lead_time(case: DateCase) -> str | None:
    """Return the sentence for a line that waits for its vendor's lead time; None where it waits for something else."""
    lead_days = case.line.lead_days
    if not case.quantity_by(Coverage.UNCOVERED) or not all_dated(case.fulfilment_dates(Coverage.INBOUND)):
        return None
    if lead_days is None or lead_days > MAX_DAYS_AHEAD:
        return None
    return f"{case.describe_coverage()}; the vendor takes {lead_days} days as a rule"


def _shop(case: DateCase) -> ExpectedDate | None:
    if not case.line.stocked:
        return None
    return _stated(case, DateSource.SHOP, f"{case.describe_coverage()}; the shop's system says so")


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
    day = case.line.stated.get(source)
    return None if day is None or day < case.as_of else ExpectedDate(source, day, why)


def _unknown(case: DateCase) -> ExpectedDate:
    if (why := _why_lead_time(case)) is not None:
        return ExpectedDate(DateSource.FORECAST, None, f"{why}, and they are over")
    source = DateSource.INBOUND if case.quantity_by(Coverage.INBOUND) else DateSource.STOCK
    return ExpectedDate(source, None, case.describe_coverage())


def _last_fulfilment_date(case: DateCase, available_on: Iterable[date | None]) -> date | None:
    dates = [case.fulfilment_date(day) for day in available_on]
    return max(dates) if all_dated(dates) else None
