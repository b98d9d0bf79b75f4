"""Which part of an order is over, as the sentence about it says."""

from dataclasses import replace
from datetime import date

import pytest

from tasks.desk.cancelled_part import cancelled_part
from tests.support.builders import DAY, line, order

ON = date(2026, 6, 14)
BY, SWAPPED = "cancelled by the customer (1041-C1)", "swapped by the customer (1041-C1)"
OPEN = line("9")


def other(number, **changes):
    return replace(line(number), **changes)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([OPEN], ""),
        ([other("1", cancelled_on=ON), OPEN], "Lamp 1 was cancelled on 14 June."),
        ([other("1", cancelled_on=date(2026, 6, 20)), OPEN], ""),
        ([other("1", closed=True, ended=BY), OPEN], "Lamp 1 was cancelled by the customer."),
        ([other("1", closed=True, ended=SWAPPED), OPEN], "Lamp 1 was swapped by the customer."),
        ([other("1", closed=True, ended="never sent"), OPEN], ""),
        ([other("1", quantity=3, cancelled=1), OPEN], "1 of 3 Lamp 1 was cancelled."),
        ([other("1", quantity=3, cancelled=2, ended=BY), OPEN], "2 of 3 Lamp 1 were cancelled by the customer."),
        ([other("1", cancelled_on=ON), other("2", cancelled_on=ON), OPEN], "2 of 3 items were cancelled on 14 June."),
        (
            [other("1", cancelled_on=ON), other("2", closed=True, ended=BY), OPEN],
            "2 of 3 items were cancelled.",
        ),
    ],
)
def test_the_part_that_is_over_is_named_with_how_and_when(lines, said):
    assert cancelled_part(order(*lines), DAY) == said
