"""The measures that a shop's files give: countries, and days, hours, counts and amounts with the most that is meant."""

import codecs
import re
from decimal import Decimal
from typing import Annotated

from babel import Locale
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MAX_DAYS = 3650
# Files called Latin-1 hold Windows-1252 in practice, so browsers read them as that (WHATWG Encoding Standard).
WINDOWS = {"iso8859-1": "cp1252"}


NO_COUNTRIES = frozenset(("EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"))
"""Codes that CLDR lists as territories, but that no address has."""
COUNTRIES = frozenset(filter(re.compile("[A-Z]{2}").fullmatch, map(str, Locale("en").territories))) - NO_COUNTRIES
"""Codes of ISO 3166-1, with those it reserves, and XK, which is in use for Kosovo."""
ALIASES = {"UK": "GB", "EL": "GR"}
"""The EU's own codes (Interinstitutional Style Guide, 7.1.1), as many shops and tax systems write them."""


def _spelt(code: object) -> object:
    return ALIASES.get(code.upper(), code.upper()) if isinstance(code, str) else code


def _known(code: str) -> str:
    # A code that no address has would never apply, and the rule that names it would be off without a word.
    if code not in COUNTRIES:
        raise ValueError("no country has this ISO code; one such as 'DE' is right")
    return code


def codec(name: str) -> str:
    """Return Python's name of an encoding of text; raises ValueError for one that is not known."""
    try:
        "".encode(name)
        found = codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise ValueError(f"{name!r} is no encoding that is known here; one such as 'cp1252' is right") from error
    return WINDOWS.get(found, found)


Country = Annotated[str, BeforeValidator(_spelt), AfterValidator(_known)]
"""A country by its ISO 3166-1 code of two letters, in any case; UK is read as GB, and EL as GR."""
Encoding = Annotated[str, AfterValidator(codec)]
InDays = Annotated[int, Field(le=MAX_DAYS)]
"""Ten years: further off there is nothing to promise or to learn, and a calendar ends in the year 9999."""
InHours = Annotated[int, Field(le=24 * MAX_DAYS)]
InMinutes = Annotated[int, Field(le=60 * 24 * MAX_DAYS)]
Count = Annotated[int, Field(le=1_000_000)]
Amounts = dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Annotated[Decimal, Field(ge=0, le=1_000_000_000)]]
"""Money by currency: `{ EUR = 10, USD = 12 }`. A currency that is not listed gets none."""
DaysByCountry = dict[Country, Annotated[InDays, Field(ge=0)]]
DaysByMethod = dict[str, Annotated[InDays, Field(ge=0)]]
"""Working days by shipping method, as `{ express = 1 }`; `Express` is the same method."""
Times = Annotated[Decimal, Field(le=1_000)]


class FrozenModel(BaseModel):
    """A table of such a file: it never changes, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
