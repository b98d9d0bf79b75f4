"""Write the sample shop's folder from a seed."""

import shutil
import tomllib
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import TextIO
from zoneinfo import ZoneInfo

from sources.sample.customers import customers_rows
from sources.sample.goods import Dates, Goods, deliveries_rows, stock_rows
from sources.sample.orders import orders_rows

HERE = Path(__file__).parent
MIN_CUSTOMERS = 20

HEADERS = {
    "customers": "customer_no,full_name,email,phone,country,language,time_zone,contact_by,sms_ok,newsletter,stop_all",
    "stock": "sku,warehouse,on_hand,reserved",
    "deliveries": "delivery_no,sku,vendor_no,qty,promised,expected,received_at,reason",
    "vouchers_used": "voucher,order_no,used_at,discount,currency",
    "orders": "order_no,customer_no,ordered_at,cancelled_at,currency,shipping",
    "order_lines": "order_no,line,sku,qty,unit_price,promise,promised,expected,dispatched_at,delivered_at,cancelled_at,"
    "ship_by,carrier,service,scanned_at,scan",
}


def sample_day(now: datetime) -> date:
    """Return the sample shop's day at a moment; its days begin in its own zone, wherever its reader lives."""
    shop = tomllib.loads((HERE / "shop" / "shop.toml").read_text("utf-8"))
    return now.astimezone(ZoneInfo(shop["zone"])).date()


def write_sample(folder: Path, *, orders: int = 400, seed: int = 7, as_of: date) -> None:
    """Write a shop folder with its data. The same arguments give the same bytes.

    Order 1041 exists if there are 41 orders or more. Rows are streamed, so memory does not grow with the size.
    """
    shutil.copytree(HERE / "shop", folder, dirs_exist_ok=True)
    parameters = tomllib.loads((HERE / "make.toml").read_text("utf-8"))
    goods = Goods.read(HERE / "shop" / "data" / "products.csv", parameters["waiting"])
    dates = Dates(as_of)
    customers = max(MIN_CUSTOMERS, orders // 3)
    rng = Random(seed)  # noqa: S311 - reproducible, not a secret
    data = folder / "data"
    _write(data, "customers", customers_rows(customers, parameters["country"]))
    _write(data, "stock", stock_rows(goods, rng))
    _write(data, "deliveries", deliveries_rows(goods, dates, rng))
    _write(data, "vouchers_used", ())
    with _open(data, "orders") as heads, _open(data, "order_lines") as lines:
        for head, its_lines in orders_rows(orders, customers, goods, dates, rng):
            heads.write(head)
            lines.write(its_lines)


def _write(data: Path, name: str, rows: Iterable[str]) -> None:
    with _open(data, name) as file:
        file.writelines(rows)


def _open(data: Path, name: str) -> TextIO:
    file = (data / f"{name}.csv").open("w", encoding="utf-8", newline="\n")
    file.write(HEADERS[name] + "\n")
    return file
