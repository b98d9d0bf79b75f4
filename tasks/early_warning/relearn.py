"""Learn at once where the policy calls other orders late than before."""

from typing import TYPE_CHECKING

from tasks.context import Context
from tasks.db.sql import read_only
from tasks.early_warning.store import load_state

if TYPE_CHECKING:
    from tasks.early_warning.learn import Learnt


def learn_changed(context: Context) -> "Learnt | None":
    """Learn where the policy has other days by late than the version in use; return None where it has the same.

    What was learnt says how many orders end late by the days of before, so nobody could be warned until the next night.
    """
    warning = context.policy.warning
    with read_only(context.engine) as connection:
        state = load_state(connection, context.as_of)
    if not warning.on or state is None or state.late_days == warning.late_days:
        return None
    # numpy takes a tenth of a second to import, and hardly a run needs it here.
    from tasks.early_warning.learn import learn_from, read_past

    return learn_from(context, read_past(context), warning.late_days)
