"""A shop with one customer whose markers came in by every way there is, and a neighbour who stays."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import select
from sqlmodel import SQLModel

from app.composition import isolated_settings, open_app
from flows.deliver import run_deliver
from flows.late_orders import run_late_orders
from models.callbacks import Callback, CallbackSource
from models.config.settings import GivenSettings
from models.customers import Act
from models.reasons import DelayReason, ReasonScope
from sources.sample import write_sample
from tasks.callbacks.append import append_callbacks
from tasks.customers.choice_tasks import give_reason
from tasks.customers.links import create_link
from tasks.customers.new_links import send_new_link
from tasks.db.events import record_events
from tasks.notices.suppressions import suppress
from tasks.orders.staff_reasons import set_reason
from tasks.staff.audit import record
from tasks.tables import NOTICES
from tests.support.at_once import run_at_once
from tests.support.choosing import Visitor

DAY = date(2026, 6, 15)
NOON = datetime(2026, 6, 15, 10, tzinfo=UTC)
ID = "quokka.id@example.net"
"""The customer's id, which is a mail address, as for guests."""
EMAIL, PHONE, E164 = "Wombat.Mail@example.org", "0151 23456789", "+4915123456789"
MARKERS = {
    "id": "quokka.id", "first name": "Zebulonia", "last name": "Quastelmarx", "mail": "wombat.mail",
    "phone": "23456789", "recipient": "Numbatia", "street": "Bandicootweg", "town": "Potoroohausen",
    "postcode": "98761", "note": "bilbynote", "page": "kowaripage", "tracking": "dunnarttrack",
    "reason of staff": "quollreason", "free text": "pademelonwish", "rejected": "bettongreject",
    "payload": "europayload", "reason of a suppression": "Zebulonia rang", "user agent": "glideragent",
    "reason of an act": "numbatact",
}  # fmt: skip
"""A text for each thing that is personal; each occurs nowhere else."""
FILES = {
    "customers.csv": (
        "customer_no,full_name,email,phone,country,language,time_zone,contact_by,sms_ok,newsletter,stop_all",
        f"{ID},Zebulonia Quastelmarx,{EMAIL},{PHONE},DE,en_US,Europe/Berlin,,yes,yes,no",
        "C2,Bert Nachbar,bert@example.org,,DE,en_US,Europe/Berlin,,no,yes,no",
    ),
    "orders.csv": (
        "order_no,customer_no,ordered_at,cancelled_at,currency,shipping,recipient,street,postcode,city,url,note",
        (
            f"1001,{ID},2026-05-01 01:32:00,,EUR,0.00,Numbatia Q,Bandicootweg 7,98761,Potoroohausen,"
            "https://x.example/kowaripage,bilbynote"
        ),
        "1002,C2,2026-05-02 11:07:00,,EUR,4.90,,,,,,",
        f"1003,{ID},bettongreject,,EUR,0.00,Numbatia Q,,,,,",
    ),
    "order_lines.csv": (
        (
            "order_no,line,sku,qty,unit_price,promise,promised,expected,dispatched_at,delivered_at,cancelled_at,"
            "ship_by,carrier,service,scanned_at,scan"
        ),
        "1001,1,LL-1302,1,175.00,arrival,2026-06-02,2026-07-08,,,,,,,,",
        "1001,2,LL-1302,1,175.00,arrival,2026-06-02,2026-06-02,2026-06-01 10:00:00,,,,,,,",
        "1002,1,LL-1505,2,41.00,arrival,2026-06-02,2026-07-09,,,,,,,,",
    ),
    "parcels.csv": ("order_no,line,parcel,qty,dispatched_at,tracking", "1001,2,P1,1,2026-06-01 10:00:00,dunnarttrack"),
}
SELECTS = {
    "orders.sql": """SELECT CAST(order_no AS VARCHAR) AS id, customer_no AS customer_id, ordered_at AS placed_at,
cancelled_at, currency, CAST(shipping AS DECIMAL(10, 2)) AS shipping_fee, recipient, street, CAST(postcode AS VARCHAR)
AS postcode, city, url, note AS _note FROM 'orders.csv'""",
    "shipments.sql": """SELECT CAST(order_no AS VARCHAR) AS order_id, CAST(line AS VARCHAR) AS number, parcel AS id,
qty AS quantity, dispatched_at AS shipped_at, tracking AS tracking_number,
'https://t.example/' || tracking AS tracking_url FROM 'parcels.csv'""",
}


