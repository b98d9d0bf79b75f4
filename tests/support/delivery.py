"""Deliver on all channels as a deliver run does, and mark messages as sending as a worker that then dies."""

from sqlalchemy import select

from tasks.delivery.queue import due_filter, mark_sending
from tasks.delivery.summary import DeliverySummary
from tasks.delivery.worker import deliver_channel
from tasks.tables import NOTICES, OUTBOX, POST_MESSAGES, PURCHASE_REQUESTS


async def deliver_all(context, worker, summary=None):
    """Send on each channel until nothing more may leave; return the counts."""
    done, more = summary or DeliverySummary(), True
    while more:
        more = False
        for channel in worker.transports:
            if channel not in done.down and (sent := await deliver_channel(context, worker, channel)):
                done.add(sent)
                more = True
    return done


def mark_due(connection, holder, now, channels, limit=50):
    """Mark due messages as sending, as a turn does; return their ids."""
    due = select(OUTBOX.c.id).where(due_filter(channels)).order_by(OUTBOX.c.not_before, OUTBOX.c.id).limit(limit)
    ids = list(connection.execute(due.with_for_update(skip_locked=True), {"now": now}).scalars())
    mark_sending(connection, holder, ids, now)
    return ids


def rows_of(table):
    """Return the SELECT of a table; a message comes with where it stands."""
    if table not in (NOTICES, POST_MESSAGES, PURCHASE_REQUESTS):
        return select(table)
    state = [column for column in OUTBOX.c if column.name not in table.c]
    return select(table, *state).join(OUTBOX, OUTBOX.c.id == table.c.id)
