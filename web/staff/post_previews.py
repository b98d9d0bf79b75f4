"""How a post will look on each network: a page of its own, in a frame that runs nothing and loads nothing."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse, Response

from models.enums import Channel
from models.messages import Picture
from models.orders import ProductFacts
from tasks.context import Context
from tasks.posts.checks import measures
from templates.rendering.fill_variables import product_view
from templates.rendering.social import find_links
from web.page_templates import render_page
from web.staff.list_parts import sentence
from web.staff.post_words import network_name

PREVIEW_POLICY = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
LOOKS = {Channel.X: "x", Channel.FACEBOOK: "facebook", Channel.BLUESKY: "bluesky", Channel.MASTODON: "mastodon"}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a post's text, and whether it is a link."""

    text: str
    is_link: bool


@dataclass(frozen=True, slots=True)
class LinkCard:
    """What a network shows of a page that a post links to, as far as the shop's own data tells."""

    host: str
    title: str
    about: str


@dataclass(frozen=True, slots=True)
class Look:
    """A post on one network."""

    network: str
    look: str
    parts: tuple[Part, ...]
    measure: str
    is_too_long: bool
    picture: str
    """As a `data:` address; empty: none."""
    description: str
    card: LinkCard | None


def preview_response(
    context: Context,
    texts: Mapping[str, str],
    product: ProductFacts | None,
    picture: Picture | None,
    problems: Sequence[str] = (),
) -> Response:
    """Return the preview of a post's text on each network."""
    sizes = measures(texts)
    image = "" if picture is None else f"data:{picture.kind};base64,{base64.b64encode(picture.content).decode()}"
    looks = [
        Look(
            network=network_name(network),
            look=LOOKS.get(Channel(network), "linkedin"),
            parts=tuple(parts_of(text)),
            measure=f"{sizes[network].count:,} of {sizes[network].limit:,} {sizes[network].unit}",
            is_too_long=not sizes[network].fits,
            picture=image,
            description=picture.description if picture else "",
            card=None if picture else link_card(context, text, product),
        )
        for network, text in texts.items()
    ]
    html = render_page(
        "desk/post_preview.html",
        looks=looks,
        shop=context.shop.name,
        letter=context.shop.name.strip()[:1].upper(),
        problems=[sentence(problem) for problem in problems],
    )
    return HTMLResponse(html, headers={"Content-Security-Policy": PREVIEW_POLICY})


def parts_of(text: str) -> list[Part]:
    """Return a text in pieces, its links apart."""
    parts, rest = [], 0
    for link in find_links(text):
        parts += [Part(text[rest : link.start()], is_link=False), Part(link[0], is_link=True)]
        rest = link.end()
    parts.append(Part(text[rest:], is_link=False))
    return [part for part in parts if part.text]


def link_card(context: Context, text: str, product: ProductFacts | None) -> LinkCard | None:
    """Return the card of the first link of a text; None where it has none. Nothing is looked up outside."""
    first = next(iter(find_links(text)), None)
    if first is None:
        return None
    host = urlsplit(first[0] if "://" in first[0] else f"https://{first[0]}").netloc.removeprefix("www.")
    own = urlsplit(str(context.shop.links.home)).netloc.removeprefix("www.")
    page = product_view(product, context.shop) if product else None
    if page is not None and page.url and first[0].rstrip("/") == page.url.rstrip("/"):
        return LinkCard(host, page.name, page.category or context.shop.name)
    return LinkCard(host, context.shop.name, "") if host == own else LinkCard(host, host, "")
