"""What stands beside a post: why there is one, what was checked, how it stands on each network, its history."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.enums import NETWORKS, Channel, PostKind, SkipReason, State
from models.quantities import counted
from rules.posts.status import Progress
from tasks.desk.posts import PostDetail, PostedMessage, PostEvent
from tasks.posts.checks import Check, Problem
from tasks.staff.audit import MACHINE
from web.staff.addresses import desk_address
from web.staff.list_parts import sentence
from web.staff.post_words import ELSEWHERE, Chip, full_moment, network_name, status_chip
from web.staff.visit import Visit

FINE = {
    Check.PRIVATE: "No customer's name, address, number or order",
    Check.WORDS: "No forbidden word",
    Check.TRUE: "What it says of its product is so",
    Check.LENGTH: "It fits on each network",
}
"""What is said where a check finds nothing."""
SENT_CHIPS: dict[State, Chip] = {
    State.QUEUED: ("calm", "Waits for its hour"),
    State.HELD: ("bad", "Held"),
    State.SENDING: ("calm", "Being published"),
    State.SENT: ("good", "Published"),
    State.DELIVERED: ("good", "Published"),
    State.REJECTED: ("bad", "Failed"),
    State.BOUNCED: ("bad", "Failed"),
    State.IN_DOUBT: ("wait", "May or may not be there"),
    State.SKIPPED: ("calm", "Withdrawn"),
}
SKIPPED = {
    SkipReason.CHANGED: "It was withdrawn as it was to be published: what it says was not so any more.",
    SkipReason.TOO_OLD: "It was withdrawn: it could not be published for too long after its hour.",
    SkipReason.DROPPED: "It was withdrawn before it left.",
}
BLUESKY_POST = re.compile(r"at://(did:[a-z]+:[\w.:%-]+)/app\.bsky\.feed\.post/([\w.~:-]+)", re.ASCII)
EVENTS = {
    "drafted": "drafted it",
    "written": "wrote it",
    "edited": "changed it",
    "scheduled": "set its hour",
    "asked": "asked for approval",
    "approved": "approved it",
    "sent_back": "sent it back",
    "turned_down": "withdrew it",
    "restored": "undid the withdrawal",
    "reopened": "made it a draft again",
    "tried_again": "tries it again",
    "settled_sent": "found it there",
    "settled_not_sent": "found that it is not there",
    "published": "published it",
    "skipped": "withdrew it",
    "rejected": "was refused",
    "in_doubt": "does not know whether it is there",
    "for_people": "could not find out whether it is there",
    "queued": "tries again later",
}
"""What happened to a post, after who did it."""


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A check with its result."""

    shape: str
    text: str


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """A post on one network."""

    name: str
    chip: Chip
    when: str
    machine: str
    text: str
    """What the network said, or why it did not leave."""
    link: str
    """Where the post is; empty: its network says no address."""
    again: str
    """The address of "Try again"; empty: it did not fail."""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """Something that happened to a post."""

    when: str
    machine: str
    text: str


@dataclass(frozen=True, slots=True)
class Around:
    """What stands beside a post."""

    chip: Chip
    elsewhere: str
    why: str
    note: str
    checks: tuple[CheckRow, ...]
    networks: tuple[NetworkRow, ...]
    history: tuple[HistoryRow, ...]


def around_post(visit: Visit, post: PostDetail, problems: Sequence[Problem]) -> Around:
    """Return what stands beside a post."""
    return Around(
        chip=status_chip(visit, post.status, post.at, post.checked.kind),
        elsewhere=ELSEWHERE if post.status.networks and post.status.is_elsewhere else "",
        why=_why(visit, post),
        note=_note(post),
        checks=tuple(_checks(post, problems)),
        networks=tuple(_network(visit, post, one) for one in sorted(post.messages, key=_place)),
        history=tuple(_history(visit, event) for event in post.history),
    )


