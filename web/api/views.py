"""Turn an order page and a choice into what the JSON API returns."""

from models.customers import Act, Choice, DelayReason, OpenChoices, OrderPage, PageItem, PageParcel
from models.orders import ProductFacts, Shipment
from models.quantities import plain
from rules.customers.choice_fields import amount_text, choice_fields
from rules.customers.statements import statement_digest
from web.api.schemas import (
    CancelView,
    ChoiceView,
    ItemView,
    MessageView,
    OfferOption,
    OpenView,
    OrderView,
    ParcelView,
    ProductView,
    ReasonView,
    ShipmentView,
    ShipOption,
    SwapView,
    WaitOption,
    WithdrawView,
)


def order_view(page: OrderPage) -> OrderView:
    """Return an order."""
    return OrderView(
        id=page.order_id,
        version=page.version,
        placed_on=page.placed_on,
        language=page.locale,
        currency=page.currency,
        headline=page.headline,
        promised_on=page.promised_on,
        expected_on=page.expected_on,
        earliest_on=page.earliest_on,
        latest_on=page.latest_on,
        days_late=page.days_late,
        reason=_reason(page.reason),
        parcels=[_parcel(parcel) for parcel in page.parcels],
        messages=[MessageView(id=sent.id, channel=sent.channel, sent_at=sent.at) for sent in page.messages],
        choices=[choice_view(choice) for choice in page.choices],
        open=_open(page, page.open),
    )


def choice_view(choice: Choice) -> ChoiceView:
    """Return a choice."""
    code = choice.discount.code if choice.discount else None
    return ChoiceView.model_validate(choice_fields(choice) | {"code": code})


def _parcel(parcel: PageParcel) -> ParcelView:
    return ParcelView(
        leaves_on=parcel.leaves_on,
        items=[_item(item) for item in parcel.items],
        shipments=[_shipment(shipment) for shipment in parcel.shipments],
    )


def _shipment(shipment: Shipment) -> ShipmentView:
    names = ("id", "carrier", "tracking_number", "tracking_url", "shipped_on", "delivered_on")
    return ShipmentView(**{name: getattr(shipment, name) for name in names})


def _item(item: PageItem) -> ItemView:
    return ItemView(
        line=item.number,
        product=_product(item.product),
        quantity=plain(item.quantity),
        promise="ship" if item.ships else "deliver",
        promised_on=item.promised_on,
        expected_on=item.expected_on,
        earliest_on=item.earliest_on,
        latest_on=item.latest_on,
        days_late=item.days_late,
        status=item.status,
        reason=_reason(item.reason),
        price=amount_text(item.price),
    )


def _product(product: ProductFacts) -> ProductView:
    names = ("id", "name", "category", "url", "image")
    return ProductView(**{name: getattr(product, name) for name in names})


def _reason(reason: DelayReason | None) -> ReasonView | None:
    return None if reason is None else ReasonView(code=reason.code, texts=reason.texts)


def _open(page: OrderPage, choices: OpenChoices) -> OpenView:
    wait, ship = statement_digest(page, Act.WAIT), statement_digest(page, Act.SHIP)
    return OpenView(
        acts=list(choices.acts),
        too_late=choices.too_late,
        wait=WaitOption(option="", stated=wait, until=choices.wait_until) if choices.may_wait else None,
        ship=ShipOption(option="", stated=ship, lines=list(choices.ship_now)) if choices.ship_now else None,
        swaps=[
            SwapView(
                option=swap.key,
                stated=statement_digest(page, Act.SWAP, swap.key),
                line=swap.line,
                product=_product(swap.product),
                quantity=plain(swap.quantity),
                price_difference=amount_text(swap.price_difference),
            )
            for swap in choices.swaps
        ],
        cancels=[
            CancelView(
                option=cancel.key,
                stated=statement_digest(page, Act.CANCEL, cancel.key),
                lines=list(cancel.lines),
                refund=amount_text(cancel.refund),
                includes_shipping=cancel.includes_shipping,
            )
            for cancel in choices.cancels
        ],
        offer=_offer(page, choices),
        withdraw=_withdraw(page, choices),
    )


def _withdraw(page: OrderPage, choices: OpenChoices) -> WithdrawView | None:
    withdraw = choices.withdraw
    if withdraw is None:
        return None
    return WithdrawView(
        option="",
        stated=statement_digest(page, Act.WITHDRAW),
        lines=list(withdraw.lines),
        refund=amount_text(withdraw.refund),
        includes_shipping=withdraw.includes_shipping,
        until=withdraw.until,
    )


def _offer(page: OrderPage, choices: OpenChoices) -> OfferOption | None:
    """Return the discount without its code, which is the customer's once it is accepted."""
    discount = choices.discount
    if discount is None:
        return None
    return OfferOption(
        option="",
        stated=statement_digest(page, Act.OFFER),
        offer=discount.offer_id,
        kind=discount.kind,
        percent=None if discount.percent is None else f"{discount.percent.normalize():f}",
        amount=amount_text(discount.amount),
        value=amount_text(discount.value) or "0.00",
        expires_on=discount.expires_on,
    )
