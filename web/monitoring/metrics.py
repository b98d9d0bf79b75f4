"""What Prometheus reads: the shop's numbers, and whether messages leave."""

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from models.numbers import CANCELLED, KEPT, Measure
from models.policy.policy import NOT_OPEN
from tasks.callbacks.review import count_for_staff
from tasks.context import Context
from tasks.db.counters import count_orders_by_bucket
from tasks.db.settled_counts import count_messages
from tasks.db.sql import read_only
from tasks.delivery.in_doubt import count_waiting_for_staff
from tasks.desk.health import held_runs, last_success, stopped_channels
from tasks.desk.numbers import SCALE, sum_numbers
from tasks.runs.records import LATE_ORDERS

FLOWS = (LATE_ORDERS, "deliver", "prune")
"""Flows whose last success is shown; they run on every installation."""


class ShopCollector(Collector):
    """Reads a shop's records each time it is asked, and keeps nothing."""

    def __init__(self, context: Context, clock: Callable[[], datetime]) -> None:
        self._context, self._clock = context, clock

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        with read_only(self._context.engine) as connection:
            yield from _orders(connection)
            yield from _messages(connection)
            yield from _days(connection)
            yield from _state(connection)
        yield GaugeMetricFamily("forewarn_read_timestamp_seconds", "When this was read.", self._clock().timestamp())

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering asks no database."""
        return []


def metrics_text(context: Context, clock: Callable[[], datetime]) -> bytes:
    """Return the metrics in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(ShopCollector(context, clock))
    return generate_latest(registry)


def _orders(connection: Connection) -> Iterator[Metric]:
    family = GaugeMetricFamily("forewarn_open_orders", "Open orders by how late they are.", labels=["bucket"])
    for bucket, n in sorted(count_orders_by_bucket(connection).items()):
        if bucket not in NOT_OPEN:
            family.add_metric([bucket], n)
    yield family


def _messages(connection: Connection) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "forewarn_messages", "Messages on record by channel and state.", labels=["channel", "state", "trial"]
    )
    for (channel, state, trial), n in sorted(count_messages(connection).items()):
        family.add_metric([channel, state, "true" if trial else "false"], n)
    yield family
    yield GaugeMetricFamily(
        "forewarn_messages_for_staff",
        "Messages in doubt that only a person can settle.",
        count_waiting_for_staff(connection),
    )
    yield GaugeMetricFamily(
        "forewarn_callbacks_for_staff",
        "Callbacks of providers that a person must look at.",
        count_for_staff(connection),
    )


def _days(connection: Connection) -> Iterator[Metric]:
    sums = sum_numbers(connection)
    by_measure = {
        Measure.TOLD: ("forewarn_orders_told", "Orders whose customer was told of the delay.", ["bucket"]),
        Measure.IN_TIME: ("forewarn_orders_told_in_time", "Orders told before the promised day.", ["bucket"]),
        Measure.ANSWERS: ("forewarn_answers", "Choices of customers.", ["bucket", "act"]),
        Measure.OFFERS: ("forewarn_offers", "Offers made.", ["bucket", "offer"]),
    }
    for measure, (name, text, labels) in by_measure.items():
        family = CounterMetricFamily(name, text, labels=labels)
        for (of, part, kind), n in sorted(sums.items()):
            if of == measure:
                family.add_metric([part, kind][: len(labels)], n)
        yield family
    twice = sums[Measure.TWICE, "", ""]
    yield CounterMetricFamily("forewarn_messages_told_twice", "Messages that repeat the one before; must be 0.", twice)
    for kind, name, text in (
        (KEPT, "forewarn_orders_kept", "Orders whose customer answered and did not cancel."),
        (CANCELLED, "forewarn_orders_cancelled", "Orders whose customer answered and cancelled."),
    ):
        total = sum(n for (of, _, what), n in sums.items() if (of, what) == (Measure.KEPT, kind))
        yield CounterMetricFamily(name, text, total)
    value = CounterMetricFamily("forewarn_offer_value", "Value of the discounts given.", labels=["currency"])
    for (of, currency, _), n in sorted(sums.items()):
        if of == Measure.OFFER_VALUE:
            value.add_metric([currency], n / SCALE)
    yield value


def _state(connection: Connection) -> Iterator[Metric]:
    stopped = GaugeMetricFamily("forewarn_channel_stopped", "1 while nothing is sent by a channel.", labels=["channel"])
    for one in stopped_channels(connection):
        stopped.add_metric([one.channel], 1)
    yield stopped
    held = held_runs(connection)
    yield GaugeMetricFamily("forewarn_held_runs", "Runs that wait for a person.", len(held))
    yield GaugeMetricFamily("forewarn_held_messages", "Messages of runs that wait for a person.", sum(held.values()))
    success = GaugeMetricFamily(
        "forewarn_last_success_timestamp_seconds", "When a flow last ended without a fault.", labels=["flow"]
    )
    for flow in FLOWS:
        if ended := last_success(connection, flow):
            success.add_metric([flow], ended.timestamp())
    yield success
