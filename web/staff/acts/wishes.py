"""Acts that change how an order is treated: held, time-critical, shipped together, its customer not written to."""

from dataclasses import replace

from sqlalchemy import Connection, select

from models.enums import Channel
from models.errors import ForewarnError
from models.shipments import ShippingPreference
from models.staff import AuditEntry
from rules.delays.delays import open_lines
from tasks.db.sql import AdvisoryLock, lock
from tasks.desk.acts.foretell import foretell
from tasks.desk.acts.mute import addresses_of, mute_person, muted_already, unmute_person
from tasks.desk.acts.subject import count_other_orders, load_act_order, lock_messages
from tasks.orders.instructions import hold_order, mark_critical, release_order, unmark_critical
from tasks.orders.told import LEFT_FILTER, NOTICES_WITH_STATE
from tasks.shipments.preferences import save_preference, shipping_preference
from tasks.tables import NOTICES, OUTBOX
from web.staff.acts.asking import Ask, Case, Did, Field, OrderAct
from web.staff.visit import Refused, Visit

STILL_LEAVES = (
    "What is being sent at this moment may still leave. So does what answers the customer's own acts on the order "
    "page, such as that a cancellation was received: the law asks for it."
)

# Hold.


def _ask_hold(case: Case) -> Ask:
    if case.order.instructions.held_at is not None:
        raise ForewarnError(f"{case.order.instructions.held_by} holds this order since {_since(case)}.")
    waiting = _counted(case.order.waiting, "message waits and stays", "messages wait and stay")
    return Ask(
        f"Hold order {case.order.id}?",
        (
            f"Nothing about this order is sent to {case.order.name} until somebody releases it. {waiting}",
            STILL_LEAVES,
        ),
        button="Hold this order",
    )


def _since(case: Case) -> str:
    held_at = case.order.instructions.held_at
    return case.visit.full_moment(held_at) if held_at else ""


def _counted(count: int, one: str, many: str) -> str:
    return f"1 {one}." if count == 1 else f"{count} {many}." if count else "No message waits now."


def _hold(case: Case) -> Did:
    waiting = hold_order(case.connection, case.order.id, case.visit.now, case.visit.person.name)
    return Did(f"held order {case.order.id}: nothing about it leaves until it is released", after={"waiting": waiting})


def _release(visit: Visit, connection: Connection, entry: AuditEntry) -> str:
    release_order(connection, entry.subject, visit.today)
    return f"released order {entry.subject}"


HOLD = OrderAct("hold", _ask_hold, _hold, _release, "Release this order")

# Time-critical.


def _ask_critical(case: Case) -> Ask:
    if case.order.instructions.critical_at is not None:
        raise ForewarnError(f"{case.order.instructions.critical_by} marked this order as time-critical already.")
    if not open_lines(case.order.watched.order, case.visit.today):
        raise ForewarnError("Nothing of this order is still to come.")
    told = foretell(case.visit.context, case.connection, case.order, replace(case.order.watched.order, critical=True))
    return Ask(
        f"Mark order {case.order.id} as time-critical?",
        (
            f"{case.order.name} is told from 1 day late on, at the next run, whatever the policy's threshold is.",
            "Consent, the hours for texts and the shortest time between two messages still hold.",
            f"This is about one person. {told}",
        ),
        button="Mark as time-critical",
    )


def _critical(case: Case) -> Did:
    mark_critical(case.connection, case.order.id, case.visit.now, case.visit.person.name, case.visit.today)
    return Did(f"marked order {case.order.id} as time-critical")


def _uncritical(visit: Visit, connection: Connection, entry: AuditEntry) -> str:
    lock_messages(connection, entry.subject)
    if _left_since(connection, entry):
        raise Refused("A message has left since. What was told cannot be taken back.")
    unmark_critical(connection, entry.subject, visit.today)
    return f"took back that order {entry.subject} is time-critical"


def _left_since(connection: Connection, entry: AuditEntry) -> bool:
    left = select(NOTICES.c.id).select_from(NOTICES_WITH_STATE)
    since = left.where(NOTICES.c.order_id == entry.subject, LEFT_FILTER, OUTBOX.c.sending_at > entry.at)
    return connection.execute(since.limit(1)).first() is not None


CRITICAL = OrderAct("critical", _ask_critical, _critical, _uncritical, "Take it back")

# Complete or in parts.

PREFERENCES = {ShippingPreference.COMPLETE: "all together", ShippingPreference.AVAILABLE: "in parts, as it is ready"}


def _ask_shipment(case: Case) -> Ask:
    now = shipping_preference(case.connection, case.order.id)
    is_now = f"Now it is sent {PREFERENCES[now]}, as it was asked for." if now else "Now the shop's policy decides."
    return Ask(
        f"How is order {case.order.id} sent?",
        (
            f"{is_now} The parcels are planned again at once. This is about one person.",
            f"{case.order.name} hears of it only where a date moves that was told; the next run checks it.",
        ),
        button="Save how it is sent",
        fields=(
            Field(
                "radio",
                "how",
                f"{case.order.name} wants the order",
                options=(
                    (ShippingPreference.COMPLETE, "All together", "What is ready waits for the rest."),
                    (ShippingPreference.AVAILABLE, "In parts", "What is ready leaves now."),
                ),
            ),
        ),
    )


