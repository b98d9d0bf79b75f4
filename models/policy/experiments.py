"""Trials of two wordings of one message, as the policy sets them beforehand."""

from datetime import date
from typing import Self

from pydantic import Field, model_validator

from models.experiments import Outcome
from models.fields import FrozenModel

FOLDER_PATTERN = r"^[a-z][a-z0-9_]*$"


class ExperimentPolicy(FrozenModel):
    """A trial of two wordings of one message. By customer, half of them or `share` read the second one."""

    name: str = Field(
        min_length=1,
        max_length=60,
        description="its name on pages; the split depends on it, so a trial that is run again needs another name",
    )
    message: str = Field(pattern=FOLDER_PATTERN, description="folder of the message, such as `week` or `late_again`")
    wording: str = Field(
        pattern=FOLDER_PATTERN,
        description="folder with the parts of the second wording, such as `week_b`; a part that is not in it is the "
        "message's own",
    )
    share: float = Field(0.5, gt=0, lt=1, description="share of the customers who read the second wording")
    begins: date = Field(description="first day on which messages take part")
    ends: date = Field(description="last day on which messages take part; results before it are provisional")
    outcome: Outcome = Field(
        description="what is compared: customers who `waited`, `cancelled`, `answered` or `redeemed` a code"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.ends < self.begins:
            raise ValueError(f"trial {self.name!r} ends on {self.ends}, before it begins on {self.begins}")
        if self.wording == self.message:
            raise ValueError(f"trial {self.name!r}: the second wording needs a folder of its own, not {self.message!r}")
        return self

    def runs_on(self, day: date) -> bool:
        """Return whether messages of a day take part."""
        return self.begins <= day <= self.ends

    def overlaps(self, other: "ExperimentPolicy") -> bool:
        """Return whether both are about one message on some day."""
        return self.message == other.message and self.begins <= other.ends and other.begins <= self.ends


def check_experiments(experiments: tuple[ExperimentPolicy, ...], messages: set[str]) -> None:
    """Raise ValueError where a trial is about no message of the policy, or two cannot be told apart."""
    for number, one in enumerate(experiments):
        if one.message not in messages:
            known = ", ".join(sorted(messages))
            raise ValueError(f"trial {one.name!r} is about {one.message!r}, which is no message; {known} are right")
        if one.wording in messages:
            raise ValueError(f"trial {one.name!r}: {one.wording!r} is a message itself; choose another folder")
        for other in experiments[:number]:
            if one.name == other.name:
                raise ValueError(f"two trials have the name {one.name!r}")
            if one.overlaps(other):
                raise ValueError(
                    f"trials {other.name!r} and {one.name!r} are about {one.message!r} on the same days: their effects "
                    "could not be told apart"
                )
