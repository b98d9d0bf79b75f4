"""What messages cost the shop, for its numbers. Nothing is decided by it."""

from decimal import Decimal

from pydantic import Field

from models.enums import Channel
from models.fields import Amounts, FrozenModel


class CostPolicy(FrozenModel):
    """What one message costs, as the desk's numbers add it up. Without a price the numbers say that none is set."""

    email: Amounts = Field({}, description="price of one mail, by currency, as `{ EUR = 0.001 }`")
    sms: Amounts = Field({}, description="price of one text, by currency; of a usual text with its parts")

    def price_of(self, channel: Channel) -> dict[str, Decimal]:
        """Return the price of one message of a channel, by currency; empty where none is set."""
        return {Channel.EMAIL: self.email, Channel.SMS: self.sms}.get(channel, {})
