"""The first page of the desk: what waits for a person, what happened, and whether everything works."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.responses import Response

from models.customers import Act
from models.enums import NETWORK_NAMES, Channel
from models.quantities import counted
from models.staff import Right
from tasks.desk.bounded import Count
from tasks.desk.staff_words import channel_word
from tasks.desk.today import ChannelHealth, DayMessages, FlowHealth, ImportHealth, Waiting, load_today
from tasks.desk.webhook_health import WebhookHealth
from tasks.runs.records import LATE_ORDERS
from web.staff.addresses import desk_address, run_address
from web.staff.answers import money
from web.staff.desk import Desk, StaffRoute
from web.staff.list_parts import count_words, listed_words, messages_words, sentence
from web.staff.posts import SOON
from web.staff.runs import FLOW_WORDS, STATE_CHIPS
from web.staff.visit import Visit

FAILING_SHARE, FAILING_LEAST = 0.03, 3
"""A channel of which more than this share of a day's messages failed, and at least so many, does not work well."""
EXPECTED_EVERY = {
    LATE_ORDERS: timedelta(hours=3),
    "deliver": timedelta(minutes=90),
    "restock": timedelta(hours=5),
    "promise-clock": timedelta(hours=26),
    "digest": timedelta(hours=26),
    "prune": timedelta(hours=26),
}
"""Flows that are overdue when they have not ended well for so long."""
STAYING = ("deliver",)
"""Flows that stay and look for work all the time."""
CHANNEL_NAMES = {
    Channel.EMAIL: "Mail",
    Channel.SMS: "Texts",
    **{network: f"Posts on {name}" for network, name in NETWORK_NAMES.items()},
}
ANSWER_VERBS = {
    Act.WAIT: ("waits", "wait"),
    Act.SHIP: ("sends what is ready", "send what is ready"),
    Act.SWAP: ("swaps", "swap"),
    Act.CANCEL: ("cancels", "cancel"),
    Act.OFFER: ("takes a discount", "take a discount"),
    Act.WITHDRAW: ("withdraws", "withdraw"),
}


