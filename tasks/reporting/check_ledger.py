"""Check what must always be true of a ledger: states, references, numbers and counters agree with each other.

Each check is one query that reads its tables whole. Nothing is changed.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, String, and_, cast, exists, func, literal, or_, select
from sqlalchemy.sql import ColumnElement

from models.customers import CLOSES_LINES, STANDING, Act, ChoiceState
from models.enums import Channel, State
from models.policy.policy import NOT_OPEN
from models.purchasing import VendorChannel
from models.webhooks import WEBHOOK
from tasks.db.counters import count_orders_by_bucket
from tasks.tables import (
    CUSTOMER_CHOICES,
    CUSTOMER_MAILS,
    NOTICES,
    OFFERS,
    ORDER_INSTRUCTIONS,
    ORDER_LINKS,
    OUTBOX,
    POST_MESSAGES,
    PURCHASE_REQUESTS,
    WATCHES,
    WEBHOOK_EVENTS,
)

MAX_EXAMPLES = 20
"""How many ids of what breaks a rule are named; all are counted."""
OPEN_STATES = (State.HELD, State.QUEUED, State.SENDING, State.IN_DOUBT)
LEFT_STATES = (State.SENT, State.DELIVERED)
WITH_MESSAGES = (NOTICES, POST_MESSAGES, PURCHASE_REQUESTS, CUSTOMER_MAILS, WEBHOOK_EVENTS)
"""The tables whose rows are messages: each has its state in the outbox."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that the ledger breaks: how often, and the first ids of what breaks it."""

    rule: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule, and the SELECT of the ids of what breaks it."""

    rule: str
    select: Callable[[], Select[Any]]


def check_ledger(connection: Connection) -> list[Violation]:
    """Return the rules that the ledger breaks; none where it is consistent."""
    return list(_violations(connection))


def _violations(connection: Connection) -> Iterator[Violation]:
    for invariant in INVARIANTS:
        broken = invariant.select().subquery()
        count = connection.execute(select(func.count()).select_from(broken)).scalar_one()
        if count:
            key = next(iter(broken.c))
            examples = connection.execute(select(key).order_by(key).limit(MAX_EXAMPLES)).scalars()
            yield Violation(invariant.rule, count, tuple(map(str, examples)))
    yield from _wrong_counters(connection)
    yield from _overlapping_choices(connection)


def _without_state() -> Select[Any]:
    rows = (select(table.c.id).where(~exists().where(OUTBOX.c.id == table.c.id)) for table in WITH_MESSAGES)
    first, *others = rows
    return select(first.union_all(*others).subquery().c.id)


def _without_message() -> Select[Any]:
    has_message = or_(*(exists().where(table.c.id == OUTBOX.c.id) for table in WITH_MESSAGES))
    return select(OUTBOX.c.id).where(~has_message)


def _unsettled_but_final() -> Select[Any]:
    final, settled = OUTBOX.c.state.not_in(OPEN_STATES), OUTBOX.c.settled_at.is_not(None)
    return select(OUTBOX.c.id).where(or_(and_(final, ~settled), and_(~final, settled)))


def _final_with_lease() -> Select[Any]:
    return select(OUTBOX.c.id).where(OUTBOX.c.settled_at.is_not(None), OUTBOX.c.lease_holder.is_not(None))


def _sending_without_lease() -> Select[Any]:
    lease = and_(
        OUTBOX.c.lease_holder.is_not(None), OUTBOX.c.lease_until.is_not(None), OUTBOX.c.sending_at.is_not(None)
    )
    return select(OUTBOX.c.id).where(OUTBOX.c.state == State.SENDING, ~lease)


def _waits_for_no_fallback() -> Select[Any]:
    failed = OUTBOX.c.state.in_((State.REJECTED, State.BOUNCED))
    return select(OUTBOX.c.id).where(OUTBOX.c.awaits_fallback, ~failed)


def _on_another_channel() -> Select[Any]:
    return select(NOTICES.c.id).join(OUTBOX, OUTBOX.c.id == NOTICES.c.id).where(OUTBOX.c.channel != NOTICES.c.channel)


def _leaves_while_held() -> Select[Any]:
    held = select(NOTICES.c.id).join(ORDER_INSTRUCTIONS, ORDER_INSTRUCTIONS.c.order_id == NOTICES.c.order_id)
    held = held.where(ORDER_INSTRUCTIONS.c.held_at.is_not(None), NOTICES.c.id == OUTBOX.c.id)
    waits = OUTBOX.c.state.in_((State.HELD, State.QUEUED))
    return select(OUTBOX.c.id).where(OUTBOX.c.settled_at.is_(None), waits, ~OUTBOX.c.on_hold, held.exists())


def _parked_but_not_held() -> Select[Any]:
    held = (
        exists().where(
            table.c.id == OUTBOX.c.id,
            ORDER_INSTRUCTIONS.c.order_id == table.c.order_id,
            ORDER_INSTRUCTIONS.c.held_at.is_not(None),
        )
        for table in (NOTICES, CUSTOMER_MAILS)
    )
    return select(OUTBOX.c.id).where(OUTBOX.c.on_hold, ~or_(*held))


def _note_twice() -> Select[Any]:
    left = select(NOTICES.c.note_id).join(OUTBOX, OUTBOX.c.id == NOTICES.c.id)
    left = left.where(NOTICES.c.note_id.is_not(None), OUTBOX.c.state.in_(LEFT_STATES))
    return left.group_by(NOTICES.c.note_id).having(func.count(NOTICES.c.revision.distinct()) > 1)


def _unknown_channel() -> Select[Any]:
    known = (*Channel, *VendorChannel, WEBHOOK)
    return select(OUTBOX.c.id).where(OUTBOX.c.channel.not_in([str(channel) for channel in known]))


def _told_twice() -> Select[Any]:
    """Select notices that left with the words and facts of the one by the same channel in the revision told before."""
    columns = [NOTICES.c[name] for name in ("id", "order_id", "revision", "channel", "address", "text")]
    left = (
        select(*columns, cast(NOTICES.c.lines, String).label("lines"))
        .join(OUTBOX, OUTBOX.c.id == NOTICES.c.id)
        .where(OUTBOX.c.state.in_(LEFT_STATES), NOTICES.c.text != "")
        .cte("left_notices")
    )
    earlier, between = left.alias("earlier"), left.alias("between")
    same_content = and_(
        *(earlier.c[name] == left.c[name] for name in ("order_id", "channel", "address", "text", "lines"))
    )
    told_between = exists().where(
        between.c.order_id == left.c.order_id,
        between.c.revision > earlier.c.revision,
        between.c.revision < left.c.revision,
    )
    query = select(left.c.id).join(earlier, and_(same_content, earlier.c.revision < left.c.revision))
    return query.where(~told_between).distinct()


def _revision_ahead() -> Select[Any]:
    query = select(NOTICES.c.order_id).join(WATCHES, WATCHES.c.order_id == NOTICES.c.order_id)
    return query.where(NOTICES.c.revision > WATCHES.c.revision).distinct()


def _unknown_link() -> Select[Any]:
    return select(NOTICES.c.id).where(
        NOTICES.c.link_id.is_not(None), ~exists().where(ORDER_LINKS.c.id == NOTICES.c.link_id)
    )


def _gap_in_choices() -> Select[Any]:
    query = select(CUSTOMER_CHOICES.c.order_id).group_by(CUSTOMER_CHOICES.c.order_id)
    return query.having(func.max(CUSTOMER_CHOICES.c.number) != func.count())


def _unknown_choice() -> Select[Any]:
    known = and_(
        CUSTOMER_CHOICES.c.act.in_(list(Act)),
        CUSTOMER_CHOICES.c.state.in_(list(ChoiceState)),
        or_(
            CUSTOMER_CHOICES.c.refund.is_(None), CUSTOMER_CHOICES.c.refund >= literal(0, CUSTOMER_CHOICES.c.refund.type)
        ),
    )
    return select(CUSTOMER_CHOICES.c.id).where(~known)


def _changed_by_nobody() -> Select[Any]:
    ended = CUSTOMER_CHOICES.c.state.in_((ChoiceState.UNDONE, ChoiceState.REFUSED, ChoiceState.REPLACED))
    return select(CUSTOMER_CHOICES.c.id).where(ended, CUSTOMER_CHOICES.c.changed_at.is_(None))


def _offer_of_another_order() -> Select[Any]:
    own = exists().where(OFFERS.c.id == CUSTOMER_CHOICES.c.offer_id, OFFERS.c.order_id == CUSTOMER_CHOICES.c.order_id)
    return select(CUSTOMER_CHOICES.c.id).where(CUSTOMER_CHOICES.c.act == Act.OFFER, ~own)


def _two_standing(act: Act) -> ColumnElement[bool]:
    return and_(CUSTOMER_CHOICES.c.act == act, CUSTOMER_CHOICES.c.state.in_(STANDING))


def _two_waits() -> Select[Any]:
    query = select(CUSTOMER_CHOICES.c.order_id).where(_two_standing(Act.WAIT))
    return query.group_by(CUSTOMER_CHOICES.c.order_id).having(func.count() > 1)


def _event_without_choice() -> Select[Any]:
    return select(WEBHOOK_EVENTS.c.id).where(~exists().where(CUSTOMER_CHOICES.c.id == WEBHOOK_EVENTS.c.choice_id))


INVARIANTS = (
    Invariant("a message has its state in the outbox", _without_state),
    Invariant("a row of the outbox belongs to a message", _without_message),
    Invariant("a message is settled exactly when its state is final", _unsettled_but_final),
    Invariant("a settled message has no lease", _final_with_lease),
    Invariant("a message being sent has a lease, and the moment when it began", _sending_without_lease),
    Invariant("only a failed message waits for the next channel", _waits_for_no_fallback),
    Invariant("a notice is in the outbox of its own channel", _on_another_channel),
    Invariant("a message of an order that staff hold waits", _leaves_while_held),
    Invariant("a message waits for a release only while its order is held", _parked_but_not_held),
    Invariant("a note of staff goes with one message", _note_twice),
    Invariant("a channel is known", _unknown_channel),
    Invariant("no customer gets the same words twice in a row", _told_twice),
    Invariant("the watch of an order knows its highest revision", _revision_ahead),
    Invariant("the link in a notice is known", _unknown_link),
    Invariant("the choices of an order are numbered without gaps", _gap_in_choices),
    Invariant("a choice has a known act, a known state and no refund below 0", _unknown_choice),
    Invariant("a choice that does not stand any more says since when", _changed_by_nobody),
    Invariant("an accepted offer belongs to its order", _offer_of_another_order),
    Invariant("an order waits for one date at most", _two_waits),
    Invariant("a webhook event belongs to a choice", _event_without_choice),
)


def _wrong_counters(connection: Connection) -> Iterator[Violation]:
    """Compare the counters of watched orders by bucket with the watches themselves."""
    stored = count_orders_by_bucket(connection)
    is_open = and_(WATCHES.c.bucket.is_not(None), WATCHES.c.bucket.not_in(NOT_OPEN))
    query = select(WATCHES.c.bucket, func.count()).where(is_open).group_by(WATCHES.c.bucket)
    counted: Counter[str] = Counter(dict(connection.execute(query).all()))
    wrong = sorted(bucket for bucket in stored.keys() | counted.keys() if stored[bucket] != counted[bucket])
    if wrong:
        yield Violation("the counter of a bucket equals its orders", len(wrong), tuple(wrong[:MAX_EXAMPLES]))


def _overlapping_choices(connection: Connection) -> Iterator[Violation]:
    """Find order lines that two standing choices cancel or swap."""
    query = select(CUSTOMER_CHOICES.c.id, CUSTOMER_CHOICES.c.order_id, CUSTOMER_CHOICES.c.lines).where(
        CUSTOMER_CHOICES.c.act.in_(CLOSES_LINES), CUSTOMER_CHOICES.c.state.in_(STANDING)
    )
    seen: dict[tuple[str, str], str] = {}
    overlapping = []
    for choice, order, lines in connection.execute(
        query.order_by(CUSTOMER_CHOICES.c.order_id, CUSTOMER_CHOICES.c.number)
    ):
        overlapping += [choice for line in lines if seen.setdefault((order, line), choice) != choice]
    if overlapping:
        yield Violation(
            "an order line is cancelled or swapped by one choice at most",
            len(overlapping),
            tuple(overlapping[:MAX_EXAMPLES]),
        )
