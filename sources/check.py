"""Read a source without writing anything, and report what a person would want to mend first."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from models.quantities import plain
from sources.contract import CONTRACT, KEYS, POINTS_AT, Fact, LineRow, OrderRow, ShipmentRow
from sources.pieces import Tally
from sources.rows import Accepted, LeftOut, Refused
from sources.source import Source

FAR = timedelta(days=2 * 365)
EXAMPLES = 20


class Finding(StrEnum):
    """A kind of trouble with a source."""

    REFUSED = "row refused"
    DUPLICATE = "key seen twice"
    ORPHAN = "points at a row that is not there"
    NO_LINES = "order without lines"
    PROMISED_EARLY = "promised before the order was placed"
    SHIPPED_EARLY = "shipped before the order was placed"
    EXPECTED_FAR = "expected more than two years after the order"
    TOO_MANY = "more pieces left, came back or were cancelled than were ordered"
    NO_LINE = "parcel of a line that is not there"
    UNPAID_PAID = "unpaid, though it has a day of payment"
    NO_METHOD = "shipping method that the policy's ship_within does not name"


@dataclass(slots=True)
class Report:
    """What a source holds, and what is wrong with it: how often, and the first few examples of each kind."""

    as_of: date
    rows: dict[str, int] = field(default_factory=dict)
    found: dict[tuple[str, Finding], int] = field(default_factory=dict)
    """By table and kind."""
    examples: list[tuple[Finding, Refused]] = field(default_factory=list)
    open_orders: int = 0
    late_orders: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    unknown_methods: dict[str, int] = field(default_factory=dict)
    """Orders by a shipping method that the policy does not name, while it names others."""

    @property
    def late_share(self) -> float:
        """Return which share of the open orders is late, from 0 to 1."""
        return self.late_orders / self.open_orders if self.open_orders else 0.0

    def add(self, finding: Finding, at: Refused) -> None:
        """Count a finding; keep it as an example while there are few of its kind."""
        key = at.table, finding
        self.found[key] = self.found.get(key, 0) + 1
        if self.found[key] <= EXAMPLES:
            self.examples.append((finding, at))

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data for JSON."""
        return {
            "as_of": self.as_of.isoformat(),
            "rows": self.rows,
            "found": [{"table": table, "what": kind, "rows": n} for (table, kind), n in self.found.items()],
            "examples": [{"what": finding} | asdict(at) for finding, at in self.examples],
            "open_orders": self.open_orders,
            "late_orders": self.late_orders,
            "late_share": round(self.late_share, 4),
            "unknown_methods": self.unknown_methods,
            "left_out": [asdict(one) for one in self.left_out],
        }


def check(source: Source, as_of: date, methods: Collection[str] = ()) -> Report:
    """Read the whole source and report on it, lateness as seen on a day. Keeps all keys in memory; raises BadShop.

    `methods` are the shipping methods for which the policy has a promise.
    """
    report = Report(as_of)
    look = _Look(ZoneInfo(source.shop.zone), as_of, frozenset(name.lower() for name in methods))
    for table in source.tables:
        report.rows[table] = 0
        for row in source.read(table):
            report.rows[table] += 1
            if isinstance(row, Refused):
                report.add(Finding.REFUSED, row)
                continue
            for finding, column in look.at(table, row.fact):
                report.add(finding, _at(table, row, column, finding))
    for order in sorted(look.placed.keys() - look.with_lines):
        report.add(Finding.NO_LINES, Refused("orders", "orders.sql", None, "id", order, Finding.NO_LINES))
    for (order, line), n in sorted(look.pieces.excess()):
        at = Refused("lines", "lines.sql", None, "quantity", f"{order}/{line}", f"{Finding.TOO_MANY}: {plain(n)}")
        report.add(Finding.TOO_MANY, at)
    report.unknown_methods = dict(sorted(look.unknown_methods.items()))
    still = {key for key in look.pieces.open() if key[0] not in look.unpaid}
    report.open_orders = len({order for order, _ in look.pieces.open()})
    report.late_orders = len({order for order, _ in still & look.late})
    report.left_out = source.left_out()
    return report


