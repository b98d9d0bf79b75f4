"""Read the form of a post: its texts, networks, hour and picture, with what is wrong in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from models.enums import NETWORK_NAMES, NETWORKS, PostKind
from models.messages import Picture
from models.posts import PostWords
from rules.posts.local_times import LocalMoment, NoSuchTimeError, moment_of
from tasks.posts.pictures import BadPicture, redraw_picture
from web.staff.forms import Form
from web.staff.list_parts import sentence
from web.staff.visit import Visit

KINDS = (
    (PostKind.OWN, "What I write (nothing in it is checked again)"),
    (PostKind.LATE, "It is late (withdrawn when no order waits for it any more)"),
    (PostKind.BACK, "It is back in stock (withdrawn when none is left)"),
    (PostKind.LOW, "It is nearly sold out (withdrawn when none is left)"),
)
"""What a post says about its product, and what becomes of it when that is not so any more."""


@dataclass(frozen=True, slots=True)
class NetworkChoice:
    """A network in the form: whether it may be chosen, and the text that is for it alone."""

    key: str
    name: str
    may_choose: bool
    note: str
    text: str


@dataclass(frozen=True, slots=True)
class Given:
    """What a form says."""

    words: PostWords
    is_first_of_two: bool = False
    """Whether the time exists twice that day, and the first was taken."""


def network_choices(
    visit: Visit, texts: Mapping[str, str] | None = None, chosen: Sequence[str] = ()
) -> list[NetworkChoice]:
    """Return the networks of the form; a post for one without a provider is kept in the local outbox."""
    found = []
    for network in NETWORKS:
        is_open = network in visit.context.open_networks
        is_connected = network in visit.context.connected_networks
        note = "" if is_connected else "Kept here, not published: no provider is set."
        own = (texts or {}).get(network, "")
        found.append(NetworkChoice(str(network), NETWORK_NAMES[network], is_open or network in chosen, note, own))
    return found


def read_post_form(visit: Visit, form: Form, *, description: str | None = None) -> Given:
    """Return what a form says; `description` is that of the picture which the post has, None where it has none."""
    networks = tuple(str(one) for one in NETWORKS if one in form.all("networks"))
    texts = {network: form.lines(f"text_{network}") for network in networks}
    at = _publish_at(visit, form)
    picture, without = _picture(form), bool(form.text("drop_picture"))
    told = form.text("description")
    if (picture is not None or (description is not None and not without)) and not told:
        form.wrong("description", "Say what the picture shows, for people who do not see it.")
    words = PostWords(
        text=form.lines("text"),
        networks=networks,
        texts={network: text for network, text in texts.items() if text},
        publish_at=at.at if at else None,
        picture=picture,
        without_picture=without and picture is None,
        description=told,
    )
    if not words.text and not (networks and len(words.texts) == len(networks)):
        form.wrong("text", "Write the text.")
    return Given(words, at.is_first_of_two if at else False)


def _publish_at(visit: Visit, form: Form) -> LocalMoment | None:
    day, clock = form.day("day", "Enter a day, such as 2025-11-25."), form.text("time")
    if form.error("day") or (day is None and not clock):
        return None
    try:
        at = time.fromisoformat(clock).replace(second=0, microsecond=0, tzinfo=None) if clock else None
    except ValueError:
        form.wrong("time", "Enter a time, such as 10:00.")
        return None
    if day is None or at is None:
        missing = "day" if day is None else "time"
        form.wrong(missing, f"Enter the {missing}, too; or leave both empty to publish as soon as it is approved.")
        return None
    try:
        moment = moment_of(day, at, visit.context.zone)
    except NoSuchTimeError as error:
        text = f"On {visit.day(day)} clocks skip {at:%H:%M}. The next time that they show is {error.following:%H:%M}."
        form.wrong("time", text)
        return None
    if moment.at <= visit.now:
        form.wrong("day", "This time has passed. Leave day and time empty to publish as soon as it is approved.")
        return None
    return moment


def _picture(form: Form) -> Picture | None:
    content = form.files.get("picture")
    if not content:
        return None
    try:
        return redraw_picture(content, form.text("description"))
    except BadPicture as error:
        form.wrong("picture", sentence(str(error)))
        return None


def local_day_and_time(visit: Visit, at: datetime | None) -> tuple[str, str]:
    """Return the values of the two fields of a moment."""
    if at is None:
        return "", ""
    local = at.astimezone(visit.context.zone)
    return local.date().isoformat(), f"{local:%H:%M}"
