import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from tasks.db.changes import compare, delete_rows
from tasks.tables import STOCKS

ROWS = st.dictionaries(st.integers(0, 8), st.integers(0, 2))


@given(ROWS, ROWS)
def test_the_changes_turn_the_rows_before_into_those_after_and_touch_no_other(before, after):
    changes = compare(before, after)
    result = before | changes.to_write
    for key in changes.removed:
        del result[key]
    assert result == after
    assert changes.added.keys().isdisjoint(before)
    assert all(key in before and before[key] != row for key, row in changes.changed.items())
    assert len(changes) == len(changes.added) + len(changes.changed) + len(changes.removed)
    assert bool(changes) == (before != after)


@pytest.mark.parametrize("keys", [[], [("a", "x")], [("a", "x"), ("b", "y")]])
def test_only_the_rows_of_the_given_keys_are_deleted(context, keys):
    rows = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    with context.engine.begin() as connection:
        connection.execute(delete(STOCKS))
        connection.execute(
            insert(STOCKS), [{"product_id": key, "location": place, "on_hand": 1} for key, place in rows]
        )
        delete_rows(connection, STOCKS, keys)
        columns = select(STOCKS.c.product_id, STOCKS.c.location)
        left = {tuple(row) for row in connection.execute(columns)}
    assert left == set(rows) - set(keys)
