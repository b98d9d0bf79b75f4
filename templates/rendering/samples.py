"""Make sample orders for every case of a message; the preview shows some, and the check renders all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import product as combined
from pathlib import Path
from urllib.parse import quote

from models.decisions import Contact, Delay, Discount, LateLine, Plan, Substitutes
from models.enums import ChangeKind, Channel, PostKind, Promise, RemedyKind
from models.inventory import ProductAvailability, StockStatus
from models.orders import CustomerFacts, LastNotice, LineFacts, OrderFacts, ProductFacts
from models.policy.policy import GOOD_NEWS, MAY_BE_LATE, NEW_DATE
from models.posts import ProductDelay, ProductStock
from models.purchasing import PurchaseItem, PurchaseRequestData
from models.reasons import DelayReason
from models.shipments import Parcel
from models.storefront import StorefrontNotice
from templates.rendering import formats
from templates.rendering.warning_samples import in_time, warned

TODAY = date(2026, 6, 1)
DAYS = {"short": 2, "week": 6, "fortnight": 11, "long": 24, "late_again": 28, "new_date": 24, "good_news": 9}
SAMPLE_REMEDIES = ("none", "substitute", "shipping", "shipping_amount", "future", "future_amount", "on_page")
CHANGES = {
    "late_again": (ChangeKind.PASSED, ChangeKind.PASSED),
    NEW_DATE: (ChangeKind.DATED, ChangeKind.DATED),
    GOOD_NEWS: (ChangeKind.READY, ChangeKind.EARLIER),
    MAY_BE_LATE: (ChangeKind.WARNING, ChangeKind.WARNING),
}
TITLES = {GOOD_NEWS: ("goods there", "earlier date"), MAY_BE_LATE: ("on its way", "not sent yet")}
WITHOUT_REMEDY = (MAY_BE_LATE,)
"""Messages that never offer anything."""
EARLIER_DATE = {GOOD_NEWS: TODAY + timedelta(3)}
EXPECTED_IN = {"late_again": 20}
"""Days from today to the date now expected, where it is not two days more than the delay."""
SPLIT_MESSAGES = ("fortnight", GOOD_NEWS)
"""Messages whose samples come in two parcels."""

_ADDRESS = {Channel.EMAIL: "customer@example.com", Channel.SMS: "+12025550142"}
_COLOURS = ("#b8692e", "#4d7c6f", "#6a5a8c", "#8c4a4a", "#3f6f9f")


@dataclass(frozen=True, slots=True)
class _SampleGoods:
    customer: str
    currency: str
    names: tuple[str, ...]
    category: str
    prices: tuple[str, ...]


_GOODS = {
    "en": _SampleGoods(
        "Maya Lindqvist",
        "USD",
        ("Linen tablecloth, 150 × 250 cm", "Oak bread board", "Stoneware mug", "Cotton tablecloth, natural"),
        "Table linen",
        ("64.00", "38.50", "14.00", "58.00"),
    ),
    "pt_BR": _SampleGoods(
        "João Araújo",
        "BRL",
        (
            "Toalha de mesa de linho, 150 × 250 cm",
            "Tábua de pão em carvalho",
            "Caneca de cerâmica",
            "Toalha de algodão",
        ),
        "Mesa posta",
        ("289.90", "159.00", "49.90", "249.00"),
    ),
    "de": _SampleGoods(
        "Jörg Weißmüller",
        "EUR",
        ("Leinentischdecke, 150 × 250 cm", "Brotbrett aus Eiche", "Steingutbecher", "Baumwolltischdecke, natur"),
        "Tischwäsche",
        ("64.00", "38.50", "14.00", "58.00"),
    ),
    "es": _SampleGoods(
        "Íñigo Núñez",
        "EUR",
        ("Mantel de lino, 150 × 250 cm", "Tabla de pan de roble", "Taza de gres", "Mantel de algodón, natural"),
        "Ropa de mesa",
        ("64.00", "38.50", "14.00", "58.00"),
    ),
    "fr": _SampleGoods(
        "Zoé Lefèvre",
        "EUR",
        ("Nappe en lin, 150 × 250 cm", "Planche à pain en chêne", "Tasse en grès", "Nappe en coton, écru"),
        "Linge de table",
        ("64.00", "38.50", "14.00", "58.00"),
    ),
}
LOCALES = tuple(_GOODS)


def sample_plans(message: str, locale: str) -> Iterator[tuple[str, Plan]]:
    """Yield a message's sample plans in one language, with a title that names date and remedy."""
    remedies = SAMPLE_REMEDIES[:1] if message in WITHOUT_REMEDY else SAMPLE_REMEDIES
    for known, remedy in combined((True, False), remedies):
        case = TITLES.get(message, ("date known", "date unknown"))[0 if known else 1]
        title = f"{message} · {case} · {remedy.replace('_', ' ')}"
        yield title, _plan(message, locale, remedy, known)
    if message == GOOD_NEWS:
        yield f"{message} · on time after a warning", in_time(_plan(message, locale, "none", known=False))


