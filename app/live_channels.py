"""Which channels may reach customers: those that somebody let go live."""

from app.composition import House
from app.transports import missing, to_customers
from tasks.db.sql import reading
from tasks.going_live.rollout import live_channels


def waits_for_go_live(house: House) -> dict[str, str]:
    """Return the channels that have a provider and may not reach customers yet, each with what to do.

    One that lacks credentials is not among them: that comes first.
    """
    providers = to_customers(house.settings)
    if not providers:
        return {}
    with reading(house.desk.engine) as connection:
        live = live_channels(connection)
    return {
        str(channel): f"{kind} would reach customers, and nobody let it go live: `forewarn go-live` shows whom"
        for channel, kind in providers.items()
        if channel not in live and not missing(house.settings, kind)
    }
