"""Find by which country's rules an order is judged."""

from dataclasses import dataclass
from datetime import date

from models.orders import LineFacts, OrderFacts
from models.policy.promise_clock import CountryRules
from rules.inventory.transit import TransitTimes
from rules.promise_clock.counted_days import counted_day
from rules.promise_clock.regions import region_of
from tasks.context import Context


@dataclass(frozen=True, slots=True)
class OrderLaw:
    """The law that holds for an order: that of the country it goes to, or its customer's, or the shop's."""

    country: str
    region: str
    """ISO codes; the region is empty where it makes no difference."""
    rules: CountryRules
    transit: TransitTimes

    @property
    def name(self) -> str:
        """Return the country, with the region where that has a law of its own, as CA-QC."""
        return f"{self.country}-{self.region}" if self.region else self.country

    def counted(self, day: date | None, line: LineFacts) -> date | None:
        """Return a day as the country counts it: of arrival or of shipping, whatever the line promises."""
        return counted_day(day, line.promise, self.rules.performance, self.transit, self.country)


def law_of(context: Context, order: OrderFacts) -> OrderLaw:
    """Return the law that holds for an order."""
    country = order.country or context.shop.country
    region = region_of(country, order.postcode)
    rules = context.policy.promise_clock.rules_of(country, region)
    return OrderLaw(country, region, rules, context.promises.transit)
