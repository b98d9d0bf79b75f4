"""Show what was deleted because the policy keeps it no longer."""

from collections.abc import Mapping

from app.safe_text import markdown_cell, markdown_table
from models.policy.retention import RetentionPolicy

KINDS = {
    "notices": ("notices", "evidence_days"),
    "words": ("words, names and addresses of notices", "message_days"),
    "mails": ("mails that answered choices", "message_days"),
    "notes": ("notes of staff", "message_days"),
    "acts": ("reasons of acts on the desk about orders", "message_days"),
    "reasons": ("customers' own words about choices", "message_days"),
    "webhook_events": ("webhook events", "event_days"),
    "callbacks": ("what providers told of messages", "message_days"),
    "links": ("expired links to order pages", "evidence_days"),
    "events": ("events", "event_days"),
    "offers": ("offers", "offer_days"),
    "runs": ("runs", "run_days"),
    "expected_dates": ("replaced expected dates", "expected_date_days"),
}
"""What each count counts, and the policy's key that says for how long it is kept."""


def prune_rows(policy: RetentionPolicy, deleted: Mapping[str, int], *, dry_run: bool) -> list[dict[str, str | int]]:
    """Return the counts as rows for people."""
    done = "would be deleted" if dry_run else "deleted"
    return [
        {"what": what, "kept for days": getattr(policy, key), done: deleted[name]}
        for name, (what, key) in KINDS.items()
    ]


def prune_markdown(shop: str, policy: RetentionPolicy, deleted: Mapping[str, int], *, dry_run: bool) -> str:
    """Return the counts as markdown."""
    rows = prune_rows(policy, deleted, dry_run=dry_run)
    cells = ([f"{value:,}" if isinstance(value, int) else value for value in row.values()] for row in rows)
    return f"# {markdown_cell(shop)}: what was deleted\n\n{markdown_table(list(rows[0]), cells)}"
