"""Acts on what is known of an order: an answer given on the phone, and an expected date."""

from datetime import date
from decimal import Decimal

from babel.numbers import format_currency
from sqlalchemy import Connection, func, select

from models.customers import Act, OrderPage
from models.errors import ForewarnError
from models.inventory import DateSource
from models.staff import AuditEntry
from rules.customers.statements import statement_digest
from rules.delays.delays import open_lines
from tasks.customers.choice_errors import ChoiceConflict, ChoiceNotPossible, TooLate
from tasks.customers.order_page import load_order_page
from tasks.customers.record_choice import ChoiceRequest, save_choice
from tasks.customers.undo import take_choice_back
from tasks.db.sql import AdvisoryLock, lock
from tasks.desk.acts.foretell import foretell, with_date
from tasks.desk.acts.subject import lock_messages
from tasks.inventory.forecast_inputs import load_forecast_inputs
from tasks.inventory.overrides import delete_override, find_open_line, save_override
from tasks.inventory.stored_dates import stored_date
from tasks.orders.told import LEFT_FILTER, NOTICES_WITH_STATE
from tasks.tables import NOTICES, OUTBOX
from templates.rendering.names import display_name
from web.staff.acts.asking import Ask, Case, Did, Field, OrderAct
from web.staff.visit import Refused, Visit

# An answer.


def _page(case: Case) -> OrderPage:
    visit = case.visit
    return load_order_page(visit.context, case.connection, case.order.id, visit.today, visit.now)


def _ask_answer(case: Case) -> Ask:
    page = _page(case)
    options = tuple(_options(case, page))
    if not options:
        late = " All of it was packed or has left." if page.open.too_late else ""
        raise ForewarnError(f"There is nothing that {case.order.name} can choose now.{late}")
    return Ask(
        f"What does {case.order.name} want?",
        (
            (
                f"It counts as if {case.order.name}, one person, had chosen it on the order page: "
                "the shop's systems are told, and a mail confirms it where there is an address."
            ),
        ),
        button="Record the answer",
        fields=(
            Field("hidden", "version", value=str(page.version)),
            Field("radio", "choice", f"{case.order.name} said", options=options),
        ),
    )


def _options(case: Case, page: OrderPage) -> list[tuple[str, str, str]]:
    """Return every choice that is open: its value with what it stated, its words, and what follows with amounts."""
    visit, open_now = case.visit, page.open
    names = {item.number: display_name(item.product.name) for parcel in page.parcels for item in parcel.items}
    found: list[tuple[str, str, str]] = []

    def add(act: Act, option: str, label: str, hint: str) -> None:
        found.append((f"{act}|{statement_digest(page, act, option)}|{option}", label, hint))

    if open_now.may_wait:
        until = f"Until {visit.day(open_now.wait_until)}." if open_now.wait_until else "No date is known yet."
        add(Act.WAIT, "", "Wait for it", until)
    if open_now.ship_now:
        items = ", ".join(names.get(number, number) for number in open_now.ship_now)
        add(Act.SHIP, "", "Send what is ready now", f"{items} leaves; the rest follows.")
    for swap in open_now.swaps:
        product, late = display_name(swap.product.name), display_name(swap.late_product.name)
        add(Act.SWAP, swap.key, f"Swap {late} for {product}", _difference(case, page, swap.price_difference))
    for cancel in open_now.cancels:
        whose = "everything" if cancel.whole_order or cancel.key == "all" else ", ".join(cancel.names[:3])
        more = f" and {len(cancel.names) - 3} more" if whose != "everything" and len(cancel.names) > 3 else ""
        only = "" if whose == "everything" else " only"
        add(Act.CANCEL, cancel.key, f"Cancel {whose}{more}{only}", _refund(case, page, cancel.refund))
    if open_now.discount is not None:
        value = _money(page, open_now.discount.value)
        add(Act.OFFER, "", "Take the discount", f"The code, worth up to {value}, is mailed.")
    if open_now.withdraw is not None:
        add(Act.WITHDRAW, "", "Withdraw from the contract", _refund(case, page, open_now.withdraw.refund))
    return found


