"""What customer service can try in the demo: a message in doubt, and a run that waits for approval."""

import asyncio
import csv
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from app.composition import isolated_settings, open_app
from models.config.settings import GivenSettings, TransportKind
from models.enums import SmtpTls

FIRST_TRIED, TRIED = 1071, 10
"""The orders of the shop's first try of its own mail relay: one of them is more than two weeks late."""
TEST_ADDRESS = "try@lantern-loom.example.com"
DAMAGED_DAYS = 23
"""Until a damaged product comes again: each of its open orders, promised within three weeks, is then late."""
LIMIT = """
[guardrails]
max_late_share = 0.03
min_orders = 5
"""
Row = dict[str, str]


async def leave_in_doubt(into: Path, as_of: date) -> int:
    """Let the shop try its mail relay with a few orders, on the day before; the relay hangs up on the mail it takes.

    On the day itself its records are asked for, of which a relay has none, so that staff have to look. Returns how many
    messages wait for them.
    """
    from flows.deliver import run_deliver
    from flows.late_orders import run_late_orders
    from tasks.delivery.in_doubt import STAFF

    shop = into / "shop"
    with TemporaryDirectory() as folder:
        _copy_orders(shop / "data", Path(folder), {str(FIRST_TRIED + nth) for nth in range(TRIED)})
        async with _relay_that_hangs_up() as port:
            relay = GivenSettings(
                shop=shop,
                home=into,
                data=Path(folder),
                email=TransportKind.SMTP,
                smtp_host="127.0.0.1",
                smtp_port=port,
                smtp_tls=SmtpTls.NONE,
                redirect_email=TEST_ADDRESS,
            )
            with isolated_settings(relay), open_app() as app:
                day_before = as_of - timedelta(days=1)
                await run_late_orders(app, day_before, import_first=True)
                await run_deliver(app, day_before)
                asked = await run_deliver(app, as_of)
    return asked.settled.get(STAFF, 0)


@asynccontextmanager
async def _relay_that_hangs_up() -> AsyncIterator[int]:
    """Run a mail relay on this machine that takes each mail, and ends the connection before it says so."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay\r\n")
        while line := await reader.readline():
            if line.upper().startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                break
            writer.write(b"250 relay\r\n")
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _copy_orders(data: Path, to: Path, numbers: Collection[str]) -> None:
    """Copy a shop's files with these of its orders only."""
    shutil.copytree(data, to, dirs_exist_ok=True)
    for name in ("orders", "order_lines"):
        head, *rows = (data / f"{name}.csv").read_text("utf-8").splitlines()
        kept = [row for row in rows if row.split(",", 1)[0] in numbers]
        (to / f"{name}.csv").write_text("\n".join([head, *kept, ""]), "utf-8")


async def hold_a_run(into: Path, as_of: date) -> Mapping[str, str]:
    """Let a product in the warehouse be damaged after the day's run, so that the next run would tell too many orders.

    The policy gets its limit after the day's run, which tells all that was late before. Returns why the run is held.
    """
    from flows.late_orders import run_late_orders

    shop = into / "shop"
    with (shop / "policy.toml").open("a", encoding="utf-8") as policy:
        policy.write(LIMIT)
    _damage_product(shop / "data", as_of)
    with isolated_settings(GivenSettings(shop=shop, home=into)), open_app() as app:
        return (await run_late_orders(app, as_of, import_first=True)).held


def _damage_product(data: Path, as_of: date) -> None:
    """Let the product that most customers wait for, and that was to come in time, come on a later day."""
    lines, back_on = _read(data / "order_lines.csv"), f"{as_of + timedelta(days=DAMAGED_DAYS)}"
    cancelled = {row["order_no"] for row in _read(data / "orders.csv") if row["cancelled_at"]}
    open_lines = [row for row in lines if row["order_no"] not in cancelled and _is_on_time(row, as_of)]
    if not open_lines:
        return  # a shop of one or two orders
    [(product, _)] = Counter(row["sku"] for row in open_lines).most_common(1)
    for row in open_lines:
        if row["sku"] == product:
            row["expected"] = back_on
    _write(data / "order_lines.csv", lines)
    stock = _read(data / "stock.csv")
    _write(
        data / "stock.csv", [row | {"on_hand": "0", "reserved": "0"} if row["sku"] == product else row for row in stock]
    )
    deliveries = _read(data / "deliveries.csv")
    last = next(row for row in reversed(deliveries) if row["sku"] == product)
    new = {
        "delivery_no": "D500",
        "promised": f"{as_of}",
        "expected": back_on,
        "received_at": "",
        "reason": "damaged in transit",
    }
    _write(data / "deliveries.csv", [*deliveries, last | new])


def _is_on_time(line: Mapping[str, str], as_of: date) -> bool:
    """Return whether a line is to come, and no later than promised."""
    is_open = not (line["dispatched_at"] or line["delivered_at"] or line["cancelled_at"])
    return is_open and line["promised"] >= f"{as_of}" and line["expected"] <= line["promised"]


def _read(file: Path) -> list[Row]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def _write(file: Path, rows: list[Row]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
