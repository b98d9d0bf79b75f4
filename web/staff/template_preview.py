"""Previews of messages: each is its own page in a sandboxed frame, with the mail in a frame of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from babel import Locale
from starlette.responses import HTMLResponse, Response

from models.versions import Area
from tasks.versions.history import version
from templates.rendering import frames
from templates.rendering.drafts import Words, all_messages, draft_folder, second_wordings
from templates.rendering.environment import TemplateError
from templates.rendering.formats import parse_locale
from templates.rendering.previews import NOTICE_CASES, Preview, cases_of, render_preview
from web.page_templates import render_page
from web.staff.brand import in_scheme
from web.staff.forms import Form
from web.staff.list_parts import listed_words
from web.staff.template_words import Measured, field_of, measures, part_name
from web.staff.visit import Visit

PREVIEW_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src {images}; "
    "style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Of a page in a frame: it runs nothing, and the mail in it may have its own styles."""
WIDTHS = {"wide": "Wide", "phone": "Phone"}


@dataclass(frozen=True, slots=True)
class Look:
    """How a preview is looked at."""

    case: str
    width: str = "wide"
    is_dark: bool = False
    has_images: bool = True


def look_of(given: Mapping[str, str], cases: Mapping[str, str]) -> Look:
    """Return how a preview is to be looked at, by the values of a form or of an address."""
    case, width = given.get("case", ""), given.get("width", "")
    return Look(
        case if case in cases else next(iter(cases), next(iter(NOTICE_CASES))),
        width if width in WIDTHS else "wide",
        is_dark=given.get("dark") == "yes",
        has_images=given.get("images") != "off",
    )


def own_folder(visit: Visit) -> Path | None:
    """Return the folder of the shop's own templates; None without one."""
    services = visit.desk.services
    folder = services.edits.folder / "templates" if services.edits else services.own_templates
    return folder if folder and folder.is_dir() else None


def words_of(visit: Visit, language: str) -> Words | None:
    """Return the message of a page in a language; None for a message that the shop does not have."""
    message, policy = visit.path("message"), visit.context.policy
    second = second_wordings(policy).get(message)
    if second is None and message not in (*frames.FILES, *all_messages(policy)):
        return None
    if message == frames.FRAME:
        language = frames.NO_LANGUAGE
    locale = parse_locale(language or visit.context.shop.locale)
    return Words(message, str(locale), second.message if second else "", own_folder(visit)) if locale else None


def show(visit: Visit) -> Response:
    """Return the preview of the words in use, or of a version."""
    words = words_of(visit, visit.query("lang"))
    if words is None:
        return visit.not_found("There is no such message.")
    texts: Mapping[str, str | None] = {}
    if (number := visit.query("version")).isdecimal() and len(number) < 9:
        with visit.reading() as connection:
            found = version(connection, Area.WORDS, words.subject, int(number))
        if found is None:
            return visit.not_found(f"There is no version {number}.")
        texts = found.files
    look = look_of(visit.request.query_params, cases_of(words.sent_as, visit.context.shop))
    return respond(visit, words, texts, look)


def show_draft(visit: Visit, form: Form, words: Words, texts: Mapping[str, str | None]) -> Response:
    """Return the preview of what somebody is writing."""
    given = {name: form.text(name) for name in ("case", "width", "dark", "images")}
    problem = form.errors[0].message if form.errors else ""
    return respond(visit, words, texts, look_of(given, cases_of(words.sent_as, visit.context.shop)), problem)


def rendered(visit: Visit, words: Words, texts: Mapping[str, str | None], case: str) -> Preview:
    """Return a message rendered, with texts in place of the shop's files. Raises TemplateError."""
    with draft_folder(own_folder(visit), texts) as folder:
        return render_preview(visit.context.shop, folder, words, case, visit.context.policy.contact.say_stop)


def measured(visit: Visit, shown: Preview) -> dict[str, Measured]:
    """Return the sizes of the parts of a rendered message."""
    context = visit.context
    return measures(shown, context.policy, context.shop.currency, context.networks)


def respond(visit: Visit, words: Words, texts: Mapping[str, str | None], look: Look, problem: str = "") -> Response:
    """Return the page in the frame; with a problem it shows only that."""
    shown = Preview()
    if not problem:
        try:
            shown = rendered(visit, words, texts, look.case)
        except TemplateError as error:
            problem = f"This cannot be shown yet: {error.what}."
    territories = Locale("en").territories
    page = render_page(
        "desk/template_preview.html",
        problem=problem,
        shown=shown,
        stop_countries=listed_words([territories.get(one, one) for one in visit.context.policy.contact.say_stop]),
        mail=in_scheme(shown.html, "dark" if look.is_dark else "light") if shown.html else "",
        look=look,
        lang=words.language.replace("_", "-"),
        sizes=[(field_of(part), part_name(part), size) for part, size in measured(visit, shown).items()],
        scheme="dark" if look.is_dark else "light",
    )
    images = "https: data:" if look.has_images else "'none'"
    return HTMLResponse(page, headers={"Content-Security-Policy": PREVIEW_POLICY.format(images=images)})
