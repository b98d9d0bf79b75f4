"""The policy's numbers about how long the ledger keeps what was decided and sent."""

from typing import Self

from pydantic import Field, model_validator

from models.fields import FrozenModel, InDays

YEARS_3 = 1096


class RetentionPolicy(FrozenModel):
    """How many days the ledger keeps what it recorded. Nothing of an order that is still open is deleted."""

    message_days: InDays = Field(
        180, ge=1, description="days after a notice was settled until its words, its address and the name are deleted"
    )
    evidence_days: InDays = Field(
        YEARS_3,
        ge=1,
        description="days after a notice was settled until its row is deleted, with the dates that it told",
    )
    event_days: InDays = Field(YEARS_3, ge=1, description="days until an event of the audit log is deleted")
    offer_days: InDays = Field(
        YEARS_3, ge=1, description="days until an offer is deleted; a discount stays until it has expired as well"
    )
    run_days: InDays = Field(
        400, ge=60, description="days until a run is deleted; a held run and the last one of each flow stay"
    )
    expected_date_days: InDays = Field(
        400, ge=1, description="days after an expected date was replaced until it is deleted"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.evidence_days < self.message_days:
            raise ValueError("evidence_days must be at least message_days: a notice's words are deleted before its row")
        return self
