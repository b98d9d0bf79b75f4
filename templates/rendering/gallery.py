"""One page to open in a browser that shows messages as their readers will see them."""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.enums import Channel
from models.messages import Message
from templates.rendering import sms
from templates.rendering import social as posts
from templates.rendering.environment import GALLERY, OURS

_PREHEADER = re.compile(r'<div class="preheader"[^>]*>(.*?)</div>', re.DOTALL)
_FILLER = re.compile("[\u034f\u200c\u00a0\\s]+")


@dataclass(slots=True)
class Entry:
    """The parts of one titled message."""

    title: str
    locale: str
    category: str
    mail: Message | None = None
    text: Message | None = None
    post: Message | None = None

    @property
    def preheader(self) -> str:
        """Return what a list of mails shows after the subject."""
        found = _PREHEADER.search(self.mail.html) if self.mail else None
        shown = html.unescape(found[1]) if found else self.mail.text if self.mail else ""
        return _FILLER.sub(" ", shown).strip()[:120]

    @property
    def count(self) -> sms.Sms:
        """Return what the text costs."""
        return sms.parts(self.text.text if self.text else "")

    @property
    def weight(self) -> int:
        """Return how much of a post's room is taken."""
        return posts.weight(self.post.text) if self.post else 0


def write_gallery(entries: Iterable[tuple[str, Message]], folder: Path) -> Path:
    """Write `index.html` into the folder and return its path; messages of one title and locale stand together."""
    shown: dict[tuple[str, str], Entry] = {}
    for title, message in entries:
        entry = shown.setdefault((title, message.locale), Entry(title, message.locale, message.category))
        match message.channel:
            case Channel.EMAIL:
                entry.mail = message
            case Channel.SMS:
                entry.text = message
            case Channel.X:
                entry.post = message
    # A page of ours about messages of any size: no template of a shop is rendered here, so no sandbox is needed.
    jinja = Environment(
        loader=FileSystemLoader(OURS), undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page = jinja.get_template(GALLERY).render(
        entries=tuple(shown.values()),
        locales=sorted({entry.locale for entry in shown.values()}),
        categories=tuple(dict.fromkeys(entry.category for entry in shown.values())),
        post_room=posts.AT_MOST,
    )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "index.html"
    file.write_text(page, encoding="utf-8")
    return file
