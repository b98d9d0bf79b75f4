"""The first page of the desk."""

from collections.abc import Sequence

from starlette.responses import Response

from models.staff import Right
from web.staff.desk import Desk, StaffRoute
from web.staff.visit import Visit


def routes(_: Desk) -> Sequence[StaffRoute]:
    """Return the first page."""
    return [StaffRoute("", Right.SEE, show)]


def show(visit: Visit) -> Response:
    """Return what waits for a person, and what happened."""
    return visit.page(
        "desk/today.html", title="Today", heading=f"Today, {visit.today:%A} {visit.today.day} {visit.today:%B}"
    )