def _at(table: str, row: Accepted, column: str, finding: Finding) -> Refused:
    return Refused(table, row.file, row.line, column, str(getattr(row.fact, column)), finding)


@dataclass(slots=True)
class _Look:
    """What was seen so far, against which the next row is held."""

    zone: ZoneInfo
    as_of: date
    methods: frozenset[str] = frozenset()
    keys: dict[str, set[tuple[str, ...]]] = field(default_factory=lambda: {table: set() for table in CONTRACT})
    placed: dict[str, date] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    with_lines: set[str] = field(default_factory=set)
    unpaid: set[str] = field(default_factory=set)
    unknown_methods: Counter[str] = field(default_factory=Counter)
    pieces: Tally = field(default_factory=Tally)
    late: set[tuple[str, str]] = field(default_factory=set)
    """Lines that are late where any of their pieces is owed."""

    def at(self, table: str, fact: Fact) -> Iterator[tuple[Finding, str]]:
        """Yield what is wrong with a row, and in which column; what an import will refuse counts for nothing else."""
        orphaned = [
            column
            for (of, column), target in POINTS_AT.items()
            if of == table and (getattr(fact, column),) not in self.keys[target]
        ]
        yield from ((Finding.ORPHAN, column) for column in orphaned)
        key = tuple(getattr(fact, name) for name in KEYS[table])
        if not orphaned and key in self.keys[table]:
            yield Finding.DUPLICATE, KEYS[table][-1]
        elif not orphaned:
            self.keys[table].add(key)
            yield from self._taken(fact)

    def _taken(self, fact: Fact) -> Iterator[tuple[Finding, str]]:
        if isinstance(fact, OrderRow):
            self.placed[fact.id] = fact.placed_at.astimezone(self.zone).date()
            if self._done(fact.cancelled_at):
                self.cancelled.add(fact.id)
            if fact.unpaid:
                self.unpaid.add(fact.id)
            if fact.unpaid and fact.paid_at is not None:
                yield Finding.UNPAID_PAID, "paid_at"
            if self.methods and fact.shipping_method and fact.shipping_method not in self.methods:
                self.unknown_methods[fact.shipping_method] += 1
                yield Finding.NO_METHOD, "shipping_method"
        if isinstance(fact, LineRow):
            yield from self._line(fact, self.placed[fact.order_id])
        if isinstance(fact, ShipmentRow):
            if (fact.order_id, fact.number) not in self.keys["lines"]:
                yield Finding.NO_LINE, "number"
            elif not self._done(fact.cancelled_at):
                delivered = self._done(fact.delivered_at)
                left = delivered or self._done(fact.shipped_at)
                self.pieces.parcel(fact, left=left, delivered=delivered)

    def _line(self, line: LineRow, placed: date) -> Iterator[tuple[Finding, str]]:
        self.with_lines.add(line.order_id)
        if line.promised_on is not None and line.promised_on < placed:
            yield Finding.PROMISED_EARLY, "promised_on"
        if line.shipped_at is not None and line.shipped_at.astimezone(self.zone).date() < placed:
            yield Finding.SHIPPED_EARLY, "shipped_at"
        if line.expected_on is not None and line.expected_on - placed > FAR:
            yield Finding.EXPECTED_FAR, "expected_on"
        done = line.delivered_at or (line.shipped_at if line.promise == "ship" else None)
        if line.order_id in self.cancelled or self._done(line.cancelled_at) or self._done(done) or placed > self.as_of:
            return
        self.pieces.line(line)
        if line.promised_on is not None and line.promised_on < max(self.as_of, line.expected_on or self.as_of):
            self.late.add((line.order_id, line.number))

    def _done(self, moment: datetime | None) -> bool:
        return moment is not None and moment.astimezone(self.zone).date() <= self.as_of
