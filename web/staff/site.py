"""The desk of a shop: its areas, below `/desk`."""

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from starlette.routing import BaseRoute, Mount, Route

from tasks.context import Context
from web.security import SecurityHeaders
from web.staff import (
    account,
    answers,
    brand,
    deadlines,
    doubts,
    log,
    numbers,
    orders,
    passwords,
    people,
    post_editor,
    post_pages,
    posts,
    products,
    queue,
    reading,
    replies,
    results,
    runs,
    settings,
    sign_in,
    stock,
    story,
    templates,
    today,
    vendors,
)
from web.staff.acts import routes as acts
from web.staff.addresses import DESK
from web.staff.desk import Desk, Services, StaffRoute, static_routes
from web.staff.guard import DESK_HEADERS
from web.staff.policy import pages as policy
from web.staff.policy import versions as policy_versions

AREAS: tuple[Callable[[Desk], Sequence[StaffRoute]], ...] = (
    sign_in.routes,
    account.routes,
    log.routes,
    people.routes,
    settings.routes,
    brand.routes,
    today.routes,
    orders.routes,
    story.routes,
    acts.routes,
    vendors.routes,
    stock.routes,
    results.routes,
    numbers.routes,
    runs.routes,
    queue.routes,
    doubts.routes,
    reading.routes,
    answers.routes,
    deadlines.routes,
    replies.routes,
    products.routes,
    posts.routes,
    post_editor.routes,
    post_pages.routes,
    policy.routes,
    policy_versions.routes,
    templates.routes,
)
"""Each area returns its pages."""


def build_desk(context: Context, clock: Callable[[], datetime], services: Services = Services()) -> Desk:  # noqa: B008 - frozen
    """Return the desk with all its pages."""
    desk = Desk(context, clock, services)
    desk.add_open(static_routes())
    desk.add_open(sign_in.open_routes(desk))
    desk.add_open(passwords.open_routes(desk))
    if services.company is not None:
        # Here, because only a shop with a company's sign-in needs Authlib.
        from web.staff import oidc

        desk.add_open(
            oidc.open_routes(desk, oidc.Provider(services.company), context.link_key or secrets.token_bytes(32))
        )
    for routes in AREAS:
        desk.add(routes(desk))
    return desk


def staff_routes(
    context: Context,
    clock: Callable[[], datetime],
    services: Services = Services(),  # noqa: B008 - frozen
) -> list[BaseRoute]:
    """Return the routes of the desk."""
    app = SecurityHeaders(build_desk(context, clock, services), DESK_HEADERS)
    mount = Mount(DESK, app=app)
    # An id may have a line break, too.
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return [Route(DESK, app, include_in_schema=False), mount]
