"""The acts on an order: each a page below its story."""

from collections.abc import Sequence

from starlette.responses import Response

from models.staff import Right
from rules.contact.masking import mask_address
from tasks.desk.acts.subject import load_act_order
from web.staff.acts.asking import Ask, Did, OrderAct, act_route, ask_page, record_act, unknown
from web.staff.acts.facts import FACT_ACTS
from web.staff.acts.messages import MESSAGE_ACTS
from web.staff.acts.wishes import WISHES
from web.staff.addresses import order_address
from web.staff.desk import Desk, StaffRoute
from web.staff.forms import NEW, Form
from web.staff.visit import Visit

SHOW = "order.show"
ACTS: tuple[OrderAct, ...] = (*FACT_ACTS, *MESSAGE_ACTS, *WISHES)


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the pages of the acts."""
    shown = StaffRoute("/orders/{order}/show", Right.ACT, ask_show, show)
    return [*(act_route(act) for act in ACTS), shown]


def ask_show(visit: Visit) -> Response:
    """Return the page that asks whether to show mail and phone."""
    with visit.reading() as connection:
        order = load_act_order(visit.context, connection, visit.path("order"))
    if order is None:
        return visit.not_found(unknown(visit))
    says = (
        (
            f"The log keeps that you have seen the addresses of one person, {order.name}. "
            "They are on the next page only, and masked again after it."
        ),
    )
    return ask_page(visit, order, Ask("Show mail and phone?", says, button="Show them"), NEW)


def show(visit: Visit, form: Form) -> Response:
    """Record that the addresses are shown, and return the page that shows them."""
    with visit.writing() as connection:
        order = load_act_order(visit.context, connection, visit.path("order"))
        if order is None:
            return visit.not_found(unknown(visit))
        did = Did(f"looked at the mail address and the number of the customer of order {order.id}")
        record_act(visit, connection, SHOW, order, form, did)
    customer = order.customer
    rows = [("Name", customer.name or "-"), ("Mail", customer.email or "none"), ("Phone", customer.phone or "none")]
    return visit.page(
        "desk/shown.html",
        title=f"Mail and phone, order {order.id}",
        heading=f"Mail and phone of order {order.id}",
        rows=rows,
        story=order_address(order.id),
        order_id=order.id,
        masked=mask_address(customer.email) if customer.email else "",
    )
