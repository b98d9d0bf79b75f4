"""The endpoints about what the shop has to do: list choices, and mark them done or refused."""

from typing import Annotated

from fastapi import APIRouter, Query

from models.customers import ChoiceState
from models.errors import ForewarnError
from tasks.customers.choice_list import find_choice, list_choices, place_of
from tasks.customers.choice_tasks import close_choice
from tasks.db.sql import read_only
from web.api.cursors import MAX_CURSOR_CHARS, read_cursor, write_cursor
from web.api.inputs import Closing, Id
from web.api.ledger import WHO, Ledger
from web.api.orders import UNKNOWN, Responses
from web.api.problems import refuse
from web.api.schemas import ChoiceList, ChoiceView, Problem
from web.api.views import choice_view

MAX_PAGE = 200
State = Annotated[ChoiceState, Query(description="only choices in this state")]
After = Annotated[
    str, Query(max_length=MAX_CURSOR_CHARS, pattern="^[A-Za-z0-9_-]*$", description="`next` of the page before")
]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="how many on a page")]


class Choices:
    """The endpoints over one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def add_to(self, router: APIRouter) -> None:
        """Add the endpoints to a router."""
        router.get("/choices")(self.list)
        other: Responses = {409: {"model": Problem, "description": "it is in another state"}}
        router.post("/choices/{choice_id}/done", responses=UNKNOWN | other)(self.done)
        router.post("/choices/{choice_id}/refused", responses=UNKNOWN | other)(self.refused)

    def list(self, state: State = ChoiceState.REQUESTED, after: After = "", limit: Limit = 50) -> ChoiceList:
        """Return choices, the oldest first; by default those that the shop still has to act on."""
        try:
            place = read_cursor(after) if after else None
        except ValueError:
            raise refuse(422, "after: it is no place in this list; send `next` of the page before") from None
        with read_only(self._ledger.now().engine) as connection:
            found = list_choices(connection, state, limit + 1, after=place)
        page = found[:limit]
        following = write_cursor(place_of(page[-1])) if len(found) > limit else None
        return ChoiceList(choices=[choice_view(choice) for choice in page], next=following)

    def done(self, choice_id: Id, closing: Closing | None = None) -> ChoiceView:
        """Mark a choice as done by the shop; one that is done already stays so."""
        return self._close(choice_id, ChoiceState.DONE, closing)

    def refused(self, choice_id: Id, closing: Closing | None = None) -> ChoiceView:
        """Mark a choice as one that the shop could not do; its lines are owed again, and the customer is told."""
        return self._close(choice_id, ChoiceState.REFUSED, closing)

    def _close(self, choice_id: str, state: ChoiceState, closing: Closing | None) -> ChoiceView:
        context = self._ledger.now()
        with read_only(context.engine) as connection:
            if find_choice(connection, choice_id) is None:
                raise refuse(404, f"no choice {choice_id!r} is known; GET /choices lists them")
        why = closing.why if closing else ""
        try:
            return choice_view(close_choice(context, choice_id, state, WHO, why, context.started_at))
        except ForewarnError as error:
            raise refuse(409, str(error)) from error
