"""What was said against what came, and when it must not decide."""

from datetime import date, timedelta

import pytest

from rules.early_warning.drift import LEAST_ORDERS, Said, judge, said_lately

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
    found = judge(said_lately(said, TODAY))
    assert found.off_points == (None if off is None else pytest.approx(off))
    assert found.drifted is drifted
