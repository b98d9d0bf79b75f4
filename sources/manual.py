"""Writes docs/sources.md from the contract: `python -m sources.manual > docs/sources.md`."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_args

from pydantic.fields import FieldInfo

from models.quantities import Quantity
from sources.contract import CONTRACT, KEYS, NEEDED

KINDS: dict[Any, str] = {
    str: "text",
    bool: "yes or no",
    int: "whole number",
    Quantity: "quantity",
    Decimal: "amount",
    date: "date",
    datetime: "moment",
}

ABOUT = """\
# Sources

<!-- Written from sources/contract.py by `python -m sources.manual > docs/sources.md`; a test holds it to that. -->

A shop tells its facts through one SELECT a table, in `sources/` of its folder. Four are needed: {needed}.
The others are optional, and better remedies come of them. A SELECT yields the columns below, in any order.
A needed column that is missing, or one that is not known here, stops the import with a sentence that names the file;
a column whose name begins with `_` is left aside. Of rows with one key the first is taken, and the others are refused.

What a SELECT yields no more stays as it was last seen, but for goods: `stock.sql` and `inbound.sql` yield all that
there is, each time. Stock that they leave out is used up, and a delivery that was not received yet is called off; so a
cancelled delivery is just left out. Where such a table has no row at all, or one that is refused, nothing is taken
away.

## Files

With `kind = "files"` in `shop.toml`, DuckDB runs the SELECTs over CSV, TSV, JSON (an array, or one object a line) and
Parquet, plain or packed with gzip. A file is named in quotes, as seen from the data folder, and may be a pattern:

```sql
SELECT number AS id, customer AS customer_id, created AS placed_at FROM 'orders-*.csv'
```

* The SELECTs reach that folder alone, and write nothing.
* CSV and TSV begin with a header, are UTF-8, and are delimited by comma, semicolon, tab or bar: whichever the header
  has most of. Every value arrives as text, just as it stands; where a SELECT computes, it casts:
  `try_cast(fee AS DECIMAL(12, 2))`.
* A record with bad quotes, or with more or fewer values than the header, is refused by itself; the others go on.
* A file of another encoding or dialect is read by DuckDB's own reader,
  `FROM read_csv('orders.csv', encoding = 'latin-1')`; a bad record then stops the import.
* A refused row is named by file and line where each row of the result comes from one line of the first file after
  FROM. Where a SELECT groups, says DISTINCT, or selects from another SELECT, it is "row 17 of orders.sql", the place in
  its result; it may yield columns `_file` and `_line` itself. In Parquet files, the line is the row.

## A database

With `kind = "database"`, the SELECTs run as they stand, in the database's own SQL, at the address in
`FOREWARN_SOURCE_URL`: `postgresql://user:password@host/name`, `mysql://...`, `sqlite:///path`, or another that
SQLAlchemy knows and whose driver is installed. PostgreSQL, MySQL, MariaDB and Oracle are told to refuse writes, SQLite
is opened for reading only; a user who may only read is right all the same.

## Values

| kind | as it may be written |
|---|---|
| text | blanks around it do not count, and nothing but blanks is no value |
| whole number | `3`, `3.0` |
| quantity | `3`, `1.5`, `2.500`: at most three decimals, a point before them |
| amount | `12.50`: digits and a point, no sign, no currency, no separator of thousands |
| yes or no | `yes`, `true`, `t`, `y`, `on`, `1` and their opposites, in any case; no value is no |
| date | `2026-11-30`, or a timestamp (1) |
| moment | `2026-11-30 14:05:00`, `2026-11-30T14:05Z`, `2026-11-30T14:05+01:00` (2) |

1. It becomes the shop's day at that moment; midnight without an offset means just the day that is written.
2. Without an offset it is in `source.zone` of `shop.toml`, or else in the shop's zone. A bare date is its midnight.

## Pieces: sent in part, cancelled, returned, packed

`shipped_at`, `delivered_at` and `cancelled_at` of `lines.sql` mean all of a line. Where it goes in parts, its pieces
are counted, in columns of `lines.sql` or in the parcels of `shipments.sql`:

* Still owed is `quantity` less `cancelled`, and less what was done: the pieces that left, of a promise to ship, or
  those that arrived, of a promise to deliver. It is never below 0; a line is closed when none is owed.
* `returned` pieces have left before: give them in `shipped` too. They count once, and are owed to nobody.
* Where `lines.sql` and `shipments.sql` both tell of pieces, the greater number counts. Only parcels say what arrived.
* A parcel with `packed_at` and without `shipped_at` is packed: like `packed` of `lines.sql`, it takes nothing of
  `on_hand`, for shop systems take pieces off it when they pack. It is expected to leave on the next working day. A
  parcel with neither counts for nothing yet.
* An order that `shipments.sql` names tells all its parcels there: one that is not among them any more is deleted. One
  that is called off may also stay, with `cancelled_at`.
* `allocated` of `stock.sql` counts what open orders will take of `on_hand`, so no packed pieces.

Messages, allocation, purchase requests and parcels speak of the pieces still owed. `forewarn shop check` finds lines of
which more left, came back or was cancelled than was ordered.

## Orders that are not paid

An order with `unpaid` waits for its payment: nothing of it is late, vendors are asked for nothing, and it takes no
stock, unless the policy says [otherwise](policy.md#allocation). When it is paid, give `paid_at`. Its promise then
counts from that day: one that the policy gives, and one in `promised_on`, which moves by the days between order and
payment unless [`stored_from`](policy.md#promise) is `order`. Leave `paid_at` out for orders on invoice.

A line without `promised_on` has the policy's promise: by the order's `shipping_method`, in working days
([`ship_within`](policy.md#promise)), or else `without_promise` days. To deliver, the carrier's days come on top.
`forewarn shop check` counts the methods that the policy does not name.

## What is left out

`left_out.sql`, where there is one, yields `reason` (text) and `count` (whole number): rows that the other SELECTs leave
out on purpose. `forewarn shop check` shows them, so that nothing goes missing silently.
"""


def page() -> str:
    """Return the text of docs/sources.md."""
    needed = ", ".join(f"`{table}.sql`" for table in NEEDED)
    return "\n".join([ABOUT.format(needed=needed), *map(_table, CONTRACT)])


def _table(table: str) -> str:
    model = CONTRACT[table]
    key = " and ".join(f"`{name}`" for name in KEYS[table])
    rows = [
        f"| `{name}` | {_kind(field)} | {'yes' if field.is_required() else ''} | {field.description} |"
        for name, field in model.model_fields.items()
    ]
    head = f"## {table}.sql\n\n{model.__doc__} Key: {key}.\n\n| column | kind | needed | meaning |\n|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def _kind(field: FieldInfo) -> str:
    return next(KINDS[kind] for kind in _types(field.annotation) if kind in KINDS)


def _types(annotation: Any) -> list[Any]:
    """Return the plain types in an annotation; a choice of words is text."""
    inner = get_args(annotation)
    return [type(annotation) if isinstance(annotation, str) else annotation, *(t for one in inner for t in _types(one))]


if __name__ == "__main__":
    print(page(), end="")
