"""Fill the report of a run, and show it as lines, markdown or table rows. Addresses are masked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.reports.counts import by_days, by_delay, changes_in_words, counted
from app.safe_text import escape_control, markdown_cell, markdown_table
from models.decisions import Contact, Plan
from models.policy.policy import MAY_BE_LATE, ON_TIME, Policy
from models.run_report import Report
from rules.contact.masking import mask_address
from tasks.delivery.summary import DeliverySummary
from tasks.notices.summary import EvaluationSummary
from templates.rendering.names import strip_control_chars, truncate

MAX_NAME_LENGTH = 80
"""Characters of a product's name that a report shows."""
IMPORT_CHANGES = ("inserted", "updated", "rejected", "removed", "superseded", "duplicates")


def fill_evaluation(report: Report, evaluated: EvaluationSummary) -> None:
    """Put into a report what an evaluation of orders decided."""
    report.changes = dict(evaluated.changes)
    report.notices = dict(evaluated.notices)
    report.skipped = dict(evaluated.skipped)
    report.offers = dict(evaluated.offers)
    report.wordings = dict(sorted(evaluated.wordings.items()))
    report.limited = evaluated.limited
    report.over_cap = evaluated.over_cap
    report.problems = list(evaluated.problems)
    report.plans = plan_rows(evaluated.plans)


def fill_orders(report: Report, orders: Mapping[str, int], policy: Policy) -> None:
    """Put into a report how many orders are open and how late, and sort its counts by bucket as the policy does."""
    report.open = sum(orders.values())
    others = {name: n for name in (MAY_BE_LATE, ON_TIME) if (n := report.changes.get(name))}
    report.late, report.changes = by_delay(orders, policy), by_delay(report.changes, policy) | others


def fill_delivery(report: Report, delivered: DeliverySummary) -> None:
    """Put into a report what was delivered."""
    report.sent = _sorted(delivered.sent)
    report.rejected = dict(delivered.rejected)
    report.retrying = dict(delivered.retrying)
    report.in_doubt = delivered.in_doubt
    report.down |= delivered.down
    report.trial = {channel: n for channel, n in _sorted(delivered.trial).items() if n}
    for reason, n in delivered.skipped.items():
        report.skipped[reason] = report.skipped.get(reason, 0) + n


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts sorted by name, so that the order does not depend on which channel was first."""
    return dict(sorted(counts.items()))


def headline(flow: str, report: Report) -> str:
    """Return a run's name with its outcome."""
    outcome = _sent(report) if flow == "deliver" else f"{sum(report.changes.values())} to tell"
    held = "would be held" if report.dry_run else "held"
    outcome = f"{held}, {outcome}" if report.held else outcome
    problems = ", with problems" if not report.ok else ""
    return f"{flow} {report.as_of}: {outcome}{problems}"


def _sent(report: Report) -> str:
    sent, trial = sum(report.sent.values()), sum(report.trial.values())
    if not trial:
        return f"{sent} sent"
    return f"{sent} sent in a trial" if sent == trial else f"{sent} sent, {trial} of them in a trial"


FIGURES = (
    ("Late", "late"),
    ("Changes", "changes"),
    ("Notices", "notices"),
    ("Remedies", "offers"),
    ("Wordings", "wordings"),
    ("Sent", "reached"),
    ("Sent in a trial", "trial"),
    ("Skipped", "skipped"),
    ("Rejected", "rejected"),
    ("Retrying", "retrying"),
    ("Settled", "settled"),
    ("Webhook events", "webhooks"),
    ("Callbacks", "callbacks"),
    ("Lines requested", "requested"),
    ("Lines", "coverage"),
    ("Products", "products"),
    ("Dates", "dates"),
    ("Parcels", "parcels"),
)


PROBLEM_LABELS = (
    "Not named",
    "Held",
    "Would be held",
    "Then",
    "Rejected",
    "Unreachable",
    "In doubt",
    "Needs staff",
    "Over the cap",
    "Not live",
    "Down",
    "Problem",
    "Rejects",
)
"""Labels of what a person has to look at."""


