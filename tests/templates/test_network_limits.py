"""How long a post is on each network."""

import pytest

from models.enums import NETWORKS, Channel
from templates.rendering.network_limits import Measure, measure

FAMILY = "👨‍👩‍👧‍👦"
LINK = "https://shop.example/products/brass-desk-lamp?colour=brass&ref=post"


@pytest.mark.parametrize(
    ("network", "text", "expected"),
    [
        (Channel.X, f"Back: {LINK}", Measure(29, 280)),
        (Channel.X, FAMILY, Measure(2, 280)),
        (Channel.BLUESKY, f"Back: {LINK}", Measure(6 + len(LINK), 300)),
        (Channel.BLUESKY, FAMILY * 119, Measure(119, 300)),
        (Channel.BLUESKY, FAMILY * 121, Measure(121 * 25, 3000, "bytes")),
        (Channel.BLUESKY, "a\u0301\r\n🇵🇹", Measure(3, 300)),
        (Channel.MASTODON, f"Back: {LINK}", Measure(29, 500)),
        (Channel.MASTODON, f"{LINK} {LINK}", Measure(47, 500)),
        (Channel.MASTODON, f"Ask @lamps@social.example {FAMILY}.", Measure(len("Ask @lamps ") + 2, 500)),
        (Channel.MASTODON, "mail lamps@shop.example, see shop.example", Measure(41, 500)),
        (Channel.FACEBOOK, "💡" * 3, Measure(6, 63_206)),
        (Channel.LINKEDIN, f"Back: {LINK}", Measure(6 + len(LINK), 3000)),
    ],
)
def test_a_post_is_measured_as_its_network_does(network, text, expected):
    assert measure(network, text) == expected


@pytest.mark.parametrize("network", NETWORKS)
def test_a_post_of_the_longest_length_fits_and_one_more_character_does_not(network):
    limit = measure(network, "").limit
    assert measure(network, "a" * limit).fits
    assert not measure(network, "a" * (limit + 1)).fits


def test_a_mastodon_server_may_have_another_limit():
    assert measure(Channel.MASTODON, "a" * 900, 1000) == Measure(900, 1000)
