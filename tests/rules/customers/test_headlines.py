from dataclasses import replace

import pytest

from models.customers import Act, ChoiceState, Headline
from models.enums import Promise
from models.orders import Shipment
from rules.customers.changeable import without_unsent_pieces
from rules.customers.headlines import headline
from rules.customers.standing import closing_choices
from rules.delays.delays import late_line, open_lines
from tests.support.builders import CALENDAR, DAY, day, line, order
from tests.support.choosing import choice


def said(*lines, choices=(), good_news=False, **facts):
    sold = replace(order(*lines), **facts)
    closed = closing_choices(choices)
    owed = [without_unsent_pieces(one, "", DAY) if one.number in closed else one for one in sold.lines]
    late = [
        late for one in open_lines(replace(sold, lines=tuple(owed)), DAY) if (late := late_line(one, DAY, CALENDAR))
    ]
    return headline(sold, late, choices, DAY, good_news=good_news)


LATE = line("1", promised=-5, expected=3)
UNDATED = line("2", promised=-5)
ON_TIME = line("3", promised=5)
SENT = line("4", promised=5, shipped=-2)
ARRIVED = line("5", promised=5, shipped=-2, delivered=-1)
GONE = line("6", cancelled=-1)
UNDER_WAY = replace(
    line("7", promised=5, promise=Promise.DELIVER), shipments=(Shipment("P", 1, shipped_on=day(-1)),), shipped=1
)
CANCEL_LATE = choice(Act.CANCEL, "1")
SWAP_LATE = choice(Act.SWAP, "1")


@pytest.mark.parametrize(
    ("lines", "choices", "expected"),
    [
        ((LATE,), (), Headline.LATE),
        ((LATE, ON_TIME), (), Headline.PART_LATE),
        ((LATE, SENT), (), Headline.PART_LATE),
        ((LATE, GONE), (), Headline.LATE),
        ((replace(LATE, quantity=3, shipped=1),), (), Headline.PART_LATE),
        ((LATE, UNDATED), (), Headline.NO_DATE),
        ((UNDATED, ON_TIME), (), Headline.NO_DATE),
        ((ON_TIME,), (), Headline.ON_TIME),
        ((UNDER_WAY,), (), Headline.SENT),
        ((SENT,), (), Headline.SENT),
        ((SENT, ARRIVED), (), Headline.SENT),
        ((ARRIVED,), (), Headline.ARRIVED),
        ((ARRIVED, GONE), (), Headline.ARRIVED),
        ((replace(ON_TIME, closed=True),), (), Headline.ARRIVED),
        ((GONE,), (), Headline.CANCELLED),
        ((LATE,), (CANCEL_LATE,), Headline.CANCEL_REQUESTED),
        ((LATE,), (replace(CANCEL_LATE, state=ChoiceState.DONE),), Headline.CANCELLED),
        ((LATE,), (replace(CANCEL_LATE, state=ChoiceState.REFUSED),), Headline.LATE),
        ((LATE, ON_TIME), (CANCEL_LATE,), Headline.ON_TIME),
        ((LATE, SENT), (CANCEL_LATE,), Headline.SENT),
        ((LATE,), (SWAP_LATE,), Headline.ON_TIME),
        ((LATE, UNDATED), (SWAP_LATE,), Headline.NO_DATE),
    ],
)
def test_the_page_opens_with_the_sentence_its_reader_came_for(lines, choices, expected):
    assert said(*lines, choices=choices) is expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((LATE,), Headline.GOOD_NEWS),
        ((ON_TIME,), Headline.GOOD_NEWS),
        ((UNDATED,), Headline.NO_DATE),
        ((SENT,), Headline.SENT),
    ],
)
def test_good_news_comes_first_while_something_is_still_to_come_and_has_a_date(lines, expected):
    assert said(*lines, good_news=True) is expected


def test_an_order_that_its_shop_cancelled_says_so_whatever_its_lines_are():
    assert said(LATE, cancelled_on=DAY) is Headline.CANCELLED
    assert said(LATE, cancelled_on=day(1)) is Headline.LATE


def test_an_order_without_lines_is_not_late():
    assert headline(replace(order(), lines=()), (), (), DAY, good_news=False) is Headline.ON_TIME