def _money(page: OrderPage, amount: Decimal) -> str:
    return format_currency(amount, page.currency, locale="en")


def _refund(case: Case, page: OrderPage, refund: Decimal | None) -> str:
    if refund is None:
        return f"{case.order.name} gets the money back; the amount is not known here."
    return f"{case.order.name} gets {_money(page, refund)} back." if refund else "Nothing was paid that is given back."


def _difference(case: Case, page: OrderPage, difference: Decimal | None) -> str:
    if difference is None:
        return "The prices cannot be compared here."
    if not difference:
        return "Same price. It is reserved."
    amount = _money(page, abs(difference))
    dearer = difference > 0
    return f"{case.order.name} {'pays' if dearer else 'gets back'} {amount}{' more' if dearer else ''}. It is reserved."


def _answer(case: Case) -> Did | None:
    act, _, rest = case.form.text("choice").partition("|")
    stated, _, option = rest.partition("|")
    if act not in list(Act):
        case.form.wrong("choice", f"Choose what {case.order.name} said.")
        return None
    version = case.form.whole("version")
    page = _page(case)
    labels = {
        value.rpartition("|")[0].partition("|")[0] + "|" + value.rpartition("|")[2]: label
        for value, label, _ in _options(case, page)
    }
    request = ChoiceRequest(
        case.order.id, Act(act), f"desk {case.form.id}", version or 0, option, made_by=case.who, stated=stated
    )
    try:
        choice = save_choice(case.visit.context, case.connection, request, case.visit.now)
    except ChoiceConflict as error:
        standing = error.standing
        made = case.visit.moment(standing.made_at)
        raise ForewarnError(f"The order was answered meanwhile at {made}. Look at it, and ask again.") from error
    except TooLate as error:
        raise ForewarnError("The warehouse has taken it: this can no longer be changed.") from error
    except ChoiceNotPossible as error:
        raise ForewarnError(f"This is not possible any more: {error.sentence}. Open the page again.") from error
    label = labels.get(f"{act}|{option}", act)
    refund = f", {_money(page, choice.refund)} back" if choice.refund else ""
    what = f"recorded an answer for order {case.order.id}: {label[0].lower()}{label[1:]}{refund} ({choice.id})"
    return Did(what, after={"choice": choice.number, "act": str(choice.act)})


def _unanswer(visit: Visit, connection: Connection, entry: AuditEntry) -> str:
    number = int(entry.after["choice"])
    try:
        take_choice_back(visit.context, connection, entry.subject, number, visit.now, visit.person.name)
    except ChoiceNotPossible as error:
        raise Refused("It is too late to take this back: the time is over, or the shop has acted on it.") from error
    return f"took back the answer {entry.subject}-C{number} of order {entry.subject}"


ANSWER = OrderAct("answer", _ask_answer, _answer, _unanswer)

# An expected date.


def _ask_date(case: Case) -> Ask:
    lines = open_lines(case.order.watched.order, case.visit.today)
    if not lines:
        raise ForewarnError("Nothing of this order is still to come.")
    number = case.form.text("line") or case.visit.query("line") or (lines[0].number if len(lines) == 1 else "")
    typed = case.form.text("day") or case.visit.query("day")
    day = _parsed(typed)
    options = tuple((line.number, display_name(line.product.name), _now(case, line.expected_on)) for line in lines)
    fields: tuple[Field, ...] = (
        Field("radio", "line", "Which item", options=options, chosen=(number,)),
        Field("date", "day", "Now expected on", type="date", value=typed),
    )
    problem = _problem(case, number, day, typed)
    if problem or day is None:
        says = (problem,) if problem else ("Nothing is changed before you have seen who gets a message.",)
        return Ask("When is it expected?", says, choose=fields, choose_button="Show who gets a message")
    changed = with_date(case.order.watched.order, number, day)
    told = foretell(case.visit.context, case.connection, case.order, changed)
    name = next(display_name(line.product.name) for line in lines if line.number == number)
    return Ask(
        f"Set the expected date to {case.visit.day(day)}?",
        (
            f"{name} is expected on {case.visit.day(day)} instead of {_was(case, number)}. One person waits for it.",
            told,
            "The date stays until it has passed, or somebody takes it back.",
        ),
        button=f"Set it to {case.visit.day(day)}",
        fields=(Field("hidden", "line", value=number), Field("hidden", "day", value=day.isoformat())),
        choose=fields,
        choose_button="Show who gets a message",
    )


