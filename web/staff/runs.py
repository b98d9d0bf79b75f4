"""Runs: those that are held with what a person needs to decide, and what was decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection
from starlette.responses import Response

from models.enums import ChangeKind
from models.errors import ForewarnError
from models.policy.policy import MAY_BE_LATE
from models.quantities import counted
from models.staff import AuditEntry, Right
from tasks.desk.bounded import Count
from tasks.desk.held_runs import (
    Decision,
    ListedRun,
    RunMessages,
    SampleOrder,
    ShownRun,
    count_run,
    find_run,
    list_held_runs,
    list_runs,
    load_decision,
    load_run,
)
from tasks.desk.holds import STAFF_HOLD, NotWaiting, undo_hold
from tasks.desk.staff_words import CHANGES, channel_word, days_range
from tasks.guardrails.release import ReviewDecision, review_run
from tasks.guardrails.undo_review import GRACE, ReviewStands, undo_drop, undo_release
from tasks.runs.records import HELD
from tasks.staff.audit import record
from web.staff.addresses import desk_address, order_address, run_address
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.list_parts import MASKED_RUN, count_words, messages_words, sentence, undo_act
from web.staff.undo import UNDO
from web.staff.visit import Refused, Visit

RELEASE, DROP, HOLD = "run_released", "run_dropped", "messages_held"
"""Kinds of entries of the log."""
FLOW_WORDS = {
    "late-orders": "Check of all orders",
    "late-orders-shard": "Part of a check of all orders",
    "deliver": "Sending",
    "allocate": "Stock given to orders",
    "restock": "Stock and good news",
    "post-delays": "Posts",
    "digest": "Summary of the day",
    "forward-to-vendors": "Requests to vendors",
    "stock-report": "What to order",
    "promise-clock": "Legal deadlines",
    "learn": "How likely orders are late",
    "prune": "Old records deleted",
    STAFF_HOLD: "Held by a person",
}
STATE_CHIPS = {
    "running": ("calm", "Running"),
    "done": ("good", "Done"),
    HELD: ("bad", "Held"),
    "released": ("good", "Released"),
    "dropped": ("calm", "Not sent"),
    "failed": ("bad", "Failed"),
    "refused": ("bad", "Refused: the clock was wrong"),
    "forgotten": ("calm", "Does not count: the clock was wrong"),
}
DATA_LIMITS = "The data looked wrong, so no order was looked at and nothing was decided."


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list."""

    url: str
    name: str
    chip: tuple[str, str]
    why: str
    messages: str
    started: str
    machine: str


@dataclass(frozen=True, slots=True)
class SampleRow:
    """An example of a run's messages."""

    url: str
    order: str
    sentence: str
    read: str
    read_words: str


@dataclass(frozen=True, slots=True)
class RunView:
    """What the page of a run says."""

    chip: tuple[str, str]
    limits: tuple[str, ...]
    standing: str
    by_days: tuple[tuple[str, str], ...]
    usual: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    sample: tuple[SampleRow, ...]
    sample_title: str
    another: str
    release: str
    drop: str
    release_words: str
    drop_words: str


