"""List choices: what waits for the shop, and what was chosen in all."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, and_, or_

from models.customers import Choice, ChoiceState
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.orders.choices import choice_from_row, select_choices
from tasks.tables import CUSTOMER_CHOICES

PAGE = 500
Place = tuple[datetime, str]
"""When a choice was made, and its id: the order in which choices are listed."""


def place_of(choice: Choice) -> Place:
    """Return where a choice stands in the list."""
    return choice.made_at, choice.id


def list_choices(
    connection: Connection,
    state: ChoiceState | None,
    most: int,
    *,
    after: Place | None = None,
    order: str | None = None,
) -> list[Choice]:
    """Return choices, the oldest first, from the one behind `after` on; None as `state`: in any state."""
    made_at, key = CUSTOMER_CHOICES.c.made_at, CUSTOMER_CHOICES.c.id
    query = select_choices().order_by(made_at, key).limit(most)
    if state is not None:
        query = query.where(CUSTOMER_CHOICES.c.state == state)
    if order is not None:
        query = query.where(CUSTOMER_CHOICES.c.order_id == order)
    if after is not None:
        query = query.where(or_(made_at > after[0], and_(made_at == after[0], key > after[1])))
    return list(map(choice_from_row, connection.execute(query)))


def each_choice(context: Context, state: ChoiceState | None, since: datetime | None = None) -> Iterator[Choice]:
    """Yield all choices in a state, the oldest first; with `since`, those made from that moment on."""
    after = None if since is None else (since, "")
    with read_only(context.engine) as connection:
        while page := list_choices(connection, state, PAGE, after=after):
            yield from page
            after = place_of(page[-1])


def find_choice(connection: Connection, choice_id: str) -> Choice | None:
    """Return a choice by its reference, as 1041-C1; None where there is none."""
    row = connection.execute(select_choices().where(CUSTOMER_CHOICES.c.id == choice_id)).first()
    return None if row is None else choice_from_row(row)
