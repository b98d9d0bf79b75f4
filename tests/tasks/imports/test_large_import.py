"""After a first import PostgreSQL knows how many rows there are, and a page of open lines costs a page."""

import pytest
from sqlalchemy import event, text

from models.config.shop import read_shop
from sources.reader import open_source
from sources.sample import write_sample
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.imports.load import import_all
from tests.support.imports import DAY


@pytest.fixture
def engine(postgres):
    found = connect(postgres.emptied())
    migrate(found)
    yield found
    found.dispose()


@pytest.fixture
def plans(engine):
    """Return the plans of the queries for a page of lines, and for the digests of one, as PostgreSQL runs them."""
    seen = []

    def explain(connection, cursor, statement, parameters, *_):
        of_page = "LIMIT" in statement or ("source_digest" in statement and "JOIN" in statement)
        if statement.startswith("SELECT order_line.order_id") and of_page:
            with cursor.connection.cursor() as explaining:
                explaining.execute(f"EXPLAIN (COSTS OFF) {statement}", parameters)
                seen.append("\n".join(row[0] for row in explaining.fetchall()))

    event.listen(engine, "before_cursor_execute", explain)
    return seen


def take_in(engine, folder):
    with open_source(read_shop(folder)) as source:
        return import_all(engine, source, DAY, batch=100)["lines"]


@pytest.mark.parametrize("counted_empty", [False, True])
def test_lines_are_paged_along_their_key_and_their_digests_found_by_it(engine, plans, tmp_path, counted_empty):
    if counted_empty:
        with engine.begin() as connection:
            connection.execute(text("ANALYZE"))
    write_sample(tmp_path / "shop", orders=300, as_of=DAY)
    assert take_in(engine, tmp_path / "shop").inserted > 300
    pages = [plan for plan in plans if "Limit" in plan]
    plans.clear()
    assert take_in(engine, tmp_path / "shop").unchanged > 300
    # The first import looks for digests where no line is stored yet: any plan will do.
    digests = [plan for plan in plans if "Limit" not in plan]
    assert min(len(pages), len(digests)) > 3
    for plan in (*pages, *plans):
        assert "Index Scan using order_line_pkey on order_line" in plan, plan
        assert "Sort" not in plan, plan
        assert "Seq Scan" not in plan, plan


def test_an_import_does_not_wait_for_who_vacuums_a_table(engine, tmp_path):
    write_sample(tmp_path / "shop", orders=50, as_of=DAY)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE order_line IN SHARE UPDATE EXCLUSIVE MODE"))
        assert take_in(engine, tmp_path / "shop").inserted > 50


def test_rows_are_counted_once_most_of_them_are_new(engine, tmp_path):
    def counted():
        with engine.connect() as connection:
            return connection.execute(text("SELECT reltuples FROM pg_class WHERE relname = 'order_line'")).scalar_one()

    before = counted()
    write_sample(tmp_path / "shop", orders=50, as_of=DAY)
    stats = take_in(engine, tmp_path / "shop")
    assert before != counted() == stats.inserted > 50