def _parsed(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _problem(case: Case, number: str, day: date | None, typed: str) -> str:
    """Return what is wrong with what was chosen; empty: nothing, or nothing was chosen yet."""
    if typed and day is None:
        return "Enter a date, such as 2025-12-16."
    if day is not None and day < case.visit.today:
        return f"{case.visit.day(day)} has passed. An item is expected today or later."
    if day is not None and not number:
        return "Choose the item."
    known = {line.number for line in open_lines(case.order.watched.order, case.visit.today)}
    return "This item is not open any more." if day is not None and number not in known else ""


def _now(case: Case, day: date | None) -> str:
    return f"Now expected on {case.visit.day(day)}." if day else "No date is known."


def _was(case: Case, number: str) -> str:
    days = {line.number: line.expected_on for line in case.order.watched.order.lines}
    day = days.get(number)
    return case.visit.day(day) if day else "no date"


def _item(case: Case, number: str) -> str:
    lines = case.order.watched.order.lines
    return next((display_name(line.product.name) for line in lines if line.number == number), f"line {number}")


def _date(case: Case) -> Did | None:
    number, day = case.form.text("line"), case.form.day("day")
    if day is None or _problem(case, number, day, case.form.text("day")):
        case.form.wrong("day", _problem(case, number, day, case.form.text("day")) or "Enter a date.")
        return None
    before = stored_date(find_open_line(case.visit.context, case.connection, case.order.id, number))
    was = _was(case, number)
    save_override(case.visit.context, case.connection, case.order.id, number, day, case.who)
    by_staff = before is not None and before.expected.source is DateSource.STAFF
    earlier = before.expected.expected_on.isoformat() if before and by_staff and before.expected.expected_on else None
    name = _item(case, number)
    what = f"set the expected date of order {case.order.id}, {name}, from {was} to {case.visit.day(day)}"
    after = {"line": number, "day": day.isoformat(), "product": name}
    return Did(what, before={"staff_date": earlier}, after=after)


def _undate(visit: Visit, connection: Connection, entry: AuditEntry) -> str:
    line, day = str(entry.after["line"]), date.fromisoformat(str(entry.after["day"]))
    lock(connection, AdvisoryLock.ALLOCATE)
    lock_messages(connection, entry.subject)
    left = select(func.min(OUTBOX.c.sending_at)).select_from(NOTICES_WITH_STATE)
    since = left.where(NOTICES.c.order_id == entry.subject, LEFT_FILTER, OUTBOX.c.sending_at > entry.at)
    if (at := connection.execute(since).scalar()) is not None:
        raise Refused(f"A message has left at {visit.moment(at)}, after the date was set. Set another date instead.")
    stored = stored_date(find_open_line(visit.context, connection, entry.subject, line))
    if stored is None or stored.expected.source is not DateSource.STAFF or stored.expected.expected_on != day:
        raise Refused("The date was changed again since.")
    earlier = _parsed(str(entry.before.get("staff_date") or ""))
    if earlier is not None and earlier >= visit.today:
        save_override(visit.context, connection, entry.subject, line, earlier, visit.person.name)
    else:
        inputs = load_forecast_inputs(visit.context)
        delete_override(visit.context, connection, inputs, entry.subject, line, visit.person.name)
    name = str(entry.after.get("product") or f"line {line}")
    return f"took back the date of order {entry.subject}, {name}: {visit.day(day)}"


DATE = OrderAct("date", _ask_date, _date, _undate)

FACT_ACTS = (ANSWER, DATE)