def _shipment(case: Case) -> Did | None:
    if case.form.text("how") not in list(ShippingPreference):
        case.form.wrong("how", "Choose how the order is sent.")
        return None
    how = ShippingPreference(case.form.text("how"))
    before = shipping_preference(case.connection, case.order.id)
    save_preference(case.visit.context, case.connection, case.order.id, how, case.visit.person.name)
    return Did(
        f"had order {case.order.id} sent {PREFERENCES[how]}",
        before={"preference": before},
        after={"preference": how},
    )


def _unship(visit: Visit, connection: Connection, entry: AuditEntry) -> str:
    lock(connection, AdvisoryLock.ALLOCATE)
    if shipping_preference(connection, entry.subject) != entry.after["preference"]:
        raise Refused("How the order is sent was changed again since.")
    before = entry.before.get("preference")
    preference = ShippingPreference(before) if before else None
    try:
        save_preference(visit.context, connection, entry.subject, preference, visit.person.name)
    except ForewarnError as error:
        raise Refused("All of it has left since.") from error
    return f"took back that order {entry.subject} is sent {PREFERENCES[entry.after['preference']]}"


SHIPMENT = OrderAct("shipment", _ask_shipment, _shipment, _unship)

# Stop writing to a person.

BOTH, MAIL, TEXTS = "both", "mail", "texts"
MUTED = {BOTH: (Channel.EMAIL, Channel.SMS), MAIL: (Channel.EMAIL,), TEXTS: (Channel.SMS,)}
MUTED_WORDS = {BOTH: "mails and texts", MAIL: "mails", TEXTS: "texts"}


def _ask_mute(case: Case) -> Ask:
    addresses = addresses_of(case.visit.context, case.order)
    if not addresses:
        raise ForewarnError(f"{case.order.name} has neither a mail address nor a number that we write to.")
    silent = muted_already(case.visit.context, case.connection, addresses)
    if set(addresses) == silent:
        raise ForewarnError(f"We do not write to {case.order.name} already.")
    others = count_other_orders(case.connection, case.order)
    also = f"{others} other open orders will be silent too."
    also = {0: "No other order of this person is open.", 1: "1 other open order will be silent too."}.get(others, also)
    options = [
        (BOTH, "Mails and texts", "Nothing about any order is sent."),
        (MAIL, "Mails only", "Texts still leave where there is consent."),
        (TEXTS, "Texts only", "Mails still leave."),
    ]
    usable = set(addresses) - silent
    kept = [one for one in options if set(MUTED[one[0]]) & usable and (one[0] != BOTH or len(usable) == 2)]
    stopped = "Texts are" if Channel.SMS in silent else "Mails are"
    return Ask(
        f"Stop writing to {case.order.name}?",
        (
            f"The address goes onto the do-not-write list, for one person. {also}",
            *((f"{stopped} stopped already.",) if silent else ()),
            "Undo gives back only what this act took: what the customer asked for themselves stays.",
        ),
        stands=bool(silent),
        button="Stop writing",
        fields=(Field("radio", "what", "What is not sent any more", options=tuple(kept)),),
    )


def _mute(case: Case) -> Did | None:
    chosen = case.form.text("what")
    if chosen not in MUTED:
        case.form.wrong("what", "Choose what is not sent any more.")
        return None
    others = count_other_orders(case.connection, case.order)
    why = case.form.text("why")[:200] or "asked by phone"
    taken = mute_person(
        case.visit.context, case.connection, case.order, MUTED[chosen], case.form.id, case.visit.person.name, why
    )
    if not taken:
        raise ForewarnError(f"We do not write to {case.order.name} already.")
    more = f"; {others} other open orders are silent too" if others > 1 else ""
    more = "; 1 other open order is silent too" if others == 1 else more
    what = f"stopped {MUTED_WORDS[chosen]} to the customer of order {case.order.id}{more}"
    return Did(what, after={"mute": case.form.id, "channels": [str(one) for one in taken], "others": others})


def _unmute(visit: Visit, connection: Connection, entry: AuditEntry) -> str:
    order = load_act_order(visit.context, connection, entry.subject)
    customer = order.customer.id if order else None
    if not unmute_person(visit.context, connection, str(entry.after["mute"]), customer, visit.person.name):
        raise Refused("The address is on the do-not-write list for another reason since, or was taken off it.")
    return f"let messages go to the customer of order {entry.subject} again"


MUTE = OrderAct("mute", _ask_mute, _mute, _unmute, "Let messages go again")

WISHES = (HOLD, CRITICAL, SHIPMENT, MUTE)
