"""Random histories in which staff act, too: what they hold does not leave, and their notes are read once."""

from contextlib import closing

import pytest

from tests.support.histories_with_staff import HistoryWithStaff
from tests.support.ledgers import sqlite_ledger

SEEDS = [*range(5), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(5, 8))]


def live(folder, seed, days):
    history = HistoryWithStaff(sqlite_ledger(folder / f"{seed}.db"), seed, days)
    with closing(history):
        history.run()
    return history


@pytest.mark.parametrize("seed", SEEDS)
def test_what_staff_hold_waits_and_what_they_write_is_read_once(seed, tmp_path):
    history = live(tmp_path, seed, 20)
    assert not history.broken, f"seed {seed}: {history.broken}\n{history.log}"
    assert len(history.acts) > 5


@pytest.mark.long
def test_the_same_in_hundreds_of_histories(tmp_path):
    for seed in range(3000, 3300):
        history = live(tmp_path, seed, 40)
        assert not history.broken, f"seed {seed}: {history.broken}\n{history.log}"
