"""What is around every page of the desk: navigation by rights, search, person, zone, and a notice."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.staff import AuditEntry, Person, Right, Scheme
from web.page_templates import render_page
from web.staff.addresses import DESK, desk_address
from web.static_files import DESK_STYLE, SCRIPT, STYLE, shared_file

NAVIGATION = (
    ("Today", "", Right.SEE),
    ("Orders", "orders", Right.SEE),
    ("Late products", "products", Right.SEE),
    ("Queue", "queue", Right.SEE),
    ("In doubt", "in-doubt", Right.SEE),
    ("Runs", "runs", Right.SEE),
    ("Vendors", "vendors", Right.SEE),
    ("Stock", "stock", Right.SEE),
    ("Posts", "posts", Right.SEE),
    ("Templates", "templates", Right.SEE),
    ("Policy", "policy", Right.SEE),
    ("Results", "results", Right.SEE),
    ("Numbers", "numbers", Right.SEE),
    ("Log", "log", Right.SEE),
    ("People", "people", Right.ADMINISTER),
    ("Settings", "settings", Right.ADMINISTER),
)


@dataclass(frozen=True, slots=True)
class NavLink:
    """A link of the navigation; `here` on the pages below it."""

    url: str
    text: str
    here: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """What was just done, and the way to undo it."""

    text: str
    undo: str
    """Empty: it cannot be undone here."""


@dataclass(frozen=True, slots=True)
class DeskFrame:
    """What is around a page."""

    title: str
    heading: str
    shop: str
    zone: str
    lang: str
    style: str
    brand: str
    desk_style: str
    script: str
    scheme: str
    """`light` or `dark`; empty: the system's."""
    home: str
    person: str
    """Empty on pages for nobody."""
    roles: str
    links: tuple[NavLink, ...]
    search: str
    """What was searched for."""
    account: str
    sign_out: str
    notices: tuple[Notice, ...]
    warnings: tuple[str, ...]
    """Lines under the bar: a trial, another day than today."""


def desk_file(name: str) -> str:
    """Return the address of a file of the desk; another content has another address."""
    return f"{DESK}/static/{name}?v={shared_file(name).digest}"


def frame(
    *,
    shop: str,
    zone: str,
    title: str,
    heading: str | None = None,
    person: Person | None = None,
    path: str = "",
    search: str = "",
    notices: Sequence[Notice] = (),
    warnings: Sequence[str] = (),
    is_wrong: bool = False,
) -> DeskFrame:
    """Return the frame of a page; without a person it has neither navigation nor search."""
    scheme = person.scheme if person else Scheme.SYSTEM
    return DeskFrame(
        title=f"{'Error: ' if is_wrong else ''}{title} - Forewarn",
        heading=title if heading is None else heading,
        shop=shop,
        zone=zone.rpartition("/")[2].replace("_", " "),
        lang="en",
        style=desk_file(STYLE),
        brand="",
        desk_style=desk_file(DESK_STYLE),
        script=desk_file(SCRIPT),
        scheme="" if scheme == Scheme.SYSTEM else scheme,
        home=DESK,
        person=person.name if person else "",
        roles=", ".join(sorted(person.roles)) if person else "",
        links=_links(person, path) if person else (),
        search=search,
        account=desk_address("account"),
        sign_out=desk_address("sign-out"),
        notices=tuple(notices),
        warnings=tuple(warnings),
    )


def _links(person: Person, path: str) -> tuple[NavLink, ...]:
    return tuple(
        NavLink(url, text, here=path == url or (name != "" and path.startswith(f"{url}/")))
        for text, name, right in NAVIGATION
        if person.may(right)
        for url in [desk_address(name) if name else DESK]
    )


def done_notice(entry: AuditEntry, *, can_undo: bool) -> Notice:
    """Return the notice about an act."""
    undo = desk_address("log", str(entry.id), "undo") if can_undo and entry.undone_by is None else ""
    return Notice(f"You {entry.what.rstrip('.')}.", undo)


def render_desk(template: str, around: DeskFrame, **values: object) -> str:
    """Return a page."""
    return render_page(template, frame=around, **values)
