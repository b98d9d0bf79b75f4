"""How acts are undone: each area says it for its own kinds of acts."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from models.staff import AuditEntry, Right
from web.staff.forms import Form

if TYPE_CHECKING:
    from web.staff.visit import Visit

UNDO: "dict[str, Callable[[Visit, AuditEntry, Form], int]]" = {}
"""By an entry's kind: undoes the act, records it and returns the number of the new entry.

It records with `undoes=entry.id` and `form_id=form.id`, and calls `mark_undone`, all in one transaction. It raises
`tasks.staff.audit.AlreadyUndone`, or `web.staff.visit.Refused` with a sentence where the act cannot be undone any more.
"""
UNDO_RIGHTS: dict[str, Right] = {}
"""By an entry's kind: the right that undoing it needs, where it is another one than ACT."""
