"""Types of the fields in a shop's files: countries, encodings, amounts, and numbers with their limits."""

import codecs
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MAX_DAYS = 3650
# Files called Latin-1 hold Windows-1252 in practice, so browsers read them as that (WHATWG Encoding Standard).
WINDOWS_CODECS = {"iso8859-1": "cp1252"}


_COUNTRIES = (
    "AC AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW "
    "BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CP CQ CR CU CV CW CX CY CZ DE DG DJ DK DM DO DZ EA EC EE EG EH ER "
    "ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU IC ID IE "
    "IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC "
    "MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE "
    "PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV "
    "SX SY SZ TA TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK "
    "YE YT ZA ZM ZW"
)
COUNTRIES = frozenset(_COUNTRIES.split())
"""Codes of ISO 3166-1, its reserved codes, and XK for Kosovo. A test compares them with CLDR's."""
COUNTRY_ALIASES = {"UK": "GB", "EL": "GR"}
"""The EU's own codes (Interinstitutional Style Guide, 7.1.1), which many shops and tax systems use."""


def _normalize_country(code: object) -> object:
    return COUNTRY_ALIASES.get(code.upper(), code.upper()) if isinstance(code, str) else code


def _check_country(code: str) -> str:
    # An unknown code would never match an address, and its rule would silently do nothing.
    if code not in COUNTRIES:
        raise ValueError("no country has this ISO code; one such as 'DE' is right")
    return code


def codec(name: str) -> str:
    """Return Python's name of a text encoding. Raises ValueError for an unknown one."""
    try:
        "".encode(name)
        python_name = codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise ValueError(f"{name!r} is no encoding that is known here; one such as 'cp1252' is right") from error
    return WINDOWS_CODECS.get(python_name, python_name)


Country = Annotated[str, BeforeValidator(_normalize_country), AfterValidator(_check_country)]
"""An ISO 3166-1 alpha-2 code, in any case. UK is read as GB, and EL as GR."""
Encoding = Annotated[str, AfterValidator(codec)]
InDays = Annotated[int, Field(le=MAX_DAYS)]
"""Days, at most ten years: a longer period is a mistake, and Python's calendar ends in the year 9999."""
InHours = Annotated[int, Field(le=24 * MAX_DAYS)]
InMinutes = Annotated[int, Field(le=60 * 24 * MAX_DAYS)]
Count = Annotated[int, Field(le=1_000_000)]
Amounts = dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Annotated[Decimal, Field(ge=0, le=1_000_000_000)]]
"""Amounts by currency, as `{ EUR = 10, USD = 12 }`. In other currencies there is no amount."""
DaysByCountry = dict[Country, Annotated[InDays, Field(ge=0)]]
DaysByMethod = dict[str, Annotated[InDays, Field(ge=0)]]
"""Working days by shipping method, as `{ express = 1 }`. Methods are compared in lower case."""
Times = Annotated[Decimal, Field(le=1_000)]


class FrozenModel(BaseModel):
    """An immutable table of a shop's file. Unknown keys are errors. Built when first read: `--help` reads none."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
