"""Which transports are opened: those of the channels that the work needs."""

import gc
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from app.composition import App
from app.transports import open_transports
from app.vendor_transports import open_vendor_transports
from channels.sms.twilio import TwilioTransport
from channels.social.x import XTransport
from models.config.settings import GivenSettings, TransportKind
from models.config.shop import ShopFolder
from models.enums import DIRECT, NETWORKS, Channel
from tasks.purchasing.vendors import VendorFacts

SECRET = SecretStr("planted")


@pytest.fixture
def app(context, tmp_path):
    settings = GivenSettings(
        shop=tmp_path,
        home=tmp_path,
        sms=TransportKind.TWILIO,
        x=TransportKind.X,
        twilio_account_sid=SECRET,
        twilio_auth_token=SECRET,
        twilio_from="+4915100000000",
        x_consumer_key=SECRET,
        x_consumer_secret=SECRET,
        x_access_token=SECRET,
        x_access_token_secret=SECRET,
    )
    return App(settings, ShopFolder(tmp_path, context.shop, context.policy), context)


def opened(but=()):
    known = set(map(id, but))
    return [
        found for found in gc.get_objects() if type(found) in (TwilioTransport, XTransport) and id(found) not in known
    ]


def now():
    return datetime.now(UTC)


async def test_each_channel_has_the_transport_that_is_set(app):
    before = opened()
    async with open_transports(app, now) as (transports, closed):
        assert set(transports) == {*DIRECT, Channel.X}
        assert set(closed) == set(NETWORKS) - {Channel.X}
        assert closed["bluesky"] == "Bluesky is off: FOREWARN_BLUESKY connects it"
        assert {type(transport) for transport in opened(before)} == {TwilioTransport, XTransport}


async def test_mail_to_vendors_opens_no_transport_for_texts_or_posts(app):
    before = opened()
    vendor = VendorFacts("v1", "Vendor", "orders@vendor.example.com")
    async with open_vendor_transports(app, {"v1": vendor}, now) as (transports, closed):
        assert (set(transports), closed) == ({"v1"}, {})
        assert opened(before) == []
