"""Which shop owns the ledger: recorded when the ledger is first opened, and checked each time after that."""

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
"""The kind of event when a shop takes over a ledger."""
SUBJECT = "ledger"


class WrongShop(ForewarnError):
    """The ledger belongs to another shop; the message names both shops and what to do."""


def load_owner(engine: Engine) -> Identity | None:
    """Return the shop that owns a ledger; None where none is recorded, as in ledgers of older versions."""
    with read_only(engine) as connection:
        if not inspect(connection).has_table(LEDGER_OWNERS.name):
            return None
        return _load_owner(connection)


def _load_owner(connection: Connection) -> Identity | None:
    row = connection.execute(select(LEDGER_OWNERS.c.shop_id, LEDGER_OWNERS.c.name, LEDGER_OWNERS.c.folder)).first()
    return None if row is None else Identity(*row)


def check_owner(engine: Engine, where: str, shop: Identity) -> None:
    """Raise WrongShop for a ledger of another shop, before anything in it is read or changed.

    A ledger without an owner, of an older version, is accepted for a shop folder without an id. A folder with an id
    could be any shop's: a person must confirm that the ledger is its own.
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
    """Record the owner of a ledger that has none; raises WrongShop where another shop was first."""
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
    """Make a shop the owner of a ledger, whoever owned it before, and record who decided so."""
    with engine.begin() as connection:
        former = _load_owner(connection)
        new = insert(connection, LEDGER_OWNERS).values(_row(shop, now))
        changed = {name: new.excluded[name] for name in ("shop_id", "name", "folder", "since")}
        connection.execute(new.on_conflict_do_update(index_elements=["number"], set_=changed))
        why = f"from {former or 'nobody known'} to {shop}"
        record_events(connection, [(ADOPTED, SUBJECT, why)], now, who)


def _row(shop: Identity, now: datetime) -> Mapping[str, Any]:
    return {"number": 1, "shop_id": shop.id, "name": shop.name, "folder": shop.folder, "since": now}
