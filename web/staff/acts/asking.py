"""What every act on an order has in common: the page that asks, one transaction with its audit entry, and its undo."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from models.errors import ForewarnError
from models.staff import AuditEntry, Right
from tasks.desk.acts.subject import ActOrder, load_act_order
from tasks.staff.audit import AlreadyDone, AlreadyUndone, entries, mark_undone, record
from web.staff.addresses import desk_address, order_address
from web.staff.desk import StaffRoute
from web.staff.forms import NEW, Form
from web.staff.undo import UNDO
from web.staff.visit import CONFLICT, Refused, Visit


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the page; `kind` is `radio`, `text`, `lines`, `date` or `hidden`."""

    kind: str
    name: str
    label: str = ""
    hint: str = ""
    value: str = ""
    type: str = "text"
    autocomplete: str = ""
    inputmode: str = ""
    options: tuple[tuple[str, str, str], ...] = ()
    """Of radios: value, label and hint."""
    chosen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as its customer would read it."""

    title: str
    text: str
    measure: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """The page of an act: one question, what follows from it, and a button that says it."""

    question: str
    says: tuple[str, ...]
    """What follows, in sentences, with how many people it touches."""
    button: str = ""
    """Empty: there is nothing to do yet."""
    fields: tuple[Field, ...] = ()
    choose: tuple[Field, ...] = ()
    """Fields that are chosen first, by a form that only shows the page again."""
    choose_button: str = ""
    previews: tuple[Preview, ...] = ()
    second: str = ""
    """Another button of the same form."""
    second_value: str = ""
    asks_why: bool = True
    danger: bool = False
    stands: bool = False
    """Part of it was done before: the page also leads to taking that back."""


@dataclass(frozen=True, slots=True)
class Did:
    """What an act did, for the log: the sentence after the name, and what undoing it needs."""

    what: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """What an act has at hand: who asks, the transaction, the order and the form, which is empty at first."""

    visit: Visit
    connection: Connection
    order: ActOrder
    form: Form

    @property
    def who(self) -> str:
        """Return the name of the person who acts."""
        return self.visit.person.name


@dataclass(frozen=True, slots=True)
class OrderAct:
    """An act on an order. `do` and `undo` work in the caller's transaction."""

    name: str
    """The last part of its address; `order.NAME` is its kind in the log."""
    ask: Callable[[Case], Ask]
    do: Callable[[Case], Did | None]
    """Returns None where something in the form is wrong, or only the page is to be shown again."""
    undo: Callable[[Visit, Connection, AuditEntry], str] | None = None
    """Returns the sentence of the log; raises Refused."""
    undo_label: str = ""
    """What the link says that takes it back, on its own page while it stands."""

    @property
    def kind(self) -> str:
        """Return its kind in the audit log."""
        return f"order.{self.name}"


def act_route(act: OrderAct) -> StaffRoute:
    """Return the page of an act, and let its entries be undone."""
    if act.undo is not None:
        UNDO[act.kind] = undoing(act)

    def show(visit: Visit) -> Response:
        with visit.reading() as connection:
            order = load_act_order(visit.context, connection, visit.path("order"))
            if order is None:
                return visit.not_found(unknown(visit))
            try:
                ask = act.ask(Case(visit, connection, order, NEW))
            except ForewarnError as error:
                return refused(visit, order, str(error), _way_back(connection, act, order))
            way_back = _way_back(connection, act, order) if ask.stands else ()
        return ask_page(visit, order, ask, NEW, way_back=way_back)

    def do(visit: Visit, form: Form) -> Response:
        try:
            with visit.writing() as connection:
                order = load_act_order(visit.context, connection, visit.path("order"))
                if order is None:
                    return visit.not_found(unknown(visit))
                did = act.do(Case(visit, connection, order, form))
                if did is not None:
                    entry = record_act(visit, connection, act.kind, order, form, did)
                    return visit.done(order_address(order.id), entry)
        except (AlreadyDone, AlreadyUndone):
            raise
        except ForewarnError as error:
            return _refused_now(visit, str(error))
        with visit.reading() as connection:
            ask = act.ask(Case(visit, connection, order, form))
        return ask_page(visit, order, ask, form)

    return StaffRoute(f"/orders/{{order}}/{act.name}", Right.ACT, show, do)


def record_act(visit: Visit, connection: Connection, kind: str, order: ActOrder, form: Form, did: Did) -> int:
    """Write an act into the audit log; return its number."""
    return record(
        connection,
        **visit.act(form),
        kind=kind,
        subject_kind="order",
        subject=order.id,
        what=did.what,
        why=form.text("why")[:500],
        before=did.before,
        after=did.after,
    )


def undoing(act: OrderAct) -> Callable[[Visit, AuditEntry, Form], int]:
    """Return the function that undoes an entry of an act, with its own entry, in one transaction."""

    def undo(visit: Visit, entry: AuditEntry, form: Form) -> int:
        if act.undo is None:
            raise Refused("This cannot be undone.")
        with visit.writing() as connection:
            try:
                what = act.undo(visit, connection, entry)
            except ForewarnError as error:
                raise Refused(str(error), links=back_links(entry.subject)) from error
            number = record(
                connection,
                **visit.act(form),
                kind=f"{act.kind}.undone",
                subject_kind="order",
                subject=entry.subject,
                what=what,
                why=form.text("why")[:500],
                undoes=entry.id,
            )
            mark_undone(connection, entry.id, number)
        return number

    return undo


def unknown(visit: Visit) -> str:
    """Return what is said of an order that is not known."""
    return f"No order {visit.path('order')} here. Newer orders come with the next import."


def back_links(order_id: str) -> tuple[tuple[str, str], ...]:
    """Return the way back to the story."""
    return ((order_address(order_id), f"Back to order {order_id}"),)


def refused(visit: Visit, order: ActOrder, sentence: str, links: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return the page about an act that is not possible now."""
    links = (*links, *back_links(order.id))
    title = f"Not possible now: order {order.id}"
    return visit.page(
        "desk/problem.html", title=title, heading="Not possible now", status=CONFLICT, texts=[sentence], links=links
    )


def _way_back(connection: Connection, act: OrderAct, order: ActOrder) -> tuple[tuple[str, str], ...]:
    """Return the link that takes the act back, where it is what stands in the way."""
    if not act.undo_label:
        return ()
    done = entries(connection, kind=act.kind, subject_kind="order", subject=order.id, limit=5)
    found = next((entry for entry in done if entry.undone_by is None), None)
    return ((desk_address("log", str(found.id), "undo"), act.undo_label),) if found else ()


def _refused_now(visit: Visit, sentence: str) -> Response:
    return visit.conflict(sentence, links=back_links(visit.path("order")))


def ask_page(
    visit: Visit, order: ActOrder, ask: Ask, form: Form, way_back: tuple[tuple[str, str], ...] = (), **values: Any
) -> Response:
    """Return the page that asks."""
    return visit.page(
        "desk/act.html",
        title=f"{ask.question} Order {order.id}",
        heading=ask.question,
        form=form,
        ask=ask,
        order_id=order.id,
        story=order_address(order.id),
        here=visit.here,
        way_back=way_back,
        **values,
    )
