"""What the law asks for late orders, by when; a person records a refund that was paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection
from starlette.responses import Response

from models.errors import ForewarnError
from models.quantities import counted
from models.staff import AuditEntry, Right
from tasks.desk.deadlines import MissedDeadline, OrderDuties, list_duties, list_missed, load_duties
from tasks.promise_clock.duties import LineDuty
from tasks.promise_clock.staff_records import save_refund, take_refund_back
from tasks.promise_clock.walk import check_orders
from tasks.staff.audit import record
from web.staff.addresses import desk_address, order_address
from web.staff.cursors import read_cursor, write_cursor
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.list_parts import listed_words, sentence, undo_act
from web.staff.undo import UNDO
from web.staff.visit import Refused, Visit

REFUNDED = "refund_recorded"
"""Kind of entries of the log."""
SOON = 3
REFUND_DUTIES = ("cancel_and_refund", "refund_with_surcharge", "honour_withdrawal")
SEE_LIST = ((desk_address("deadlines"), "See the deadlines"),)


@dataclass(frozen=True, slots=True)
class DutyRow:
    """An order with a deadline."""

    order: str
    order_url: str
    customer: str
    whats: tuple[str, ...]
    by: str
    machine: str
    chip: tuple[str, str]
    refund: str
    evidence: str


@dataclass(frozen=True, slots=True)
class MissedRow:
    """A deadline that passed."""

    order: str
    order_url: str
    what: str
    found: str
    machine: str
    evidence: str


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages of deadlines."""
    UNDO[REFUNDED] = _undo_refund
    return [
        StaffRoute("/deadlines", Right.SEE, show),
        StaffRoute("/deadlines/{order}/refund", Right.ACT, ask_refund, refund),
    ]


def show(visit: Visit) -> Response:
    """Return the deadlines of late orders, the nearest first, and those that passed."""
    place = read_cursor(visit.query("after"), date, str)
    with visit.reading() as connection:
        page = list_duties(connection, place)
        missed = list_missed(visit.context, connection)
    return visit.page(
        "desk/deadlines.html",
        title="Legal deadlines",
        rows=[_row(visit, order) for order in page.rows],
        missed=[_missed_row(visit, one) for one in missed.rows] if place is None else [],
        more_missed=missed.more,
        next=desk_address("deadlines", after=write_cursor(*page.rows[-1].place)) if page.more else "",
        first=desk_address("deadlines") if place else "",
    )


def _row(visit: Visit, order: OrderDuties) -> DutyRow:
    owes_money = any(duty.duty in REFUND_DUTIES for duty in order.duties)
    whats = dict.fromkeys(f"{_line(order.duties, duty)}{sentence(duty.what)}" for duty in order.duties)
    return DutyRow(
        order=order.order_id,
        order_url=order_address(order.order_id),
        customer=order.customer,
        whats=tuple(whats),
        by=visit.day(order.deadline),
        machine=order.deadline.isoformat(),
        chip=_left((order.deadline - visit.today).days),
        refund=desk_address("deadlines", order.order_id, "refund") if owes_money and _may(visit) else "",
        evidence=order_address(order.order_id, "evidence"),
    )


def _may(visit: Visit) -> bool:
    return visit.person.may(Right.ACT)


def _line(duties: Sequence[LineDuty], duty: LineDuty) -> str:
    return f"Line {duty.line}: " if len({each.line for each in duties}) > 1 else ""


def _left(days: int) -> tuple[str, str]:
    if days < 0:
        return "bad", f"{counted(-days, 'day')} too late"
    if days == 0:
        return "bad", "Today"
    return ("wait" if days <= SOON else "calm"), f"{counted(days, 'day')} left"


def _missed_row(visit: Visit, one: MissedDeadline) -> MissedRow:
    return MissedRow(
        order=one.order_id,
        order_url=order_address(one.order_id),
        what=sentence(one.what),
        found=visit.moment(one.found_at),
        machine=one.found_at.isoformat(),
        evidence=order_address(one.order_id, "evidence"),
    )


def ask_refund(visit: Visit, form: Form = NEW) -> Response:
    """Ask when the money of an order went back."""
    order = visit.path("order")
    with visit.reading() as connection:
        duties = load_duties(connection, order)
    lines = [duty.line for duty in duties if duty.duty in REFUND_DUTIES]
    if not lines:
        return visit.conflict(f"Order {order} has no refund to record any more.", links=SEE_LIST)
    return visit.page(
        "desk/refund.html",
        title=f"Was the money of order {order} paid back?",
        form=form,
        texts=[sentence(duty.what) for duty in duties if duty.duty in REFUND_DUTIES][:3],
        lines=[(line, f"Line {line}", "") for line in lines],
        chosen=lines,
        several=len(lines) > 1,
        today=visit.today.isoformat(),
        action=visit.here,
        back=desk_address("deadlines"),
    )


def refund(visit: Visit, form: Form) -> Response:
    """Record that the money of lines went back: their deadlines end."""
    order, on, why = visit.path("order"), form.day("day"), form.text("why")
    with visit.reading() as connection:
        due = [duty.line for duty in load_duties(connection, order) if duty.duty in REFUND_DUTIES]
    if not due:
        return visit.conflict(f"Order {order} has no refund to record any more.", links=SEE_LIST)
    lines = [line for line in due if len(due) == 1 or line in form.all("lines")]
    if not lines:
        form.wrong("lines", "Choose the lines of which the money went back.")
    if on is None and not form.error("day"):
        form.wrong("day", "Enter the day on which the money went back.")
    if on is not None and on > visit.today:
        form.wrong("day", "This day is still to come. Record it when the money went back.")
    if form.errors or on is None:
        return ask_refund(visit, form)
    try:
        with visit.writing() as connection:
            save_refund(visit.context, connection, order, lines, on, visit.person.name, why)
            about = f"line{'s' if len(lines) > 1 else ''} {listed_words(lines)}"
            entry = record(
                connection,
                **visit.act(form),
                kind=REFUNDED,
                subject_kind="order",
                subject=order,
                what=f"recorded that the money of order {order}, {about}, went back on {visit.day(on)}",
                why=why,
                after={"lines": lines, "on": on.isoformat()},
            )
    except ForewarnError as error:
        raise Refused(sentence(str(error)), links=SEE_LIST) from error
    check_orders(visit.context, [order])
    return visit.done(desk_address("deadlines"), entry)


def _undo_refund(visit: Visit, entry: AuditEntry, form: Form) -> int:
    lines = entry.after["lines"]

    def work(connection: Connection) -> str:
        take_refund_back(visit.context, connection, entry.subject, lines, visit.person.name, form.text("why"))
        return f"took back that the money of order {entry.subject} went back"

    number = undo_act(visit, entry, form, work, (ForewarnError,))
    check_orders(visit.context, [entry.subject])
    return number
