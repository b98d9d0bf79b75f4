"""Write a purchase request as the document that its vendor gets, from the facts as they are now.

Only a drop-shipped line carries a person's name and address, and no line carries more of them than a parcel does.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select, true, update

from models.config.vendor_transports import ByFolder, BySftp
from models.messages import Attachment
from models.purchasing import Address as To
from models.purchasing import Document, PurchaseItem, PurchaseRequestData, VendorChannel, VendorResponse
from models.quantities import Quantity, as_number
from rules.delays.line_order import natural_key
from tasks.context import Context
from tasks.csv_files import csv_text
from tasks.purchasing.requirements import same_product_filter, wanted_filter
from tasks.purchasing.vendors import VendorFacts
from tasks.tables import CUSTOMERS, ORDER_LINES, ORDERS, PRODUCTS, PURCHASE_LINES, PURCHASE_REQUESTS
from templates.rendering.purchasing import PurchaseRenderer

ADDRESS = ("recipient", "street", "postcode", "city", "country")
ITEM = ("order", "line", "product", "name", "quantity", "drop_shipped")
ANSWER = ("answer", "reason", "promised_on")
"""Columns that the vendor fills in and sends back."""
TO = [
    func.coalesce(ORDERS.c.recipient, CUSTOMERS.c.name),
    *(ORDERS.c[name] for name in ("street", "postcode", "city")),
    func.coalesce(ORDERS.c.country, CUSTOMERS.c.country),
]


def load_purchase(
    context: Context, connection: Connection, row: Mapping[str, Any], as_of: date
) -> PurchaseRequestData | None:
    """Return what a request, or a reminder of one, still has to say; None where nothing is.

    A request says what stands in the ledger, which `cut` keeps to what is wanted; a reminder what is wanted on a day.
    """
    reminds = row["reminder_of"]
    key = reminds or row["id"]
    wanted = and_(wanted_filter(context.end_of(as_of)), same_product_filter()) if reminds else true()
    lines = _lines(connection, PURCHASE_LINES.c.request_id == key, wanted)
    items = tuple(_reminder_item(line) if reminds else _item(context, line) for line in lines)
    asked_at = row["created_at"]
    if reminds:
        asked_at = connection.execute(
            select(PURCHASE_REQUESTS.c.created_at).where(PURCHASE_REQUESTS.c.id == key)
        ).scalar_one()
    asked_on = asked_at.astimezone(context.zone).date()
    return PurchaseRequestData(row["id"], row["vendor_id"], asked_on, items, reminds) if items else None


def reduce_lines(connection: Connection, pieces: Mapping[str, Quantity]) -> None:
    """Cut lines of a request that is about to leave to so many pieces; those of none are left out of it for good."""
    for key in sorted(pieces):
        less = {"quantity": pieces[key]} if pieces[key] else {"answer": VendorResponse.NOT_SENT}
        connection.execute(update(PURCHASE_LINES).where(PURCHASE_LINES.c.id == key).values(**less))


def _lines(connection: Connection, *which: ColumnElement[bool]) -> list[Row[Any]]:
    asked = (
        PURCHASE_LINES.c.order_id,
        PURCHASE_LINES.c.line,
        PURCHASE_LINES.c.product_id,
        PRODUCTS.c.name,
        PURCHASE_LINES.c.quantity,
    )
    query = (
        select(*asked, PURCHASE_LINES.c.drop_shipped, *TO)
        .select_from(PURCHASE_LINES)
        .join(
            ORDER_LINES,
            and_(ORDER_LINES.c.order_id == PURCHASE_LINES.c.order_id, ORDER_LINES.c.number == PURCHASE_LINES.c.line),
        )
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
        .outerjoin(PRODUCTS, PRODUCTS.c.id == PURCHASE_LINES.c.product_id)
        .where(*which, PURCHASE_LINES.c.answer.is_(None))
    )
    return sorted(connection.execute(query), key=lambda row: (natural_key(row.order_id), natural_key(row.line)))


def _item(context: Context, row: Row[Any]) -> PurchaseItem:
    order, line, product, name, quantity, drop_shipped, *to = tuple(row)
    warehouse = context.shop.warehouse.address if context.shop.warehouse else None
    where = To(*(part or "" for part in to)) if drop_shipped else warehouse
    return PurchaseItem(order, line, product, name or product, quantity, drop_shipped, where)


def _reminder_item(row: Row[Any]) -> PurchaseItem:
    # A reminder that looked like a request might be delivered like one: it says neither what, how many, nor where to.
    return PurchaseItem(row.order_id, row.line, drop_shipped=row.drop_shipped)


def build_document(
    context: Context, renderer: PurchaseRenderer, purchase: PurchaseRequestData, vendor: VendorFacts, way: VendorChannel
) -> Document:
    """Return a request as the file and the mail that its vendor gets; raises TemplateError."""
    subject, text = renderer.render(purchase, vendor.name)
    what = "reminder" if purchase.reminds else "purchase-request"
    form = _form(context, vendor.id, way)
    written, kind = FORMS[form]
    file = Attachment(f"{what}-{purchase.id[:8]}.{form}", kind, written(purchase, context.shop.name).encode())
    return Document(purchase.id, file, subject, text, renderer.language)


def _form(context: Context, vendor: str, way: VendorChannel) -> str:
    door = context.shop.vendor.get(vendor)
    if isinstance(door, ByFolder | BySftp):
        return door.format
    return "json" if way is VendorChannel.HTTP else "csv"


def _csv(purchase: PurchaseRequestData, _: str) -> str:
    if purchase.reminds:
        columns = ("request", "order", "line", *ANSWER)
        return csv_text(columns, ((purchase.request, one.order, one.line, *_BLANK) for one in purchase.items))
    rows = (
        (purchase.request, *(_cell(getattr(one, name)) for name in ITEM), *_address(one), *_BLANK)
        for one in purchase.items
    )
    return csv_text(("request", *ITEM, *ADDRESS, *ANSWER), rows)


_BLANK = ("",) * len(ANSWER)


def _cell(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _address(item: PurchaseItem) -> list[str]:
    return [getattr(item.to, name) if item.to else "" for name in ADDRESS]


def _json(purchase: PurchaseRequestData, shop: str) -> str:
    lines = [_line(one, reminder=purchase.reminds is not None) for one in purchase.items]
    told = {
        "request": purchase.request,
        "kind": "reminder" if purchase.reminds else "request",
        "shop": shop,
        "asked_on": purchase.asked_on.isoformat(),
        "unanswered" if purchase.reminds else "lines": lines,
    }
    return json.dumps(told, ensure_ascii=False, indent=1)


def _line(item: PurchaseItem, *, reminder: bool) -> dict[str, object]:
    if reminder:
        return {"order": item.order, "line": item.line}
    told = {name: getattr(item, name) for name in ITEM} | {"quantity": as_number(item.quantity)}
    return told | {"deliver_to": asdict(item.to) if item.to else None}


FORMS = {"csv": (_csv, "text/csv"), "json": (_json, "application/json")}