@dataclass(frozen=True, slots=True)
class AskView:
    """What the page says that asks before a decision."""

    texts: tuple[str, ...]
    button: str
    action: str
    back: str


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages of runs."""
    UNDO[RELEASE], UNDO[DROP], UNDO[HOLD] = _undo_release, _undo_drop, _undo_hold
    return [
        StaffRoute("/runs", Right.SEE, show_runs),
        StaffRoute("/runs/{run}", Right.SEE, show_run),
        StaffRoute("/runs/{run}/release", Right.ACT, ask_release, release),
        StaffRoute("/runs/{run}/drop", Right.ACT, ask_drop, drop),
    ]


def show_runs(visit: Visit) -> Response:
    """Return the list of runs, held ones first."""
    before = visit.query("before")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 12 else None
    with visit.reading() as connection:
        held = list_held_runs(connection) if number is None else []
        page = list_runs(connection, number)
    more = desk_address("runs", before=page.rows[-1].number) if page.more else ""
    return visit.page(
        "desk/runs.html",
        title="Runs",
        held=[_run_row(visit, run) for run in held],
        runs=[_run_row(visit, run) for run in page.rows],
        is_first=number is None,
        next=more,
        first="" if number is None else desk_address("runs"),
    )


def _run_row(visit: Visit, run: ListedRun) -> RunRow:
    why = " ".join(map(sentence, run.limits if run.state == HELD else run.problems))
    return RunRow(
        url=run_address(run.id),
        name=f"{FLOW_WORDS.get(run.flow, run.flow)}, {visit.day(run.as_of)}",
        chip=STATE_CHIPS.get(run.state, ("calm", run.state)),
        why=why,
        messages=count_words(run.messages, "message") if run.messages else "",
        started=visit.moment(run.started_at),
        machine=run.started_at.isoformat(),
    )


def _find(visit: Visit) -> str:
    """Return the id of the run that the address names; raises Refused where several begin so."""
    with visit.reading() as connection:
        try:
            found = find_run(connection, visit.path("run"))
        except ForewarnError as error:
            raise Refused(f"{sentence(str(error))} Give more of its id.") from error
    return found or ""


def show_run(visit: Visit) -> Response:
    """Return the page of a run: of a held one, all that a person needs to decide."""
    run_id = _find(visit)
    if not run_id:
        return _unknown(visit)
    with visit.reading() as connection:
        shown = load_run(connection, run_id, visit.query("after"))
    heading = _heading(shown)
    view = _view(visit, shown)
    return visit.page("desk/run.html", title=heading, view=view)


def _unknown(visit: Visit) -> Response:
    return visit.not_found(f"There is no run {visit.path('run')} here. Old ones are deleted after a while.")


def _heading(shown: ShownRun) -> str:
    if shown.run.state == HELD:
        waiting = Count(shown.messages.messages, shown.messages.more)
        verb = "waits" if waiting.n == 1 and not waiting.more else "wait"
        return f"{_capital(count_words(waiting, 'message'))} {verb} for you" if waiting else "A run waits for you"
    return f"{FLOW_WORDS.get(shown.run.flow, shown.run.flow)} of {shown.run.as_of:%-d %B %Y}"


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _view(visit: Visit, shown: ShownRun) -> RunView:
    run, messages, held = shown.run, shown.messages, shown.run.state == HELD
    state, word = STATE_CHIPS.get(run.state, ("calm", run.state))
    chip = (state, f"Held since {visit.moment(run.ended_at or run.started_at)}") if held else (state, word)
    may_act = held and visit.person.may(Right.ACT)
    number = count_words(Count(messages.messages, messages.more), "message")
    is_one = messages.messages == 1 and not messages.more
    after = shown.sample.rows[-1].message_id if shown.sample.more else ""
    return RunView(
        chip=chip,
        limits=tuple(map(sentence, run.limits)) if held or shown.decision else tuple(map(sentence, run.problems)),
        standing=_standing(visit, shown),
        by_days=_by_days(visit, messages),
        usual=_usual(visit, shown),
        facts=_facts(visit, run),
        sample=tuple(_sample_row(row) for row in shown.sample.rows),
        sample_title=_sample_title(shown),
        another=f"{run_address(run.id)}?after={after}#sample" if after else "",
        release=run_address(run.id, "release") if may_act else "",
        drop=run_address(run.id, "drop") if may_act else "",
        release_words=f"Send {number}" if messages.messages else "Use the data as they are",
        drop_words=f"Do not send {'it' if is_one else 'them'}" if messages.messages else "Leave it",
    )


def _standing(visit: Visit, shown: ShownRun) -> str:
    messages, decision = shown.messages, shown.decision
    if decision is not None:
        return _decided(visit, shown, decision)
    if shown.run.state != HELD:
        return f"{_people(messages)} {messages_words(messages.by_channel)}." if messages.messages else ""
    if not messages.messages:
        return f"{DATA_LIMITS} Nothing has left."
    return f"Nothing has left. {_people(messages)} {messages_words(messages.by_channel)}."


def _people(messages: RunMessages) -> str:
    return f"{_capital(count_words(Count(messages.people, messages.more), 'person'))}:"


def _decided(visit: Visit, shown: ShownRun, decision: Decision) -> str:
    verb = "released this run" if decision.state == "released" else "decided not to send this run"
    why = f" Why: {sentence(decision.why)}" if decision.why else ""
    said = f"{decision.who} {verb}, {visit.full_moment(decision.at)}.{why}"
    messages, until = shown.messages, decision.at + GRACE
    if decision.state == "released" and messages.messages and visit.now < until:
        return f"{said} Nothing leaves before {visit.moment(until)}: until then it can be undone."
    if decision.state == "released" and messages.messages:
        return f"{said} {_left(messages)}"
    return said


def _left(messages: RunMessages) -> str:
    all_of_them = count_words(Count(messages.messages, messages.more), "message")
    return f"{messages.left:,} of {all_of_them} {'has' if messages.left == 1 else 'have'} left."


def _by_days(visit: Visit, messages: RunMessages) -> tuple[tuple[str, str], ...]:
    buckets = visit.context.policy.bucket
    spans = {
        bucket.name: days_range(bucket.from_days, following.from_days if following else None)
        for bucket, following in zip(buckets, (*buckets[1:], None), strict=True)
    }
    spans[MAY_BE_LATE] = "warned before it was known"
    order = [bucket.name for bucket in reversed(buckets)]
    known = sorted(messages.by_days.items(), key=lambda pair: order.index(pair[0]) if pair[0] in order else -1)
    return tuple((spans.get(name, "Good news").capitalize(), counted(n, "message")) for name, n in known)


def _usual(visit: Visit, shown: ShownRun) -> tuple[str, ...]:
    lines = []
    if shown.usual is not None:
        lines.append(f"{shown.usual:g} orders are told on the median day of the last four weeks.")
    else:
        lines.append("A usual day is not known yet: it takes five days on which somebody was told.")
    if shown.last_like_it is not None:
        run, decision = shown.last_like_it
        verb = "released" if decision.state == "released" else "not sent, decided"
        lines.append(f"The last run that was held: {visit.day(run.as_of)}, {verb} by {decision.who}.")
    else:
        lines.append("No run was held before.")
    return tuple(lines)


def _facts(visit: Visit, run: ListedRun) -> tuple[tuple[str, str], ...]:
    ended = visit.full_moment(run.ended_at) if run.ended_at else "not yet"
    return (
        ("What", FLOW_WORDS.get(run.flow, run.flow)),
        ("For", visit.day(run.as_of)),
        ("Began", visit.full_moment(run.started_at)),
        ("Ended", ended),
        ("Number", run.id[:MASKED_RUN]),
    )


def _sample_title(shown: ShownRun) -> str:
    people = shown.messages.people
    if len(shown.sample.rows) == 1 and not shown.sample.more:
        return "The order"
    if not shown.sample.more and len(shown.sample.rows) >= people:
        return f"All {len(shown.sample.rows)} orders"
    return f"{len(shown.sample.rows)} of the {people:,} people"


def _sample_row(row: SampleOrder) -> SampleRow:
    days = counted(row.days, "day")
    change = CHANGES[ChangeKind(row.change)]
    late = f"{days} late. {change}." if row.days else f"{change}."
    words = f"Read the {channel_word(row.channel)}"
    url = desk_address("messages", row.message_id)
    return SampleRow(order_address(row.order_id), row.order_id, f"{row.customer}: {late}", url, words)


def ask_release(visit: Visit) -> Response:
    """Ask whether a held run may go out."""
    return _ask(visit, ReviewDecision.RELEASE)


def ask_drop(visit: Visit) -> Response:
    """Ask whether a held run is not sent."""
    return _ask(visit, ReviewDecision.DROP)


def _ask(visit: Visit, decision: ReviewDecision, form: Form = NEW) -> Response:
    run_id = _find(visit)
    if not run_id:
        return _unknown(visit)
    with visit.reading() as connection:
        run = load_run(connection, run_id).run
        messages = count_run(connection, run_id, only_held=True)
    if run.state != HELD:
        raise Refused(_faster(visit, run_id), links=((run_address(run_id), "See the run"),))
    number = count_words(Count(messages.messages, messages.more), "message")
    people = count_words(Count(messages.people, messages.more), "person")
    if decision is ReviewDecision.RELEASE:
        heading, button = f"Send {number}?", f"Send {number}"
        texts = _release_texts(visit, messages, people)
        if not messages.messages:
            heading, button = "Use the data as they are?", "Use the data"
    else:
        heading, button = f"Do not send {number}?", f"Do not send {number}"
        verb = "counts" if messages.people == 1 else "count"
        texts = (
            f"{_capital(people)} {verb} as not told. Their orders come up again when a fact changes.",
            "It can be undone until their orders have newer messages.",
        )
        if not messages.messages:
            heading, button = "Leave this run?", "Leave it"
            texts = ("Nothing is sent. The next run looks at the data again.",)
    view = AskView(texts, button, visit.here, run_address(run_id))
    return visit.page("desk/run_ask.html", title=heading, form=form, view=view)


def _release_texts(visit: Visit, messages: RunMessages, people: str) -> tuple[str, ...]:
    if not messages.messages:
        return ("The data count as right from now on, and the next run looks at the orders.",)
    until = visit.now + GRACE
    later = messages.earliest is not None and messages.earliest > until
    when = visit.moment(messages.earliest if later and messages.earliest else until)
    return (
        f"They go to {people}: {messages_words(messages.by_channel)}. The first leaves at {when} or later.",
        f"Until {visit.moment(until)} you can undo it: nothing leaves before.",
    )


def release(visit: Visit, form: Form) -> Response:
    """Release a held run; nothing of it leaves for five minutes."""
    return _decide(visit, form, ReviewDecision.RELEASE)


def drop(visit: Visit, form: Form) -> Response:
    """Decide that a held run is not sent."""
    form.needed("why", "Say why it is not sent: whoever looks at it later reads it.")
    if form.errors:
        return _ask(visit, ReviewDecision.DROP, form)
    return _decide(visit, form, ReviewDecision.DROP)


def _decide(visit: Visit, form: Form, decision: ReviewDecision) -> Response:
    run_id = _find(visit)
    if not run_id:
        return _unknown(visit)
    why, is_release = form.text("why"), decision is ReviewDecision.RELEASE
    try:
        with visit.writing() as connection:
            messages = count_run(connection, run_id, only_held=True)
            grace = GRACE if is_release else timedelta()
            result = review_run(visit.context, connection, run_id, decision, visit.person.name, why, grace=grace)
            entry = record(
                connection,
                **visit.act(form),
                kind=RELEASE if is_release else DROP,
                subject_kind="run",
                subject=run_id,
                what=_said(visit, messages, result.notices, decision),
                why=why,
                before={"state": HELD},
                after={"at": visit.now.isoformat(), "orders": result.orders, "measures": dict(result.measures)},
            )
    except ForewarnError as error:
        with visit.reading() as connection:
            if load_decision(connection, run_id) is None:
                raise Refused(sentence(str(error))) from error
        raise Refused(_faster(visit, run_id), links=((run_address(run_id), "See the run"),)) from error
    return visit.done(run_address(run_id), entry)


def _said(visit: Visit, messages: RunMessages, notices: int, decision: ReviewDecision) -> str:
    number, people = counted(notices, "message"), count_words(Count(messages.people, messages.more), "person")
    if decision is ReviewDecision.DROP:
        return f"decided not to send {number} to {people}" if notices else "left a run that was held for its data"
    if not notices:
        return "accepted the data that a run was held for"
    return f"released {number} to {people}; nothing of it leaves before {visit.moment(visit.now + GRACE)}"


def _faster(visit: Visit, run_id: str) -> str:
    with visit.reading() as connection:
        decision = load_decision(connection, run_id)
    if decision is None:
        return "This run does not wait for a decision any more."
    verb = "released this run" if decision.state == "released" else "decided not to send this run"
    why = f" Why: {sentence(decision.why)}" if decision.why else ""
    return f"{decision.who} {verb} at {visit.moment(decision.at)}.{why}"


def _undo_release(visit: Visit, entry: AuditEntry, form: Form) -> int:
    after = entry.after
    released_at = datetime.fromisoformat(after["at"])

    def work(connection: Connection) -> str:
        held = undo_release(
            visit.context,
            connection,
            entry.subject,
            released_at,
            visit.person.name,
            orders=after["orders"],
            measures=after["measures"],
        )
        return f"undid a release: {counted(held, 'message')} wait again" if held else "undid a release"

    return undo_act(visit, entry, form, work, (ReviewStands,))


def _undo_drop(visit: Visit, entry: AuditEntry, form: Form) -> int:
    dropped_at = datetime.fromisoformat(entry.after["at"])

    def work(connection: Connection) -> str:
        held = undo_drop(visit.context, connection, entry.subject, dropped_at, visit.person.name)
        return f"undid a decision not to send: {counted(held, 'message')} wait again"

    return undo_act(visit, entry, form, work, (ReviewStands,))


def _undo_hold(visit: Visit, entry: AuditEntry, form: Form) -> int:
    def work(connection: Connection) -> str:
        queued = undo_hold(visit.context, connection, entry.subject, visit.person.name)
        return f"let {counted(queued, 'message')} leave that were held"

    return undo_act(visit, entry, form, work, (NotWaiting,))
