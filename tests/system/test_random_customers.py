"""Random valid and invalid use of order pages and the API: nothing fails, and the ledger stays consistent."""

import os

import pytest

from tests.support.random_customers import RandomCustomers

SEEDS = range(2)
STEPS = 150
HOUR = range(*map(int, os.environ.get("FOREWARN_CUSTOMERS", "100 104").split()))
"""The seeds of `make chaos`: with 3,600 steps each, a second of an hour's use every step."""


def use(driver, seed, steps):
    customers = RandomCustomers(driver, seed)
    customers.run(steps)
    assert not customers.broken, f"seed {seed}: {customers.broken}; {customers.statuses}"
    return customers.statuses


@pytest.mark.parametrize("seed", SEEDS)
def test_random_use_leaves_a_consistent_ledger(driver, seed):
    statuses = use(driver, seed, STEPS)
    assert statuses[303] > 3, "some answers were taken"
    assert statuses[409] > 0, "some came too late"
    assert statuses[404] > 0, "some links opened nothing"


@pytest.mark.long
@pytest.mark.parametrize("seed", HOUR)
def test_an_hour_of_random_use_leaves_a_consistent_ledger(driver, seed):
    use(driver, seed, 3600)
