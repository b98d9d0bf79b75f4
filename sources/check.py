"""Read a source without writing anything, and report what a person would want to mend first."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from models.batches import batched
from models.errors import BadShop
from models.inventory import known_day
from models.quantities import plain
from sources.contract import KEYS, POINTS_AT, Fact, LineRow, OrderRow, ProductRow, ShipmentRow
from sources.deduplicate import DeduplicatedReader
from sources.piece_counts import PieceCounts
from sources.reader import Source
from sources.rows import AcceptedRow, ExcludedRows, RejectedRow

EXAMPLES, REASONS = 5, 100
"""Examples kept of a reason, and reasons kept apart."""
BATCH = 1_000
OTHER = "other reasons"


class Finding(StrEnum):
    """A kind of trouble with a source."""

    REFUSED = "row refused"
    DUPLICATE = "contradicts another row of its key"
    ORPHAN = "points at a row that is not there"
    NO_LINES = "order without lines"
    PROMISED_EARLY = "promised before the order was placed"
    SHIPPED_EARLY = "shipped before the order was placed"
    PROMISED_FAR = "promised more than two years after the order, so not promised"
    EXPECTED_FAR = "expected more than two years after the order, so of unknown date"
    TOO_MANY = "more pieces left, came back or were cancelled than were ordered"
    NO_LINE = "parcel of a line that is not there"
    UNPAID_PAID = "unpaid, though it has a day of payment"
    NO_METHOD = "shipping method that the policy's ship_within does not name"


@dataclass(slots=True)
class Reason:
    """A reason that rows of a table share: how many they are, and the first few of them."""

    table: str
    what: Finding
    column: str
    reason: str
    rows: int = 0
    examples: list[RejectedRow] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """What a source holds, and what is wrong with it: how often, and the first few examples of each reason."""

    as_of: date
    rows: dict[str, int] = field(default_factory=dict)
    found: dict[tuple[str, Finding], int] = field(default_factory=dict)
    """By table and kind."""
    reasons: dict[tuple[str, Finding, str, str], Reason] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    """Of each SELECT that cannot run, why."""
    open_orders: int = 0
    late_orders: int = 0
    left_out: list[ExcludedRows] = field(default_factory=list)
    unknown_methods: dict[str, int] = field(default_factory=dict)
    """Orders by a shipping method that the policy does not name, while it names others."""

    @property
    def ok(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.found and not self.broken

    @property
    def late_share(self) -> float:
        """Return which share of the open orders is late, from 0 to 1."""
        return self.late_orders / self.open_orders if self.open_orders else 0.0

    @property
    def examples(self) -> list[tuple[Finding, RejectedRow]]:
        """Return the examples of all reasons."""
        return [(one.what, at) for one in self.reasons.values() for at in one.examples]

    def add(self, finding: Finding, at: RejectedRow) -> None:
        """Count a finding by its reason; keep it as an example while there are few of its reason."""
        key = at.table, finding
        self.found[key] = self.found.get(key, 0) + 1
        why = at.reason.partition("; ")[0] if finding is Finding.REFUSED else str(finding)
        if (*key, at.column, why) not in self.reasons and len(self.reasons) >= REASONS:
            at, why = replace(at, column=""), OTHER
        one = self.reasons.setdefault((*key, at.column, why), Reason(*key, at.column, why))
        one.rows += 1
        if one.rows <= EXAMPLES:
            one.examples.append(at)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data for JSON."""
        return {
            "as_of": self.as_of.isoformat(),
            "rows": self.rows,
            "broken": self.broken,
            "found": [{"table": table, "what": kind, "rows": n} for (table, kind), n in self.found.items()],
            "reasons": [
                {"table": one.table, "what": one.what, "column": one.column, "reason": one.reason, "rows": one.rows}
                for one in self.reasons.values()
            ],
            "examples": [{"what": finding} | asdict(at) for finding, at in self.examples],
            "open_orders": self.open_orders,
            "late_orders": self.late_orders,
            "late_share": round(self.late_share, 4),
            "unknown_methods": self.unknown_methods,
            "left_out": [asdict(one) for one in self.left_out],
        }


def check(source: Source, as_of: date, methods: Collection[str] = ()) -> Report:
    """Read the whole source and report on it, lateness as seen on a day; goes on where a SELECT cannot run.

    `methods` are the shipping methods for which the policy has a promise. Keeps all keys in memory.
    """
    report = Report(as_of)
    look = _Look(ZoneInfo(source.shop.zone), as_of, frozenset(name.lower() for name in methods))
    for table in source.tables:
        report.rows[table] = 0
        try:
            with DeduplicatedReader(table, source.selects[table].sql) as told:
                _check(source, table, report, look, told)
        except BadShop as error:
            report.broken.append(str(error))
            look.unknown.add(table)
    if not look.unknown & {"orders", "lines"}:
        for order in sorted(look.placed.keys() - look.with_lines):
            report.add(Finding.NO_LINES, RejectedRow("orders", "orders.sql", None, "id", order, Finding.NO_LINES))
    for (order, line), n in sorted(look.pieces.excess()):
        at = RejectedRow("lines", "lines.sql", None, "quantity", f"{order}/{line}", f"{Finding.TOO_MANY}: {plain(n)}")
        report.add(Finding.TOO_MANY, at)
    report.unknown_methods = dict(sorted(look.unknown_methods.items()))
    still = {key for key in look.pieces.open() if key[0] not in look.unpaid}
    report.open_orders = len({order for order, _ in look.pieces.open()})
    report.late_orders = len({order for order, _ in still & look.late})
    try:
        report.left_out = source.left_out()
    except BadShop as error:
        report.broken.append(str(error))
    return report


