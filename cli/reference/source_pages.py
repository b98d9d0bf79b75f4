"""Writes docs/sources.md from the contract: `python -m cli.reference.source_pages > docs/sources.md`."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_args

from pydantic.fields import FieldInfo

from app.safe_text import markdown_table
from models.quantities import Quantity
from sources.contract import CONTRACT, KEYS, REQUIRED_TABLES
from sources.recipes import RECIPES

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

<!-- Written by `python -m cli.reference.source_pages > docs/sources.md`; a test holds it to that. -->

A shop tells its facts through one SELECT a table, in `sources/` of its folder. Four are needed: {needed}.
The others are optional, and better remedies come of them. A SELECT yields the columns below, in any order.
A needed column that is missing, or one that is not known here, stops the import with a sentence that names the file;
a column whose name begins with `_` is left aside.

## What is gone

**Lines.** An order tells its lines whole. An open line that `lines.sql` no longer yields, while it yields another line
of the same order, counts as cancelled: "gone from the source". An order that `orders.sql` yields, and of which
`lines.sql` yields no line at all any more, has nothing outstanding: its open lines are done. A line that is yielded
again is open again. A `quantity` of 0 cancels a line as well.

Where a line of an order is refused, none of that order's lines is taken away. Where a record of the lines cannot be
read at all, or no line is yielded, none of any order is.

So a `lines.sql` that yields open lines only is fine, and so is an export of the orders that changed, if it has all
lines of each of them. An export of single changed lines is not: it would end the other lines of those orders.

**Orders.** Of an order that `orders.sql` leaves out nobody can know why, so by default it stays as it was. An import
counts the open orders that it was not told of, and names a few. `shop.toml` can say what `orders.sql` yields:

| `[source]` | `orders.sql` yields | an open order that it leaves out |
|---|---|---|
| nothing | what it likes | stays open |
| `orders = "all"` | every order, or at least every order that could be open | is cancelled: "gone from the source" |
| `orders = "open"` | every open order, and perhaps others | is done |

Where `orders.sql` yields no row, or one that is refused, no order is taken away. The same holds for the row that a
deleted order leaves: yield it with `deleted`, and it counts as cancelled. A status that says that nothing is
outstanding, without a date, is `done`: the order or line is closed, and was not late. That is better than a date that
moves with every later edit, such as `updated_at`.

A large share of lines gone [holds the run](customer-service.md#when-a-run-is-held) before anybody is told anything.

**Goods.** `stock.sql` and `inbound.sql` yield all that there is, each time. Stock that they leave out is used up, and a
delivery that was not received yet is called off; so a cancelled delivery is just left out. Where such a table has no
row at all, or one that is refused, nothing is taken away.

**Customers, products, vendors** stay as they were last seen.

## What is never sent

Gift cards, services and downloads have a place: `virtual` on the product, or on the line. Such a line is never late,
takes no stock, is asked of no vendor and is in no parcel. An order of nothing else is never late either.

## Several rows of one key

* Of files that one pattern finds, such as `'orders-*.csv'`, the newest file's row is taken. The newest is the one whose
  name comes last, numbers in it compared by their size: `orders-2026-01-10.csv` is newer than `orders-2026-01-9.csv`.
  Names with the day before the month do not sort so; the times of files play no part. The newest file that names an
  order tells its lines whole: lines that only older files have are left out. Rows must be known by file and line, see
  [below](#files); a JSON array has none, unless the SELECT yields `_file` and `_line`.
* Rows of one file, or of a database, that say the same count once.
* Those that contradict each other are refused, all of them, each with the places of the others. What the ledger knew
  before stays.
* Where the rows of one customer name different addresses, as where all guests share the id 0, nobody is told: the
  customer's orders are refused, and addresses known from before are blanked until the rows agree. Give each guest an
  id of their own in both SELECTs: `coalesce(nullif(customer, '0'), email) AS id`.

## Files

With `kind = "files"` in `shop.toml`, DuckDB runs the SELECTs over CSV, TSV and TXT, JSON (an array, one object a line,
or one object as an API answers it) and Parquet, plain or packed with gzip. A file is named in quotes, as seen from the
data folder, and may be a pattern:

```sql
SELECT number AS id, customer AS customer_id, created AS placed_at FROM 'orders-*.csv'
```

* The SELECTs reach that folder alone, and write nothing. A link is followed where it leads to a file in the folder.
* CSV, TSV and TXT begin with a header, and are delimited by comma, semicolon, tab or bar: whichever the header has most
  of, or as a first line `sep=;` says. Blank rows do not count, nor do blank values at the end of a row. Where
  other lines stand above the header, the import stops and says what to write.
* Every value arrives as text; a blank cell, quoted or not, is NULL. So `a <> 'x'` and `a || b` yield nothing where `a`
  is blank: `coalesce(a, '') <> 'x'` and `concat_ws(' ', a, b)` do. `="0017"`, as Excel keeps leading zeros, is 0017.
  Where a SELECT computes, it casts: `try_cast(fee AS DECIMAL(12, 2))`.
* They are UTF-8, or UTF-16 with a byte order mark. Of files in another encoding, `encoding = "cp1252"` under `[source]`
  in `shop.toml` says which; a file whose lines are UTF-8 is still read as that. Latin-1 is read as Windows-1252
  (cp1252), which it mostly is.
* A record with bad quotes, or with more or fewer values than the header, or with bytes that its encoding does not have,
  is refused by itself; the others go on.
* A file of another dialect is read by DuckDB's own reader with all its options, and any encoding that Python knows:
  `FROM read_csv('orders.csv', encoding = 'cp1252', delim = '~', all_varchar = true)`. It guesses types without
  `all_varchar`, and a bad record stops the import.
* In JSON, numbers are numbers and all that is in quotes is text: dates, moments with their offsets, keys. Objects and
  lists stay what they are, for `unnest(orders)`, `o.customer.id` and `o->>'id'`. It is so with `read_json('...')` too.
* A refused row is named by file and line where each row of the result comes from one line of the first file after
  FROM. Where a SELECT groups, says DISTINCT, or selects from another SELECT, it is "row 17 of orders.sql", the place in
  its result; it may yield columns `_file` and `_line` itself. In Parquet files, the line is the row.

## A database

With `kind = "database"`, the SELECTs run as they stand, in the database's own SQL, at the address in
`FOREWARN_SOURCE_URL`: `postgresql://user:password@host/name`, `mysql://...`, `sqlite:///path`, or another that
SQLAlchemy knows and whose driver is installed. PostgreSQL, MySQL, MariaDB and Oracle are told to refuse writes, SQLite
may do nothing but read; a user who may only read is right all the same. In a password, @ is written %40, / is %2F and
% is %25. Each table is read to its end before the first of its rows is written to the ledger, so no SELECT stays open
meanwhile.

One import runs at a time. Another one waits, up to 40 seconds, and is then refused.

## Values

| kind | as it may be written |
|---|---|
| text | blanks around it do not count, and nothing but blanks is no value (3) |
| whole number | `3`, `3.0` |
| quantity | `3`, `1.5`, `2.500`: at most three decimals, a point before them |
| amount | `12.50`: digits and a point, no sign, no currency, no separator of thousands |
| yes or no | `yes`, `true`, `t`, `y`, `on`, `1` and their opposites, in any case; no value is no |
| date | `2026-11-30`, or a timestamp (1); `0000-00-00` is no value |
| moment | `2026-11-30 14:05:00`, `2026-11-30T14:05Z`, `2026-11-30T14:05+01:00` (2) |

1. It becomes the shop's day at that moment; midnight without an offset means just the day that is written.
2. Without an offset it is in `source.zone` of `shop.toml`, or else in the shop's zone. A bare date is its midnight.
3. In keys, upper and lower case count: `a1` and `A1` are two orders. A letter such as `é` is one, whether it is written
   as one character of Unicode or as two: it is read in form NFC.

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

## What is excluded

`excluded.sql`, where there is one, yields `reason` (text) and `count` (whole number): rows that the other SELECTs
exclude on purpose. `forewarn shop check` shows them, so that nothing goes missing silently.
"""


def page() -> str:
    """Return the text of docs/sources.md."""
    needed = ", ".join(f"`{table}.sql`" for table in REQUIRED_TABLES)
    return "\n".join([ABOUT.format(needed=needed), *map(_table, CONTRACT), RECIPES])


def _table(table: str) -> str:
    model = CONTRACT[table]
    key = " and ".join(f"`{name}`" for name in KEYS[table])
    rows = (
        (f"`{name}`", _kind(field), "yes" if field.is_required() else "", field.description or "")
        for name, field in model.model_fields.items()
    )
    columns = markdown_table(("column", "kind", "needed", "meaning"), rows)
    return f"## {table}.sql\n\n{model.__doc__} Key: {key}.\n\n{columns}"


def _kind(field: FieldInfo) -> str:
    return next(KINDS[kind] for kind in _types(field.annotation) if kind in KINDS)


def _types(annotation: Any) -> list[Any]:
    """Return the plain types in an annotation; a choice of words is text."""
    inner = get_args(annotation)
    return [type(annotation) if isinstance(annotation, str) else annotation, *(t for one in inner for t in _types(one))]


if __name__ == "__main__":
    print(page(), end="")
