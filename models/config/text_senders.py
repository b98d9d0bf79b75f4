"""Who sends a shop's texts: a default sender, and one for each country that needs its own."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, TypeAdapter

from models.fields import Country

DEFAULT = "default"
"""The key of the sender for every country that has none of its own."""
NO_NAMES = ("US", "CA", "PR", "CN")
"""Countries whose networks take no name as a sender.

twilio.com/en-us/guidelines/us/sms and /ca/sms; for Puerto Rico developers.telnyx.com, alphanumeric-sender-id; for China
docs.aws.amazon.com/sms-voice, sender-id. In further countries a name must be registered first, or is replaced:
help.twilio.com/articles/223133767.
"""
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9 &+_-]{0,10}(?<! )")
_COUNTRY: TypeAdapter[str] = TypeAdapter(Country)


class SenderKind(StrEnum):
    """What a text is sent from."""

    NUMBER = "number"
    SERVICE = "messaging service"
    NAME = "name"
    """A name takes no answer: who gets the text cannot write STOP to it."""


def sender_kind(sender: str) -> SenderKind:
    """Return the kind of a sender; raises ValueError for what is none."""
    if _SERVICE.fullmatch(sender):
        return SenderKind.SERVICE
    if _NUMBER.fullmatch(sender):
        return SenderKind.NUMBER
    if _NAME.fullmatch(sender):
        return SenderKind.NAME
    raise ValueError(
        "a number as '+4915112345678', the SID of a messaging service ('MG' and 32 hexadecimal digits), or a name of "
        "at most 11 letters and digits with one letter at least, as 'Lantern', is right"
    )


def _check_sender(sender: str) -> str:
    sender_kind(sender)
    return sender


def _check_place(place: Any) -> Any:
    if not isinstance(place, str) or place == DEFAULT:
        return place
    return _COUNTRY.validate_python(place)


TextSenders = dict[Annotated[str, BeforeValidator(_check_place)], Annotated[str, AfterValidator(_check_sender)]]
"""Senders by country of the number that gets the text, and the DEFAULT one."""


def check_names(senders: Mapping[str, str], *home: str) -> None:
    """Raise ValueError for a name as the sender to a country that takes none; `home` is where the default one goes."""
    for place, sender in senders.items():
        countries = home if place == DEFAULT else (place,)
        refused = next((country for country in countries if country in NO_NAMES), None)
        if refused and sender_kind(sender) is SenderKind.NAME:
            raise ValueError(
                f"{place} = {sender!r}: networks of {refused} take no name as a sender; a number as '+12025550143' or "
                "a messaging service (MG...) is right"
            )


def sender_for(senders: Mapping[str, str], country: str) -> str | None:
    """Return the sender of a text to a number of this country; None where there is none."""
    return senders.get(country) or senders.get(DEFAULT)
