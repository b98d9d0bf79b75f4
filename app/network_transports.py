"""Open the transport to a network on which posts are published."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from channels.transport import MessageTransport
from models.config.settings import Settings, TransportKind
from models.enums import Channel

if TYPE_CHECKING:
    from channels.social.linkedin_token import LinkedInApp

NETWORK_KINDS: Mapping[Channel, TransportKind] = {
    Channel.X: TransportKind.X,
    Channel.FACEBOOK: TransportKind.FACEBOOK,
    Channel.BLUESKY: TransportKind.BLUESKY,
    Channel.MASTODON: TransportKind.MASTODON,
    Channel.LINKEDIN: TransportKind.LINKEDIN,
}
REQUIRED_SETTINGS: Mapping[TransportKind, tuple[str, ...]] = {
    TransportKind.X: ("x_consumer_key", "x_consumer_secret", "x_access_token", "x_access_token_secret"),
    TransportKind.FACEBOOK: ("facebook_page", "facebook_page_token"),
    TransportKind.BLUESKY: ("bluesky_handle", "bluesky_app_password"),
    TransportKind.MASTODON: ("mastodon_url", "mastodon_token"),
    TransportKind.LINKEDIN: ("linkedin_organization", "linkedin_token"),
}


def network_pages(settings: Settings) -> dict[str, str]:
    """Return where each network shows the shop's posts, as far as the settings tell."""
    pages = {
        Channel.FACEBOOK: ("https://www.facebook.com/{}", settings.facebook_page),
        Channel.BLUESKY: ("https://bsky.app/profile/{}", settings.bluesky_handle),
        Channel.MASTODON: ("{}", settings.mastodon_url),
        Channel.LINKEDIN: ("https://www.linkedin.com/company/{}/posts/", settings.linkedin_organization),
    }
    return {str(network): page.format(name) for network, (page, name) in pages.items() if name}


def open_network(
    kind: TransportKind, settings: Settings, values: tuple[str, ...], now: Callable[[], datetime]
) -> MessageTransport:
    """Open the transport to a network; `values` are those of its REQUIRED_SETTINGS.

    Each is imported here, because few shops are on every network.
    """
    limits: dict[str, Any] = {"timeout": settings.timeout, "parallel": settings.concurrency}
    match kind:
        case TransportKind.X:
            from channels.social.x import XTransport

            return XTransport(*values, url=settings.x_url, **limits)
        case TransportKind.FACEBOOK:
            from channels.social.facebook import FacebookTransport

            version = settings.facebook_version
            return FacebookTransport(*values, version=version, url=settings.facebook_url, **limits)
        case TransportKind.BLUESKY:
            from channels.social.bluesky import BlueskyTransport

            return BlueskyTransport(*values, now=now, url=settings.bluesky_url, **limits)
        case TransportKind.MASTODON:
            from channels.social.mastodon import MastodonTransport

            return MastodonTransport(*values, **limits)
        case TransportKind.LINKEDIN:
            from channels.social.linkedin import LinkedInTransport

            limits |= {"url": settings.linkedin_url, "sign_in_url": settings.linkedin_sign_in_url}
            version, app = settings.linkedin_version, _linkedin_app(settings)
            return LinkedInTransport(*values, version=version, now=now, app=app, **limits)
        case _:
            raise ValueError(f"{kind} is no network")


def _linkedin_app(settings: Settings) -> "LinkedInApp | None":
    from channels.social.linkedin_token import LinkedInApp

    if not settings.linkedin_client_id or settings.linkedin_client_secret is None:
        return None
    refresh = settings.linkedin_refresh_token
    secret = settings.linkedin_client_secret.get_secret_value()
    return LinkedInApp(settings.linkedin_client_id, secret, refresh.get_secret_value() if refresh else "")
