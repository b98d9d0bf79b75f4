"""Acts that send something, or change what is sent: again, a note, a new link, and a message in doubt."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from models.customers import LINK_PLACEHOLDER, MailKind
from models.enums import Channel, State
from models.errors import ForewarnError
from models.staff import AuditEntry
from rules.contact.masking import mask_address
from rules.delays.assess import assess_order
from tasks.customers.new_links import count_sent_lately, queue_new_link
from tasks.delivery.in_doubt import settle_doubt
from tasks.desk.acts.send_again import (
    NOT_TRUE,
    PastMessage,
    Words,
    find_past_message,
    load_past_messages,
    queue_words,
    withdraw_message,
    write_again,
    write_note,
)
from tasks.desk.acts.subject import by_words, contacts_of
from tasks.desk.messages import load_message
from tasks.desk.staff_words import STATE_CHIPS, TRIAL_CHIP, channel_word
from tasks.notices.notes import MAX_NOTE, add_note, clean_note, use_by_itself, waiting_note, withdraw_note
from tasks.orders.instructions import lock_unheld
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import NOTICES, OUTBOX
from templates.rendering.fitting import text_with_note
from templates.rendering.sms import count_segments
from web.staff.acts.asking import Ask, Case, Did, Field, OrderAct, Preview
from web.staff.visit import Refused, Visit

CHANNELS = {"email": Channel.EMAIL, "sms": Channel.SMS}
MAX_NUMBER_CHARS = 7
MAX_BEGINNING = 160
MOST_MESSAGES = 20
"""The newest messages of an order among which the page lets choose; the story leads to an older one."""
LEFT = "The message has left. It cannot be taken back."


def shown(address: str) -> str:
    """Return a masked address that no line breaks."""
    return mask_address(address).replace("…", "\u2060…\u2060")


# Send again.


def _past(case: Case) -> tuple[PastMessage, ...]:
    found = load_past_messages(case.visit.context, case.connection, case.order, MOST_MESSAGES)
    if not found:
        raise ForewarnError("There is no message that can be sent again: none has left, or its words were deleted.")
    return found


def _picked(case: Case, past: Sequence[PastMessage]) -> PastMessage:
    """Return the message that is asked for, by its id or by its number in the story; else the last one that is so."""
    asked = case.form.text("message") or case.visit.query("message")
    if not asked:
        return next((one for one in past if one.still_true), past[0])
    if asked.isascii() and asked.isdigit() and len(asked) < MAX_NUMBER_CHARS:
        message = load_message(case.connection, case.order.id, int(asked))
        asked = message.id if message else asked
    found = next((one for one in past if one.id == asked), None)
    found = found or find_past_message(case.visit.context, case.connection, case.order, asked)
    if found is None:
        raise ForewarnError("This message cannot be sent again: it has not left, or its words were deleted.")
    return found


def _which(case: Case, past: Sequence[PastMessage], picked: PastMessage) -> tuple[Field, ...]:
    """Return the choice between the messages; where there is only one, it needs none."""
    if len(past) == 1:
        return (Field("hidden", "message", value=picked.id),)
    offered = past if picked in past else (*past, picked)
    options = tuple((one.id, _message_name(case, one), _message_note(one)) for one in offered)
    return (Field("radio", "message", "Message", options=options, chosen=(picked.id,)),)


def _message_name(case: Case, one: PastMessage) -> str:
    return f"{channel_word(one.channel).capitalize()} of {case.visit.full_moment(one.at)}"


def _message_note(one: PastMessage) -> str:
    words = one.subject or one.text
    begins = words if len(words) <= MAX_BEGINNING else f"{words[:MAX_BEGINNING].rpartition(' ')[0]} …"
    return f"{'' if one.still_true else 'Not so any more: '}{begins.replace(LINK_PLACEHOLDER, '…')}"


def _ask_again(case: Case) -> Ask:
    past, name = _past(case), case.order.name
    picked = _picked(case, past)
    by = CHANNELS.get(case.form.text("by") or case.visit.query("by"))
    if by is None and case.visit.query("to"):
        by = CHANNELS.get(picked.channel)
    chip = TRIAL_CHIP if picked.trial else STATE_CHIPS[State(picked.state)]
    state = chip[1][0].lower() + chip[1][1:]
    is_last = picked.id == past[0].id
    question = "Send the last message again?" if is_last else "Send this message again?"
    which = "The last message about this order is the" if is_last else "This is the"
    says = [
        (
            f"{which} {channel_word(picked.channel)} of "
            f"{case.visit.full_moment(picked.at)} to {shown(picked.address)}: {state}."
        )
    ]
    if not is_last:
        says.append(f"{name} got other messages about this order after it.")
    if not picked.still_true:
        others = _which(case, past, picked) if any(one.still_true for one in past) else ()
        return Ask(question, (*says, NOT_TRUE), choose=others, choose_button="Show the message")
    if picked.state == State.IN_DOUBT:
        says.append(f"It may have arrived: then {name} has it twice.")
    choose = (
        *_which(case, past, picked),
        Field(
            "radio",
            "by",
            "Send it again by",
            options=(("email", "Mail", ""), ("sms", "Text message", "")),
            chosen=() if by is None else (str(by),),
        ),
    )
    if by is None:
        return Ask(question, tuple(says), choose=choose, choose_button="Show the message")
    says.append(
        f"One person, {name}, gets it as soon as the channel is open. Consent, the do-not-write list and "
        "a wish for no messages still hold. It is recorded that you asked for it."
    )
    words, refusal = _try_again(case, picked, by)
    return Ask(
        question,
        tuple(says),
        button="Send it again by mail" if by is Channel.EMAIL else "Send it again by text",
        fields=(
            Field("hidden", "message", value=picked.id),
            Field("hidden", "by", value=str(by)),
            _new_address(by, words, refusal),
        ),
        choose=choose,
        choose_button="Show the message",
        previews=_previews(picked, by, words),
    )


def _previews(picked: PastMessage, by: Channel, words: Words | None) -> tuple[Preview, ...]:
    """Return what is sent, also where it can only go to a new address; nothing where it must be written anew."""
    if words is not None:
        return (_preview(words),)
    if by != picked.channel:
        return ()
    text = picked.text.replace(LINK_PLACEHOLDER, "…")
    return (Preview("What is sent to a new address", text if by is Channel.SMS else f"{picked.subject}\n\n{text}"),)


def _new_address(by: Channel, words: Words | None, refusal: str) -> Field:
    by_mail = by is Channel.EMAIL
    return Field(
        "text",
        "address",
        ("New mail address" if by_mail else "New mobile number") + (" (optional)" if words else ""),
        hint="For this message only. Correct it in the shop for those to come. "
        + (f"Empty: {shown(words.contact.address or '')}." if words else refusal),
        type="email" if by_mail else "tel",
        autocomplete="off",
        inputmode="email" if by_mail else "tel",
    )


def _try_again(case: Case, past: PastMessage, by: Channel) -> tuple[Words | None, str]:
    """Return the message to the customer's own address, or why it cannot go there."""
    try:
        return write_again(case.visit.context, case.connection, case.order, past, by), ""
    except ForewarnError as error:
        return None, str(error)


