"""Measure the floor for recording notices: the same templates through bare Jinja, the same rows through bare sqlite3.

Nothing is found, evaluated or checked here; the values and rows are those that recording made, page by page, and
making them is not timed. The HTML of mails is compressed as recording does it, so that the same bytes are stored.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape

from app.clock import make_clock
from app.composition import App, open_app
from benchmarks.fresh import Spent, Watch
from benchmarks.shop import AS_OF
from models.decisions import Plan
from models.tables.stored_html import compress_html
from tasks.notices.evaluate import evaluate_page
from tasks.notices.summary import MAX_PLANS_SHOWN
from tasks.offers.substitute_stock import SubstituteStock
from tasks.runs.records import LATE_ORDERS, start_run
from templates.rendering import environment, formats
from templates.rendering.brand import palettes_of
from templates.rendering.fill_variables import notice_variables
from templates.rendering.shop_views import shop_view
from templates.rendering.silence import legal_sentences

Row = dict[str, Any]
FILES = {
    "email": ("{message}/subject.{words}.txt", "{message}/body.{words}.txt", "{message}/body.{words}.html"),
    "sms": ("{message}/sms.{words}.txt",),
}


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Recording and the floor, alternating page by page, so that other work on the machine slows both equally."""

    ours: Spent
    bare: Spent

    @property
    def share(self) -> float:
        """Return the speed of recording as a share of the floor's."""
        return self.bare.cpu_seconds / self.ours.cpu_seconds


def beside_the_floor(folder: Path, late: int) -> SideBySide:
    """Owe all late orders, and do the bare work for them."""
    ours, bare, told = Watch(), Watch(), 0
    with open_app(folder / "shop") as app, closing(_ledger(app)) as ledger, closing(_bare(folder, ledger)) as to:
        jinja = _plain_jinja(app.folder.shop.brand.accent)
        for plans in _pages(app, ours):
            rows = _rows(ledger, plans)
            notices = rows["notice"]
            given = [_given(app, plans[notice["order_id"]], notice) for notice in notices]
            with bare:
                written = [_render(jinja, *one) for one in given]
                _keep(to, rows | {"notice": _with_html(notices, written)})
            _check_stored(to, notices)
            told += len(plans)
    assert told == late, f"{told} orders were told, not {late}"
    return SideBySide(ours.spent(told), bare.spent(told))


def _ledger(app: App) -> sqlite3.Connection:
    ledger = sqlite3.connect(str(app.context.engine.url.database))
    ledger.row_factory = sqlite3.Row
    return ledger


def _bare(folder: Path, ledger: sqlite3.Connection) -> sqlite3.Connection:
    """Return a database with the ledger's own tables and indexes, its watches in place."""
    bare = sqlite3.connect(folder / "floor.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=NORMAL")
    bare.execute("PRAGMA cache_size=-65536")
    made = "SELECT sql FROM sqlite_master WHERE tbl_name IN ('notice', 'outbox', 'offer', 'watch') AND sql IS NOT NULL"
    for (sql,) in ledger.execute(made):
        bare.execute(sql)
    bare.execute("ATTACH ? AS ledger", (_file(ledger),))
    bare.execute("INSERT INTO main.watch SELECT * FROM ledger.watch")
    bare.execute("DETACH ledger")
    return bare


def _file(ledger: sqlite3.Connection) -> str:
    return str(ledger.execute("PRAGMA database_list").fetchone()["file"])


def _plain_jinja(accent: str | None) -> Environment:
    jinja = Environment(
        loader=FileSystemLoader(environment.BUILT_IN),
        autoescape=select_autoescape(["html"], default=False),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters.update(formats.FILTERS)
    jinja.globals.update(palettes_of(accent))
    return jinja


def _pages(app: App, watch: Watch) -> Iterator[dict[str, Plan]]:
    """Owe page after page; yield each page's plans by order."""
    after, shelves = None, SubstituteStock()
    context = start_run(app.context, LATE_ORDERS, AS_OF, make_clock(app.folder.shop.zone, AS_OF).now())
    while True:
        with watch:
            # A page's plans are kept only as far as people are shown them.
            page = evaluate_page(context, shelves, after, batch=MAX_PLANS_SHOWN)
        if page.last is None:
            return
        after = page.last
        yield {plan.delay.order.id: plan for plan in page.summary.plans}


def _rows(ledger: sqlite3.Connection, plans: Mapping[str, Plan]) -> dict[str, list[Row]]:
    """Return the rows that a page of plans left in the ledger, by table."""
    orders = "order_id IN ({})".format(", ".join(f"'{order}'" for order in plans))
    of = dict.fromkeys(("notice", "offer", "watch"), orders)
    of["outbox"] = f"id IN (SELECT id FROM notice WHERE {orders})"  # noqa: S608 - ours
    rows = {
        table: ledger.execute(f"SELECT * FROM {table} WHERE {which} ORDER BY rowid").fetchall()  # noqa: S608 - ours
        for table, which in of.items()
    }
    return {table: list(map(dict, found)) for table, found in rows.items()}


def _given(app: App, plan: Plan, notice: Row) -> tuple[list[str], dict[str, Any]]:
    """Return a notice's templates, and the values that its words name."""
    words = notice["locale"]
    says = legal_sentences(app.context.renderer.words, plan, words)
    given: dict[str, Any] = {
        **notice_variables(plan, app.folder.shop, silence=says.silence, rights=says.rights),
        "shop": shop_view(app.folder.shop, words),
        "lang": words.replace("_", "-"),
        "locale": plan.delay.order.customer.locale,
        "subject": notice["subject"],
    }
    late = given["late"]
    given["item"] = late[0].product.name if len(late) == 1 else ""
    return [file.format(message=plan.message, words=words) for file in FILES[notice["channel"]]], given


def _render(jinja: Environment, files: Sequence[str], given: dict[str, Any]) -> list[str]:
    return [jinja.get_template(file).render(given) for file in files]


def _with_html(notices: list[Row], written: list[list[str]]) -> list[Row]:
    """Return the rows of notices with the HTML of the mails that were written just now, compressed."""
    pairs = zip(notices, written, strict=True)
    return [row | {"html": compress_html(words[-1])} if row["channel"] == "email" else row for row, words in pairs]


def _keep(bare: sqlite3.Connection, rows: Mapping[str, list[Row]]) -> None:
    watches = rows["watch"]
    bare.execute("BEGIN")
    for table in ("notice", "outbox", "offer"):
        _insert(bare, table, rows[table])
    moved = ", ".join(f"{name} = :{name}" for name in watches[0] if name != "order_id")
    bare.executemany(f"UPDATE watch SET {moved} WHERE order_id = :order_id", watches)  # noqa: S608
    bare.execute("COMMIT")


def _insert(bare: sqlite3.Connection, table: str, rows: list[Row]) -> None:
    if rows:
        marks = ", ".join("?" for _ in rows[0])
        bare.executemany(f"INSERT INTO {table} VALUES ({marks})", [tuple(row.values()) for row in rows])  # noqa: S608 - ours


def _check_stored(bare: sqlite3.Connection, notices: list[Row]) -> None:
    """Check that the bare work stored the same mails, byte for byte, as recording."""
    for notice in notices:
        (html,) = bare.execute("SELECT html FROM notice WHERE id = ?", [notice["id"]]).fetchone()
        assert html == notice["html"], f"other words for {notice['order_id']}"
