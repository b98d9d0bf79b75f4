"""Send purchase requests to their vendors, each document built from current facts in the turn that marks it.

A crash leaves the requests in flight in doubt. A mail stays in doubt until staff resolve it. On an idempotent channel
the request is sent again under the same id.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, select, update

from channels.transport import DocumentTransport
from models.enums import SkipReason, State
from models.messages import DeliveryOutcome
from models.purchasing import IDEMPOTENT, Document, VendorChannel
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.outbox import queue_messages
from tasks.db.sql import in_list, read_only
from tasks.delivery.backoff import message_retry_delay
from tasks.delivery.message_kind import QUEUE_COLUMNS, Outgoing, Prepared
from tasks.delivery.queue import LeaseHolder, due_filter, mark_abandoned_in_doubt
from tasks.delivery.sender import Sender
from tasks.delivery.summary import DeliverySummary
from tasks.delivery.turn import TurnResult, Turns
from tasks.purchasing.documents import build_document, load_purchase, reduce_lines
from tasks.purchasing.outcomes import RESENT, with_earlier_copy
from tasks.purchasing.requirements import reduced_lines
from tasks.purchasing.vendors import VendorFacts, channel_of, email_of, load_vendors
from tasks.tables import OUTBOX, PURCHASE_REQUESTS, SUPPRESSIONS
from templates.rendering.environment import TemplateError
from templates.rendering.purchasing import PurchaseRenderer

REDUCED_COPY = "it may have arrived before, and its lines need fewer pieces now than it names"
REQUESTS = OUTBOX.join(PURCHASE_REQUESTS, PURCHASE_REQUESTS.c.id == OUTBOX.c.id)


@dataclass(frozen=True, slots=True)
class DispatchWorker:
    """The settings of a dispatch: lease holder, a transport for each vendor id, number of parallel requests, clock."""

    lease_holder: LeaseHolder
    transports: Mapping[str, DocumentTransport]
    concurrency: int
    clock: Callable[[], datetime]


@dataclass(slots=True)
class DispatchSummary(DeliverySummary):
    """The outcomes of one run; `down` is by vendor id."""

    problems: list[str] = field(default_factory=list)
    without_transport: Counter[str] = field(default_factory=Counter)
    """Requests that stay queued because their vendor has no open transport, by vendor id."""


def recover_abandoned(context: Context, worker: DispatchWorker) -> int:
    """Put what an earlier run was sending when it died in doubt, or back in the queue on an idempotent channel.

    Returns how many requests are in doubt and wait for staff.
    """
    now, who = worker.clock(), worker.lease_holder.name
    in_doubt = and_(OUTBOX.c.state == State.IN_DOUBT, OUTBOX.c.channel.in_(list(VendorChannel)))
    with context.engine.begin() as connection:
        abandoned = mark_abandoned_in_doubt(connection, list(VendorChannel), now, who)
        resent = and_(in_doubt, in_list(connection, OUTBOX.c.id, abandoned), OUTBOX.c.channel.in_(list(IDEMPOTENT)))
        requeued = queue_messages(connection, resent, not_before=now, reason=RESENT)
        _store_earlier_copies(connection, requeued, may_have_arrived=True)
        record_events(connection, [(State.QUEUED, request, RESENT) for request in requeued], now, who)
        waiting = select(func.count()).select_from(OUTBOX).where(in_doubt, OUTBOX.c.settled_at.is_(None))
        return connection.execute(waiting).scalar_one()


def _store_earlier_copies(connection: Connection, requests: Collection[str], *, may_have_arrived: bool) -> None:
    if requests:
        changed = update(PURCHASE_REQUESTS).where(in_list(connection, PURCHASE_REQUESTS.c.id, requests))
        connection.execute(changed.values(may_have_arrived=may_have_arrived))


async def dispatch_requests(context: Context, worker: DispatchWorker, renderer: PurchaseRenderer) -> DispatchSummary:
    """Send every due request whose vendor has an open transport. The others stay queued."""
    summary = DispatchSummary()
    vendors, summary.without_transport = _due_vendors(context, worker)
    requests = PurchaseRequests(context, worker, renderer, vendors, summary)

    def count(result: TurnResult) -> None:
        for outcome in result.recorded:
            summary.count(requests.channel_by_id.get(outcome.id, ""), outcome)

    turns = Turns(context, worker.lease_holder, requests)
    await Sender(turns, worker.concurrency, worker.clock, requests.conclude, count).send_all()
    return summary


def _due_vendors(context: Context, worker: DispatchWorker) -> tuple[dict[str, VendorFacts], Counter[str]]:
    """Return the vendors that can be asked, and how many due requests each of the others has."""
    due = due_filter(list(VendorChannel))
    query = select(PURCHASE_REQUESTS.c.vendor_id, func.count()).select_from(REQUESTS).where(due)
    query = query.group_by(PURCHASE_REQUESTS.c.vendor_id)
    with read_only(context.engine) as connection:
        requests: Counter[str] = Counter(dict(connection.execute(query, {"now": worker.clock()}).all()))
        vendors = load_vendors(connection, requests)
    reachable = {key: vendor for key, vendor in vendors.items() if key in worker.transports}
    return reachable, Counter({vendor: n for vendor, n in requests.items() if vendor not in reachable})


@dataclass(slots=True)
class PurchaseRequests:
    """Purchase requests and reminders, as delivery sees them."""

    context: Context
    worker: DispatchWorker
    renderer: PurchaseRenderer
    vendors: Mapping[str, VendorFacts]
    summary: DispatchSummary
    channels: Collection[str] = tuple(VendorChannel)
    channel_by_id: dict[str, VendorChannel] = field(default_factory=dict)
    """The channel of each request that this run has prepared."""
    vendor_by_id: dict[str, str] = field(default_factory=dict)
    not_rendered: set[str] = field(default_factory=set)
    """Requests that stay queued because their templates fail."""
    earlier_copies: set[str] = field(default_factory=set)
    """Requests of which the vendor may have a copy that it never acknowledged."""

    def select(self) -> Select[Any]:
        names = ("vendor_id", "reminder_of", "may_have_arrived")
        query = select(*QUEUE_COLUMNS, *(PURCHASE_REQUESTS.c[name] for name in names)).select_from(REQUESTS)
        may_be_sent = PURCHASE_REQUESTS.c.vendor_id.in_(list(self.vendors))
        return query.where(may_be_sent, OUTBOX.c.id.not_in(bindparam("not_rendered", expanding=True)))

    def parameters(self, as_of: date, now: datetime) -> dict[str, Any]:
        return {"now": now, "not_rendered": sorted(self.not_rendered)}

    def prepare(self, connection: Connection, rows: Sequence[Row[Any]], as_of: date, now: datetime) -> Prepared:
        prepared = Prepared()
        for row in rows:
            vendor = self.vendors[row.vendor_id]
            channel = channel_of(self.context.shop, vendor) or VendorChannel(row.channel)
            self.channel_by_id[row.id], self.vendor_by_id[row.id] = channel, vendor.id
            self.earlier_copies |= {row.id} if row.may_have_arrived else set()
            document = self._document(connection, row, vendor, channel)
            if isinstance(document, DeliveryOutcome):
                prepared.outcomes.append(document)
            elif document is not None:
                prepared.outgoing.append(self._outgoing(connection, row, vendor, channel, document))
        return prepared

    def _document(
        self, connection: Connection, row: Row[Any], vendor: VendorFacts, channel: VendorChannel
    ) -> Document | DeliveryOutcome | None:
        """Return the document to send, or the outcome of a request that must not be sent; None if a template fails."""
        address = email_of(self.context.shop, vendor) if channel is VendorChannel.MAIL else None
        reduced = {} if row.reminder_of else reduced_lines(self.context, connection, row.id)
        if reduced and row.may_have_arrived:  # the vendor may already process the earlier copy
            return DeliveryOutcome(row.id, State.IN_DOUBT, REDUCED_COPY, may_have_arrived=True)
        reduce_lines(connection, reduced)
        purchase = load_purchase(self.context, connection, row._asdict())
        if purchase is None:
            return DeliveryOutcome(row.id, State.SKIPPED, SkipReason.CHANGED)
        if _is_suppressed(connection, address):
            return DeliveryOutcome(row.id, State.REJECTED, SkipReason.SUPPRESSED)
        try:
            return build_document(self.context, self.renderer, purchase, vendor, channel)
        except TemplateError as error:
            self.summary.problems.append(str(error))
            self.not_rendered.add(row.id)
            return None

    def _outgoing(
        self, connection: Connection, row: Row[Any], vendor: VendorFacts, channel: VendorChannel, document: Document
    ) -> Outgoing:
        if channel != row.channel:
            connection.execute(update(OUTBOX).where(OUTBOX.c.id == row.id).values(channel=channel))
        address = email_of(self.context.shop, vendor) if channel is VendorChannel.MAIL else None
        transport = self.worker.transports[vendor.id]
        return Outgoing(row.id, channel, row.attempts, lambda: transport.send(document), address and address.lower())

    def conclude(self, outgoing: Outgoing, outcome: DeliveryOutcome, now: datetime) -> DeliveryOutcome:
        if outcome.channel_down:
            self.summary.down[self.vendor_by_id[outgoing.id]] = outcome.reason
        return with_earlier_copy(
            outcome,
            idempotent=outgoing.channel in IDEMPOTENT,
            may_have_arrived=outgoing.id in self.earlier_copies,
            retry_at=now + message_retry_delay(outgoing.id, outgoing.attempts),
        )

    def follow_up(self, connection: Connection, recorded: Sequence[DeliveryOutcome], as_of: date) -> None:
        for may_have_arrived in (True, False):
            requests = [outcome.id for outcome in recorded if outcome.may_have_arrived is may_have_arrived]
            _store_earlier_copies(connection, requests, may_have_arrived=may_have_arrived)


def _is_suppressed(connection: Connection, address: str | None) -> bool:
    suppression = select(SUPPRESSIONS.c.address).where(SUPPRESSIONS.c.address == (address or "").lower())
    return connection.execute(suppression).first() is not None
