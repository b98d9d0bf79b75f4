"""The page of a night's learning, and what the digest says when likelihoods were off."""

import base64
import re
from datetime import date
from io import BytesIO

import pytest
from PIL import Image

from app.reports.early_warning import drift_markdown, learnt_markdown, learnt_sentence
from models.early_warning import Source
from rules.early_warning.drift import Compared, Drift
from tasks.early_warning.learn import Learnt


def learnt(source=Source.MODEL, off=3.0, tenths=(), months=()):
    return Learnt(
        as_of=date(2026, 6, 1),
        version="2026-06-01-abc",
        source=source,
        late_days=4,
        orders=5_000,
        arrived=4_800,
        late=242,
        foretold=61,
        scored=80,
        drift=Drift(120, off),
        tenths=list(tenths),
        months=list(months),
    )


@pytest.mark.parametrize(
    ("source", "off", "said"),
    [
        (None, None, "4,800 orders have arrived: from 100 on it is foretold which may be late."),
        (Source.MODEL, 3.2, "61 open ones were foretold. The model decides. In the last 60 days 3 in 100 more late"),
        (Source.AGE, None, "the model needs 12 late orders. Fewer than 50 orders ended"),
        (Source.BASE_RATE, -14.0, "14 in 100 fewer late orders were foretold than came: too far off."),
    ],
    ids=["too few", "model", "age", "off"],
)
def test_a_sentence_says_what_decides_and_how_far_it_was_off(source, off, said):
    assert said in learnt_sentence(learnt(source, off))


def test_the_page_has_a_picture_and_the_numbers_by_tenth_and_by_month():
    tenths = [Compared("10 to 20", 0.15, 0.12, 400, 90), Compared("60 to 70", 0.65, 0.6, 80, 30)]
    months = [Compared(f"2026-0{n}", 0.4, 0.3 + n / 50, 200, 60) for n in range(1, 6)]
    page = learnt_markdown("Lamps", learnt(tenths=tenths, months=months))
    assert "| 60 to 70 | 65 | 60 | +5 | 80 | 30 |" in page
    assert "| 2026-05 | 40 | 40 | +0 | 200 | 60 |" in page
    (picture,) = re.findall(r"base64,([^)]+)\)", page)
    with Image.open(BytesIO(base64.b64decode(picture))) as image:
        assert image.width > 800
    assert "follows as soon as" in learnt_markdown("Lamps", learnt())


def test_the_digest_speaks_only_of_likelihoods_that_are_off():
    assert drift_markdown(14.0, drifted=False) == ""
    assert "14 in 100 more late orders were foretold than came: too far off." in drift_markdown(14.0, drifted=True)
    assert "the last 90 days decides" in drift_markdown(14.0, drifted=True)
