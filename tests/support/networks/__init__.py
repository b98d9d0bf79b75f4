"""Networks on loopback that take posts as their documentation says: see `server.py` for how tests use them."""

from collections.abc import Callable
from datetime import datetime

from app.network_transports import NETWORK_KINDS, REQUIRED_SETTINGS, open_network
from channels.transport import MessageTransport
from models.config.settings import GivenSettings
from models.enums import NETWORKS, Channel
from tests.support.networks.bluesky import Bluesky
from tests.support.networks.facebook import Facebook
from tests.support.networks.linkedin import LinkedIn
from tests.support.networks.mastodon import Mastodon
from tests.support.networks.server import Mishap, Network, Post, run_network, serve_network
from tests.support.networks.x import X

ALL = (X, Facebook, Bluesky, Mastodon, LinkedIn)
BY_CHANNEL = dict(zip(NETWORKS, ALL, strict=True))
TIMEOUT = 2
__all__ = (
    "ALL",
    "BY_CHANNEL",
    "Bluesky",
    "Facebook",
    "LinkedIn",
    "Mastodon",
    "Mishap",
    "Network",
    "Post",
    "X",
    "open_transport",
    "run_network",
    "serve_network",
)


def open_transport(network: Network, channel: Channel, now: Callable[[], datetime], **also: str) -> MessageTransport:
    """Open the transport of a shop that is connected to a stand-in; `also` are further settings."""
    kind = NETWORK_KINDS[channel]
    given = {name.removeprefix("FOREWARN_").lower(): value for name, value in network.settings().items()}
    settings = GivenSettings(**given | also, timeout=TIMEOUT)
    values = [getattr(settings, name) for name in REQUIRED_SETTINGS[kind]]
    plain = tuple(str(getattr(value, "get_secret_value", lambda value=value: value)()) for value in values)
    return open_network(kind, settings, plain, now)
