"""The endpoints about one order: see it, choose, undo a choice, make and revoke its links."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from models.customers import Act
from models.errors import ForewarnError
from tasks.customers.links import create_link, customer_of, revoke_links
from tasks.customers.record_choice import ChoiceRequest, record_choice
from tasks.customers.undo import undo_choice
from web.api.inputs import Id, NewChoice, Number
from web.api.ledger import WHO, Ledger
from web.api.problems import conflict, no_order, refuse
from web.api.schemas import ChoiceView, Conflict, LinkView, OrderView, Problem, RevokedView
from web.api.views import choice_view, order_view

KEY_PATTERN = r"^[!-~]{1,200}$"
IdempotencyKey = Annotated[
    str,
    Header(pattern=KEY_PATTERN, description="the form's own id: a repetition with the same one is the same choice"),
]
Responses = dict[int | str, dict[str, Any]]
REFUSALS: Responses = {
    400: {"model": Problem, "description": "the body cannot be read"},
    401: {"model": Problem, "description": "the key is missing or wrong"},
    413: {"model": Problem, "description": "the body is too long"},
    422: {"model": Problem, "description": "the request is malformed"},
    503: {"model": Problem, "description": "the ledger is away"},
}
UNKNOWN: Responses = {404: {"model": Problem, "description": "unknown"}}
NOT_RECORDED: Responses = {
    409: {"model": Conflict, "description": "another choice was faster, what was stated has changed, or not offered"},
    410: {"model": Conflict, "description": "too late"},
}


class Orders:
    """The endpoints over one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def add_to(self, router: APIRouter) -> None:
        """Add the endpoints to a router."""
        router.get("/orders/{order_id}", responses=UNKNOWN)(self.show)
        choose = "/orders/{order_id}/choices"
        repeated: Responses = {200: {"model": ChoiceView, "description": "the same request again: recorded before"}}
        router.post(choose, status_code=201, responses=UNKNOWN | NOT_RECORDED | repeated)(self.choose)
        late: Responses = {410: NOT_RECORDED[410]}
        router.post(f"{choose}/{{number}}/undo", responses=UNKNOWN | late)(self.undo)
        no_pages: Responses = {409: {"model": Problem, "description": "the shop has no order pages here"}}
        router.post("/orders/{order_id}/links", status_code=201, responses=UNKNOWN | no_pages)(self.make_link)
        router.delete("/orders/{order_id}/links", responses=UNKNOWN)(self.revoke_links)

    # Plain functions: the server runs them in threads, so that a query does not block other requests.
    def show(self, order_id: Id) -> OrderView:
        """Return an order as its customer may see it, and what they may choose now."""
        return order_view(self._ledger.page(order_id))

    def choose(
        self, order_id: Id, choice: NewChoice, idempotency_key: IdempotencyKey, response: Response
    ) -> ChoiceView:
        """Record a choice once for each Idempotency-Key, if the order is as the customer was shown it."""
        context = self._ledger.now()
        request = ChoiceRequest(
            order_id,
            Act(choice.act),
            _form_id(order_id, idempotency_key),
            choice.version,
            option=choice.option,
            made_by=choice.made_by,
            stated=choice.stated,
        )
        with self._ledger.choosing(order_id):
            made = record_choice(context, request, context.started_at)
        if made.act is not request.act:
            error = f"this Idempotency-Key belongs to another choice, {made.id}; send a new one"
            raise conflict(409, error, order_view(self._ledger.page(order_id)), choice_view(made))
        if made.made_at != context.started_at:
            response.status_code = 200
        return choice_view(made)

    def undo(self, order_id: Id, number: Number) -> ChoiceView:
        """Take a choice back, until `undo_until`; one that is taken back already stays so."""
        context = self._ledger.now()
        with self._ledger.choosing(order_id):
            return choice_view(undo_choice(context, order_id, number, context.started_at, WHO))

    def make_link(self, order_id: Id) -> LinkView:
        """Make a link to the order's page. Whoever has its address can choose; it is returned only now."""
        context = self._ledger.now()
        if context.shop.order_pages is None:
            raise refuse(409, "this shop has no order pages: shop.toml has no [order_pages]")
        try:
            link = create_link(context, order_id)
        except ForewarnError:
            raise no_order(order_id) from None
        return LinkView(id=link.id, url=link.url, expires_at=link.expires_at)

    def revoke_links(self, order_id: Id) -> RevokedView:
        """Revoke all links of the order; they open nothing from now on."""
        context = self._ledger.now()
        with context.engine.begin() as connection:
            try:
                customer_of(connection, order_id)
            except ForewarnError:
                raise no_order(order_id) from None
            return RevokedView(revoked=revoke_links(connection, [order_id], context.started_at, WHO))


def _form_id(order_id: str, key: str) -> str:
    """Return the id of a form: keys of different orders are different, and none is that of a page's form."""
    digest = hashlib.sha256(json.dumps([order_id, key]).encode()).hexdigest()
    return f"api-{digest[:40]}"
