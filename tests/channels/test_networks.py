"""What holds for a post on every network, against stand-ins that are as strict as the networks' documentation."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from PIL import Image

from channels.social import mastodon
from channels.social.bluesky_records import record_key
from channels.social.linkedin import little_text, plain_text
from channels.social.posts import find_links
from channels.transport import LookupUnavailable, OutcomeUnknown, PermanentFailure, TemporaryFailure
from models.enums import Channel
from models.messages import LinkCard, Message, Picture
from templates.rendering.network_limits import measure
from tests.channels.test_transports import WAYS as WAYS_OF_PROVIDERS
from tests.channels.test_transports import description, sent
from tests.support.networks import BY_CHANNEL as WAYS
from tests.support.networks import Facebook, LinkedIn, Mastodon, Mishap, open_transport, run_network
from tests.support.networks.linkedin import read_little
from tests.support.networks.mastodon import as_html
from tests.support.provider import Answer

NOW = datetime(2026, 1, 9, 10, 0, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=15)
TEXT = (
    "Wieder da: die Lampe „Ärmel“ (Messing_2) 💡👨‍👩‍👧\n\n"
    "Ab 9.90 € <heute> & *nur* hier: https://shop.example/lampen/a_b?c=1&d=(2), oder fragt @lamps.example.\n"
    "#Lampen #Licht_an {neu} [x] ~ a|b \\ #1"
)
PICTURE = Picture(b"\x89PNG\r\n\x1a\n" + bytes(2000), "image/png", "Eine Lampe aus Messing auf einem Tisch")


@pytest.fixture(params=WAYS)
def channel(request):
    return request.param


def message_for(channel, text=TEXT, **also):
    return Message("p-1", channel, "", text, locale="de_DE", **also)


@asynccontextmanager
async def connected(channel, network=None, **also):
    """Yield a stand-in of a network, and the transport of a shop that is connected to it."""
    async with run_network(network or WAYS[channel](lambda: NOW)) as server:
        transport = open_transport(server, channel, lambda: NOW, **also)
        try:
            yield server, transport
        finally:
            await transport.close()


async def test_a_post_is_there_once_and_reads_as_it_was_written(channel):
    async with connected(channel) as (network, transport):
        receipt = await transport.send(message_for(channel))
    (post,) = network.posts
    assert post.text == TEXT
    assert post.key in receipt.reference
    assert network.refused == []


async def test_a_picture_is_there_with_its_description(channel):
    async with connected(channel) as (network, transport):
        await transport.send(message_for(channel, picture=PICTURE))
    (post,) = network.posts
    assert post.text == TEXT
    assert post.picture.content == PICTURE.content
    assert post.picture.description == PICTURE.description


async def test_a_post_taken_before_the_line_broke_is_found_and_not_repeated(channel):
    async with connected(channel) as (network, transport):
        network.mishaps = [Mishap.DROPPED_AFTER]
        message = message_for(channel)
        with pytest.raises(OutcomeUnknown):
            await transport.send(message)
        found = await transport.lookup(message, SINCE)
        assert await transport.lookup(replace(message, id="p-2", text="Something else"), SINCE) is None
    assert network.posts[0].key in found.reference
    assert len(network.posts) == 1


async def test_a_post_that_never_came_is_told_as_never_taken_and_can_be_sent_again(channel):
    async with connected(channel) as (network, transport):
        network.mishaps = [Mishap.DROPPED_BEFORE]
        message = message_for(channel)
        with pytest.raises(OutcomeUnknown):
            await transport.send(message)
        assert await transport.lookup(message, SINCE) is None
        await transport.send(message)
    assert len(network.posts) == 1


async def test_lines_that_a_browser_ends_by_two_characters_are_ended_by_one(channel):
    async with connected(channel) as (network, transport):
        network.mishaps = [Mishap.DROPPED_AFTER]
        message = message_for(channel, "Back:\r\nthe lamp.\r\n\r\nSee you! \r\n")
        with pytest.raises(OutcomeUnknown):
            await transport.send(message)
        assert await transport.lookup(message, SINCE) is not None
    assert [post.text for post in network.posts] == ["Back:\nthe lamp.\n\nSee you!"]


async def test_a_post_of_a_link_alone_is_not_taken_for_another_one(channel):
    async with connected(channel) as (_, transport):
        await transport.send(message_for(channel, "https://shop.example/a"))
        other = replace(message_for(channel, "https://shop.example/b"), id="p-2")
        assert await transport.lookup(other, SINCE) is None


@pytest.mark.parametrize("channel", [channel for channel in WAYS if channel is not Channel.BLUESKY])
async def test_the_same_words_of_last_week_are_not_taken_for_this_post(channel):
    clock = [NOW - timedelta(days=7)]
    async with connected(channel, WAYS[channel](lambda: clock[0])) as (network, transport):
        await transport.send(message_for(channel))
        clock[0] = NOW
        await transport.send(replace(message_for(channel, "Something else"), id="p-2"))
        assert await transport.lookup(message_for(channel), SINCE) is None
        assert await transport.lookup(message_for(channel), NOW - timedelta(days=8)) is not None
    assert len(network.posts) == 2


async def test_a_post_is_found_behind_many_others(channel):
    async with connected(channel) as (network, transport):
        await transport.send(message_for(channel))
        for n in range(130):
            network.posts.append(replace(network.posts[0], key=f"9{n:04}", text=f"Post {n}"))
            if channel is Channel.LINKEDIN:
                network.posts[-1] = replace(network.posts[-1], told={"commentary": f"Post {n}"})
        if channel in (Channel.X, Channel.MASTODON):  # whose pages go by the number of a post
            for n, post in enumerate(network.posts):
                network.posts[n] = replace(post, key=str(n + 1))
        found = await transport.lookup(message_for(channel), SINCE)
    assert network.posts[0].key in found.reference


async def test_a_search_on_facebook_ends_where_it_does_not_say_how_to_go_on():
    async with connected(Channel.FACEBOOK) as (network, transport):
        await transport.send(message_for(Channel.FACEBOOK))
        network.posts += [replace(network.posts[0], key=f"9{n:04}", text=f"Post {n}") for n in range(130)]
        network.pages_by_time = True
        with pytest.raises(TemporaryFailure, match="more posts"):
            async with asyncio.timeout(5):
                await transport.lookup(message_for(Channel.FACEBOOK), SINCE)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(429, {}), TemporaryFailure),
        (Answer(500, {}), OutcomeUnknown),
        (Answer(502, {}), OutcomeUnknown),
        (Answer(400, {}), PermanentFailure),
        (Answer(401, {}), TemporaryFailure),
        (Answer(302, {}, {"Location": "/elsewhere"}), TemporaryFailure),
    ],
    ids=lambda value: getattr(value, "status", None),
)
async def test_each_answer_is_one_of_the_three_outcomes(channel, answer, kind):
    async with connected(channel) as (network, transport):
        network.mishaps = [answer]
        with pytest.raises(kind) as outcome:
            await transport.send(message_for(channel))
    assert network.posts == []
    assert getattr(outcome.value, "channel_down", False) is (answer.status in (302, 401))


async def test_a_wrong_token_stops_the_channel_and_posts_nothing(channel):
    async with connected(channel) as (network, transport):
        network.TOKEN = network.PASSWORD = "another"
        for asked in (transport.check(), transport.send(message_for(channel))):
            with pytest.raises(TemporaryFailure) as outcome:
                await asked
            assert outcome.value.channel_down
    assert network.posts == []


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        (Channel.X, "the account is @lamps"),
        (Channel.FACEBOOK, "the page is Lamps"),
        (Channel.BLUESKY, "the account is @lamps.example"),
        (Channel.MASTODON, "the account is @lamps@127.0.0.1"),
        (Channel.LINKEDIN, "the posts of urn:li:organization:2000 may be read"),
    ],
)
async def test_a_check_says_who_posts_and_posts_nothing(channel, said):
    async with connected(channel) as (network, transport):
        assert said in await transport.check()
    assert network.posts == []


@pytest.mark.parametrize("channel", [Channel.BLUESKY, Channel.MASTODON, Channel.LINKEDIN])
async def test_a_post_that_is_too_long_is_refused_with_the_networks_sentence(channel):
    text = "a" * (measure(channel, "").limit + 1)
    async with connected(channel) as (network, transport):
        with pytest.raises(PermanentFailure, match=r"maximum|limit"):
            await transport.send(message_for(channel, text))
    assert network.posts == []


@pytest.mark.parametrize("mishap", [Mishap.DROPPED_BEFORE, Mishap.DROPPED_AFTER, Answer(503, {}), Answer(429, {})])
async def test_a_picture_that_may_not_have_come_is_sent_again_with_its_post(channel, mishap):
    async with connected(channel) as (network, transport):
        # A PUT over a connection that was kept alive is repeated by aiohttp itself, because that does the same twice.
        network.upload_mishaps = [mishap] * (2 if channel is Channel.LINKEDIN and isinstance(mishap, Mishap) else 1)
        with pytest.raises(TemporaryFailure):
            await transport.send(message_for(channel, picture=PICTURE))
        assert network.posts == []
        await transport.send(message_for(channel, picture=PICTURE))
    assert len(network.posts) == 1


@pytest.mark.parametrize("picture", [replace(PICTURE, kind="image/tiff"), replace(PICTURE, content=bytes(20_000_000))])
async def test_a_picture_that_a_network_does_not_take_is_refused_before_it_is_sent(channel, picture):
    async with connected(channel) as (network, transport):
        with pytest.raises(PermanentFailure, match="picture"):
            await transport.send(message_for(channel, picture=picture))
    assert network.posts == []
    assert not any("media" in asked or "photos" in asked for asked in network.asked)


@pytest.mark.parametrize(
    ("channel", "headers", "seconds"),
    [
        (Channel.MASTODON, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-01-09T10:15:00.000000Z"}, 900),
        (Channel.BLUESKY, {"RateLimit-Remaining": "0", "RateLimit-Reset": "1767953760"}, 960),
        (Channel.BLUESKY, {"RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, 30),
        (Channel.LINKEDIN, {"Retry-After": "60"}, 60),
        (Channel.FACEBOOK, {}, None),
    ],
)
async def test_a_limit_says_when_to_try_again(channel, headers, seconds):
    async with connected(channel) as (network, transport):
        network.mishaps = [Answer(429, {}, headers | {"Date": "Fri, 09 Jan 2026 10:00:00 GMT"})]
        with pytest.raises(TemporaryFailure) as outcome:
            await transport.send(message_for(channel))
    assert outcome.value.retry_after == (None if seconds is None else timedelta(seconds=seconds))


async def test_bluesky_is_told_where_links_tags_and_names_are_in_bytes():
    async with connected(Channel.BLUESKY) as (network, transport):
        await transport.send(message_for(Channel.BLUESKY))
    told = network.posts[0].told
    shown = [
        TEXT.encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode() for facet in told["facets"]
    ]
    link = "https://shop.example/lampen/a_b?c=1&d=(2)"
    assert sorted(shown) == ["#Lampen", "#Licht_an", "@lamps.example", link]
    assert told["langs"] == ["de-DE"]
    assert told["embed"]["external"] == {"uri": link, "title": "shop.example/lampen/a_b", "description": ""}


async def test_bluesky_is_told_how_wide_and_high_a_picture_is():
    drawn = BytesIO()
    Image.new("RGB", (40, 30), "red").save(drawn, "JPEG")
    async with connected(Channel.BLUESKY) as (network, transport):
        picture = Picture(drawn.getvalue(), "image/jpeg", "A red lamp")
        await transport.send(message_for(Channel.BLUESKY, picture=picture))
    assert network.posts[0].told["embed"]["images"][0]["aspectRatio"] == {"width": 40, "height": 30}


async def test_the_card_of_a_link_has_the_title_that_is_known():
    card = LinkCard("https://shop.example/lamp", "Brass lamp", "Lamps of Lisbon")
    for channel in (Channel.BLUESKY, Channel.LINKEDIN):
        async with connected(channel) as (network, transport):
            await transport.send(message_for(channel, card=card))
        assert "Brass lamp" in str(network.posts[0].told)


async def test_bluesky_renews_a_session_that_has_expired():
    async with connected(Channel.BLUESKY) as (network, transport):
        await transport.check()
        network.expire()
        await transport.send(message_for(Channel.BLUESKY))
        network.expire(refresh=True)
        await transport.send(replace(message_for(Channel.BLUESKY), id="p-2"))
    assert len(network.posts) == 2
    assert network.sessions == 3
    assert [path for path in network.asked if "Session" in path] == [
        "POST /xrpc/com.atproto.server.createSession",
        "POST /xrpc/com.atproto.server.refreshSession",
        "POST /xrpc/com.atproto.server.refreshSession",
        "POST /xrpc/com.atproto.server.createSession",
    ]


async def test_bluesky_is_signed_in_to_once_for_many_posts():
    async with connected(Channel.BLUESKY) as (network, transport):
        many = [replace(message_for(Channel.BLUESKY), id=f"p-{n}") for n in range(8)]
        await asyncio.gather(*map(transport.send, many))
        network.expire()
        await asyncio.gather(*(transport.send(replace(one, id=f"{one.id}-again")) for one in many))
    assert (len(network.posts), network.sessions) == (16, 2)


async def test_the_same_message_is_one_record_on_bluesky_even_if_it_is_sent_twice():
    async with connected(Channel.BLUESKY) as (network, transport):
        await transport.send(message_for(Channel.BLUESKY))
        with pytest.raises(OutcomeUnknown):
            await transport.send(message_for(Channel.BLUESKY))
        assert await transport.lookup(message_for(Channel.BLUESKY), SINCE) is not None
    assert len(network.posts) == 1


def test_keys_of_records_are_tids_of_the_past_and_never_the_same():
    keys = {record_key(f"p-{n}") for n in range(20_000)}
    assert len(keys) == 20_000
    assert all("3kh" <= key[:3] <= "3lf" for key in keys)


async def test_mastodon_answers_a_repeated_post_with_the_first_one():
    async with connected(Channel.MASTODON) as (network, transport):
        first = await transport.send(message_for(Channel.MASTODON))
        assert await transport.send(message_for(Channel.MASTODON)) == first
    assert len(network.posts) == 1
    assert network.posts[0].told["language"] == "de"


async def test_a_post_on_mastodon_waits_until_the_server_has_worked_on_its_picture(monkeypatch):
    monkeypatch.setattr(mastodon, "WAIT_SECONDS", 0)
    async with connected(Channel.MASTODON, Mastodon(lambda: NOW, works=3)) as (network, transport):
        await transport.send(message_for(Channel.MASTODON, picture=PICTURE))
        network.works = 1000
        with pytest.raises(TemporaryFailure, match="still working"):
            await transport.send(replace(message_for(Channel.MASTODON, picture=PICTURE), id="p-2"))
    assert len(network.posts) == 1


async def test_a_server_of_mastodon_says_how_much_it_takes():
    async with connected(Channel.MASTODON, Mastodon(lambda: NOW, most=5000)) as (_, transport):
        assert await transport.most_characters() == 5000
        assert "5,000 characters" in await transport.check()


@pytest.mark.parametrize(
    "text",
    [
        "Ask @lamps@social.example or @lamps.\n\nA\nB",
        "https://www.shop.example/" + "a" * 60 + " <b> & 'c' \"d\"",
        "#tag",
    ],
)
async def test_a_post_on_mastodon_is_found_by_its_words_whatever_the_html(text):
    assert text not in as_html(text)
    async with connected(Channel.MASTODON) as (network, transport):
        network.mishaps = [Mishap.DROPPED_AFTER]
        message = message_for(Channel.MASTODON, text)
        with pytest.raises(OutcomeUnknown):
            await transport.send(message)
        assert (await transport.lookup(message, SINCE)).reference == "1"


@pytest.mark.parametrize("channel", [Channel.X, Channel.FACEBOOK, Channel.LINKEDIN])
async def test_words_that_the_network_refuses_as_posted_already_count_as_posted(channel):
    async with connected(channel) as (network, transport):
        first = await transport.send(message_for(channel))
        again = await transport.send(message_for(channel))
    assert len(network.posts) == 1
    assert again.detail["status"] == "already there"
    assert again.reference in ("", first.reference)


async def test_a_persons_token_is_not_a_pages_token():
    async with connected(Channel.FACEBOOK, Facebook(lambda: NOW, person=True)) as (network, transport):
        with pytest.raises(TemporaryFailure, match="the token is that of Eva, not of the page 1000") as outcome:
            await transport.check()
        assert outcome.value.channel_down
        with pytest.raises(TemporaryFailure, match="Requires a page access token") as outcome:
            await transport.send(message_for(Channel.FACEBOOK))
        assert outcome.value.channel_down
    assert network.posts == []


async def test_facebook_draws_the_card_of_the_first_link():
    async with connected(Channel.FACEBOOK) as (network, transport):
        await transport.send(message_for(Channel.FACEBOOK))
    assert network.posts[0].told["link"] == "https://shop.example/lampen/a_b?c=1&d=(2)"


@pytest.mark.parametrize(
    ("channel", "given", "named"),
    [
        (Channel.FACEBOOK, {"facebook_version": "v1.0"}, "/v1.0"),
        (Channel.LINKEDIN, {"linkedin_version": "202001"}, "202001 is not active"),
    ],
)
async def test_a_version_that_is_not_served_stops_the_channel_and_is_named(channel, given, named):
    async with connected(channel, **given) as (network, transport):
        with pytest.raises(TemporaryFailure, match=named) as outcome:
            await transport.send(message_for(channel))
    assert outcome.value.channel_down
    assert network.posts == []


async def test_a_token_that_may_post_and_not_read_is_told_as_such():
    async with connected(Channel.LINKEDIN, LinkedIn(lambda: NOW, reads=False)) as (network, transport):
        with pytest.raises(LookupUnavailable):
            await transport.check()
        await transport.send(message_for(Channel.LINKEDIN))
    assert len(network.posts) == 1


@pytest.mark.parametrize(
    "text", [TEXT, "#a#b", "a_b*c~(d)", "\\#x", "{hashtag|#|x}", "@[Lamps](urn:li:organization:1)", "C# #9"]
)
def test_a_text_for_linkedin_reads_as_it_is(text):
    assert read_little(little_text(text)) == text
    assert plain_text(little_text(text)) == text


def test_hashtags_are_hashtags_on_linkedin_and_nothing_else_is():
    assert little_text("#Licht_an: a#b #1") == r"{hashtag|\#|Licht\_an}: a\#b \#1"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://a.example.", ["https://a.example"]),
        ("(https://a.example/b_(c))", ["https://a.example/b_(c)"]),
        ("“https://a.example/é?x=1&y=2#z”, https://b.example!", ["https://a.example/é?x=1&y=2#z", "https://b.example"]),
        ("http:// a.example x@b.example", []),
    ],
)
def test_a_link_ends_before_the_full_stop_or_bracket_that_follows_it(text, links):
    assert [text[begin:end] for begin, end in find_links(text)] == links


# openapi-core knows no OAuth; the signature is not part of the description's schema
@pytest.mark.filterwarnings("ignore:Unsupported scheme type:UserWarning")
async def test_a_picture_on_x_is_sent_as_its_official_description_asks_for(provider):
    from openapi_core.testing import MockRequest

    taken = [Answer(200, {"data": {"id": "9"}}), Answer(200, {"data": {"id": "9"}}), Answer(201, {"data": {"id": "1"}})]
    provider.answer_with(*taken)
    await sent(WAYS_OF_PROVIDERS["x"], provider, *taken, message=message_for(Channel.X, picture=PICTURE))
    assert [asked.path for asked in provider.requests] == ["/2/media/upload", "/2/media/metadata", "/2/tweets"]
    for asked in provider.requests:
        headers = {name: value for name, value in asked.headers.items() if name != "Host"}
        request = MockRequest(
            "https://api.x.com", "post", asked.path, headers=headers, data=asked.body, content_type="application/json"
        )
        description("x/openapi.json", asked.path).validate_request(request)


LINKEDIN_APP = {"linkedin_client_id": "app", "linkedin_client_secret": "secret"}
REFRESH = LINKEDIN_APP | {"linkedin_refresh_token": "refresh"}


@asynccontextmanager
async def linkedin_app(**settings):
    """Yield LinkedIn with its sign-in on the same stand-in, and the transport of a shop that has an app there."""
    async with run_network(LinkedIn(lambda: NOW)) as network:
        transport = open_transport(network, Channel.LINKEDIN, lambda: NOW, linkedin_sign_in_url=network.url, **settings)
        try:
            yield network, transport
        finally:
            await transport.close()


async def test_a_token_of_linkedin_that_has_ended_is_renewed_and_the_post_is_there_once():
    async with linkedin_app(**REFRESH) as (network, transport):
        network.has_ended = True
        await asyncio.gather(transport.send(message_for(Channel.LINKEDIN, picture=PICTURE)), transport.check())
        assert len(network.posts) == 1
        assert network.asked.count("POST /oauth/v2/accessToken") == 2  # of the post, and of the check


@pytest.mark.parametrize("settings", [{}, LINKEDIN_APP, REFRESH | {"linkedin_refresh_token": "ended"}])
async def test_a_token_of_linkedin_that_cannot_be_renewed_stops_the_channel_and_nothing_is_in_doubt(settings):
    async with linkedin_app(**settings) as (network, transport):
        network.has_ended = True
        with pytest.raises(TemporaryFailure) as failure:
            await transport.send(message_for(Channel.LINKEDIN))
        assert failure.value.channel_down
        assert network.posts == []


@pytest.mark.parametrize(
    ("settings", "days", "says", "warns"),
    [
        ({}, 40, "", ""),
        (LINKEDIN_APP, 40, "in 40 days", ""),
        (LINKEDIN_APP, 14, "in 14 days", "FOREWARN_LINKEDIN_TOKEN"),
        (REFRESH, 300, "it is renewed by itself until", ""),
        (REFRESH, 9, "for 9 more days", "FOREWARN_LINKEDIN_REFRESH_TOKEN"),
    ],
)
async def test_a_token_of_linkedin_says_how_long_it_holds(settings, days, says, warns):
    async with linkedin_app(**settings) as (network, transport):
        network.ends = days
        assert says in await transport.check()
        assert warns in transport.warning
        assert bool(warns) == bool(transport.warning)
