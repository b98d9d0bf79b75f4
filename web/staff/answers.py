"""What customers chose and the shop still has to do; a person marks it done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from babel.numbers import format_currency
from sqlalchemy import Connection
from starlette.responses import Response

from models.customers import ENDS_CONTRACT, Act, ChoiceState
from models.errors import ForewarnError
from models.staff import AuditEntry, Right
from tasks.customers.choice_list import find_choice
from tasks.desk.answers import GRACE, ChoiceStands, OpenAnswer, list_open, mark_done, reopen, with_names
from tasks.staff.audit import record
from web.staff.addresses import desk_address, order_address
from web.staff.cursors import read_cursor, write_cursor
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.list_parts import listed_words, sentence, undo_act
from web.staff.undo import UNDO
from web.staff.visit import Refused, Visit

DONE = "choice_done"
"""Kind of entries of the log."""
LOCALE = "en"
ACT_WORDS = {
    Act.WAIT: "Waits for {items}",
    Act.SHIP: "Wants {items} sent now",
    Act.SWAP: "Wants {product} instead of {items}",
    Act.CANCEL: "Cancels {items}",
    Act.OFFER: "Takes the discount",
    Act.WITHDRAW: "Withdraws from the contract about {items}",
}
TO_DO = {
    Act.WAIT: "Nothing to do but wait",
    Act.SHIP: "Send what is ready",
    Act.SWAP: "Swap it in the shop",
    Act.CANCEL: "Cancel it in the shop",
    Act.OFFER: "Make the code valid in the shop",
    Act.WITHDRAW: "Cancel it in the shop",
}
STATE_WORDS = {
    ChoiceState.DONE: "marked it as done",
    ChoiceState.REFUSED: "marked it as not possible",
    ChoiceState.UNDONE: "took it back",
    ChoiceState.REPLACED: "chose something else since",
}
SEE_LIST = ((desk_address("answers"), "See what waits for the shop"),)


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A choice that waits for the shop."""

    id: str
    order: str
    order_url: str
    customer: str
    what: str
    to_do: str
    at: str
    machine: str
    passed: str
    done: str


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages of what customers chose."""
    UNDO[DONE] = _undo_done
    return [
        StaffRoute("/answers", Right.SEE, show),
        StaffRoute("/answers/{choice}/done", Right.ACT, ask_done, done),
    ]


def show(visit: Visit) -> Response:
    """Return the choices that wait for the shop, the oldest first."""
    place = read_cursor(visit.query("after"), datetime, str)
    with visit.reading() as connection:
        page = list_open(connection, place)
    last = page.rows[-1].choice if page.more else None
    return visit.page(
        "desk/answers.html",
        title="Customers' answers",
        rows=[_row(visit, answer) for answer in page.rows],
        may_act=visit.person.may(Right.ACT),
        next=desk_address("answers", after=write_cursor(last.made_at, last.id)) if last else "",
        first=desk_address("answers") if place else "",
    )


def _row(visit: Visit, answer: OpenAnswer) -> AnswerRow:
    choice = answer.choice
    return AnswerRow(
        id=choice.id,
        order=choice.order_id,
        order_url=order_address(choice.order_id),
        customer=answer.customer,
        what=_what(answer),
        to_do=_to_do(answer),
        at=visit.moment(choice.made_at),
        machine=choice.made_at.isoformat(),
        passed=f"Passed to the shop's systems, {visit.moment(answer.passed_at)}" if answer.passed_at else "",
        done=desk_address("answers", choice.id, "done"),
    )


def _what(answer: OpenAnswer) -> str:
    choice = answer.choice
    by = "" if choice.made_by == "customer" else f" {choice.made_by} recorded it."
    why = f" Why: {sentence(choice.why)}" if choice.why else ""
    return f"{_chosen(answer)}.{by}{why}"


def _chosen(answer: OpenAnswer) -> str:
    """Return what was chosen, without the customer's own words: the log keeps it also when the customer is erased."""
    choice = answer.choice
    items = listed_words(list(answer.items)) if len(answer.items) <= 3 else f"{len(answer.items)} items"
    product = choice.product.name if choice.product else "another product"
    return ACT_WORDS[choice.act].format(items=items or "the order", product=product)


