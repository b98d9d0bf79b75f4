"""The measures that a shop's files give: countries, and days, hours, counts and amounts with the most that is meant."""

from decimal import Decimal
from typing import Annotated

from phonenumbers import SUPPORTED_REGIONS
from pydantic import AfterValidator, Field

MOST_DAYS = 3650


def _known(code: str) -> str:
    # A code that no address has would never apply, and the rule that names it would be off without a word.
    if code not in SUPPORTED_REGIONS:
        raise ValueError("no country has this ISO code; one such as 'DE' is right, and 'GB' for the United Kingdom")
    return code


Country = Annotated[str, AfterValidator(_known)]
"""Those that give out phone numbers, which are all in which people live."""
InDays = Annotated[int, Field(le=MOST_DAYS)]
"""Ten years: further off there is nothing to promise or to learn, and a calendar ends in the year 9999."""
InHours = Annotated[int, Field(le=24 * MOST_DAYS)]
InMinutes = Annotated[int, Field(le=60 * 24 * MOST_DAYS)]
Count = Annotated[int, Field(le=1_000_000)]
Amounts = dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Annotated[Decimal, Field(ge=0, le=1_000_000_000)]]
"""Money by currency: `{ EUR = 10, USD = 12 }`. A currency that is not listed gets none."""
DaysByCountry = dict[Country, Annotated[InDays, Field(ge=0)]]
DaysByMethod = dict[str, Annotated[InDays, Field(ge=0)]]
"""Working days by shipping method, as `{ express = 1 }`; `Express` is the same method."""
Times = Annotated[Decimal, Field(le=1_000)]
