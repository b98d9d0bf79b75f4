"""What messages cost the shop, for its numbers. Nothing is decided by it."""

from decimal import Decimal

from pydantic import Field

from models.enums import Channel
from models.fields import Amounts, FrozenModel


class CostPolicy(FrozenModel):
    """What one message costs, as the desk's numbers add it up. Without a price the numbers say that none is set."""

    email: Amounts = Field({}, description="price of one mail, by currency, as `{ EUR = 0.001 }`")
    sms: Amounts = Field({}, description="price of one text, by currency; of a usual text with its parts")

    x_post: Amounts = Field({"USD": Decimal("0.015")}, description="price of one post on X without a link, by currency")
    x_post_with_link: Amounts = Field(
        {"USD": Decimal("0.20")}, description="price of one post on X with a link, by currency: X takes more for it"
    )

    def post_price(self, network: Channel, *, has_link: bool) -> dict[str, Decimal]:
        """Return what a network takes for a post, by currency; empty where it takes nothing."""
        return (self.x_post_with_link if has_link else self.x_post) if network is Channel.X else {}

    def price_of(self, channel: Channel) -> dict[str, Decimal]:
        """Return the price of one message of a channel, by currency; empty where none is set."""
        return {Channel.EMAIL: self.email, Channel.SMS: self.sms}.get(channel, {})