def _preview(words: Words, title: str = "What is sent") -> Preview:
    shown_text = words.text.replace(LINK_PLACEHOLDER, "…")
    if words.channel is Channel.SMS:
        return Preview(title, shown_text, _parts(words.text))
    return Preview(title, f"{words.subject}\n\n{shown_text}", f"Subject {len(words.subject)} characters.")


def _parts(text: str) -> str:
    size = count_segments(text)
    return f"Text of {size.parts} {'part' if size.parts == 1 else 'parts'}, {len(text)} characters."


def _again(case: Case) -> Did | None:
    by, address = CHANNELS.get(case.form.text("by")), case.form.text("address")
    if by is None:
        case.form.wrong("by", "Choose a way.")
        return None
    # Before it is read what went where: two people who ask at once are heard in turn.
    lock_unheld(case.connection, case.order.id)
    past = _past(case)
    picked = _picked(case, past)
    try:
        words = write_again(case.visit.context, case.connection, case.order, picked, by, address)
    except ForewarnError as error:
        case.form.wrong("address", str(error))
        return None
    key = queue_words(case.visit.context, case.connection, case.order, words, MailKind.AGAIN, case.who)
    to = mask_address(words.contact.address or "")
    new = ", an address for this message only" if address else ""
    which = "the last message" if picked.id == past[0].id else f"the message of {case.visit.full_moment(picked.at)}"
    what = f"asked for {which} about order {case.order.id} again, as a {channel_word(by)} to {to}{new}"
    return Did(what, after={"message": key, "repeats": picked.id, "channel": str(by)})


