"""The policy's numbers about warnings: when a customer is told of a delay that is only likely."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from models.enums import Channel
from models.fields import FrozenModel, InDays

MAX_DAYS_BEFORE = 10
"""Days before the promise from which a delay is foretold at all."""
Percent = Annotated[int, Field(ge=1, le=100)]


def _to_a_person(channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    if any(channel not in (Channel.EMAIL, Channel.SMS) for channel in channels):
        raise ValueError("a warning to a customer goes by 'email' or 'sms'")
    if len(set(channels)) < len(channels):
        raise ValueError("a channel is named twice")
    return channels


class WarningPolicy(FrozenModel):
    """When customers are told, before it is known, that an order may be late. Days are counted as in [days]."""

    on: bool = Field(default=True, description="whether customers are warned; `false`: they are told what is known")
    late_days: InDays = Field(4, ge=1, description="days after the promise from which an order counts as late")
    surely: Percent = Field(
        60, description="told at once when at least so many in 100 such orders end so late, up to `days_before` before"
    )
    likely: Percent = Field(
        40, description="else told `last_day` before the promise, when at least so many in 100 such orders end so late"
    )
    days_before: int = Field(
        5, ge=0, le=MAX_DAYS_BEFORE, description="days before the promise from which a warning is possible"
    )
    last_day: InDays = Field(
        1, ge=0, description="how many days before the promise is the last morning to warn; 0: the promised morning"
    )
    up_to_days: InDays = Field(
        10, ge=1, description="a warning says that it may take up to so many days longer than promised"
    )
    channels: Annotated[tuple[Channel, ...], AfterValidator(_to_a_person)] = Field(
        (Channel.EMAIL,), min_length=1, description="as the channels of a bucket"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.likely > self.surely:
            raise ValueError("likely is above surely: the later a warning, the fewer in 100 it needs")
        if self.last_day > self.days_before:
            raise ValueError("last_day is above days_before: no warning would ever be possible")
        if self.up_to_days < self.late_days:
            raise ValueError("up_to_days is below late_days: the message would promise less than what it warns of")
        return self
