"""Networks on loopback that take posts as their documentation says: see `server.py` for how tests use them."""

from tests.support.networks.bluesky import Bluesky
from tests.support.networks.facebook import Facebook
from tests.support.networks.linkedin import LinkedIn
from tests.support.networks.mastodon import Mastodon
from tests.support.networks.server import Mishap, Network, Post, run_network, serve_network
from tests.support.networks.x import X

ALL = (X, Facebook, Bluesky, Mastodon, LinkedIn)
__all__ = (
    "ALL",
    "Bluesky",
    "Facebook",
    "LinkedIn",
    "Mastodon",
    "Mishap",
    "Network",
    "Post",
    "X",
    "run_network",
    "serve_network",
)
