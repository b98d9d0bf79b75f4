from dataclasses import replace

import pytest

from tests.counter import Counter, open_desk


@pytest.fixture
def desk(tmp_path):
    """Return a desk over an empty ledger."""
    found = open_desk(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield found
    found.engine.dispose()


@pytest.fixture
def counter(desk):
    """Return a shop counter: orders come in, days are lived, messages go out."""
    return Counter(desk)


@pytest.fixture
def with_policy(counter):
    """Return a function that changes the shop's policy."""

    def change(policy):
        counter.desk = replace(counter.desk, policy=policy)
        return counter

    return change
