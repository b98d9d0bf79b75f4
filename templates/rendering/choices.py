"""Fill the addresses of what a customer may choose on the order page."""

from models.config.shop import ShopConfig
from models.customers import Act
from models.decisions import Plan
from templates.rendering.view_models import ChoicesView


def choices_view(plan: Plan, shop: ShopConfig, order_url: str) -> ChoicesView | None:
    """Return the pages on which a customer confirms a choice; None where Forewarn shows no order pages, or no choice.

    A message names only what fits it: the page itself lists all that is possible when it is opened.
    """
    if shop.order_pages is None:
        return None
    fits = {
        Act.WAIT: plan.delay.likely is None,  # there is no date yet to which a customer could agree
        Act.SHIP: _is_partly_ready(plan),
        Act.SWAP: bool(plan.substitutes) and plan.show_offer,
        Act.CANCEL: True,
        Act.OFFER: plan.discount is not None,
        Act.WITHDRAW: False,
    }
    named = {act: f"{order_url}/{act}" for act in shop.order_pages.choices if fits[act]}
    return ChoicesView(**{act.value: named.get(act) for act in Act if act is not Act.WITHDRAW}) if named else None


def _is_partly_ready(plan: Plan) -> bool:
    """Return whether goods in stock wait for the rest of the order; one that comes in parcels sends them anyway."""
    lines = [*(late.line for late in plan.delay.late), *plan.delay.on_time]
    in_stock = [line.in_stock for line in lines]
    return not plan.parcels and any(in_stock) and not all(in_stock)
