"""A request to X is signed for the address that is called, at the host in X's official description."""

import base64
import hashlib
import hmac
import inspect
import json
from datetime import timedelta
from urllib.parse import parse_qsl, quote, unquote

import pytest

from channels.social.x import XTransport
from models.config.settings import Settings
from tests.channels.test_transports import NOW, POST, SPECS, WAYS
from tests.support.provider import ProviderRecords

SECRETS = "planted-consumer-secret&planted-access-secret"


def signature(asked, base):
    """Return the signature of a request by RFC 5849, section 3.4, for the server at `base`."""
    path, _, query = asked.path.partition("?")
    signed = [pair for pair in oauth(asked).items() if pair[0] != "oauth_signature"] + parse_qsl(query)
    escaped = "&".join("=".join(pair) for pair in sorted((quote(k, ""), quote(v, "")) for k, v in signed))
    text = "&".join(quote(part, "") for part in (asked.method, f"{base}{path}", escaped))
    return base64.b64encode(hmac.digest(SECRETS.encode(), text.encode(), hashlib.sha1)).decode()


def oauth(asked):
    """Return the OAuth parameters of a request."""
    pairs = asked.headers["Authorization"].removeprefix("OAuth ").split(",")
    return {name.strip(): unquote(value.strip('"')) for name, _, value in (pair.partition("=") for pair in pairs)}


async def test_every_request_is_signed_for_the_address_that_is_called(provider):
    provider.records = ProviderRecords(NOW)
    transport = WAYS["x"].transport(provider.url)
    await transport.send(POST)
    assert (await transport.lookup(POST, NOW - timedelta(minutes=15))).reference == "1"
    await transport.close()
    assert [one.method for one in provider.requests] == ["POST", "GET", "GET"]
    assert "?" in provider.requests[2].path
    for one in provider.requests:
        assert oauth(one)["oauth_signature"] == signature(one, provider.url)
        assert oauth(one)["oauth_signature"] != signature(one, "https://api.twitter.com")


async def test_no_two_requests_have_the_same_nonce(provider):
    provider.records = ProviderRecords(NOW)
    transport = WAYS["x"].transport(provider.url)
    for _ in range(3):
        await transport.send(POST)
    await transport.close()
    assert len({oauth(one)["oauth_nonce"] for one in provider.requests}) == 3


def test_posts_go_to_the_host_in_the_official_description():
    file = SPECS / WAYS["x"].spec
    if not file.is_file():
        pytest.skip(f"the official description {WAYS['x'].spec} is not beside the project")
    (server,) = json.loads(file.read_text())["servers"]
    assert Settings.model_fields["x_url"].default == server["url"]
    assert inspect.signature(XTransport).parameters["url"].default == server["url"]
