"""Random histories of facts, decisions and troubled sending, judged by what customers received."""

import os
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import pytest

from models.enums import State
from tasks.delivery.kinds import notice_message
from tests.support.histories import History
from tests.support.history_provider import Weather
from tests.support.ledgers import sqlite_ledger

SEEDS = [*range(6), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(6, 10))]
MANY_SEEDS = range(*map(int, os.environ.get("FOREWARN_HISTORIES", "1000 2000").split()))
"""The seeds of `make chaos`; FOREWARN_HISTORIES="1437 1438" repeats a single history."""


def live(folder, seed, days=26):
    """Live a history to its end, or to the first rule broken; return it."""
    history = History(sqlite_ledger(folder / f"{seed}.db"), seed, days)
    with closing(history):
        history.run()
    return history


@pytest.mark.parametrize("seed", SEEDS)
def test_customers_read_what_is_so_once_and_each_is_told(seed, tmp_path):
    history = live(tmp_path, seed)
    assert history.judge.counts, f"seed {seed}: nothing was ever sent"
    assert not history.broken, f"seed {seed}: {history.broken}\n{history.log}"


@pytest.mark.long
def test_in_a_thousand_histories_customers_read_what_is_so_once_and_each_is_told(tmp_path):
    broken, log = {}, ""
    for seed in MANY_SEEDS:
        history = live(tmp_path, seed, days=45)
        if history.broken:
            broken[seed], log = history.broken, log or history.log
        for file in tmp_path.iterdir():
            file.unlink()
    assert not broken, f"by seed: {broken}; the first one:\n{log}"


@pytest.fixture
def first_day(tmp_path):
    """Return a history on its first day, with what was sent on it."""
    history = History(sqlite_ledger(tmp_path / "ledger.db"), seed=1)
    with closing(history):
        history.facts.begin()
        history.shop.evaluate()
        history.deliver(0, Weather.FINE)
        assert not history.broken
        yield history


def sent(history):
    (row, *_) = [row for row in history.shop.notices if row["state"] == State.SENT]
    return notice_message(SimpleNamespace(**row), b"")


def test_the_judge_sees_a_notice_that_is_sent_twice(first_day):
    message = sent(first_day)
    first_day.judge.takes(message, first_day.judge.leaves(message), again=True)
    assert ["the same notice twice" in rule for rule in first_day.broken] == [True]


def test_the_judge_sees_content_that_is_sent_under_another_id(first_day):
    message = sent(first_day)
    departure = first_day.judge.leaves(message)
    first_day.judge.takes(replace(message, id="another"), departure, again=False)
    assert ["the same content twice in a row" in rule for rule in first_day.broken] == [True]


def test_the_judge_sees_words_that_are_not_so(first_day):
    first_day.judge.leaves(replace(sent(first_day), text="Your order has arrived."))
    assert ["not what is so now" in rule for rule in first_day.broken] == [True]


def test_the_judge_sees_a_message_that_the_customer_does_not_want(first_day):
    for row in first_day.shop.system.all("customers"):
        first_day.shop.system.put("customers", id=row["id"], opted_out=True)
    first_day.shop.import_facts()
    first_day.judge.leaves(sent(first_day))
    assert "not allowed" in first_day.broken[0]


def test_the_judge_sees_customers_to_whom_nothing_is_said(tmp_path):
    history = History(sqlite_ledger(tmp_path / "ledger.db"), seed=1)
    with closing(history):
        history.facts.begin()
        history.judge.check_untold()
        assert not history.broken
        history.judge.check_untold(settled=True)
    assert all("nobody was told" in rule for rule in history.broken)
    assert history.broken
