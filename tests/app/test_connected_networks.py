"""A shop that is on every network, on some, or on none."""

from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from app.composition import App
from app.health.providers import check_credentials, check_transports
from app.live_channels import channels_not_live
from app.transports import closed_channels, configured_transports, open_transports, reaches_customers
from models.config.settings import GivenSettings
from models.config.shop import ShopFolder
from models.enums import NETWORKS, Channel
from models.errors import ForewarnError
from models.messages import Message, Picture
from tests.support.networks import ALL, serve_network

PICTURE = Picture(b"\x89PNG\r\n\x1a\n", "image/png", "A lamp")


@pytest.fixture
def folder(context, tmp_path):
    return ShopFolder(tmp_path, context.shop, context.policy)


@pytest.fixture
def networks():
    with ExitStack() as stack:
        yield [stack.enter_context(serve_network(kind())) for kind in ALL]


def settings_of(networks, **also):
    given = {name: value for network in networks for name, value in network.settings().items()} | also
    return GivenSettings(**{name.removeprefix("FOREWARN_").lower(): value for name, value in given.items()})


def test_doctor_signs_in_to_each_connected_network_and_posts_nothing(networks, folder):
    settings = settings_of(networks)
    found = {check.what: check for check in (*check_transports(settings, folder), *check_credentials(settings, folder))}
    for network in NETWORKS:
        assert not found[f"transport {network}"].bad
        assert not found[f"provider {network}"].bad
    assert "@lamps.example" in found["provider bluesky"].found
    assert all(network.posts == [] for network in networks)


def test_doctor_names_what_a_network_lacks_and_says_nothing_of_one_that_is_off(folder):
    settings = GivenSettings(mastodon="mastodon")
    found = {check.what: check for check in check_transports(settings, folder)}
    assert found["transport mastodon"].bad
    assert found["transport mastodon"].remedy == "set FOREWARN_MASTODON_URL, FOREWARN_MASTODON_TOKEN"
    assert not {"transport facebook", "transport bluesky", "transport linkedin"} & found.keys()
    assert check_credentials(settings, folder) == []


def test_a_network_of_another_network_is_refused():
    with pytest.raises(
        ForewarnError, match="FOREWARN_BLUESKY: mastodon does not send this channel; use off, outbox or"
    ):
        configured_transports(GivenSettings(bluesky="mastodon"))


@pytest.mark.parametrize("url", ["http://social.example", "social.example", "https://a@social.example"])
def test_a_token_goes_to_no_server_without_encryption(url):
    with pytest.raises(ValueError, match=r"mastodon\.social is right"):
        GivenSettings(mastodon_url=url)


def test_a_connected_network_publishes_nothing_before_go_live_and_nothing_in_a_trial(networks, folder, context):
    settings = settings_of(networks)
    assert set(reaches_customers(settings)) == set(NETWORKS)
    assert set(channels_not_live(App(settings, folder, context))) == set(NETWORKS)
    trial = settings_of(networks, redirect_email="eva@shop.example")
    assert reaches_customers(trial) == {}
    assert set(closed_channels(trial, folder.shop.sender)) >= set(NETWORKS)


async def test_a_network_can_be_tried_by_the_local_outbox_with_its_picture(folder, context, tmp_path):
    app = App(GivenSettings(bluesky="outbox", outbox_dir=tmp_path / "out"), folder, context)
    async with open_transports(app, lambda: datetime.now(UTC)) as (transports, closed):
        assert Channel.BLUESKY in transports
        assert set(closed) == {"facebook", "mastodon", "linkedin"}
        receipt = await transports[Channel.BLUESKY].send(
            Message("p-1", Channel.BLUESKY, "", "The kettle is back.", picture=PICTURE)
        )
    assert receipt.trial
    (kept,) = (tmp_path / "out").glob("bluesky/*/p-1.picture")
    assert kept.read_bytes() == PICTURE.content
