"""Hand purchase requests to their vendors: claim, write the document from fresh facts, mark, send, settle.

No database session waits for a vendor. A crash leaves in doubt what was under way: a mail stays so until staff look;
a file or an HTTP request goes again under the same id, by which its vendor knows it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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
from tasks.delivery.worker import DeliverySummary, outcome_of
from tasks.purchasing.documents import build_document, load_purchase, reduce_lines
from tasks.purchasing.requirements import reduced_lines
from tasks.purchasing.vendors import VendorFacts, channel_of, email_of, load_vendors
from tasks.tables import PURCHASE_REQUESTS, SUPPRESSIONS
from templates.rendering.environment import TemplateError
from templates.rendering.purchasing import PurchaseRenderer

MAX_PARALLEL = 10_000
"""Requests that one run hands over."""
MAY_HAVE_ARRIVED = "it may have arrived before"
CHANGED = f"{MAY_HAVE_ARRIVED}, and its lines are wanted no longer as it names them"
RESEND = "it may have arrived: sent again under the same id, by which the vendor knows it"


@dataclass(frozen=True, slots=True)
class DispatchWorker:
    """Who hands over: the doors by vendor, how many requests at once, and the clock for what happens meanwhile."""

    worker: LeaseHolder
    doors: Mapping[str, DocumentTransport]
    parallel: int
    clock: Callable[[], datetime]


@dataclass(slots=True)
class DispatchSummary(DeliverySummary):
    """What came of handing over; `down` is by vendor."""

    problems: list[str] = field(default_factory=list)
    shut: Counter[str] = field(default_factory=Counter)
    """Requests that stay queued, by vendor, for there is no door to it."""


def recover_abandoned(context: Context, couriers: DispatchWorker) -> int:
    """Settle what an earlier run left under way when it died; return how many are in doubt for staff."""
    now, who = couriers.clock(), couriers.worker.name
    with context.engine.begin() as connection:
        ended = mark_abandoned_in_doubt(connection, PURCHASE_REQUESTS, now, who)
        lost = PURCHASE_REQUESTS.c.state == State.IN_DOUBT
        known = PURCHASE_REQUESTS.c.channel.in_(list(IDEMPOTENT))
        queued = update(PURCHASE_REQUESTS).where(lost, known, in_list(connection, PURCHASE_REQUESTS.c.id, ended))
        again = queued.values(**CLEAR_LEASE, state=State.QUEUED, not_before=now, reason=RESEND).returning(
            PURCHASE_REQUESTS.c.id
        )
        record_events(
            connection, [(State.QUEUED, key, RESEND) for key in connection.execute(again).scalars()], now, who
        )
        return len(connection.execute(select(PURCHASE_REQUESTS.c.id).where(lost)).all())


async def dispatch_requests(context: Context, couriers: DispatchWorker, renderer: PurchaseRenderer) -> DispatchSummary:
    """Hand over every request that is due and whose vendor has a door; the others stay queued."""
    rows, known, shut = await asyncio.to_thread(_claim, context, couriers)
    done, room = DispatchSummary(shut=shut), asyncio.Semaphore(couriers.parallel)
    round_ = _Dispatcher(context, couriers, renderer, known, done)

    async def one(row: Mapping[str, Any]) -> None:
        async with room:
            await round_.hand_over(row)

    async with asyncio.TaskGroup() as group:
        for row in rows:
            group.create_task(one(row))
    return done


def _claim(
    context: Context, couriers: DispatchWorker
) -> tuple[list[Mapping[str, Any]], dict[str, VendorFacts], Counter[str]]:
    with context.engine.begin() as connection:
        rows = claim(
            connection, PURCHASE_REQUESTS, couriers.worker, couriers.clock(), list(VendorChannel), MAX_PARALLEL
        ).rows
        known = load_vendors(connection, {row["vendor_id"] for row in rows})
        doors = couriers.doors.keys() & known.keys()
        left = [row for row in rows if row["vendor_id"] not in doors]
        release_claims(connection, PURCHASE_REQUESTS, couriers.worker, [row["id"] for row in left])
    return [row for row in rows if row["vendor_id"] in doors], known, Counter(row["vendor_id"] for row in left)


def _may_have_arrived(row: Mapping[str, Any]) -> bool:
    """Say whether an earlier copy may be with the vendor; staff who let a request leave say that none is."""
    return (row["reason"] or "").endswith(RESEND)


@dataclass(frozen=True, slots=True)
class _Dispatcher:
    """One run's claims on their way out."""

    context: Context
    couriers: DispatchWorker
    renderer: PurchaseRenderer
    vendors: Mapping[str, VendorFacts]
    done: DispatchSummary

    async def hand_over(self, row: Mapping[str, Any]) -> None:
        """Hand one request over, and write down what came of it."""
        vendor = self.vendors[row["vendor_id"]]
        way = channel_of(self.context.shop, vendor) or VendorChannel(row["channel"])
        outcome = await asyncio.to_thread(self._document, row, vendor, way)
        if isinstance(outcome, Document) and await asyncio.to_thread(self._start, row, way):
            sending = asyncio.create_task(self.couriers.doors[vendor.id].send(outcome))
            await asyncio.wait([sending])
            outcome = self._outcome(row, way, sending)
        if isinstance(outcome, DeliveryOutcome):
            for one in await asyncio.to_thread(self._settle, outcome):
                self.done.count(str(way), one)

    def _document(
        self, row: Mapping[str, Any], vendor: VendorFacts, way: VendorChannel
    ) -> Document | DeliveryOutcome | None:
        """Return what leaves, or why nothing does; None, and handed back, where its words fail."""
        mail = email_of(self.context.shop, vendor) if way is VendorChannel.MAIL else None
        with self.context.engine.begin() as connection:
            if not self._ours(connection, row):
                return None
            fewer = {} if row["reminder_of"] else reduced_lines(self.context, connection, row["id"], self.context.as_of)
            if fewer and _may_have_arrived(row):  # the vendor may work on it as it was
                return DeliveryOutcome(row["id"], State.IN_DOUBT, CHANGED)
            reduce_lines(connection, fewer)
            purchase = load_purchase(self.context, connection, row, self.context.as_of)
            unwanted = select(SUPPRESSIONS.c.address).where(SUPPRESSIONS.c.address == (mail or "").lower())
            suppressed = connection.execute(unwanted).first() is not None
        if purchase is None or suppressed:
            state, why = (State.REJECTED, SkipReason.SUPPRESSED) if purchase else (State.SKIPPED, SkipReason.CHANGED)
            return DeliveryOutcome(row["id"], state, why)
        try:
            return build_document(self.context, self.renderer, purchase, vendor, way)
        except TemplateError as error:
            self.done.problems.append(str(error))
            with self.context.engine.begin() as connection:
                release_claims(connection, PURCHASE_REQUESTS, self.couriers.worker, [row["id"]])
            return None

    def _ours(self, connection: Connection, row: Mapping[str, Any]) -> bool:
        """Say whether a claim still stands, and keep the request as it is until the transaction ends."""
        mine = (PURCHASE_REQUESTS.c.state == State.CLAIMED, PURCHASE_REQUESTS.c.claimed_by == self.couriers.worker.name)
        query = select(PURCHASE_REQUESTS.c.id).where(PURCHASE_REQUESTS.c.id == row["id"], *mine).with_for_update()
        return connection.execute(query).first() is not None

    def _start(self, row: Mapping[str, Any], way: VendorChannel) -> bool:
        with self.context.engine.begin() as connection:
            ours = mark_sending(connection, PURCHASE_REQUESTS, self.couriers.worker, [row["id"]], self.couriers.clock())
            if ours and way != row["channel"]:
                connection.execute(
                    update(PURCHASE_REQUESTS).where(PURCHASE_REQUESTS.c.id == row["id"]).values(channel=way)
                )
        return bool(ours)

    def _outcome(self, row: Mapping[str, Any], way: VendorChannel, sending: "asyncio.Task[Any]") -> DeliveryOutcome:
        now = self.couriers.clock()
        vendor = self.vendors[row["vendor_id"]]
        address = email_of(self.context.shop, vendor) if way is VendorChannel.MAIL else None
        outcome = outcome_of({**row, "address": address and address.lower()}, sending, now)
        if getattr(sending.exception(), "channel_down", False):
            self.done.down[vendor.id] = outcome.reason
        if outcome.state is State.IN_DOUBT and way in IDEMPOTENT:
            later = now + message_retry_delay(row["id"], row["attempts"])
            return DeliveryOutcome(row["id"], State.QUEUED, f"{outcome.reason}; {RESEND}", not_before=later)
        if _may_have_arrived(row) and outcome.state is State.QUEUED:
            return replace(outcome, reason=f"{outcome.reason}; {RESEND}")
        if _may_have_arrived(row) and outcome.state is State.REJECTED:
            return replace(outcome, state=State.IN_DOUBT, reason=f"{outcome.reason}; {MAY_HAVE_ARRIVED}")
        return outcome

    def _settle(self, outcome: DeliveryOutcome) -> list[DeliveryOutcome]:
        with self.context.engine.begin() as connection:
            return record_outcomes(
                connection, PURCHASE_REQUESTS, [outcome], self.couriers.clock(), self.couriers.worker.name
            )
