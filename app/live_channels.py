"""Find the channels that are not live yet: their messages wait for `forewarn go-live`."""

from app.composition import App
from app.transports import missing_credentials, reaches_customers
from tasks.db.sql import read_only
from tasks.going_live.rollout import live_channels


def channels_not_live(app: App) -> dict[str, str]:
    """Return the channels with a provider that are not live, each with a sentence about what to do.

    A channel without credentials is not among them, because those must be set first.
    """
    providers = reaches_customers(app.settings)
    if not providers:
        return {}
    with read_only(app.context.engine) as connection:
        live = live_channels(connection)
    return {
        str(channel): f"{kind} would reach customers, and is not live: `forewarn go-live` shows whom it tells"
        for channel, kind in providers.items()
        if channel not in live and not missing_credentials(app.settings, kind, app.folder.shop.sender)
    }