def sample_posts(locale: str) -> Iterator[tuple[str, ProductDelay | ProductStock]]:
    """Yield sample products to post about: late in many orders, back in stock, or running low."""
    product = _products(locale)[0]
    for expected_on in (TODAY + timedelta(9), None):
        title = f"post · {'date known' if expected_on else 'date unknown'}"
        yield title, ProductDelay(product, TODAY, 42, 9, expected_on, "fortnight")
    for kind, left in ((PostKind.BACK, 12), (PostKind.LOW, 3), (PostKind.LOW, 1)):
        yield f"post · {kind} · {left} left", ProductStock(product, kind, left, orders=9)


def sample_storefront_notices(locale: str) -> Iterator[StorefrontNotice | None]:
    """Yield the notices that a sample product's page may show; None: nothing is known."""
    yield None
    backorders = combined((0, 1, 3), (None, TODAY + timedelta(9)))
    for available in (
        ProductAvailability("p1", StockStatus.IN_STOCK, 0),
        ProductAvailability("p1", StockStatus.OUT_OF_STOCK, 0),
        *(
            ProductAvailability("p1", StockStatus.BACKORDER, left, TODAY + timedelta(6), latest_on)
            for left, latest_on in backorders
        ),
    ):
        now = datetime.combine(TODAY, time(10), UTC)
        yield StorefrontNotice(_products(locale)[0], available, now, now + timedelta(days=1))


VENDOR = "Nordhaus Textil GmbH"


def sample_purchases() -> Iterator[tuple[str, PurchaseRequestData]]:
    """Yield sample purchase requests: one to a warehouse, one that goes to a customer, and a reminder."""
    first, second, *_ = _products("en")
    item = PurchaseItem("10427", "1", first.id, first.name, 12)
    drop_shipped = PurchaseItem("10428", "1", second.id, second.name, 1, drop_shipped=True)
    requests = {
        "to the warehouse": ((item,), None),
        "to a customer": ((item, drop_shipped), None),
        "reminder": ((item,), "p-0"),
    }
    for title, (items, reminds) in requests.items():
        yield f"purchase · {title}", PurchaseRequestData("7f3a9c2e-sample", "v-1", TODAY, items, reminds)


def available_languages(own: Path | None) -> list[str]:
    """Return the languages of a shop's templates: the built-in ones, then those of its own files, sorted."""
    own_languages = {file.name.split(".")[-2] for file in own.glob("*/*.*.*")} - set(LOCALES) if own else set()
    return [*LOCALES, *sorted(locale for locale in own_languages if formats.parse_locale(locale))]


