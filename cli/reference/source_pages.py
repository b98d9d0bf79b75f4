"""Write docs/sources.md from the contract: `python -m cli.reference.source_pages > docs/sources.md`."""

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

A shop provides its facts through one SELECT for each table, in `sources/` of its folder. Four are required: {needed}.
The others are optional and improve the remedies. A SELECT yields the columns below, in any order. The import stops at a
required column that is missing and at an unknown column, with a sentence that names the file; a column whose name
begins with `_` is ignored.

## What is gone

**Lines.** Each order must be yielded with all its lines. If an open line is missing from `lines.sql`, and another line
of the same order is there, it counts as cancelled: "gone from the source". If `orders.sql` yields an order and
`lines.sql` no longer yields any line of it, nothing of it is outstanding, and its open lines count as done. A line that
is yielded again is open again. A `quantity` of 0 also cancels a line.

If a line of an order is rejected, no line of that order is removed. If a record of the lines cannot be read at all, or
no line is yielded, no line of any order is removed.

So `lines.sql` may yield open lines only. It may also yield only the orders that changed, if all lines of each of them
are included. An export of single changed lines does not work: it would cancel the other lines of those orders.

**Orders.** If `orders.sql` leaves out an order, the reason is unknown, so by default the order stays as it was. An
import counts the open orders that are missing, and names a few. `shop.toml` can state what `orders.sql` yields:

| `[source]` | `orders.sql` yields | an open order that is missing |
|---|---|---|
| nothing | any orders | stays open |
| `orders = "all"` | every order, or at least every order that could be open | is cancelled: "gone from the source" |
| `orders = "open"` | every open order, and perhaps others | is done |

If `orders.sql` yields no row, or one that is rejected, no order is removed. A deleted order can also be yielded with
`deleted`: it counts as cancelled. For a status that means "nothing is outstanding", without a date, yield `done`: the
order or line is closed, and was not late. That is better than a date that changes with every later edit, such as
`updated_at`.