def _why(visit: Visit, post: PostDetail) -> str:
    """Return why there is this post, in a sentence."""
    checked = post.checked
    if checked.week is None:
        return f"{post.author} wrote it." if post.author else "A person wrote it."
    waits = counted(post.orders, "order")
    if checked.kind == PostKind.LATE:
        day = f"expected {visit.day(checked.expected_on)}" if checked.expected_on else "no date is known"
        return f"Forewarn drafted it: {waits} late, {day}."
    if checked.kind == PostKind.BACK:
        return f"Forewarn drafted it: {waits} waited for it, and it is in stock again."
    return f"Forewarn drafted it: it sells, and {checked.left:g} {'is' if checked.left == 1 else 'are'} left."


def _note(post: PostDetail) -> str:
    if not post.note or post.status.progress not in (Progress.DRAFT, Progress.WITHDRAWN):
        return ""
    what = "Sent back" if post.status.progress is Progress.DRAFT else "Withdrawn"
    return f"{what}: {sentence(post.note)}"


def _checks(post: PostDetail, problems: Sequence[Problem]) -> Sequence[CheckRow]:
    found = {problem.check for problem in problems}
    if post.product is None or post.checked.kind == PostKind.OWN:
        found.add(Check.TRUE)
    wrong = [CheckRow("bad" if problem.blocks else "wait", problem.text) for problem in problems]
    return [*wrong, *(CheckRow("good", text) for check, text in FINE.items() if check not in found)]


def _place(one: PostedMessage) -> int:
    return NETWORKS.index(Channel(one.network))


def _network(visit: Visit, post: PostDetail, one: PostedMessage) -> NetworkRow:
    chip = ("calm", "Trial: kept here, not published") if one.trial else SENT_CHIPS[one.state]
    failed = one.state in (State.REJECTED, State.BOUNCED)
    return NetworkRow(
        name=network_name(one.network),
        chip=chip,
        when=full_moment(visit, one.at),
        machine=one.at.isoformat(),
        text="" if post_link(one) else _said(one),
        link=post_link(one),
        again=desk_address("posts", post.id, "again", one.network) if failed else "",
    )


def post_link(one: PostedMessage) -> str:
    """Return the address of a post on its network; empty where it is not there, or none is known."""
    if one.trial or not one.reference or one.state not in (State.SENT, State.DELIVERED):
        return ""
    if found := BLUESKY_POST.fullmatch(one.reference):
        return f"https://bsky.app/profile/{found[1]}/post/{found[2]}"
    if one.network == Channel.X and one.reference.isdecimal():
        return f"https://x.com/i/web/status/{one.reference}"
    if one.network == Channel.LINKEDIN and one.reference.startswith("urn:li:"):
        return f"https://www.linkedin.com/feed/update/{one.reference}/"
    return ""


def _said(one: PostedMessage) -> str:
    if one.state is State.SKIPPED:
        known = next((text for reason, text in SKIPPED.items() if reason == one.reason), "")
        return known or sentence(one.reason)
    if one.state in (State.SENT, State.DELIVERED):
        return f"Its number there is {one.reference}." if one.reference and not one.trial else ""
    return sentence(one.reason)


def _history(visit: Visit, event: PostEvent) -> HistoryRow:
    # A delivery records under the name of its process.
    is_machine = not event.who or "/" in event.who
    where = f" on {network_name(event.network)}" if event.network else ""
    what = EVENTS.get(event.kind, event.kind.replace("_", " "))
    if event.kind == "rejected":
        text = f"It {what}{where}"
    else:
        text = f"{MACHINE if is_machine else event.who} {what}{where}"
    known = next((words for reason, words in SKIPPED.items() if reason == event.why), "")
    why = known or (sentence(event.why) if event.why and event.kind != "tried_again" else "")
    return HistoryRow(visit.full_moment(event.at), event.at.isoformat(), f"{text}. {why}".strip())
