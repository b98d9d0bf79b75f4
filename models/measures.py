"""The measures that a shop's files give: countries, and days, hours, counts and amounts with the most that is meant."""

import codecs
from decimal import Decimal
from typing import Annotated

from phonenumbers import SUPPORTED_REGIONS
from pydantic import AfterValidator, Field

MOST_DAYS = 3650
# Files called Latin-1 hold Windows-1252 in practice, so browsers read them as that (WHATWG Encoding Standard).
WINDOWS = {"iso8859-1": "cp1252"}


def _known(code: str) -> str:
    # A code that no address has would never apply, and the rule that names it would be off without a word.
    if code not in SUPPORTED_REGIONS:
        raise ValueError("no country has this ISO code; one such as 'DE' is right, and 'GB' for the United Kingdom")
    return code


def codec(name: str) -> str:
    """Return Python's name of an encoding of text; raises ValueError for one that is not known."""
    try:
        "".encode(name)
        found = codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise ValueError(f"{name!r} is no encoding that is known here; one such as 'cp1252' is right") from error
    return WINDOWS.get(found, found)


Country = Annotated[str, AfterValidator(_known)]
"""Those that give out phone numbers, which are all in which people live."""
Encoding = Annotated[str, AfterValidator(codec)]
InDays = Annotated[int, Field(le=MOST_DAYS)]
"""Ten years: further off there is nothing to promise or to learn, and a calendar ends in the year 9999."""
InHours = Annotated[int, Field(le=24 * MOST_DAYS)]
InMinutes = Annotated[int, Field(le=60 * 24 * MOST_DAYS)]
Count = Annotated[int, Field(le=1_000_000)]
Amounts = dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Annotated[Decimal, Field(ge=0, le=1_000_000_000)]]
"""Money by currency: `{ EUR = 10, USD = 12 }`. A currency that is not listed gets none."""
DaysByCountry = dict[Country, Annotated[InDays, Field(ge=0)]]
Times = Annotated[Decimal, Field(le=1_000)]
