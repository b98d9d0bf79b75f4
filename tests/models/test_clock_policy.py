import pytest
from pydantic import ValidationError

from models.policy.policy import Policy
from models.policy.promise_clock import CountryRules, PromiseClockPolicy


@pytest.mark.parametrize(
    ("country", "region", "named"),
    [
        ("US", "CA", "US"),
        ("DE", "", "DE"),
        ("PL", "", "EU"),
        ("CA", "ON", "CA-ON"),
        ("CA", "BC", "default"),
        ("CA", "", "default"),
        ("GB", "", "GB"),
        ("JP", "", "default"),
        ("", "", "default"),
    ],
)
def test_a_country_has_its_own_rules_or_those_of_its_union_or_the_default(country, region, named):
    clock = PromiseClockPolicy()
    assert clock.rules_of(country, region) is clock.country[named]


def test_a_country_that_the_shop_writes_down_replaces_ours_and_the_others_stay():
    clock = PromiseClockPolicy(country={"FR": CountryRules(refund_days=10)})
    assert clock.rules_of("FR").refund_days == 10
    assert not clock.rules_of("FR").extra_period
    assert clock.rules_of("US").option_notice


def test_a_house_choice_names_a_key_of_a_country():
    with pytest.raises(ValidationError, match="house_choices names 'refund_day', which is no key"):
        CountryRules(house_choices=("refund_day",))


def test_another_clock_evaluates_no_order_again():
    """It decides what the law asks for, not which notices are sent."""
    assert Policy(promise_clock=PromiseClockPolicy(warn_days=(5,))).digest == Policy().digest
