"""The ledger as the JSON API uses it: the context of a request, and what each error of a choice means over HTTP."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from models.customers import OrderPage
from models.errors import ForewarnError
from tasks.context import Context
from tasks.customers.choice_errors import ChoiceConflict, ChoiceNotPossible, TooLate
from tasks.customers.order_page import load_order_page
from tasks.db.sql import read_only
from web.api.problems import conflict, no_order, refuse
from web.api.views import choice_view, order_view

WHO = "api"
"""Who a change through the API is recorded for: the shop's own systems."""


class Ledger:
    """One shop's ledger; `clock` returns the current moment."""

    def __init__(self, context: Context, clock: Callable[[], datetime]) -> None:
        self._context, self._clock = context, clock

    def now(self) -> Context:
        """Return the context of this moment."""
        now = self._clock()
        return self._context.with_run("", now.astimezone(self._context.zone).date(), now)

    def page(self, order_id: str) -> OrderPage:
        """Return an order as it is now; raises ApiProblem where it is unknown."""
        context = self.now()
        with read_only(context.engine) as connection:
            try:
                return load_order_page(context, connection, order_id, context.as_of, context.started_at)
            except ForewarnError:
                raise no_order(order_id) from None

    @contextmanager
    def choosing(self, order_id: str) -> Iterator[None]:
        """Translate the errors of a choice to ApiProblem, with the order as it is now."""
        try:
            yield
        except ChoiceConflict as error:
            standing = choice_view(error.standing)
            raise conflict(409, str(error), order_view(self.page(order_id)), standing) from error
        except ChoiceNotPossible as error:
            status = 410 if isinstance(error, TooLate) else 409
            raise conflict(status, str(error), order_view(error.page)) from error
        except ForewarnError as error:
            raise refuse(404, str(error)) from error
