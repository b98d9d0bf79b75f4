"""What the JSON API takes: ids in a path, texts that every database stores, and the bodies of requests."""

from typing import Annotated, Literal
from urllib.parse import unquote

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MAX_TEXT_CHARS, MAX_PART_CHARS = 500, 3_000


def _storable(text: str) -> str:
    """Return a text that every database stores; raises ValueError for any other."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("a text with NUL or half a surrogate pair cannot be stored")
    return text


def _decoded(part: str) -> str:
    """Return a part of a path, of which `web/api/guards.py` leaves the percent-encoding; raises ValueError."""
    try:
        return _storable(unquote(part, errors="strict"))
    except UnicodeDecodeError:
        raise ValueError("percent-encoded UTF-8 is right") from None


def _whole(number: object) -> object:
    """Return a number of a JSON body; raises ValueError for a text or a truth value, which pydantic would convert."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError("a whole number is right")  # noqa: TRY004 - pydantic wants it
    return number


Whole = Annotated[int, BeforeValidator(_whole)]
Text = Annotated[str, Field(strict=True, max_length=MAX_TEXT_CHARS, pattern=r"^[^\x00]*$"), AfterValidator(_storable)]
Id = Annotated[str, Path(min_length=1, max_length=MAX_PART_CHARS), AfterValidator(_decoded)]
"""An id in a path."""
Number = Annotated[int, Path(ge=1, le=1_000_000, description="the choice's number in its order")]


class NewChoice(BaseModel):
    """A choice to record, as the customer was shown it."""

    model_config = ConfigDict(extra="forbid")

    act: Literal["wait", "ship", "swap", "cancel", "offer", "withdraw"]
    option: Text = Field("", description="key of the option; empty for `wait`, `ship`, `offer` and `withdraw`")
    version: Whole = Field(ge=0, le=1_000_000, description="`version` of the order as it was shown")
    stated: Text = Field(description="`stated` of the option as it was shown")
    made_by: Literal["customer", "staff"] = Field("customer", description="staff: recorded on the phone")


class Closing(BaseModel):
    """Why a choice is done or refused."""

    model_config = ConfigDict(extra="forbid")

    why: Text = Field("", description="kept in the ledger")
