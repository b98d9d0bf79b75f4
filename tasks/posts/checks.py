"""Check a post before it is published: no customer's data, no forbidden word, facts that are still so, its length."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select

from models.enums import NETWORK_NAMES, Channel, PostKind
from models.errors import ForewarnError
from models.quantities import Quantity
from models.search_keys import range_end
from rules.posts.private_words import MIN_NUMBER_DIGITS, find_suspects
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.posts.stale import stale_posts
from tasks.tables import CUSTOMER_SEARCH, ORDERS, PRODUCTS
from templates.rendering.network_limits import MASTODON_CHARACTERS, Measure, measure
from templates.rendering.word_rules import find_word_problems

TAKE_OUT = "Everybody reads a post: take it out."
FRESH_FOR = timedelta(days=2)
"""How old the facts of a post may be without a warning."""


class Check(StrEnum):
    """What is checked."""

    PRIVATE = "private"
    WORDS = "words"
    TRUE = "true"
    LENGTH = "length"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a post, in a sentence."""

    check: Check
    text: str
    blocks: bool = True
    """Whether it cannot be approved so."""


@dataclass(frozen=True, slots=True)
class CheckedPost:
    """What of a post is checked, saved or not."""

    id: str
    product_id: str | None
    locale: str
    kind: str
    week: str | None
    text: str
    texts: Mapping[str, str]
    networks: Sequence[str]
    expected_on: date | None
    left: Quantity | None
    created_at: datetime

    @property
    def by_network(self) -> dict[str, str]:
        """Return the text for each of its networks."""
        return {network: self.texts.get(network) or self.text for network in self.networks}


def checked_post(row: Row[Any]) -> CheckedPost:
    """Return what is checked of a saved post."""
    return CheckedPost(**{each.name: getattr(row, each.name) for each in fields(CheckedPost)})


class PostProblems(ForewarnError):
    """Raised for a post that must not be published as it is."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(problem.text for problem in problems))
        self.problems = tuple(problems)


def find_problems(context: Context, connection: Connection, post: CheckedPost) -> list[Problem]:
    """Return what is wrong with a post, in all of its texts."""
    texts = post.by_network
    words = list(dict.fromkeys([*texts.values(), post.text]))
    return [
        *_emptiness(texts),
        *_private(context, connection, words, post.product_id),
        *_words(context, words, post.locale),
        *_truth(context, connection, post),
        *_lengths(context, texts),
    ]


def _emptiness(texts: Mapping[str, str]) -> Iterator[Problem]:
    if not texts:
        yield Problem(Check.EMPTY, "Choose a network.")
    for network, text in texts.items():
        if not text.strip():
            yield Problem(Check.EMPTY, f"There is no text for {NETWORK_NAMES[Channel(network)]}.")


def _private(
    context: Context, connection: Connection, texts: Sequence[str], product_id: str | None
) -> Iterator[Problem]:
    """Yield what of the texts belongs to a customer, or to an order."""
    name = connection.execute(select(PRODUCTS.c.name).where(PRODUCTS.c.id == product_id)).scalar() or ""
    suspects = find_suspects("\n".join(texts), (name, context.shop.name))
    for key, written in suspects.phones.items():
        if connection.execute(select(CUSTOMER_SEARCH.c.phone).where(_same_phone(key)).limit(1)).first():
            yield Problem(Check.PRIVATE, f"“{written}” is the phone number of a customer. {TAKE_OUT}")
    for table, column, found, what in (
        (CUSTOMER_SEARCH, "name", suspects.names, "the name of a customer"),
        (CUSTOMER_SEARCH, "mail", suspects.mails, "the mail address of a customer"),
        (ORDERS, "id", suspects.orders, "the number of an order"),
    ):
        if found:
            query = select(table.c[column]).where(in_list(connection, table.c[column], found)).distinct()
            for key in sorted(connection.execute(query).scalars()):
                yield Problem(Check.PRIVATE, f"“{found[key]}” is {what}. {TAKE_OUT}")


def _same_phone(key: str) -> ColumnElement[bool]:
    """Return the SQL of a number with these last digits, or of which these are all with the country code."""
    column = CUSTOMER_SEARCH.c.phone
    shorter = [key[:length] for length in range(MIN_NUMBER_DIGITS, len(key) + 1)]
    return or_(and_(column >= key, column < range_end(key)), column.in_(shorter))


def _words(context: Context, texts: Sequence[str], locale: str) -> Iterator[Problem]:
    said: dict[str, bool] = {}
    for text in texts:
        for problem in find_word_problems(text, locale, context.policy.words):
            said.setdefault(problem.what, problem.is_forbidden)
    for what, is_forbidden in said.items():
        yield Problem(Check.WORDS, f"{what}.", blocks=is_forbidden)


def _truth(context: Context, connection: Connection, post: CheckedPost) -> Iterator[Problem]:
    if post.product_id is None or post.kind == PostKind.OWN:
        return
    if stale_posts(context, connection, [asdict(post)], context.as_of):
        text = "It is not so any more: the facts have changed since. It would be withdrawn at its hour."
        yield Problem(Check.TRUE, text, blocks=False)
    elif post.expected_on is not None and context.started_at - post.created_at > FRESH_FOR:
        days = (context.started_at - post.created_at).days
        text = f"Its date was found {days} days ago. It is looked up again before it leaves."
        yield Problem(Check.TRUE, text, blocks=False)


def _lengths(context: Context, texts: Mapping[str, str]) -> Iterator[Problem]:
    if tightest := too_long(context, texts):
        network, size = tightest
        name = NETWORK_NAMES[Channel(network)]
        yield Problem(Check.LENGTH, f"{size.count - size.limit:,} too many for {name}.")


def measures(context: Context, texts: Mapping[str, str]) -> dict[str, Measure]:
    """Return how long a post is on each network; on Mastodon by the limit of the shop's own server."""
    ask = context.mastodon_limit if Channel.MASTODON in texts else None
    limit = (ask() if ask else None) or MASTODON_CHARACTERS
    return {network: measure(Channel(network), text, limit) for network, text in texts.items()}


def too_long(context: Context, texts: Mapping[str, str]) -> tuple[str, Measure] | None:
    """Return the network on which a post is the most too long; None where it fits on all."""
    over = [(network, size) for network, size in measures(context, texts).items() if not size.fits]
    return max(over, key=lambda one: one[1].count - one[1].limit, default=None)
