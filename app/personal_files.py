"""Find and erase a person in the files of the state folder: the local outbox and the rejected rows."""

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from channels.atomic_files import replace_files
from channels.local.outbox import find_messages, remove_message
from channels.local.outbox_index import write_outbox_index
from rules.contact.masking import mask_address
from rules.contact.scrub import GONE, is_of_person, scrub
from tasks.csv_files import csv_text

PERSONAL_TABLES = ("customers", "orders")
"""Tables of the source whose rejected rows may be of the person, however the person is written there."""


def find_personal_messages(
    outbox: Path, ids: Iterable[str], contacts: Iterable[str], is_others: Callable[[str], bool]
) -> list[Path]:
    """Return the records in an outbox that are the person's: by their id, or by an address.

    `is_others` says of an id whether the ledger knows the message as another customer's.
    """
    wanted, lower = set(ids), [one.lower() for one in contacts]

    def is_theirs(message: dict[str, Any]) -> bool:
        if message["id"] in wanted:
            return True
        return str(message["to"]).lower() in lower and not is_others(message["id"])

    return [record for record, message in find_messages(outbox) if is_theirs(message)] if outbox.is_dir() else []


def erase_messages(outbox: Path, records: Iterable[Path]) -> int:
    """Delete messages of an outbox with all their files, and write its index again; return how many."""
    deleted = 0
    for record in records:
        remove_message(outbox, record)
        deleted += 1
    if (outbox / "index.html").exists():
        write_outbox_index(outbox, mask_address)
    return deleted


def find_rejects(file: Path, contacts: Iterable[str], words: Iterable[str]) -> list[dict[str, str]]:
    """Return the rejected rows that are a person's own, and no other's: the person may get them."""
    addresses, texts = tuple(contacts), tuple(words)
    return [row for row in _rows(file) if any(is_of_person(value or "", addresses, texts) for value in row.values())]


def erase_rejects(file: Path, contacts: Iterable[str], words: Iterable[str]) -> int:
    """Empty the values of rejected rows that name a person, and of all that may be theirs; return how many."""
    rows = list(_rows(file))
    left = [
        _without_values(row) if row.get("table") in PERSONAL_TABLES else _scrubbed(row, contacts, words) for row in rows
    ]
    changed = sum(one != other for one, other in zip(rows, left, strict=True))
    if changed:
        text = csv_text(list(rows[0]), (row.values() for row in left))
        replace_files({file: text.encode()}, private=True)
    return changed


def _rows(file: Path) -> Iterator[dict[str, str]]:
    if file.is_file():
        with file.open(newline="", encoding="utf-8") as stream:
            yield from csv.DictReader(stream)


def _without_values(row: dict[str, str]) -> dict[str, str]:
    return row | {"value": GONE, "reason": "its value was erased; the next import says why it is rejected"}


def _scrubbed(row: dict[str, str], contacts: Iterable[str], words: Iterable[str]) -> dict[str, str]:
    return {name: scrub(value or "", contacts, words) for name, value in row.items()}
