"""Whose the ledger is: written down at its first opening, and compared at every other."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, inspect, select, update

from models.errors import ForewarnError
from models.identity import Identity
from rules.ownership import is_same_shop, refusal
from tasks.db.events import record_events
from tasks.db.sql import insert, read_only
from tasks.tables import LEDGER_OWNERS, ORDERS

ADOPTED = "adopted"
"""The event of a ledger that was taken over."""
SUBJECT = "ledger"


class WrongShop(ForewarnError):
    """The ledger is another shop's; says both shops, and what to do."""


def load_owner(engine: Engine) -> Identity | None:
    """Return whose a ledger is; None where it does not say, as those from before Forewarn asked."""
    with read_only(engine) as connection:
        if not inspect(connection).has_table(LEDGER_OWNERS.name):
            return None
        return _load_owner(connection)


def _load_owner(connection: Connection) -> Identity | None:
    row = connection.execute(select(LEDGER_OWNERS.c.shop_id, LEDGER_OWNERS.c.name, LEDGER_OWNERS.c.folder)).first()
    return None if row is None else Identity(*row)


def check_owner(engine: Engine, where: str, shop: Identity) -> None:
    """Refuse a ledger of another shop before anything in it is read or changed; raises WrongShop.

    A ledger from before owners were written down is taken by a folder from before ids; a folder with an id may be
    any shop's, so a person must say that the ledger is its own.
    """
    owner = load_owner(engine)
    if owner is not None:
        _check_same_shop(owner, where, shop)
    elif shop.id is not None and _predates_ownership(engine):
        raise WrongShop(
            f"the ledger at {where} does not say whose it is, for an older Forewarn wrote it: if it is the ledger of "
            f"{shop}, `forewarn ledger adopt` says so; otherwise name this shop's own by FOREWARN_DATABASE_URL"
        )


def _predates_ownership(engine: Engine) -> bool:
    with read_only(engine) as connection:
        tables = inspect(connection)
        return (
            tables.has_table(ORDERS.name)
            and not tables.has_table(LEDGER_OWNERS.name)
            and connection.execute(select(ORDERS.c.id).limit(1)).first() is not None
        )


def _check_same_shop(owner: Identity, where: str, shop: Identity) -> None:
    if not is_same_shop(owner, shop):
        raise WrongShop(f"the ledger at {where} {refusal(owner, shop)}")


def record_owner(engine: Engine, where: str, shop: Identity, now: datetime) -> None:
    """Write down whose a ledger is, where it does not say yet; raises WrongShop where another shop was first."""
    owner = load_owner(engine)
    if owner is None:
        with engine.begin() as connection:
            connection.execute(insert(connection, LEDGER_OWNERS).values(_row(shop, now)).on_conflict_do_nothing())
            owner = _load_owner(connection) or shop
    _check_same_shop(owner, where, shop)
    if owner.id is None and shop.id is not None:
        with engine.begin() as connection:
            connection.execute(update(LEDGER_OWNERS).where(LEDGER_OWNERS.c.shop_id.is_(None)).values(shop_id=shop.id))


def adopt(engine: Engine, shop: Identity, now: datetime, who: str) -> None:
    """Make a ledger a shop's, whosever it was, and keep who said so."""
    with engine.begin() as connection:
        before = _load_owner(connection)
        new = insert(connection, LEDGER_OWNERS).values(_row(shop, now))
        changed = {name: new.excluded[name] for name in ("shop_id", "name", "folder", "since")}
        connection.execute(new.on_conflict_do_update(index_elements=["number"], set_=changed))
        why = f"from {before or 'nobody known'} to {shop}"
        record_events(connection, [(ADOPTED, SUBJECT, why)], now, who)


def _row(shop: Identity, now: datetime) -> Mapping[str, Any]:
    return {"number": 1, "shop_id": shop.id, "name": shop.name, "folder": shop.folder, "since": now}
