"""Which customer reads which wording, and what may be said about the difference."""

from datetime import date
from random import Random

import pytest
from pydantic import ValidationError

from models.experiments import Letter, Wording
from models.policy.experiments import ExperimentPolicy
from models.policy.policy import Policy
from rules.experiments.assign import letter_of, stored_wording, wording_for
from rules.experiments.compare import Arm, compare, wilson_interval

DAY = date(2026, 6, 15)
FACTS = {"name": "shorter subject", "message": "week", "wording": "week_b", "outcome": "waited"}
TRIAL = ExperimentPolicy(**FACTS, begins=DAY, ends=date(2026, 7, 14))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_split_has_the_share_that_was_asked_for(share):
    customers = 20_000
    second = sum(letter_of("shorter subject", share, f"c{n}") is Letter.B for n in range(customers))
    # Six standard deviations at most.
    assert abs(second / customers - share) < 6 * (share * (1 - share) / customers) ** 0.5


def test_trials_split_customers_independently_of_each_other():
    both = sum(letter_of("one", 0.5, f"c{n}") is letter_of("two", 0.5, f"c{n}") for n in range(10_000))
    assert abs(both / 10_000 - 0.5) < 0.03


def test_the_split_never_changes():
    assert [letter_of("shorter subject", 0.5, f"c{n}") for n in range(12)] == list("BAAABBABBABB")


@pytest.mark.parametrize(
    ("message", "on", "takes_part"),
    [
        ("week", DAY, True),
        ("week", date(2026, 7, 14), True),
        ("week", date(2026, 6, 14), False),
        ("week", date(2026, 7, 15), False),
        ("long", DAY, False),
    ],
)
def test_a_message_takes_part_from_the_first_to_the_last_day(message, on, takes_part):
    found = wording_for([TRIAL], message, "c1", on)
    assert (found is not None) is takes_part


def test_a_notice_keeps_the_wording_that_it_was_recorded_with():
    assert stored_wording([TRIAL], "shorter subject", "B") == Wording("shorter subject", Letter.B, "week_b")
    assert stored_wording([TRIAL], None, None) is None
    assert stored_wording([], "shorter subject", "B") is None


def other(**changes):
    return {**FACTS, "begins": DAY, "ends": DAY} | changes


@pytest.mark.parametrize(
    ("trials", "says"),
    [
        ([other(message="weak")], "'weak', which is no message; fortnight, good_news, late_again, long"),
        ([other(wording="week")], "needs a folder of its own"),
        ([other(wording="long")], "'long' is a message itself"),
        ([other(ends=date(2026, 6, 14))], "before it begins"),
        ([other(), other(message="long")], "two trials have the name"),
        ([other(), other(name="another", wording="week_c")], "on the same days"),
        ([other(share=1.0)], "less than 1"),
    ],
)
def test_a_policy_with_a_senseless_trial_says_why(trials, says):
    with pytest.raises(ValidationError, match=says):
        Policy.model_validate({"experiment": trials})


def test_a_trial_decides_nothing_about_orders():
    assert Policy(experiment=(TRIAL,)).digest == Policy().digest


def test_the_sentences_example_is_right():
    found = compare(Arm(12, 96), Arm(19, 101))
    assert [round(100 * share) for share in (found.interval_a.low, found.interval_a.high)] == [7, 21]
    assert [round(100 * share) for share in (found.interval_b.low, found.interval_b.high)] == [12, 28]
    assert not found.is_certain
    assert 0.2 < found.p_value < 0.3


def test_a_trial_without_customers_shows_nothing():
    assert wilson_interval(Arm(0, 0)).high == 1.0
    assert compare(Arm(0, 0), Arm(3, 9)).p_value == 1.0


def dice():
    return Random(16)  # noqa: S311 - reproducible, not a secret


def simulated(rng, customers, rate_a, rate_b):
    return [Arm(sum(rng.random() < rate for _ in range(customers)), customers) for rate in (rate_a, rate_b)]


def test_where_nothing_differs_at_most_five_of_a_hundred_trials_say_otherwise():
    rng = dice()
    trials = [compare(*simulated(rng, 120, 0.15, 0.15)) for _ in range(600)]
    assert sum(one.is_certain for one in trials) / len(trials) <= 0.05
    covered = [one.low <= 0.15 <= one.high for trial in trials for one in (trial.interval_a, trial.interval_b)]
    assert 0.93 < sum(covered) / len(covered) < 0.97


def test_a_difference_that_is_there_is_found():
    rng = dice()
    found = [compare(*simulated(rng, 400, 0.12, 0.25)).is_certain for _ in range(100)]
    assert sum(found) > 90