If a large share of the lines is gone, the [run is held](customer-service.md#when-a-run-is-held) before anybody is
notified.

**Goods.** `stock.sql` and `inbound.sql` yield everything each time. Stock that is missing is used up, and a missing
delivery that was not received yet is cancelled; so a cancelled delivery can just be left out. If such a table has no
row at all, or one that is rejected, nothing is removed.

**Customers, products, vendors, redemptions** stay as they were last imported. So `redemptions.sql` may yield the newest
ones only.

## What is never sent

Mark gift cards, services and downloads as `virtual`, on the product or on the line. Such a line is never late, needs no
stock, is not requested from a vendor and is in no parcel. An order with only such lines is never late either.

## Several rows of one key

* If one pattern matches several files, such as `'orders-*.csv'`, the newest file's row is used. The newest is the one
  whose name sorts last, with numbers compared by value: `orders-2026-01-10.csv` is newer than `orders-2026-01-9.csv`.
  Names with the day before the month sort wrongly; the files' times are not used. The newest file that contains an
  order defines all its lines: lines that only older files contain are ignored. This needs the file and line of each
  row, see [below](#files); a JSON array has none, unless the SELECT yields `_file` and `_line`.
* Equal rows of one file, or of a database, count once.
* Contradicting rows are all rejected, each with the places of the others. The values in the ledger stay.
* If the rows of one customer have different addresses, for example because all guests share the id 0, nobody is
  notified: the customer's orders are rejected, and known addresses are blanked until the rows agree. Give each guest an
  id of their own in both SELECTs: `coalesce(nullif(customer, '0'), email) AS id`.

## Files

With `kind = "files"` in `shop.toml`, DuckDB runs the SELECTs over CSV, TSV and TXT, JSON (an array, one object for each
line, or one object as an API returns it) and Parquet, plain or compressed with gzip. A file is named in quotes,
relative to the data folder; a pattern is allowed:

```sql
SELECT number AS id, customer AS customer_id, created AS placed_at FROM 'orders-*.csv'
```

* The SELECTs can read only that folder, and write nothing. A link is followed if it leads to a file in the folder.
* CSV, TSV and TXT begin with a header. The delimiter is comma, semicolon, tab or bar: the one that the header contains
  most often, or the one in a first line `sep=;`. Blank rows, and blank values at the end of a row, are ignored. If
  there are other lines above the header, the import stops and says what to write.
* Every value is read as text; a blank cell, quoted or not, is NULL. So `a <> 'x'` and `a || b` yield nothing if `a` is
  blank: use `coalesce(a, '') <> 'x'` and `concat_ws(' ', a, b)`. `="0017"`, with which Excel keeps leading zeros, is
  0017. To compute, a SELECT must cast: `try_cast(fee AS DECIMAL(12, 2))`.
* Files are UTF-8, or UTF-16 with a byte order mark. For another encoding, set `encoding = "cp1252"` under `[source]`
  in `shop.toml`; a file that is valid UTF-8 is still read as UTF-8. Latin-1 is read as Windows-1252
  (cp1252), which it usually is.
* A record with wrong quotes, with more or fewer values than the header, or with bytes that are invalid in its encoding
  is rejected; the others are imported.
* For other dialects, use DuckDB's own reader with all its options, and any encoding that Python supports:
  `FROM read_csv('orders.csv', encoding = 'cp1252', delim = '~', all_varchar = true)`. Without `all_varchar` it guesses
  types, and a bad record stops the import.
* In JSON, numbers are numbers, and everything in quotes is text: dates, times with their offsets, keys. Objects and
  lists keep their structure, for `unnest(orders)`, `o.customer.id` and `o->>'id'`. The same applies to
  `read_json('...')`.
* A rejected row is reported with file and line if each row of the result comes from one line of the first file after
  FROM. If a SELECT groups, uses DISTINCT, or selects from another SELECT, it is reported as "row 17 of orders.sql", its
  place in the result; the SELECT may yield the columns `_file` and `_line` itself. In Parquet files, the line is the
  row.

## A database

With `kind = "database"`, the SELECTs run unchanged, in the database's own SQL, at the address in `FOREWARN_SOURCE_URL`:
`postgresql://user:password@host/name`, `mysql://...`, `sqlite:///path`, or another that SQLAlchemy supports and whose
driver is installed. PostgreSQL, MySQL, MariaDB and Oracle are set to refuse writes, and SQLite can only be read; still,
use a database user with read rights only. In a password, write @ as %40, / as %2F and % as %25. Each table is read
completely before its first row is written to the ledger, so no SELECT stays open meanwhile.

One import runs at a time. A second one waits up to 40 seconds, and is then refused.

A row that has not changed since it was written to the ledger is recognized by a digest of its values, and is neither
validated nor written again. All rows are validated again once after an update of Forewarn that changes how values are
converted, or with another time zone, and a row is written again when it was changed in the ledger by other means.

## Values

| kind | accepted forms |
|---|---|
| text | spaces around it are removed, and nothing but spaces is no value (3) |
| whole number | `3`, `3.0` |
| quantity | `3`, `1.5`, `2.500`: at most three decimals, with a decimal point |
| amount | `12.50`: digits and a decimal point, without sign, currency or thousands separator |
| yes or no | `yes`, `true`, `t`, `y`, `on`, `1` and their opposites, in upper or lower case; no value means no |
| date | `2026-11-30`, or a timestamp (1); `0000-00-00` is no value |
| moment | `2026-11-30 14:05:00`, `2026-11-30T14:05Z`, `2026-11-30T14:05+01:00` (2) |

1. It becomes the shop's day at that moment; midnight without an offset is the written day.
2. Without an offset it is in `source.zone` of `shop.toml`, or else in the shop's time zone. A date alone is its
   midnight.
3. Keys are case-sensitive: `a1` and `A1` are two orders. A letter such as `é` is the same, whether it is written
   as one character of Unicode or as two: it is normalized to NFC.

## Pieces: sent in part, cancelled, returned, packed

`shipped_at`, `delivered_at` and `cancelled_at` of `lines.sql` apply to a whole line. For a line in parts, count the
pieces in columns of `lines.sql` or in the parcels of `shipments.sql`:

* The quantity owed is `quantity` minus `cancelled`, minus the pieces shipped (for a promise to ship) or delivered (for
  a promise to deliver). It is never below 0; a line is closed when none is owed.
* `returned` pieces have shipped before: include them in `shipped` too. They count once, and are not owed.
* If both `lines.sql` and `shipments.sql` count pieces, the greater number is used. Only parcels say what was delivered.
* A parcel with `packed_at` and without `shipped_at` is packed. Like `packed` of `lines.sql`, it uses nothing of
  `on_hand`, because shop systems reduce it when they pack. It is expected to ship on the next working day. A
  parcel with neither does not count yet.
* If `shipments.sql` yields parcels of an order, it must yield all of them: a missing one is deleted. A cancelled parcel
  may also stay, with `cancelled_at`.
* `allocated` of `stock.sql` counts what open orders will take of `on_hand`, so it excludes packed pieces.

Messages, allocation, purchase requests and parcels use the quantity owed. `forewarn shop check` finds lines of
which more was shipped, returned or cancelled than was ordered.

## Orders that are not paid

An order with `unpaid` waits for its payment: none of it is late, nothing is requested from vendors, and it is allocated
no stock, unless the policy says [otherwise](policy.md#allocation). When it is paid, yield `paid_at`. Its promise then
counts from that day: a promise from the policy, and also one in `promised_on`, which moves by the days between order
and payment unless [`stored_from`](policy.md#promise) is `order`. Leave `paid_at` out for orders on invoice.

A line without `promised_on` gets the policy's promise: by the order's `shipping_method`, in working days
([`ship_within`](policy.md#promise)), or else `without_promise` days. For a promise to deliver, the carrier's days are
added. `forewarn shop check` counts the methods that the policy does not list.

## Codes that were used

`redemptions.sql` yields each use of a discount code, so that [results](marketing.md#results) say what the codes cost
really. A code can be used several times, and after it has expired: each use counts once, by code and order. An amount
in another currency than the code's stays in its own. A code that Forewarn did not give is rejected and named, with
file and line; leave the shop's other codes out, as `WHERE code LIKE 'WAIT-%'` does.

## What is excluded

`excluded.sql` is optional and yields `reason` (text) and `count` (whole number) of rows that the other SELECTs exclude
on purpose. `forewarn shop check` shows them, so that nothing is missing unnoticed.
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
    """Return the plain types in an annotation; a literal string counts as text."""
    inner = get_args(annotation)
    return [type(annotation) if isinstance(annotation, str) else annotation, *(t for one in inner for t in _types(one))]


if __name__ == "__main__":
    print(page(), end="")
