"""Write unsent notices again from the facts as they are now, to learn whether they still say what is so."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from models.customers import LINK_PLACEHOLDER
from models.decisions import Plan
from models.enums import Channel
from models.messages import Message
from models.policy.policy import Policy
from rules.contact.contact import contact_by
from rules.delays.critical import policy_for
from rules.delays.delays import notice_lines
from rules.delays.validity import holds_through
from rules.experiments.assign import stored_wording
from tasks.context import Context
from tasks.db.outbox import QUEUED_FILTER
from tasks.db.sql import in_list
from tasks.notices.decide import decide_orders
from tasks.notices.rendering import first_rendered
from tasks.offers.budget import DiscountBudget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.due import lock_orders
from tasks.orders.order_rows import WatchedOrder
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import NOTICES, OUTBOX

WORDS = ("subject", "text", "html", "to_name", "locale")
TRIAL_COLUMNS = ("message", "experiment", "wording")
ABOUT_COLUMNS = ("change", "bucket", "days", "expected_on", "lines", "why")
UNSENT_COLUMNS = [
    *(NOTICES.c[name] for name in ("id", "order_id", "revision", "channel", "address", *WORDS, *TRIAL_COLUMNS)),
    OUTBOX.c.valid_until,
]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A notice that still says what is so.

    A text leaves out most of the facts that it is about, so that its words may be the same while those have changed.
    """

    id: str
    facts_version: int
    holds_through: date
    about: Mapping[str, Any]
    """The values of ABOUT_COLUMNS as they are now: what its customer counts as told by it."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A notice with its words as they are by now, of which another channel has told the rest."""

    confirmed: Confirmed
    order: str
    words: Mapping[str, Any]
    """The values of WORDS, and what they say: a law's statements, and a note of staff."""


