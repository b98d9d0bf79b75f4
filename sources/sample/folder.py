"""The sample shop's folder, written from a seed."""

import shutil
import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from random import Random
from typing import TextIO

from sources.sample.customers import customers_rows
from sources.sample.goods import Dates, Goods, deliveries_rows, stock_rows
from sources.sample.orders import orders_rows

HERE = Path(__file__).parent
FEWEST_CUSTOMERS = 20

HEADS = {
    "customers": "customer_no,full_name,email,phone,country,language,time_zone,contact_by,sms_ok,newsletter,stop_all",
    "stock": "sku,warehouse,on_hand,reserved",
    "deliveries": "delivery_no,sku,vendor_no,qty,promised,expected,received_at",
    "orders": "order_no,customer_no,ordered_at,cancelled_at,currency,shipping",
    "order_lines": "order_no,line,sku,qty,unit_price,promise,promised,expected,dispatched_at,delivered_at,cancelled_at",
}


def write_sample(folder: Path, *, orders: int = 400, seed: int = 7, as_of: date) -> None:
    """Write a whole shop folder with its data; the same arguments give the same bytes.

    Order 1041 is there from 41 orders on. A shop of any size is streamed: memory does not grow with it.
    """
    shutil.copytree(HERE / "shop", folder, dirs_exist_ok=True)
    made_of = tomllib.loads((HERE / "make.toml").read_text("utf-8"))
    goods = Goods.read(HERE / "shop" / "data" / "products.csv", made_of["waiting"])
    dates = Dates(as_of)
    customers = max(FEWEST_CUSTOMERS, orders // 3)
    rng = Random(seed)  # noqa: S311 it is to give the same shop every time, not a secret
    data = folder / "data"
    _write(data, "customers", customers_rows(customers, made_of["country"]))
    _write(data, "stock", stock_rows(goods, rng))
    _write(data, "deliveries", deliveries_rows(goods, dates, rng))
    with _open(data, "orders") as heads, _open(data, "order_lines") as lines:
        for head, its_lines in orders_rows(orders, customers, goods, dates, rng):
            heads.write(head)
            lines.write(its_lines)


def _write(data: Path, name: str, rows: Iterable[str]) -> None:
    with _open(data, name) as file:
        file.writelines(rows)


def _open(data: Path, name: str) -> TextIO:
    file = (data / f"{name}.csv").open("w", encoding="utf-8", newline="\n")
    file.write(HEADS[name] + "\n")
    return file
