"""Names near a misspelt one: every name that one slip makes of it is looked up in the index of families."""

import json
import string

from sqlalchemy import ARRAY, ColumnElement, Connection, String, bindparam, column, func, select

from models.search_keys import words_of
from tasks.db.sql import is_sqlite
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
    listed = _table_of(connection, names)
    family = CUSTOMER_SEARCH.c.family
    # The first key from the name on is one step, whether it is of that name or of a later one. A key is the family, a
    # space and the other names, and no letter sorts between the space and `!`.
    following = select(family).where(family >= listed).order_by(family).limit(1).scalar_subquery()
    query = select(listed).where(following < listed.concat("!")).order_by(listed).limit(MOST)
    return list(connection.execute(query).scalars())


def _table_of(connection: Connection, names: list[str]) -> ColumnElement[str]:
    """Return the names as the column of a table, by one parameter: to write hundreds takes longer than to look up."""
    if is_sqlite(connection):
        return func.json_each(json.dumps(names)).table_valued(column("value", String)).c.value
    given = bindparam("names", names, type_=ARRAY(String))
    return func.unnest(given).table_valued(column("name", String)).render_derived().c.name