def _unsend(visit: Visit, connection: Connection, entry: AuditEntry) -> str:
    if not withdraw_message(connection, str(entry.after["message"]), visit.now):
        raise Refused(LEFT)
    about = "the note" if entry.kind == "order.note" else "the message"
    return f"took back that {about} about order {entry.subject} is sent{'' if entry.kind == 'order.note' else ' again'}"


AGAIN = OrderAct("again", _ask_again, _again, _unsend)

# A note.

NOW = "now"
SHOW = "show"


def _ask_note(case: Case) -> Ask:
    waiting = waiting_note(case.connection, case.order.id)
    if waiting is not None:
        raise ForewarnError(f"A note by {waiting.written_by} waits for the next message already: “{waiting.text}”")
    is_due, says = _next_message(case)
    typed = case.form.lines("note")
    previews: tuple[Preview, ...] = ()
    if typed and not case.form.errors:
        previews = _note_previews(case, clean_note(typed), by_itself=not is_due)
    return Ask(
        "Add a note to the next message?" if is_due else "Send a note?",
        says,
        button="Add the note" if is_due else "Keep it for the next message",
        fields=(
            Field(
                "lines",
                "note",
                "Note",
                hint=f"Plain text, at most {MAX_NOTE} characters. It is shown as one paragraph, in mails and texts.",
                value=typed,
            ),
        ),
        previews=previews,
        second="Show it in the message" if is_due else "Send it by itself now",
        second_value=SHOW if is_due else NOW,
    )


def _next_message(case: Case) -> tuple[bool, tuple[str, ...]]:
    """Return whether a message is due or waits, and what that means for a note."""
    order, name, context = case.order, case.order.name, case.visit.context
    once = f"It goes to one person, {name}, with one message, and with no other one."
    if order.watched.order.held_by:
        return True, (f"{order.watched.order.held_by} holds this order: the note waits with its messages.", once)
    if order.waiting:
        return True, ("A message waits. It is written again with your note before it leaves.", once)
    facts = order.watched.order
    plan = assess_order(facts, context.as_of, context.policy, context.calendar).plan
    if plan is not None and (by := by_words(contacts_of(context, case.connection, plan))):
        return True, (f"{name} gets {by} at the next run, with your note.", once)
    return False, (
        f"No message to {name} is due now. The note can wait for one, or leave by itself now, as a mail or a text.",
        once,
    )


def _note_previews(case: Case, note: str, *, by_itself: bool) -> tuple[Preview, ...]:
    """Return the note as it is read; where nothing is due, in the message that it would be by itself."""
    text = text_with_note("", note).strip()
    alone = Preview("Your note in a text", text, f"The note alone: {_parts(text)}")
    if not by_itself:
        paragraph = Preview("Your note in a mail, after the first paragraph", note)
        return paragraph, alone
    words = _note_words(case, note)
    return (_preview(words),) if words else (alone,)


def _note_words(case: Case, note: str) -> Words | None:
    """Return a note as a message: a mail, or else a text; None where neither may be sent."""
    for channel in (Channel.EMAIL, Channel.SMS):
        try:
            return write_note(case.visit.context, case.connection, case.order, note, channel)
        except ForewarnError:
            continue
    return None


def _note(case: Case) -> Did | None:
    typed = case.form.lines("note")
    try:
        note = clean_note(typed)
    except ForewarnError as error:
        case.form.wrong("note", str(error))
        return None
    if case.form.text("step") == SHOW:
        return None
    key = add_note(case.connection, case.order.id, note, case.visit.now, case.who)
    if case.form.text("step") != NOW:
        return Did(f"added a note to the next message about order {case.order.id}", after={"note": key})
    lock_unheld(case.connection, case.order.id)
    words = _note_words(case, note)
    if words is None:
        raise ForewarnError(f"Nothing may be sent to {case.order.name} by mail or text now. Call instead.")
    message = queue_words(case.visit.context, case.connection, case.order, words, MailKind.NOTE, case.who)
    use_by_itself(case.connection, key, message)
    what = f"sent a note about order {case.order.id} by itself, as a {channel_word(words.channel)}"
    return Did(what, after={"note": key, "message": message})


