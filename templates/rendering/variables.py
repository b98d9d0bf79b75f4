"""Define the variables of each kind of template; the annotations document them in docs/marketing.md."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, TypedDict, get_type_hints

from models.quantities import Quantity
from templates.rendering.view_models import (
    AnswerView,
    ChoicesView,
    DiscountView,
    ItemView,
    OrderView,
    ParcelView,
    ProductView,
    ShopView,
    SubstituteView,
)


class CommonVariables(TypedDict):
    """In every template."""

    shop: Annotated[ShopView, "the shop, as in `shop.toml`"]
    lang: Annotated[str, "the message's language as HTML names it, as `pt-BR`"]
    locale: Annotated[str, "the locale that formats dates and numbers, as `pt_BR`"]


class NoticeVariables(TypedDict):
    """In mails and texts to customers."""

    customer: Annotated[str, "the customer's name, at most 60 characters; empty if it is a web or mail address"]
    order: Annotated[OrderView, "the order that is late"]
    late: Annotated[tuple[ItemView, ...], "the late items, in the order of the order's lines"]
    on_time: Annotated[tuple[ItemView, ...], "the open items that are not late"]
    max_items: Annotated[int, "how many items a list shows, so that the mail stays under 100 kB"]
    ships: Annotated[bool, "some late item was promised to ship by a date, not to arrive by it"]
    expected_on: Annotated[date | None, "the date now expected for all late items; empty: not known for at least one"]
    earliest_on: Annotated[date | None, "in `may_be_late`: the promised day, by which it may still come"]
    latest_on: Annotated[date | None, "in `may_be_late`: the day up to which it may take; empty: it is no warning"]
    on_its_way: Annotated[bool, "all late items have left, and are on their way"]
    in_time: Annotated[bool, "after a warning: it is known now that the order comes as promised; in `good_news` only"]
    some_dates_known: Annotated[bool, "the expected date is known for some late items, and not for others"]
    today: Annotated[date, "the day for which the message is written"]
    told_on: Annotated[date | None, "the day of the last message about this delay; empty: there was none"]
    told_date: Annotated[date | None, "the date in the last message, if it no longer holds"]
    told_some_dates: Annotated[bool, "the last message named a date for some late items, and none for others"]
    sooner: Annotated[bool, "the whole order comes earlier than the customer was told; false: only part of it does"]
    ready: Annotated[str, "how much of what was late is in stock for the customer: `all`, `part` or `none`"]
    reason: Annotated[str | None, "why all late items are late, a clause; empty: not known, or not the same for all"]
    unknown_reasons: Annotated[str, "for how many late items the reason is not known: `all`, `part` or `none`"]
    parcels: Annotated[tuple[ParcelView, ...], "the parcels of an order that is sent in several; empty: one parcel"]
    substitutes: Annotated[tuple[SubstituteView, ...], "products in stock to offer instead, by late item"]
    discount: Annotated[DiscountView | None, "the discount that is offered"]
    choices: Annotated[ChoicesView | None, "what the customer may choose on the order page; empty: Forewarn shows none"]
    silence: Annotated[str, "what it means if the customer does not answer, as a sentence; empty: nothing can be said"]
    rights: Annotated[str, "what the law of the customer's country gives beside waiting, as sentences; may be empty"]
    note: Annotated[str, "a personal note of customer service, one paragraph; usually empty"]
    offer: Annotated[str, "`shown`, `on_page` (only the order page may show it) or `none`"]


class AnswerVariables(TypedDict):
    """In mails that answer what a customer did (`new_link`, `choice_...`, `discount_code`, `staff_note`)."""

    customer: Annotated[str, "the customer's name, at most 60 characters; empty if it is a web or mail address"]
    order: Annotated[OrderView, "the order"]
    today: Annotated[date, "the day for which the message is written"]


class ChoiceVariables(TypedDict):
    """Also in mails about a choice (`choice_...`, `discount_code`)."""

    answer: Annotated[AnswerView, "what was chosen"]
    discount: Annotated[DiscountView | None, "the discount that was taken"]


class NoteVariables(TypedDict):
    """Also in the mail with a note of customer service (`staff_note`)."""

    note: Annotated[str, "the note, one paragraph"]


class BodyVariables(TypedDict):
    """Also in the bodies of a mail."""

    subject: Annotated[str, "the rendered `subject.txt`"]


class SmsVariables(TypedDict):
    """Also in texts."""

    item: Annotated[str, "the late product's name; empty if there are several, or if it does not fit"]


class PostVariables(TypedDict, total=False):
    """In social posts, which have no customer's data."""

    product: Annotated[ProductView, "the product that the post is about"]
    days: Annotated[int, "days late; in `post` only"]
    expected_on: Annotated[date | None, "the date now expected; empty: not known; in `post` only"]
    units_left: Annotated[Quantity, "units in stock; in `back_in_stock` and `low_stock` only"]


class PurchaseVariables(TypedDict):
    """In mails to vendors (`purchase`)."""

    vendor: Annotated[str, "the vendor's name"]
    request: Annotated[str, "id of the purchase request"]
    requested_on: Annotated[date, "the day of the purchase request"]
    lines: Annotated[int, "number of lines"]
    pieces: Annotated[Quantity, "total of all lines"]
    has_drop_shipped: Annotated[bool, "some line goes directly to a customer"]
    is_reminder: Annotated[bool, "this mail reminds of an earlier request"]


class StorefrontVariables(TypedDict, total=False):
    """On product pages (`storefront`)."""

    state: Annotated[str, "`in_stock`, `backorder`, `out_of_stock` or `unknown`"]
    expected_on: Annotated[date | None, "the date of the next delivery"]
    latest_on: Annotated[date | None, "its latest probable date, if that is another day"]
    units_left: Annotated[Quantity, "units of that delivery still available; 0: not shown"]
    set_on: Annotated[date, "the day of the notice; in `date.txt` only"]
    valid_until: Annotated[datetime, "the end of the notice; in `date.txt` only"]


class PageVariables(TypedDict):
    """In `layout/storefront.html`."""

    title: Annotated[str, "the rendered `title.txt`"]
    text: Annotated[str, "the rendered `text.txt`"]
    date: Annotated[str | None, "the rendered `date.txt`"]
    after: Annotated[Any, "`title` and `text` to show once the notice is no longer valid"]
    product: Annotated[ProductView | None, "the product; empty: unknown"]
    valid_until: Annotated[datetime | None, "the end of the notice"]
    schema: Annotated[Mapping[str, Any] | None, "schema.org data of the product"]
    script: Annotated[str, "address of the script"]
    imprint: Annotated[str | None, "the rendered `imprint.txt`; empty: the shop has no such page"]
    privacy: Annotated[str | None, "the rendered `privacy.txt`; empty: the shop has no such page"]


GROUPS: tuple[type, ...] = (
    CommonVariables,
    NoticeVariables,
    AnswerVariables,
    ChoiceVariables,
    NoteVariables,
    BodyVariables,
    SmsVariables,
    PostVariables,
    PurchaseVariables,
    StorefrontVariables,
    PageVariables,
)
VARIABLES: dict[type, dict[str, Any]] = {group: get_type_hints(group) for group in GROUPS}
"""The variables of each group, with their types."""
VARIABLE_NAMES = frozenset(name for variables in VARIABLES.values() for name in variables)
"""Every name that some template may use."""
