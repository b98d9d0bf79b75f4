"""Check a shop's source without writing anything: report the problems to fix first, and how many orders are late."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from models.batches import batched
from models.errors import BadShop
from models.inventory import known_day
from models.quantities import plain
from sources.check_report import CheckReport, Finding
from sources.contract import KEYS, REFERENCES, Fact, LineRow, OrderRow, ProductRow, ShipmentRow
from sources.deduplicate import DeduplicatedReader
from sources.piece_counts import PieceCounts
from sources.reader import Source
from sources.rows import AcceptedRow, RejectedRow

PAGE_SIZE = 1_000
Problem = tuple[Finding, str]
"""A problem of a row, and the column that it is in."""


def check(source: Source, as_of: date, methods: Collection[str] = ()) -> CheckReport:
    """Read the whole source and report its problems, with lateness as of a day. A SELECT that fails is reported.

    `methods` are the shipping methods that the policy has a promise for. Keeps all keys in memory.
    """
    report = CheckReport(as_of)
    checker = _Checker(ZoneInfo(source.shop.zone), as_of, frozenset(name.lower() for name in methods))
    for table in source.tables:
        report.rows[table] = 0
        try:
            with DeduplicatedReader(source, table) as reader:
                _check_table(source, table, report, checker, reader)
        except BadShop as error:
            report.failed_selects.append(str(error))
            checker.failed_tables.add(table)
    for row in checker.orders_without_lines():
        report.add(Finding.NO_LINES, row)
    for row in checker.lines_with_too_many_pieces():
        report.add(Finding.TOO_MANY, row)
    report.unknown_methods = dict(sorted(checker.unknown_methods.items()))
    report.open_orders, report.late_orders = checker.count_orders()
    try:
        report.excluded = source.excluded()
    except BadShop as error:
        report.failed_selects.append(str(error))
    return report


def _check_table(
    source: Source, table: str, report: CheckReport, checker: "_Checker", reader: DeduplicatedReader
) -> None:
    for page in batched(source.read(table), PAGE_SIZE):
        report.rows[table] += len(page)
        for row in page:
            if isinstance(row, RejectedRow):
                report.add(Finding.REJECTED, row)
                continue
            for column in checker.unknown_references(table, row.fact):
                report.add(Finding.ORPHAN, _rejected(table, row, column, Finding.ORPHAN))
        accepted = (row for row in page if isinstance(row, AcceptedRow))
        reader.add([row for row in accepted if not checker.unknown_references(table, row.fact)])
    for rejected in reader.contradictions():
        report.add(Finding.DUPLICATE, rejected)
    for accepted_page in reader.pages(PAGE_SIZE):
        for accepted_row in accepted_page:
            for finding, column in checker.check_row(table, accepted_row.fact):
                report.add(finding, _rejected(table, accepted_row, column, finding))


def _rejected(table: str, row: AcceptedRow, column: str, finding: Finding) -> RejectedRow:
    return RejectedRow(table, row.file, row.line, column, str(getattr(row.fact, column)), finding)


@dataclass(slots=True)
class _Checker:
    """The rows that were accepted so far, which later rows are compared with."""

    zone: ZoneInfo
    as_of: date
    methods: frozenset[str] = frozenset()
    ids: dict[str, set[str]] = field(default_factory=lambda: {table: set() for table in REFERENCES.values()})
    """The ids of the tables that others reference."""
    failed_tables: set[str] = field(default_factory=set)
    virtual_products: set[str] = field(default_factory=set)
    placed_on: dict[str, date] = field(default_factory=dict)
    closed_orders: set[str] = field(default_factory=set)
    unpaid_orders: set[str] = field(default_factory=set)
    lines: set[tuple[str, str]] = field(default_factory=set)
    """Order id and line number of the lines of known orders."""
    unknown_methods: Counter[str] = field(default_factory=Counter)
    pieces: PieceCounts = field(default_factory=PieceCounts)
    late_if_open: set[tuple[str, str]] = field(default_factory=set)
    """Lines that are late if pieces of them are still open."""

    def unknown_references(self, table: str, fact: Fact) -> list[str]:
        """Return the columns of a row that reference a missing row."""
        return [
            column
            for (referencing, column), target in REFERENCES.items()
            if referencing == table
            and target not in self.failed_tables
            and getattr(fact, column) not in self.ids[target]
        ]

    def check_row(self, table: str, fact: Fact) -> Iterator[Problem]:
        """Record a row that an import accepts, and yield its problems."""
        if table in self.ids:
            self.ids[table].add(getattr(fact, KEYS[table][0]))
        if isinstance(fact, ProductRow) and fact.virtual:
            self.virtual_products.add(fact.id)
        if isinstance(fact, OrderRow):
            yield from self._check_order(fact)
        if isinstance(fact, LineRow) and fact.order_id in self.placed_on:
            yield from self._check_line(fact, self.placed_on[fact.order_id])
        if isinstance(fact, ShipmentRow):
            yield from self._check_parcel(fact)

    def _check_order(self, order: OrderRow) -> Iterator[Problem]:
        self.placed_on[order.id] = order.placed_at.astimezone(self.zone).date()
        if self._has_happened(order.cancelled_at) or order.done or order.deleted:
            self.closed_orders.add(order.id)
        if order.unpaid:
            self.unpaid_orders.add(order.id)
        if order.unpaid and order.paid_at is not None:
            yield Finding.UNPAID_PAID, "paid_at"
        if self.methods and order.shipping_method and order.shipping_method not in self.methods:
            self.unknown_methods[order.shipping_method] += 1
            yield Finding.NO_METHOD, "shipping_method"

    def _check_parcel(self, parcel: ShipmentRow) -> Iterator[Problem]:
        if "lines" not in self.failed_tables and (parcel.order_id, parcel.number) not in self.lines:
            yield Finding.NO_LINE, "number"
        elif not self._has_happened(parcel.cancelled_at):
            delivered = self._has_happened(parcel.delivered_at)
            shipped = delivered or self._has_happened(parcel.shipped_at)
            self.pieces.add_parcel(parcel, shipped=shipped, delivered=delivered)

    def _check_line(self, line: LineRow, placed_on: date) -> Iterator[Problem]:
        self.lines.add((line.order_id, line.number))
        if line.promised_on is not None and line.promised_on < placed_on:
            yield Finding.PROMISED_EARLY, "promised_on"
        if line.shipped_at is not None and line.shipped_at.astimezone(self.zone).date() < placed_on:
            yield Finding.SHIPPED_EARLY, "shipped_at"
        promised_on, expected_on = known_day(line.promised_on, placed_on), known_day(line.expected_on, placed_on)
        if line.promised_on != promised_on:
            yield Finding.PROMISED_FAR, "promised_on"
        if line.expected_on != expected_on:
            yield Finding.EXPECTED_FAR, "expected_on"
        if self._is_closed(line) or placed_on > self.as_of:
            return
        self.pieces.add_line(line)
        if promised_on is not None and promised_on < max(self.as_of, expected_on or self.as_of):
            self.late_if_open.add((line.order_id, line.number))

    def _is_closed(self, line: LineRow) -> bool:
        """Return whether a line is closed as a whole, whatever its parcels say."""
        fulfilled_at = line.delivered_at or (line.shipped_at if line.promise == "ship" else None)
        never_ships = line.virtual or line.product_id in self.virtual_products
        closed = line.done or line.deleted or never_ships or not line.quantity or line.order_id in self.closed_orders
        return closed or self._has_happened(line.cancelled_at) or self._has_happened(fulfilled_at)

    def _has_happened(self, moment: datetime | None) -> bool:
        return moment is not None and moment.astimezone(self.zone).date() <= self.as_of

    def orders_without_lines(self) -> Iterator[RejectedRow]:
        """Yield orders without any line; none when either table could not be read."""
        if self.failed_tables & {"orders", "lines"}:
            return
        for order in sorted(self.placed_on.keys() - {order for order, _ in self.lines}):
            yield RejectedRow("orders", "orders.sql", None, "id", order, Finding.NO_LINES)

    def lines_with_too_many_pieces(self) -> Iterator[RejectedRow]:
        """Yield lines with more pieces shipped, returned or cancelled than ordered."""
        for (order, line), excess in sorted(self.pieces.excess()):
            reason = f"{Finding.TOO_MANY}: {plain(excess)}"
            yield RejectedRow("lines", "lines.sql", None, "quantity", f"{order}/{line}", reason)

    def count_orders(self) -> tuple[int, int]:
        """Return how many orders are open and how many of them are late. Unpaid orders are never late."""
        open_lines = self.pieces.open_lines()
        late_lines = {line for line in open_lines & self.late_if_open if line[0] not in self.unpaid_orders}
        return len({order for order, _ in open_lines}), len({order for order, _ in late_lines})
