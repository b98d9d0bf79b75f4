"""The report of a check of a shop's source."""

from dataclasses import asdict, dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from sources.rows import ExcludedRows, RejectedRow

MAX_EXAMPLES = 5
"""Examples kept for each reason."""
MAX_REASONS = 100
OTHER_REASONS = "other reasons"


class Finding(StrEnum):
    """A kind of problem with a source."""

    REJECTED = "row rejected"
    DUPLICATE = "contradicts another row of its key"
    ORPHAN = "references a missing row"
    NO_LINES = "order without lines"
    PROMISED_EARLY = "promised before the order was placed"
    SHIPPED_EARLY = "shipped before the order was placed"
    PROMISED_FAR = "promised more than two years after the order, so treated as not promised"
    EXPECTED_FAR = "expected more than two years after the order, so treated as unknown"
    TOO_MANY = "more pieces shipped, returned or cancelled than ordered"
    NO_LINE = "parcel of a missing line"
    UNPAID_PAID = "unpaid, but with a payment date"
    NO_METHOD = "shipping method that the policy's ship_within does not name"


@dataclass(slots=True)
class Reason:
    """A reason that rows of one table share, how many rows, and the first few of them."""

    table: str
    finding: Finding
    column: str
    reason: str
    rows: int = 0
    examples: list[RejectedRow] = field(default_factory=list)


@dataclass(slots=True)
class CheckReport:
    """The counts of a source, and its problems: how often each occurs, with examples for each reason."""

    as_of: date
    rows: dict[str, int] = field(default_factory=dict)
    findings: dict[tuple[str, Finding], int] = field(default_factory=dict)
    """How many rows, by table and kind of problem."""
    reasons: dict[tuple[str, Finding, str, str], Reason] = field(default_factory=dict)
    failed_selects: list[str] = field(default_factory=list)
    """One sentence for each SELECT that failed."""
    open_orders: int = 0
    late_orders: int = 0
    excluded: list[ExcludedRows] = field(default_factory=list)
    unknown_methods: dict[str, int] = field(default_factory=dict)
    """How many orders, by shipping method that the policy does not name although it names others."""

    @property
    def ok(self) -> bool:
        """Return whether there is no problem."""
        return not self.findings and not self.failed_selects

    @property
    def late_share(self) -> float:
        """Return the share of open orders that are late, from 0 to 1."""
        return self.late_orders / self.open_orders if self.open_orders else 0.0

    @property
    def examples(self) -> list[tuple[Finding, RejectedRow]]:
        """Return the examples of all reasons."""
        return [(reason.finding, row) for reason in self.reasons.values() for row in reason.examples]

    def add(self, finding: Finding, row: RejectedRow) -> None:
        """Count a row under its reason, and keep it as an example of it while there are few."""
        kind = row.table, finding
        self.findings[kind] = self.findings.get(kind, 0) + 1
        text = row.reason.partition("; ")[0] if finding is Finding.REJECTED else str(finding)
        if (*kind, row.column, text) not in self.reasons and len(self.reasons) >= MAX_REASONS:
            row, text = replace(row, column=""), OTHER_REASONS
        reason = self.reasons.setdefault((*kind, row.column, text), Reason(*kind, row.column, text))
        reason.rows += 1
        if reason.rows <= MAX_EXAMPLES:
            reason.examples.append(row)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as values for JSON."""
        return {
            "as_of": self.as_of.isoformat(),
            "rows": self.rows,
            "failed_selects": self.failed_selects,
            "findings": [
                {"table": table, "finding": finding, "rows": n} for (table, finding), n in self.findings.items()
            ],
            "reasons": [
                {name: getattr(reason, name) for name in ("table", "finding", "column", "reason", "rows")}
                for reason in self.reasons.values()
            ],
            "examples": [{"finding": finding} | asdict(row) for finding, row in self.examples],
            "open_orders": self.open_orders,
            "late_orders": self.late_orders,
            "late_share": round(self.late_share, 4),
            "unknown_methods": self.unknown_methods,
            "excluded": [asdict(excluded) for excluded in self.excluded],
        }
