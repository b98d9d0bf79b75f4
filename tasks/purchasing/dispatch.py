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

from channels.transport import VendorDoor
from models.enums import Skip, State
from models.messages import Settled
from models.purchasing import KNOWN_AGAIN, By, Document
from tasks.context import Desk
from tasks.db.events import happened
from tasks.db.sql import among
from tasks.delivery.outcomes import settle
from tasks.delivery.queue import FORGET, Worker, claim, doubt_abandoned, give_back, start
from tasks.delivery.worker import Delivered, backoff, settled
from tasks.purchasing.documents import cut, document_of, purchase_of
from tasks.purchasing.requirements import shrunk
from tasks.purchasing.vendors import VendorFacts, mail_of, vendors, way_of
from tasks.runs.records import Now
from tasks.tables import REQUESTS, SUPPRESSIONS
from templates.rendering.environment import BadWords
from templates.rendering.purchasing import PurchaseWords

MOST = 10_000
"""Requests that one run hands over."""
MAYBE = "it may have arrived before"
CHANGED = f"{MAYBE}, and its lines are wanted no longer as it names them"
AGAIN = "it may have arrived: sent again under the same id, by which the vendor knows it"


@dataclass(frozen=True, slots=True)
class Couriers:
    """Who hands over: the doors by vendor, how many requests at once, and the clock for what happens meanwhile."""

    worker: Worker
    doors: Mapping[str, VendorDoor]
    parallel: int
    clock: Callable[[], datetime]


@dataclass(slots=True)
class HandedOver(Delivered):
    """What came of handing over; `down` is by vendor."""

    problems: list[str] = field(default_factory=list)
    shut: Counter[str] = field(default_factory=Counter)
    """Requests that stay queued, by vendor, for there is no door to it."""


def sweep(desk: Desk, couriers: Couriers) -> int:
    """Settle what an earlier run left under way when it died; return how many are in doubt for staff."""
    now, who = couriers.clock(), couriers.worker.name
    with desk.engine.begin() as connection:
        ended = doubt_abandoned(connection, REQUESTS, now, who)
        lost = REQUESTS.c.state == State.IN_DOUBT
        known = REQUESTS.c.channel.in_(list(KNOWN_AGAIN))
        queued = update(REQUESTS).where(lost, known, among(connection, REQUESTS.c.id, ended))
        again = queued.values(**FORGET, state=State.QUEUED, not_before=now, reason=AGAIN).returning(REQUESTS.c.id)
        happened(connection, [(State.QUEUED, key, AGAIN) for key in connection.execute(again).scalars()], now, who)
        return len(connection.execute(select(REQUESTS.c.id).where(lost)).all())


async def hand_over(desk: Desk, now: Now, couriers: Couriers, words: PurchaseWords) -> HandedOver:
    """Hand over every request that is due and whose vendor has a door; the others stay queued."""
    rows, known, shut = await asyncio.to_thread(_claim, desk, couriers)
    done, room = HandedOver(shut=shut), asyncio.Semaphore(couriers.parallel)
    round_ = _Round(desk, now, couriers, words, known, done)

    async def one(row: Mapping[str, Any]) -> None:
        async with room:
            await round_.hand_over(row)

    async with asyncio.TaskGroup() as group:
        for row in rows:
            group.create_task(one(row))
    return done


def _claim(desk: Desk, couriers: Couriers) -> tuple[list[Mapping[str, Any]], dict[str, VendorFacts], Counter[str]]:
    with desk.engine.begin() as connection:
        rows = claim(connection, REQUESTS, couriers.worker, couriers.clock(), list(By), MOST).rows
        known = vendors(connection, {row["vendor_id"] for row in rows})
        doors = couriers.doors.keys() & known.keys()
        left = [row for row in rows if row["vendor_id"] not in doors]
        give_back(connection, REQUESTS, couriers.worker, [row["id"] for row in left])
    return [row for row in rows if row["vendor_id"] in doors], known, Counter(row["vendor_id"] for row in left)


def _may_have_arrived(row: Mapping[str, Any]) -> bool:
    """Say whether an earlier copy may be with the vendor; staff who let a request leave say that none is."""
    return (row["reason"] or "").endswith(AGAIN)