def _to_do(answer: OpenAnswer) -> str:
    choice = answer.choice
    to_do = TO_DO[choice.act]
    if choice.act in ENDS_CONTRACT and choice.refund:
        return f"{to_do}, and pay {money(choice.refund, choice.currency)} back"
    if choice.act is Act.SWAP and choice.price_difference:
        verb = "ask for" if choice.price_difference > 0 else "pay back"
        return f"{to_do}, and {verb} {money(abs(choice.price_difference), choice.currency)}"
    return to_do


def money(amount: Decimal, currency: str) -> str:
    """Return an amount as staff read it."""
    return format_currency(amount, currency, format="#,##0.00 ¤¤", locale=LOCALE).replace(" ", "\u00a0")


def ask_done(visit: Visit, form: Form = NEW) -> Response:
    """Ask whether a choice is done."""
    with visit.reading() as connection:
        choice = find_choice(connection, visit.path("choice"))
        answer = with_names(connection, choice) if choice else None
    if answer is None:
        return visit.not_found(f"There is no answer {visit.path('choice')} here.")
    if answer.choice.state is not ChoiceState.REQUESTED:
        return visit.conflict(_faster(visit, answer), links=SEE_LIST)
    texts = [f"{answer.customer}: {_what(answer)}", f"To do: {_to_do(answer)}."]
    if answer.choice.act in ENDS_CONTRACT:
        minutes = int(GRACE.total_seconds() // 60)
        texts.append(f"A mail tells the customer that it is done, in {minutes} minutes; until then you can undo it.")
    else:
        texts.append("The customer gets no mail about it. You can undo it.")
    return visit.page(
        "desk/ask.html",
        title=f"Is {answer.choice.id} done?",
        form=form,
        texts=texts,
        button="Mark as done",
        action=visit.here,
        back=desk_address("answers"),
    )


def done(visit: Visit, form: Form) -> Response:
    """Mark a choice as done."""
    choice_id, why = visit.path("choice"), form.text("why")
    with visit.reading() as connection:
        choice = find_choice(connection, choice_id)
        answer = with_names(connection, choice) if choice else None
    if answer is None:
        return visit.not_found(f"There is no answer {choice_id} here.")
    if answer.choice.state is not ChoiceState.REQUESTED:
        return visit.conflict(_faster(visit, answer), links=SEE_LIST)
    try:
        with visit.writing() as connection:
            mark_done(visit.context, connection, choice_id, visit.person.name, why)
            entry = record(
                connection,
                **visit.act(form),
                kind=DONE,
                subject_kind="order",
                subject=answer.choice.order_id,
                what=f"marked answer {choice_id} as done: {_chosen(answer)}",
                why=why,
                after={"choice": choice_id, "at": visit.now.isoformat()},
            )
    except ForewarnError as error:
        raise Refused(sentence(str(error)), links=SEE_LIST) from error
    return visit.done(desk_address("answers"), entry)


def _faster(visit: Visit, answer: OpenAnswer) -> str:
    choice = answer.choice
    who = "The customer" if choice.changed_by in (None, "customer") else choice.changed_by
    if choice.state is ChoiceState.REPLACED:
        who = "The customer"
    at = f", {visit.full_moment(choice.changed_at)}" if choice.changed_at else ""
    return f"{who} {STATE_WORDS.get(choice.state, 'changed it')}{at}."


def _undo_done(visit: Visit, entry: AuditEntry, form: Form) -> int:
    done_at = datetime.fromisoformat(entry.after["at"])

    def work(connection: Connection) -> str:
        choice = reopen(visit.context, connection, entry.after["choice"], done_at, visit.person.name)
        return f"let answer {choice.id} wait for the shop again"

    return undo_act(visit, entry, form, work, (ChoiceStands,))
