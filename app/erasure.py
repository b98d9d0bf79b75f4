"""Erase and export one person: in the ledger, in the local outbox and among the rejected rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from app.composition import App
from app.erasure_key import erasure_key
from app.personal_files import erase_messages, erase_rejects, find_personal_messages, find_rejects
from tasks.callbacks.apply import apply_callbacks
from tasks.context import Context
from tasks.db.compact import compact
from tasks.db.sql import read_only
from tasks.privacy.erase import check_erasable, count_holdings, erase_person
from tasks.privacy.export import load_export
from tasks.privacy.person import Person, find_customer, is_others_message, load_person

ELSEWHERE = (
    "the shop's own system: erase the customer there as well, imports leave out their name and address until then",
    "backups of the ledger, and files that `forewarn export` and `forewarn evidence` wrote",
    "the providers' own records, Prefect's logs, and what vendors, webhooks and the API were given",
)
"""Where else the person may be, which no command here reaches."""


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What was erased, what stays, and where else the person may be."""

    customer: str
    """The keyed hash that is the customer's id now."""
    erased: Mapping[str, int]
    """How many rows and files of the person were looked through, by what they are."""
    stays: Mapping[str, str]
    compacted: bool | None
    """False: another process kept the ledger's file busy, so deleted text may still be in it. None: PostgreSQL."""
    elsewhere: tuple[str, ...] = ELSEWHERE


def preview_erasure(app: App, context: Context, given: str) -> tuple[str, dict[str, int]]:
    """Return a customer's id and how much there is to erase; raises ForewarnError where it is not possible now."""
    with read_only(app.context.engine) as connection:
        person = load_person(context, connection, find_customer(context, connection, given))
        check_erasable(connection, person)
        files = _messages(app, connection, person)
        return person.customer, count_holdings(connection, person) | {"messages in the local outbox": len(files)}


def erase_customer(app: App, context: Context, given: str, who: str) -> ErasureReport:
    """Erase a person. Safe to repeat, and to kill: the ledger is changed after the files, as a whole or not at all."""
    context = replace(context, erasure_key=erasure_key(app.settings, app.folder, create=True))
    apply_callbacks(context, lambda: context.started_at, who)  # a wish to stop that waits is lost without its address
    with context.engine.begin() as connection:
        person = load_person(context, connection, find_customer(context, connection, given))
        files = _messages(app, connection, person)
        erasure = erase_person(context, connection, person.customer, who)
        counts = erasure.rows | {"messages in the local outbox": erase_messages(app.outbox, files)}
        rejects = (app.rejects, app.rejected_responses)
        counts["rejected rows"] = sum(erase_rejects(file, person.contacts, person.words) for file in rejects)
    erased = {what: n for what, n in counts.items() if n}
    return ErasureReport(erasure.customer, erased, erasure.stays, compact(context.engine))


def export_customer(app: App, context: Context, given: str) -> dict[str, Any]:
    """Return all that is held about a person, unmasked; raises ForewarnError for nobody."""
    with read_only(context.engine) as connection:
        person = load_person(context, connection, find_customer(context, connection, given))
        files = [str(record.with_suffix("")) + ".*" for record in _messages(app, connection, person)]
        rejected = [
            row
            for file in (app.rejects, app.rejected_responses)
            for row in find_rejects(file, person.contacts, person.words)
        ]
        held = load_export(context, connection, person)
    return held | {"files": files, "rejected_rows": rejected}


def _messages(app: App, connection: Connection, person: Person) -> list[Path]:
    ids = (*person.messages, *person.drop_shipped)
    return find_personal_messages(
        app.outbox, ids, person.contacts, lambda found: is_others_message(connection, found, person.customer)
    )