@dataclass(frozen=True, slots=True)
class _Round:
    """One run's claims on their way out."""

    desk: Desk
    now: Now
    couriers: Couriers
    words: PurchaseWords
    vendors: Mapping[str, VendorFacts]
    done: HandedOver

    async def hand_over(self, row: Mapping[str, Any]) -> None:
        """Hand one request over, and write down what came of it."""
        vendor = self.vendors[row["vendor_id"]]
        way = way_of(self.desk.shop, vendor) or By(row["channel"])
        outcome = await asyncio.to_thread(self._document, row, vendor, way)
        if isinstance(outcome, Document) and await asyncio.to_thread(self._start, row, way):
            sending = asyncio.create_task(self.couriers.doors[vendor.id].send(outcome))
            await asyncio.wait([sending])
            outcome = self._outcome(row, way, sending)
        if isinstance(outcome, Settled):
            for one in await asyncio.to_thread(self._settle, outcome):
                self.done.count(str(way), one)

    def _document(self, row: Mapping[str, Any], vendor: VendorFacts, way: By) -> Document | Settled | None:
        """Return what leaves, or why nothing does; None, and handed back, where its words fail."""
        mail = mail_of(self.desk.shop, vendor) if way is By.MAIL else None
        with self.desk.engine.begin() as connection:
            if not self._ours(connection, row):
                return None
            fewer = {} if row["chases"] else shrunk(self.desk, connection, row["id"], self.now.as_of)
            if fewer and _may_have_arrived(row):  # the vendor may work on it as it was
                return Settled(row["id"], State.IN_DOUBT, CHANGED)
            cut(connection, fewer)
            purchase = purchase_of(self.desk, connection, row, self.now.as_of)
            unwanted = select(SUPPRESSIONS.c.address).where(SUPPRESSIONS.c.address == (mail or "").lower())
            suppressed = connection.execute(unwanted).first() is not None
        if purchase is None or suppressed:
            state, why = (State.REJECTED, Skip.SUPPRESSED) if purchase else (State.SKIPPED, Skip.CHANGED)
            return Settled(row["id"], state, why)
        try:
            return document_of(self.desk, self.words, purchase, vendor, way)
        except BadWords as error:
            self.done.problems.append(str(error))
            with self.desk.engine.begin() as connection:
                give_back(connection, REQUESTS, self.couriers.worker, [row["id"]])
            return None

    def _ours(self, connection: Connection, row: Mapping[str, Any]) -> bool:
        """Say whether a claim still stands, and keep the request as it is until the transaction ends."""
        mine = (REQUESTS.c.state == State.CLAIMED, REQUESTS.c.claimed_by == self.couriers.worker.name)
        query = select(REQUESTS.c.id).where(REQUESTS.c.id == row["id"], *mine).with_for_update()
        return connection.execute(query).first() is not None

    def _start(self, row: Mapping[str, Any], way: By) -> bool:
        with self.desk.engine.begin() as connection:
            ours = start(connection, REQUESTS, self.couriers.worker, [row["id"]], self.couriers.clock())
            if ours and way != row["channel"]:
                connection.execute(update(REQUESTS).where(REQUESTS.c.id == row["id"]).values(channel=way))
        return bool(ours)

    def _outcome(self, row: Mapping[str, Any], way: By, sending: "asyncio.Task[Any]") -> Settled:
        now = self.couriers.clock()
        vendor = self.vendors[row["vendor_id"]]
        address = mail_of(self.desk.shop, vendor) if way is By.MAIL else None
        outcome = settled({**row, "address": address and address.lower()}, sending, now)
        if getattr(sending.exception(), "channel_down", False):
            self.done.down[vendor.id] = outcome.reason
        if outcome.state is State.IN_DOUBT and way in KNOWN_AGAIN:
            later = now + backoff(row["id"], row["attempts"])
            return Settled(row["id"], State.QUEUED, f"{outcome.reason}; {AGAIN}", not_before=later)
        if _may_have_arrived(row) and outcome.state is State.QUEUED:
            return replace(outcome, reason=f"{outcome.reason}; {AGAIN}")
        if _may_have_arrived(row) and outcome.state is State.REJECTED:
            return replace(outcome, state=State.IN_DOUBT, reason=f"{outcome.reason}; {MAYBE}")
        return outcome

    def _settle(self, outcome: Settled) -> list[Settled]:
        with self.desk.engine.begin() as connection:
            return settle(connection, REQUESTS, [outcome], self.couriers.clock(), self.couriers.worker.name)
