"""Make the sample orders of warnings, and of the good news after one, from those of other messages."""

from dataclasses import replace
from datetime import timedelta

from models.decisions import Delay, LateLine, LikelyDelay, Plan
from models.early_warning import Likelihood, Source
from models.enums import ChangeKind
from models.policy.policy import MAY_BE_LATE, ON_TIME

LIKELY = Likelihood(0.61, 4, Source.MODEL)


def warned(delay: Delay, *, left: bool) -> Delay:
    """Return the likely delay of an order that has left, or was not sent yet; it is promised for the next day."""
    today = delay.as_of
    promised_on = today + timedelta(1)
    shipped_on = today - timedelta(9) if left else None
    lines = tuple(
        replace(each.line, promised_on=promised_on, expected_on=None, shipped_on=shipped_on, reason=None)
        for each in delay.late
    )
    return replace(
        delay,
        order=replace(delay.order, lines=(*lines, *delay.on_time)),
        days=0,
        bucket=MAY_BE_LATE,
        expected_on=None,
        late=tuple(LateLine(line, 0, None) for line in lines),
        likely=LikelyDelay(LIKELY, promised_on, promised_on + timedelta(10)),
    )


def in_time(plan: Plan) -> Plan:
    """Return good news after a warning: the order of a plan comes as promised."""
    promised_on = plan.delay.as_of + timedelta(2)
    lines = (replace(each.line, promised_on=promised_on, expected_on=promised_on) for each in plan.delay.late)
    late = tuple(LateLine(line, 0, promised_on) for line in lines)
    delay = replace(plan.delay, days=0, bucket=ON_TIME, expected_on=promised_on, late=late)
    return replace(plan, delay=delay, change=ChangeKind.IN_TIME)
