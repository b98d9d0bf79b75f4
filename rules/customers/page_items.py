"""Lay out an order's lines as its customer sees them: what came, what comes when, and what does not come any more."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from models.customers import Act, Choice, ChoiceState, DelayReason, PageItem, PageParcel
from models.decisions import LateLine
from models.enums import Promise
from models.orders import LineFacts, OrderFacts, Shipment
from models.quantities import Quantity
from models.shipments import Parcel
from rules.customers.changeable import is_cancelled, pieces_to_send
from rules.customers.headlines import has_arrived
from rules.delays.delays import expected_date

SENT, TO_COME, NOT_COMING = range(3)
"""The three parts of the list, in their order."""
ENDED_BY = {
    (Act.CANCEL, ChoiceState.REQUESTED): "cancel_requested",
    (Act.CANCEL, ChoiceState.DONE): "cancelled",
    (Act.WITHDRAW, ChoiceState.REQUESTED): "cancel_requested",
    (Act.WITHDRAW, ChoiceState.DONE): "cancelled",
    (Act.SWAP, ChoiceState.REQUESTED): "swap_requested",
    (Act.SWAP, ChoiceState.DONE): "swapped",
}
DateRange = tuple[date | None, date | None]
"""The earliest and the latest day on which a line is expected."""


@dataclass(frozen=True, slots=True)
class LineOutlook:
    """What is known about the lines of an order beside their facts; everything is by line number."""

    late: Mapping[str, LateLine] = field(default_factory=dict)
    closing: Mapping[str, Choice] = field(default_factory=dict)
    ranges: Mapping[str, DateRange] = field(default_factory=dict)
    reasons: Mapping[str, DelayReason] = field(default_factory=dict)
    likely: frozenset[str] = frozenset()
    """The lines that are not known to be late, and may be."""
    planned: tuple[Parcel, ...] = ()
    """The parcels still to leave of an order that is sent in several."""


@dataclass(frozen=True, slots=True, order=True)
class _Group:
    """What comes together, in the order in which it comes."""

    part: int
    day: date
    """The latest day there is where none is known."""
    key: str = ""


@dataclass(frozen=True, slots=True)
class _Placed:
    group: _Group
    item: PageItem
    leaves_on: date | None = None
    shipment: Shipment | None = None


def page_parcels(order: OrderFacts, outlook: LineOutlook, as_of: date) -> tuple[PageParcel, ...]:
    """Return an order's items by parcel: those that left, those to come, and at last the items that do not come."""
    placed = [one for line in order.lines for one in _placed(order, line, outlook, as_of)]
    groups: dict[_Group, list[_Placed]] = {}
    for one in sorted(placed, key=lambda one: one.group):
        groups.setdefault(one.group, []).append(one)
    return tuple(_parcel(members) for members in groups.values())


def _parcel(members: Sequence[_Placed]) -> PageParcel:
    shipments = {one.shipment.id: one.shipment for one in members if one.shipment is not None}
    days = [one.leaves_on for one in members]
    leaves_on = None if None in days else max((day for day in days if day is not None), default=None)
    return PageParcel(tuple(one.item for one in members), leaves_on, tuple(shipments.values()))


def page_item(line: LineFacts, outlook: LineOutlook, as_of: date) -> PageItem:
    """Return an open line with all the pieces that are still to leave."""
    late = outlook.late.get(line.number)
    earliest_on, latest_on = outlook.ranges.get(line.number, (None, None))
    return PageItem(
        number=line.number,
        product=line.product,
        quantity=pieces_to_send(line, as_of),
        ships=line.promise is Promise.SHIP,
        promised_on=line.promised_on,
        expected_on=expected_date(line, as_of),
        days_late=late.days if late else 0,
        earliest_on=earliest_on,
        latest_on=latest_on,
        status="packed" if line.packed_by(as_of) else "ready" if line.ready else "open",
        reason=outlook.reasons.get(line.number) if late else None,
        price=line.price,
        may_be_late=line.number in outlook.likely,
    )


def _placed(order: OrderFacts, line: LineFacts, outlook: LineOutlook, as_of: date) -> Iterator[_Placed]:
    item = page_item(line, outlook, as_of)
    yield from _sent(line, item, as_of)
    choice = outlook.closing.get(line.number)
    order_cancelled = order.cancelled_on is not None and order.cancelled_on <= as_of
    if is_cancelled(line, as_of) or (order_cancelled and item.quantity):
        quantity = item.quantity or line.quantity
        yield _Placed(_Group(NOT_COMING, date.max), _ended(item, "cancelled", quantity))
    elif choice is not None and item.quantity:
        status = ENDED_BY[choice.act, choice.state]
        yield _Placed(_Group(NOT_COMING, date.max), _ended(item, status, item.quantity))
    elif line.closed and item.quantity:
        yield _Placed(_Group(SENT, date.min), _ended(item, "arrived", item.quantity))
    elif item.quantity:
        yield _to_come(line, item, outlook)


def _ended(item: PageItem, status: str, quantity: Quantity) -> PageItem:
    return replace(
        item, status=status, quantity=quantity, expected_on=None, earliest_on=None, latest_on=None, days_late=0
    )


def _sent(line: LineFacts, item: PageItem, as_of: date) -> Iterator[_Placed]:
    """Yield the pieces that have left, by parcel; those of no known parcel together."""
    left = [parcel for parcel in line.shipments if parcel.left(as_of)]
    for parcel in left:
        has_come = parcel.delivered(as_of) or has_arrived(line, as_of)
        day = parcel.shipped_on or parcel.delivered_on or date.min
        yield _Placed(_Group(SENT, day, parcel.id), _gone(item, parcel.quantity, has_come), shipment=parcel)
    rest = line.sent(as_of) - sum(parcel.quantity for parcel in left)
    if rest > 0 and not is_cancelled(line, as_of):
        day = line.shipped_on or line.delivered_on or date.min
        yield _Placed(_Group(SENT, day), _gone(item, rest, has_arrived(line, as_of)))


def _gone(item: PageItem, quantity: Quantity, has_come: bool) -> PageItem:  # noqa: FBT001 - a private helper
    if has_come or item.ships:
        return _ended(item, "arrived" if has_come else "sent", quantity)
    return replace(item, quantity=quantity, status="sent")


def _to_come(line: LineFacts, item: PageItem, outlook: LineOutlook) -> _Placed:
    for number, parcel in enumerate(outlook.planned):
        if line.number in parcel.lines:
            group = _Group(TO_COME, parcel.ships_on or date.max, f"parcel {number}")
            return _Placed(group, item, parcel.ships_on)
    day = item.expected_on or (None if item.days_late else item.promised_on)
    return _Placed(_Group(TO_COME, day or date.max), item, day if item.ships else None)
