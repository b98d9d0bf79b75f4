"""How a post will look on each network: a page of its own, in a frame that runs nothing and loads nothing."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import HTMLResponse, Response

from models.enums import Channel
from models.messages import LinkCard, Picture
from models.orders import ProductFacts
from models.staff import Scheme
from tasks.posts.cards import link_card, shown_host
from tasks.posts.checks import measures
from templates.rendering.social import find_links
from web.page_templates import render_page
from web.staff.brand import in_scheme
from web.staff.list_parts import sentence
from web.staff.post_words import network_name, price_words
from web.staff.visit import Visit

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
class Look:
    """A post on one network."""

    network: str
    look: str
    parts: tuple[Part, ...]
    measure: str
    is_too_long: bool
    price: str
    """What the network takes for it; empty: nothing, or it is not known."""
    picture: str
    """As a `data:` address; empty: none."""
    description: str
    card: LinkCard | None
    """Of its link, as far as the shop's own data tells."""

    @property
    def host(self) -> str:
        """Return the site that the card names."""
        return shown_host(self.card.url) if self.card else ""


def preview_response(
    visit: Visit,
    texts: Mapping[str, str],
    product: ProductFacts | None,
    picture: Picture | None,
    problems: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Response:
    """Return the preview of a post's text on each network, in the colours that the person chose."""
    context, sizes = visit.context, measures(visit.context, texts)
    image = "" if picture is None else f"data:{picture.kind};base64,{base64.b64encode(picture.content).decode()}"
    looks = [
        Look(
            network=network_name(network),
            look=LOOKS.get(Channel(network), "linkedin"),
            parts=tuple(parts_of(text)),
            measure=f"{sizes[network].count:,} of {sizes[network].limit:,} {sizes[network].unit}",
            price=price_words(context.policy.costs, network, text),
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
        notes=[note for note in notes if note],
    )
    if visit.person.scheme is not Scheme.SYSTEM:
        html = in_scheme(html, visit.person.scheme)
    return HTMLResponse(html, headers={"Content-Security-Policy": PREVIEW_POLICY})


def parts_of(text: str) -> list[Part]:
    """Return a text in pieces, its links apart."""
    parts, rest = [], 0
    for link in find_links(text):
        parts += [Part(text[rest : link.start()], is_link=False), Part(link[0], is_link=True)]
        rest = link.end()
    parts.append(Part(text[rest:], is_link=False))
    return [part for part in parts if part.text]
