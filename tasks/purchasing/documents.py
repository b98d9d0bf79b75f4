"""Build the document of a purchase request from current facts.

Personal data is limited to what a parcel needs: only a drop-shipped line carries the recipient's name and address.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select, true, update

from models.config.vendor_transports import ByFolder, BySftp
from models.messages import Attachment
from models.purchasing import Address, Document, PurchaseItem, PurchaseRequestData, VendorChannel, VendorResponse
from models.quantities import Quantity, as_number
from rules.delays.line_order import natural_key
from tasks.context import Context
from tasks.csv_files import csv_text
from tasks.purchasing.requirements import same_product_filter, wanted_filter
from tasks.purchasing.vendors import VendorFacts
from tasks.tables import CUSTOMERS, ORDER_LINES, ORDERS, PRODUCTS, PURCHASE_LINES, PURCHASE_REQUESTS
from templates.rendering.purchasing import PurchaseRenderer

ADDRESS_COLUMNS = ("recipient", "street", "postcode", "city", "country")
ITEM_COLUMNS = ("order", "line", "product", "name", "quantity", "drop_shipped")
RESPONSE_COLUMNS = ("answer", "reason", "promised_on")
"""Columns that the vendor fills in and sends back."""
BLANK_RESPONSE = ("",) * len(RESPONSE_COLUMNS)
DELIVERY_ADDRESS = [
    func.coalesce(ORDERS.c.recipient, CUSTOMERS.c.name),
    *(ORDERS.c[name] for name in ("street", "postcode", "city")),
    func.coalesce(ORDERS.c.country, CUSTOMERS.c.country),
]


def load_purchase(context: Context, connection: Connection, row: Mapping[str, Any]) -> PurchaseRequestData | None:
    """Return the content of a request or a reminder; None when no line is left in it.

    A request names its lines without a response; call `reduce_lines` first. A reminder names those of them that are
    still wanted on the context's day.
    """
    reminder_of = row["reminder_of"]
    request = reminder_of or row["id"]
    wanted = and_(wanted_filter(context.end_of(context.as_of)), same_product_filter()) if reminder_of else true()
    lines = _lines(connection, PURCHASE_LINES.c.request_id == request, wanted)
    if not lines:
        return None
    items = tuple(_reminder_item(line) if reminder_of else _item(context, line) for line in lines)
    created_at = select(PURCHASE_REQUESTS.c.created_at).where(PURCHASE_REQUESTS.c.id == request)
    asked_on = connection.execute(created_at).scalar_one().astimezone(context.zone).date()
    return PurchaseRequestData(row["id"], row["vendor_id"], asked_on, items, reminder_of)


def reduce_lines(connection: Connection, pieces: Mapping[str, Quantity]) -> None:
    """Reduce lines of an unsent request to `pieces`, by purchase line id. A line of 0 pieces is never sent."""
    for key in sorted(pieces):
        change = {"quantity": pieces[key]} if pieces[key] else {"response": VendorResponse.NOT_SENT}
        connection.execute(update(PURCHASE_LINES).where(PURCHASE_LINES.c.id == key).values(**change))


def _lines(connection: Connection, *filters: ColumnElement[bool]) -> list[Row[Any]]:
    """Return the lines without a response, with their product and delivery address, in the order people count."""
    line = (
        PURCHASE_LINES.c.order_id,
        PURCHASE_LINES.c.line,
        PURCHASE_LINES.c.product_id,
        PRODUCTS.c.name,
        PURCHASE_LINES.c.quantity,
    )
    query = (
        select(*line, PURCHASE_LINES.c.drop_shipped, *DELIVERY_ADDRESS)
        .select_from(PURCHASE_LINES)
        .join(
            ORDER_LINES,
            and_(ORDER_LINES.c.order_id == PURCHASE_LINES.c.order_id, ORDER_LINES.c.number == PURCHASE_LINES.c.line),
        )
        .join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id)
        .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
        .outerjoin(PRODUCTS, PRODUCTS.c.id == PURCHASE_LINES.c.product_id)
        .where(*filters, PURCHASE_LINES.c.response.is_(None))
    )
    return sorted(connection.execute(query), key=lambda row: (natural_key(row.order_id), natural_key(row.line)))


def _item(context: Context, row: Row[Any]) -> PurchaseItem:
    order, line, product, name, quantity, drop_shipped, *address = tuple(row)
    warehouse = context.shop.warehouse.address if context.shop.warehouse else None
    deliver_to = Address(*(part or "" for part in address)) if drop_shipped else warehouse
    return PurchaseItem(order, line, product, name or product, quantity, drop_shipped, deliver_to)


def _reminder_item(row: Row[Any]) -> PurchaseItem:
    # A vendor could ship a reminder that looks like a request: it names no product, quantity or address.
    return PurchaseItem(row.order_id, row.line, drop_shipped=row.drop_shipped)


def build_document(
    context: Context,
    renderer: PurchaseRenderer,
    purchase: PurchaseRequestData,
    vendor: VendorFacts,
    channel: VendorChannel,
) -> Document:
    """Return a request as a file and the text of a mail. Raises TemplateError when a template fails."""
    subject, text = renderer.render(purchase, vendor.name)
    stem = "reminder" if purchase.reminder_of else "purchase-request"
    file_format = _format(context, vendor.id, channel)
    write, media_type = FORMATS[file_format]
    content = write(purchase, context.shop.name).encode()
    file = Attachment(f"{stem}-{purchase.id[:8]}.{file_format}", media_type, content)
    return Document(purchase.id, file, subject, text, renderer.language)


def _format(context: Context, vendor: str, channel: VendorChannel) -> str:
    transport = context.shop.vendor.get(vendor)
    if isinstance(transport, ByFolder | BySftp):
        return transport.format
    return "json" if channel is VendorChannel.HTTP else "csv"


def _csv(purchase: PurchaseRequestData, _: str) -> str:
    if purchase.reminder_of:
        columns = ("request", "order", "line", *RESPONSE_COLUMNS)
        lines = ((purchase.request, item.order, item.line, *BLANK_RESPONSE) for item in purchase.items)
        return csv_text(columns, lines)
    rows = (
        (purchase.request, *(_cell(getattr(item, name)) for name in ITEM_COLUMNS), *_address(item), *BLANK_RESPONSE)
        for item in purchase.items
    )
    return csv_text(("request", *ITEM_COLUMNS, *ADDRESS_COLUMNS, *RESPONSE_COLUMNS), rows)


def _cell(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _address(item: PurchaseItem) -> list[str]:
    return [getattr(item.deliver_to, name) if item.deliver_to else "" for name in ADDRESS_COLUMNS]


def _json(purchase: PurchaseRequestData, shop: str) -> str:
    is_reminder = purchase.reminder_of is not None
    lines = [_json_line(item, is_reminder=is_reminder) for item in purchase.items]
    content = {
        "request": purchase.request,
        "kind": "reminder" if is_reminder else "request",
        "shop": shop,
        "asked_on": purchase.asked_on.isoformat(),
        "unanswered" if is_reminder else "lines": lines,
    }
    return json.dumps(content, ensure_ascii=False, indent=1)


def _json_line(item: PurchaseItem, *, is_reminder: bool) -> dict[str, object]:
    if is_reminder:
        return {"order": item.order, "line": item.line}
    line = {name: getattr(item, name) for name in ITEM_COLUMNS} | {"quantity": as_number(item.quantity)}
    return line | {"deliver_to": asdict(item.deliver_to) if item.deliver_to else None}


FORMATS = {"csv": (_csv, "text/csv"), "json": (_json, "application/json")}