def _unnote(visit: Visit, connection: Connection, entry: AuditEntry) -> str:
    if "message" in entry.after:
        return _unsend(visit, connection, entry)
    if not withdraw_note(connection, str(entry.after["note"]), visit.now):
        raise Refused("The note has left with a message. It cannot be taken back.")
    return f"took back the note for the next message about order {entry.subject}"


NOTE = OrderAct("note", _ask_note, _note, _unnote, "Take the note back")

# A new link.


def _ask_link(case: Case) -> Ask:
    context, customer = case.visit.context, case.order.customer
    if context.shop.order_pages is None:
        raise ForewarnError("This shop has no order pages of Forewarn, so there is no link.")
    if not customer.email:
        raise ForewarnError(f"{case.order.name} has no mail address, and links go by mail.")
    if case.order.watched.order.held_by:
        raise ForewarnError(f"{case.order.watched.order.held_by} holds this order. Release it first.")
    sent = count_sent_lately(case.connection, case.order.id, case.visit.now)
    most = context.policy.order_page.new_links_a_day
    if sent >= most:
        raise ForewarnError(f"{sent} links were mailed within 24 hours, and {most} is the most.")
    return Ask(
        f"Send {case.order.name} a new link?",
        (
            (
                f"One person, {case.order.name}, gets a mail with a new link to the order page, to "
                f"{shown(customer.email)}, within a minute."
            ),
            f"{sent} of {most} links were mailed within 24 hours. Older links still work.",
        ),
        button="Send the link",
    )


def _link(case: Case) -> Did:
    key = queue_new_link(case.visit.context, case.connection, case.order.id, case.who)
    if key is None:
        raise ForewarnError("So many links were mailed within 24 hours that no other one is sent today.")
    lock_unheld(case.connection, case.order.id)
    return Did(f"sent the customer of order {case.order.id} a new link", after={"message": key})


LINK = OrderAct("link", _ask_link, _link, _unsend)

# A message in doubt.


def _doubts(connection: Connection, order_id: str) -> list[tuple[str, str, str]]:
    query = select(NOTICES.c.id, NOTICES.c.channel, OUTBOX.c.reason).select_from(NOTICES_WITH_STATE)
    in_doubt = query.where(NOTICES.c.order_id == order_id, OUTBOX.c.state == State.IN_DOUBT)
    return [(row.id, row.channel, row.reason or "") for row in connection.execute(in_doubt.order_by(NOTICES.c.id))]


def _ask_doubt(case: Case) -> Ask:
    doubts = _doubts(case.connection, case.order.id)
    if not doubts:
        raise ForewarnError("No message about this order is in doubt.")
    key, channel, reason = doubts[0]
    what, name = channel_word(channel), case.order.name
    more = f" {len(doubts) - 1} more after this one." if len(doubts) > 1 else ""
    return Ask(
        f"Did the {what} to {name} leave?",
        (
            f"We do not know whether {name} has it: {reason or 'the answer of the provider did not come'}.{more}",
            "Look into the provider's own records first. This is about one person, and it cannot be undone.",
        ),
        button="Settle it",
        fields=(
            Field("hidden", "message", value=key),
            Field(
                "radio",
                "left",
                f"The {what}",
                options=(
                    ("yes", "It was sent", f"{name} counts as told."),
                    (
                        "no",
                        "It was not sent",
                        f"It leaves again within a minute. If it did arrive, {name} gets it twice.",
                    ),
                ),
            ),
        ),
    )


def _doubt(case: Case) -> Did | None:
    sent = {"yes": True, "no": False}.get(case.form.text("left"))
    if sent is None:
        case.form.wrong("left", "Choose whether it was sent.")
        return None
    key = case.form.text("message")
    found = {one[0]: one[1] for one in _doubts(case.connection, case.order.id)}
    if key not in found:
        raise ForewarnError("This message is not in doubt any more: somebody settled it, or the provider answered.")
    why = case.form.text("why")[:500]
    settle_doubt(case.visit.context, case.connection, case.visit.now, key, case.who, sent=sent, why=why)
    said = "was sent" if sent else "was not sent, so that it leaves again"
    what = f"settled that the {channel_word(found[key])} about order {case.order.id} {said}"
    return Did(what, after={"message": key, "sent": sent})


DOUBT = OrderAct("doubt", _ask_doubt, _doubt)

MESSAGE_ACTS = (AGAIN, NOTE, LINK, DOUBT)
