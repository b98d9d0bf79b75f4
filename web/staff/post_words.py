"""Posts in the words of staff: their state, their networks, and what they are about."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from models.config.shop import ShopConfig
from models.enums import NETWORK_NAMES, Channel, PostKind
from models.orders import ProductFacts
from models.policy.costs import CostPolicy
from rules.posts.status import PostStatus, Progress
from templates.rendering.fill_variables import product_view
from templates.rendering.social import find_links
from web.staff.list_parts import listed_words
from web.staff.visit import Visit

LINK = re.compile(r"https?://\S+")
Chip = tuple[str, str]
CHIPS: dict[Progress, Chip] = {
    Progress.DRAFT: ("calm", "Draft"),
    Progress.WAITS: ("wait", "Waits for approval"),
    Progress.APPROVED: ("calm", "Approved for {when}"),
    Progress.SENDING: ("calm", "Being published"),
    Progress.PUBLISHED: ("good", "Published"),
    Progress.TRIAL: ("calm", "Trial: kept here, not published"),
    Progress.FAILED: ("bad", "Failed on {networks}"),
    Progress.IN_DOUBT: ("wait", "May or may not be on {networks}"),
    Progress.OUTDATED: ("calm", "Withdrawn: no longer so"),
    Progress.WITHDRAWN: ("calm", "Withdrawn"),
}
NO_LONGER_LATE = ("calm", "Withdrawn: no longer late")
ELSEWHERE = "Published elsewhere"
ABOUT = {
    PostKind.LATE: "{product} is late",
    PostKind.BACK: "{product} is back",
    PostKind.LOW: "{product} is nearly sold out",
    PostKind.OWN: "{product}",
}
"""By kind: a post about a product in a few words."""


def network_name(network: str) -> str:
    """Return how people call a network."""
    return NETWORK_NAMES.get(Channel(network), network)


def network_words(networks: Sequence[str]) -> str:
    """Return networks as a list, as `X and Bluesky`."""
    return listed_words([network_name(one) for one in networks])


def unused_words(text: str, networks: Sequence[str], texts: Mapping[str, str]) -> str:
    """Say that no chosen network has the text for all; empty: one has it, or there is none."""
    if not text.strip() or not networks or not all(texts.get(one) for one in networks):
        return ""
    if len(networks) == 1:
        return f"Text for all other networks: not used, as only {network_name(networks[0])} is chosen."
    return f"Text for all networks: not used, as {network_words(networks)} have their own."


def price_words(costs: CostPolicy, network: str, text: str) -> str:
    """Return what a network takes for a post, as `about 0.20 USD, as it has a link`; empty: it takes nothing."""
    has_link = any(find_links(text))
    prices = costs.post_price(Channel(network), has_link=has_link)
    if not prices:
        return ""
    price = " or ".join(f"{amount} {currency}" for currency, amount in prices.items())
    return f"about {price}" + (", as it has a link" if has_link else "")


def missing_link(product: ProductFacts | None, shop: ShopConfig, texts: Iterable[str]) -> str:
    """Return the address of a product's page that a post's texts do not have; empty: they have it, or it has none."""
    url = (product_view(product, shop).url if product else None) or ""
    return "" if any(url.rstrip("/") in text for text in texts) else url


def status_chip(visit: Visit, status: PostStatus, at: datetime, kind: str = PostKind.OWN) -> Chip:
    """Return the shape and the words of a post's state; `at` is when it is published."""
    if status.progress is Progress.OUTDATED and kind == PostKind.LATE:
        return NO_LONGER_LATE
    shape, words = CHIPS[status.progress]
    return shape, words.format(when=post_moment(visit, at), networks=network_words(status.networks))


def post_moment(visit: Visit, at: datetime) -> str:
    """Return a day and a time near today, as `Tue 10:00`; with its date where it is further away."""
    local = at.astimezone(visit.context.zone)
    if abs((local.date() - visit.today).days) < 6:
        return f"{local:%a %H:%M}"
    return f"{visit.day(local.date())}, {local:%H:%M}"


def full_moment(visit: Visit, at: datetime) -> str:
    """Return a day and a time in full, as `Tuesday, 25 November, 10:00 (Berlin)`."""
    local = at.astimezone(visit.context.zone)
    zone = visit.context.shop.zone.rpartition("/")[2].replace("_", " ")
    year = "" if local.year == visit.today.year else f" {local.year}"
    return f"{local:%A}, {local.day} {local:%B}{year}, {local:%H:%M} ({zone})"


def title_of(kind: str, product: str, text: str) -> str:
    """Return what a post is about in a few words: its product, or how its text begins."""
    if product:
        return ABOUT[PostKind(kind)].format(product=product)
    first = " ".join(LINK.sub("", text).split())
    return first if len(first) <= 60 else f"{first[:59].rstrip()}…"
