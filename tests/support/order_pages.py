"""Order pages as values, and a service that keeps them in memory: pages are tested without a ledger."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache

from models.config.shop import Brand, Help, Links, OrderPages, Sender, ShopConfig
from models.customers import (
    Act,
    CancelOption,
    Choice,
    ChoiceState,
    DiscountOption,
    Headline,
    OpenChoices,
    OrderPage,
    PageItem,
    PageParcel,
    SentMessage,
    SwapOption,
    WithdrawOption,
)
from models.orders import ProductFacts, Shipment
from models.policy.customers import OrderPagePolicy
from models.reasons import DelayReason
from tasks.customers.choice_errors import ChoiceConflict, NotOffered, StatementChanged
from tasks.customers.links import OpenedLink
from tasks.customers.sent_words import SentWords
from templates.rendering.environment import make_environment
from templates.rendering.page_words import WordBook
from web.customer.pages import page_routes
from web.customer.site import Site

NOW = datetime(2025, 11, 24, 13, 3, tzinfo=UTC)
TODAY = NOW.date()
TOKEN, LINK, KEY = "AbCdEfGhIjKlMnOpQrStUv", "link-1", b"k" * 32
SHOP = ShopConfig(
    name="Lantern & Loom",
    zone="Europe/Berlin",
    locale="en",
    country="DE",
    currency="EUR",
    sender=Sender(name="Lantern & Loom", email="orders@shop.example.com"),
    help=Help(
        email="care@shop.example.com",
        phone="+49 30 23125 100",
        hours={"en": "Monday to Friday, 9 to 17", "pt_BR": "segunda a sexta, das 9 às 17"},
    ),
    links=Links(
        home="https://shop.example.com",
        order="https://shop.example.com/orders/{order}",
        product="https://shop.example.com/products/{product}",
        category="https://shop.example.com/shop/{category}",
        help="https://shop.example.com/help",
    ),
    brand=Brand(
        legal={"en": "Lantern & Loom GmbH, Spreeufer 5, 10178 Berlin\nRegister: HRB 123456, Berlin"},
        imprint_url="https://shop.example.com/imprint",
        privacy_url="https://shop.example.com/privacy",
    ),
    order_pages=OrderPages(url="https://orders.shop.example.com"),
)
DUVET = ProductFacts("P1", "Washed Linen Duvet Cover Sand", "Bedding", Decimal("129.00"))
CADDY = ProductFacts("P2", "Cedar Bath Caddy", "Bath", Decimal("38.80"))
FERN = ProductFacts("P3", "Washed Linen Duvet Cover Fern", "Bedding", Decimal("129.00"))
MOSS = ProductFacts("P4", "Washed Linen Duvet Cover Moss, extra large", "Bedding", Decimal("138.00"))
LATE = PageItem("1", DUVET, 1, False, date(2025, 11, 26), date(2025, 12, 16), 20, price=Decimal("129.00"))
ON_TIME = PageItem(
    "2", CADDY, 2, False, date(2025, 11, 26), date(2025, 11, 26), 0, status="ready", price=Decimal("38.80")
)
REASON = DelayReason("supplier_late")
SWAP = SwapOption("1:P3", "1", DUVET, FERN, 1, Decimal(0))
SWAP_DEARER = SwapOption("1:P4", "1", DUVET, MOSS, 1, Decimal("9.00"))
CANCEL_LATE = CancelOption("late", ("1",), (DUVET.name,), Decimal("129.00"))
CANCEL_ONE = CancelOption("2", ("2",), (CADDY.name,), Decimal("38.80"))
CANCEL_ALL = CancelOption(
    "all", ("1", "2"), (DUVET.name, CADDY.name), Decimal("167.80"), includes_shipping=True, whole_order=True
)
DISCOUNT = DiscountOption(
    "offer-1", "future_discount", "LL-7K2M-9QXA", Decimal(10), None, Decimal("16.00"), date(2026, 2, 22)
)
WITHDRAW = WithdrawOption(
    ("1", "2"), (DUVET.name, CADDY.name), Decimal("167.80"), includes_shipping=True, until=None, days=14
)
ALL_OPEN = OpenChoices(
    wait_until=date(2025, 12, 16),
    may_wait=True,
    ship_now=("2",),
    swaps=(SWAP, SWAP_DEARER),
    cancels=(CANCEL_LATE, CANCEL_ONE, CANCEL_ALL),
    discount=DISCOUNT,
    withdraw=WITHDRAW,
)
MAIL = SentMessage(
    1, "1041-1-email", "email", "A long delay, and our apology", datetime(2025, 11, 24, 11, 0, tzinfo=UTC)
)
TEXT = SentMessage(2, "1041-1-sms", "sms", "", datetime(2025, 11, 24, 11, 5, tzinfo=UTC))


def order_page(**changes) -> OrderPage:
    """Return an order of two items, one of them late, with every choice open."""
    page = OrderPage(
        order_id="1041",
        placed_on=date(2025, 10, 14),
        customer_id="C1",
        customer_name="Nora Whitfield",
        locale="en",
        currency="EUR",
        headline=Headline.PART_LATE,
        expected_on=date(2025, 12, 16),
        earliest_on=None,
        latest_on=None,
        promised_on=date(2025, 11, 26),
        days_late=20,
        reason=REASON,
        parcels=(PageParcel((ON_TIME,), date(2025, 11, 25)), PageParcel((LATE,), date(2025, 12, 12))),
        messages=(MAIL, TEXT),
        choices=(),
        open=ALL_OPEN,
    )
    return replace(page, **changes)


def made_choice(act: Act = Act.WAIT, number: int = 1, **changes) -> Choice:
    """Return a choice that was made now, and can be taken back for an hour."""
    options = {
        Act.WAIT: {"lines": ("1",), "expected_on": date(2025, 12, 16)},
        Act.SHIP: {"lines": ("2",)},
        Act.SWAP: {
            "lines": ("1",),
            "product": FERN,
            "price_difference": Decimal(0),
            "reserved_until": NOW + timedelta(hours=48),
        },
        Act.CANCEL: {"lines": ("1",), "refund": Decimal("129.00")},
        Act.OFFER: {"discount": DISCOUNT},
        Act.WITHDRAW: {"lines": ("1", "2"), "refund": Decimal("167.80"), "undo_until": None},
    }
    choice = Choice(
        id=f"1041-C{number}",
        order_id="1041",
        number=number,
        act=act,
        state=ChoiceState.REQUESTED,
        made_at=NOW,
        made_by="customer",
        currency="EUR",
        **({"undo_until": NOW + timedelta(minutes=60)} | options[act]),
    )
    return replace(choice, **changes)


def finished_page(headline: Headline, status: str, **shipment) -> OrderPage:
    """Return an order of which nothing is expected any more."""
    parcel = (Shipment("S1", 1, carrier="DHL", **shipment),) if shipment else ()
    item = replace(LATE, status=status, days_late=0)
    return order_page(headline=headline, parcels=(PageParcel((item,), None, parcel),), open=OpenChoices())


class MemoryOrders:
    """Keeps one order in memory, and does what the ledger would do with its choices."""

    def __init__(self, page: OrderPage | None = None) -> None:
        self.page = page or order_page()
        self.tokens = {TOKEN}
        self.refusal: Exception | None = None
        """Raised by the next choice."""
        self.forms: dict[str, Choice] = {}
        self.new_links: list[tuple[str, str]] = []
        self.mail = "<!doctype html><title>Mail</title><p style='color:#a00'>Your order is late.</p>"

    def open(self, token, now):
        return OpenedLink(LINK, self.page.order_id, self.page.customer_id) if token in self.tokens else None

    def load(self, order_id, now):
        return self.page

    def digest(self, page, act, option):
        return f"{act}:{option}:{page.expected_on}:{page.open.discount and page.open.discount.code}"

    def choose(self, form, now):
        if form.form_id in self.forms:
            return self.forms[form.form_id]
        if self.refusal:
            raise self.refusal
        if form.version != self.page.version:
            raise ChoiceConflict(self.page.choices[0])
        if form.act not in self.page.open.acts:
            raise NotOffered(self.page)
        if form.stated != self.digest(self.page, form.act, form.option):
            raise StatementChanged(self.page)
        choice = made_choice(form.act, self.page.version + 1)
        self.forms[form.form_id] = choice
        self.page = replace(self.page, choices=(choice, *self.page.choices))
        return choice

    def undo(self, order_id, number, link_id, now):
        if self.refusal:
            raise self.refusal
        (choice,) = (each for each in self.page.choices if each.number == number)
        undone = replace(choice, state=ChoiceState.UNDONE, undo_until=None)
        self.page = replace(self.page, choices=tuple(undone if c is choice else c for c in self.page.choices))
        return undone

    def give_reason(self, order_id, number, why):
        choices = tuple(replace(each, why=why) if each.number == number else each for each in self.page.choices)
        self.page = replace(self.page, choices=choices)

    def read_message(self, message, token):
        if message.channel == "sms":
            return SentWords("Lantern & Loom: your order 1041 is late. See it at https://example.com/o/" + token, "")
        return SentWords("Your order is late.", self.mail)

    def number(self, order_id):
        return "+49…78"

    def stop_texts(self, order_id, now):
        self.stopped = order_id

    def send_link(self, order_id, address, now):
        self.new_links.append((order_id, address))


def memory_site(shop: ShopConfig = SHOP, own=None) -> Site:
    """Return the pages of a shop without a ledger."""
    book = WordBook(shop, make_environment(own), own)
    return Site(shop, OrderPagePolicy(), lambda: book)


def memory_routes(orders: MemoryOrders, site: Site | None = None, now=lambda: NOW):
    """Return the routes over orders in memory."""
    return page_routes(site or _site_of_all(), orders, now, KEY)


@cache
def _site_of_all() -> Site:
    return memory_site()


PATH = f"/o/{TOKEN}"
LONG = replace(
    LATE,
    product=ProductFacts(
        "P9", "Handwoven Reclaimed-Cashmere Donaudampfschifffahrtsgesellschaftskapitänsdecke, king", "Bedding"
    ),
    quantity=12,
)


def page_states() -> dict[str, tuple[MemoryOrders, str]]:
    """Return every page and state by name: the orders behind it, and its address."""
    answered = {act: order_page(choices=(made_choice(act),)) for act in Act}
    undone = made_choice(Act.CANCEL, state=ChoiceState.UNDONE, undo_until=None)
    replaced = made_choice(Act.WAIT, 1, state=ChoiceState.REPLACED)
    too_late, one_swap = OpenChoices(too_late=True), replace(ALL_OPEN, swaps=(SWAP,), cancels=(CANCEL_ALL,))
    pages = {
        "late": (order_page(), ""),
        "late in Portuguese": (order_page(locale="pt_BR"), ""),
        "late in German": (order_page(locale="de"), ""),
        "ask in German: withdraw": (order_page(locale="de"), "/withdraw"),
        "twelve long items": (order_page(parcels=(PageParcel((LONG,) * 12, None),)), ""),
        "without a date": (order_page(headline=Headline.NO_DATE, expected_on=None, reason=None), ""),
        "on time": (order_page(headline=Headline.ON_TIME, days_late=0, reason=None, open=OpenChoices()), ""),
        "arrived": (finished_page(Headline.ARRIVED, "arrived", tracking_url="https://dhl.example.com"), ""),
        "cancelled": (finished_page(Headline.CANCELLED, "cancelled"), ""),
        "too late": (order_page(open=too_late), ""),
        "answered": (order_page(choices=(made_choice(Act.CANCEL, 2), replaced)), ""),
        **{f"ask: {act}": (order_page(), f"/{act}") for act in Act},
        "ask: one option": (order_page(open=one_swap), "/swap"),
        **{f"done: {act}": (page, "/answers/1") for act, page in answered.items()},
        "undone": (order_page(choices=(undone,)), "/answers/1"),
        "refused": (order_page(choices=(replace(undone, state=ChoiceState.REFUSED),)), "/answers/1"),
        "not possible": (order_page(open=OpenChoices()), "/swap"),
        "not possible any more": (order_page(open=too_late), "/cancel"),
        "mail": (order_page(), "/messages/1"),
        "text": (order_page(), "/messages/2"),
        "unknown link": (order_page(), "x/unknown"),
    }
    states = {name: (MemoryOrders(page), PATH + path) for name, (page, path) in pages.items()}
    return states | {"new link": (MemoryOrders(), "/o/link"), "new link sent": (MemoryOrders(), "/o/link/sent")}


class SwitchedOrders:
    """Orders that a test exchanges while they are served."""

    def __init__(self) -> None:
        self.orders = MemoryOrders()

    def __getattr__(self, name):
        return getattr(self.orders, name)