@dataclass(frozen=True, slots=True)
class TodayRow:
    """A thing that waits, or that works or does not: with its page, its state, and a sentence."""

    url: str
    title: str
    chip: tuple[str, str]
    text: str


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the first page."""
    return [StaffRoute("", Right.SEE, show)]


def show(visit: Visit) -> Response:
    """Return what waits for a person, what happened, and whether everything works."""
    with visit.reading() as connection:
        today = load_today(visit.context, connection)
    waiting = list(_waiting_rows(visit, today.waiting))
    health = [
        *(_channel_row(visit, channel) for channel in today.channels),
        _import_row(visit, today.last_import),
        *(_flow_row(visit, flow) for flow in today.flows if flow.flow in EXPECTED_EVERY or _has_failed(flow)),
        *([_webhook_row(visit, today.webhook)] if today.webhook else []),
        *([_alerts_row(visit, today.alerts_failing_since)] if today.alerts_failing_since else []),
    ]
    problems = [row for row in health if row.chip[0] in ("bad", "wait")]
    fine = [row for row in health if row not in problems]
    return visit.page(
        "desk/today.html",
        title="Today",
        heading=f"Today, {visit.today:%A} {visit.today.day} {visit.today:%B}",
        waiting=waiting,
        checked=_checked(visit, today.flows),
        happened=list(_happened(today.day)),
        soon=SOON,
        problems=problems,
        fine=fine,
    )


def _checked(visit: Visit, flows: Sequence[FlowHealth]) -> str:
    """Return when all orders were last checked, and when they are next."""
    check = next((flow for flow in flows if flow.flow == LATE_ORDERS), None)
    if check is None or check.succeeded_at is None:
        return "No orders were checked yet."
    return f"All orders were last checked at {visit.moment(check.succeeded_at)}.{_next(visit, check, 'check')}"


def _waiting_rows(visit: Visit, waiting: Waiting) -> Iterator[TodayRow]:
    for run in waiting.held:
        held = count_words(run.messages, "message")
        title = (
            f"{held} {'is' if run.messages.n == 1 else 'are'} held" if run.messages else "A run is held for its data"
        )
        why = " ".join(map(sentence, run.limits))
        yield TodayRow(run_address(run.id), title, ("bad", f"Held since {visit.moment(run.started_at)}"), why)
    if waiting.deadlines_passed:
        orders = count_words(waiting.deadlines_passed, "order")
        text = "The law asked for something by a day that has passed. Do it now, and record it."
        yield TodayRow(desk_address("deadlines"), f"{orders} past a legal deadline", ("bad", "Too late"), text)
    if waiting.doubts:
        title = f"{count_words(waiting.doubts, 'message')} may or may not have left"
        since = f"The oldest since {visit.moment(waiting.oldest_doubt)}." if waiting.oldest_doubt else ""
        yield TodayRow(desk_address("in-doubt"), title, ("wait", "In doubt"), f"{since} Look at the provider, and say.")
    if waiting.deadlines.n > waiting.deadlines_passed.n:
        near = Count(waiting.deadlines.n - waiting.deadlines_passed.n, waiting.deadlines.more)
        text = "The law asks for something soon: send it, agree on a new date, or pay back."
        yield TodayRow(desk_address("deadlines"), f"{count_words(near, 'legal deadline')} near", ("wait", "Soon"), text)
    if waiting.replies:
        title = f"{count_words(waiting.replies, 'text')} of customers to read"
        yield TodayRow(
            desk_address("replies"), title, ("wait", "To read"), "Customers wrote back, and no rule answers."
        )
    if waiting.answers:
        since = f"The oldest since {visit.moment(waiting.oldest_answer)}." if waiting.oldest_answer else ""
        text = f"{since} {_refund_words(waiting)}".strip()
        title = f"{count_words(waiting.answers, 'answer')} of customers to carry out"
        yield TodayRow(desk_address("answers"), title, ("calm", "To do"), text)
    if waiting.webhooks:
        title = f"{counted(waiting.webhooks, 'answer')} not passed to the shop's systems"
        text = "They refused it too often. An admin can send it again under Settings."
        yield TodayRow(desk_address("answers"), title, ("bad", "Given up"), text)
    if waiting.posts:
        title = f"{count_words(waiting.posts, 'post')} to approve"
        text = "Nothing is published before somebody approves it."
        yield TodayRow(desk_address("posts"), title, ("wait", "Waits for approval"), text)


def _refund_words(waiting: Waiting) -> str:
    refunds = waiting.refunds
    if not refunds.choices:
        return ""
    amounts = listed_words([money(amount, currency) for currency, amount in sorted(refunds.amounts.items())])
    return f"Refunds to pay: {counted(refunds.choices, 'order')}{f', {amounts}' if amounts else ''}."


def _happened(day: DayMessages) -> Iterator[tuple[str, str]]:
    """Yield what happened since midnight: a number with its words, and the page that has more."""
    if day.sent.total():
        people = count_words(day.people, "person")
        yield f"{people} told: {messages_words(day.sent)}.", desk_address("numbers")
    elif day.trial:
        yield f"{counted(day.trial, 'message')} of a trial, kept here: no customer was told.", desk_address("numbers")
    else:
        yield "Nobody was told anything so far.", desk_address("numbers")
    if day.failed.total():
        yield f"{messages_words(day.failed)} did not arrive.", desk_address("numbers")
    if day.answers.total():
        each = [f"{n:,} {ANSWER_VERBS[Act(act)][n != 1]}" for act, n in day.answers.most_common() if act in set(Act)]
        yield f"{counted(day.answers.total(), 'answer')} of customers: {listed_words(each)}.", desk_address("answers")


def _channel_row(visit: Visit, one: ChannelHealth) -> TodayRow:
    name = CHANNEL_NAMES[Channel(one.channel)]
    if one.stopped_since is not None:
        again = f" One is tried at {visit.moment(one.next_try)}." if one.next_try else ""
        chip = ("bad", f"Stopped since {visit.moment(one.stopped_since)}")
        return TodayRow(desk_address("queue"), name, chip, f"{sentence(one.reason)}{again}")
    tried = one.sent + one.failed
    last = f", the last at {visit.moment(one.last_at)}" if one.last_at else ""
    sent = f"{counted(one.sent, channel_word(one.channel))} sent today{last}."
    if one.failed >= FAILING_LEAST and one.failed > FAILING_SHARE * tried:
        text = f"{one.failed:,} of {tried:,} did not arrive. {sent}"
        return TodayRow(desk_address("numbers"), name, ("bad", "Failing"), text)
    if not one.is_live:
        text = f"{sent} They are kept here until an operator goes live."
        return TodayRow(desk_address("queue"), name, ("calm", "Trial"), text)
    return TodayRow(desk_address("queue"), name, ("good", "Working"), sent)


def _import_row(visit: Visit, last: ImportHealth) -> TodayRow:
    name = "Orders from the shop"
    if last.failed:
        text = "The last import broke off; what it did not read is read by the next one."
        return TodayRow(desk_address("runs"), name, ("bad", "Broke off"), text)
    if last.at is None:
        text = "The shop's orders were not read so far."
        return TodayRow(desk_address("runs"), name, ("calm", "Not read"), text)
    orders = f"{counted(last.orders, 'order')} read, " if last.orders is not None else "Read "
    now = " One is running now." if last.is_incomplete else ""
    is_old = visit.now - last.at > timedelta(hours=26)
    chip = ("wait", "Old") if is_old else ("good", "Up to date")
    return TodayRow(desk_address("runs"), name, chip, f"{orders}{visit.moment(last.at)}.{now}")


def _has_failed(flow: FlowHealth) -> bool:
    return flow.last_state == "failed"


def _flow_row(visit: Visit, flow: FlowHealth) -> TodayRow:
    name = FLOW_WORDS.get(flow.flow, flow.flow)
    well = f"Last ended well {visit.moment(flow.succeeded_at)}." if flow.succeeded_at else "It never ended well."
    if _has_failed(flow):
        text = f"The run of {visit.moment(flow.last_at)} failed. {well} The page of runs says why."
        return TodayRow(desk_address("runs"), name, STATE_CHIPS["failed"], text)
    if _is_overdue(visit, flow):
        text = f"{well} It should have run since; tell an operator."
        return TodayRow(desk_address("runs"), name, ("wait", "Overdue"), text)
    return TodayRow(desk_address("runs"), name, ("good", "On time"), f"{well}{_next(visit, flow)}")


def _is_overdue(visit: Visit, flow: FlowHealth) -> bool:
    """Return whether a flow should have ended well since, whatever starts it."""
    every = EXPECTED_EVERY.get(flow.flow)
    return every is not None and (flow.succeeded_at is None or visit.now - flow.succeeded_at > every)


def _next(visit: Visit, flow: FlowHealth, what: str = "run") -> str:
    """Return when a flow runs next: by its schedule, or else by the rhythm of its last runs.

    Nothing where it stays and waits for work, where it starts at no regular times, or where its last start was missed.
    """
    start = visit.start_of(flow.flow)
    if flow.flow in STAYING:
        return ""
    if start is not None:
        missed = start.is_missed(flow.succeeded_at, visit.now)
        return "" if missed else f" The next {what} is due at {visit.moment(start.next_at)}."
    if flow.next_at is None:
        return ""
    if flow.next_at <= visit.now:
        return f" The next {what} is due now."
    return f" The next {what} is due at about {visit.moment(flow.next_at)}."


def _webhook_row(visit: Visit, webhook: WebhookHealth) -> TodayRow:
    may_see = visit.person.may(Right.ADMINISTER)
    url = desk_address("settings", "webhook") if may_see else desk_address("answers")
    name = "The shop's systems"
    if not webhook.failing:
        return TodayRow(url, name, ("good", "Working"), "They are told of each answer of a customer.")
    again = f" The next try is at {visit.moment(webhook.next_try)}." if webhook.next_try else ""
    waits = f"{count_words(webhook.failing, 'answer')} of customers could not be passed on so far."
    reason = f" {sentence(webhook.reason)}" if webhook.reason else ""
    return TodayRow(url, name, ("bad", "Failing"), f"{waits}{reason}{again}")


def _alerts_row(visit: Visit, since: datetime) -> TodayRow:
    text = (
        f"None went through since {visit.moment(since)}: do not count on being alerted, and look here. "
        "An operator finds out why by the command: forewarn alerts test."
    )
    return TodayRow(desk_address("runs"), "Alerts", ("bad", "Failing"), text)
