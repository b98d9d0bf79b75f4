"""The log: each act in a sentence, by day; what can be undone is undone here."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from models.staff import AuditEntry, Right
from tasks.staff.accounts import names_of_all
from tasks.staff.audit import AlreadyUndone, entries, kinds, load_entry
from web.staff.addresses import desk_address, subject_address
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.undo import UNDO, UNDO_RIGHTS
from web.staff.visit import Visit

PAGE, MOST_IN_FILE = 50, 10_000
KIND_WORDS = {
    "run_released": "Released runs",
    "run_dropped": "Runs not sent",
    "messages_held": "Held messages",
    "message_stopped": "Messages not sent",
    "doubt_settled": "Messages in doubt",
    "product_dated": "Dates of late products",
    "product_reason": "Reasons of delays",
    "post_drafted": "Drafts of posts",
    "choice_done": "Answers carried out",
    "refund_recorded": "Refunds",
    "reply_seen": "Texts of customers",
    "sign_in": "Signing in",
    "sign_in_refused": "Refused sign-ins",
    "sign_out": "Signing out",
    "password": "Own passwords",
    "password_link": "Links for a password",
    "invite": "Invitations",
    "roles": "Roles",
    "remove": "Removed people",
    "key_made": "Keys made",
    "key_revoked": "Keys revoked",
    "webhook_test": "Webhook tests",
    "webhook_again": "Webhook events sent again",
    "order.answer": "Answers recorded",
    "order.date": "Expected dates of orders",
    "order.again": "Messages sent again",
    "order.note": "Notes to customers",
    "order.hold": "Held orders",
    "order.mute": "Stopped writing to somebody",
    "order.critical": "Time-critical orders",
    "order.shipment": "Together or in parts",
    "order.link": "New links to order pages",
    "order.doubt": "Messages in doubt of orders",
    "order.show": "Addresses shown",
}
CSV_COLUMNS = ("number", "at", "who", "kind", "subject_kind", "subject", "what", "why", "undone_by", "undoes")
LINKED = ("order", "run", "request")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One act."""

    time: str
    machine: str
    who: str
    what: str
    why: str
    url: str
    """Of what it was done to; empty where it has no page of its own."""
    link: str
    """The words of the link."""
    note: str
    """When it was undone, or what it undoes."""
    undo: str
    """Empty: it cannot be undone."""


@dataclass(frozen=True, slots=True)
class LogDay:
    """The acts of one day, the last one first."""

    title: str
    lines: tuple[LogLine, ...]


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What the log is narrowed to."""

    who: str
    what: str
    order: str

    def query(self, **more: object) -> str:
        """Return it as the query of an address, without what is empty."""
        given = {"who": self.who, "what": self.what, "order": self.order, **more}
        return urlencode({name: value for name, value in given.items() if value})


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the log, its file, and the page that undoes an act."""
    return [
        StaffRoute("/log", Right.SEE, show_log),
        StaffRoute("/log.csv", Right.SEE, download_log),
        StaffRoute("/log/{entry}/undo", Right.SEE, ask_undo, undo),
    ]


def show_log(visit: Visit) -> Response:
    """Return the log, newest first: all of it to an admin, and to others what they did themselves."""
    only, after = _filter(visit), visit.query("after")
    last = int(after) if after.isascii() and after.isdigit() and len(after) <= 9 else None
    with visit.reading() as connection:
        found = entries(connection, **_wanted(only), after=last, limit=PAGE + 1)
        people = names_of_all(connection) if _sees_all(visit) else []
        used = kinds(connection)
    following = only.query(after=found[PAGE - 1].id) if len(found) > PAGE else ""
    address, query = desk_address("log"), only.query()
    return visit.page(
        "desk/log.html",
        title="Log",
        days=log_days(visit, found[:PAGE]),
        sees_all=_sees_all(visit),
        is_filtered=bool(query) and (_sees_all(visit) or bool(only.what or only.order)),
        people=[("", "Everybody"), *people],
        kinds=[("", "Everything"), *((kind, kind_words(kind)) for kind in used)],
        chosen=only,
        action=address,
        next=f"{address}?{following}" if following else "",
        first=f"{address}?{query}" if last else "",
        file=f"{address}.csv?{query}" if query else f"{address}.csv",
    )


