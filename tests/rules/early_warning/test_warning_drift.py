"""What was said against what came: by tenth, by month, and when it must not decide."""

from datetime import date, timedelta

import pytest

from rules.early_warning.drift import LEAST_ORDERS, Said, by_month, by_tenth, judge

TODAY = date(2026, 6, 1)


def forecasts(count, probability, late, known=TODAY, before=1, first=0):
    return [
        Said(f"o{first + n}", known - timedelta(days=5), before, known, probability, late=n < late)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("said", "off", "drifted"),
    [
        (forecasts(100, 0.5, 50), 0, False),
        (forecasts(100, 0.5, 41), 9, False),
        (forecasts(100, 0.5, 39), 11, True),
        (forecasts(100, 0.5, 62), -12, True),
        (forecasts(LEAST_ORDERS - 1, 0.9, 0), None, False),
        (forecasts(100, 0.9, 0, known=TODAY - timedelta(days=60)), None, False),
        (forecasts(100, 0.9, 0, known=TODAY + timedelta(days=1)), None, False),
        (forecasts(100, 0.9, 0, before=6), None, False),
    ],
    ids=["right", "near", "too much", "too little", "few", "long ago", "not known yet", "too early"],
)
def test_what_is_off_by_more_than_ten_points_must_not_decide(said, off, drifted):
    found = judge(said, TODAY)
    assert found.off_points == (None if off is None else pytest.approx(off))
    assert found.drifted is drifted


def test_tenths_and_months_compare_what_was_said_with_what_came():
    said = forecasts(10, 0.12, 1) + forecasts(20, 0.88, 18, first=10) + forecasts(5, 1.0, 5, first=30)
    low, high, top = by_tenth(said)
    assert (low.key, low.cases, low.came, low.said) == ("10 to 20", 10, 0.1, pytest.approx(0.12))
    assert (high.key, high.off) == ("80 to 90", pytest.approx(-2))
    assert (top.key, top.orders) == ("90 to 100", 5)
    (month,) = by_month(said)
    assert (month.key, month.cases) == ("2026-05", 35)
