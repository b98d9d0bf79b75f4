"""Names near a misspelt one: every name that one slip makes of it is looked up in the index of families."""

import string

from sqlalchemy import Connection, String, column, select, values

from models.search_keys import words_of
from tasks.tables import CUSTOMER_SEARCH

MIN_CHARS, MAX_CHARS = 4, 24
"""Letters of a word that is looked at: a shorter one is near too many, and a longer one has too many slips."""
MOST = 5


def near_names(connection: Connection, text: str) -> tuple[str, ...]:
    """Return families of customers, folded, whose name differs from a word of the text by one letter or one swap."""
    words = [word for word in words_of(text)[:2] if MIN_CHARS <= len(word) <= MAX_CHARS and word.isalpha()]
    found = [name for word in words for name in _known(connection, sorted(one_slip(word)))]
    return tuple(dict.fromkeys(found))[:MOST]


def one_slip(word: str) -> set[str]:
    """Return what one letter left out, added or changed, or two swapped, makes of a word."""
    parts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    left_out = {head + tail[1:] for head, tail in parts if tail}
    swapped = {head + tail[1] + tail[0] + tail[2:] for head, tail in parts if len(tail) > 1}
    letters = string.ascii_lowercase
    changed = {head + letter + tail[1:] for head, tail in parts if tail for letter in letters}
    added = {head + letter + tail for head, tail in parts for letter in letters}
    return (left_out | swapped | changed | added) - {word}


def _known(connection: Connection, names: list[str]) -> list[str]:
    """Return those of the names that are a customer's family: one step into the index for each."""
    candidates = values(column("name", String), column("beyond", String), name="candidate")
    # A key is the family, a space and the other names; no letter sorts between the space and `!`.
    listed = candidates.data([(name, f"{name}!") for name in names]).cte("candidate")
    family = CUSTOMER_SEARCH.c.family
    known = select(CUSTOMER_SEARCH.c.customer_id).where(family >= listed.c.name, family < listed.c.beyond).limit(1)
    query = select(listed.c.name).where(known.exists()).order_by(listed.c.name).limit(MOST)
    return list(connection.execute(query).scalars())