def _plan(message: str, locale: str, remedy: str, known: bool) -> Plan:  # noqa: FBT001 - one of a table's columns
    delay = _delay(message, locale, known)
    if message == MAY_BE_LATE:
        delay = warned(delay, left=known)
    again = message == "late_again"
    told = LastNotice(1, TODAY - timedelta(12), ()) if again or message in (GOOD_NEWS, NEW_DATE) else None
    delay = replace(delay, order=replace(delay.order, told=told))
    first = delay.late[0].line
    return Plan(
        delay,
        CHANGES.get(message, (ChangeKind.FIRST, ChangeKind.FIRST))[0 if known else 1],
        message,
        2 if again else 1,
        tuple(Contact(channel, address) for channel, address in _ADDRESS.items()),
        "a sample",
        told_date=TODAY - timedelta(1) if again and known else None,
        substitutes=(Substitutes(first, _products(locale)[3:]),) if remedy == "substitute" else (),
        discount=_discount(remedy, delay.order.currency),
        parcels=_parcels(delay) if message in SPLIT_MESSAGES and known else (),
        show_offer=remedy != "on_page",
    )


def _parcels(delay: Delay) -> tuple[Parcel, ...]:
    """Return what is in stock as the parcel of tomorrow, and the rest as one that leaves later."""
    late = tuple(line.line.number for line in delay.late)
    on_time = tuple(line.number for line in delay.on_time)
    first, rest = (late, on_time) if delay.late[0].line.ready else (on_time, late)
    return (Parcel(first, TODAY + timedelta(1)), Parcel(rest, delay.expected_on))


def _delay(message: str, locale: str, known: bool) -> Delay:  # noqa: FBT001 - one of a table's columns
    goods, days = _goods_of(locale), DAYS.get(message, 20)
    expected_on = TODAY + timedelta(EXPECTED_IN.get(message, days + 2)) if known else EARLIER_DATE.get(message)
    promised_on = (expected_on if known and expected_on else TODAY) - timedelta(days)
    promise = Promise.DELIVER if known else Promise.SHIP
    first, second, third, _ = (
        LineFacts(
            str(n),
            item,
            1 if n == 1 else 2,
            promise,
            promised_on,
            item.price,
            expected_on,
            ready=message == GOOD_NEWS and known,
            reason=DelayReason("supplier_late") if known else None,
        )
        for n, item in enumerate(_products(locale), 1)
    )
    on_time = (replace(third, promised_on=TODAY + timedelta(5), expected_on=None),) if known else ()
    late = tuple(LateLine(line, days, expected_on) for line in ((first, second) if known and days > 7 else (first,)))
    if message == NEW_DATE and not known:
        late = (LateLine(first, days, TODAY + timedelta(9)), LateLine(second, days, None))
    customer = CustomerFacts("c-1", goods.customer, _ADDRESS[Channel.EMAIL], locale=locale)
    lines = (*(line.line for line in late), *on_time)
    order = OrderFacts("10427", TODAY - timedelta(days + 9), customer, lines, goods.currency)
    return Delay(order, TODAY, days, message, expected_on, late, on_time)


def _goods_of(locale: str) -> _SampleGoods:
    return _GOODS.get(locale, _GOODS["en"])


def _products(locale: str) -> tuple[ProductFacts, ...]:
    goods = _goods_of(locale)
    return tuple(
        ProductFacts(f"p-{n}", name, goods.category, Decimal(price), image=_picture(_COLOURS[n % len(_COLOURS)]))
        for n, (name, price) in enumerate(zip(goods.names, goods.prices, strict=True), 1)
    )


def _discount(remedy: str, currency: str) -> Discount | None:
    ten = Decimal(10)
    discount = {
        "shipping": (RemedyKind.SHIPPING_DISCOUNT, Decimal(100), None),
        "shipping_amount": (RemedyKind.SHIPPING_DISCOUNT, None, ten),
        "future": (RemedyKind.FUTURE_DISCOUNT, ten, None),
        "future_amount": (RemedyKind.FUTURE_DISCOUNT, None, ten),
        "on_page": (RemedyKind.FUTURE_DISCOUNT, ten, None),
    }.get(remedy)
    if discount is None:
        return None
    kind, percent, amount = discount
    return Discount(kind, "SORRY-7KQ4-M2XN", currency, TODAY + timedelta(60), Decimal(20), percent, amount)


def _picture(colour: str) -> str:
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="{colour}"/>'
        '<path d="M14 44h36L40 22H24z" fill="#fff" opacity=".55"/></svg>'
    )
    return f"data:image/svg+xml,{quote(drawing)}"
