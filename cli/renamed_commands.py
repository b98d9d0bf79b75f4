"""Old names of commands, and the new name of each."""

from collections.abc import Sequence

RENAMED = {
    ("settle", "list"): "in-doubt list",
    ("settle", "notice"): "in-doubt resolve",
    ("parcels", "list"): "shipments list",
    ("parcels", "export"): "shipments export",
    ("parcels", "wish"): "shipments prefer",
    ("check", "templates"): "templates check",
    ("vendors", "take-in"): "vendors import-responses",
    ("vendors", "arrived"): "vendors confirm",
    ("vendors", "ask-again"): "vendors reopen",
}


def new_name(arguments: Sequence[str]) -> str | None:
    """Return a sentence that names the new command for an old one; None for any other command."""
    old = tuple(arguments[:2])
    return f"`forewarn {' '.join(old)}` is `forewarn {RENAMED[old]}` now" if old in RENAMED else None
