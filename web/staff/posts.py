"""The calendar of posts: a week by day, what waits for approval, and what customers get on each day."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from starlette.responses import Response

from models.enums import NETWORK_NAMES
from models.quantities import counted
from models.staff import Right
from rules.posts.status import PostStatus, Progress
from tasks.desk.posts import (
    WEEK,
    DayMessages,
    ListedPost,
    customer_messages,
    list_to_approve,
    load_week,
)
from tasks.desk.staff_words import channel_word, days_words
from tasks.posts.compose import iso_week
from web.staff.addresses import desk_address
from web.staff.desk import Desk, StaffRoute
from web.staff.list_parts import listed_words
from web.staff.post_words import ELSEWHERE, Chip, full_moment, network_words, status_chip, title_of
from web.staff.visit import Visit

STATES = (
    ("draft", "Draft"),
    ("waits", "Waits for approval"),
    ("approved", "Approved"),
    ("published", "Published"),
    ("failed", "Failed, or may have failed"),
    ("withdrawn", "Withdrawn"),
)
"""What one may filter by, with its words."""
SOON = f"{desk_address('posts')}#soon"
"""The address of what leaves today and tomorrow."""
NEAR = {timedelta(0): " (today)", timedelta(1): " (tomorrow)"}
GROUPS = {
    Progress.SENDING: "approved",
    Progress.TRIAL: "published",
    Progress.IN_DOUBT: "failed",
    Progress.OUTDATED: "withdrawn",
}
"""The filter of a state that has none of its own."""


@dataclass(frozen=True, slots=True)
class PostRow:
    """A post in the calendar."""

    url: str
    when: str
    machine: str
    title: str
    networks: str
    chip: Chip
    note: str


@dataclass(frozen=True, slots=True)
class PostDay:
    """A day of the calendar."""

    title: str
    short: str
    machine: str
    is_today: bool
    rows: tuple[PostRow, ...]
    customers: str
    """What customers get that day; empty: nothing waits."""


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the calendar of posts."""
    return [StaffRoute("/posts", Right.SEE, show)]


def show(visit: Visit) -> Response:
    """Return a week of posts."""
    monday, problem = _week(visit)
    network = visit.query("network") if visit.query("network") in NETWORK_NAMES else ""
    state = visit.query("state") if visit.query("state") in dict(STATES) else ""
    with visit.reading() as connection:
        listed = load_week(visit.context, connection, monday, network)
        waiting = list_to_approve(connection)
        customers = customer_messages(visit.context, connection, visit.now) if not (network or state) else {}
        is_soon = not (network or state) and iso_week(monday) == iso_week(visit.today)
        tomorrow = visit.today + timedelta(1)
        # On a Sunday tomorrow is in the next week.
        after = load_week(visit.context, connection, monday + WEEK) if is_soon and tomorrow >= monday + WEEK else []
    posts = [post for post in listed if state in ("", group_of(post.status))]
    days = [_day(visit, monday + timedelta(n), posts, customers) for n in range(7)]
    soon = [_day(visit, day, [*posts, *after], customers) for day in (visit.today, tomorrow)] if is_soon else []
    said = {day.machine for day in soon}
    filters = {"network": network, "state": state}
    terms = visit.context.policy.posts
    orders = f"{terms.orders:,} or more orders of a product are {days_words(terms.days)} late or more"
    return visit.page(
        "desk/posts.html",
        title="Posts",
        problem=problem,
        waiting=[_waiting_row(visit, post) for post in waiting],
        soon=soon,
        days=days,
        shown_days=[day for day in days if (day.rows or day.customers) and day.machine not in said],
        has_posts=bool(posts),
        is_filtered=bool(network or state),
        nothing=f"A draft appears when {orders}, or start one.",
        week=f"{visit.day(monday)} to {visit.day(monday + WEEK - timedelta(1))}",
        links=_week_links(visit, monday, filters),
        networks=[("", "All networks"), *((str(key), name) for key, name in NETWORK_NAMES.items())],
        states=[("", "All states"), *STATES],
        chosen=filters,
        week_name=iso_week(monday),
        action=desk_address("posts"),
        write=desk_address("posts", "new") if visit.person.may(Right.PUBLISH) else "",
        queue=desk_address("queue"),
    )


def _week(visit: Visit) -> tuple[date, str]:
    """Return the Monday of the week that the address names, and what is wrong with it."""
    this = visit.today - timedelta(visit.today.weekday())
    name = visit.query("week")
    if not name:
        return this, ""
    match = re.fullmatch(r"(\d{4})-W(\d{2})", name, re.ASCII)
    try:
        return date.fromisocalendar(int(match[1]), int(match[2]), 1) if match else this, "" if match else _no_week(name)
    except ValueError:
        return this, _no_week(name)


def _no_week(name: str) -> str:
    return f"There is no week {name}. This week is shown."


def group_of(status: PostStatus) -> str:
    """Return the filter under which a post is found."""
    return GROUPS.get(status.progress, status.progress)


def _week_links(visit: Visit, monday: date, filters: Mapping[str, str]) -> list[tuple[str, str]]:
    def link(day: date) -> str:
        return desk_address("posts", week=iso_week(day), **filters)

    links = []
    if monday.year > 1:
        links.append((link(monday - WEEK), "Week before"))
    if iso_week(monday) != iso_week(visit.today):
        links.append((desk_address("posts", **filters), "This week"))
    if monday.year < 9999:
        links.append((link(monday + WEEK), "Week after"))
    return links


def _day(visit: Visit, day: date, posts: Sequence[ListedPost], customers: Mapping[date, DayMessages]) -> PostDay:
    own = [post for post in posts if visit.context.day(post.at) == day]
    return PostDay(
        title=f"{visit.day(day)}{NEAR.get(day - visit.today, '')}",
        short=visit.day(day),
        machine=day.isoformat(),
        is_today=day == visit.today,
        rows=tuple(_row(visit, post) for post in own),
        customers=_customer_words(visit, customers[day]) if day in customers else "",
    )


def _customer_words(visit: Visit, messages: DayMessages) -> str:
    numbers = [counted(n, channel_word(channel)) for channel, n in sorted(messages.by_channel.items())]
    verb = "waits" if messages.by_channel.total() == 1 else "wait"
    first = "at once" if messages.first_at is None else f"at {messages.first_at.astimezone(visit.context.zone):%H:%M}"
    return f"{listed_words(numbers)} to customers {verb}; first {first}"


def _row(visit: Visit, post: ListedPost) -> PostRow:
    local = post.at.astimezone(visit.context.zone)
    return PostRow(
        url=desk_address("posts", post.id),
        when=f"{local:%H:%M}" if post.has_hour else "No hour yet",
        machine=post.at.isoformat(),
        title=title_of(post.kind, post.product, post.text),
        networks=network_words(post.networks),
        chip=status_chip(visit, post.status, post.at, post.kind),
        note=ELSEWHERE if post.status.networks and post.status.is_elsewhere else "",
    )


def _waiting_row(visit: Visit, post: ListedPost) -> PostRow:
    row = _row(visit, post)
    when = full_moment(visit, post.at) if post.has_hour else "as soon as it is approved"
    note = f"For {row.networks or 'no network yet'}, {when}. By {post.author}."
    return PostRow(row.url, row.when, row.machine, row.title, row.networks, row.chip, note)
