"""Random histories of a small shop: its facts change, notices wait, fail, and are interrupted; each day is judged.

The same seed makes the same history. `History.log` tells what happened in it, a line for each event.
"""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from models.enums import Channel
from models.policy.messaging import ContactPolicy
from models.policy.policy import CalendarPolicy, DayCount, Policy
from tasks.db.sql import read_only
from tasks.delivery.fallback import send_fallbacks
from tasks.delivery.in_doubt import STAFF, list_in_doubt, resolve_manually
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.reconcile import reconcile_in_doubt
from tasks.delivery.worker import DeliveryWorker, deliver_channel, mark_abandoned
from tasks.notices.suppressions import suppress
from tasks.reporting.check_ledger import check_ledger
from tests.support.builders import day
from tests.support.clocks import Killed, MortalEngine, MovedClock
from tests.support.foretelling import by_chance, foretold
from tests.support.history_facts import RandomFacts
from tests.support.history_judge import Judge
from tests.support.history_provider import RandomProvider, Weather
from tests.support.imported_shop import ImportedShop
from tests.support.shop_driver import noon, open_context

POLICIES = (
    Policy(),
    Policy(contact=ContactPolicy(minimum_gap_days=0)),
    Policy(contact=ContactPolicy(minimum_gap_days=1, slip_days=3)),
    Policy(days=CalendarPolicy(count=DayCount.WORKING)),
)
SETTLING_DAYS = 4
"""Days at the end without changes and faults: more than any minimum gap, quiet hours and retries take."""


class History:
    """One history, drawn from its seed."""

    def __init__(self, url, seed, days=26):
        self.rng, self.days = random.Random(seed), days  # noqa: S311 - no secret
        self.clock = MovedClock(noon(0))
        self.shop = ImportedShop(open_context(url, self.rng.choice(POLICIES)))
        self.judge = Judge(self.shop, self.clock)
        self.facts = RandomFacts(self.shop, self.rng)
        self.provider = RandomProvider(self.rng, self.clock, self.judge)
        self.stormy = self.rng.random()
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # of killed workers nobody reads the errors
        self._foretold = foretold(by_chance(seed))
        self._foretold.__enter__()

    @property
    def broken(self):
        return self.judge.broken

    @property
    def log(self):
        return "\n".join(self.judge.log)

    def close(self):
        self._foretold.__exit__(None, None, None)
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        self.shop.context.engine.dispose()

    def run(self):
        """Live all days, and then days of calm; stop at the first broken rule."""
        self.facts.begin()
        for n in range(self.days):
            self._live(n)
            if self.broken:
                return
        self.provider.refused.clear()
        for n in range(self.days, self.days + SETTLING_DAYS):
            self._live_calmly(n)
            if self.broken:
                return
        self.judge.check_untold(settled=True)
        with read_only(self.shop.context.engine) as connection:
            self.judge.broken += [f"the ledger: {violation}" for violation in check_ledger(connection)]

    def _live(self, n):
        self._at(n, self.rng.choice([5, 7]))  # seven or nine in Berlin: before eight, texts wait
        self._change_facts(n, self.rng.choice([0, 0, 1, 1, 2]))
        self.shop.evaluate(n, at=self.clock.now)
        self.deliver(n)
        if self.rng.random() < 0.3:
            self._at(n, 11)
            self._change_facts(n, 1)
            self._act_as_staff()
            self.deliver(n)
        if self.rng.random() < 0.4:
            self._at(n, 19, 30)  # half past nine in the evening in Berlin: texts wait for the morning
            self._change_facts(n, self.rng.choice([0, 1]))
            if self.rng.random() < 0.5:
                self.shop.evaluate(n, at=self.clock.now)
            self.deliver(n)
        self.judge.check_untold()

    def _live_calmly(self, n):
        for hour in (5, 10):
            self._at(n, hour)
            self._resolve_doubts(share=1)
            self.shop.evaluate(n, at=self.clock.now)
            self.deliver(n, Weather.FINE)
        self.judge.check_untold()

    def _at(self, n, hour, minute=0):
        self.clock.now = max(self.clock.now, datetime.combine(day(n), time(hour, minute), UTC))

    # What happens.

    def _change_facts(self, n, times):
        for _ in range(times):
            self.judge.note(self.facts.change(n))
        if times:
            self.shop.import_changes(n)

    def _act_as_staff(self):
        self._resolve_doubts(share=0.3)
        if self.rng.random() < 0.05:
            address = self.rng.choice([row["email"] for row in self.shop.system.all("customers")])
            if address is not None:
                self.judge.note(f"staff suppress {address}")
                with self.shop.context.engine.begin() as connection:
                    suppress(connection, {address.lower(): "asked"}, self.clock.now, "staff")
        if self.rng.random() < 0.2:
            row = self.rng.choice(self.shop.system.all("customers"))
            self.provider.refused ^= {row["email"]}
            self.judge.note(f"refused from now on: {sorted(map(str, self.provider.refused))}")

    def _resolve_doubts(self, share):
        for row in list_in_doubt(self.shop.context):
            if row["waits_for"] == STAFF and self.rng.random() < share:
                sent = row["id"] in self.provider.taken
                resolve_manually(self.shop.context, self.clock.now, row["id"], "staff", sent=sent)
                self.judge.note(f"staff: {row['about']} was {'' if sent else 'not '}sent")

    def deliver(self, n, weather=None):
        bad = 0.15 + 0.25 * self.stormy
        weights = [1 - bad, bad * 0.5, bad * 0.3, bad * 0.2]
        self.provider.weather = weather or self.rng.choices(list(Weather), weights)[0]
        self.judge.note(f"deliver, {self.provider.weather}")
        self.provider.engine = MortalEngine(self.shop.context.engine)
        context = replace(self.shop.context, engine=self.provider.engine).with_run("deliver", day(n), self.clock.now)
        holder = LeaseHolder(f"worker {self.clock.now}", timedelta(minutes=10))
        worker = DeliveryWorker(holder, dict.fromkeys(Channel, self.provider), 2, self.clock)
        try:
            self._loop.run_until_complete(_deliver_all(context, worker))
        except Killed:
            self.judge.note("  killed")
            self._end_tasks()

    def _end_tasks(self):
        """End what a killed worker left in the event loop, so that nothing of it runs on."""
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.wait(tasks))
        for task in tasks:
            if not task.cancelled():
                task.exception()


async def _deliver_all(context, worker):
    """Deliver as the flow does."""
    mark_abandoned(context, worker)
    await reconcile_in_doubt(context, worker)
    more = True
    while more:
        for channel in worker.transports:
            await deliver_channel(context, worker, channel)
        more = send_fallbacks(context, worker.lease_holder.name, batch=50) is not None
