"""Check of early warnings: whether what they rest on was learnt lately, and for what the policy calls late."""

from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

from app.clock import make_clock
from app.health.check import Check
from app.health.ledger import open_existing_ledger
from models.config.settings import Settings
from models.config.shop import ShopFolder
from models.errors import ForewarnError
from models.quantities import counted
from tasks.db.migrations import newest, version
from tasks.db.sql import read_only
from tasks.early_warning.store import USED_DAYS, LearntState, has_learnt, load_state


def check_warnings(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    """Report what warnings rest on; nothing where the shop warns of nothing or has learnt nothing so far."""
    if not folder.policy.warning.on:
        return
    try:
        with open_existing_ledger(settings, folder) as engine:
            if version(engine) != newest():
                return
            with read_only(engine) as connection:
                state = load_state(connection, make_clock(folder.shop.zone, None).as_of)
                is_old = state is None and has_learnt(connection)
    except (DBAPIError, ForewarnError):
        return  # check_ledger reports it
    if state is not None:
        yield _learnt(state, folder.policy.warning.late_days)
    elif is_old:
        found = f"nothing was learnt in the last {USED_DAYS} days, so nobody is warned"
        yield Check("warnings", found, "`forewarn learn`; see that the deployment `learn` is scheduled", bad=True)


def _learnt(state: LearntState, late_days: int) -> Check:
    if state.source is None:
        return Check(
            "warnings", f"nobody is warned: {counted(state.arrived, 'order')} arrived so far, which is too few"
        )
    learnt = f"{state.late:,} of {state.orders:,} past orders ended {counted(state.late_days, 'day')} late or more"
    if state.late_days != late_days:
        found = f"{learnt}, and the policy says {counted(late_days, 'day')} by now"
        return Check("warnings", found, "the next run of late-orders learns it again before it warns anybody")
    return Check("warnings", f"{learnt}, learnt on {state.as_of}")