class PlantedShop:
    """The shop's folder and its state."""

    def __init__(self, folder: Path):
        self.folder, self.shop = folder, folder / "shop"
        self.settings = GivenSettings(
            shop=self.shop, home=folder, webhook_url="http://127.0.0.1:9/", webhook_secret="x"
        )
        write_sample(self.shop, orders=10, seed=7, as_of=DAY)
        for name, lines in FILES.items():
            (self.shop / "data" / name).write_text("".join(f"{line}\n" for line in lines))
        for name, text in SELECTS.items():
            (self.shop / "sources" / name).write_text(text)
        with (self.shop / "shop.toml").open("a") as shop:
            shop.write('\n[order_pages]\nurl = "https://orders.example.com"\n')
        with (self.shop / "policy.toml").open("a") as policy:
            policy.write("\n[guardrails]\nmax_data_age_hours = 0\nmin_orders = 50\n")

    @contextmanager
    def app(self):
        """Open the shop at noon of its day."""
        with isolated_settings(self.settings), open_app(self.shop) as app:
            yield replace(app, context=app.context.with_run("test", DAY, NOON))

    def run_day(self, on=DAY):
        """Import, decide and deliver."""
        with isolated_settings(self.settings), open_app(self.shop) as app:
            run_at_once(run_late_orders(app, on, import_first=True))
            run_at_once(run_deliver(app, on))

    def plant(self):
        """Let the person's markers in by every way but the import, which `run_day` takes."""
        with self.app() as app:
            context = app.context
            (notice,) = self.rows(NOTICES, order_id="1001", channel="email")
            create_link(context, "1001")
            assert send_new_link(context, "1001", EMAIL, NOON)
            visitor = Visitor(_Driver(context), "1001")
            visitor.now = NOON
            page = visitor.page
            option = next(one.key for one in page.open.cancels)
            chosen = visitor.choose(Act.CANCEL, option)
            give_reason(context, "1001", chosen.number, "pademelonwish: I am Zebulonia")
            reason = DelayReason("other", {"en": "quollreason"})
            set_reason(context, (ReasonScope.LINE, "1001/1"), reason, "eva")
            with context.engine.begin() as connection:
                suppress(connection, {E164: "Zebulonia rang"}, NOON, "eva")
                record_events(connection, [("unsuppressed", EMAIL.lower(), "wrote from " + EMAIL)], NOON, "eva")
                record_events(connection, [("bounced", "x", f"550 no mailbox {EMAIL}")], NOON, "eva")
                payload = {"email": EMAIL, "useragent": "glideragent", "x": "europayload"}
                callback = Callback(CallbackSource.SENDGRID, "k1", "delivered", payload, "r", notice["id"], EMAIL)
                append_callbacks(connection, [callback], NOON)
                act = {"at": NOON, "who": "eva", "kind": "order.hold", "what": "held order 1001"}
                record(connection, **act, subject_kind="order", subject="1001", why="numbatact: Zebulonia rang")
                record(connection, **act, subject_kind="run", subject="r", why=f"{EMAIL} is wrong")
        self.deliver()

    def deliver(self):
        with isolated_settings(self.settings), open_app(self.shop) as app:
            run_at_once(run_deliver(app, DAY))

    def rows(self, table, **values):
        """Return the rows of a table with these values."""
        with self.app() as app, app.context.engine.connect() as connection:
            query = select(table).where(*(table.c[name] == value for name, value in values.items()))
            return [dict(row) for row in connection.execute(query).mappings()]

    def found_in_tables(self):
        """Return each marker that is in a table, as (marker, table)."""
        with self.app() as app, app.context.engine.connect() as connection:
            texts = {
                name: "\n".join(str(tuple(row)) for row in connection.execute(select(table)))
                for name, table in SQLModel.metadata.tables.items()
            }
        return {(what, name) for what, marker in MARKERS.items() for name, text in texts.items() if has(text, marker)}

    def found_in_files(self):
        """Return each marker that is in a file of the state folder, as (marker, file)."""
        files = [file for file in (self.folder / "var").rglob("*") if file.is_file()]
        return {
            (what, file.name)
            for file in files
            for what, marker in MARKERS.items()
            if has(file.read_bytes().decode("utf-8", "replace"), marker) or has(file.name, marker)
        }


class _Driver:
    def __init__(self, context):
        self.context = context


def has(text, marker):
    return marker.lower() in text.lower()
