"""Which channels may reach customers: those that somebody let go live."""

from app.composition import App
from app.transports import missing_credentials, reaches_customers
from tasks.db.sql import read_only
from tasks.going_live.rollout import live_channels


def channels_not_live(app: App) -> dict[str, str]:
    """Return the channels that have a provider and may not reach customers yet, each with what to do.

    One that lacks credentials is not among them: that comes first.
    """
    providers = reaches_customers(app.settings)
    if not providers:
        return {}
    with read_only(app.context.engine) as connection:
        live = live_channels(connection)
    return {
        str(channel): f"{kind} would reach customers, and nobody let it go live: `forewarn go-live` shows whom"
        for channel, kind in providers.items()
        if channel not in live and not missing_credentials(app.settings, kind)
    }
