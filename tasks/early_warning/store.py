"""Store each version of what was learnt, and load the one of a day."""

import json
import logging
import zlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Select, delete, select

from tasks.context import Context
from tasks.db.sql import upsert
from tasks.tables import LEARNT_MODELS

if TYPE_CHECKING:
    from rules.early_warning.model import WarningModel

LOG = logging.getLogger(__name__)
USED_DAYS = 7
"""Days for which a version is used when none was learnt since: the next ones would know too little of what is new."""
KEPT_DAYS = 400
_OPENED: "dict[str, WarningModel | None]" = {}
"""The version that was opened last: a run asks for it once a page. Its name is a digest of its content."""


@dataclass(frozen=True, slots=True)
class LearntState:
    """What is known of a version without opening it."""

    version: str
    as_of: date
    late_days: int
    source: str | None
    orders: int
    arrived: int
    late: int
    off_points: float | None
    drifted: bool


def save_model(
    connection: Connection, context: Context, model: "WarningModel", orders: int, off_points: float | None = None
) -> None:
    """Store a version, and delete those that are too old; the same version again replaces itself."""
    row = {
        "version": model.version,
        "as_of": model.as_of,
        "learnt_at": context.started_at,
        "late_days": model.late_days,
        "source": model.source,
        "orders": orders,
        "arrived": model.arrived,
        "late": model.late,
        "off_points": off_points,
        "drifted": model.drifted,
        "content": zlib.compress(json.dumps(model.to_dict()).encode()),
    }
    upsert(connection, LEARNT_MODELS, [row])
    connection.execute(delete(LEARNT_MODELS).where(LEARNT_MODELS.c.as_of < model.as_of - timedelta(days=KEPT_DAYS)))


def load_model(connection: Connection, as_of: date, late_days: int) -> "WarningModel | None":
    """Return the version to use on a day; None where none was learnt lately by the same meaning of late."""
    state = load_state(connection, as_of)
    if state is None or state.late_days != late_days or state.source is None:
        return None
    if state.version in (opened := dict(_OPENED)):  # another thread may open another version meanwhile
        return opened[state.version]
    content = connection.execute(
        select(LEARNT_MODELS.c.content).where(LEARNT_MODELS.c.version == state.version)
    ).scalar_one()
    model = _open(content, state.version)
    _OPENED.clear()
    _OPENED[state.version] = model
    return model


def _open(content: bytes, version: str) -> "WarningModel | None":
    """Return a stored model; None where it cannot be read, because facts are to be told without it."""
    # numpy takes a tenth of a second to import, and without a model nothing needs it.
    from rules.early_warning.model import WarningModel
    from rules.early_warning.stored import OtherVersion

    try:
        return WarningModel.from_dict(json.loads(zlib.decompress(content)))
    except OtherVersion:
        return None
    except (zlib.error, LookupError, TypeError, ValueError):
        LOG.exception("the learnt version %s cannot be read, so nobody is warned until the next one is learnt", version)
        return None


def load_state(connection: Connection, as_of: date) -> LearntState | None:
    """Return what is known of the version of a day; None where none was learnt lately."""
    names = LearntState.__dataclass_fields__
    row = connection.execute(_newest(as_of, *(LEARNT_MODELS.c[name] for name in names))).first()
    return None if row is None else LearntState(*row)


def has_learnt(connection: Connection) -> bool:
    """Return whether any version was ever learnt."""
    return connection.execute(select(LEARNT_MODELS.c.version).limit(1)).first() is not None


def _newest(as_of: date, *columns: ColumnElement[Any]) -> Select[Any]:
    lately = LEARNT_MODELS.c.as_of.between(as_of - timedelta(days=USED_DAYS), as_of)
    newest = (LEARNT_MODELS.c.as_of.desc(), LEARNT_MODELS.c.learnt_at.desc())
    return select(*columns).where(lately).order_by(*newest).limit(1)
