"""The policy's numbers about the legal clock, by country. Sources and doubts are in docs/promise-clock.md."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from models.enums import Promise
from models.fields import FrozenModel, InDays

EU_MEMBERS = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
EU, DEFAULT = "EU", "default"
NOT_WITHDRAWN = ("custom_made", "perishable", "mixed", "alcohol_later", "periodical")
"""Kinds of sale without a right to withdraw, as article 16 of directive 2011/83 has them."""


class DayUnit(StrEnum):
    """How days are counted."""

    CALENDAR = "calendar"
    WORKING = "working"


class Surcharge(FrozenModel):
    """What a late refund costs more, up to a number of days beyond its deadline."""

    percent: int = Field(ge=0, le=100, description="added to the refund")
    up_to_days: InDays | None = Field(None, description="days after the refund's deadline; without it, from then on")


class CountryRules(FrozenModel):
    """What one country's law says about late orders."""

    performance: Promise = Field(Promise.DELIVER, description="what must happen by the date: `ship` or `deliver`")
    default_days: InDays = Field(30, ge=1, description="days from the order where no date was promised")
    default_days_seller_credit: InDays | None = Field(None, description="the same where the shop itself gives credit")
    option_notice: bool = Field(
        default=False, description="whether the law asks for a notice that offers to wait or to cancel"
    )
    silence_consents_within: InDays | None = Field(
        None, description="silence agrees to a new date at most this many days after the first one"
    )
    answer_grace_days: InDays = Field(
        0, description="days after the first date in which the customer can agree to a later one, or to none"
    )
    extra_period: bool = Field(default=False, description="the customer may set a further period, and then end")
    end_after_days: InDays | None = Field(None, description="days after a stated date until the customer may end")
    end_after_days_no_date: InDays | None = Field(None, description="the same where no date was stated")
    essential_ends_at_once: bool = Field(default=False, description="an essential date that passed ends at once")
    refund_days: InDays = Field(14, ge=0, description="days in which money goes back")
    refund_unit: DayUnit = Field(DayUnit.CALENDAR, description="`calendar` or `working` days")
    refund_by_payment: dict[str, str] = Field({}, description="payments with another deadline, in words")
    refund_surcharge: tuple[Surcharge, ...] = Field((), description="what a late refund costs more, in order")
    withdrawal_days: InDays = Field(0, ge=0, description="days after delivery in which the customer may withdraw")
    withdrawal_rolls: bool = Field(default=False, description="a last day that is no working day moves on")
    withdrawal_refund_days: InDays = Field(14, ge=0, description="days in which money goes back after it")
    withdrawal_function: bool = Field(default=False, description="whether pages offer withdrawal in two steps")
    min_total: InDays | None = Field(None, description="orders of this total or less are outside")
    exclusions: tuple[str, ...] = Field((), description="kinds of sale that are outside")
    withdrawal_exclusions: tuple[str, ...] = Field((), description="kinds of sale without a right to withdraw")
    choices_at_once: bool = Field(
        default=False, description="whether a late order gives three choices: delivery, an equivalent product, the end"
    )
    refund_corrected: bool = Field(default=False, description="whether a refund is corrected for inflation")
    holidays: str | None = Field(None, description="country of the public holidays")
    house_choices: tuple[str, ...] = Field(
        (), description="keys whose value is the house's own choice: no law that was read says it"
    )

    @model_validator(mode="after")
    def _known_choices(self) -> Self:
        if unknown := set(self.house_choices) - type(self).model_fields.keys():
            raise ValueError(f"house_choices names {sorted(unknown)[0]!r}, which is no key of a country")
        return self


def _european(holidays: str | None = None, **changes: object) -> CountryRules:
    values: dict[str, object] = {
        "extra_period": True,
        "essential_ends_at_once": True,
        "withdrawal_days": 14,
        "withdrawal_rolls": True,
        "withdrawal_function": True,
        "withdrawal_exclusions": NOT_WITHDRAWN,
        "holidays": holidays,
        "house_choices": ("refund_days",),
    }
    return CountryRules.model_validate(values | changes)


def _canadian(**changes: object) -> CountryRules:
    values: dict[str, object] = {
        "end_after_days": 30,
        "end_after_days_no_date": 0,
        "refund_days": 15,
        "holidays": "CA",
        "house_choices": (),
    }
    return CountryRules.model_validate(values | changes)


def _table() -> dict[str, CountryRules]:
    at_once = {"end_after_days": 0, "end_after_days_no_date": 0}
    return {
        "US": CountryRules(
            performance=Promise.SHIP,
            default_days_seller_credit=50,
            option_notice=True,
            silence_consents_within=30,
            answer_grace_days=30,
            refund_days=7,
            refund_unit=DayUnit.WORKING,
            refund_by_payment={"seller_credit": "one billing cycle after vesting"},
            exclusions=("cod", "seeds", "subscription_later", "negative_option", "service"),
            holidays="US",
            house_choices=("holidays",),
        ),
        EU: _european(),
        "DE": _european("DE"),
        "FR": _european(
            "FR",
            house_choices=(),
            refund_surcharge=(
                Surcharge(percent=10, up_to_days=14),
                Surcharge(percent=20, up_to_days=30),
                Surcharge(percent=50),
            ),
        ),
        "GB": _european("GB", withdrawal_rolls=False, withdrawal_function=False),
        "CA-ON": _canadian(min_total=50),
        "CA-QC": _canadian(),
        "AU": CountryRules(**at_once, holidays="AU", house_choices=("default_days", *at_once, "refund_days")),
        "BR": CountryRules(
            **at_once,
            refund_days=0,
            withdrawal_days=7,
            withdrawal_refund_days=0,
            choices_at_once=True,
            refund_corrected=True,
            holidays="BR",
            house_choices=("default_days",),
        ),
        DEFAULT: CountryRules(
            extra_period=True, house_choices=("default_days", "extra_period", "refund_days", "withdrawal_refund_days")
        ),
    }


class PromiseClockPolicy(FrozenModel):
    """The legal clock: the rules of each country, and how early staff are warned."""

    warn_days: tuple[InDays, ...] = Field(
        (7, 3, 1), description="days before a deadline on which staff are warned; a house choice"
    )
    lead_days: InDays = Field(
        2,
        ge=0,
        description="days before a deadline by which the shop plans to act, so that a bounced message leaves time for "
        "another; a house choice",
    )
    country: dict[str, CountryRules] = Field(
        _table(), description="by ISO code, as DE or CA-QC; `EU` for other members, `default` for the rest"
    )

    @model_validator(mode="after")
    def _has_default(self) -> Self:
        # A country that the shop writes down replaces one of ours, and the others stay.
        for name, rules in _table().items():
            self.country.setdefault(name, rules)
        return self

    def rules_of(self, country: str, region: str = "") -> CountryRules:
        """Return the rules of a country, or of its region, by ISO code."""
        names = [f"{country}-{region}", country, *([EU] if country in EU_MEMBERS else []), DEFAULT]
        return next(self.country[name] for name in names if name in self.country)
