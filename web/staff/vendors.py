"""Purchase requests on the desk: who owes an answer, one request, and what staff do about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from models.enums import State
from models.errors import ForewarnError
from models.purchasing import VendorResponse
from models.quantities import counted
from models.staff import AuditEntry, Right
from sources.rows import RejectedRow, Row
from tasks.desk.vendors import RequestDetail, RequestedLine, RequestGroup, load_groups, load_request, load_requests
from tasks.purchasing.responses import record_responses_in
from tasks.purchasing.review import approve_in, mark_delivered_in, reopen_in
from tasks.purchasing.staff_acts import (
    RESTORABLE,
    drop_reminder_in,
    load_answers,
    remind_in,
    restore_answers_in,
    restore_state_in,
)
from tasks.staff.audit import mark_undone, record
from web.staff.addresses import desk_address, request_address
from web.staff.cursors import read_cursor, write_cursor
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import Form
from web.staff.undo import UNDO
from web.staff.vendor_words import (
    GROUP_WORDS,
    RequestLink,
    RequestView,
    request_links,
    request_view,
)
from web.staff.visit import Refused, Visit

PAGE_SIZE, SHORT_LIST = 50, 10
"""Requests of one group's own page, and of each group where all are shown."""
REMINDED, SENT_AGAIN, REOPENED = "vendor_reminded", "request_sent_again", "request_reopened"
ARRIVED, ANSWERED = "request_arrived", "vendor_answered"
FORM_FILE = "the form"
MAX_WHY_CHARS = 500
Act = Callable[[Visit, Connection, RequestDetail, Form], int]


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of requests under its heading."""

    title: str
    hint: str
    rows: tuple[RequestLink, ...]
    all: str
    """The address of the group's own page; empty where all are shown."""


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages about purchase requests."""
    UNDO.update({REMINDED: undo, SENT_AGAIN: undo, REOPENED: undo, ARRIVED: undo, ANSWERED: undo})
    acts = [
        StaffRoute(f"/vendors/{{request}}/{act}", Right.ACT, partial(ask, act=act), post)
        for act, post in (("remind", remind), ("again", ask_again), ("have", they_have_it), ("answer", answer))
    ]
    return [
        StaffRoute("/vendors", Right.SEE, show_list),
        StaffRoute("/vendors/{request}", Right.SEE, show_request),
        *acts,
    ]


def show_list(visit: Visit) -> Response:
    """Return the requests by what they wait for, or one group."""
    asked_for = visit.query("group")
    if asked_for in set(RequestGroup):
        return _show_group(visit, RequestGroup(asked_for))
    groups = []
    with visit.reading() as connection:
        found = load_groups(visit.context, connection, tuple(RequestGroup), SHORT_LIST)
        for group, page in found.items():
            if page.rows:
                more = desk_address("vendors", group=group) if page.has_more else ""
                groups.append(GroupView(*GROUP_WORDS[group], request_links(visit, page.rows), more))
    return visit.page("desk/vendors.html", title="Vendors", groups=groups, next="", first="")


def _show_group(visit: Visit, group: RequestGroup) -> Response:
    after = read_cursor(visit.query("after"), datetime, str)
    with visit.reading() as connection:
        page = load_requests(visit.context, connection, group, PAGE_SIZE, after)
    title, hint = GROUP_WORDS[group]
    last = page.rows[-1] if page.rows else None
    following = write_cursor(last.created_at, last.id) if page.has_more and last else ""
    return visit.page(
        "desk/vendors.html",
        title=f"Vendors: {title.lower()}",
        groups=[GroupView(title, hint, request_links(visit, page.rows), "")] if page.rows else [],
        next=desk_address("vendors", group=group, after=following) if following else "",
        first=desk_address("vendors"),
    )


def show_request(visit: Visit) -> Response:
    """Return one request with its lines."""
    detail = _find(visit)
    if detail is None:
        return _unknown(visit)
    return visit.page(
        "desk/vendor_request.html",
        title=f"Request to {detail.row.vendor}",
        request=request_view(visit, detail),
    )


def ask(visit: Visit, act: str) -> Response:
    """Return the form of an act, with what it does."""
    detail = _find(visit)
    if detail is None:
        return _unknown(visit)
    view = request_view(visit, detail)
    if not view.may(act):
        return visit.conflict(view.why_not(act), links=((view.url, "Back to the request"),))
    return _ask(visit, act, view, Form(""))


def _ask(visit: Visit, act: str, view: RequestView, form: Form) -> Response:
    said = view.act(act)
    template = "desk/vendor_answer.html" if act == "answer" else "desk/vendor_act.html"
    return visit.page(
        template,
        title=said.heading,
        form=form,
        action=request_address(view.id, act),
        request=view,
        said=said,
        today=visit.today.isoformat(),
    )


def remind(visit: Visit, form: Form) -> Response:
    """Remind the vendor."""

    def act(visit: Visit, connection: Connection, detail: RequestDetail, form: Form) -> int:
        key = remind_in(visit.context, connection, detail.row.id, visit.person.name, form.text("why"))
        lines = counted(len(detail.open_lines), "line")
        what = f"reminded {detail.row.vendor} of {lines} without an answer"
        return _record(visit, connection, detail, form, REMINDED, what, after={"reminder": key})

    return _do(visit, "remind", form, act)


def ask_again(visit: Visit, form: Form) -> Response:
    """Send a request again, or have its refused lines asked for again."""

    def act(visit: Visit, connection: Connection, detail: RequestDetail, form: Form) -> int:
        who, why, key = visit.person.name, form.text("why"), detail.row.id
        if detail.may_send_again:
            approve_in(visit.context, connection, key, who, why)
            what = f"had the request to {detail.row.vendor} sent again"
            before, after = {"state": detail.row.state}, {"state": State.QUEUED}
            return _record(visit, connection, detail, form, SENT_AGAIN, what, before=before, after=after)
        lines = [line.id for line in detail.reopenable]
        answers = load_answers(connection, key, lines)
        reopened = reopen_in(visit.context, connection, key, who, why)
        what = f"had {counted(reopened, 'line')} of {detail.row.vendor} asked for again"
        return _record(
            visit, connection, detail, form, REOPENED, what, before=answers, after=load_answers(connection, key, lines)
        )

    return _do(visit, "again", form, act)


def they_have_it(visit: Visit, form: Form) -> Response:
    """Say that a request in doubt arrived."""

    def act(visit: Visit, connection: Connection, detail: RequestDetail, form: Form) -> int:
        mark_delivered_in(visit.context, connection, detail.row.id, visit.person.name, form.text("why"))
        what = f"said that {detail.row.vendor} has the request"
        before, after = {"state": detail.row.state}, {"state": State.SENT}
        return _record(visit, connection, detail, form, ARRIVED, what, before=before, after=after)

    return _do(visit, "have", form, act)


def answer(visit: Visit, form: Form) -> Response:
    """Record what the vendor answered."""

    def act(visit: Visit, connection: Connection, detail: RequestDetail, form: Form) -> int:
        lines = [line for line in detail.asked_lines if line.id in set(form.all("line"))]
        said, promised_on, reason = form.text("said"), form.day("promised_on"), form.text("reason")
        if not lines:
            form.wrong("line", "Choose the lines that the answer is about.")
        if said not in (VendorResponse.ACCEPTED, VendorResponse.REFUSED):
            form.wrong("said", "Choose what the vendor said.")
        if said == VendorResponse.REFUSED and not reason:
            form.wrong("reason", "Say why they cannot send it, as in 'discontinued'.")
        if promised_on and promised_on < visit.today:
            form.wrong("promised_on", "The day has passed. Enter today or a later day.")
        if form.errors:
            raise FormIncomplete
        values = {
            "request": detail.row.id,
            "answer": said,
            "reason": reason or None,
            "promised_on": promised_on.isoformat() if promised_on and said == VendorResponse.ACCEPTED else None,
        }
        rows = [
            Row.of({**values, "order": line.order, "line": line.line}, FORM_FILE, n) for n, line in enumerate(lines, 1)
        ]
        keys = [line.id for line in lines]
        before = load_answers(connection, detail.row.id, keys)
        summary = record_responses_in(visit.context, connection, rows, visit.person.name)
        if summary.rejected:
            raise Refused(_in_words(summary.rejected[0], lines))
        after = load_answers(connection, detail.row.id, keys)
        what = f"recorded {detail.row.vendor}'s answer to {counted(len(lines), 'line')}: {_answer_words(visit, values)}"
        return _record(visit, connection, detail, form, ANSWERED, what, before=before, after=after)

    return _do(visit, "answer", form, act)


class FormIncomplete(Exception):
    """Raised inside a transaction for a form that is shown again."""


def _do(visit: Visit, name: str, form: Form, act: Act) -> Response:
    detail = _find(visit)
    if detail is None:
        return _unknown(visit)
    view = request_view(visit, detail)
    if not view.may(name):
        raise Refused(view.why_not(name), links=((view.url, "Back to the request"),))
    if len(form.text("why")) > MAX_WHY_CHARS:
        form.wrong("why", f"Say it in at most {MAX_WHY_CHARS} characters.")
        return _ask(visit, name, view, form)
    try:
        with visit.writing() as connection:
            entry = act(visit, connection, detail, form)
    except FormIncomplete:
        return _ask(visit, name, view, form)
    except ForewarnError as error:
        raise Refused(_sentence(error), links=((view.url, "Back to the request"),)) from error
    return visit.done(view.url, entry)


def _record(
    visit: Visit,
    connection: Connection,
    detail: RequestDetail,
    form: Form,
    kind: str,
    what: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> int:
    return record(
        connection,
        **visit.act(form),
        kind=kind,
        subject_kind="request",
        subject=detail.row.id,
        what=what,
        why=form.text("why"),
        before=before,
        after=after,
    )


def undo(visit: Visit, entry: AuditEntry, form: Form) -> int:
    """Take an act on a request back, as long as nothing has followed from it."""
    who, key = visit.person.name, entry.subject
    try:
        with visit.writing() as connection:
            if entry.kind == REMINDED:
                drop_reminder_in(visit.context, connection, entry.after["reminder"], who)
            elif entry.kind in (SENT_AGAIN, ARRIVED):
                was, now_is = State(entry.before["state"]), State(entry.after["state"])
                if was not in RESTORABLE:
                    raise Refused("It was sent again, and cannot be called back. Ring the vendor.")
                restore_state_in(visit.context, connection, key, now_is, was, who)
            else:
                restore_answers_in(visit.context, connection, key, entry.after, entry.before, who)
            by = record(
                connection,
                **visit.act(form),
                kind=f"{entry.kind}_undone",
                subject_kind="request",
                subject=key,
                what=f"undid: {entry.who} {entry.what}",
                why=form.text("why"),
                before=entry.after,
                after=entry.before,
                undoes=entry.id,
            )
            mark_undone(connection, entry.id, by)
            return by
    except ForewarnError as error:
        if type(error) is not ForewarnError:
            raise
        raise Refused(_sentence(error)) from error


def _find(visit: Visit) -> RequestDetail | None:
    with visit.reading() as connection:
        return load_request(visit.context, connection, visit.path("request"))


def _unknown(visit: Visit) -> Response:
    return visit.not_found("There is no request to a vendor with this number. It may be a mistyped address.")


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _in_words(row: RejectedRow, lines: Sequence[RequestedLine]) -> str:
    line = lines[(row.line or 1) - 1]
    return f"Order {line.order}, line {line.line}: {row.reason}."


def _answer_words(visit: Visit, values: Mapping[str, Any]) -> str:
    if values["answer"] == VendorResponse.REFUSED:
        return f"they cannot send it ({values['reason']})"
    promised_on = values["promised_on"]
    return "they send it" + (f", by {visit.day(date.fromisoformat(promised_on))}" if promised_on else "")
