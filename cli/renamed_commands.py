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


RENAMED_OPTIONS = {("expect",): {"--forget": "--clear"}, ("shipments", "prefer"): {"--forget": "--clear"}}
"""Options of development versions, by their command, each with its name now."""


def new_name(arguments: Sequence[str]) -> str | None:
    """Return a sentence that names the new command or option for an old one; None if there is none."""
    old = tuple(arguments[:2])
    if old in RENAMED:
        return f"`forewarn {' '.join(old)}` is `forewarn {RENAMED[old]}` now"
    for command, options in RENAMED_OPTIONS.items():
        if tuple(arguments[: len(command)]) == command:
            for option in options.keys() & set(arguments):
                return f"`{option}` of `forewarn {' '.join(command)}` is `{options[option]}` now"
    return None
