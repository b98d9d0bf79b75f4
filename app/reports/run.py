"""Say what a run did, for people: Prefect's artifacts, and the lines of the command line. Addresses are masked."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.safe_text import escape_control, markdown_cell, markdown_table
from models.decisions import Contact, Plan
from models.policy.policy import ON_TIME, Policy
from models.run_report import Report
from rules.contact.masking import mask_address
from tasks.delivery.worker import DeliverySummary
from tasks.notices.summary import EvaluationSummary
from templates.rendering.names import strip_control_chars, truncate

NAME_SHOWN = 80
CHANGES = ("inserted", "updated", "rejected", "removed", "superseded", "duplicates")


def fill_evaluation(report: Report, looked: EvaluationSummary) -> None:
    """Put into a report what was found and owed."""
    report.changes, report.notices = dict(looked.changes), dict(looked.notices)
    report.skipped, report.offers = dict(looked.skipped), dict(looked.offers)
    report.limited = looked.limited
    report.over_cap, report.problems = looked.over_cap, list(looked.problems)
    report.plans = table(looked.plans)


def fill_orders(report: Report, orders: Mapping[str, int], policy: Policy) -> None:
    """Put into a report how many orders are open, and how late; its counts by bucket in the policy's order."""
    report.open = sum(orders.values())
    report.late, report.changes = by_delay(orders, policy), by_delay(report.changes, policy)


def by_delay(orders: Mapping[str, int], policy: Policy) -> dict[str, int]:
    """Return counts of late orders from the shortest delay up."""
    names = [bucket.name for bucket in policy.bucket]
    late = sorted(set(orders) - {ON_TIME}, key=lambda name: (names.index(name) if name in names else -1, name))
    return {name: orders[name] for name in late if orders[name]}


def fill_delivery(report: Report, delivered: DeliverySummary) -> None:
    """Put into a report what was delivered."""
    report.sent, report.rejected, report.retrying = (
        _sorted(delivered.sent),
        dict(delivered.rejected),
        dict(delivered.retrying),
    )
    report.in_doubt, report.down = delivered.in_doubt, dict(delivered.down)
    report.trial = {channel: n for channel, n in _sorted(delivered.trial).items() if n}
    for reason, n in delivered.skipped.items():
        report.skipped[reason] = report.skipped.get(reason, 0) + n


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts in the order of their names: which channel answered first says nothing."""
    return dict(sorted(counts.items()))


def counted(counts: Mapping[str, int], nothing: str = "none") -> str:
    """Say counts as `3 week, 2 long`."""
    return ", ".join(f"{n} {name}" for name, n in counts.items() if n) or nothing


def headline(flow: str, report: Report) -> str:
    """Name a run by what came of it."""
    told = sum(report.changes.values())
    said = f"{told} to tell" if flow != "deliver" else _sent(report)
    held = "would be held" if report.dry_run else "held"
    said = f"{held}, {said}" if report.held else said
    trouble = ", with problems" if not report.ok else ""
    return f"{flow} {report.as_of}: {said}{trouble}"


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
    ("Sent", "reached"),
    ("Sent in a trial", "trial"),
    ("Skipped", "skipped"),
    ("Rejected", "rejected"),
    ("Retrying", "retrying"),
    ("Settled", "settled"),
    ("Lines requested", "requested"),
    ("Lines", "coverage"),
    ("Products", "products"),
    ("Dates", "dates"),
    ("Parcels", "parcels"),
)


def lines(report: Report) -> list[tuple[str, str]]:
    """Return a report as pairs of a word and its figures, leaving out what is nought."""
    found = [("Day", str(report.as_of) + (" (dry run: nothing written)" if report.dry_run else ""))]
    found += [(f"Import {table}", imported(counts)) for table, counts in report.imported.items()]
    found += missing(report.missing, report.imported.get("orders", {}).get("missing", 0))
    found += [("Excluded", f"{n} {reason}") for reason, n in report.excluded.items()]
    word, then = ("Would be held", "until released") if report.dry_run else ("Held", "nothing of this run leaves")
    found += [(word, f"{why}: {then}") for why in report.held.values()]
    found += [("Then", f"forewarn release {report.run[:8]}, or with --drop")] if report.held and report.run else []
    if report.open:
        found.append(("Open orders", f"{report.open:,}"))
    if report.limited:
        found.append(("Left for later", f"{report.limited} orders beyond the limit: the next run tells them"))
    found += [(word, counted(getattr(report, name))) for word, name in FIGURES if getattr(report, name)]
    found += [("Unreachable", f"{report.unreachable} customers have no other channel")] if report.unreachable else []
    found += [("Waiting", f"{report.waiting}, for their hour or for another try")] if report.waiting else []
    found += [("In doubt", f"{report.in_doubt}: not sent again before it is settled")] if report.in_doubt else []
    found += [("Reminded", f"{report.reminded} requests without a response")] if report.reminded else []
    found += [("Needs staff", f"{report.needs_staff}: `forewarn vendors waiting`")] if report.needs_staff else []
    found += [("Over the cap", f"{report.over_cap} discounts not given")] if report.over_cap else []
    found += [("Language", f"missing: {counted(report.fallbacks)}")] if report.fallbacks else []
    found += [("Not live", f"{channel}: {why}") for channel, why in report.not_live.items()]
    found += [("Down", f"{channel}: {why}") for channel, why in report.down.items()]
    found += [("Problem", problem) for problem in report.problems]
    found += [("Rejects", report.rejects)] if report.rejects else []
    return found


def missing(named: Sequence[str], n: int) -> list[tuple[str, str]]:
    """Say which open orders an import did not name; none where it named all."""
    if not n:
        return []
    orders, stay = ("order was", "stays") if n == 1 else ("orders were", "stay")
    listed = ", ".join(escape_control(one) for one in named) + (", ..." if n > len(named) else "")
    return [("Not named", f"{n:,} open {orders} not in this import, and {stay} open: {listed}")]


def imported(counts: Mapping[str, int]) -> str:
    """Say what an import did with a table."""
    changed = {name: n for name in CHANGES if (n := counts.get(name))}
    nothing = "nothing changed" if counts["read"] else "what was there stays"
    return f"{counts['read']:,} rows: " + counted(changed, nothing)


def summary(report: Report, shop: str) -> str:
    """Return a report as markdown."""
    rows = ((markdown_cell(word), markdown_cell(said)) for word, said in lines(report))
    return f"# {markdown_cell(shop)}, {report.as_of}\n\n{markdown_table(('', ''), rows)}"


def table(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """Return plans as rows that customer service can read; Prefect's page cuts off what stands last."""
    return [
        {
            "order": escape_control(plan.delay.order.id),
            "channels": ", ".join(_contact(one) for one in plan.contacts),
            "why": plan.why,
            "remedy": remedy(plan),
            "days late": plan.delay.days,
            "bucket": plan.delay.bucket,
        }
        for plan in plans
    ]


def remedy(plan: Plan) -> str:
    """Say what a plan offers; a code stays with its customer."""
    if plan.substitutes:
        names = (one.name for found in plan.substitutes for one in found.products)
        return "substitute: " + "; ".join(truncate(strip_control_chars(name), NAME_SHOWN) for name in names)
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