def download_log(visit: Visit) -> Response:
    """Return the newest entries as a CSV file."""
    with visit.reading() as connection:
        found = entries(connection, **_wanted(_filter(visit)), limit=MOST_IN_FILE)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for each in found:
        at = each.at.astimezone(visit.context.zone).isoformat(timespec="seconds")
        row = (each.id, at, each.who, each.kind, each.subject_kind, each.subject, each.what, each.why)
        writer.writerow([_cell(value) for value in (*row, each.undone_by or "", each.undoes or "")])
    name = {"Content-Disposition": 'attachment; filename="log.csv"'}
    return Response(text.getvalue(), headers=name, media_type="text/csv; charset=utf-8")


def ask_undo(visit: Visit, form: Form = NEW) -> Response:
    """Return the page that asks whether to undo an act."""
    entry = _find(visit)
    if entry is None:
        return visit.not_found("There is no such entry in the log.")
    if (refused := _refuse_undo(visit, entry)) is not None:
        return refused
    return visit.page(
        "desk/undo.html",
        title="Undo this?",
        form=form,
        action=visit.here,
        back=subject_address(entry.subject_kind, entry.subject),
        line=log_line(visit, entry),
        day=visit.full_moment(entry.at),
    )


def undo(visit: Visit, form: Form) -> Response:
    """Undo an act."""
    entry = _find(visit)
    if entry is None:
        return visit.not_found("There is no such entry in the log.")
    if (refused := _refuse_undo(visit, entry)) is not None:
        return refused
    number = UNDO[entry.kind](visit, entry, form)
    return visit.done(subject_address(entry.subject_kind, entry.subject), number)


def log_days(visit: Visit, found: Iterable[AuditEntry]) -> list[LogDay]:
    """Return entries by day in the shop's zone."""
    today = visit.today
    names = {today: "Today, ", today - timedelta(days=1): "Yesterday, "}
    days = groupby(found, lambda entry: entry.at.astimezone(visit.context.zone).date())
    return [
        LogDay(
            f"{names.get(day, '')}{day:%A}, {day.day} {day:%B}" + ("" if day.year == today.year else f" {day.year}"),
            tuple(log_line(visit, entry) for entry in each),
        )
        for day, each in days
    ]


def log_line(visit: Visit, entry: AuditEntry) -> LogLine:
    """Return an entry as a line."""
    local = entry.at.astimezone(visit.context.zone)
    note = "Undone." if entry.undone_by else ""
    may = entry.kind in UNDO and visit.person.may(UNDO_RIGHTS.get(entry.kind, Right.ACT))
    has_page = entry.subject_kind in LINKED and bool(entry.subject)
    return LogLine(
        f"{local:%H:%M}",
        local.isoformat(timespec="seconds"),
        entry.who,
        f"{entry.what.rstrip('.')}.",
        entry.why,
        subject_address(entry.subject_kind, entry.subject) if has_page else "",
        f"{entry.subject_kind} {entry.subject}",
        note,
        desk_address("log", str(entry.id), "undo") if may and entry.undone_by is None else "",
    )


def kind_words(kind: str) -> str:
    """Return a kind of act in words."""
    done = kind.removesuffix("undone").rstrip("._")
    words = KIND_WORDS.get(done, done.replace("_", " ").replace(".", ": ").capitalize())
    return words if done == kind else f"{words}: undone"


def _find(visit: Visit) -> AuditEntry | None:
    number = visit.path("entry")
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        return None
    with visit.reading() as connection:
        entry = load_entry(connection, int(number))
    is_shown = entry is not None and (_sees_all(visit) or entry.kind in UNDO)
    return entry if is_shown else None


def _refuse_undo(visit: Visit, entry: AuditEntry) -> Response | None:
    if entry.kind not in UNDO:
        return visit.conflict("This cannot be undone here.", links=[(desk_address("log"), "The log")])
    right = UNDO_RIGHTS.get(entry.kind, Right.ACT)
    if not visit.person.may(right):
        return visit.desk.forbid(visit, right)
    if entry.undone_by is not None:
        raise AlreadyUndone(entry)
    return None


def _sees_all(visit: Visit) -> bool:
    return visit.person.may(Right.ADMINISTER)


def _filter(visit: Visit) -> LogFilter:
    who = visit.query("who") if _sees_all(visit) else visit.person.id
    return LogFilter(who, visit.query("what"), visit.query("order"))


def _wanted(only: LogFilter) -> dict[str, Any]:
    wanted = {"who": only.who, "kind": only.what}
    if only.order:
        wanted |= {"subject_kind": "order", "subject": only.order}
    return {name: value for name, value in wanted.items() if value}


def _cell(value: object) -> object:
    # A spreadsheet takes a text that begins so for a formula.
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