def load_unsent(connection: Connection, orders: Iterable[str]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the queued notices of orders, by order id."""
    query = (
        select(*UNSENT_COLUMNS)
        .select_from(NOTICES_WITH_STATE)
        .where(in_list(connection, NOTICES.c.order_id, sorted(orders)), QUEUED_FILTER)
        .order_by(NOTICES.c.revision, NOTICES.c.channel)
    )
    by_order: dict[str, list[Mapping[str, Any]]] = {}
    for row in connection.execute(query).mappings():
        by_order.setdefault(row["order_id"], []).append(dict(row))
    return by_order


def confirm_notices(
    context: Context, connection: Connection, notices: Sequence[Mapping[str, Any]], orders: Mapping[str, WatchedOrder]
) -> dict[str, Confirmed]:
    """Return by id the notices that a run would write again word for word, from the orders as they are now.

    Each is written as what follows the notices that left before it. It offers only what its order was offered already.
    """
    wanted = {(notice["order_id"], notice["revision"]) for notice in notices}
    earlier = [orders[order].before(revision) for order, revision in sorted(wanted)]
    decided = decide_orders(context, connection, earlier, SubstituteStock(), DiscountBudget({})) if earlier else []
    decisions = dict(zip(sorted(wanted), decided, strict=True))
    confirmed = {}
    for notice in notices:
        watched, decision = orders[notice["order_id"]], decisions[notice["order_id"], notice["revision"]]
        plan = as_recorded(decision.plan, notice, context.policy)
        if plan is None or _contradicts(watched, plan, context.policy) or not _says_the_same(context, plan, notice):
            continue
        day = last_day_of(context, plan, decision.assessment.next_check_on)
        confirmed[notice["id"]] = Confirmed(notice["id"], watched.version, day, about(plan, context.policy))
    return confirmed


def rewrite_told(
    context: Context, connection: Connection, notices: Sequence[Mapping[str, Any]], orders: Mapping[str, WatchedOrder]
) -> dict[str, Rewritten]:
    """Return by id, in new words, the notices that say what another channel has told already, and nothing else.

    The next run would not write these again, because their customers have been told. One that says something new is
    not among them, nor one that would need a link that it has not.
    """
    told = [notice for notice in notices if _is_told(orders[notice["order_id"]], notice["revision"])]
    rewritten = {}
    for notice in told:
        watched = orders[notice["order_id"]]
        (decision,) = decide_orders(
            context, connection, [watched.before(notice["revision"])], SubstituteStock(), DiscountBudget({})
        )
        plan = as_recorded(decision.plan, notice, context.policy)
        if plan is None or plan.message != notice["message"] or _contradicts(watched, plan, context.policy):
            continue
        message = _message(context, plan, notice)
        if message is None or (LINK_PLACEHOLDER in message.text + message.html and not notice["link_id"]):
            continue
        day = last_day_of(context, plan, decision.assessment.next_check_on)
        same = Confirmed(notice["id"], watched.version, day, about(plan, context.policy))
        rewritten[notice["id"]] = Rewritten(same, watched.order.id, written_columns(plan, message))
    return rewritten


def _is_told(watched: WatchedOrder, revision: int) -> bool:
    return watched.order.told is not None and watched.order.told.revision == revision


def as_recorded(plan: Plan | None, notice: Mapping[str, Any], policy: Policy) -> Plan | None:
    """Return a plan in the wording of a notice of the same message: a trial that begins or ends changes none."""
    if plan is None or plan.message != notice["message"]:
        return plan
    return replace(plan, wording=stored_wording(policy.experiment, notice["experiment"], notice["wording"]))


def about(plan: Plan, policy: Policy) -> dict[str, Any]:
    """Return what a notice of a plan is about, as its row keeps it."""
    delay = plan.delay
    lines = [line.as_data() for line in notice_lines(delay, policy_for(delay.order, policy))]
    values = (plan.change, delay.bucket, delay.days, delay.expected_on, lines, plan.why)
    return dict(zip(ABOUT_COLUMNS, values, strict=True))


def _contradicts(watched: WatchedOrder, plan: Plan, policy: Policy) -> bool:
    """Return whether another channel has told the same revision already, with other facts: then it is news."""
    told = watched.order.told
    policy = policy_for(plan.delay.order, policy)
    return told is not None and told.revision == plan.revision and told.lines != notice_lines(plan.delay, policy)


def written_columns(plan: Plan, message: Message) -> dict[str, Any]:
    """Return the words of a plan's message, and what its row keeps of what they say."""
    says = {"statements": list(message.statements), "note_id": plan.note_id if message.has_note else None}
    return {name: getattr(message, name) for name in WORDS} | says


def last_day_of(context: Context, plan: Plan, next_check_on: date) -> date:
    """Return the last day on which a plan's words need no new look; with the shop's own templates, its own day."""
    return context.as_of if context.renderer.has_own_templates else holds_through(plan, next_check_on)


def _says_the_same(context: Context, plan: Plan, notice: Mapping[str, Any]) -> bool:
    """Return whether a plan has the same words for a notice's channel and address."""
    message = _message(context, plan, notice)
    return message is not None and all(getattr(message, name) == notice[name] for name in WORDS)


def _message(context: Context, plan: Plan, notice: Mapping[str, Any]) -> Message | None:
    """Return a plan's message for a notice's channel and address; None where it cannot go there."""
    customer, shop, channel = plan.delay.order.customer, context.shop, Channel(notice["channel"])
    contact = contact_by(customer, channel, context.policy, context.started_at, shop.country, shop.zone)
    if contact.skip is not None or contact.address != notice["address"]:
        return None
    rendered = first_rendered(context, plan, [contact])
    return rendered[1] if rendered else None


def store_rewritten(connection: Connection, rewritten: Iterable[Rewritten]) -> None:
    """Store the new words of notices, and with which facts they agree."""
    rows = sorted(rewritten, key=lambda one: one.confirmed.id)  # as store_confirmed locks them
    # A note that was taken back before has moved the version: its notice is written again. Later it waits for this.
    lock_orders(connection, {row.order for row in rows if row.words["note_id"]})
    for row in rows:
        connection.execute(update(NOTICES).where(NOTICES.c.id == row.confirmed.id).values(**row.words))
    store_confirmed(connection, [row.confirmed for row in rows])


def store_confirmed(connection: Connection, confirmed: Iterable[Confirmed], version_step: int = 0) -> None:
    """Store with which facts notices agree, and until when; `version_step` is added to the version of the facts."""
    rows = [
        {"notice": one.id, "version": one.facts_version + version_step, "day": one.holds_through}
        | {f"new_{name}": value for name, value in one.about.items()}
        for one in confirmed
    ]
    rows.sort(key=itemgetter("notice"))  # every transaction locks notices in this order
    if rows:
        confirm = update(NOTICES).where(NOTICES.c.id == bindparam("notice"))
        changes: dict[str, Any] = {"facts_version": bindparam("version"), "holds_through": bindparam("day")}
        changes |= {name: bindparam(f"new_{name}") for name in ABOUT_COLUMNS}
        connection.execute(confirm.values(**changes), rows)