def lines(report: Report) -> list[tuple[str, str]]:
    """Return a report as pairs of a label and its figures, without those that are zero."""
    pairs = [("Day", str(report.as_of) + (" (dry run: nothing written)" if report.dry_run else ""))]
    pairs += [(f"Import {table}", imported(counts)) for table, counts in report.imported.items()]
    pairs += missing(report.missing, report.imported.get("orders", {}).get("missing", 0))
    pairs += [("Excluded", f"{n} {reason}") for reason, n in report.excluded.items()]
    word, then = ("Would be held", "until released") if report.dry_run else ("Held", "nothing of this run leaves")
    pairs += [(word, f"{why}: {then}") for why in report.held.values()]
    pairs += [("Then", f"forewarn release {report.run[:8]}, or with --drop")] if report.held and report.run else []
    if report.open:
        pairs.append(("Open orders", f"{report.open:,}"))
    if report.limited:
        pairs.append(("Left for later", f"{report.limited} orders beyond the limit: the next run tells them"))
    pairs += [(word, counted(getattr(report, name))) for word, name in FIGURES if getattr(report, name)]
    pairs += [("Unreachable", f"{report.unreachable} customers have no other channel")] if report.unreachable else []
    pairs += [("Waiting", f"{report.waiting}, for their hour or for another try")] if report.waiting else []
    pairs += [("In doubt", f"{report.in_doubt}: not sent again before it is resolved")] if report.in_doubt else []
    pairs += [("Reminded", f"{report.reminded} requests without a response")] if report.reminded else []
    pairs += [("Needs staff", f"{report.needs_staff}: `forewarn vendors waiting`")] if report.needs_staff else []
    pairs += [("Over the cap", f"{report.over_cap} discounts not given")] if report.over_cap else []
    pairs += [("Language", f"missing: {counted(report.fallbacks)}")] if report.fallbacks else []
    pairs += [("Not live", f"{channel}: {why}") for channel, why in report.not_live.items()]
    pairs += [("Down", f"{channel}: {why}") for channel, why in report.down.items()]
    pairs += [("Problem", problem) for problem in report.problems]
    pairs += [("Rejects", report.rejects)] if report.rejects else []
    return pairs


def missing(named: Sequence[str], n: int) -> list[tuple[str, str]]:
    """Return the line about the open orders that an import did not name; no line where it named all."""
    if not n:
        return []
    orders, stay = ("order was", "stays") if n == 1 else ("orders were", "stay")
    listed = ", ".join(escape_control(one) for one in named) + (", ..." if n > len(named) else "")
    return [("Not named", f"{n:,} open {orders} not in this import, and {stay} open: {listed}")]


def imported(counts: Mapping[str, int]) -> str:
    """Return what an import did with a table: rows read, and how many of them changed what."""
    changed = {name: n for name in IMPORT_CHANGES if (n := counts.get(name))}
    nothing = "nothing changed" if counts["read"] else "what was there stays"
    return f"{counts['read']:,} rows: " + counted(changed, nothing)


def summary(report: Report, shop: str, policy: Policy | None = None) -> str:
    """Return a report as markdown, what needs a person first; with a policy, delays in days in place of its names."""
    if policy:
        in_days = {"late": by_days(report.late, policy), "changes": changes_in_words(report.changes, policy)}
        report = report.model_copy(update=in_days)
    pairs = lines(report)
    first = [pair for pair in pairs if _is_problem(pair[0])]
    rest = [pair for pair in pairs if not _is_problem(pair[0])]
    head = f"# {markdown_cell(shop)}, {report.as_of}\n"
    problems = f"\n## Needs a person\n\n{_pairs_table(first)}\n## What was done\n" if first else ""
    return f"{head}{problems}\n{_pairs_table(rest)}"


def _is_problem(label: str) -> bool:
    return label in PROBLEM_LABELS


def _pairs_table(pairs: Iterable[tuple[str, str]]) -> str:
    rows = ((markdown_cell(label), markdown_cell(value)) for label, value in pairs)
    return markdown_table(("what", "result"), rows)


def plan_rows(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """Return plans as table rows for customer service: those that nobody is told of first, then the longest delays.

    Prefect's page cuts off the last columns.
    """
    return [
        {
            "order": escape_control(plan.delay.order.id),
            "why": plan.why,
            "channels": ", ".join(_contact(contact) for contact in plan.contacts),
            "remedy": remedy(plan),
            "days late": plan.delay.days,
            "bucket": plan.delay.bucket,
        }
        for plan in sorted(plans, key=_urgency)
    ]


def _urgency(plan: Plan) -> tuple[bool, bool, int]:
    skipped = [contact.skip is not None for contact in plan.contacts]
    return not all(skipped), not any(skipped), -(plan.delay.days or 0)


def remedy(plan: Plan) -> str:
    """Return what a plan offers, without the discount's code: only its customer sees that."""
    if plan.substitutes:
        names = (product.name for choice in plan.substitutes for product in choice.products)
        return "substitute: " + "; ".join(truncate(strip_control_chars(name), MAX_NAME_LENGTH) for name in names)
    if plan.discount:
        size = (
            f"{plan.discount.percent:g} %"
            if plan.discount.percent
            else f"{plan.discount.amount} {plan.discount.currency}"
        )
        return f"{plan.discount.kind.replace('_', ' ')}: {size}"
    return "none"


def _contact(contact: Contact) -> str:
    address = f" {mask_address(contact.address)}" if contact.address else ""
    return f"{contact.channel}{address}" + (f" (not sent: {contact.skip.replace('_', ' ')})" if contact.skip else "")
