"""One request of a signed-in person, and the answers to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from models.staff import AuditEntry, Person
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.staff.audit import load_entry
from web.staff.forms import NEW, Form, FormSigner, clean
from web.staff.frame import Notice, done_notice, frame, render_desk
from web.staff.undo import UNDO

if TYPE_CHECKING:
    from models.schedules import ScheduledStart
    from web.staff.desk import Desk

SEE_OTHER, UNPROCESSABLE, NOT_FOUND, CONFLICT = 303, 422, 404, 409
NOTICED_FOR = timedelta(minutes=10)


class Refused(Exception):
    """Raised for an act that is not possible any more; its sentence is shown with status 409."""

    def __init__(self, sentence: str, **values: Any) -> None:
        super().__init__(sentence)
        self.sentence, self.values = sentence, values


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of a signed-in person."""

    person: Person
    request: Request
    now: datetime
    """In UTC."""
    context: Context
    """As of now."""
    desk: "Desk"
    session_id: str
    """The hash of the session's token."""
    signer: FormSigner
    path_values: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that only reads."""
        with read_only(self.context.engine) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open one transaction."""
        with self.context.engine.begin() as connection:
            yield connection

    def path(self, name: str) -> str:
        """Return a part of the path, decoded."""
        return self.path_values[name]

    def query(self, name: str, default: str = "") -> str:
        """Return a value of the address's query."""
        return clean(self.request.query_params.get(name, default))

    @property
    def here(self) -> str:
        """Return the path of this page, still encoded, without its query."""
        return self.desk.path_of(self.request)

    @property
    def origin(self) -> str:
        """Return scheme and host as people's browsers have them."""
        url = self.request.url
        return self.desk.services.desk_url or self.request.headers.get("origin") or f"{url.scheme}://{url.netloc}"

    @property
    def today(self) -> date:
        """Return the day in the shop's zone."""
        return self.context.as_of

    def start_of(self, flow: str) -> "ScheduledStart | None":
        """Return when a flow starts by the schedule; None where it has none."""
        starts = self.desk.services.starts
        return starts(self.now).get(flow) if starts else None

    def act(self, form: Form) -> dict[str, Any]:
        """Return who acts, when and by which form, for `tasks.staff.audit.record`."""
        return {"at": self.now, "who": self.person.name, "person_id": self.person.id, "form_id": form.id}

    def page(
        self,
        template: str,
        *,
        title: str,
        heading: str | None = None,
        status: int = 200,
        form: Form = NEW,
        search: str = "",
        **values: Any,
    ) -> Response:
        """Return a page; a form with errors is shown again with status 422."""
        around = frame(
            shop=self.context.shop.name,
            zone=self.context.shop.zone,
            title=title,
            heading=heading,
            person=self.person,
            path=self.here,
            search=search,
            notices=self._notices(),
            is_wrong=bool(form.errors),
        )
        html = render_desk(
            template,
            around,
            form=form,
            form_token=partial(self.signer.sign),
            may={right.value: self.person.may(right) for right in self.desk.rights},
            **values,
        )
        return HTMLResponse(html, UNPROCESSABLE if form.errors and status == 200 else status)

    def done(self, address: str, entry_id: int) -> Response:
        """Send the browser to a page, which says what was done."""
        before, _, fragment = address.partition("#")
        mark = "&" if "?" in before else "?"
        return self.see(f"{before}{mark}done={entry_id}{'#' if fragment else ''}{fragment}")

    def see(self, address: str) -> Response:
        """Send the browser to a page."""
        return RedirectResponse(address, SEE_OTHER)

    def not_found(self, sentence: str) -> Response:
        """Return the page about a thing that does not exist."""
        return self.page("desk/problem.html", title="Not found", status=NOT_FOUND, texts=[sentence], links=())

    def conflict(self, sentence: str, **values: Any) -> Response:
        """Return the page about an act that somebody else was faster with, or that is too late."""
        texts, links = [sentence, *values.get("texts", ())], values.get("links", ())
        return self.page("desk/problem.html", title="Nothing was changed", status=CONFLICT, texts=texts, links=links)

    def moment(self, at: datetime) -> str:
        """Return a moment in the shop's zone: `14:03` today, `Mon 24 Nov, 14:03` on another day."""
        local = at.astimezone(self.context.zone)
        return f"{local:%H:%M}" if local.date() == self.today else f"{self.day(local.date())}, {local:%H:%M}"

    def full_moment(self, at: datetime) -> str:
        """Return a moment with its day: `Mon 24 Nov, 14:03`."""
        local = at.astimezone(self.context.zone)
        return f"{self.day(local.date())}, {local:%H:%M}"

    def day(self, day: date) -> str:
        """Return a day: `Tue 16 Dec`, with its year when it is another one."""
        return f"{day:%a} {day.day} {day:%b}" + ("" if day.year == self.today.year else f" {day.year}")

    def _notices(self) -> tuple[Notice, ...]:
        entry = self._just_done()
        return (done_notice(entry, can_undo=entry.kind in UNDO),) if entry else ()

    def _just_done(self) -> AuditEntry | None:
        number = self.query("done")
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            return None
        with self.reading() as connection:
            entry = load_entry(connection, int(number))
        is_own = entry is not None and entry.person_id == self.person.id
        return entry if entry and is_own and self.now - entry.at < NOTICED_FOR else None


def visit_context(context: Context, now: datetime) -> Context:
    """Return the context as of now."""
    return replace(context, as_of=now.astimezone(context.zone).date(), started_at=now.astimezone(UTC))
