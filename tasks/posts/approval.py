"""Decide about posts: ask for approval, approve, send back, withdraw, and try a network again that failed.

Approving puts a post into the outbox, one message for each network, for the hour at which it is to be published.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, select, update

from models.enums import Channel, PostState, SkipReason, State
from models.errors import ForewarnError
from models.posts import Writer
from rules.ids import post_message_id
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.outbox import (
    CLEAR_LEASE,
    QUEUED_FILTER,
    UNSENT_FILTER,
    insert_messages,
    outbox_row,
    queue_messages,
    skip_messages,
)
from tasks.db.restored import put_in_doubt, restored_from
from tasks.db.settled_counts import uncount_settled
from tasks.db.sql import in_list, insert
from tasks.posts.checks import PostProblems, checked_post, find_problems
from tasks.posts.rows import PostChanged, change_post, lock_post
from tasks.tables import OUTBOX, POST_MESSAGES

TRIED_AGAIN = "{who} tries it again: it is looked first whether it is there"


class OwnApproval(ForewarnError):
    """Raised where the policy asks for a second person, and the author approves."""


def ask_for_approval(
    context: Context, connection: Connection, post_id: str, writer: Writer, version: int | None = None
) -> None:
    """Let a draft wait for approval, its text fixed; raises PostProblems for one that must not be published so."""
    row = lock_post(connection, post_id, PostState.DRAFT, version=version)
    _check(context, connection, row)
    change_post(context, connection, row, state=PostState.WAITS, note="")
    record_events(connection, [("asked", post_id, "")], context.started_at, writer.name)


def _check(context: Context, connection: Connection, row: Row[Any]) -> None:
    if problems := [one for one in find_problems(context, connection, checked_post(row)) if one.blocks]:
        raise PostProblems(problems)


def is_own(author: str, author_id: str | None, writer: Writer) -> bool:
    """Return whether a person wrote or last changed a post."""
    if author_id and writer.person_id:
        return author_id == writer.person_id
    return author.casefold().strip() == writer.name.casefold().strip()


def approve_post(
    context: Context, connection: Connection, post_id: str, writer: Writer, version: int | None = None
) -> datetime:
    """Approve a post that waits; return when it is published.

    Raises OwnApproval, PostProblems and PostChanged.
    """
    row = lock_post(connection, post_id, PostState.WAITS, version=version)
    if context.policy.posts.second_person and is_own(row.author, row.author_id, writer):
        raise OwnApproval("the policy asks for a second person: whoever wrote or changed a post does not approve it")
    _check(context, connection, row)
    now = context.started_at
    due = max(row.publish_at or now, now)
    _queue(context, connection, row, due, writer.name)
    decided = {"approver": writer.name, "decided_at": now, "note": ""}
    change_post(context, connection, row, **decided, state=PostState.APPROVED, calendar_at=due)
    record_events(connection, [("approved", post_id, "")], now, writer.name)
    return due


def _queue(context: Context, connection: Connection, row: Row[Any], due: datetime, who: str) -> None:
    """Put the post into the outbox for each network that does not have it."""
    known = {one.network: one for one in connection.execute(_messages_of(row.id))}
    new, now = [], context.started_at
    for network in row.networks:
        text = row.texts.get(network) or row.text
        if network not in known:
            key = post_message_id(row.id, Channel(network))
            new.append({"id": key, "post_id": row.id, "network": network, "text": text})
        elif known[network].state == State.SKIPPED:
            own = OUTBOX.c.id == known[network].id
            uncount_settled(connection, own)
            queue_messages(connection, own, now, reason=None, not_before=due)
            connection.execute(update(POST_MESSAGES).where(POST_MESSAGES.c.id == known[network].id).values(text=text))
    if new:
        connection.execute(insert(connection, POST_MESSAGES), new)
        insert_messages(
            connection, [outbox_row(one["id"], one["network"], State.QUEUED, now, not_before=due) for one in new]
        )
    _ask_first(context, connection, row.id, who)


def _messages_of(post_id: str) -> Any:
    columns = (POST_MESSAGES.c.id, POST_MESSAGES.c.network, OUTBOX.c.state)
    joined = POST_MESSAGES.join(OUTBOX, OUTBOX.c.id == POST_MESSAGES.c.id)
    return select(*columns).select_from(joined).where(POST_MESSAGES.c.post_id == post_id)


def _own(connection: Connection, post_id: str) -> ColumnElement[bool]:
    ids = connection.execute(select(POST_MESSAGES.c.id).where(POST_MESSAGES.c.post_id == post_id)).scalars()
    return in_list(connection, OUTBOX.c.id, list(ids))


def _ask_first(context: Context, connection: Connection, post_id: str, who: str) -> None:
    """Put its messages in doubt while the records are those of a backup: after it, they may have left."""
    taken_at = restored_from(connection)
    if taken_at is not None:
        mine = and_(_own(connection, post_id), QUEUED_FILTER)
        put_in_doubt(connection, mine, taken_at, context.started_at, who)


def send_back(
    context: Context, connection: Connection, post_id: str, writer: Writer, note: str, version: int | None = None
) -> None:
    """Make a post that waits a draft again, with a note for its author."""
    row = lock_post(connection, post_id, PostState.WAITS, version=version)
    change_post(context, connection, row, state=PostState.DRAFT, note=note)
    record_events(connection, [("sent_back", post_id, note)], context.started_at, writer.name)


def withdraw_post(
    context: Context, connection: Connection, post_id: str, writer: Writer, why: str = "", version: int | None = None
) -> PostState:
    """Withdraw a post; return the state it had. What has left on a network stays there, and the rest does not leave.

    Raises PostChanged where all of it has left.
    """
    row = lock_post(connection, post_id, PostState.DRAFT, PostState.WAITS, PostState.APPROVED, version=version)
    now, before = context.started_at, PostState(row.state)
    if before is PostState.APPROVED:
        waiting = and_(_own(connection, post_id), UNSENT_FILTER)
        if not skip_messages(connection, waiting, SkipReason.DROPPED, now):
            raise PostChanged(_why_too_late({one.state for one in connection.execute(_messages_of(post_id))}))
    stays = any(one.state != State.SKIPPED for one in connection.execute(_messages_of(post_id)))
    state = PostState.APPROVED if stays else PostState.WITHDRAWN
    change_post(context, connection, row, state=state, decided_at=now, note=why)
    record_events(connection, [("turned_down", post_id, why)], now, writer.name)
    return before


def _why_too_late(states: Collection[State]) -> str:
    if State.IN_DOUBT in states:
        return "it may be there already, and nobody knows yet: find that out first, under In doubt"
    if State.SENDING in states:
        return "it is being published at this moment: see in a minute what became of it"
    return "it has left already"


def restore_post(
    context: Context, connection: Connection, post_id: str, writer: Writer, before: PostState, withdrawn_at: datetime
) -> None:
    """Undo a withdrawal; raises PostChanged where somebody decided about the post since."""
    row = lock_post(connection, post_id, PostState.WITHDRAWN, PostState.APPROVED)
    if row.decided_at != withdrawn_at:
        raise PostChanged("somebody has decided about it since")
    now = context.started_at
    if before is PostState.APPROVED:
        withdrawn = and_(
            _own(connection, post_id),
            OUTBOX.c.state == State.SKIPPED,
            OUTBOX.c.reason == SkipReason.DROPPED,
            # Also what was on its way then, and came back.
            OUTBOX.c.settled_at >= withdrawn_at,
        )
        uncount_settled(connection, withdrawn)
        queue_messages(connection, withdrawn, now, reason=None)
        _ask_first(context, connection, post_id, writer.name)
    change_post(context, connection, row, state=before, note="")
    record_events(connection, [("restored", post_id, "")], now, writer.name)


def reopen_post(
    context: Context, connection: Connection, post_id: str, writer: Writer, version: int | None = None
) -> None:
    """Make an approved or withdrawn post a draft again, out of the outbox; raises PostChanged where any of it left."""
    row = lock_post(connection, post_id, PostState.APPROVED, PostState.WITHDRAWN, version=version)
    ids: Sequence[str] = [one.id for one in connection.execute(_messages_of(post_id))]
    never_left = and_(
        in_list(connection, OUTBOX.c.id, ids),
        OUTBOX.c.state.in_((State.QUEUED, State.SKIPPED)),
        OUTBOX.c.sending_at.is_(None),
    )
    uncount_settled(connection, never_left)
    if connection.execute(delete(OUTBOX).where(never_left)).rowcount != len(ids):
        raise PostChanged("a part of it has left already, or was tried")
    connection.execute(delete(POST_MESSAGES).where(POST_MESSAGES.c.post_id == post_id))
    undecided = {"approver": "", "decided_at": None, "note": ""}
    calendar_at = row.publish_at or row.created_at
    change_post(context, connection, row, **undecided, state=PostState.DRAFT, calendar_at=calendar_at)
    record_events(connection, [("reopened", post_id, "")], context.started_at, writer.name)


def try_again(context: Context, connection: Connection, post_id: str, network: str, writer: Writer) -> None:
    """Try a network again that refused a post: the provider's records are asked first whether it is there.

    Raises PostChanged where it did not fail there.
    """
    lock_post(connection, post_id, PostState.APPROVED)
    failed = and_(
        OUTBOX.c.id == post_message_id_of(connection, post_id, network),
        OUTBOX.c.state.in_((State.REJECTED, State.BOUNCED)),
    )
    uncount_settled(connection, failed)
    reason = TRIED_AGAIN.format(who=writer.name)
    doubtful = {"state": State.IN_DOUBT, "reason": reason, "settled_at": None, "awaits_fallback": False}
    again = update(OUTBOX).where(failed, OUTBOX.c.sending_at.is_not(None)).values(**CLEAR_LEASE, **doubtful)
    ids = list(connection.execute(again.returning(OUTBOX.c.id)).scalars())
    if not ids:
        raise PostChanged("it did not fail there, or somebody tries it again already")
    record_events(connection, [("tried_again", key, reason) for key in ids], context.started_at, writer.name)


def post_message_id_of(connection: Connection, post_id: str, network: str) -> str:
    """Return the id of a post's message to a network; raises PostChanged where it has none."""
    query = select(POST_MESSAGES.c.id).where(POST_MESSAGES.c.post_id == post_id, POST_MESSAGES.c.network == network)
    found = connection.execute(query).scalar()
    if found is None:
        raise PostChanged("it is not for this network")
    return str(found)
