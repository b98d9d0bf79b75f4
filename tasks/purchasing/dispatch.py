"""Send purchase requests to their vendors: claim, build the document from current facts, mark, send, record.

No database transaction is open while a vendor is called. A crash leaves the requests in flight in doubt. A mail stays
in doubt until staff resolve it. On an idempotent channel the request is sent again under the same id.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from channels.transport import DocumentTransport
from models.enums import SkipReason, State
from models.messages import DeliveryOutcome
from models.purchasing import IDEMPOTENT, Document, VendorChannel
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.sql import in_list
from tasks.delivery.backoff import message_retry_delay
from tasks.delivery.outcomes import record_outcomes
from tasks.delivery.queue import CLEAR_LEASE, LeaseHolder, claim, mark_abandoned_in_doubt, mark_sending, release_claims
from tasks.delivery.worker import DeliverySummary, outcome_or_retry
from tasks.purchasing.documents import build_document, load_purchase, reduce_lines
from tasks.purchasing.outcomes import RESENT, DispatchOutcome, with_earlier_copy
from tasks.purchasing.requirements import reduced_lines
from tasks.purchasing.vendors import VendorFacts, channel_of, email_of, load_vendors
from tasks.tables import PURCHASE_REQUESTS, SUPPRESSIONS
from templates.rendering.environment import TemplateError
from templates.rendering.purchasing import PurchaseRenderer

MAX_REQUESTS_PER_RUN = 10_000
REDUCED_COPY = "it may have arrived before, and its lines need fewer pieces now than it names"


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
    in_doubt = PURCHASE_REQUESTS.c.state == State.IN_DOUBT
    with context.engine.begin() as connection:
        abandoned = mark_abandoned_in_doubt(connection, PURCHASE_REQUESTS, now, who)
        requeued = connection.execute(
            update(PURCHASE_REQUESTS)
            .where(in_doubt, in_list(connection, PURCHASE_REQUESTS.c.id, abandoned))
            .where(PURCHASE_REQUESTS.c.channel.in_(list(IDEMPOTENT)))
            .values(**CLEAR_LEASE, state=State.QUEUED, not_before=now, reason=RESENT, may_have_arrived=True)
            .returning(PURCHASE_REQUESTS.c.id)
        ).scalars()
        record_events(connection, [(State.QUEUED, request, RESENT) for request in requeued], now, who)
        return len(connection.execute(select(PURCHASE_REQUESTS.c.id).where(in_doubt)).all())


async def dispatch_requests(context: Context, worker: DispatchWorker, renderer: PurchaseRenderer) -> DispatchSummary:
    """Send every due request whose vendor has an open transport. The others stay queued."""
    claims, vendors, without_transport = await asyncio.to_thread(_claim, context, worker)
    summary = DispatchSummary(without_transport=without_transport)
    dispatcher = _Dispatcher(context, worker, renderer, vendors, summary)
    slots = asyncio.Semaphore(worker.concurrency)

    async def dispatch(row: Mapping[str, Any]) -> None:
        async with slots:
            await dispatcher.dispatch(row)

    async with asyncio.TaskGroup() as group:
        for row in claims:
            group.create_task(dispatch(row))
    return summary


def _claim(
    context: Context, worker: DispatchWorker
) -> tuple[list[Mapping[str, Any]], dict[str, VendorFacts], Counter[str]]:
    """Claim the due requests; return those that can be sent, their vendors, and how many others each vendor has."""
    with context.engine.begin() as connection:
        rows = claim(
            connection,
            PURCHASE_REQUESTS,
            worker.lease_holder,
            worker.clock(),
            list(VendorChannel),
            MAX_REQUESTS_PER_RUN,
        )
        vendors = load_vendors(connection, {row["vendor_id"] for row in rows})
        reachable = worker.transports.keys() & vendors.keys()
        unreachable = [row for row in rows if row["vendor_id"] not in reachable]
        release_claims(connection, PURCHASE_REQUESTS, worker.lease_holder, [row["id"] for row in unreachable])
    claims = [row for row in rows if row["vendor_id"] in reachable]
    return claims, vendors, Counter(row["vendor_id"] for row in unreachable)


@dataclass(frozen=True, slots=True)
class _Dispatcher:
    """Sends the claimed requests of one run."""

    context: Context
    worker: DispatchWorker
    renderer: PurchaseRenderer
    vendors: Mapping[str, VendorFacts]
    summary: DispatchSummary

    async def dispatch(self, row: Mapping[str, Any]) -> None:
        """Send one request and record the outcome."""
        vendor = self.vendors[row["vendor_id"]]
        channel = channel_of(self.context.shop, vendor) or VendorChannel(row["channel"])
        document = await asyncio.to_thread(self._document, row, vendor, channel)
        if isinstance(document, DispatchOutcome):
            await self._record(document, channel)
        elif document is not None and await asyncio.to_thread(self._mark_sending, row, channel):
            sending = asyncio.create_task(self.worker.transports[vendor.id].send(document))
            await asyncio.wait([sending])
            await self._record(self._outcome(row, channel, sending), channel)

    def _document(
        self, row: Mapping[str, Any], vendor: VendorFacts, channel: VendorChannel
    ) -> Document | DispatchOutcome | None:
        """Return the document to send, or the outcome of a request that must not be sent.

        Returns None when the claim is lost, or released because the templates fail.
        """
        address = email_of(self.context.shop, vendor) if channel is VendorChannel.MAIL else None
        with self.context.engine.begin() as connection:
            if not self._lock_claim(connection, row):
                return None
            reduced = {} if row["reminder_of"] else reduced_lines(self.context, connection, row["id"])
            if reduced and row["may_have_arrived"]:  # the vendor may already process the earlier copy
                return DispatchOutcome(DeliveryOutcome(row["id"], State.IN_DOUBT, REDUCED_COPY), may_have_arrived=True)
            reduce_lines(connection, reduced)
            purchase = load_purchase(self.context, connection, row)
            suppressed = _is_suppressed(connection, address)
        if purchase is None:
            return DispatchOutcome(DeliveryOutcome(row["id"], State.SKIPPED, SkipReason.CHANGED))
        if suppressed:
            return DispatchOutcome(DeliveryOutcome(row["id"], State.REJECTED, SkipReason.SUPPRESSED))
        try:
            return build_document(self.context, self.renderer, purchase, vendor, channel)
        except TemplateError as error:
            self.summary.problems.append(str(error))
            with self.context.engine.begin() as connection:
                release_claims(connection, PURCHASE_REQUESTS, self.worker.lease_holder, [row["id"]])
            return None

    def _lock_claim(self, connection: Connection, row: Mapping[str, Any]) -> bool:
        """Lock a request until the transaction ends. Return False when its claim is lost."""
        claimed = select(PURCHASE_REQUESTS.c.id).where(
            PURCHASE_REQUESTS.c.id == row["id"],
            PURCHASE_REQUESTS.c.state == State.CLAIMED,
            PURCHASE_REQUESTS.c.claimed_by == self.worker.lease_holder.name,
        )
        return connection.execute(claimed.with_for_update()).first() is not None

    def _mark_sending(self, row: Mapping[str, Any], channel: VendorChannel) -> bool:
        """Mark a request as being sent on a channel. Return False when its claim is lost."""
        with self.context.engine.begin() as connection:
            lease_holder, now = self.worker.lease_holder, self.worker.clock()
            marked = bool(mark_sending(connection, PURCHASE_REQUESTS, lease_holder, [row["id"]], now))
            if marked and channel != row["channel"]:
                request = update(PURCHASE_REQUESTS).where(PURCHASE_REQUESTS.c.id == row["id"])
                connection.execute(request.values(channel=channel))
        return marked

    def _outcome(self, row: Mapping[str, Any], channel: VendorChannel, sending: "asyncio.Task[Any]") -> DispatchOutcome:
        """Return the outcome of a request that was sent."""
        now = self.worker.clock()
        vendor = self.vendors[row["vendor_id"]]
        address = email_of(self.context.shop, vendor) if channel is VendorChannel.MAIL else None
        delivery = outcome_or_retry({**row, "address": address and address.lower()}, sending, now)
        if getattr(sending.exception(), "channel_down", False):
            self.summary.down[vendor.id] = delivery.reason
        return with_earlier_copy(
            delivery,
            idempotent=channel in IDEMPOTENT,
            may_have_arrived=row["may_have_arrived"],
            retry_at=now + message_retry_delay(row["id"], row["attempts"]),
        )

    async def _record(self, outcome: DispatchOutcome, channel: VendorChannel) -> None:
        for recorded in await asyncio.to_thread(self._save, outcome):
            self.summary.count(str(channel), recorded)

    def _save(self, outcome: DispatchOutcome) -> list[DeliveryOutcome]:
        """Record an outcome; return it in a list, or an empty list when the claim is lost."""
        with self.context.engine.begin() as connection:
            now, who = self.worker.clock(), self.worker.lease_holder.name
            recorded = record_outcomes(connection, PURCHASE_REQUESTS, [outcome.delivery], now, who)
            if recorded:
                request = update(PURCHASE_REQUESTS).where(PURCHASE_REQUESTS.c.id == outcome.delivery.id)
                connection.execute(request.values(may_have_arrived=outcome.may_have_arrived))
        return recorded


def _is_suppressed(connection: Connection, address: str | None) -> bool:
    suppression = select(SUPPRESSIONS.c.address).where(SUPPRESSIONS.c.address == (address or "").lower())
    return connection.execute(suppression).first() is not None
