"""The policy's numbers about the order page and what customers choose there."""

from pydantic import Field

from models.fields import FrozenModel, InDays


class OrderPagePolicy(FrozenModel):
    """The order page: how long its links and reservations last, and what customers are told about refunds."""

    link_days: InDays = Field(90, ge=1, description="days until the link in a message expires")
    links_alive: int = Field(5, ge=1, le=50, description="links of an order that work at once; older ones expire")
    undo_minutes: int = Field(60, ge=0, le=1440, description="minutes in which a customer can take a choice back")
    reserve_hours: int = Field(48, ge=1, le=720, description="hours for which a chosen substitute is reserved")
    refund_days: InDays = Field(14, ge=0, description="days by which a refund is paid, as the customer is told")
    new_links_a_day: int = Field(3, ge=1, le=50, description="new links that are mailed for one order in 24 hours")
