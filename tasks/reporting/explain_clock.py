"""Where each line of an order stands by the law of its country, with its history, as plain data."""

from typing import Any

from sqlalchemy import Connection

from tasks.context import Context
from tasks.promise_clock.facts import load_line_clocks
from tasks.promise_clock.timeline import line_timeline


def explain_clock(context: Context, connection: Connection, order: str) -> list[dict[str, Any]]:
    """Return the standing and the timeline of an order's lines on the context's day."""
    clocks = load_line_clocks(context, connection, [order], context.as_of).get(order, ())
    return [
        {
            "line": clock.line.number,
            "country": clock.country,
            "due_on": clock.due_on,
            "state": str(clock.standing.state),
            "duty": str(clock.standing.duty),
            "deadline": clock.standing.deadline,
            "timeline": [{"on": one.on, "what": one.what} for one in line_timeline(clock, context.as_of)],
        }
        for clock in clocks
    ]
