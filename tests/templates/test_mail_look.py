"""What a mail client makes of the HTML mails: contrast by day and night, tables, pictures, language."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from templates.rendering import samples
from templates.rendering.brand import contrast
from templates.rendering.messages import Renderer
from templates.rendering.template_sets import MESSAGES
from tests.templates.test_messages import EVERY_REMEDY_IN, SHOP, chosen_samples, mail

VOID = {"img", "br", "meta"}
MAILS = [
    pytest.param(plan, id=f"{locale} {title}")
    for message in MESSAGES
    for locale in samples.LOCALES
    for title, plan in chosen_samples(message, locale)
    if message == "long" or title.endswith("none") or locale not in EVERY_REMEDY_IN
]


@pytest.fixture(scope="module")
def renderer():
    return Renderer(SHOP)


def colour(name: str, style: str) -> str | None:
    match = re.search(rf"(?<![-\w]){name}:(#[0-9a-f]{{6}})", style)
    return match[1] if match else None


@dataclass
class Seen(HTMLParser):
    """The pairs of text and ground that a reader sees, and what the mail is made of."""

    night: dict[str, str]
    pairs: set[tuple[str, str]] = field(default_factory=set)
    pictures: list[dict[str, str]] = field(default_factory=list)
    bare: set[str] = field(default_factory=set)
    language: str = ""

    def __post_init__(self):
        super().__init__()
        self.stack = [("#000000", "#ffffff", False)]

    def handle_starttag(self, tag, attrs):
        attributes = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = attributes["lang"]
        if tag == "img":
            self.pictures.append(attributes)
        if tag in {"table", "a", "h1", "h2"} and not attributes.get("style"):
            self.bare.add(tag)
        style = attributes.get("style", "")
        for name in attributes.get("class", "").split():
            style = f"{self.night.get(name, '')};{style}"
        text, ground, hidden = self.stack[-1]
        here = (
            colour("color", style) or text,
            colour("background-color", style) or ground,
            hidden or "display:none" in style or tag in {"style", "title"},
        )
        if tag == "img":
            self.pairs.add(here[:2])
        if tag not in VOID:
            self.stack.append(here)

    def handle_endtag(self, tag):
        if tag not in VOID:
            self.stack.pop()

    def handle_data(self, data):
        text, ground, hidden = self.stack[-1]
        if data.strip() and not hidden:
            self.pairs.add((text, ground))


def seen(html: str, *, night: bool) -> Seen:
    rules = html.partition("@media (prefers-color-scheme:dark){")[2].partition("</style>")[0]
    parsed = Seen(dict(re.findall(r"\.([\w-]+)\{([^}]*)\}", rules)) if night else {})
    parsed.feed(html)
    return parsed


@pytest.mark.parametrize("night", [False, True])
@pytest.mark.parametrize("plan", MAILS)
def test_all_text_stands_out_from_its_ground_by_day_and_by_night(renderer, plan, night):
    pairs = seen(mail(renderer, plan).html, night=night).pairs
    assert len(pairs) >= 4
    assert {pair: contrast(*pair) for pair in pairs if contrast(*pair) < 4.5} == {}


def test_the_night_has_its_own_colours_for_every_ground_and_every_ink(renderer):
    html = mail(renderer, MAILS[0].values[0]).html
    day, night = seen(html, night=False).pairs, seen(html, night=True).pairs
    assert not {ink for ink, _ in day} & {ink for ink, _ in night}
    assert not {ground for _, ground in day} & {ground for _, ground in night}


@pytest.mark.parametrize("plan", MAILS)
def test_pictures_have_a_size_and_a_text_and_all_that_mail_clients_need_is_inline(renderer, plan):
    html = mail(renderer, plan).html
    parsed = seen(html, night=False)
    assert parsed.pictures
    for picture in parsed.pictures:
        assert picture["alt"]
        assert (picture["width"], picture["height"]) == ("64", "64")
    assert parsed.bare <= {"table"}
    assert "max-width:600px" in html
    assert "<script" not in html
    assert html.count("<table") == html.count('<table role="presentation"')
    assert len(html.encode()) < 60_000  # well under the 102 kB at which Gmail clips


@pytest.mark.parametrize(
    ("locale", "language"), [("en", "en"), ("pt_BR", "pt-BR"), ("de", "de"), ("es", "es"), ("fr", "fr")]
)
def test_a_mail_says_its_language_and_begins_with_a_hidden_preheader(renderer, locale, language):
    plan = next(plan for _, plan in samples.sample_plans("week", locale))
    html = mail(renderer, plan).html
    assert seen(html, night=False).language == language
    assert re.search(r'<body[^>]*>\s*<div class="preheader" style="display:none', html)
    assert plan.delay.late[0].line.product.name in html.partition('class="preheader"')[2].partition("</div>")[0]