def _check(source: Source, table: str, report: Report, look: "_Look", told: DeduplicatedReader) -> None:
    for found in batched(source.read(table), BATCH):
        report.rows[table] += len(found)
        for row in found:
            if isinstance(row, RejectedRow):
                report.add(Finding.REFUSED, row)
                continue
            for column in look.orphaned(table, row.fact):
                report.add(Finding.ORPHAN, _at(table, row, column, Finding.ORPHAN))
        told.add([row for row in found if isinstance(row, AcceptedRow) and not look.orphaned(table, row.fact)])
    for refused in told.contradictions():
        report.add(Finding.DUPLICATE, refused)
    for page in told.pages(BATCH):
        for row in page:
            for finding, column in look.at(table, row.fact):
                report.add(finding, _at(table, row, column, finding))


def _at(table: str, row: AcceptedRow, column: str, finding: Finding) -> RejectedRow:
    return RejectedRow(table, row.file, row.line, column, str(getattr(row.fact, column)), finding)


@dataclass(slots=True)
class _Look:
    """What was seen so far, against which the next row is held."""

    zone: ZoneInfo
    as_of: date
    methods: frozenset[str] = frozenset()
    keys: dict[str, set[str]] = field(default_factory=lambda: {table: set() for table in POINTS_AT.values()})
    unknown: set[str] = field(default_factory=set)
    """Tables whose SELECT cannot run."""
    virtual: set[str] = field(default_factory=set)
    placed: dict[str, date] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    with_lines: set[str] = field(default_factory=set)
    lines: set[tuple[str, str]] = field(default_factory=set)
    unpaid: set[str] = field(default_factory=set)
    unknown_methods: Counter[str] = field(default_factory=Counter)
    pieces: PieceCounts = field(default_factory=PieceCounts)
    late: set[tuple[str, str]] = field(default_factory=set)
    """Lines that are late where any of their pieces is owed."""

    def orphaned(self, table: str, fact: Fact) -> list[str]:
        """Return the columns of a row that point at nothing."""
        return [
            column
            for (of, column), target in POINTS_AT.items()
            if of == table and target not in self.unknown and getattr(fact, column) not in self.keys[target]
        ]

    def at(self, table: str, fact: Fact) -> Iterator[tuple[Finding, str]]:
        """Yield what is wrong with a row that an import takes, and in which column."""
        if table in self.keys:
            self.keys[table].add(getattr(fact, KEYS[table][0]))
        if isinstance(fact, ProductRow) and fact.virtual:
            self.virtual.add(fact.id)
        yield from self._taken(fact)

    def _taken(self, fact: Fact) -> Iterator[tuple[Finding, str]]:
        if isinstance(fact, OrderRow):
            self.placed[fact.id] = fact.placed_at.astimezone(self.zone).date()
            if self._done(fact.cancelled_at) or fact.done or fact.deleted:
                self.closed.add(fact.id)
            if fact.unpaid:
                self.unpaid.add(fact.id)
            if fact.unpaid and fact.paid_at is not None:
                yield Finding.UNPAID_PAID, "paid_at"
            if self.methods and fact.shipping_method and fact.shipping_method not in self.methods:
                self.unknown_methods[fact.shipping_method] += 1
                yield Finding.NO_METHOD, "shipping_method"
        if isinstance(fact, LineRow) and fact.order_id in self.placed:
            yield from self._line(fact, self.placed[fact.order_id])
        if isinstance(fact, ShipmentRow):
            if "lines" not in self.unknown and (fact.order_id, fact.number) not in self.lines:
                yield Finding.NO_LINE, "number"
            elif not self._done(fact.cancelled_at):
                delivered = self._done(fact.delivered_at)
                left = delivered or self._done(fact.shipped_at)
                self.pieces.parcel(fact, left=left, delivered=delivered)

    def _line(self, line: LineRow, placed: date) -> Iterator[tuple[Finding, str]]:
        self.with_lines.add(line.order_id)
        self.lines.add((line.order_id, line.number))
        if line.promised_on is not None and line.promised_on < placed:
            yield Finding.PROMISED_EARLY, "promised_on"
        if line.shipped_at is not None and line.shipped_at.astimezone(self.zone).date() < placed:
            yield Finding.SHIPPED_EARLY, "shipped_at"
        promised_on, expected_on = known_day(line.promised_on, placed), known_day(line.expected_on, placed)
        if line.promised_on != promised_on:
            yield Finding.PROMISED_FAR, "promised_on"
        if line.expected_on != expected_on:
            yield Finding.EXPECTED_FAR, "expected_on"
        done = line.delivered_at or (line.shipped_at if line.promise == "ship" else None)
        ended = line.done or line.deleted or line.virtual or line.product_id in self.virtual or not line.quantity
        if ended or line.order_id in self.closed or self._done(line.cancelled_at) or self._done(done):
            return
        if placed > self.as_of:
            return
        self.pieces.line(line)
        if promised_on is not None and promised_on < max(self.as_of, expected_on or self.as_of):
            self.late.add((line.order_id, line.number))

    def _done(self, moment: datetime | None) -> bool:
        return moment is not None and moment.astimezone(self.zone).date() <= self.as_of
